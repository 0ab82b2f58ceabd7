"""Units and notation: what platforms write, turned into what `said` holds. Pure; imports nothing of musicdb.

Every function takes any value, returns None where it is none of its kind, and never raises for what a platform sent
(`stars` and `utc` raise ValueError for a scale that does not exist: that is a mistake of the caller).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

_INT64 = 2**63 - 1

# ---------- text


def is_storable(value: str) -> bool:
    """Whether SQLite keeps a text as it is: it holds no NUL, where functions of SQLite end, and no half of a character."""
    return "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)


# ---------- keys. Source: the Camelot wheel (Mixed In Key); Open Key (Beatport, Traktor) is the same wheel turned by 7.
_MINOR = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "Dbm")
_MAJOR = ("B", "F#", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E")
_PITCH = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}  # h: German for b natural
_MINOR_OF = {8: 1, 3: 2, 10: 3, 5: 4, 0: 5, 7: 6, 2: 7, 9: 8, 4: 9, 11: 10, 6: 11, 1: 12}  # pitch class -> wheel
_MAJOR_OF = {11: 1, 6: 2, 1: 3, 8: 4, 3: 5, 10: 6, 5: 7, 0: 8, 7: 9, 2: 10, 9: 11, 4: 12}
_WHEEL = re.compile(r"0?([1-9]|1[0-2])\s*([abmd])", re.I)
_NAMED = re.compile(r"([a-h])\s*(#|♯|b|♭|-?\s*sharp|-?\s*flat|is|es)?\s*-?\s*(m|min|minor|moll|maj|major|dur)?\.?", re.I)
_FLATS, _SHARPS = {"b", "♭", "flat", "es"}, {"#", "♯", "sharp", "is"}


def camelot(key: Any) -> str | None:
    """Return the Camelot key ("8A") of "Am", "A minor", "G♯ min", "8A", "08A" or Open Key "1m"; None for anything else.

    Numbers are None: a bare pitch class does not say major or minor.
    """
    return _camelot(key) if isinstance(key, str) and len(key) <= 40 else None


@lru_cache(4096)
def _camelot(key: str) -> str | None:
    text = key.strip()
    if found := _WHEEL.fullmatch(text):
        number, letter = int(found[1]), found[2].lower()
        if letter in "ab":
            return f"{number}{letter.upper()}"
        return f"{(number + 6) % 12 + 1}{'A' if letter == 'm' else 'B'}"
    found = _NAMED.fullmatch(text)
    if not found:
        return None
    sign = (found[2] or "").lower().strip(" -")
    pitch = (_PITCH[found[1].lower()] + (sign in _SHARPS) - (sign in _FLATS)) % 12
    minor = (found[3] or "").lower() in {"m", "min", "minor", "moll"}
    if found[3] == "M":  # "CM" is C major, "Cm" C minor
        minor = False
    return f"{_MINOR_OF[pitch]}A" if minor else f"{_MAJOR_OF[pitch]}B"


def key_name(key: Any) -> str | None:
    """Return the name of a key as musicians write it: "8A" -> "Am", "3B" -> "Db"; None for what is no key."""
    wheel = camelot(key)
    if wheel is None:
        return None
    return (_MINOR if wheel[-1] == "A" else _MAJOR)[int(wheel[:-1]) - 1]


def compatible_keys(key: Any) -> list[str]:
    """Return the Camelot keys that mix with this one: itself, one down, one up, its relative. Empty for what is no key."""
    wheel = camelot(key)
    if wheel is None:
        return []
    number, letter = int(wheel[:-1]), wheel[-1]
    down, up = (number + 10) % 12 + 1, number % 12 + 1
    return [wheel, f"{down}{letter}", f"{up}{letter}", f"{number}{'B' if letter == 'A' else 'A'}"]


# ---------- dates and times
_DATE = re.compile(r"([12][0-9]{3})(?:([-/.])([0-9]{1,2})(?:\2([0-9]{1,2})(?:[T ].*)?)?)?", re.S)
_COMPACT = re.compile(r"([12][0-9]{3})()([0-9]{2})([0-9]{2})?")
_YEAR = re.compile(r"(?<![0-9])[12][0-9]{3}(?![0-9])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def iso_date(value: Any) -> tuple[str, Literal["year", "month", "day"]] | None:
    """Return a date as exact as it is known: ("1997", "year"), ("1997-05", "month"), ("1997-05-12", "day"), or None.

    A part that cannot be (month 00, 30 February) is left out. In other notations ("12 May 1997", "05/12/1997") only the year
    is sure, so only the year is given.
    """
    if isinstance(value, datetime | date):
        value = value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return (str(value), "year") if 1000 <= value <= 2999 else iso_date(str(value)) if 0 < value < 10**8 else None
    text = value.strip()[:64]
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        years = set(_YEAR.findall(text))
        return (years.pop(), "year") if len(years) == 1 else None
    year, month, day = found[1], int(found[3] or 0), int(found[4] or 0)
    if not 1 <= month <= 12:
        return year, "year"
    try:
        date(int(year), month, day)
    except ValueError:  # no day, or one that this month does not have
        return f"{year}-{month:02d}", "month"
    return f"{year}-{month:02d}-{day:02d}", "day"


def utc(value: Any, scale: Literal["s", "ms", "us", "ns"] | None = None) -> str | None:
    """Return a time as UTC text "2023-03-19T18:31:37Z" (fractions cut), or None.

    value: ISO text (without an offset it is taken as UTC; a date alone is its midnight), datetime, or seconds since 1970.
    scale: unit of a number; without it the size tells (Spotify's offline_timestamp comes in seconds and in ms).
    """
    if scale is not None and scale not in _PER_SECOND:
        raise ValueError(f"no such scale: {scale!r}; use s, ms, us or ns")
    if isinstance(value, str):
        text = value.strip()
        if len(text) == 20 and text[10] == "T" and text[19] == "Z" and _is_day(text[:10]) and _is_time(text[11:19]):
            return text
        if not re.fullmatch(r"-?[0-9]{9,19}(\.[0-9]+)?", text):
            return _from_text(text)
        value = float(text) if "." in text else int(text)
    if isinstance(value, datetime):
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        if scale is None:
            size = abs(value)
            scale = "s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns"
        return _text(_EPOCH + timedelta(seconds=math.floor(value / _PER_SECOND[scale])))
    except (OverflowError, ValueError):  # infinite, NaN, or beyond the year 9999
        return None


@lru_cache(8192)
def _is_day(text: str) -> bool:
    try:
        return text.isascii() and date.fromisoformat(text) is not None
    except ValueError:
        return False


@lru_cache(8192)
def _is_time(text: str) -> bool:
    return re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", text) is not None


def _from_text(text: str) -> str | None:
    text = re.sub(r"\s*(UTC|GMT)$", "Z", text[:64])
    try:
        return _text(datetime.fromisoformat(text))
    except ValueError:
        return None


def _text(when: datetime) -> str | None:
    try:
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        return f"{when.year:04d}-{when.month:02d}-{when.day:02d}T{when.hour:02d}:{when.minute:02d}:{when.second:02d}Z"
    except (OverflowError, ValueError):
        return None


# ---------- numbers
def _number(value: Any) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[-+]?[0-9]{1,30}([.,][0-9]{0,30})?", text):
            return None
        return float(text.replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def bpm(value: Any) -> float | None:
    """Return beats per minute, rounded to 2 decimals; "128,5" and "128 BPM" are read; 0, negative or above 1000 is None."""
    if isinstance(value, str):
        value = re.sub(r"(?i)\s*bpm\s*$", "", value[:64])
    number = _number(value)
    return round(number, 2) if number is not None and 0.01 <= number <= 1000 else None


def integer(value: Any, low: int | None = None, high: int | None = None) -> int | None:
    """Return a whole number: "12/15" -> 12 (track 12 of 15), "7.0" -> 7; None for fractions, NaN, true/false, out of range.

    Beyond 64 bit, which SQLite cannot hold, is out of range.
    """
    if isinstance(value, str):
        text = value.strip().split("/", 1)[0].strip()
        if re.fullmatch(r"[-+]?[0-9]{1,19}", text):
            value = int(text)
        else:
            value = _number(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value) or value != int(value):
            return None
        value = int(value)
    low, high = -_INT64 - 1 if low is None else low, _INT64 if high is None else high
    return value if low <= value <= high and -_INT64 - 1 <= value <= _INT64 else None


_STEPS = {  # upper bound of 1..5 stars. popm: as Windows Explorer and MusicBee read ID3; wma: WM/SharedUserRating
    "popm": (31, 95, 159, 223, 255),
    "wma": (12, 37, 62, 86, 99),
}
_FULL = {"1": 1, "5": 5, "10": 10, "100": 100, "rekordbox_xml": 255}


def stars(value: Any, scale: Literal["popm", "wma", "1", "5", "10", "100", "rekordbox_xml"]) -> int | None:
    """Return a rating of 1-5 stars, or None: 0 means that nobody rated, and what is outside of the scale is no rating.

    scale: how the platform counts: popm 0-255 (ID3), wma 0-99, rekordbox_xml 0/51/102/153/204/255, or up to 1, 5, 10, 100.
    """
    if scale not in _STEPS and scale not in _FULL:
        raise ValueError(f"no such rating scale: {scale!r}; use one of {', '.join([*_STEPS, *_FULL])}")
    number = _number(value)
    if number is None or number <= 0:
        return None
    if scale in _STEPS:
        return next((star for star, most in enumerate(_STEPS[scale], 1) if number <= most), None)
    full = _FULL[scale]
    return max(1, math.floor(number / full * 5 + 0.5)) if number <= full else None
