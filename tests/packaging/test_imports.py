from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mersalg
from toy_bundle import write_bundle

FORBIDDEN = {
    "onnx",
    "pandas",
    "pyarrow",
    "mlflow",
    "duckdb",
    "scipy",
    "sklearn",
    "lightgbm",
    "pydantic",
    "mersalg_service",
    "mersalg_training",
}


def modules_after(code: str) -> set[str]:
    """The top-level modules outside the standard library that a fresh interpreter holds after the code."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tops = {name.split(".")[0] for name in done.stderr.split()}
    return {name for name in tops if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_importing_mersalg_loads_nothing_but_itself() -> None:
    assert modules_after("import mersalg; mersalg.MersalgError, mersalg.KINDS, mersalg.__version__") == {"mersalg"}


def test_loading_a_bundle_loads_numpy_and_onnxruntime_and_none_of_the_rest(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "toy")
    loaded = modules_after(f"from mersalg import load; load({str(folder)!r}).recommend()")
    assert loaded & {"numpy", "onnxruntime"} == {"numpy", "onnxruntime"}
    assert not loaded & FORBIDDEN


@pytest.mark.parametrize("command", ["recommend", "score", "policy"])
def test_help_of_the_loader_loads_nothing_but_the_loader(command: str) -> None:
    assert modules_after_help(command) == {"mersalg"}


@pytest.mark.parametrize("command", ["serve", "follow-up", "ledger", "playground"])
def test_help_of_the_service_loads_the_service_alone_and_nothing_that_it_needs(command: str) -> None:
    assert modules_after_help(command) == {"mersalg", "mersalg_service"}


def modules_after_help(command: str) -> set[str]:
    """What a fresh interpreter holds when a command has explained itself."""
    return modules_after(
        f"from mersalg.cli import main\ntry:\n    main([{command!r}, '--help'])\nexcept SystemExit:\n    pass"
    )


def test_inspect_needs_no_onnxruntime(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "toy")
    assert modules_after(f"from mersalg.cli import main; main(['inspect', {str(folder)!r}])") == {"mersalg"}


def test_the_public_surface_is_what_is_written_down() -> None:
    assert set(dir(mersalg)) == set(mersalg.__all__)
    for name in mersalg.__all__:
        assert getattr(mersalg, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        _ = mersalg.train


def test_every_error_is_a_mersalg_error() -> None:
    for error in (
        mersalg.BundleError,
        mersalg.RequestError,
        mersalg.ConfigError,
        mersalg.DataError,
        mersalg.LedgerError,
    ):
        assert issubclass(error, mersalg.MersalgError)


def test_training_shows_its_figures_and_loads_nothing_before_they_are_used() -> None:
    assert modules_after("import mersalg_training") == {"mersalg_training"}
    import mersalg_training

    assert dir(mersalg_training) == ["Evaluation"]
    assert mersalg_training.Evaluation.__name__ == "Evaluation"
    with pytest.raises(AttributeError, match="no attribute 'train_all'"):
        _ = mersalg_training.train_all
