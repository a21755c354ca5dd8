"""Claims: a trial is what a training job does, and a search space, an objective and a tuned file mean what they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mersalg.errors import ConfigError, MersalgError
from mersalg_training.config import load_config
from mersalg_training.learn import Purchased, count_shop, fit_rankers
from mersalg_training.progress import Stages
from mersalg_training.tuning.bench import IN_THE_GRAPH, open_bench, rows_key, tables_before, tables_key
from mersalg_training.tuning.objective import counted, parts_of, value_of
from mersalg_training.tuning.space import SPACE, Dimension, around, choose, rounded, settings_of, with_settings
from mersalg_training.tuning.tuned_file import toml_lines, tuned_toml
from mersalg_training.tuning.windows import without_test_window
from small_shop import small_config
from small_tuning import QUERIES, quiet_console

DEMO = Path(__file__).parents[3] / "configs" / "demo.toml"


# --- the search space


def test_every_bound_of_the_space_is_a_value_that_the_configuration_takes() -> None:
    config = load_config(DEMO)
    for dimension in SPACE:
        for bound in (dimension.low, dimension.high):
            assert settings_of([dimension], with_settings(config, {dimension.key: bound})) == {dimension.key: bound}


def test_the_defaults_lie_inside_the_space() -> None:
    assert around(SPACE, load_config(DEMO)) == list(SPACE)


def test_only_narrows_to_keys_and_to_sections() -> None:
    assert [d.key for d in choose(SPACE, " counts.cosine_cart, ranker.trees ")] == [
        "counts.cosine_cart",
        "ranker.trees",
    ]
    assert {d.key.split(".")[0] for d in choose(SPACE, "ranker,factors")} == {"ranker", "factors"}
    assert choose(SPACE, None) == list(SPACE)


@pytest.mark.parametrize("wrong", ["ranker.tree", "", ",", "ranker.trees,split.test_days"])
def test_a_key_outside_of_the_space_is_refused_and_the_space_is_told(wrong: str) -> None:
    with pytest.raises(MersalgError, match=r"--only .*expected keys or sections.*counts\.min_support"):
        choose(SPACE, wrong)


def test_a_configured_value_outside_of_the_bounds_widens_them() -> None:
    config = with_settings(load_config(DEMO), {"ranker.trees": 400})
    assert around([Dimension("ranker.trees", 40, 200, "log")], config) == [Dimension("ranker.trees", 40, 400, "log")]


def test_a_configured_zero_is_refused_where_the_scale_is_logarithmic() -> None:
    config = with_settings(load_config(DEMO), {"ranker.leaf_penalty": 0.0})
    with pytest.raises(ConfigError, match=r"ranker\.leaf_penalty: expected a value above 0.*--only"):
        around(SPACE, config)


def test_a_drawn_value_has_four_significant_digits_or_is_whole() -> None:
    space = [Dimension("a.real", 0.0, 1.0), Dimension("a.whole", 1, 9)]
    assert rounded(space, {"a.real": 0.0123456, "a.whole": 7}) == {"a.real": 0.01235, "a.whole": 7}


# --- what a trial is


@pytest.mark.slow
def test_the_trees_of_a_trial_are_those_of_a_training_job(job: Path, purchased: Purchased) -> None:
    config = load_config(job)
    bench = open_bench(purchased, config, 6)
    bench.judge(config, lambda text: None)
    adapted = bench.adapted(config)
    rankers = bench.latest.get("trees", repr(adapted.fitting), lambda: None)
    rows = bench.latest.get("rows", rows_key(adapted.config), lambda: None)
    stages = Stages(quiet_console())
    fitted = fit_rankers(purchased, count_shop(purchased, config, stages), stages)
    assert np.array_equal(rows.first_weights, fitted.first_weights)
    assert rankers.by_name().keys() == fitted.rankers.by_name().keys()
    for ours, theirs in zip(rankers.by_name().values(), fitted.rankers.by_name().values(), strict=True):
        assert np.array_equal(ours.table.threshold, theirs.table.threshold)
        assert np.array_equal(ours.table.leaf_value, theirs.table.leaf_value)


@pytest.mark.slow
def test_only_what_changed_is_computed_again(job: Path, purchased: Purchased) -> None:
    config = load_config(job)
    bench = open_bench(purchased, config, 6)
    first = bench.judge(config, lambda text: None)
    assert set(first.seconds) == {"tables", "later_tables", "rows", "trees", "tasks"}
    trees = bench.judge(with_settings(config, {"ranker.trees": 9}), lambda text: None)
    assert set(trees.seconds) == {"trees", "tasks"}
    rows = bench.judge(with_settings(config, {"retrieve.new_candidates": 20}), lambda text: None)
    assert set(rows.seconds) == {"rows", "trees", "tasks"}
    assert trees.ndcg != first.ndcg
    fresh = open_bench(purchased, config, 6).judge(with_settings(config, {"ranker.trees": 9}), lambda text: None)
    assert fresh.ndcg == trees.ndcg


def bytes_of(value: Any) -> bytes:
    """All arrays of nested dataclasses and dictionaries."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return b"".join(map(bytes_of, value.values())) if isinstance(value, dict) else b""


