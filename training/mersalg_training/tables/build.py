"""Learns a shop's tables from everything before a day: counts, factors, vocabulary, neighbours."""

from __future__ import annotations

from dataclasses import replace

from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.history import CodedLines, History
from mersalg_training.data.timeline import Float32
from mersalg_training.progress import Tick
from mersalg_training.tables.accessories import find_accessories
from mersalg_training.tables.advantages import build_advantages
from mersalg_training.tables.counts import Counts, count_purchases
from mersalg_training.tables.ease import weights_of_orders
from mersalg_training.tables.exclusive import (
    exclusive_groups,
    types_taken_together,
    variant_codes,
    variants_of_several,
)
from mersalg_training.tables.factors import Taste, basket_factors, customer_taste, halved
from mersalg_training.tables.neighbours import build_neighbours
from mersalg_training.tables.relations import find_relations
from mersalg_training.tables.shop_tables import Rhythm, ShopTables
from mersalg_training.tables.vocabulary import Vocabulary, build_vocabulary


def learn_shop(
    history: History, attributes: Attributes, cut_day: float, config: Config, tick: Tick, rhythm: Rhythm | None = None
) -> ShopTables:
    """Count the lines before `cut_day` (days since 1970-01-01), and build the tables of them."""
    n_types = len(attributes.product_types)
    counted = count_purchases(history, attributes.product_type, n_types, [cut_day], config)
    return build_tables(counted.before(0), history, attributes, config, tick, rhythm)


def build_tables(
    counts: Counts, history: History, attributes: Attributes, config: Config, tick: Tick, rhythm: Rhythm | None = None
) -> ShopTables:
    """Tables of the lines before the cut of the counts; nothing later has any influence.

    `rhythm` is measured unless given: features and labels of one job share one.
    """
    n_types, cut_day = len(attributes.product_types), counts.cut_day
    vocabulary = build_vocabulary(counts, attributes, config)
    latest = history.latest_lines(cut_day, config.factors.max_orders)
    factors = factors_of_orders(latest, vocabulary, config)
    taste = taste_of_customers(history, vocabulary, cut_day, config)
    tick(1, 2)
    ease = weights_of_orders(latest, vocabulary)
    accessories = find_accessories(vocabulary, attributes, config.kinds)
    relations = find_relations(vocabulary, attributes)
    vocabulary = replace(vocabulary, statistics=relations.expected(vocabulary.statistics))
    neighbours = build_neighbours(counts, vocabulary, n_types, config, ease, accessories, relations)
    together = types_taken_together(latest, attributes.product_type, n_types, config)
    variant = variant_codes(attributes, vocabulary.code)
    tick(2, 2)
    return ShopTables(
        counts=counts,
        vocabulary=vocabulary,
        neighbours=neighbours,
        factors=factors,
        taste=taste,
        advantages=build_advantages(vocabulary, attributes, variant),
        exclusive_group=exclusive_groups(vocabulary, attributes, variant, together),
        variant=variants_of_several(variant),
        fits=accessories.fits,
        relations=relations,
        n_types=n_types,
        n_categories=len(attributes.categories),
        n_brands=len(attributes.brands),
        rhythm=rhythm or Rhythm(counts.order_gap_days),
        config=config,
    )


def factors_of_orders(latest: CodedLines, vocabulary: Vocabulary, config: Config) -> Float32:
    """(n_items + 1, factors) of the latest orders; products without support have none."""
    item = vocabulary.item_of_code[latest.product]
    frequent, n_items = item < vocabulary.supported, vocabulary.n_items + 1
    return halved(basket_factors(latest.order[frequent], item[frequent], n_items, config.factors, config.seed))


def taste_of_customers(history: History, vocabulary: Vocabulary, cut_day: float, config: Config) -> Taste:
    """The factors of customers, of what those with `factors.max_lines` bought before the cut."""
    customer, product = history.bought_by(cut_day, config.factors.max_lines, config.seed)
    item = vocabulary.item_of_code[product]
    frequent, n_items = item < vocabulary.supported, vocabulary.n_items + 1
    return customer_taste(customer[frequent], item[frequent], n_items, config.factors, config.seed)
