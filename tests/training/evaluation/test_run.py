"""Claims about an evaluation: alike for every method, told apart by group, and honest about where it is behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mersalg.errors import DataError
from mersalg.names import KINDS, MOMENTS, Kind
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_training.config import Config, parse_config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.calendar import day_to_time, time_to_day
from mersalg_training.data.split import Windows
from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod, Offered
from mersalg_training.evaluation.file import evaluation_document, parse_document
from mersalg_training.evaluation.metrics import HIT_RATE, NDCG, OURS, PRECISION, RECALL, Estimate, K, request_metrics
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision, shown_precision
from mersalg_training.evaluation.render import compared, markdown, remarks, render, short
from mersalg_training.evaluation.result import ORACLE, EvaluationResult, metric_key
from mersalg_training.evaluation.run import evaluate
from mersalg_training.evaluation.tasks.anchored import make_tasks
from mersalg_training.evaluation.tasks.task import OWN_KINDS, Restriction, among, assemble
from mersalg_training.export.card import table, verdict
from mersalg_training.json_values import as_json
from mersalg_training.plots.evaluation import results_by_task
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order, make_attributes, make_timeline, named

PRICES = {"beans": 3.0, "blend": 5.0, "cup": 2.0, "lamp": 30.0, "roast": 9.0, "spoon": 1.0}
TYPES = {"beans": "coffee", "blend": "coffee", "roast": "coffee", "cup": "table", "spoon": "table", "lamp": "light"}
WINDOWS = Windows(*(day_to_time(day) for day in (0.0, 50.0, 70.0, 100.0, 200.0)))


def shop(known: int = 40, new: int = 0) -> Timeline:
    """Everybody buys beans and a cup; then the known customers and the new ones buy beans, roast and a spoon."""
    orders = []
    for number in range(known):
        name = f"known-{number:03}"
        orders += [Order(name, number % 40, "beans cup"), Order(name, 45 + number % 40, "beans lamp roast spoon")]
        orders.append(Order(name, 110 + number, "beans roast spoon"))
    orders += [Order(f"new-{number:03}", 110 + number, "beans roast spoon") for number in range(new)]
    return make_timeline(orders, PRICES)


def config(**label: float) -> Config:
    return parse_config({"name": "small", "data": {"orders": "none"}, "label": label}, "test")


class Knows:
    """A method that ranks for each request its target, or everything else."""

    name = "knows"

    def __init__(self, timeline: Timeline, right: bool, target_last: bool = False) -> None:
        self.all = np.arange(len(timeline.product_ids))
        self.right, self.target_last = right, target_last

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        ranked = []
        for case in range(len(cases)):
            target, permitted = cases.target[case], np.flatnonzero(restriction.mask(case))
            others = np.setdiff1d(permitted, target)
            ranked.append(np.concatenate([others, target]) if self.target_last else target if self.right else others)
        return ranked


def small(timeline: Timeline, right: bool = True) -> EvaluationResult:
    found = evaluate(Knows(timeline, right), timeline, attributes(), WINDOWS, config())
    assert found.rows
    return found


def attributes() -> Attributes:
    return make_attributes(TYPES)


def test_a_method_that_knows_the_answer_gets_all_of_it_and_one_that_is_always_wrong_nothing() -> None:
    timeline = shop()
    for metric in (NDCG, RECALL, HIT_RATE):
        for task, by_method in small(timeline, right=True).figures(metric).items():
            assert by_method[OURS].value == 1.0, task
        for task, by_method in small(timeline, right=False).figures(metric).items():
            assert by_method[OURS].value == 0.0, task


def test_the_answers_of_the_bundle_move_no_baseline() -> None:
    timeline = shop()
    good, bad = (
        [(r.task, r.method, r.metric, r.estimate) for r in small(timeline, right).rows if r.method != OURS]
        for right in (True, False)
    )
    assert good == bad
    assert len({method for _, method, _, _ in good}) == 5


def test_the_ratio_to_a_baseline_has_an_interval_that_says_what_the_difference_says() -> None:
    found = small(shop(), right=True)
    rows = found.figures(NDCG)
    of_ndcg = [each for each in found.differences if each.metric == NDCG]
    assert {each.ratio for each in found.differences if each.metric != NDCG} == {None}
    surely = 0
    for each in of_ndcg:
        theirs = rows[each.task][each.rival].value
        assert each.ratio is not None
        if theirs == 0.0:
            assert np.isnan(each.ratio.value)
            continue
        assert each.ratio.value == pytest.approx(1.0 / theirs)
        assert each.ratio.low <= each.ratio.value <= each.ratio.high
        assert (each.ratio.low > 1.0) == each.ahead
        surely += each.ahead
    assert surely


def test_the_ratio_is_in_the_file_and_comes_back_from_it() -> None:
    found = small(shop())
    identity = {"name": "small", "created_at": "2026-01-01T00:00:00", "run_id": None}
    written = as_json(evaluation_document(identity, found))
    again = parse_document(written, Path("evaluation.json")).evaluation()
    assert [each.ratio for each in again.differences] == [each.ratio for each in found.differences]
    assert any(each.ratio for each in again.differences)


def test_what_the_restriction_forbids_is_no_hit_although_the_bundle_ranks_it_first() -> None:
    timeline = shop()
    kinds, random = config().kinds, np.random.default_rng(1)
    tasks, _ = make_tasks(timeline, attributes(), (100.0, 200.0), kinds, 50, random)
    asked = [task for task in tasks if len(task.cases)]
    assert any(len(task.restriction.forbidden.values) for task in asked)
    for task in asked:
        forbidden_first = [
            named(timeline, np.concatenate([task.restriction.forbidden[case], task.cases.target[case]]))
            for case in range(len(task.cases))
        ]
        bundle = BundleMethod(Recorder(forbidden_first), timeline)
        ranked = bundle.rank(task.cases, task.restriction, K, task.kinds)
        assert request_metrics(ranked, task.cases.target, {})[NDCG].tolist() == [1.0] * len(task.cases), task.label


def test_a_request_excludes_the_cart_and_in_explore_what_the_customer_has() -> None:
    orders = [Order("ann", 1, "beans cup"), Order("bob", 1, "roast spoon lamp"), Order("ann", 110, "roast")]
    timeline = make_timeline(orders, PRICES)
    recorder = Recorder()
    evaluate(BundleMethod(recorder, timeline), timeline, attributes(), WINDOWS, config(horizon_days=7.0))
    assert ["beans", "cup"] in [request.exclude for request in recorder.requests]


def test_new_and_known_customers_are_told_apart_where_there_are_enough_of_both() -> None:
    labels = set(small(shop(known=40, new=40)).figures(NDCG))
    assert {"completion, all", "completion, all, new customers", "completion, all, known customers"} <= labels
    assert not any("new customers" in label for label in small(shop(known=40, new=5)).figures(NDCG))


def test_a_hidden_history_makes_nobody_a_new_customer() -> None:
    labels = set(small(shop(known=40, new=5)).figures(NDCG))
    assert "completion, anonymous" in labels
    assert "completion, anonymous, new customers" not in labels
    labels = set(small(shop(known=40, new=40)).figures(NDCG))
    assert {"completion, anonymous, new customers", "cold start, empty cart, known customers"} <= labels


def test_the_ceiling_is_a_perfect_order_of_the_bundle_s_own_candidates_and_no_rival() -> None:
    timeline = shop()
    found = evaluate(Knows(timeline, True, target_last=True), timeline, attributes(), WINDOWS, config())
    ceiling = {row.task: row.value for row in found.ceilings if (row.method, row.metric) == (ORACLE, NDCG)}
    ours = {task: by_method[OURS].value for task, by_method in found.figures(NDCG).items()}
    assert set(ceiling) == set(ours)
    assert set(ceiling.values()) == {1.0}
    assert ours["completion, anonymous"] < 1.0
    assert ORACLE not in {row.method for row in found.rows} | {d.rival for d in found.differences}
    flat = found.metrics()
    assert flat["test/completion.anonymous/oracle_over_candidates/ndcg_at_10"] == 1.0
    assert flat["test/completion.anonymous/candidate_recall_at_50"] == 1.0
    assert "candidate recall@200" in markdown(found)


def test_candidates_that_are_not_retrieved_lower_the_ceiling() -> None:
    found = small(shop(), right=False)
    assert {row.value for row in found.ceilings} == {0.0}


def test_a_question_of_few_candidates_names_them() -> None:
    timeline = shop()
    recorder = Recorder()
    evaluate(BundleMethod(recorder, timeline), timeline, attributes(), WINDOWS, config(horizon_days=7.0))
    few: dict[tuple[Kind, ...], list[list[str]]] = {}
    for request in recorder.requests:
        kinds = tuple(kind for kind, wanted in zip(KINDS, request.kinds, strict=True) if wanted)
        if "kinds" in request.stated and (MOMENTS[request.moment] == "product-page" or len(kinds) > 1):
            few.setdefault(kinds, []).append(request.only)
    assert all(only == ["roast"] for only in few[("upsell",)])  # nobody ever bought the blend
    assert all(few[OWN_KINDS])
    assert not any(few[KINDS])


def test_precision_is_told_of_what_is_bought_again_within_the_horizon() -> None:
    orders = [Order(f"c{n}", day, "beans cup") for n in range(20) for day in (n, 110.0 + n, 111.0 + n)]
    timeline = make_timeline(orders, PRICES)
    found = evaluate(Knows(timeline, True), timeline, attributes(), WINDOWS, config(horizon_days=1.5))
    precise = found.figures(PRECISION)
    assert list(precise) == ["replacement, within the horizon"]
    assert precise["replacement, within the horizon"][OURS].value == pytest.approx(0.2)  # beans and cup, of ten places
    with (console := Console(width=120)).capture() as capture:
        console.print(render(found))
    assert PRECISION in capture.get()


def test_a_window_without_a_task_says_so() -> None:
    found = small(shop())
    assert "completion, explore" in found.without_requests
    assert any("completion, explore" in remark for remark in remarks(found, NDCG))


def test_a_lead_is_claimed_only_outside_the_interval() -> None:
    timeline = shop()
    ahead, behind = small(timeline, right=True), small(timeline, right=False)
    assert ahead.against_best("next basket, repeat", NDCG) is not None
    for task in behind.figures(NDCG):
        found = behind.against_best(task, NDCG)
        assert found is not None
        assert not found.ahead
        assert any(task in remark for remark in remarks(behind, NDCG))


def test_metric_names_are_flat_and_say_task_view_and_method() -> None:
    found = small(shop()).metrics()
    assert found["test/next_basket.repeat/ndcg_at_10"] == 1.0
    assert "test/completion.all/baseline.item-item_confidence/recall_at_10" in found
    assert "test/upsell.in_type/hit_rate_at_10" in found
    assert all(np.isfinite(value) for value in found.values())
    assert metric_key("popularity of 28 days") == "popularity_of_28_days"


def test_card_and_plot_take_the_rows_as_they_are() -> None:
    rows = small(shop()).rows
    assert any(OURS in line for line in table([row for row in rows if row.task == "completion, all"]).rows)
    assert "baseline" in verdict(rows)
    assert results_by_task(rows[:12]).startswith(b"\x89PNG")


def test_the_terminal_shows_every_task_beside_its_best_baseline_and_markdown_every_method() -> None:
    found = small(shop())
    console = Console(width=120)
    with console.capture() as capture:
        console.print(render(found))
    text, written = capture.get(), markdown(found)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 120
    assert "…" not in text
    for task in found.figures(NDCG):
        assert any(line.startswith((task, f"  {task.rpartition(', ')[2]}")) for line in text.splitlines())
        assert compared(found, task, NDCG)[0] in text
    for word in ("upsell, in type", "own most frequent", "item-item confidence", "best baseline", "Without requests"):
        assert word in written


def test_figures_are_short_without_losing_their_sign() -> None:
    assert short(Estimate(0.179, 0.171, 0.186, 9)) == ".179 [.171 .186]"
    assert short(Estimate(-0.0384, -0.0641, 0.0, 9), signed=True) == "-.038 [-.064 .000]"
    assert short(Estimate(1.0, 0.9996, 1.0, 9)) == "1.000 [1.000 1.000]"
    assert short(Estimate(float("nan"), 0.0, 0.0, 0)) == "unknown"


def test_no_test_window_is_refused_with_the_reason() -> None:
    nothing_held_back = Windows(*(day_to_time(day) for day in (0.0, 50.0, 70.0, 200.0, 200.0)))
    timeline = shop()
    with pytest.raises(DataError, match=r"test window.*split\.test_days"):
        evaluate(Knows(timeline, True), timeline, attributes(), nothing_held_back, config())
    later = Windows(*(day_to_time(day) for day in (0.0, 50.0, 70.0, 900.0, 950.0)))
    with pytest.raises(DataError, match="expected orders from"):
        evaluate(Knows(timeline, True), timeline, attributes(), later, config())


def test_thresholds_need_a_horizon() -> None:
    timeline = shop()
    with pytest.raises(DataError, match=r"label\.horizon_days"):
        evaluate(BundleMethod(Recorder(), timeline), timeline, attributes(), WINDOWS, config())
    beans = Recorder([["beans"]], kind="more-of-same")
    found = evaluate(BundleMethod(beans, timeline), timeline, attributes(), WINDOWS, config(horizon_days=7.0))
    assert {row.kind for row in found.shown if row.offers} == {EVERY, "more-of-same"}
    assert "test/shown.every.more-of-same/precision" in found.metrics()
    assert "precision" in markdown(found)


def test_precision_counts_what_was_bought_of_what_was_shown() -> None:
    timeline = make_timeline([Order("ann", 110, "beans cup"), Order("bob", 110, "lamp cup")], PRICES)
    beans, cup, lamp = (timeline.product_ids.index(product) for product in ("beans", "cup", "lamp"))
    none = np.zeros(0, dtype=np.int64)
    cases = assemble(timeline, [0, 1], [none, none], [np.array([beans, cup]), np.array([lamp, cup])], "cart")
    answers = [
        BundleAnswer([offered("cross-sell", beans), offered("upsell", lamp), offered("cross-sell", cup)]),
        BundleAnswer([offered("cross-sell", beans)]),
    ]
    found = {(row.moment, row.kind): row for row in shown_precision(cases, answers, np.random.default_rng(1))}
    cross, upsell, addon = (found["cart", kind] for kind in ("cross-sell", "upsell", "add-on"))
    assert (cross.offers, cross.relevant, cross.seen.value) == (3, 2, 1.0)
    assert precision(cross) == pytest.approx(2 / 3)
    assert (precision(upsell), upsell.seen.value) == (0.0, 0.5)
    assert addon.precision is None
    assert precision(found[EVERY, EVERY]) == 0.5
    assert ("checkout", EVERY) not in found


def offered(kind: Kind, product: int) -> Offered:
    return Offered(kind, product, relevance=0.5, score=0.0)


def precision(row: ShownPrecision) -> float:
    assert row.precision is not None
    return row.precision.value


class Recorder:
    """A recommender that keeps the requests, and gives the answers that it is told in turn, the last one for ever."""

    def __init__(self, answers: Sequence[Sequence[str]] = (("gone", "lamp"),), kind: Kind = "add-on") -> None:
        self.requests: list[Request] = []
        self.threshold: bool | None = None
        self.answers, self.kind = answers, kind
        self.manifest: Mapping[str, Any] = {}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        self.threshold = threshold
        answered = []
        for place in range(len(self.requests), len(self.requests) + len(requests)):
            names = self.answers[min(place, len(self.answers) - 1)]
            offers = [Offer("", rank, name, self.kind, 0.5, 1.0, "roast") for rank, name in enumerate(names, 1)]
            answered.append(Offers(tuple(offers), None, 2, {}))
        self.requests += requests
        return answered


def test_a_case_becomes_a_request_in_the_loader_s_own_fields() -> None:
    timeline = make_timeline([Order("ann", 2.5, "beans cup"), Order("ann", 110.25, "lamp roast")], PRICES)
    lamp, roast = timeline.product_ids.index("lamp"), timeline.product_ids.index("roast")
    cases = assemble(timeline, [1], [np.array([roast])], [np.array([lamp])], "checkout")
    recorder = Recorder()
    bundle = BundleMethod(recorder, timeline)
    anything = np.ones(len(timeline.product_ids), dtype=np.bool_)
    ranked = bundle.rank(cases, Restriction(anything, cases.cart), K, ("add-on",))
    assert [products.tolist() for products in ranked] == [[lamp]]
    assert recorder.threshold is False
    (request,) = recorder.requests
    assert (request.cart, request.history, request.exclude) == (["roast"], ["beans", "cup"], ["roast"])
    assert request.history_age_days.tolist() == [110.25 - 2.5] * 2
    assert request.history_quantity.tolist() == [1.0, 1.0]
    assert (MOMENTS[request.moment], request.limit, request.only) == ("checkout", 200, [])
    assert [kind for kind, wanted in zip(KINDS, request.kinds, strict=True) if wanted] == ["add-on"]
    made = bundle.requests.make(cases, 0)
    assert made["at"] == datetime(1970, 4, 21, 6)
    assert {line["ordered_at"] for line in made["history"]} == {datetime(1970, 1, 3, 12)}
    only = among(ragged([np.array([lamp, roast])]), len(anything))
    bundle.rank(cases, Restriction(anything, ragged([np.zeros(0, dtype=np.int64)]), only), K)
    assert recorder.requests[-1].only == ["lamp", "roast"]
    assert [answer.offers for answer in bundle.show(cases)] == [[Offered("add-on", lamp, 0.5, 1.0, roast)]]
    assert recorder.threshold is True
    last = recorder.requests[-1]
    assert ("kinds" in last.stated, last.limit, last.exclude) == (False, 3, [])


def test_days_and_times_turn_into_each_other() -> None:
    time = datetime(2017, 12, 31, 23, 59, 59, 123456)
    assert day_to_time(time_to_day(time)) == time
