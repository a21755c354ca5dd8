"""The configuration of a training job: one TOML file, complete and readable in one screen."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mersalg.errors import ConfigError
from mersalg.names import KINDS, Kind
from mersalg.policy.values import unknown
from mersalg.registry.server import without_password
from mersalg.toml import read_toml
from mersalg_training.addresses.address import SecretInAddressError, read_address
from mersalg_training.columns import Column, Format

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a job's name matches."""
SIZE: Final = r"(?i)^[0-9]+(\.[0-9]+)? ?[kmgt]i?b$"
"""What an amount of memory matches."""
SECRET: Final = "secret"
"""The type of an error whose input nothing may show."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Policy = Literal["reject", "keep"]
Days = Annotated[float, Field(ge=0.0)]


class ConfigSection(BaseModel):
    """A table of the TOML file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataConfig(ConfigSection):
    """Where the purchases are."""

    orders: str
    """Order lines: a Parquet or CSV file, a glob, a folder, or `package:NAME/PATH` inside an installed package; or a
    table elsewhere: `postgresql://HOST/DATABASE?table=NAME`, `delta:PATH`, `iceberg:PATH`, `s3://BUCKET/PATH`."""
    products: str | None = None
    """The catalogue, in the same forms; null or empty = none: the order lines tell what they can of their products."""
    offers: str | None = None
    """A log of offers, in the same forms or JSON Lines, which teaches what is accepted; null or empty = none."""
    format: Format = "table"
    """What the files are: tables, or the export of a shop system, which an adapter reads."""
    columns: dict[Column, str] = Field(default_factory=dict)
    """mersalg's column -> a column of the source, or a DuckDB expression over its columns."""
    encoding: str = "utf-8"
    """Of the CSV files, by a name that Python knows, as windows-1252, latin-1 or utf-16."""

    @field_validator("products", "offers")
    @classmethod
    def none_where_empty(cls, location: str | None) -> str | None:
        """Null for an empty text: TOML, and so `--set data.products=`, has no word for null."""
        return location or None

    @field_validator("orders", "products", "offers")
    @classmethod
    def that_holds(cls, location: str | None) -> str | None:
        """An address without a password, of options that are known; files are looked for when they are read."""
        try:
            read_address(location or "")
        except SecretInAddressError as error:
            raise PydanticCustomError(SECRET, str(error)) from None
        return location

    @field_validator("encoding")
    @classmethod
    def of_text(cls, encoding: str) -> str:
        """An encoding that Python knows, and that is one of texts."""
        try:
            "".encode(encoding)
        except (LookupError, ValueError):
            raise ValueError("expected an encoding, as utf-8, windows-1252, latin-1 or utf-16") from None
        return encoding


class ContractConfig(ConfigSection):
    """What becomes of lines that are not plain purchases: `reject` drops and counts them, `keep` counts only."""

    max_reject_share: Share = 0.25
    """More rejected lines than this share stops the job."""
    cancellation: Policy = "reject"
    """The order id matches `cancelled_order_pattern`, or the quantity is negative."""
    non_positive_quantity: Policy = "reject"
    """A kept line counts as a purchase of one."""
    non_positive_price: Policy = "reject"
    """A kept line's price is unknown."""
    duplicate: Policy = "reject"
    """Another line of the order is equal in every column that is read; the first is no duplicate."""
    fee: Policy = "reject"
    """Fees, shipping, coupons: what is on the bill but is no merchandise."""
    unknown_product: Policy = "keep"
    """A catalogue is given and does not hold the product."""
    cancelled_order_pattern: str = "^C[0-9]+$"
    """An order id that matches is a cancellation; empty = none is."""
    fee_pattern: str = (
        r"(?i)^((dotcom|standard|express|next[ -]day|free|international|domestic|home|courier) )?"
        r"(postage|shipping|delivery|freight|carriage)( ?(and|&) ?(packing|packaging|handling|postage))?( ?\(.*\))?$"
        r"|\b(postage|shipping|delivery|freight|carriage|handling|bank|amazon|payment|transaction|booking|restocking|"
        r"carrier bag|bag) ?(fee|charge|cost|surcharge)s?\b"
        r"|^(manual|samples?|fuel|gasoline|diesel|refund|rounding|deposit|gratuity|store credit|vat|(sales )?tax|"
        r"(charity )?donations?)$"
        r"|^adjust(ment)?( (bad debt|by .*))?$|\bbad debt\b|\b(discount|commission)$"
        r"|\b(bottle|can|crv|container|keg|pallet) deposit\b|\bunleaded\b"
        r"|^((store|mfg|manufacturer) )?coupons?( ?/.*)?$|\bmisc(ellaneous)? sales trans"
        r"|^(fra[gk]t|forsendelse|levering|leverans|rabatt?|drikkepenge)( ?[,:(].*)?$"
        r"|\b\w*(gebyr|avgift)(er)?\b"
    )
    """A product whose id, name, category or type matches is a fee; empty = none is. What a shop's own columns say is
    better told by a mapping `is_fee`, a condition over a source."""


