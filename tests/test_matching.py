"""compare: the hand-written table, symmetry, and what missing or broken values do; cluster: no chains, no two versions together."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicdb.matching import Part, cluster, compare

TABLE = Path(__file__).with_name("pairs.tsv")


def record(written):
    """The dict of "title | artist | album | 3:45 | isrc=..."."""
    fields = [f.strip() for f in written.split("|")]
    fixed = [f for f in fields if not f.startswith(("isrc=", "year=", "no=", "ids=", "platform="))]
    out = dict(zip(("title", "artist", "album", "length"), fixed))
    for more in fields[len(fixed) :]:
        name, _, value = more.partition("=")
        out[{"no": "track_no"}.get(name, name)] = dict([value.split(":")]) if name == "ids" else value
    if length := out.pop("length", None):
        minutes, seconds = length.split(":")
        out["duration_ms"] = int(minutes) * 60_000 + int(seconds) * 1000
    return {k: v for k, v in out.items() if v}


def table():
    """(category, verdict, one, other) of the table."""
    lines = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [(category, verdict, record(one), record(other)) for category, verdict, one, other in lines]


PAIRS = table()


def test_the_table_is_as_large_and_as_wide_as_promised():
    assert len(PAIRS) >= 150
    assert {p[0] for p in PAIRS} >= {
        "remix", "live", "edit", "edition", "featured", "transliteration", "numbers", "parts", "intro/outro", "cover", "same title", "typos",
        "swapped", "various",
    }  # fmt: skip


@pytest.mark.parametrize("category, verdict, one, other", PAIRS, ids=[f"{p[0]}: {p[2].get('title')} / {p[3].get('title')}" for p in PAIRS])
def test_verdict_of(category, verdict, one, other):
    found = compare(one, other)
    assert found.verdict == verdict, found
    assert compare(other, one) == found or compare(other, one).confidence == found.confidence
