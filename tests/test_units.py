"""Keys, dates, times and numbers of platforms in one notation."""

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicdb import units

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(),
    st.text(),
    st.lists(st.integers()),
    st.dates(),
    st.datetimes(),
    st.text(alphabet="0123456789-/:.TZ+, "),
    st.text(alphabet="abcdefghmAB#♭♯ 0123456789"),
)


@settings(max_examples=500, deadline=None)
@given(ANYTHING)
def test_nothing_that_a_platform_sends_raises(value):
    key = units.camelot(value)
    assert key is None or units.camelot(units.key_name(key)) == key
    assert units.compatible_keys(value) == [] or units.compatible_keys(value)[0] == key
    for scale in ("popm", "wma", "1", "5", "10", "100", "rekordbox_xml"):
        assert units.stars(value, scale) in (None, 1, 2, 3, 4, 5)
    number = units.integer(value)
    assert number is None or -(2**63) <= number < 2**63
    speed = units.bpm(value)
    assert speed is None or 0 < speed <= 1000
    day = units.iso_date(value)
    assert day is None or (len(day[0]), day[1]) in ((4, "year"), (7, "month"), (10, "day"))
    assert day is None or units.iso_date(day[0]) == day
    moment = units.utc(value)
    assert moment is None or (len(moment) == 20 and units.utc(moment) == moment)


def test_every_key_has_a_name_that_leads_back():
    wheel = [f"{number}{letter}" for number in range(1, 13) for letter in "AB"]
    assert [units.camelot(units.key_name(key)) for key in wheel] == wheel


@pytest.mark.parametrize(
    "written, expected",
    [
        ("Am", "8A"), ("A minor", "8A"), ("A min", "8A"), ("a-moll", "8A"), ("C", "8B"), ("C major", "8B"), ("CM", "8B"), ("A#m", "3A"),
        ("Bbm", "3A"), ("B♭m", "3A"), ("G♯ min", "1A"), ("8A", "8A"), ("08a", "8A"), ("1m", "8A"), ("1d", "8B"), ("12d", "7B"),
        ("Fis-moll", "11A"), ("D flat major", "3B"), ("Hm", "10A"), ("13A", None), ("0A", None), ("o", None), ("", None), (5, None),
        (None, None),
        ("Am/C", None),
    ],
)  # fmt: skip
def test_camelot_of(written, expected):
    assert units.camelot(written) == expected


def test_neighbours_on_the_wheel_mix():
    assert units.compatible_keys("8A") == ["8A", "7A", "9A", "8B"]
    assert units.compatible_keys("1B") == ["1B", "12B", "2B", "1A"]
    assert units.compatible_keys("Dbm") == ["12A", "11A", "1A", "12B"]


@pytest.mark.parametrize(
    "written, expected",
    [
        ("1997", ("1997", "year")), (1997, ("1997", "year")), ("1997-05", ("1997-05", "month")), ("1997-5-2", ("1997-05-02", "day")),
        ("1997/05/12", ("1997-05-12", "day")), ("19990501", ("1999-05-01", "day")), (19990501, ("1999-05-01", "day")),
        ("2019-00-00", ("2019", "year")),
        ("2019-05-00", ("2019-05", "month")), ("1997-02-30", ("1997-02", "month")), ("2024-02-29", ("2024-02-29", "day")),
        ("1997-05-12T10:00:00Z", ("1997-05-12", "day")), ("12 May 1997", ("1997", "year")), ("1997 / 1998", None), ("0000", None),
        ("97", None),
        ("", None), (None, None), (True, None), (date(1997, 5, 12), ("1997-05-12", "day")),
    ],
)  # fmt: skip
def test_iso_date_of(written, expected):
    assert units.iso_date(written) == expected


@pytest.mark.parametrize(
    "written, expected",
    [
        ("2023-03-19T18:31:37Z", "2023-03-19T18:31:37Z"), ("2023-03-19 18:31", "2023-03-19T18:31:00Z"),
        ("2023-03-19", "2023-03-19T00:00:00Z"),
        ("2023-03-19 18:31:37 UTC", "2023-03-19T18:31:37Z"), ("2023-03-19T18:31:37.999+02:00", "2023-03-19T16:31:37Z"),
        (1679250697, "2023-03-19T18:31:37Z"), (1679250697000, "2023-03-19T18:31:37Z"), ("1679250697", "2023-03-19T18:31:37Z"),
        (-1, "1969-12-31T23:59:59Z"), ("2023-13-19T18:31:37Z", None), ("2023-02-30T18:31:37Z", None), ("2023-03-19T25:00:00Z", None),
        ("yesterday", None), (math.nan, None), (math.inf, None), (10**300, None), (True, None), (None, None),
    ],
)  # fmt: skip
def test_utc_of(written, expected):
    assert units.utc(written) == expected


def test_utc_takes_the_unit_it_is_told():
    assert units.utc(5_000_000_000, "ms") == "1970-02-27T20:53:20Z"
    with pytest.raises(ValueError, match="use s, ms, us or ns"):
        units.utc(1, "hours")


def test_numbers_are_read_and_the_impossible_is_none():
    assert [units.bpm(v) for v in ("128,5", "128 BPM", 127.996, "0", -1, math.nan, 1000.1, "fast", True)] == [128.5, 128.0, 128.0] + [
        None
    ] * 6
    assert [units.integer(v) for v in ("12/15", " 7 ", "7.0", 7.0, 7.5, "A2", math.inf, True, 2**63)] == [
        12,
        7,
        7,
        7,
        None,
        None,
        None,
        None,
        None,
    ]
    assert units.integer(0, 1) is None and units.integer("101", 0, 100) is None and units.integer("100", 0, 100) == 100


def test_ratings_of_every_scale():
    assert [units.stars(v, "popm") for v in (0, 1, 64, 128, 196, 255, 256)] == [None, 1, 2, 3, 4, 5, None]
    assert [units.stars(v, "wma") for v in (0, 1, 25, 50, 75, 99)] == [None, 1, 2, 3, 4, 5]
    assert [units.stars(v, "rekordbox_xml") for v in (0, 51, 102, 153, 204, 255)] == [None, 1, 2, 3, 4, 5]
    assert [units.stars(v, "100") for v in (0, 20, 40, "60", 80, 100, 101)] == [None, 1, 2, 3, 4, 5, None]
    assert [units.stars(v, "5") for v in (0, 1, 5, 6)] == [None, 1, 5, None]
    with pytest.raises(ValueError, match="no such rating scale"):
        units.stars(3, "stars")