class EngineConfig(ConfigSection):
    """Where purchases are counted, and what the database may take of this machine."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    """The database of this process, or a Spark cluster (extra `spark`) that is named by"""
    master: str | None = None
    """its master, as spark://HOST:7077 or yarn, whose driver runs here,"""
    remote: str | None = None
    """or by the address of its Spark Connect server, as sc://HOST:15002."""
    scratch: str | None = None
    """A folder for its tables that the driver and all workers share, as /mnt/shared or s3a://BUCKET/FOLDER."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """null = the cores that the job may run on."""
    memory: Annotated[str, Field(pattern=SIZE)] | None = None
    """As 6GB; null = half of what is available when it is opened, within the limits of a container."""
    spill: str | None = None
    """The folder below which lies what does not fit in memory; null = the system's for temporary files."""
    drawn_lines: Annotated[int, Field(ge=1000)] = 5_000_000
    """Lines that come into memory. Of more, so many of drawn customers: requests and the evaluation are made of them,
    while all lines are counted."""

    @model_validator(mode="after")
    def named_cluster(self) -> EngineConfig:
        """A cluster has one address and a scratch folder; a database of this process has neither."""
        given = [name for name in ("master", "remote", "scratch") if getattr(self, name) is not None]
        if self.kind == "duckdb" and given:
            raise ValueError(f'{", ".join(given)} stands beside kind = "spark" only')
        if self.kind == "spark" and given not in (["master", "scratch"], ["remote", "scratch"]):
            raise ValueError(f"a cluster needs scratch and either master or remote, not {given or 'none of them'}")
        if "token=" in (self.remote or ""):
            raise ValueError("a token belongs in the environment, as SPARK_CONNECT_AUTHENTICATE_TOKEN")
        return self


class SplitConfig(ConfigSection):
    """Windows by time, in days from the end; null takes a share of the span, or of orders that lie unevenly."""

    test_days: Annotated[int, Field(ge=0)] | None = None
    """Held back for `evaluate`; null = 10 % of the span, 0 = none."""
    calibrate_days: Annotated[int, Field(ge=1)] | None = None
    """Fits calibration, thresholds and certificate; null = 10 % of the span."""
    rank_days: Annotated[int, Field(ge=1)] | None = None
    """The last part of the fit window, whose carts fit the ranker; null = 15 % of the span."""


class LabelConfig(ConfigSection):
    """What counts as bought after an offer."""

    horizon_days: Days | None = None
    """After payment an offer is relevant if bought within so many days; null = from the customers' own rhythm."""


class PrivacyConfig(ConfigSection):
    """What a bundle may hold of customers."""

    min_customers: Annotated[int, Field(ge=1)] = 5
    """Pairs, switches, intervals, repeats and rows of a product rest on so many distinct customers, or are left out;
    where a customer is not known an order stands for one."""


class CountsConfig(ConfigSection):
    """Co-purchase counts."""

    min_support: Annotated[int, Field(ge=1)] = 5
    """Products in fewer orders share the neighbours of their product type."""
    min_pairs: Annotated[int, Field(ge=1)] = 2
    """Pairs seen in fewer orders are dropped."""
    follow_days: Days = 30.0
    """A follow-on pair lies in two orders of one customer at most so many days apart."""
    cosine_cart: Share = 0.7
    """Exponent of the cart side's support in the softened cosine; the candidate's side is 1 minus it."""


class FactorsConfig(ConfigSection):
    """Alternating least squares by implicit, on orders and on customers x products (Hu, Koren, Volinsky 2008)."""

    factors: Annotated[int, Field(ge=4, le=512)] = 32
    """Numbers that stand for an order, a customer or a product."""
    iterations: Annotated[int, Field(ge=1)] = 12
    """Times that both sides are solved in turn."""
    regularization: Annotated[float, Field(ge=0.0)] = 0.05
    """Of the factors of orders x products."""
    alpha: Annotated[float, Field(gt=0.0)] = 10.0
    """Confidence of a purchase above that of none."""
    taste_regularization: Annotated[float, Field(ge=0.0)] = 1.0
    """Of the factors of customers x products."""
    taste_alpha: Annotated[float, Field(gt=0.0)] = 1.0
    """The same confidence, of customers x products, where a product counts once."""
    max_orders: Annotated[int, Field(ge=100)] = 200_000
    """The latest orders that are factorised, and tell which types are taken together."""
    max_lines: Annotated[int, Field(ge=1000)] = 10_000_000
    """Lines of the customers who are factorised; of more, customers are drawn."""


