"""`mersalg init` writes a configuration that validates and trains as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mersalg.cli import main
from mersalg.recommender import load
from mersalg_training.columns import SWITCHED_OFF
from mersalg_training.commands.init_file import FoundColumns, job_text
from mersalg_training.config import PRECISION_WANTED, Config, ContractConfig, load_config, parse_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from small_shop import Line, Product, SmallShop, write_table

ORDERS = "Invoice,StockCode,Kunde,InvoiceDate,Qty\n1,bread,anna,2024-01-13,1\n"
QUICK = ("ranker.trees=8", "ranker.requests=400", "tracking.enabled=false", "factors.iterations=2")


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export whose names are another shop's, in the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["init", *arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_it_writes_validates_and_trains(
    form: str, small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(small_shop.lines, Line, tmp_path / f"orders.{form}")
    write_table(small_shop.products, Product, tmp_path / "products.csv")
    config = "configs/corner-shop.toml"
    assert main(["init", config, "--orders", f"orders.{form}", "--products", "products.csv"]) == 0
    assert main(["validate", config]) == 0
    overrides = [part for override in QUICK for part in ("--set", override)]
    assert main(["train", config, "--out", "models/corner-shop", *overrides]) == 0
    bundle = load(tmp_path / "models" / "corner-shop")
    assert bundle.manifest["name"] == "corner-shop"
    assert bundle.manifest["config"]["data"]["orders"] == f"orders.{form}"


def test_decimal_commas_are_found_and_mapped_in_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{day};{day % 4};3,00;{day:02}-01-2024;1.2{day:02},50" for day in range(1, 31)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id;Vare;quantity;Dato;unit_price", *lines]) + "\n")
    (tmp_path / "products.csv").write_text("product_id;Pris;cost\n" + "".join(f"{n};12,5{n};9.50\n" for n in range(4)))
    told = [part for c in ("product_id=Vare", "ordered_at=Dato", "price=Pris") for part in ("--column", c)]
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--products", "products.csv", *told]) == 0
    assert "unit_price has decimal commas, which its mapping reads" in capsys.readouterr().out
    purchases = open_purchases(load_config(Path("shop.toml")).data)
    report = apply_contract(purchases, ContractConfig())
    assert report.lines_kept == 30
    assert not [note for note in report.notes if note.startswith("catalogue: ")]
    assert purchases.connection.execute("SELECT max(unit_price), max(quantity) FROM lines").fetchall() == [
        (1230.5, 3.0)
    ]
    prices = purchases.connection.execute("SELECT product_id, price, cost FROM products ORDER BY ALL").fetchall()
    assert prices == [("0", 12.5, 9.5), ("1", 12.51, 9.5), ("2", 12.52, 9.5), ("3", 12.53, 9.5)]


def test_without_a_catalogue_prices_with_decimal_commas_are_those_that_were_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f'{day},bread,2024-01-{day:02},"2,50"' for day in range(1, 31)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,product_id,ordered_at,unit_price", *lines]) + "\n")
    assert main(["init", "shop.toml", "--orders", "orders.csv"]) == 0
    report = apply_contract(open_purchases(load_config(Path("shop.toml")).data), ContractConfig())
    assert report.lines_kept == 30
    assert not [note for note in report.notes if "no number" in note]
    assert not [sentence for sentence in report.switched_off if "unit_price" in sentence]


def test_columns_of_other_names_are_mapped_and_read_as_before(orders: Path) -> None:
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--column", "customer_id=Kunde"]) == 0
    columns = {
        "customer_id": "Kunde", "order_id": "Invoice", "product_id": "StockCode", "ordered_at": "InvoiceDate",
        "quantity": "Qty",
    }  # fmt: skip
    assert load_config(Path("shop.toml")).data.columns == columns


def test_a_mapping_that_would_change_another_table_is_left_to_its_alias(orders: Path, tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,StockCode,name\nbread,7,Rye bread\n")
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--products", "products.csv"]) == 0
    config = load_config(Path("shop.toml"))
    assert "product_id" not in config.data.columns
    assert config.data.columns["order_id"] == "Invoice"
    assert "# data.orders: product_id is read from StockCode\n" in Path("shop.toml").read_text()


def test_each_missing_column_stands_with_what_it_switches_off(orders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "shop.toml", "--orders", "orders.csv"]) == 0
    text, printed = Path("shop.toml").read_text(), capsys.readouterr().out
    for column in ("name", "category", "brand", "cost"):
        assert f"# - {SWITCHED_OFF[column]}\n" in text
        assert f"off: {SWITCHED_OFF[column]}\n" in printed
    assert "quantity:" not in text


def test_the_columns_of_a_log_of_offers_are_mapped_and_its_gaps_said(
    orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "offers.csv").write_text("sku,shown_at,clicked\nbread,2024-01-13,1\n")
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--offers", "offers.csv"]) == 0
    columns = load_config(Path("shop.toml")).data.columns
    assert (columns["offered_at"], columns["accepted"], columns["product_id"]) == ("shown_at", "clicked", "StockCode")
    assert "# - offers: no propensity: the off-policy value" in Path("shop.toml").read_text()
    assert "mersalg evaluate models/shop --offers offers.csv" in capsys.readouterr().out


def test_a_file_that_is_there_stays_unless_force_is_given(orders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop.toml").write_text("mine")
    told = refusal(capsys, "shop.toml", "--orders", "orders.csv")
    assert "shop.toml: expected a file that is not there yet, got one that is" in told
    assert "--force" in told
    assert Path("shop.toml").read_text() == "mine"
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--force"]) == 0
    assert load_config(Path("shop.toml")).name == "shop"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shop.json", "--orders", "orders.csv"), "expected NAME.toml"),
        (("my shop.toml", "--orders", "orders.csv"), "expected NAME.toml"),
        (("shop.toml", "--orders", "none.csv"), "data.orders = 'none.csv': found no file"),
        (("shop.toml", "--orders", "orders.csv", "--products", "none.csv"), "data.products = 'none.csv'"),
        (("shop.toml", "--products", "orders.csv"), "--orders: expected the order lines"),
        (("shop.toml", "--orders", "orders.csv", "--column", "receipt"), "got 'receipt'; as in --column"),
        (("shop.toml", "--orders", "orders.csv", "--column", "till=T"), "got 'till=T'"),
        (("shop.toml", "--orders", "without.csv"), "no column for product_id, ordered_at"),
        (("shop.toml", "--orders", "ambiguous.csv"), "can be day/month or month/day"),
        (("orders.csv/shop.toml", "--orders", "orders.csv"), "cannot be written"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_refused_by_name_and_nothing_is_written(
    arguments: tuple[str, ...], told: str, orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "without.csv").write_text("order_id,what\n1,bread\n")
    (tmp_path / "ambiguous.csv").write_text("order_id,product_id,ordered_at\n1,bread,03/04/2024\n")
    before = sorted(tmp_path.rglob("*"))
    assert told in refusal(capsys, *arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_ambiguous_dates_are_told_apart_by_an_option(orders: Path) -> None:
    orders.write_text(ORDERS.replace("2024-01-13", "03/04/2024"))
    spelled = "ordered_at=try_strptime(InvoiceDate, '%d/%m/%Y')"
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--column", spelled]) == 0
    assert load_config(Path("shop.toml")).data.columns["ordered_at"] == spelled.removeprefix("ordered_at=")


def test_an_export_of_another_encoding_is_read_and_its_key_written(
    orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders.write_bytes(ORDERS.replace("anna", "Jürgen").encode("windows-1252"))
    assert "--encoding stands for data.encoding" in refusal(capsys, "shop.toml", "--orders", "orders.csv")
    assert main(["init", "shop.toml", "--orders", "orders.csv", "--encoding", "windows-1252"]) == 0
    assert load_config(Path("shop.toml")).data.encoding == "windows-1252"
    assert "did you mean" not in refusal(capsys, "other.toml", "--orders", "orders.csv", "--encoding", "nonsense")


def test_without_orders_a_template_says_that_its_paths_are_placeholders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "shop.toml")]) == 0
    assert "placeholders" in capsys.readouterr().out
    assert "# PLACEHOLDERS" in (tmp_path / "shop.toml").read_text()
    assert load_config(tmp_path / "shop.toml").data.orders == "exports/orders.parquet"


@pytest.mark.parametrize(
    "found", [None, FoundColumns('C:\\exports\\"all".csv', None, "utf-16", {"order_id": "a\"b\\c'd"}, ["n"], ["o"])]
)
def test_every_key_behind_a_comment_is_one_and_shows_its_default(found: FoundColumns | None) -> None:
    text = job_text("shop", found)
    written = parse_config(tomllib.loads(text), "as written")
    assert written.data.orders == (found.orders if found else "exports/orders.parquet")
    assert written.data.columns == (found.columns if found else {})
    shown = re.sub(r"^# (\S+ = .+)$", r"\1", text, flags=re.MULTILINE)
    assert shown.count("\n") == text.count("\n") and shown != text  # noqa: PT018
    config = parse_config(tomllib.loads(shown), "with every key shown")
    least = Config.model_validate({"name": "shop", "data": {"orders": "orders.csv"}})
    assert (config.thresholds, config.contract, config.tracking) == (least.thresholds, least.contract, least.tracking)
    assert config.thresholds.precision == PRECISION_WANTED
    assert config.split.test_days is not None
