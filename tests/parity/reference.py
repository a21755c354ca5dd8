"""The whole path from a request to offers in plain numpy: what the graph has to agree with, item by item.

Written for clarity, with dictionaries and loops, from the rules and not from the graph. Sums are float32 in the order
that the rules give, so that both take the same side of every rounding but the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mersalg.names import AFTER_PAYMENT, Kind, Moment
from mersalg_training.data.timeline import Float32, Int64
from mersalg_training.graph.facts import STANDING
from mersalg_training.graph.retrieve import SCANNED
from mersalg_training.graph.shortlist import GROUPS, SIGNALS
from mersalg_training.tables.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable
from mersalg_training.tables.shop_tables import ShopTables

F = np.float32
NAN = F(np.nan)
ZERO = F(0)
FAR = F(1e9)
MAX_CART = 100
WEAK = 2**20 - 1
OWN_WEIGHTS = 2**20
USUAL_TYPES = 16
SHARES, COUNTS = 2**20, 2**10
"""Steps of 1 in which what is compared is counted, so that sums that are equal but for their last bit stay equal."""


@dataclass(frozen=True)
class Ask:
    """A request over item indices; the index n_items is an unknown product."""

    cart: Sequence[int]
    history: Sequence[tuple[int, float, float]]
    """Item, age in days, quantity."""
    moment: Moment
    kinds: frozenset[Kind]
    exclude: Sequence[int] = ()
    limit: int = 10
    threshold: bool = True
    only: Sequence[int] = ()
    by_value: bool = False
    by_moment: bool = False


@dataclass
class Own:
    """What the customer did with one product."""

    count: np.float32 = ZERO
    short: np.float32 = ZERO
    long: np.float32 = ZERO
    pieces: np.float32 = ZERO
    first: np.float32 = ZERO
    age: np.float32 = FAR
    due: np.float32 = NAN
    interval: np.float32 = NAN


@dataclass
class Pooled:
    """One candidate as its sources brought it."""

    total: dict[str, np.float32]
    closest: np.float32
    """The highest cosine to a product of the cart."""
    anchor: int | None
    """Of the strongest entry, where it brings it surely enough."""
    directed: bool
    strength: np.float32
    """Of the strongest entry."""
    found: bool
    """Whether any source but `only` brings it."""


@dataclass(frozen=True)
class Candidate:
    """A candidate that was kept, with all that is decided of it."""

    item: int
    kind: Kind
    anchor: int | None
    is_own: bool
    strength: np.float32
    first_score: np.float32
    signals: dict[str, np.float32]
    features: dict[str, np.float32] = field(default_factory=dict)
    beside_cart: bool = False
    """Of a type in the cart, or brought by a product of it."""
    better: tuple[str, ...] = ()
    """In what an upsell is better than its anchor."""
    fits: bool = True
    """Whether it fits the same as its anchor, where it is an accessory that stands beside another product."""


@dataclass(frozen=True)
class Shop:
    """What the reference is made of: the tables and the first weights, a column for each of GROUPS."""

    tables: ShopTables
    first_weights: Float32

    def price(self, item: int | None) -> np.float32:
        return NAN if item is None else self.tables.vocabulary.price[item]

    def value(self, item: int) -> np.float32:
        """What a sale brings: price less cost, else the price, else what the middle product brings."""
        price, cost = self.tables.vocabulary.price[:-1].astype(float), self.tables.vocabulary.cost[:-1].astype(float)
        known = [p if np.isnan(c) else p - c for p, c in zip(price, cost, strict=True) if not np.isnan(p)]
        if np.isnan(price[item]):
            return F(np.median(known)) if known else F(1)
        return F(price[item] if np.isnan(cost[item]) else price[item] - cost[item])

    def statistic(self, name: str, item: int) -> np.float32:
        return self.tables.vocabulary.statistics[name][item]


@dataclass(frozen=True)
class Entry:
    """What one source says of a product."""

    item: int
    anchor: int | None = None
    strength: np.float32 = ZERO
    channels: dict[str, np.float32] = field(default_factory=dict)

    @property
    def directed(self) -> bool:
        """Whether the product extends the anchor."""
        return bool(self.channels.get("directed", F(0)) > 0)

    def place(self, none: int) -> tuple[bool, int, int]:
        """Which of a product's entries goes first: one that it extends, the strongest, that of the first anchor."""
        steps = int((F(0.5) * F(self.directed) + self.strength * F(0.5)) * F(WEAK))
        return not self.directed, -steps, none if self.anchor is None else self.anchor