class RetrieveConfig(ConfigSection):
    """The candidates of a request."""

    basket_neighbours: Annotated[int, Field(ge=1)] = 44
    """Products bought in one order with a product of the cart."""
    ladder_steps: Annotated[int, Field(ge=0)] = 32
    """Dearer products of the same type kept for each product."""
    follow_neighbours: Annotated[int, Field(ge=0)] = 10
    """Products bought first afterwards, and as many bought in one order, for each own product."""
    own_anchors: Annotated[int, Field(ge=1)] = 16
    """The customer's own products that bring neighbours of their own."""
    types: Annotated[int, Field(ge=1)] = 12
    """Product types, by what goes with the cart and with the history, whose products are looked at."""
    type_products: Annotated[int, Field(ge=1)] = 10
    """The most bought products of each of them."""
    type_unsold: Annotated[int, Field(ge=0)] = 6
    """Products of each of them that were never sold yet."""
    taste_candidates: Annotated[int, Field(ge=1)] = 32
    """Popular products, new to the customer, that fit the history's factors best."""
    popular_candidates: Annotated[int, Field(ge=1)] = 24
    """The most bought products of the last weeks."""
    own_candidates: Annotated[int, Field(ge=10)] = 48
    """Products of the customer that the first score keeps for the trees."""
    new_candidates: Annotated[int, Field(ge=10)] = 96
    """Products new to the customer that it keeps."""
    unsold_candidates: Annotated[int, Field(ge=0)] = 12
    """Products of the catalogue that were never sold yet, besides."""


class KindsConfig(ConfigSection):
    """The rules that give a pair (anchor, candidate) its one kind."""

    upsell_step: Annotated[float, Field(gt=1.0)] = 1.10
    """An upsell costs at least so many times its anchor."""
    least_lift: Annotated[float, Field(ge=1.0)] = 2.5
    """A new product needs an anchor with which it is bought at least so many times as often as orders of their size
    explain,"""
    false_discoveries: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """and of the pairs that count as such at most this share by chance."""
    best_seller_lift: Annotated[float, Field(ge=1.0)] = 1.6
    """One of the shop's 20 best-sellers needs so many times that lift: most people buy it anyway."""
    add_on_price: Annotated[float, Field(gt=0.0)] = 0.7
    """An add-on costs at most so many times its anchor."""
    add_on_direction: Annotated[float, Field(ge=1.0)] = 1.5
    """P(add-on given anchor) is at least so many times the reverse."""
    usual_type_lines: Annotated[int, Field(ge=1)] = 2
    """A product type is usual for a customer from so many past lines on,"""
    usual_type_share: Share = 0.1
    """and from so many lines an order on."""
    due_ratio: Annotated[float, Field(gt=0.0)] = 1.0
    """An own product is due for replacement from so many expected intervals on."""


class RankerConfig(ConfigSection):
    """Gradient-boosted trees over the graph's features."""

    kind: Literal["lightgbm", "histogram"] = "lightgbm"
    """The library that fits the trees: LightGBM, or scikit-learn's histogram trees."""
    trees: Annotated[int, Field(ge=1, le=5000)] = 60
    """Trees of each ranker: of own products, of new ones and of upsells."""
    leaves: Annotated[int, Field(ge=2, le=1024)] = 16
    """Most of a tree; fewer where less than 10,000 orders lie in the rank window."""
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.15
    """What a tree adds of what it has found."""
    min_leaf_rows: Annotated[int, Field(ge=1)] = 300
    """Of a leaf, and at most a two-hundredth of all rows."""
    feature_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Features that a tree (lightgbm) or a split (histogram) may use."""
    leaf_penalty: Annotated[float, Field(ge=0.0)] = 20.0
    """Penalty on the squared leaves; more where less than 10,000 orders lie in the rank window."""
    requests: Annotated[int, Field(ge=100)] = 40_000
    """Most training requests, over all moments."""
    negatives: Annotated[int, Field(ge=1)] = 16
    """Retrieved but not bought candidates kept for each request, weighted back to all of them."""


class AcceptanceConfig(ConfigSection):
    """What a log of offers (`data.offers`) adds to the ranker, where later offers of it surely lose nothing by it."""

    trees: Annotated[int, Field(ge=1, le=1000)] = 40
    """Of the correction, behind the ranker's own."""
    leaves: Annotated[int, Field(ge=2, le=256)] = 8
    """Most of a tree."""


