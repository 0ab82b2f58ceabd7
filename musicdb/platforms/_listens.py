"""What the importers of listening histories share: one set of names for what a scrobble says of its track, and its rows. Pure.

A track is known by its MusicBrainz recording id where the source gives one, else by its words. A play is known by its time and by the
words of artist and title: of these all exports of a service agree, while albums and ids come and go from one export to the next.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from ..errors import PayloadError
from ..shapes import PlaylistRow, Row, Said, TrackRow
from ..units import integer, utc

EARLIEST, LATEST = "2002-10-01", "2100"  # Audioscrobbler began in October 2002; other times are broken clocks
DAY_MS = 86_400_000
_MBID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_DAY_TIME = re.compile(r"(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?")
_ZONE = re.compile(r"(Z|UTC|GMT|[+-]\d\d:?\d\d)$")
_TEXTS = ("title", "album", "isrc", "mb_recording", "mb_release", "mb_artist", "spotify", "uri")
_LISTS = ("artists", "album_artists")
_NUMBERS = {"duration_ms": DAY_MS, "track_no": 9999, "disc_no": 999}


class Heard(TypedDict, total=False):
    """What a play says of its track, under one set of names; the stored payload of tracks of history platforms."""

    title: str
    artists: list[str]
    album: str
    album_artists: list[str]
    duration_ms: int
    track_no: int
    disc_no: int
    isrc: str
    mb_recording: str
    mb_release: str
    mb_artist: str
    spotify: str
    uri: str


# ---------- fields
def text(value: Any) -> str | None:
    """Return a text without space around it, or None for what is none or empty."""
    return value.strip() or None if isinstance(value, str) else None


def texts(value: Any) -> list[str]:
    """Return the texts of a list, or of one text."""
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else ()
    return [one for item in found if (one := text(item))]


def mbid(value: Any) -> str | None:
    """Return a MusicBrainz id in lower case, also out of a web address; None for anything else."""
    if not isinstance(value, str) or len(value) > 200:
        return None
    found = value.strip().rstrip("/").rsplit("/", 1)[-1].lower()
    return found if _MBID.fullmatch(found) else None


def isrc(value: Any) -> str | None:
    """Return an ISRC without dashes, or None."""
    found = value.upper().replace("-", "").strip() if isinstance(value, str) else ""
    return found if _ISRC.fullmatch(found) else None


def milliseconds(value: Any, per: int = 1) -> int | None:
    """Return a length in ms; per: 1000 for a value in seconds. 0, negative, fractions of a ms or over a day: None."""
    if isinstance(value, float) and per > 1 and 0 < value < 86_400:
        return round(value * per) or None
    number = integer(value, 1, DAY_MS // per)
    return None if number is None else number * per


def moment(value: Any, offset_min: int | None = None, *, local: bool = False) -> tuple[str, str | None]:
    """Return (UTC time, precision) of seconds, ms, us or ns since 1970, ISO text, or "29 Sep 2022, 14:19".

    precision: None = to the second, else "minute" or "day". offset_min: minutes that the source's clock is ahead of UTC; used for text
    that names no zone, and for numbers where local is set. Raises PayloadError naming what cannot be a time of listening.
    """
    precision, zoned, found = None, not local, value
    if isinstance(value, str):
        found = value.strip()
        if written := _DAY_TIME.fullmatch(found):
            day, month, year, hour, minute, second = written.groups()
            number = _MONTHS.get(month.lower(), 0)
            found = f"{year}-{number:02d}-{int(day):02d}T{int(hour):02d}:{minute}:{second or '00'}"
            precision, zoned = None if second else "minute", False
        elif found[4:5] == "-":
            zoned = bool(_ZONE.search(found))
            precision = "day" if len(found) <= 10 else None if found[16:17] == ":" else "minute"
    when = utc(found)
    if when is None:
        raise PayloadError(f"no usable time: {ascii(value)[:60]}")
    if offset_min and not zoned:
        when = utc(datetime.fromisoformat(when).timestamp() - offset_min * 60, "s")
    if when is None or not EARLIEST <= when < LATEST:
        raise PayloadError(f"a time before there were scrobbles, or to come: {ascii(value)[:60]} (a broken clock)")
    return when, precision


# ---------- identity
@lru_cache(16384)
def words_id(*words: str | None) -> str:
    """Return "text:" and a hash of some words; case, space around and the form of accents do not matter."""
    plain = "\x1f".join(unicodedata.normalize("NFC", word or "").casefold().strip() for word in words)
    return "text:" + hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def track_id(h: Heard) -> str:
    """Return the external id of a track: its recording's MusicBrainz id, else its words."""
    return h.get("mb_recording") or words_id("\x1e".join(h["artists"]), h["title"], h.get("album"))