class Asked:
    """A request read against the shop: canonical cart, own products, groups."""

    def __init__(self, shop: Shop, ask: Ask) -> None:
        self.shop, self.ask, self.tables = shop, ask, shop.tables
        n = self.tables.n_items
        self.paid = ask.moment in AFTER_PAYMENT
        in_cart = sorted({item for item in ask.cart if item < n})
        self.whole_cart = set(in_cart)
        self.cart = in_cart[:MAX_CART]
        lines = [(item, F(age), F(quantity)) for item, age, quantity in ask.history if item < n and age >= 0]
        lines += [(item, F(0), F(1)) for item in in_cart] if self.paid else []
        self.times = sorted({float(age) for _, age, _ in lines})
        self.own = self.own_products(lines)
        self.own_weight = max(F(sum(own.long for own in self.own.values())), F(1e-6))
        self.taste = self.folded_in()
        self.types = self.group(self.tables.vocabulary.product_type, self.tables.n_types)
        self.categories = self.group(self.tables.vocabulary.category, self.tables.n_categories)
        self.brands = self.group(self.tables.vocabulary.brand, self.tables.n_brands)
        self.cart_affinity = self.affinity([(int(self.types.code_of[item]), F(1)) for item in self.cart])
        share = {code: stepped(share, SHARES) for code, share in self.types.share.items()}
        usual = sorted(share, key=lambda code: (-share[code], code))[:USUAL_TYPES]
        self.own_affinity = self.affinity([(code, self.types.share[code]) for code in usual])

    def own_products(self, lines: list[tuple[int, np.float32, np.float32]]) -> dict[int, Own]:
        own: dict[int, Own] = {}
        rhythm = self.tables.rhythm
        for item, age, quantity in sorted(lines, key=lambda line: line[0]):
            product = own.setdefault(item, Own())
            product.count += F(1)
            product.short += np.exp(age * F(-np.log(2.0) / rhythm.short_days))
            product.long += np.exp(age * F(-np.log(2.0) / rhythm.long_days))
            product.pieces += quantity
            product.first, product.age = max(product.first, age), min(product.age, age)
        for item, product in own.items():
            usual = self.shop.statistic("interval_days", item)
            expected = (product.first - product.age + usual * F(2)) / (product.count - F(1) + F(2))
            product.interval = np.maximum(expected, F(0.5))
            product.due = product.age / product.interval
        return own

    def folded_in(self) -> Float32:
        """The customer's factors: one least-squares step over the own products."""
        taste = self.tables.taste
        total = sum(
            (np.log(own.long + F(1)) * taste.factors[item] for item, own in sorted(self.own.items())),
            np.zeros(taste.factors.shape[1], dtype=F),
        )
        return total @ taste.solve

    def group(self, code_of: Int64, unknown: int) -> Group:
        group = Group(code_of, unknown)
        for item in self.cart:
            group.add(group.in_cart, item, F(1))
        for item, product in self.own.items():
            group.add(group.lines, item, product.count)
            group.add(group.share, item, product.long / self.own_weight)
        return group

    def type_anchor(self, item: int) -> int | None:
        """What a candidate stands beside: the dearest of its type in the cart, else the usual one of a usual type."""
        if (code := self.types.known(item)) is None:
            return None
        beside = [c for c in self.cart if self.types.known(c) == code]
        if beside:
            return max(beside, key=lambda c: (np.nan_to_num(self.shop.price(c), nan=-1.0), c))
        rules = self.tables.config.kinds
        if self.types.lines.get(code, 0) < max(len(self.times) * rules.usual_type_share, rules.usual_type_lines):
            return None
        usual = [o for o in self.own if self.types.known(o) == code]
        return max(usual, key=lambda o: (int(min(stepped(self.own[o].long, COUNTS) * F(COUNTS), F(OWN_WEIGHTS))), o))

    def cheapest(self, item: int) -> int | None:
        """The cheapest of its type in the cart; what has no price only where nothing has one."""
        code = self.types.known(item)
        beside = [c for c in self.cart if code is not None and self.types.known(c) == code]
        known = [c for c in beside if not np.isnan(self.shop.price(c))]
        return min(known, key=lambda c: (self.shop.price(c), c)) if known else max(beside, default=None)

    def affinity(self, speaking: list[tuple[int, np.float32]]) -> dict[int, np.float32]:
        """How much product types of a weight speak for each type."""
        table, total = self.tables.neighbours.type_affinity, dict[int, np.float32]()
        for code, weight in speaking:
            for other, value in zip(table.items[code].tolist(), table.values[code, :, 0], strict=True):
                total[other] = total.get(other, F(0)) + value * weight
        return total

    def type_score(self, code: int) -> np.float32:
        """How much a type has to do with the request."""
        return self.cart_affinity.get(code, F(0)) + self.own_affinity.get(code, F(0)) + self.types.share.get(code, F(0))


