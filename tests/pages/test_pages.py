"""Offers leave in the shapes that GA4, Merchant Center and schema.org document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mersalg.cli import main
from mersalg.names import KINDS, MOMENTS, Kind
from mersalg.offers import Offer, Offers
from mersalg.policy.catalogue import Catalogue
from mersalg_service.pages import PageFacts, RelatedProducts, ga4_items, json_ld
from toy_bundle import write_bundle

NAMES = {"tv": "Television", "cable": "Cable </script>", "tv-l": "Larger television", "mount": "Mount"}
CATALOGUE = Catalogue(
    [
        {"product_id": "cable", "price": 12.5, "brand": "Wire & Co", "category": "Cables"},
        {"product_id": "tv-l", "price": 900.0},
    ]
)
FACTS = PageFacts(lambda product_id: NAMES.get(product_id, product_id), CATALOGUE, "EUR")
TEXT = {"type": "string", "minLength": 1, "maxLength": 100}
GA4_SCHEMA = {
    "type": "object",
    "required": ["items"],
    "additionalProperties": False,
    "properties": {
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "item_list_id": TEXT,
        "item_list_name": TEXT,
        "items": {
            "type": "array",
            "minItems": 1,
            "maxItems": 200,
            "items": {
                "type": "object",
                "anyOf": [{"required": ["item_id"]}, {"required": ["item_name"]}],
                "additionalProperties": False,
                "properties": {
                    **dict.fromkeys(("item_id", "item_name", "item_list_id", "item_list_name"), TEXT),
                    **dict.fromkeys(("item_brand", "item_category", "item_variant"), TEXT),
                    "index": {"type": "integer", "minimum": 0},
                    "price": {"type": "number", "minimum": 0},
                    "quantity": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}
"""The parameters of view_item_list that are used here, as the reference of GA4's events has them."""
NODE = {
    "type": "object",
    "required": ["@type", "sku", "name"],
    "additionalProperties": False,
    "properties": {
        "@id": {"type": "string", "format": "uri-reference"},
        "@type": {"const": "Product"},
        "sku": TEXT,
        "name": {"type": "string"},
        "brand": {"required": ["@type", "name"], "properties": {"@type": {"const": "Brand"}}},
        "offers": {
            "required": ["@type", "price", "priceCurrency"],
            "properties": {"@type": {"const": "Offer"}, "price": {"type": "number"}},
        },
        "isRelatedTo": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node"}},
        "isSimilarTo": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node"}},
        "isAccessoryOrSparePartFor": {"type": "object", "required": ["@id"]},
    },
}
JSON_LD_SCHEMA = {
    "$defs": {"node": NODE},
    "type": "object",
    "required": ["@context", "@graph"],
    "properties": {
        "@context": {"const": "https://schema.org"},
        "@graph": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node"}},
    },
}
RELATED = re.compile(
    r"(part_of_set|required_part|often_bought_with|substitute|different_brand|accessory):(gtin|id):[A-Za-z0-9_-]+"
)
"""A related product in a text feed."""


def offer(product_id: str, kind: Kind, because: str | None = "tv", rank: int = 1, relevance: float = 0.2) -> Offer:
    return Offer("r1", rank, product_id, kind, relevance, 1.0, because)


def answer(offers: Sequence[Offer]) -> Offers:
    return Offers(tuple(offers), None if offers else "below threshold", len(offers), {})


OFFERS = answer(
    [
        offer("cable", "add-on"),
        offer("tv-l", "upsell", rank=2),
        offer("mount", "cross-sell", rank=3),
        offer("tv", "replacement", because="tv", rank=4),
        offer("milk", "cross-sell", because=None, rank=5),
    ]
)


def rows_of(offers: Sequence[Offer]) -> dict[str, str]:
    related = RelatedProducts()
    related.add(answer(offers))
    return dict(related.rows())


def test_an_item_of_ga4_names_its_moment_and_its_kind() -> None:
    ecommerce = ga4_items(OFFERS, "product-page", FACTS)
    assert ecommerce["items"][0] == {
        "item_id": "cable", "item_name": "Cable </script>", "index": 0, "item_brand": "Wire & Co",
        "item_category": "Cables", "price": 12.5, "item_list_id": "mersalg_product_page_add_on",
        "item_list_name": "mersalg product-page: add-on",
    }  # fmt: skip
    assert ecommerce["item_list_id"] == "mersalg_product_page"
    assert ecommerce["currency"] == "EUR"
    assert [item["index"] for item in ecommerce["items"]] == [0, 1, 2, 3, 4]


def test_every_moment_and_kind_is_a_list_of_its_own() -> None:
    made = [ga4_items(answer([offer("a", kind)]), moment, FACTS) for moment in MOMENTS for kind in KINDS]
    assert len({ecommerce["items"][0]["item_list_id"] for ecommerce in made}) == len(MOMENTS) * len(KINDS)
    for ecommerce in made:
        Draft202012Validator(GA4_SCHEMA).validate(ecommerce)


def test_json_ld_says_what_goes_with_an_anchor_and_an_add_on_what_it_is_for() -> None:
    documents = json_ld(OFFERS, FACTS)
    assert list(documents) == ["tv"]
    anchor, cable = documents["tv"]["@graph"]
    assert (anchor["sku"], anchor["name"]) == ("tv", "Television")
    assert [node["sku"] for node in anchor["isRelatedTo"]] == ["mount"]
    assert anchor["isSimilarTo"] == [
        {
            "@type": "Product",
            "sku": "tv-l",
            "name": "Larger television",
            "offers": {"@type": "Offer", "price": 900.0, "priceCurrency": "EUR"},
        }
    ]
    assert (cable["sku"], cable["isAccessoryOrSparePartFor"]) == ("cable", {"@id": anchor["@id"]})
    Draft202012Validator(JSON_LD_SCHEMA).validate(documents["tv"])