def test_tables_are_kept_only_where_no_key_changes_them(job: Path, purchased: Purchased) -> None:
    config = load_config(job)
    before = purchased.windows.rank_from
    tables = tables_before(purchased, before, config, None)
    for name in IN_THE_GRAPH:
        other = with_settings(config, {f"retrieve.{name}": 15})
        assert tables_key(other) == tables_key(config)
        same = tables_before(purchased, before, other, None)
        assert bytes_of(same) == bytes_of(tables)
    for key, value in (("counts.cosine_cart", 0.4), ("factors.alpha", 3.0), ("retrieve.ladder_steps", 3)):
        assert tables_key(with_settings(config, {key: value})) != tables_key(config)


def test_purchases_without_the_test_window_hold_every_earlier_order_as_it_was(purchased: Purchased) -> None:
    kept, whole = without_test_window(purchased), purchased.timeline
    timeline = kept.timeline
    assert kept.windows.to == purchased.windows.test_from
    inside = [o for o in range(whole.n_orders) if whole.order_day[o] < 19723 + 180]  # 19723 is 2024-01-01
    assert timeline.order_ids == [whole.order_ids[order] for order in inside]
    for place, order in enumerate(inside):
        ours, theirs = timeline.order_lines(place), whole.order_lines(order)
        assert np.array_equal(timeline.line_product[ours], whole.line_product[theirs])
        assert timeline.order_customer[place] == whole.order_customer[order]
        past = timeline.line_product[timeline.history_before(place)]
        assert np.array_equal(past, whole.line_product[whole.history_before(order)])


def test_the_objective_weighs_tasks_alike_whatever_their_level() -> None:
    default = {"easy": [0.8, 0.8], "hard": [0.01, 0.01]}
    assert value_of(parts_of(default, default, ["easy", "hard"])) == 0.0
    twice_hard = parts_of({"easy": [0.8, 0.8], "hard": [0.02, 0.02]}, default, ["easy", "hard"])
    half_easy = parts_of({"easy": [0.4, 0.4], "hard": [0.01, 0.01]}, default, ["easy", "hard"])
    assert value_of(twice_hard) == pytest.approx(np.log(2) / 2)
    assert value_of(half_easy) == pytest.approx(-np.log(2) / 2)


def test_the_objective_may_name_tasks_and_refuses_others(job: Path, purchased: Purchased) -> None:
    tasks = open_bench(purchased, load_config(job), QUERIES).tasks
    assert counted(tasks, "upsell.catalogue,completion.all") == ["completion, all", "upsell, catalogue"]
    assert all(label.startswith("completion, ") for label in counted(tasks, "completion"))
    with pytest.raises(
        MersalgError, match=r"--objective next-basket: expected tasks of at least 30 .*next_basket\.all"
    ):
        counted(tasks, "next-basket")


# --- the tuned file


def test_a_toml_file_gives_the_very_configuration_again(tmp_path: Path) -> None:
    odd = 'a "quoted" \\ path\twith\nlines, ümlauts and \x7f'
    config = small_config(Path(odd), None, factors={"regularization": 1e-07}, label={"horizon_days": 12.5})
    columns = {"columns": {"name": "concat_ws(' ', \"a\")", "is_fee": "x IN ('A')"}}
    config = config.model_copy(update={"data": config.data.model_copy(update=columns)})
    file = tmp_path / "odd.toml"
    file.write_text(tuned_toml(config, {}, {}, ["for a test"]), encoding="utf-8")
    assert load_config(file) == config


def test_values_stand_before_tables_and_remarks_behind_values() -> None:
    tables = {"name": "shop", "ranker": {"trees": 9}, "a": {"b": {"on": True}}}
    assert toml_lines(tables, {"ranker.trees": "was 5"}) == [
        'name = "shop"', "", "[ranker]", "trees = 9  # was 5", "", "[a.b]", "on = true",
    ]  # fmt: skip