class Group:
    """Sums of cart and history by product type, category or brand."""

    def __init__(self, code_of: Int64, unknown: int) -> None:
        self.code_of, self.unknown = code_of, unknown
        self.in_cart: dict[int, np.float32] = {}
        self.lines: dict[int, np.float32] = {}
        self.share: dict[int, np.float32] = {}

    def known(self, item: int) -> int | None:
        return None if self.code_of[item] == self.unknown else int(self.code_of[item])

    def add(self, sums: dict[int, np.float32], item: int, value: np.float32) -> None:
        if (code := self.known(item)) is not None:
            sums[code] = sums.get(code, F(0)) + value

    def of(self, sums: dict[int, np.float32], item: int) -> np.float32:
        code = self.known(item)
        return F(0) if code is None else sums.get(code, F(0))


def gather(asked: Asked) -> dict[int, Pooled]:
    """Every product that a source brings, ascending, with its channels summed, and those of its strongest entry."""
    tables, near = asked.tables, asked.tables.neighbours
    entries: list[Entry] = []

    def bring(anchors: Sequence[int], table: NeighbourTable, channels: Sequence[str]) -> None:
        for anchor in anchors:
            row = near.row_of_item[anchor]
            for item, values in zip(table.items[row].tolist(), table.values[row], strict=True):
                if item < tables.n_items:
                    known = dict(zip(channels, values, strict=True))
                    entries.append(Entry(item, anchor, known.get("strength", F(0)), known))

    bring(asked.cart, near.cart, CART_CHANNELS)
    bring(asked.cart, near.ladder, ("ladder",))
    usual = sorted(asked.own, key=lambda o: -stepped(asked.own[o].long, COUNTS))[: tables.config.retrieve.own_anchors]
    bring([*asked.cart, *usual], near.anchor, ANCHOR_CHANNELS)
    entries += [Entry(item) for item in [*asked.own, *asked.whole_cart, *asked.ask.exclude]]
    entries += [Entry(item) for item in [*of_types(asked), *liked(asked)]]
    entries += [Entry(item) for item in tables.most_popular(tables.config.retrieve.popular_candidates).tolist()]
    found = {entry.item for entry in entries}
    entries += [Entry(item) for item in asked.ask.only]
    pool: dict[int, Pooled] = {}
    for entry in sorted(entries, key=lambda entry: (entry.item, entry.place(tables.n_items))):
        if entry.item < tables.n_items:
            is_brought = bool(entry.strength >= F(0.5))
            anchor = entry.anchor if is_brought else None
            extends = entry.directed and is_brought
            first = Pooled({}, F(0), anchor, extends, entry.strength, entry.item in found)
            pooled = pool.setdefault(entry.item, first)
            pooled.closest = max(pooled.closest, entry.channels.get("cosine", F(0)))
            for name, value in entry.channels.items():
                pooled.total[name] = pooled.total.get(name, F(0)) + value
    return pool


def of_types(asked: Asked) -> list[int]:
    """The products of the types that have most to do with the request."""
    tables = asked.tables
    score = {code: stepped(asked.type_score(code), SHARES) for code in range(tables.n_types)}
    best = sorted(score, key=lambda code: (-score[code], code))[: tables.config.retrieve.types]
    rows = [tables.neighbours.popular_of_type.items[code] for code in best if score[code] > 0]
    return [item for row in rows for item in row.tolist()]


def liked(asked: Asked) -> list[int]:
    """Of the popular products those new to the customer that fit the taste best."""
    tables = asked.tables
    scanned = [item for item in tables.most_popular(min(SCANNED, tables.n_items)).tolist() if item < tables.n_items]
    fit = {item: stepped(tables.taste.factors[item] @ asked.taste, SHARES) for item in scanned if item not in asked.own}
    best = sorted(fit, key=lambda item: -fit[item])[: tables.config.retrieve.taste_candidates]
    return [item for item in best if fit[item] > 0]