WAYS: Final = ("precision", "mean_precision", "coverage", "cost_ratio", "cost")
"""In which a target may be stated."""


class TargetConfig(ConfigSection):
    """What is wanted of a kind of offer, in exactly one way."""

    precision: Share | None = None
    """The least relevance of each offer that is shown, and the least share of them that is relevant."""
    mean_precision: Share | None = None
    """That share alone: offers of a higher relevance pay for some of a lower one."""
    coverage: Share | None = None
    """The largest share of the requests, of those at moments that offer the kind, that see an offer of it."""
    cost_ratio: Annotated[float, Field(ge=0.0)] | None = None
    """What an irrelevant offer costs, in margins of a relevant one: shown is what is relevant often enough to pay."""
    cost: Annotated[float, Field(ge=0.0)] | None = None
    """The same in money, against the margin of the kind's products (their price where no cost is known)"""
    margin: Annotated[float, Field(gt=0.0)] | None = None
    """or against this one."""

    @model_validator(mode="after")
    def one_way(self) -> TargetConfig:
        """Exactly one of the ways; a margin stands beside a cost only."""
        ways = [name for name in WAYS if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError(f"give exactly one of {', '.join(WAYS)}, not {ways or 'none'}")
        if self.margin is not None and self.cost is None:
            raise ValueError("margin stands beside cost only")
        return self


PRECISION_WANTED: dict[Kind, float] = {
    "cross-sell": 0.02, "add-on": 0.02, "upsell": 0.05, "more-of-same": 0.05, "replacement": 0.2,
}  # fmt: skip
"""Where a job says nothing of a kind."""


class ThresholdConfig(ConfigSection):
    """What is wanted of each kind; a section of its own, as `[thresholds.cross-sell]`, goes before `precision`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    precision: dict[Kind, Share] = PRECISION_WANTED
    """The least relevance of each offer shown, by kind; a kind that is not named keeps its default."""
    cross_sell: TargetConfig | None = Field(default=None, alias="cross-sell")
    add_on: TargetConfig | None = Field(default=None, alias="add-on")
    upsell: TargetConfig | None = None
    more_of_same: TargetConfig | None = Field(default=None, alias="more-of-same")
    replacement: TargetConfig | None = None
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.9
    """The certificate's: 1 - delta, for each kind by itself."""
    uncertified: Literal["show", "silent"] = "show"
    """What becomes of a kind whose target holds as far as can be told, by too few customers to certify it."""

    @field_validator("precision")
    @classmethod
    def with_defaults(cls, precision: dict[Kind, float]) -> dict[Kind, float]:
        """A precision for every kind."""
        return {**PRECISION_WANTED, **precision}

    def target(self, kind: Kind) -> TargetConfig:
        """What is wanted of a kind."""
        own: TargetConfig | None = getattr(self, kind.replace("-", "_"))
        return own or TargetConfig(precision=self.precision[kind])


class UpdateConfig(ConfigSection):
    """What a job keeps for `mersalg update`."""

    keep: bool = False
    """True keeps orders, counts and scored requests in `models/NAME.state`: customers' ids, for its owner's eyes."""


class TrackingConfig(ConfigSection):
    """Where the run is logged."""

    uri: str | None = None
    """The store, where MLFLOW_TRACKING_URI names none; null = `~/.local/share/mersalg/mlflow.db`."""
    experiment: str = "mersalg"
    """MLflow's experiment that holds the runs."""
    registered_model: str | None = None
    """The registered model's name; null = the config's name."""
    enabled: bool = True
    """False logs nothing and registers nothing."""


class LimitsConfig(ConfigSection):
    """What a job may take; what gives way for it is told. Windows, and the requests that certify, never do."""

    minutes: Annotated[float, Field(gt=0.0)] | None = None
    """Of the whole job. Halved until the plan fits: the requests of the evaluation, those that fit the rankers, the
    iterations of the factors; null = as long as it takes."""
    memory_gb: Annotated[float, Field(ge=0.5)] | None = None
    """Of the process at its peak, in units of 10^9 bytes. Less for the database, which then spills, and fewer requests
    that fit the rankers; null = as much as it takes."""
    milliseconds: Annotated[float, Field(gt=0.0)] | None = None
    """Of one thread, in which 95 of 100 requests are answered. Candidates and trees are halved, twice, then sources of
    candidates, until it holds, or the job stops; goes before `minutes`; null = as long as it takes."""


class Config(ConfigSection):
    """A training job."""

    name: Annotated[str, Field(pattern=NAME)]
    """Of the bundle and the registered model: letters, digits, and . _ - behind the first."""
    seed: int = 7
    """Of everything that is drawn: the same seed and purchases give the same bundle."""
    data: DataConfig
    contract: ContractConfig = ContractConfig()
    engine: EngineConfig = EngineConfig()
    split: SplitConfig = SplitConfig()
    label: LabelConfig = LabelConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    counts: CountsConfig = CountsConfig()
    factors: FactorsConfig = FactorsConfig()
    retrieve: RetrieveConfig = RetrieveConfig()
    kinds: KindsConfig = KindsConfig()
    ranker: RankerConfig = RankerConfig()
    acceptance: AcceptanceConfig = AcceptanceConfig()
    thresholds: ThresholdConfig = ThresholdConfig()
    limits: LimitsConfig = LimitsConfig()
    update: UpdateConfig = UpdateConfig()
    tracking: TrackingConfig = TrackingConfig()


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML file and lay `section.key=value` overrides over it.

    A value is TOML; what is not valid TOML is taken as a string. ConfigError names the key and what was expected.
    """
    try:
        tables = read_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration; the folder configs/ holds examples") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, got {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    for override in overrides:
        lay_over(tables, override)
    return parse_config(tables, str(path))


def parse_config(tables: Mapping[str, Any], where: str) -> Config:
    """Check tables of plain values, as TOML or a manifest gives them."""
    try:
        return Config.model_validate(tables)
    except ValidationError as error:
        lines = [f"  {refusal(details)}" for details in error.errors()]
        raise ConfigError(f"{where}: the configuration does not hold\n" + "\n".join(lines)) from None


def refusal(details: ErrorDetails) -> str:
    """What does not hold, where, and what was found; of an unknown key, the one that may be meant."""
    *sections, last = [str(part) for part in details["loc"]]
    if last == "[key]":
        *sections, last = sections
    if details["type"] in ("extra_forbidden", "literal_error") and last in details["loc"]:
        known = keys_of(sections)
        if last not in known:
            return str(unknown("".join(f"{section}." for section in sections), last, known))
    found = details["input"]
    shown = reprlib.repr(without_password(found) if isinstance(found, str) else found)
    hidden = isinstance(found, Mapping) or details["type"] == SECRET  # a table may hold a password, too
    got = "" if hidden else f", got {shown}"
    return f"{'.'.join([*sections, last])}: {details['msg']}{got}"


def keys_of(sections: Sequence[str]) -> tuple[str, ...]:
    """The keys that a section of the configuration may have, as TOML spells them."""
    if list(sections) == ["data", "columns"]:
        return get_args(Column)
    if list(sections) == ["thresholds", "precision"]:
        return KINDS
    section: type[BaseModel] = Config
    for name in sections:
        field = next(field for key, field in section.model_fields.items() if name in (key, field.alias))
        section = next(part for part in (field.annotation, *get_args(field.annotation)) if is_section(part))
    return tuple(field.alias or key for key, field in section.model_fields.items())


def is_section(part: Any) -> bool:
    """Whether a type is a table of the file."""
    return isinstance(part, type) and issubclass(part, ConfigSection)


def lay_over(tables: dict[str, Any], override: str) -> None:
    """Set one `section.key=value` in place; a section that is null, as a manifest has it, becomes one."""
    key, separator, text = override.partition("=")
    if not separator or not all(key.split(".")):
        told = without_password(override)
        raise ConfigError(f"--set {told}: expected section.key=value, for example ranker.trees=200")
    try:
        value = read_toml(f"value = {text}")["value"]
    except ConfigError:
        value = text
    *sections, last = key.split(".")
    for section in sections:
        if tables.get(section) is None:
            tables[section] = {}
        tables = tables[section]
        if not isinstance(tables, dict):
            raise ConfigError(f"--set {without_password(override)}: {section} is a value, not a section")
    tables[last] = value


def public(config: Config) -> dict[str, Any]:
    """The configuration as plain values that a bundle, a page and MLflow may hold.

    Without the tracking's password, without the machine that the job ran on, and without limits where none is set and
    `update` where nothing is kept.
    """
    unset = {name for name in ("limits", "update") if getattr(config, name) == Config.model_fields[name].default}
    tables = config.model_dump(mode="json", exclude={"engine", *unset})
    if config.tracking.uri is not None:
        tables["tracking"]["uri"] = without_password(config.tracking.uri)
    return tables


def flat(config: Config) -> dict[str, Any]:
    """The resolved config as `section.key -> value`, as MLflow's parameters take it."""
    result: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{prefix}.{name}" if prefix else name, inner)
        else:
            result[prefix] = value

    walk("", public(config))
    return result
