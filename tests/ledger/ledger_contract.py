"""What every ledger must do. A new database subclasses LedgerContract and says where an empty one is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from ledger.small_offers import AT, begin, claim, day, offer, offers, products
from mersalg import LedgerError
from mersalg_service.ledger import (
    Ask,
    Cap,
    Decision,
    Key,
    Ledger,
    Outcome,
    Rules,
    erase_customer,
    export_customer,
    make_ledger,
    open_ledger,
    purge,
    record,
    record_wish,
    stats,
)
from processes import DEADLINE

TWO = Rules(limit=2)


def is_out(ledger: Ledger, customer_id: str) -> bool:
    """Whether a batch gives a customer nothing for having opted out."""
    (view,) = ledger.look(begin(ledger, "look"), [customer_id], TWO)
    return view.opted_out


class LedgerContract:
    """The claims, on a ledger in the database whose URL the fixture `url` gives."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, url: str, key: Key) -> Iterator[Ledger]:
        with make_ledger(url, key) as ledger:
            yield ledger

    def test_a_customer_gets_the_best_offers_up_to_the_limit_ranked_from_one(self, ledger: Ledger) -> None:
        got = claim(ledger, begin(ledger, "a"), "anna", offers("x", "y", "z"), TWO)
        assert [(o.request_id, o.rank, o.product_id) for o in got.offers] == [("anna", 1, "x"), ("anna", 2, "y")]
        assert got.reason is None

    def test_no_other_batch_offers_the_same_product_to_the_same_customer(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x", "y"), TWO)
        got = claim(ledger, begin(ledger, "b", day(400)), "anna", offers("x", "y", "z"), TWO)
        assert products(got) == ["z"]
        again = claim(ledger, begin(ledger, "c", day(800)), "anna", offers("x", "y", "z"), TWO)
        assert (again.offers, again.reason) == ((), "offered before")

    def test_another_kind_of_the_same_product_is_the_same_offer(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", [offer("x", "cross-sell")], TWO)
        assert not claim(ledger, begin(ledger, "b"), "anna", [offer("x", "replacement")], TWO).offers

    def test_other_customers_and_other_moments_are_not_touched(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO)
        assert products(claim(ledger, begin(ledger, "a"), "berta", offers("x"), TWO)) == ["x"]
        cart = Rules(limit=2, moment="cart")
        assert products(claim(ledger, begin(ledger, "b"), "anna", offers("x"), cart)) == ["x"]

    def test_a_product_may_be_offered_again_when_the_rules_say_after_how_long(self, ledger: Ledger) -> None:
        again = Rules(limit=2, again_after_days=90)
        for name, at, expected in (("a", 0, ["x"]), ("b", 89.9, []), ("c", 90, ["x"]), ("d", 100, [])):
            assert products(claim(ledger, begin(ledger, name, day(at)), "anna", offers("x"), again)) == expected, name

    def test_a_batch_that_asks_again_gets_the_same_decision_whatever_it_asks_with(self, ledger: Ledger) -> None:
        batch = begin(ledger, "a")
        first = claim(ledger, batch, "anna", [offer("x", relevance=0.1), offer("y", "add-on")], TWO)
        none = claim(ledger, batch, "berta", [], TWO)
        assert claim(ledger, begin(ledger, "a"), "anna", offers("q"), TWO) == first
        assert claim(ledger, begin(ledger, "a"), "berta", offers("q"), TWO) == none
        assert none.reason == "below threshold"
        assert [view.decision for view in ledger.look(batch, ["anna", "carla", "berta"], TWO)] == [first, None, none]

    def test_a_batch_goes_on_with_its_own_time(self, ledger: Ledger) -> None:
        begin(ledger, "a", day(0))
        again = begin(ledger, "a", day(9))
        assert again.begun_at == AT
        assert again.resumed

    def test_the_time_of_a_batch_is_in_utc(self, ledger: Ledger) -> None:
        at = AT.replace(tzinfo=timezone(timedelta(hours=2)))
        assert begin(ledger, "a", at).begun_at == begin(ledger, "a", at).begun_at == AT - timedelta(hours=2)

    def test_without_a_name_the_unfinished_batch_of_the_same_settings_goes_on(self, ledger: Ledger) -> None:
        first = ledger.begin({"limit": 2}, AT)
        assert ledger.begin({"limit": 3}, AT).batch != first.batch
        assert ledger.begin({"limit": 2}, day(1)).batch == first.batch
        ledger.finish(first)
        assert ledger.begin({"limit": 2}, AT).batch != first.batch

    def test_a_batch_refuses_other_settings_and_names_them(self, ledger: Ledger) -> None:
        begin(ledger, "a")
        with pytest.raises(LedgerError, match="made with limit = 2, got 3"):
            ledger.begin({"limit": 3}, AT, "a")

    def test_a_finished_batch_keeps_its_decisions_and_takes_no_new_customer(self, ledger: Ledger) -> None:
        batch = begin(ledger, "a")
        first = claim(ledger, batch, "anna", offers("x"), TWO)
        ledger.finish(batch)
        assert begin(ledger, "a").closed
        assert claim(ledger, batch, "anna", offers("y"), TWO) == first
        with pytest.raises(LedgerError, match="takes no new customers"):
            claim(ledger, batch, "berta", offers("x"), TWO)

    def test_a_batch_that_was_never_begun_claims_nothing(self, ledger: Ledger) -> None:
        batch = begin(ledger, "a")
        with pytest.raises(LedgerError, match="not in this ledger"):
            claim(ledger, type(batch)("b", AT, False, False), "anna", offers("x"), TWO)

    def test_a_short_list_is_not_decided_while_the_caller_may_ask_again(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO)
        batch = begin(ledger, "b")
        (answer,) = ledger.claim(batch, [Ask("anna", offers("x", "y"), last=False)], TWO)
        assert (answer.decision, answer.refused) == (None, {"x": "offered before"})
        assert products(claim(ledger, batch, "anna", offers("y", "z"), TWO)) == ["y", "z"]

    def test_a_cap_holds_over_batches_and_opens_when_its_window_has_passed(self, ledger: Ledger) -> None:
        rules = Rules(limit=2, caps=(Cap(2, 30),))
        assert products(claim(ledger, begin(ledger, "a", day(0)), "anna", offers("a"), rules)) == ["a"]
        assert products(claim(ledger, begin(ledger, "b", day(10)), "anna", offers("b", "c"), rules)) == ["b"]
        shut = claim(ledger, begin(ledger, "c", day(29.9)), "anna", offers("c"), rules)
        assert (shut.offers, shut.reason) == ((), "cap offers:2/30d")
        assert products(claim(ledger, begin(ledger, "d", day(30)), "anna", offers("c", "d"), rules)) == ["c"]

    def test_a_cap_of_one_kind_lets_the_others_through(self, ledger: Ledger) -> None:
        rules = Rules(limit=3, caps=(Cap(1, 30, "replacement"),))
        listed = [offer("a", "replacement"), offer("b", "replacement"), offer("c", "add-on")]
        assert products(claim(ledger, begin(ledger, "a"), "anna", listed, rules)) == ["a", "c"]

    def test_a_cap_of_mails_counts_a_batch_once(self, ledger: Ledger) -> None:
        rules = Rules(limit=3, caps=(Cap(1, 7, "mails"),))
        assert len(claim(ledger, begin(ledger, "a"), "anna", offers("a", "b", "c"), rules).offers) == 3
        assert claim(ledger, begin(ledger, "b", day(6)), "anna", offers("d"), rules).reason == "cap mails:1/7d"
        assert claim(ledger, begin(ledger, "c", day(7)), "anna", offers("d"), rules).offers

    def test_a_cap_holds_backwards_too_when_batches_come_out_of_order(self, ledger: Ledger) -> None:
        rules = Rules(limit=1, caps=(Cap(1, 30),))
        claim(ledger, begin(ledger, "late", day(20)), "anna", offers("a"), rules)
        assert not claim(ledger, begin(ledger, "early", day(0)), "anna", offers("b"), rules).offers

    def test_who_opted_out_gets_nothing_until_opting_in_later(self, ledger: Ledger) -> None:
        told = [Outcome("anna", "opted-in", day(1)), Outcome("anna", "opted-out", day(2))]
        assert record(ledger, [*told, *told]) == {"new": 2, "known": 2}
        assert claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO).reason == "opted out"
        record(ledger, [Outcome("anna", "opted-in", day(3))])
        assert claim(ledger, begin(ledger, "b"), "anna", offers("x"), TWO).offers

    def test_wishes_count_in_the_order_in_which_they_are_recorded(self, ledger: Ledger) -> None:
        back, out = Outcome("anna", "opted-in", day(3)), Outcome("anna", "opted-out", day(1))
        assert record(ledger, [back, out]) == {"new": 2}
        assert is_out(ledger, "anna")
        assert record(ledger, [back, out, back]) == {"known": 3}
        assert is_out(ledger, "anna")
        record(ledger, [Outcome("anna", "opted-in", day(4))])
        assert not is_out(ledger, "anna")
        assert record(ledger, [out]) == {"known": 1}
        assert not is_out(ledger, "anna")

    def test_of_an_opt_out_and_an_opt_in_of_one_time_the_opt_out_stands(self, ledger: Ledger) -> None:
        for customer, wishes in (("anna", ("opted-in", "opted-out")), ("berta", ("opted-out", "opted-in"))):
            record(ledger, [Outcome(customer, wish, day(1)) for wish in wishes])
            assert is_out(ledger, customer)

    def test_a_time_beyond_now_is_refused_but_for_what_clocks_differ(self, ledger: Ledger) -> None:
        for what in ("opted-in", "opted-out"):
            with pytest.raises(
                LedgerError, match=r"at: expected a time up to now, 2017-12-01T08:00:00 in UTC, got 2017"
            ):
                record(ledger, [Outcome("anna", what, AT + timedelta(minutes=6))], AT)
        assert export_customer(ledger, "anna")["opted_in_at"] is None
        assert record(ledger, [Outcome("anna", "opted-in", AT + timedelta(minutes=4))], AT) == {"new": 1}
        zoned = (AT + timedelta(hours=1)).replace(tzinfo=timezone(timedelta(hours=2)))
        assert record(ledger, [Outcome("berta", "opted-in", zoned)], AT) == {"new": 1}

    def test_a_wish_of_now_counts_whatever_another_clock_said(self, ledger: Ledger) -> None:
        record(ledger, [Outcome("anna", "opted-in", day(9))])
        record_wish(ledger, "anna", "opted-out", day(0))
        assert is_out(ledger, "anna")
        record_wish(ledger, "anna", "opted-in", day(-1))
        assert not is_out(ledger, "anna")
        erase_customer(ledger, "anna", day(-2))
        assert is_out(ledger, "anna")

    def test_a_wish_that_does_not_read_back_is_an_error(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mersalg_service.ledger.outcomes.write_wish", lambda *_: None)
        with pytest.raises(LedgerError, match="opted-out was recorded, but reads otherwise"):
            record_wish(ledger, "anna", "opted-out", AT)

    def test_a_customer_is_one_however_the_id_is_spelled(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "17850", offers("42"), TWO)
        assert record(ledger, [Outcome(" 17850.0", "bought", day(1), "42.0 ")]) == {"new": 1}
        assert len(export_customer(ledger, "17850.0")["offers"]) == 1
        record_wish(ledger, "17850.00\t", "opted-out", day(2))
        assert is_out(ledger, "17850")
        with pytest.raises(LedgerError, match="each customer once"):
            ledger.claim(begin(ledger, "a"), [Ask("17850", []), Ask("17850.0", [])], TWO)

    def test_what_is_no_id_of_a_customer_is_refused(self, ledger: Ledger) -> None:
        for strange in ("", " ", "a\0", "\ud800"):
            with pytest.raises(LedgerError, match="expected the shop's id of a customer"):
                record_wish(ledger, strange, "opted-out", AT)

    def test_an_offer_with_nul_in_an_id_is_refused_before_a_claim(self, ledger: Ledger) -> None:
        for strange in (offer("x\0"), replace(offer("x"), because="milk\0")):
            with pytest.raises(LedgerError, match="product ids without NUL"):
                claim(ledger, begin(ledger, "a"), "anna", [strange], TWO)
        assert stats(ledger)["offers"] == 0

    @pytest.mark.parametrize("name", ["", " ", "a\0", "\ud800"])
    def test_a_batch_needs_a_name_that_is_one(self, ledger: Ledger, name: str) -> None:
        with pytest.raises(LedgerError, match="batch: expected a name, got"):
            ledger.begin({"limit": 2}, AT, name)
        assert stats(ledger)["batches"] == {}

    def test_a_batch_whose_files_were_written_goes_on_by_its_name_alone(self, ledger: Ledger) -> None:
        batch = ledger.begin({"limit": 2}, AT)
        first = claim(ledger, batch, "anna", offers("x"), TWO)
        ledger.mark_written(batch)
        with pytest.raises(LedgerError, match=f"may have been sent.*--batch {batch.batch}"):
            ledger.begin({"limit": 2}, day(7))
        again = ledger.begin({"limit": 2}, day(7), batch.batch)
        assert (again.closed, claim(ledger, again, "anna", offers("y"), TWO)) == (True, first)
        with pytest.raises(LedgerError, match="takes no new customers"):
            claim(ledger, again, "berta", offers("x"), TWO)
        ledger.finish(again)
        assert ledger.begin({"limit": 2}, day(7)).batch != batch.batch

    @pytest.mark.parametrize("what", ["opt-out", "erasure", "outcome"])
    def test_while_a_batch_has_the_last_word_nobodys_wish_is_recorded(
        self, ledger: Ledger, url: str, key: Key, what: str
    ) -> None:
        record_wish(ledger, "berta", "opted-out", AT)

        begun = threading.Event()

        def wish() -> None:
            with open_ledger(url, key) as own:
                begun.set()
                if what == "opt-out":
                    record_wish(own, "anna", "opted-out", AT)
                elif what == "erasure":
                    erase_customer(own, "anna", AT)
                else:
                    record(own, [Outcome("anna", "opted-out", AT)])

        with ThreadPoolExecutor(1) as pool:
            with ledger.last_word(["anna", "berta", "carla"]) as out:
                assert out == {"berta"}
                wished = pool.submit(wish)
                assert begun.wait(DEADLINE)
                with pytest.raises(TimeoutError):
                    wished.result(0.5)
            wished.result(DEADLINE)
        with ledger.last_word(["anna", "berta", "carla"]) as out:
            assert out == {"anna", "berta"}

    def test_outcomes_are_recorded_once_with_their_earliest_time(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO)
        late, early = Outcome("anna", "bought", day(5), "x"), Outcome("anna", "bought", day(2), "x")
        assert record(ledger, [late, early, late]) == {"new": 1, "known": 2}
        (outcome,) = export_customer(ledger, "anna")["outcomes"]
        assert (outcome["outcome"], outcome["happened_at"]) == ("bought", day(2).isoformat())

    def test_an_outcome_of_what_was_not_offered_is_counted_and_not_kept(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO)
        strange = [
            Outcome("anna", "bought", day(1), "y"),
            Outcome("berta", "bought", day(1), "x"),
            Outcome("anna", "bought", day(-1), "x"),
        ]
        assert record(ledger, strange) == {"no such offer": 3}
        assert export_customer(ledger, "anna")["outcomes"] == []

    def test_an_outcome_belongs_to_the_latest_offer_before_it(self, ledger: Ledger) -> None:
        again = Rules(limit=1, again_after_days=10)
        claim(ledger, begin(ledger, "a", day(0)), "anna", offers("x"), again)
        claim(ledger, begin(ledger, "b", day(20)), "anna", offers("x"), again)
        record(ledger, [Outcome("anna", "bought", day(21), "x"), Outcome("anna", "declined", day(3), "x")])
        found = {o["outcome"]: o["occasion"] for o in export_customer(ledger, "anna")["outcomes"]}
        assert found == {"declined": 1, "bought": 2}

    def test_an_export_holds_all_about_a_customer_and_nothing_about_another(self, ledger: Ledger, key: Key) -> None:
        claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO)
        claim(ledger, begin(ledger, "a"), "berta", offers("y"), TWO)
        found = export_customer(ledger, "anna")
        assert found["stored_as"] == key.hash("anna")
        assert [(o["product_id"], o["kind"], o["because"]) for o in found["offers"]] == [("x", "cross-sell", "milk")]
        assert found["decisions"] == [{"batch": "a", "reason": None}]
        assert export_customer(ledger, "nobody")["offers"] == []

    def test_an_erased_customer_leaves_only_the_wish_to_get_nothing(self, ledger: Ledger) -> None:
        batch = begin(ledger, "a")
        claim(ledger, batch, "anna", offers("x", "y"), TWO)
        record(ledger, [Outcome("anna", "bought", day(2), "x")])
        assert erase_customer(ledger, "anna", day(3)) == 2
        found = export_customer(ledger, "anna")
        assert found["offers"] == found["outcomes"] == found["decisions"] == []
        assert claim(ledger, batch, "anna", offers("x"), TWO).reason == "opted out"
        assert claim(ledger, begin(ledger, "b"), "anna", offers("x"), TWO).reason == "opted out"
        record_wish(ledger, "anna", "opted-in", day(4))
        assert claim(ledger, begin(ledger, "c"), "anna", offers("x"), TWO).offers, "who comes back is a new customer"

    def test_details_go_with_age_and_the_promise_stays(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a", day(0)), "anna", offers("x"), TWO)
        claim(ledger, begin(ledger, "b", day(50)), "anna", offers("y"), TWO)
        record(ledger, [Outcome("anna", "bought", day(60), "x"), Outcome("anna", "bought", day(60), "y")])
        gone = purge(ledger, day(40))
        assert (gone.details, gone.outcomes, gone.decisions, gone.keys, gone.batches) == (1, 1, 1, 0, 1)
        old, new = export_customer(ledger, "anna")["offers"]
        assert (old["product_id"], old["because"], old["score"]) == ("x", None, None)
        assert (new["product_id"], new["because"]) == ("y", "milk")
        assert not claim(ledger, begin(ledger, "c", day(70)), "anna", offers("x", "y"), TWO).offers
        with pytest.raises(LedgerError, match="details are purged"):
            begin(ledger, "a", day(0))
        assert purge(ledger, day(40)).details == 0

    def test_deleted_keys_give_the_promise_up_and_say_so(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a", day(0)), "anna", offers("x"), TWO)
        assert ledger.forgotten_before() is None
        assert purge(ledger, day(40), day(30)).keys == 1
        assert ledger.forgotten_before() == day(30)
        assert stats(ledger)["forgotten_before"] == day(30).isoformat()
        assert claim(ledger, begin(ledger, "b", day(70)), "anna", offers("x"), TWO).offers
        purge(ledger, day(20), day(10))
        assert ledger.forgotten_before() == day(30)

    def test_a_rule_that_looks_back_to_deleted_keys_is_refused(self, ledger: Ledger) -> None:
        purge(ledger, day(40), day(30))
        for rules in (Rules(caps=(Cap(1, 50),)), Rules(again_after_days=50)):
            with pytest.raises(LedgerError, match="are deleted, and the rules look back"):
                claim(ledger, begin(ledger, "a", day(70)), "anna", offers("x"), rules)
        assert claim(ledger, begin(ledger, "a", day(70)), "anna", offers("x"), Rules(caps=(Cap(1, 40),))).offers

    def test_keys_do_not_go_before_their_details(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerError, match="at least as long"):
            purge(ledger, day(0), day(1))

    def test_a_purge_never_forgets_who_opted_out(self, ledger: Ledger) -> None:
        record(ledger, [Outcome("anna", "opted-out", day(0))])
        purge(ledger, day(999), day(999))
        assert claim(ledger, begin(ledger, "a", day(2000)), "anna", offers("x"), TWO).reason == "opted out"

    def test_another_key_is_refused(self, ledger: Ledger, url: str) -> None:
        with pytest.raises(LedgerError, match="made with another key"):
            open_ledger(url, Key(b"another key of at least 16 bytes", "another"))

    def test_the_facts_of_a_reason_come_out_as_they_went_in(self, ledger: Ledger) -> None:
        facts = {"lift": 5.8, "due_in_days": -12.5, "times_bought": 3, "better": ("larger pack",), "price_step": 2.2}
        made = replace(offer("x"), **facts)
        batch = begin(ledger, "a")
        claim(ledger, batch, "anna", [made], TWO)
        (view,) = ledger.look(batch, ["anna"], TWO)
        assert view.decision == Decision((replace(made, request_id="anna"),), None)
        purge(ledger, day(999))
        (found,) = export_customer(ledger, "anna")["offers"]
        assert found["facts"] is None

    def test_another_version_is_refused(self, ledger: Ledger, url: str, key: Key) -> None:
        with ledger.database.transaction() as t:
            t.change("UPDATE mersalg_ledger SET value = '1' WHERE name = 'version'")
        with pytest.raises(LedgerError, match="expected a ledger of version 2, got version '1'"):
            open_ledger(url, key)

    def test_no_table_holds_a_customer_id(self, ledger: Ledger) -> None:
        name = "anna.secret@example.com"
        claim(ledger, begin(ledger, "a"), name, offers("x"), TWO)
        record(ledger, [Outcome(name, "bought", day(1), "x"), Outcome(name, "opted-out", day(1))])
        with ledger.database.transaction() as t:
            for table in ("ledger", "customers", "batches", "claims", "decisions", "outcomes"):
                assert name not in repr(t.rows(f"SELECT * FROM mersalg_{table}")), table

    def test_what_fails_in_a_transaction_leaves_nothing(self, ledger: Ledger) -> None:
        def fail() -> None:
            with ledger.database.transaction() as t:
                t.change("INSERT INTO mersalg_customers (customer) VALUES ('x')")
                raise RuntimeError("after the statement")

        with pytest.raises(RuntimeError, match="after the statement"):
            fail()
        with ledger.database.transaction() as t:
            assert t.rows("SELECT * FROM mersalg_customers") == []

    def test_a_statement_that_fails_is_a_ledger_error(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerError), ledger.database.transaction() as t:
            t.rows("SELECT * FROM no_such_table")
        assert claim(ledger, begin(ledger, "a"), "anna", offers("x"), TWO).offers

    def test_many_threads_of_one_ledger_claim_each_offer_once(self, ledger: Ledger) -> None:
        rules, won = Rules(limit=1), []

        def race(number: int) -> None:
            for product in "abcdef":
                batch = begin(ledger, f"{number} {product}")
                won.extend(products(claim(ledger, batch, "anna", offers(product), rules)))

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == list("abcdef")

    def test_of_connections_that_race_for_the_last_place_under_a_cap_one_gets_it(
        self, ledger: Ledger, url: str, key: Key
    ) -> None:
        rules, racers, rounds = Rules(limit=1, caps=(Cap(1, 30),)), 4, 25
        together = threading.Barrier(racers)
        customers = [f"customer {n}" for n in range(rounds)]
        record(ledger, [Outcome(customer, "opted-in", AT) for customer in customers])  # each is known before the race
        won: list[str] = []

        def race(number: int) -> None:
            with open_ledger(url, key) as own:
                batch = begin(own, f"batch {number}")
                for customer in customers:
                    together.wait(DEADLINE)
                    won.extend(customer for _ in claim(own, batch, customer, offers(f"product {number}"), rules).offers)

        with ThreadPoolExecutor(racers) as pool:
            list(pool.map(race, range(racers)))
        assert Counter(won) == dict.fromkeys(customers, 1)

    def test_each_customer_stands_once_in_a_claim(self, ledger: Ledger) -> None:
        batch = begin(ledger, "a")
        assert ledger.claim(batch, [], TWO) == []
        with pytest.raises(LedgerError, match="each customer once"):
            ledger.claim(batch, [Ask("anna", []), Ask("anna", [])], TWO)

    def test_figures_count_and_name_nobody(self, ledger: Ledger) -> None:
        claim(ledger, begin(ledger, "a"), "anna", [offer("x"), offer("y", "add-on")], TWO)
        claim(ledger, begin(ledger, "a"), "berta", [], TWO)
        record(ledger, [Outcome("anna", "bought", day(1), "x")])
        found = stats(ledger)
        assert (found["offers"], found["customers_with_offers"], found["opted_out"]) == (2, 1, 0)
        assert found["offers_by_kind"] == {"add-on": 1, "cross-sell": 1}
        assert found["outcomes"] == {"bought": 1}
        assert found["batches"] == {"open": 1}
        assert found["without_offer"] == {"below threshold": 1}
