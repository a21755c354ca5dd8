"""Claims: what is wrong with an export is said in a sentence that names the place and what to do."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from mersalg.errors import DataError
from mersalg_training.config import ContractConfig, DataConfig, load_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.history import check_company
from mersalg_training.data.purchases import Purchases, open_purchases
from shop_export import ANYTHING, GOOD, HEADER, clean_lines, contract, opened

TEXT = f"{HEADER}\nJürgen,1,Käse,2024-01-01,2,3.50\nZoë,2,Brötchen,2024-01-02,1,1.20\n"


def orders_of(file: Path, content: bytes, encoding: str = "utf-8") -> Purchases:
    file.write_bytes(content)
    return open_purchases(DataConfig(orders=str(file), encoding=encoding))


def refusal(folder: Path, content: bytes, encoding: str = "utf-8") -> str:
    with pytest.raises(DataError) as caught:
        apply_contract(orders_of(folder / "orders.csv", content, encoding), ANYTHING)
    return str(caught.value)


def read(purchases: Purchases) -> ContractReport:
    return apply_contract(purchases, ANYTHING)


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1", "utf-16", "utf-16-le"])
def test_an_export_of_another_encoding_is_read_by_its_key(tmp_path: Path, encoding: str) -> None:
    purchases = orders_of(tmp_path / "orders.csv", TEXT.encode(encoding), encoding)
    read(purchases)
    assert clean_lines(purchases, "customer_id, product_id") == [("Jürgen", "Käse"), ("Zoë", "Brötchen")]


@pytest.mark.parametrize(
    ("encoding", "key"),
    [
        ("utf-16", 'data.encoding = "utf-16"'),
        ("utf-16-le", 'data.encoding = "utf-16-le"'),
        ("utf-16-be", 'data.encoding = "utf-16-be"'),
        ("windows-1252", 'data.encoding = "windows-1252"'),
    ],
)
def test_without_the_key_it_is_refused_with_the_key_and_without_a_line_of_it(
    tmp_path: Path, encoding: str, key: str
) -> None:
    told = refusal(tmp_path, TEXT.encode(encoding))
    assert key in told
    assert "3.50" not in told


def test_a_line_far_down_that_is_not_utf8_is_named_by_its_number_alone(tmp_path: Path) -> None:
    content = "\n".join([HEADER, *[GOOD] * 30_000]).encode() + "\nJürgen,1,secret,2024-01-01,2,3\n".encode("latin-1")
    told = refusal(tmp_path, content)
    assert "line 30002" in told
    assert "data.encoding" in told
    assert "secret" not in told


def test_what_is_not_of_the_encoding_is_refused(tmp_path: Path) -> None:
    assert 'is not as data.encoding = "ascii" says' in refusal(tmp_path, TEXT.encode(), "ascii")


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    assert "orders.csv: the file is empty; expected a header and lines" in refusal(tmp_path, b"")


def test_a_header_alone_holds_no_lines(tmp_path: Path) -> None:
    assert "holds no lines" in refusal(tmp_path, f"{HEADER}\n".encode())


def test_a_line_of_another_width_is_named_by_its_number_alone(tmp_path: Path) -> None:
    told = refusal(tmp_path, "\n".join([HEADER, *[GOOD] * 30_000, "a,secret,b,c,d,e,f,g"]).encode())
    assert "line 30002 of orders.csv: 6 columns are expected there" in told
    assert "secret" not in told


def test_a_field_of_many_megabytes_is_refused_within_seconds(tmp_path: Path) -> None:
    content = b"\n".join([HEADER.encode(), GOOD.encode(), b"x" * 50_000_000 + b",1,bread,2024-01-01,1,1\n"])
    start = time.process_time()
    told = refusal(tmp_path, content)
    assert time.process_time() - start < 5.0
    assert "orders.csv: line 3 is longer than 2,000,000 bytes" in told
    assert len(told) < 1000


def test_files_whose_headers_differ_in_a_required_column_are_refused_with_the_mapping_that_reads_both(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    (tmp_path / "b.csv").write_text(f"{HEADER.replace('order_id', 'receipt')}\n{GOOD.replace(',1,', ',2,')}\n")
    with pytest.raises(DataError, match=r"1 of 2 files have no column order_id, as .*b\.csv") as caught:
        open_purchases(DataConfig(orders=str(tmp_path)))
    mapping = 'coalesce("order_id", "receipt")'
    assert mapping.replace('"', '\\"') in str(caught.value)
    purchases = open_purchases(DataConfig(orders=str(tmp_path), columns={"order_id": mapping}))
    read(purchases)
    assert clean_lines(purchases, "order_id") == [("1",), ("2",)]


def test_files_that_lack_another_column_are_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    (tmp_path / "b.csv").write_text("order_id,product_id,ordered_at,quantity\n2,milk,2024-01-02,1\n")
    notes = open_purchases(DataConfig(orders=str(tmp_path))).notes
    assert any("1 of 2 files have no column unit_price" in note for note in notes)
    assert any("customer_id is empty in their lines" in note for note in notes)


@pytest.mark.parametrize(
    ("price", "expected"),
    [("3,50", 3.5), ("1.585,64 EUR", 1585.64), ("-0,5", -0.5), ("$1,234.50", 1234.5)],
)
def test_prices_of_another_spelling_are_refused_with_the_mapping_that_reads_them(
    tmp_path: Path, price: str, expected: float
) -> None:
    header = HEADER.replace("unit_price", "Unit Price")
    lines = [f'anna,{order},bread,2024-01-0{order},1,"{price}"' for order in range(1, 5)]
    with pytest.raises(DataError) as caught:
        apply_contract(opened(tmp_path, *lines, header=header), ContractConfig())
    (mapping,) = [line for line in str(caught.value).splitlines() if line.startswith("  unit_price = ")]
    assert price not in str(caught.value)
    (tmp_path / "job.toml").write_text(
        f'name = "job"\n[data]\norders = "{tmp_path / "orders.csv"}"\n[data.columns]\n{mapping}\n'
    )
    purchases = open_purchases(load_config(tmp_path / "job.toml").data)
    prices = purchases.connection.execute("SELECT DISTINCT TRY_CAST(unit_price AS DOUBLE) FROM raw_orders").fetchall()
    assert prices == [(expected,)]


def test_a_mapping_is_not_told_that_would_read_a_good_price_otherwise(tmp_path: Path) -> None:
    lines = ["anna,1,bread,2024-01-01,1,12.50", *(f'anna,{n},bread,2024-01-01,1,"3,5{n}"' for n in range(2, 6))]
    with pytest.raises(DataError) as caught:
        apply_contract(opened(tmp_path, *lines), ContractConfig())
    assert "decimal commas" not in str(caught.value)


def test_an_amount_of_the_catalogue_that_is_no_number_is_told_with_the_mapping_that_reads_it(tmp_path: Path) -> None:
    products = 'product_id,price,Indkøb pr. stk.\nmilk,2.50,"1,95"\nbread,3.00,"1.200,50 kr."\nsalt,,\n'
    opened(tmp_path, GOOD, "bert,2,bread,2024-01-02,1,1", products=products)
    data = {"orders": str(tmp_path / "orders.csv"), "products": str(tmp_path / "products.csv")}
    purchases = open_purchases(DataConfig(**data, columns={"cost": "Indkøb pr. stk."}))
    (note,) = [note for note in read(purchases).notes if note.startswith("catalogue: ")]
    assert note.startswith("catalogue: cost is no number in 2 of 2 rows, and unknown there. cost has decimal commas;")
    (mapping,) = [line for line in note.splitlines() if line.startswith("  cost = ")]
    (tmp_path / "job.toml").write_text(
        f'name = "job"\n[data]\norders = "{data["orders"]}"\n[data.columns]\n{mapping}\n'
    )
    mended = open_purchases(load_config(tmp_path / "job.toml", [f"data.products={data['products']}"]).data)
    assert not [note for note in read(mended).notes if note.startswith("catalogue: ")]
    costs = mended.connection.execute("SELECT product_id, cost FROM products WHERE cost > 0 ORDER BY ALL").fetchall()
    assert costs == [("bread", 1200.5), ("milk", 1.95)]


def test_a_price_by_an_expression_that_gives_nothing_names_the_expression(tmp_path: Path) -> None:
    header = HEADER.replace("unit_price", "total")
    lines = [f'anna,{order},bread,2024-01-0{order},2,"3,50 kr."' for order in range(1, 5)]
    opened(tmp_path, *lines, header=header, products=None)
    columns = {"unit_price": "total / quantity"}
    report = read(open_purchases(DataConfig(orders=str(tmp_path / "orders.csv"), columns=columns)))
    (off,) = [sentence for sentence in report.switched_off if "price" in sentence]
    assert off.endswith("(total / quantity gives no number on any line)")


def test_a_column_in_an_expression_that_needs_quotes_is_shown_with_them(tmp_path: Path) -> None:
    header = HEADER.replace("unit_price", "Beløb inkl. moms")
    opened(tmp_path, GOOD, header=header, products=None)
    columns = {"unit_price": "Beløb inkl. moms / quantity"}
    data = DataConfig(orders=str(tmp_path / "orders.csv"), columns=columns)
    with pytest.raises(DataError, match=r'in double quotes: "Beløb inkl\. moms"'):
        open_purchases(data)


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000])
def test_times_since_1970_are_refused_with_the_mapping_that_reads_them(tmp_path: Path, unit: int) -> None:
    moment = 1_704_067_200  # 2024-01-01
    lines = [f"anna,{day},bread,{(moment + day * 86_400) * unit},1,1" for day in range(4)]
    with pytest.raises(DataError, match=r"ordered_at is in .*seconds since 1970") as caught:
        apply_contract(opened(tmp_path, *lines), ContractConfig())
    (mapping,) = [line for line in str(caught.value).splitlines() if line.startswith("  ordered_at = ")]
    expression = mapping.partition('"')[2].removesuffix('"')
    purchases = open_purchases(DataConfig(orders=str(tmp_path / "orders.csv"), columns={"ordered_at": expression}))
    report = read(purchases)
    assert (report.first, report.last) == (datetime(2024, 1, 1), datetime(2024, 1, 4))


def test_an_order_of_the_future_is_rejected_and_sets_no_window(tmp_path: Path) -> None:
    now = datetime(2024, 1, 5, 12)
    lines = [
        "anna,2,bread,2024-01-06 11:59:59,1,1",
        "anna,3,bread,2024-01-06 12:00:01,1,1",
        "anna,4,milk,2126-01-01,1,1",
    ]
    report = apply_contract(opened(tmp_path, GOOD, *lines), ANYTHING, now=now)
    assert report.rejected == {"date in the future": 2}
    assert report.last == datetime(2024, 1, 6, 11, 59, 59)


def test_without_another_clock_it_is_the_machines(tmp_path: Path) -> None:
    assert contract(tmp_path, GOOD, "anna,4,milk,2999-01-01,1,1").rejected == {"date in the future": 1}


def test_a_year_without_an_order_is_named(tmp_path: Path) -> None:
    report = contract(tmp_path, "anna,9,milk,1970-01-01,1,1", GOOD, "bert,2,milk,2024-12-30,1,1")
    (note,) = [note for note in report.notes if note.startswith("no order lies")]
    assert note.startswith("no order lies between 1970-01-01 and 2024-01-01, 1 before and 2 after")


@pytest.mark.parametrize(("orders_of_one", "told"), [(40, True), (15, False)])
def test_a_customer_who_may_stand_for_all_guests_is_told(tmp_path: Path, orders_of_one: int, told: bool) -> None:
    known = [f"c{n % 30},{n},milk,2024-01-01,1,1" for n in range(60)]
    crowd = [f"Kontant,k{n},milk,2024-01-01,1,1" for n in range(orders_of_one)]
    notes = [note for note in contract(tmp_path, *known, *crowd).notes if note.startswith("one customer has")]
    assert bool(notes) == told
    if told:
        assert notes[0].startswith("one customer has 40 of 100 orders; ")
        assert "Kontant" not in notes[0]


def test_dropped_duplicates_are_explained(tmp_path: Path) -> None:
    (note,) = [note for note in contract(tmp_path, GOOD, GOOD, GOOD).notes if "equal an earlier line" in note]
    assert note.startswith("2 lines ")
    assert 'contract.duplicate = "keep"' in note


CATALOGUES = {
    "leading zeros": ("product_id,name\n123,Bread\n45,Milk\n", "The ids differ in leading zeros"),
    "another column": ("product_id,ean,name\nA,00123,Bread\nB,00045,Milk\n", "The column ean of data.products"),
    "another shop": ("product_id,name\n900,Hammer\n901,Nail\n", "is it the catalogue of this shop?"),
}


@pytest.mark.parametrize("what", CATALOGUES)
def test_a_catalogue_that_knows_no_product_stops_the_job_with_the_likeliest_cause(tmp_path: Path, what: str) -> None:
    products, told = CATALOGUES[what]
    lines = ["anna,1,00123,2024-01-01,1,1", "bert,2,00045,2024-01-02,1,1"]
    with pytest.raises(DataError) as caught:
        apply_contract(opened(tmp_path, *lines, products=products), ANYTHING)
    assert "data.products: knows 0 of 2 products that are sold" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("header", "products"),
    [
        (HEADER, "product_id,name\n123,Bread\n45,Milk\n"),
        (HEADER.replace("product_id", "sku"), CATALOGUES["another column"][0]),
    ],
)
def test_the_mapping_that_it_tells_makes_the_products_known(tmp_path: Path, header: str, products: str) -> None:
    lines = ["anna,1,00123,2024-01-01,1,1", "bert,2,00045,2024-01-02,1,1"]
    with pytest.raises(DataError) as caught:
        apply_contract(opened(tmp_path, *lines, header=header, products=products), ANYTHING)
    mapping = str(caught.value).partition('product_id = "')[2].splitlines()[0].removesuffix('"').replace('\\"', '"')
    data = DataConfig(
        orders=str(tmp_path / "orders.csv"), products=str(tmp_path / "products.csv"), columns={"product_id": mapping}
    )
    purchases = open_purchases(data)
    assert read(purchases).kept_though == {}
    named = purchases.connection.execute("SELECT DISTINCT name FROM lines JOIN products USING (product_id)").fetchall()
    assert {row[0] for row in named} == {"Bread", "Milk"}


def test_a_catalogue_that_knows_few_products_is_said_with_examples(tmp_path: Path) -> None:
    lines = [f"anna,{n},p{n},2024-01-01,1,1" for n in range(1, 6)]
    report = apply_contract(opened(tmp_path, *lines, products="product_id,name\np1,Bread\n"), ANYTHING)
    (note,) = [note for note in report.notes if note.startswith("data.products: knows 1 of 5")]
    assert "'p2'" in note


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["anna,1,bread,2024-01-01,1,1", "bert,2,bread,2024-01-02,1,1"], "map product_id"),
        (["anna,1,bread,2024-01-01,1,1", "anna,2,milk,2024-01-02,1,1"], 'customer_id = "NULL"'),
        (["anna,1,bread,2024-01-01,1,1", "bert,2,milk,2024-01-02,1,1"], "map order_id"),
    ],
)
def test_one_product_one_customer_and_orders_of_one_line_teach_nothing(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    purchases = opened(tmp_path, *lines, products=None)
    read(purchases)
    with pytest.raises(DataError) as caught:
        check_company(purchases.connection)
    assert told in str(caught.value)


def test_the_mapping_for_no_customer_is_one(tmp_path: Path) -> None:
    opened(tmp_path, GOOD, products=None)
    purchases = open_purchases(DataConfig(orders=str(tmp_path / "orders.csv"), columns={"customer_id": "NULL"}))
    assert read(purchases).customers == 0


def test_ids_that_a_table_wrote_as_floats_are_whole_again_and_said(tmp_path: Path) -> None:
    lines = ["13085.0,1,0042,2024-01-01,1,1", ",2,x.0,2024-01-01,1,1", "13086,3,1.5,2024-01-01,1,1"]
    purchases = opened(tmp_path, *lines, products=None)
    notes = read(purchases).notes
    assert clean_lines(purchases, "customer_id, product_id") == [("13085", "0042"), ("13086", "1.5"), (None, "x.0")]
    assert [note for note in notes if "17850.0" in note] == ["customer_id: ids as 17850.0 are read as 17850"]
