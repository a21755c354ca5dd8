"""Claims: what a catalogue declares of its products is read, and what cannot be is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mersalg.errors import DataError
from mersalg_training.data.attributes import Attributes, read_attributes
from mersalg_training.data.catalogue import MAX_PARTNERS
from mersalg_training.data.contract import apply_contract
from shop_export import ANYTHING, GOOD, opened

HEADER = "product_id,accessory_for,excludes,similar_to,successor_of"


def read(folder: Path, *rows: str, header: str = HEADER) -> tuple[list[str], Attributes]:
    """The notes on relations, and what is left of them."""
    purchases = opened(folder, GOOD, products="\n".join([header, "bread,,,,", *rows]) + "\n")
    report = apply_contract(purchases, ANYTHING)
    return [note for note in report.notes if note.startswith(tuple(HEADER.split(",")[1:]))], read_attributes(
        purchases.connection
    )


def test_relations_are_read_by_our_names_and_by_those_of_schema_org(tmp_path: Path) -> None:
    notes, attributes = read(tmp_path, "new,,rye,roll,bread", "roll,bread,,,", "rye,,,,")
    header = "product_id,isAccessoryOrSparePartFor,Excludes,isSimilarTo,isSuccessorOf"
    assert notes == []
    assert attributes.names == ["bread", "new", "roll", "rye"]
    assert attributes.excludes == [set(), {3}, set(), set()]
    assert attributes.similar_to == [set(), {2}, set(), set()]
    assert attributes.successor_of == [set(), {0}, set(), set()]
    _, others = read(tmp_path, "new,,rye,roll,bread", "roll,bread,,,", "rye,,,,", header=header)
    assert (others.excludes, others.similar_to) == (attributes.excludes, attributes.similar_to)
    assert (others.successor_of, others.accessory_for) == (attributes.successor_of, attributes.accessory_for)
    _, third = read(tmp_path, "new,,,,bread", header=header.replace("isSuccessorOf", "predecessor"))
    assert third.successor_of == [set(), {0}]


def test_an_id_that_names_no_product_is_told_and_binds_nothing(tmp_path: Path) -> None:
    notes, attributes = read(tmp_path, "new,,gone|bread,lost,")
    assert notes == [
        "excludes: 1 ids name no product, as 'gone' of 'new'; they bind nothing",
        "similar_to: 1 ids name no product, as 'lost' of 'new'; they bind nothing",
    ]
    assert attributes.excludes == [set(), {0}]
    assert attributes.similar_to == [set(), set()]


def test_a_product_that_names_itself_is_told_and_does_not(tmp_path: Path) -> None:
    notes, attributes = read(tmp_path, "new,new,new|bread,,new")
    assert notes == [
        f"{name}: 1 declarations do not count, as that of 'new': 'new' names itself"
        for name in ("accessory_for", "excludes", "successor_of")
    ]
    assert attributes.excludes == [set(), {0}]
    assert attributes.successor_of == [set(), set()]


def test_products_that_replace_each_other_in_a_circle_replace_nothing(tmp_path: Path) -> None:
    notes, attributes = read(tmp_path, "a,,,,c", "b,,,,a|bread", "c,,,,b")
    assert notes == ["successor_of: 3 declarations do not count, as that of 'a': 'c' goes in a circle"]
    assert attributes.names == ["a", "b", "bread", "c"]
    assert attributes.successor_of == [set(), {2}, set(), set()], "what is beside the circle counts"


@pytest.mark.parametrize("row", ["new,bread|roll,bread,,", "new,bread|roll,,bread,", "new,bread|roll,,,bread"])
def test_an_accessory_does_not_fit_what_it_is_kept_apart_from(tmp_path: Path, row: str) -> None:
    notes, attributes = read(tmp_path, row, "roll,,,,")
    assert notes == [
        "accessory_for: 1 declarations do not count, as that of 'new': "
        "'bread' contradicts a relation that keeps both apart"
    ]
    assert attributes.accessory_for == [None, {2}, None]


def test_what_excludes_more_products_than_an_answer_looks_at_stops_the_job(tmp_path: Path) -> None:
    others = [f"p{n}" for n in range(MAX_PARTNERS + 1)]
    rows = [f"{name},,,," for name in others]
    read(tmp_path, f"bundle,,{'|'.join(others[:-1])},,", *rows)
    with pytest.raises(DataError, match=r"excludes: expected at most 256 products for each, got 257 of 'bundle'"):
        read(tmp_path, f"bundle,,{'|'.join(others[:-1])},,", *rows[:-1], f"{others[-1]},,bundle,,")


def test_a_declaration_is_part_of_the_digest_and_its_place_too(tmp_path: Path) -> None:
    def digest(row: str) -> str:
        products = f"{HEADER}\nbread,,,,\n{row}\n"
        return apply_contract(opened(tmp_path, GOOD, products=products), ANYTHING).digest

    told = [digest(row) for row in ("new,,,,", "new,,bread,,", "new,,,bread,", "new,,,,bread")]
    assert len(set(told)) == 4
    without = opened(tmp_path, GOOD, products="product_id\nbread\nnew\n")
    assert apply_contract(without, ANYTHING).digest == told[0]


def shop_of(folder: Path, categories: list[str], *, types: bool = False, listed: bool = True) -> tuple[str, Attributes]:
    """The note on categories that are no type, and the attributes of a shop of products p0, p1, ... of categories."""
    header = "product_id,category,product_type" if types else "product_id,category"
    rows = [f"p{n},{name}{',shelf' if types else ''}" for n, name in enumerate(categories)]
    if listed:
        purchases = opened(folder, "anna,1,p0,2024-01-01,1,3", products="\n".join([header, *rows]) + "\n")
    else:
        lines = [f"anna,{n},p{n},2024-01-01,1,3,{name}" for n, name in enumerate(categories)]
        columns = "customer_id,order_id,product_id,ordered_at,quantity,unit_price,category"
        purchases = opened(folder, *lines, header=columns, products=None)
    notes = apply_contract(purchases, ANYTHING).notes
    return "".join(note for note in notes if "it is no type" in note), read_attributes(purchases.connection)


@pytest.mark.parametrize("listed", [True, False])
def test_a_category_of_nearly_all_products_is_no_type_and_stays_a_category(tmp_path: Path, listed: bool) -> None:
    note, attributes = shop_of(tmp_path, ["all"] * 19 + ["few"], listed=listed)
    assert note == "the category 'all' holds 19 of 20 products: it is no type, and theirs is unknown"
    assert attributes.product_types == ["few"]
    assert np.count_nonzero(attributes.product_type == 0) == 1
    assert attributes.categories == ["all", "few"]


def test_a_category_of_most_products_is_a_type(tmp_path: Path) -> None:
    note, attributes = shop_of(tmp_path, ["all"] * 18 + ["few"] * 2)
    assert note == ""
    assert attributes.product_types == ["all", "few"]


def test_few_products_tell_nothing_of_their_categories(tmp_path: Path) -> None:
    note, attributes = shop_of(tmp_path, ["all"] * 19)
    assert note == ""
    assert attributes.product_types == ["all"]


def test_a_product_type_that_is_given_is_one_however_many_have_it(tmp_path: Path) -> None:
    note, attributes = shop_of(tmp_path, ["all"] * 40, types=True)
    assert note == ""
    assert attributes.product_types == ["shelf"]
