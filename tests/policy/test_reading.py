from __future__ import annotations

import math
from pathlib import Path

import pytest

from mersalg import ConfigError
from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg.policy import default_policy, parse_policy, read_policy
from mersalg.policy.default import DEFAULT_POLICY

ROOT = Path(__file__).parents[2]


def test_what_a_file_leaves_out_has_the_default_s_value() -> None:
    policy = parse_policy("[moments.cart]\nlimit = 7\n[blocked]\nbrands = ['Acme']\n")
    default = default_policy()
    assert policy.moments["cart"].limit == 7
    assert policy.moments["cart"].kinds == default.moments["cart"].kinds
    assert policy.moments["checkout"] == default.moments["checkout"]
    assert policy.blocked.brands == {"Acme"}
    assert policy.budget == default.budget
    assert parse_policy("") == default


def test_a_default_gives_way_to_what_the_file_states() -> None:
    few = parse_policy("[moments.cart]\nkinds = {upsell = 1}\n[moments.product-page]\nlimit = 1\n").moments
    assert few["cart"].never_together == (), "replacements are not offered there any more"
    assert few["product-page"].kinds == {"cross-sell": 1, "add-on": 1, "upsell": 1}


def test_the_example_is_the_default_and_fits_on_a_screen_or_two() -> None:
    text = (ROOT / "configs" / "policy.toml").read_text()
    assert text == DEFAULT_POLICY
    assert read_policy(ROOT / "configs" / "policy.toml") == default_policy()
    assert len(text.splitlines()) < 80


def test_every_moment_is_named_in_the_default_and_none_sells_up_after_payment() -> None:
    policy = default_policy()
    assert tuple(policy.moments) == MOMENTS
    assert all("upsell" not in policy.moments[moment].kinds for moment in AFTER_PAYMENT)
    assert policy.moments["product-page"].first == (frozenset({"upsell"}),)
    assert policy.moments["cart"].kinds["upsell"] == 1
    assert policy.moments["checkout"].most_of_cart == 0.25


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[budgets]\n", "budgets: no such key; did you mean 'budget'"),
        ("[moments.basket]\n", "moments.basket: no such key; expected one of product-page"),
        ("[moments.cart]\nlimits = 3\n", "moments.cart.limits: no such key; did you mean 'limit'"),
        ("[moments.cart]\nkinds = {upsel = 1}\n", "moments.cart.kinds.upsel: no such key; did you mean 'upsell'"),
        ("[budget]\nupsell_steps = 1\n", "budget.upsell_steps: no such key; did you mean 'upsell_step'"),
        ("[moments.cart]\nlimit = 0\n", "moments.cart.limit: expected a whole number from 1, got 0"),
        ("[moments.cart]\nlimit = true\n", "moments.cart.limit: expected a whole number from 1, got True"),
        ("[moments.cart]\nkinds = {upsell = 0}\n", "moments.cart.kinds.upsell: expected a whole number from 1"),
        ("[moments.cart]\nkinds = ['upsell']\n", "moments.cart.kinds: expected a table"),
        ("[moments.cart]\nfirst = ['gift']\n", r"moments.cart.first\[0\]: expected one of cross-sell"),
        ("[moments.cart]\nfirst = ['upsell', 'upsell']\n", "moments.cart.first: expected each kind once"),
        ("[moments.cart]\nnever_together = [['upsell']]\n", r"never_together\[0\]: expected at least two kinds"),
        ("[moments.cart]\norder = 'price'\n", "moments.cart.order: expected one of relevance, value"),
        ("[moments.cart]\nmost_of_cart = 0\n", "moments.cart.most_of_cart: expected a number above 0, or inf, got 0"),
        ("[budget]\nupsell_step = nan\n", "budget.upsell_step: expected a number above 0, or inf, got nan"),
        ("[budget]\npaid_quantile = 1.5\n", "budget.paid_quantile: expected a number above 0 to 1, got 1.5"),
        ("[budget]\ncart_ceiling = '9'\n", "budget.cart_ceiling: expected a number above 0, or inf, got '9'"),
        ("[owned]\ndurable_days = -1\n", "owned.durable_days: expected a number from 0, or inf, got -1"),
        ("[owned]\ndays_of_type = {tv = 'long'}\n", "owned.days_of_type.tv: expected a number from 0, or inf"),
        ("[eligibility]\nnot_in_catalogue = 'maybe'\n", "expected one of refuse, offer, got 'maybe'"),
        ("[blocked]\nproducts = [42]\n", "blocked.products: expected a list of texts in quotes"),
        ("[diversity]\ncoherent = 1\n", "diversity.coherent: expected true or false, got 1"),
        ("budget = 3\n", "budget: expected a table, got 3"),
        ("[budget\n", "expected TOML"),
    ],
)
def test_what_does_not_hold_is_refused_by_its_name(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_policy(text)


@pytest.mark.parametrize("moment", sorted(AFTER_PAYMENT))
def test_no_policy_sells_up_after_payment(moment: str) -> None:
    with pytest.raises(ConfigError, match=rf"moments\.{moment}\.kinds\.upsell: .* never offered"):
        parse_policy(f"[moments.{moment}]\nkinds = {{ upsell = 1 }}\n")


def test_a_refusal_names_the_file_and_one_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    with pytest.raises(ConfigError, match=r"policy\.toml: cannot be read: .*mersalg policy show"):
        read_policy(path)
    path.write_text("[budget]\nstep = 1\n")
    with pytest.raises(ConfigError, match=r"policy\.toml: budget\.step: no such key"):
        read_policy(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"policy\.toml: expected TOML in UTF-8"):
        read_policy(path)


def test_a_policy_cannot_be_changed() -> None:
    policy = default_policy()
    with pytest.raises(AttributeError):
        policy.budget.upsell_step = math.inf  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy.moments["cart"].kinds["upsell"] = 9  # type: ignore[index]


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "9" * 5_000], ids=["brackets", "digits"])
def test_a_hostile_file_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(ConfigError, match="expected TOML, got") as caught:
        parse_policy(text)
    assert len(str(caught.value)) < 200
