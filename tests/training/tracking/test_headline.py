"""Claims about the figures that runs are compared by: few, with their intervals, and the same as in the evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mersalg.names import KINDS
from mersalg_training.evaluation.metrics import NDCG, RECALL, Estimate
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.evaluation.result import Row
from mersalg_training.tracking.description import MAX_DESCRIPTION, describe_run, describe_version
from mersalg_training.tracking.headline import TASKS, as_csv, headline
from report.evidence import EVALUATION, full_manifest

SIZE = {"scorer.onnx": {"size": 2_000_000, "sha256": ""}, "CARD.md": {"size": 500_000, "sha256": ""}}


def figure(value: float) -> Estimate:
    return Estimate(value, value - 0.05, value + 0.05, 400)


SEEN = [
    ShownPrecision(EVERY, EVERY, 400, 300, 90, figure(0.3), figure(0.6)),
    ShownPrecision(EVERY, "cross-sell", 400, 100, 7, figure(0.07), figure(0.25)),
    ShownPrecision(EVERY, "add-on", 400, 0, 0, None, Estimate(0.0, 0.0, 0.0, 400)),
    ShownPrecision("cart", "cross-sell", 200, 100, 9, figure(0.09), figure(0.5)),
]


def test_a_figure_has_a_short_name_and_an_interval() -> None:
    found = headline(full_manifest() | {"files": SIZE}, replace(EVALUATION, shown=SEEN), latency_ms=3.5)
    assert found["ndcg/completion_explore"] == 0.31, "our own, of no rival, and NDCG instead of recall"
    assert found["shown/any"] == 0.6
    assert found["came/any"] == 0.3
    assert (found["shown/cross_sell"], found["came/cross_sell"]) == (0.25, 0.07), "of all moments, not of the cart"
    assert (found["came/cross_sell/low"], found["came/cross_sell/high"]) == pytest.approx((0.02, 0.12))
    assert found["shown/add_on"] == 0.0
    assert "came/add_on" not in found, "of no offer nothing was bought or not bought"
    assert (found["certified/cross_sell"], found["certified/upsell"]) == (0.22, 0.1)
    assert "certified/add_on" not in found
    assert found["revenue_per_request"] == 1.5, "by relevance, as offers are ordered by default"
    assert (found["size_mb"], found["latency_ms"]) == (2.5, 3.5)
    with_interval = {name.removesuffix("/low") for name in found if name.endswith("/low")}
    assert with_interval == {n for n in found if n.split("/")[0] in ("ndcg", "shown", "came", "revenue_per_request")
                             and not n.endswith(("/low", "/high"))}  # fmt: skip


def test_there_are_few_figures_even_where_everything_was_measured() -> None:
    every = [ShownPrecision(EVERY, kind, 9, 9, 9, figure(0.5), figure(0.5)) for kind in (EVERY, *KINDS)]
    rows = [Row(task, "mersalg", metric, figure(0.5)) for task in TASKS for metric in (NDCG, RECALL)]
    certificates = [{"kind": kind, "precision": 0.1} for kind in KINDS]
    manifest = full_manifest() | {"certificates": certificates, "files": SIZE}
    found = headline(manifest, replace(EVALUATION, rows=rows, shown=every), 1.0)
    assert len([name for name in found if not name.endswith(("/low", "/high"))]) == 27


def test_without_an_evaluation_there_is_what_the_bundle_itself_says() -> None:
    found = headline(full_manifest() | {"files": SIZE}, None)
    assert set(found) == {"certified/cross_sell", "certified/upsell", "size_mb"}


def test_the_table_holds_every_figure_to_the_last_digit() -> None:
    assert as_csv({"b/c": 0.1 + 0.2, "a": 3}) == "name,value\na,3.0\nb/c,0.30000000000000004\n"


def test_a_run_is_described_by_its_kinds_and_tasks() -> None:
    manifest = full_manifest() | {"files": SIZE}
    text = describe_run(manifest, headline(manifest, replace(EVALUATION, shown=SEEN)))
    assert "1,000 order lines of 50 customers, 2017-01-01 to 2017-05-31" in text
    assert "| cross-sell | 0.2000 | 22.0% | 25.0% (20.0 to 30.0) | 7.0% (2.0 to 12.0) |" in text
    assert "| replacement | silent | no |  |  |" in text
    assert "| completion, explore | 0.310 (" in text


def test_a_card_that_is_too_long_for_mlflow_is_cut_between_sections_and_says_where_the_rest_is() -> None:
    sections = ["# shop\n\nAbout.", "## Data\n\n" + "d" * 2000, "## Tables\n\n" + "t" * 4000, "## Use\n\n" + "u" * 1000]
    card = "\n\n".join(sections) + "\n"
    text = describe_version(card)
    assert len(text) <= MAX_DESCRIPTION
    assert text.startswith("# shop\n\nAbout.\n\n## Data")
    assert "## Tables" not in text
    assert "u" * 1000 in text
    assert "`data/bundle/CARD.md`" in text
    assert describe_version("# short\n") == "# short\n"


def test_the_card_of_a_real_job_begins_as_it_does_in_the_bundle(trained_bundle: Path) -> None:
    card = (trained_bundle / "CARD.md").read_text("utf-8")
    text = describe_version(card)
    assert len(card) > MAX_DESCRIPTION >= len(text)
    assert text.split("\n\n")[:3] == card.split("\n\n")[:3]
    assert "## Kinds of offer" in text
