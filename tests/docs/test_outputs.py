"""An output that is not the one shown is told; a number may differ as another processor's sums do."""

from __future__ import annotations

import pytest

from docs.outputs import difference

AS_SHOWN = [
    ("Offers(3 of 239 retrieved)", "Offers(3 of 239 retrieved)"),
    ("a   b\n\n\nc", "a b\nc\n"),
    ("relevance 0.102", "relevance 0.1025"),
    ("relevance 0.102", "relevance 0.097"),
    ("1,439,049 lines", "1,401,000 lines"),
    ("2 units", "3 units"),
    ("+0.003 (-0.005 to +0.011)", "+0.004 (-0.006 to +0.010)"),
    ("difference 8e-07", "difference 9e-07"),
    ("5.2% of it", "5.3% of it"),
    ("first\n...\nlast", "first\nsecond\nthird\nlast"),
    ("first\n...\nlast", "first\nlast"),
    ("...", ""),
    ("took ... s", "took 1.25 s"),
    ('{"bundle":"..."}', '{"bundle":"7e1299a6e8ad"}'),
    ("a ... c ... e", "a b c d c d e"),
]
OTHERWISE = [
    ("Offers(3 of 239 retrieved)", "Offers(3 of 239 found)"),
    ("a\nb", "a"),
    ("a", "a\nb"),
    ("a\nb", "b\na"),
    ("relevance 0.102", "relevance 0.058"),
    ("100 requests", "94 requests"),
    ("-0.5", "0.5"),
    ("'1098066'", "'1098067'"),
    ('"c-1"', '"c-2"'),
    ("2017-11-26", "2017-11-27"),
    ("at 10:00", "at 10:01"),
    ("version 1.31.1", "version 1.31.2"),
    ("bundle 7e1299a6e8ad", "bundle 7e1299a6e8ae"),
    ("p50", "p51"),
    ("customer-003", "customer-004"),
    ("True", "False"),
    ("0.5", "half"),
    ("5.2%", "5.2"),
    ("first\n...\nlast", "first\nsecond"),
    ("took ... s", "took 1.25 m"),
]


@pytest.mark.parametrize(("shown", "got"), AS_SHOWN)
def test_what_is_shown_is_accepted(shown: str, got: str) -> None:
    assert difference(shown, got) is None


@pytest.mark.parametrize(("shown", "got"), OTHERWISE)
def test_what_is_otherwise_is_told(shown: str, got: str) -> None:
    assert difference(shown, got)


def test_a_difference_shows_the_lines_that_differ_alone() -> None:
    told = difference("one 1.00\ntwo\nthree", "one 1.01\ntoo\nthree")
    assert told is not None
    assert changed(told) == ["-two", "+too"]
    told = difference("...\ntwo", "one\ntoo")
    assert told is not None
    assert {"-two", "+one", "+too"} <= set(changed(told))


def changed(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if line[0] in "-+" and line[1:2] not in "-+"]