def stepped(value: np.float32, steps: int) -> np.float32:
    """The value in whole steps."""
    return np.round(F(value) * F(steps)) / F(steps)


def kind_of(asked: Asked, item: int, pooled: Pooled) -> tuple[Kind, int | None]:
    """The one kind of a candidate and its anchor, by the rules of `mersalg_training.tables.kinds`."""
    rules, beside = asked.tables.config.kinds, asked.type_anchor(item)
    upsells_alone = "upsell" in asked.ask.kinds and "more-of-same" not in asked.ask.kinds
    if upsells_alone and beside is not None and (cheapest := asked.cheapest(item)) is not None:
        beside = cheapest if asked.shop.price(item) < asked.shop.price(beside) * F(rules.upsell_step) else beside
    dearer = asked.shop.price(item) >= asked.shop.price(beside) * F(rules.upsell_step)
    if dearer and not asked.paid and asked.types.of(asked.types.in_cart, item) > 0:
        return "upsell", beside
    if item in asked.own:
        return ("replacement" if asked.own[item].due >= rules.due_ratio else "more-of-same"), item
    if beside is not None:
        return ("upsell" if dearer else "more-of-same"), beside
    return ("add-on" if pooled.directed else "cross-sell"), pooled.anchor


def eligible(asked: Asked, item: int, kind: Kind) -> bool:
    """Of an allowed kind, not excluded, and nothing that the moment forbids.

    Forbidden is what lies in a cart that is open or has just been paid for, and of the latter whatever is of a type in
    it; an upsell of what is paid; and anything at all after payment in a shop that knows no customer to come back.
    """
    confirmed = asked.ask.moment == "order-confirmation"
    if item in asked.whole_cart and (confirmed or not asked.paid):
        return False
    if confirmed and asked.types.of(asked.types.in_cart, item) > 0:
        return False
    if asked.paid and (kind == "upsell" or np.isnan(asked.tables.rhythm.order_gap_days)):
        return False
    return kind in asked.ask.kinds and item not in asked.ask.exclude


def offerable(candidate: Candidate) -> bool:
    """Whether it may be shown at all: a new product needs an anchor, an upsell something that makes it better."""
    if candidate.kind in ("cross-sell", "add-on"):
        return candidate.anchor is not None
    return candidate.fits and (candidate.kind != "upsell" or len(candidate.better) > 0)


def better_of(tables: ShopTables, item: int, kind: Kind, anchor: int | None) -> tuple[str, ...]:
    """A tenth more, a twentieth cheaper by the unit, a brand a quarter dearer, or features besides all of the anchor's.

    Nothing of what is smaller than its anchor. Sizes of other measures lie 64 doublings apart, or more. Of another line
    a price by the unit says nothing, and a pack is larger only while it costs at most a fifth less by the unit.
    """
    if kind != "upsell" or anchor is None:
        return ()
    size, by_unit, grade = (float(row[item] - row[anchor]) for row in tables.advantages.qualities)
    if -32.0 < size < np.log2(0.99):
        return ()
    same = tables.advantages.line[item] == tables.advantages.line[anchor]
    had, has = (f"{int(tables.advantages.features[i]):064b}" for i in (anchor, item))
    named = {
        "larger pack": np.log2(1.1) <= size < 32.0 and (same or not by_unit > np.log2(1.25)),
        "lower price for the unit": -np.log2(0.95) <= by_unit < 32.0 and same,
        "higher grade": np.log2(1.25) <= grade < 32.0,
        "more features": has != had and all(new == "1" for new, old in zip(has, had, strict=True) if old == "1"),
    }
    return tuple(name for name, holds in named.items() if holds)


def fits_alike(tables: ShopTables, item: int, anchor: int | None) -> bool:
    """Whether an item declares nothing, or the same as its anchor."""
    return tables.fits[item] in (0, 0 if anchor is None else tables.fits[anchor])


def lift_of(asked: Asked, candidate: Candidate) -> float:
    """The lift of a new product with its anchor, as either table has it; NaN without one."""
    if candidate.kind not in ("cross-sell", "add-on") or candidate.anchor is None:
        return float("nan")
    near = asked.tables.neighbours
    row = near.row_of_item[candidate.anchor]
    told = [
        float(values[channels.index("lift")])
        for table, channels in ((near.cart, CART_CHANNELS), (near.anchor, ANCHOR_CHANNELS))
        for item, values in zip(table.items[row].tolist(), table.values[row], strict=True)
        if item == candidate.item
    ]
    return max(told)


