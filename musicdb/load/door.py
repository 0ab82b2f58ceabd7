"""The door of the observed tables: what may come in as JSON and as text of a column."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec
import xxhash

from ..errors import PayloadError

encode = msgspec.json.Encoder().encode
BIG = 1 << 63


def check(value: Any) -> None:
    """Refuse what JSON or SQLite would change without a word: NaN, infinities, integers over 64 bits. Raises PayloadError naming it.

    Lone surrogates are refused by the encoder. Kept flat: it looks at every value of every payload.
    """
    todo = [value]
    while todo:
        inner = todo.pop()
        kind = type(inner)
        if kind is dict:
            inner = inner.values()
        elif kind is not list and kind is not tuple:
            inner = (inner,)
        for item in inner:
            kind = type(item)
            if kind is str or item is None:
                continue
            if kind is dict or kind is list or kind is tuple:
                todo.append(item)
            elif kind is float:
                if not isfinite(item):
                    raise PayloadError(f"it holds the number {item}, which JSON cannot hold")
            elif kind is int and not -BIG <= item < BIG:
                raise PayloadError(f"it holds a number of {item.bit_length()} bits; SQLite holds 64")


def clean(value: str | None) -> str | None:
    """Text for a column: without NUL, which would cut it short in SQL; the payload keeps it."""
    return value.replace("\0", "") if value and "\0" in value else value


def name_of(payload: Any) -> str:
    """What to call a payload in `quarantine`."""
    if isinstance(payload, dict):
        for key in ("path", "external_id", "id", "uri", "spotify_track_uri", "TrackID", "ts", "name", "Name"):
            if isinstance(payload.get(key), (str, int)) and payload[key] != "":
                return str(payload[key])[:500]
        inner = payload.get("attributes")
        if isinstance(inner, dict):
            return name_of(inner)
    return f"#{xxhash.xxh3_64_hexdigest(ascii(payload).encode())}"
