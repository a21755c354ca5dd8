"""What `mersalg uplift` leaves behind: JSON, Markdown and plots in a folder, and a run in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mersalg.errors import DataError
from mersalg_training.json_values import as_json, finite
from mersalg_training.tracking.run import Run
from mersalg_training.uplift import pictures
from mersalg_training.uplift.render import arms_of, markdown
from mersalg_training.uplift.result import Uplift


def plots(uplift: Uplift) -> dict[str, bytes]:
    """File name -> PNG."""
    drawn = {"cuped.png": pictures.variance_saved(uplift.lines)}
    for arm in arms_of(uplift):
        drawn[f"effects_{arm}.png"] = pictures.effects([line for line in uplift.lines if line.arm == arm])
        looks = [look for look in uplift.looks if look.arm == arm]
        drawn[f"looks_{arm}.png"] = pictures.looks_over_time(looks, uplift.primary[0].measure)
        primary = next(line for line in uplift.primary if line.arm == arm)
        drawn[f"attributed_{arm}.png"] = pictures.attributed_beside(primary, uplift.attributed[arm])
    return drawn


def write_report(uplift: Uplift, folder: Path) -> None:
    """Write uplift.json, uplift.md and the plots into a folder, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "uplift.json").write_bytes(as_json(finite(uplift.to_json())))
        (folder / "uplift.md").write_text(markdown(uplift), encoding="utf-8")
        for name, png in plots(uplift).items():
            (folder / name).write_bytes(png)
    except OSError as error:
        raise DataError(f"--out {folder}: cannot be written: {error.strerror or error}") from None


def log_uplift(run: Run, uplift: Uplift, sources: Mapping[str, str], digest: str) -> None:
    """Parameters, a metric for each bound of each line, the report and the plots."""
    options = {f"uplift.{name}": value for name, value in vars(uplift.options).items() if name != "shares"}
    run.log_params({**options, "uplift.experiment": uplift.experiment or "", "uplift.unit": uplift.unit})
    run.log_dataset("orders and exposures", digest, sources["orders"], {"offers": sources["offers"]})
    run.log_metrics(metrics(uplift))
    run.set_tags({"uplift.sample_ratio_mismatch": str(uplift.ratio.mismatch).lower()})
    run.log_text("uplift.json", as_json(finite(uplift.to_json())).decode())
    run.log_text("uplift.md", markdown(uplift))
    for name, png in plots(uplift).items():
        run.log_figure(f"plots/{name}", png)


def metrics(uplift: Uplift) -> dict[str, float]:
    """Metric name -> value; what there is nothing of is left out."""
    values: dict[str, float | None] = {
        "uplift/sample_ratio/p": uplift.ratio.p_value,
        "uplift/sample_ratio/p_at_every_look": uplift.ratio.always_p_value,
    }
    for line in uplift.lines:
        name = f"uplift/{line.arm}/{line.measure}/{line.days:g} days".replace(",", "")
        name += "" if line.segment == "all" else f"/{line.segment}"
        if line.effect is not None:
            for field in ("effect", "low", "high", "always_low", "always_high", "relative", "variance_saved"):
                values[f"{name}/{field}"] = getattr(line.effect, field)
    values.update({f"attributed_not_uplift/{arm}/revenue": value for arm, value in uplift.attributed.items()})
    return {name.replace(" ", "_"): value for name, value in values.items() if value is not None}
