"""The policy that holds where a shop's own says nothing, as the file to start from."""

from __future__ import annotations

from typing import Final

DEFAULT_POLICY: Final = """\
# The offer policy of a shop. What is left out has the value that stands here; docs/policy.md explains every key.
# Shares are of 1, days are days, amounts are in the catalogue's currency; inf = no bound.

[moments.product-page]              # the upsell side by side with the product that is looked at, then what extends it
kinds = { upsell = 1, add-on = 3, cross-sell = 3 }    # the most of each; a kind that is not named is not offered
limit = 3
first = ["upsell"]                  # kinds in turns, each a kind or a list of kinds side by side; others come last
order = "relevance"                 # or "value": relevance times what a sale brings today
never_together = []
most_of_cart = inf
best_sellers = false                # true: a page without cart and history shows what sells best, because of nothing

[moments.cart]                      # what goes with the cart before what the customer buys anyway
kinds = { cross-sell = 3, add-on = 3, upsell = 1, more-of-same = 1, replacement = 1 }
limit = 3
first = [["cross-sell", "add-on"], "upsell"]
order = "relevance"
never_together = [["upsell", "replacement"], ["more-of-same", "replacement"]]
most_of_cart = inf
best_sellers = false

[moments.checkout]                  # nothing that makes somebody think again: cheap beside the cart
kinds = { add-on = 2, replacement = 1 }
limit = 2
first = ["add-on"]
order = "relevance"
never_together = []
most_of_cart = 0.25
best_sellers = false

[moments.order-confirmation]        # never an upsell of what was just paid: such a policy is refused
kinds = { add-on = 2, cross-sell = 2 }
limit = 2
first = []
order = "relevance"
never_together = []
most_of_cart = 0.5
best_sellers = false

[moments.follow-up]
kinds = { replacement = 3, more-of-same = 3, cross-sell = 1 }
limit = 3
first = ["replacement", "more-of-same"]
order = "relevance"
never_together = []
most_of_cart = inf
best_sellers = false

[budget]
upsell_step = 0.5                   # an upsell costs at most half as much again as its anchor
paid_quantile = 0.9                 # and no more than the customer has been paying in its type
paid_lines = 3                      # where so many lines of the history tell it; 0 = never
cart_ceiling = inf                  # open cart and offers together

[owned]                             # how long somebody has it, where the catalogue's lasts_days does not say
durable_days = inf
warranty_days = 730
subscription_days = 365
one_is_enough = []                  # product types of durables, such as ["dishwasher"]
days_of_type = {}                   # such as { "mobile phone" = 900 }

[eligibility]
not_in_catalogue = "refuse"         # or "offer"
least_stock = 1
least_margin = -inf                 # a share of the price

[blocked]
products = []
brands = []
product_types = []
categories = []

[diversity]
most_of_type = 1
coherent = true                     # no accessory that fits only what an upsell beside it replaces
"""