def test_json_ld_has_no_price_without_a_currency() -> None:
    documents = json_ld(OFFERS, PageFacts(FACTS.name, CATALOGUE))
    assert "offers" not in json.dumps(documents)


def test_an_id_of_any_signs_names_a_node() -> None:
    document = json_ld(answer([offer("a", "cross-sell", because="5 % <ål>")]), FACTS)["5 % <ål>"]
    assert re.fullmatch(r"#[A-Za-z0-9%._~-]+", document["@graph"][0]["@id"])


def test_a_feed_says_how_products_go_with_one_and_leaves_out_what_is_no_relation() -> None:
    related = RelatedProducts()
    related.add(OFFERS)
    assert dict(related.rows()) == {"tv": "accessory:id:cable,often_bought_with:id:mount,substitute:id:tv-l"}
    assert related.left_out == {"no other product brings them": 2}


def test_a_feed_has_the_most_relevant_first_at_most_thirty_and_each_once() -> None:
    offers = [offer(f"p{number:02}", "cross-sell", relevance=number / 100) for number in range(40)]
    told = rows_of([*offers, offer("p00", "cross-sell", relevance=0.9)])["tv"].split(",")
    assert told[:2] == ["often_bought_with:id:p00", "often_bought_with:id:p39"]
    assert len(told) == len(set(told)) == 30
    assert all(RELATED.fullmatch(part) for part in told)


@pytest.mark.parametrize("product_id", ["a,b", "a:b", 'a"b', "a\\b", "a b", "ål"])
def test_a_feed_has_no_id_that_merchant_center_refuses(product_id: str) -> None:
    related = RelatedProducts()
    related.add(answer([offer(product_id, "cross-sell")]))
    assert list(related.rows()) == []
    assert sum(related.left_out.values()) == 1


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy")


def requests_of(folder: Path) -> Path:
    requests = [
        {"request_id": f"{moment}-{number}", "cart": cart, "moment": moment, "limit": 5}
        for moment in ("cart", "checkout", "product-page")
        for number, cart in enumerate((["milk"], ["bag"], []))
    ]
    path = folder / "requests.jsonl"
    path.write_text("".join(json.dumps(request) + "\n" for request in requests))
    return path


def answered(bundle: Path, folder: Path, command: str, out: str, *options: str) -> Path:
    assert main([command, str(bundle), str(requests_of(folder)), "--out", str(folder / out), *options]) == 0
    return folder / out


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_offers_of_each_request_are_items_of_its_moment(toy_folder: Path, tmp_path: Path, threads: str) -> None:
    wanted: dict[str, list[str]] = {}
    for row in lines_of(answered(toy_folder, tmp_path, "score", "offers.jsonl")):
        wanted.setdefault(row["request_id"], []).append(row["product_id"])
    options = ("--format", "ga4-items", "--threads", threads)
    lines = lines_of(answered(toy_folder, tmp_path, "pages", "items.jsonl", *options))
    assert {line["request_id"]: [i["item_id"] for i in line["ecommerce"]["items"]] for line in lines} == wanted
    assert len({request_id.rpartition("-")[0] for request_id in wanted}) > 1
    for line in lines:
        Draft202012Validator(GA4_SCHEMA).validate(line["ecommerce"])
        moment = line["request_id"].rpartition("-")[0].replace("-", "_")
        assert line["ecommerce"]["item_list_id"] == f"mersalg_{moment}"


def test_json_ld_is_written_so_that_it_may_stand_in_a_script(toy_folder: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.csv"
    products = {row["product_id"] for row in lines_of(answered(toy_folder, tmp_path, "score", "offers.jsonl"))}
    catalogue.write_text("product_id,price,brand\n" + "".join(f"{p},2.5,</script>&\n" for p in sorted(products)))
    options = ("--format", "json-ld", "--catalogue", str(catalogue), "--currency", "DKK")
    out = answered(toy_folder, tmp_path, "pages", "pages.jsonl", *options)
    assert not re.search("[<>&]", out.read_text(encoding="utf-8"))
    lines = lines_of(out)
    assert lines
    for line in lines:
        Draft202012Validator(JSON_LD_SCHEMA).validate(line["json_ld"])
        assert line["json_ld"]["@graph"][0]["sku"] == line["product_id"]
    assert '"priceCurrency": "DKK"' in out.read_text()


def test_a_feed_has_a_row_a_product(toy_folder: Path, tmp_path: Path) -> None:
    out = answered(toy_folder, tmp_path, "pages", "feed.tsv", "--format", "related-product")
    header, *rows = [line.split("\t") for line in out.read_text().splitlines()]
    assert header == ["id", "related_product"]
    assert rows
    assert len({row[0] for row in rows}) == len(rows)
    assert all(RELATED.fullmatch(part) for row in rows for part in row[1].split(","))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--out", "x.parquet", "--format", "ga4-items"), "ends in .jsonl or .ndjson for --format ga4-items"),
        (("--out", "x.jsonl", "--format", "related-product"), "ends in .tsv for --format related-product"),
        (("--out", "x.jsonl", "--format", "json-ld", "--currency", "euro"), "three capital letters"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    toy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    assert main(["pages", str(toy_folder), str(requests_of(tmp_path)), *options]) == 2
    assert told in capsys.readouterr().err