def signals_of(asked: Asked, item: int, anchor: int | None, pooled: Pooled) -> dict[str, np.float32]:
    """What the first score sees of a request's candidate."""
    own, total, types, tables = asked.own.get(item, Own(age=F(0), due=F(0))), pooled.total, asked.types, asked.tables
    code = types.known(item)
    share = F(0) if code is None else np.sqrt(asked.shop.statistic("type_share", item))
    by_type = {
        "cart_affinity": F(0) if code is None else asked.cart_affinity.get(code, F(0)) * share,
        "own_affinity": F(0) if code is None else asked.own_affinity.get(code, F(0)) * share,
        "share_of_own": types.of(types.share, item),
        "like_cart": types.of(types.in_cart, item),
    }
    sums = {name: total.get(name, F(0)) for name in ("cosine", "confidence", "ease", "ladder", "follow", "near")}
    cart = tables.factors[[c for c in asked.cart if c < tables.vocabulary.supported]].sum(axis=0) / F(
        max(1, len(asked.cart))
    )
    known = item < tables.vocabulary.supported
    return {name: np.sqrt(value) for name, value in (sums | {"closest": pooled.closest} | by_type).items()} | {
        "taste": F(tables.taste.factors[item] @ asked.taste) if known else F(0),
        "cart_fit": F(tables.factors[item] @ cart) if known else F(0),
        "own_long": np.log(own.long + F(1)),
        "own_short": np.sqrt(own.short),
        "due": np.minimum(own.due, F(2)) if own.due > 0 else F(0),
        "has_anchor": F(anchor is not None),
        "strength": pooled.strength,
    }


def standing_of(asked: Asked, item: int) -> dict[str, np.float32]:
    """What the first score sees of the product alone."""
    of = {name: asked.shop.statistic(name, item) for name in ("log_orders", "month_share", "trend", "repeat_rate")}
    idle, share = asked.shop.statistic("idle_days", item), asked.shop.statistic("type_share", item)
    return {
        "log_orders": of["log_orders"],
        "recent": np.sqrt(of["month_share"]),
        "trend": min(of["trend"], F(3)),
        "repeat_rate": of["repeat_rate"],
        "idle": F(0) if np.isnan(idle) else np.log(idle + F(1)),
        "share_of_type": F(0) if np.isnan(share) else share,
        "unsold": F(asked.tables.vocabulary.orders[item] == 0),
    }


@dataclass(frozen=True)
class Shortlisted:
    """What the first score made of the pool."""

    kept: list[Candidate]
    """Own ones first, the best first."""
    left: list[Candidate]
    retrieved: int
    """How many were eligible."""
    found: int
    """How many would have been, had the request not been restricted."""


def shortlisted(asked: Asked) -> Shortlisted:
    """The candidates that go to the trees; of a restricted request all."""
    tables, only, found = asked.tables, set(asked.ask.only), 0
    sides: tuple[list[Candidate], ...] = ([], [], [])
    for item, pooled in gather(asked).items():
        kind, anchor = kind_of(asked, item, pooled)
        if not eligible(asked, item, kind):
            continue
        found += pooled.found
        if only and item not in only:
            continue
        is_own = item in asked.own
        signals = signals_of(asked, item, anchor, pooled)
        seen = [signals[name] for name in SIGNALS] + [standing_of(asked, item)[name] for name in STANDING]
        group = GROUPS.index(("own" if is_own else "new") + ("" if asked.cart else ", empty cart"))
        *weights, intercept = asked.shop.first_weights[:, group]
        score = F(sum(value * weight for value, weight in zip(seen, weights, strict=True))) + intercept
        side = 0 if is_own else 1 if asked.tables.vocabulary.orders[item] > 0 else 2
        better, fits = better_of(tables, item, kind, anchor), fits_alike(tables, item, anchor)
        sides[side].append(
            Candidate(
                item,
                kind,
                anchor,
                is_own,
                pooled.strength,
                score,
                signals,
                better=better,
                fits=fits,
                beside_cart=asked.types.of(asked.types.in_cart, item) > 0 or pooled.anchor in asked.cart,
            )
        )
    retrieved = sum(map(len, sides))
    kept, left = [], []
    for side, places in zip(sides, (tables.own_places, tables.new_places, tables.unsold_places), strict=True):
        side.sort(key=lambda candidate: -candidate.first_score)
        end = len(side) if only else places
        kept += side[:end]
        left += side[end:]
    return Shortlisted(kept, left, retrieved, found)