def play_id(artist: str | None, title: str) -> str:
    """Return the `source_item` of a play: the words of artist (as one text) and title."""
    return words_id(artist, title)


def remembered(make: Callable[[Any], Any], size: int = 8192) -> Callable[[Any], Any]:
    """Return make, which then keeps its answers by the JSON of what it is given: of ten plays, nine are of tracks that came before.

    What it returns is shared: copy it before it is changed. Nothing is kept of errors, or of what is no JSON.
    """
    kept: dict[bytes, Any] = {}
    encode = msgspec.json.Encoder().encode

    def get(value: Any) -> Any:
        try:
            key = encode(value)
        except (ValueError, TypeError, OverflowError, RecursionError):  # half a character, a number too large
            return make(value)
        found = kept.get(key)
        if found is None:
            if len(kept) >= size:
                kept.clear()
            found = kept[key] = make(value)
        return found

    return get


# ---------- rows
def heard(*, title: Any, artists: Iterable[str], **more: Any) -> Heard:
    """Return what is said, without what is not. Raises PayloadError without a title and an artist."""
    found = {"title": text(title), "artists": list(artists), **more}
    if not found["title"]:
        raise PayloadError("a play without a title")
    if not found["artists"]:
        raise PayloadError(f"a play without an artist: {ascii(found['title'])[:80]}")
    return {name: value for name, value in found.items() if value}


def track_row(h: Heard, in_library: bool = False) -> TrackRow:
    """Return the row of a track. h: as `heard` made it."""
    ids = {name: h[name] for name in ("mb_recording", "mb_release", "mb_artist", "spotify") if name in h}
    said: Said = {
        name: h[name] for name in ("title", "artists", "album", "album_artists", "duration_ms", "track_no", "disc_no", "isrc") if name in h
    }
    if ids:
        said["ids"] = ids
    return {
        "row": "track",
        "external_id": track_id(h),
        "title": h["title"],
        "artists": h["artists"],
        "album": h.get("album"),
        "duration_ms": h.get("duration_ms"),
        "isrc": h.get("isrc"),
        "uri": h.get("uri"),
        "said": said,
        "in_library": in_library,
        "kind": "track",
        "metadata": h,
    }


def stored_track(payload: Any) -> TrackRow:
    """Return the row of a stored payload of a track (see Heard). Raises PayloadError."""
    p = payload if isinstance(payload, dict) else {}
    found = {name: text(p.get(name)) for name in _TEXTS}
    found |= {name: texts(p.get(name)) for name in _LISTS}
    found |= {name: integer(p.get(name), 1, most) for name, most in _NUMBERS.items()}
    return track_row(heard(**found))


def liked_list(payload: dict, name: str, kind: str = "liked") -> PlaylistRow:
    """Return the row of a list of loved tracks from {"external_id", "user", "version"}. Raises PayloadError."""
    external_id = text(payload.get("external_id"))
    if external_id is None:
        raise PayloadError("a list without external_id")
    owner, version = text(payload.get("user")), text(payload.get("version"))
    return {"row": "playlist", "external_id": external_id, "name": name, "kind": kind, "owner": owner, "remote_version": version}


def placed(playlist: Any, position: Any, h: Heard, added_at: str | None) -> list[Row]:
    """Return the rows of a place in a list of loved tracks. Raises PayloadError."""
    playlist, position = text(playlist), integer(position, 0)
    if playlist is None or position is None:
        raise PayloadError("a loved track without a list or place")
    row = track_row(h)
    item = {
        "row": "playlist_item",
        "playlist_external_id": playlist,
        "position": position,
        "track_external_id": row["external_id"],
        "added_at": added_at,
    }
    return [row, item]
