from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mersalg import MersalgError
from mersalg.errors import ConfigError
from mersalg.ids import id_text
from mersalg_service.experiment import HOLD_OUT, Experiment, read_experiment

KEY = b"sixteen bytes at least"
ARMS = {HOLD_OUT: 0.1, "champion": 0.6, "challenger": 0.3}
UNITS = [f"customer-{number}" for number in range(20_000)]


def experiment(arms: dict[str, float] | None = None, **changes: object) -> Experiment:
    values: dict[str, object] = {"name": "spring", "key": KEY, **changes}
    return Experiment(arms=arms or ARMS, **values)  # type: ignore[arg-type]


def arms_of(found: Experiment, units: list[str] = UNITS) -> list[str]:
    return [found.assign(unit).arm for unit in units]


def test_every_arm_has_its_share_of_the_units() -> None:
    counts = Counter(arms_of(experiment()))
    for arm, share in ARMS.items():
        assert counts[arm] / len(UNITS) == pytest.approx(share, abs=5 * (share * (1 - share) / len(UNITS)) ** 0.5)


def test_another_process_assigns_the_same() -> None:
    program = (
        "from mersalg_service.experiment import Experiment\n"
        f"e = Experiment('spring', {ARMS!r}, {KEY!r})\n"
        "print(*[e.assign(f'customer-{n}').arm for n in range(200)])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == arms_of(experiment(), UNITS[:200])


def test_the_written_rule_gives_these_numbers() -> None:
    """Fixed for ever: a change would move customers between the arms of running experiments."""
    found = experiment()
    assert found.uniform("champion", "customer-1") == VECTOR["champion"]
    assert found.uniform(HOLD_OUT, "Zoë") == VECTOR["hold-out, Zoë"]


VECTOR = {"champion": 0.04108073078177882, "hold-out, Zoë": 0.39812824340290837}


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_hold_out_that_changes_moves_no_unit_that_it_need_not(share: float) -> None:
    rest = {"champion": (1 - share) * 2 / 3, "challenger": (1 - share) / 3}
    before, after = arms_of(experiment()), arms_of(experiment({HOLD_OUT: share, **rest}))
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    if share > ARMS[HOLD_OUT]:
        assert all(b == HOLD_OUT for _, b in moved)
    else:
        assert all(a == HOLD_OUT for a, _ in moved)
    assert len(moved) / len(UNITS) == pytest.approx(abs(share - ARMS[HOLD_OUT]), abs=0.01)


def test_another_name_or_key_draws_independently() -> None:
    first = arms_of(experiment())
    for other in (experiment(name="summer"), experiment(key=KEY + b"!")):
        both = sum(a == b == HOLD_OUT for a, b in zip(first, arms_of(other), strict=True))
        assert both / len(UNITS) == pytest.approx(0.01, abs=0.004)


@given(unit=st.text(min_size=1), share=st.floats(0.0, 1.0))
def test_every_unit_has_one_arm_with_a_share_above_zero(unit: str, share: float) -> None:
    assume(id_text(unit))
    found = experiment({HOLD_OUT: share, "champion": 1.0 - share}).assign(unit)
    assert found.share is not None
    assert found.share > 0.0


def test_a_request_without_the_id_is_refused_or_gets_the_arm_for_it() -> None:
    with pytest.raises(MersalgError, match="without customer_id cannot be assigned"):
        experiment().assign(None)
    outside = experiment(without_unit="champion").assign(None)
    assert (outside.arm, outside.share) == ("champion", None)


def test_the_key_is_in_no_text_of_the_experiment() -> None:
    assert "sixteen" not in repr(experiment())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"arms": {"champion": 1.0}}, "at least two arms"),
        ({"arms": {HOLD_OUT: 0.5, "champion": 0.6}}, "sum to 1, got 1.1"),
        ({"arms": {HOLD_OUT: -0.5, "champion": 1.5}}, "a share from 0 to 1"),
        ({"key": b"short"}, "at least 16 bytes"),
        ({"unit": "visit"}, "unit: expected one of customer, order"),
        ({"shadow": HOLD_OUT}, "shadow: expected an arm that shows offers"),
        ({"without_unit": "other"}, "without_unit: expected one of"),
        ({"name": ""}, "name: expected a text"),
    ],
)
def test_what_does_not_hold_is_refused_by_name(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Experiment(**{"name": "spring", "key": KEY, "arms": ARMS, **changes})  # type: ignore[arg-type]


def test_a_file_is_read_and_its_key_comes_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('name = "spring"\nshadow = "champion"\n[arms]\nhold-out = 0.1\nchampion = 0.9\n')
    monkeypatch.delenv("MERSALG_EXPERIMENT_KEY", raising=False)
    with pytest.raises(ConfigError, match="no key; set MERSALG_EXPERIMENT_KEY"):
        read_experiment(file)
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", KEY.decode())
    assert read_experiment(file) == experiment({HOLD_OUT: 0.1, "champion": 0.9}, shadow="champion")
    file.write_text('name = "spring"\nkey = "secret"\n[arms]\nhold-out = 0.1\nchampion = 0.9\n')
    with pytest.raises(ConfigError, match="key: no such key"):
        read_experiment(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_experiment(tmp_path / "none.toml")


def test_the_example_in_configs_holds() -> None:
    assert read_experiment(Path(__file__).parents[2] / "configs" / "experiment.toml", KEY).arms[HOLD_OUT] == 0.1
