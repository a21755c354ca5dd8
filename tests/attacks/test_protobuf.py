"""Claims: fields that are only counted are read as those that are looked at, and refused alike."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg.bundle.onnx.protobuf import Field, FieldRun, fields

NUMBERS = st.integers(1, 20)
VARINTS = st.integers(0, 2**64 - 1)


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def of_bytes(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


pieces = st.one_of(
    st.builds(of_bytes, NUMBERS, st.binary(max_size=200)),
    st.builds(lambda number, value: varint(number << 3) + varint(value), NUMBERS, VARINTS),
    st.builds(lambda number: varint(number << 3 | 1) + bytes(8), NUMBERS),
    st.builds(lambda text, times: of_bytes(9, text) * times, st.binary(max_size=3), st.integers(1, 5)),
    st.binary(max_size=4),
)


def read(message: bytes, counted: frozenset[int]) -> list[tuple[int, Field]] | None:
    """The fields, each member of a run by itself; None where they are refused."""
    found: list[tuple[int, Field]] = []
    try:
        for number, value in fields(memoryview(message), counted):
            found += [(number, None)] * value.count if isinstance(value, FieldRun) else [(number, value)]
    except (ValueError, IndexError):
        return None
    return found


@settings(max_examples=1000)
@given(st.lists(pieces, max_size=12), st.integers(0, 4), st.frozensets(st.integers(1, 15), max_size=6))
def test_runs_are_the_fields_they_stand_for(parts: list[bytes], dropped: int, counted: frozenset[int]) -> None:
    whole = b"".join(parts)
    message = whole[: len(whole) - dropped]
    one_by_one, by_runs = read(message, frozenset()), read(message, counted)
    if one_by_one is None or by_runs is None:
        assert one_by_one == by_runs
    else:
        assert by_runs == [(n, None if n in counted else value) for n, value in one_by_one]


def test_a_run_ends_where_another_field_begins() -> None:
    message = of_bytes(9, b"a") * 3 + of_bytes(4, b"x") + of_bytes(9, b"b" * 300) + varint(8 << 3) + varint(7)
    found = [
        (number, value.count if isinstance(value, FieldRun) else value)
        for number, value in fields(memoryview(message), frozenset({8, 9}))
    ]
    assert found == [(9, 3), (4, memoryview(b"x")), (9, 1), (8, 1)]
