"""Plays of Spotify's extended streaming history by the thousand: what `rows("play", ...)` says of them, as tuples and from the text as sent.

Only what is plain is taken (a track of Spotify's own, played online, at a readable time); every other play is handed back for `rows`.
Years of listening are a million of these.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

import msgspec

from ..shapes import Play

DAY_S, DAY_MS = 86_400, 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_MINUTE = [f"T{m // 60:02d}:{m % 60:02d}:" for m in range(1440)]
_SECOND = [f"{s:02d}Z" for s in range(60)]
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # perhaps half a character: a closer look
_SENT = re.compile(r"spotify:track:([A-Za-z0-9]{1,64})")
_CONTEXT = ("reason_start", "reason_end", "skipped", "shuffle", "offline", "platform", "incognito")
_encode = msgspec.json.Encoder().encode


class _Sent(msgspec.Struct):
    """The fields of a line that are used; the text is kept whole."""

    ts: str
    ms_played: int
    master_metadata_track_name: str | None
    spotify_track_uri: str | None
    platform: str | None = None
    reason_start: str | None = None
    reason_end: str | None = None
    shuffle: bool | None = None
    skipped: bool | None = None
    offline: bool | None = None
    incognito_mode: bool | None = None
    endTime: msgspec.UnsetType = msgspec.UNSET  # another layout: its value is no UNSET, so the page is refused here
    uri: msgspec.UnsetType = msgspec.UNSET
    trackUri: msgspec.UnsetType = msgspec.UNSET


_fields = msgspec.json.Decoder(list[_Sent]).decode
_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read(text: bytes) -> tuple[list[Play], list] | None:
    """Return (plays, payloads for `rows`) of a JSON array, or None where it is another layout. Raises msgspec.DecodeError for no JSON."""
    try:
        sent = _fields(text)
    except msgspec.ValidationError:
        return None
    plays, others = [], []
    doubtful = _HALF.search(text) is not None
    for one, raw in zip(sent, _texts(text), strict=True):
        start = _start(one.ts, one.ms_played)
        track = _id(one.spotify_track_uri)
        raw = bytes(raw)
        if start is None or track is None or one.offline or (doubtful and _HALF.search(raw)):
            others.append(msgspec.json.decode(raw))
            continue
        context = _context((one.reason_start, one.reason_end, one.skipped, one.shuffle, one.offline, one.platform, one.incognito_mode))
        plays.append((start, track, track, one.ms_played, None, context, raw.decode()))
    return plays, others


@lru_cache(16384)
def _id(uri: str | None) -> str | None:
    found = _SENT.fullmatch(uri) if uri else None
    return found and found[1]


@lru_cache(4096)
def _context(values: tuple) -> str | None:
    said = {name: value for name, value in zip(_CONTEXT, values) if value not in (None, "")}
    return _encode(said).decode() if said else None


@lru_cache(16384)
def _day(text: str) -> int | None:
    """Days since 1970 of "2023-05-01", from 2006 on: before there was no Spotify."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH if len(text) == 10 and text.isascii() and text >= "2006" else None
    except ValueError:
        return None


@lru_cache(16384)
def _name(day: int) -> str:
    return date.fromordinal(day + _EPOCH).isoformat()


@lru_cache(1440)
def _minute(text: str) -> int | None:
    """Seconds of "T18:31:"."""
    found = re.fullmatch(r"T([01][0-9]|2[0-3]):([0-5][0-9]):", text)
    return int(found[1]) * 3600 + int(found[2]) * 60 if found else None


_SECONDS = {text: s for s, text in enumerate(_SECOND)}


def _start(ts: str, played_ms: int) -> str | None:
    """When a play began that ended at `ts` ("2023-05-01T18:31:37Z"), rounded to the second; None for another form."""
    day, minute, second = _day(ts[:10]), _minute(ts[10:17]), _SECONDS.get(ts[17:])
    if day is None or minute is None or second is None or not 0 <= played_ms <= 7 * DAY_MS:
        return None
    day, second = divmod(((day * DAY_S + minute + second) * 1000 - played_ms + 500) // 1000, DAY_S)
    return _name(day) + _MINUTE[second // 60] + _SECOND[second % 60]
