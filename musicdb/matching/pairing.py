"""Best partner for each record of one list in another: keys first, rare words for the rest. Pure; near linear in time.

Most records of two libraries agree to the letter: those are paired by key and length, without a comparison. Only what is left is
compared, with the few records that share its rare words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import text
from . import compare
from .blocking import KeyIndex, worth_comparing
from .record import Record, prepare
from .weights import SAME

SURE_MS = 2_000  # two lengths so near make an equal key certain
AS_KEY = 97.0  # confidence of an equal key and length


class Pair(NamedTuple):
    """Positions of two records and the confidence that they are the same."""

    left: int
    right: int
    confidence: float


def key_of(record: Mapping[str, Any]) -> str:
    """The match key of a dict as `compare` takes it."""
    title = text.full_title(record.get("title"), record.get("version"))
    return text.match_key(title, record.get("artists") or record.get("artist") or ())


def _raw(record: Mapping[str, Any]) -> tuple:
    artists = record.get("artists") or record.get("artist")
    return record.get("title"), record.get("version"), tuple(map(str, artists)) if isinstance(artists, list) else artists


def pair(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]], least: float = SAME) -> list[Pair]:
    """Return for each record of `left` its best partner in `right`, where one reaches the confidence `least`."""
    by_key: dict[str, list[int]] = defaultdict(list)
    known: dict[tuple, str] = {}  # text as written -> key: most of it comes twice
    keys = [known.setdefault(_raw(record), key_of(record)) for record in right]
    for n, key in enumerate(keys):
        by_key[key].append(n)
    isrcs: dict[str, list[int]] = defaultdict(list)
    for n, record in enumerate(right):
        if record.get("isrc"):
            isrcs[record["isrc"]].append(n)
    near: KeyIndex | None = None
    ready: dict[int, Record] = {}
    found: list[Pair] = []
    for i, record in enumerate(left):
        key = known.get(_raw(record)) or key_of(record)
        hits = by_key.get(key, ()) if not (key.startswith("|") or key.endswith("|")) else ()
        if len(hits) == 1 and _as_long(record, right[hits[0]]):
            found.append(Pair(i, hits[0], AS_KEY))
            continue
        best, mine = None, prepare(record)
        first = dict.fromkeys((*hits[:20], *isrcs.get(record.get("isrc") or "", ())[:20]))
        for step in (0, 1, 2, 3):
            if step and near is None:
                near = KeyIndex(keys)
            close = [n for k in near.step(step, key) if worth_comparing(key, k) for n in by_key[k][:3]] if near and step else first
            for n in close:
                if n not in ready:
                    ready[n] = prepare(right[n])
                confidence = compare(mine, ready[n]).confidence
                if best is None or confidence > best.confidence:
                    best = Pair(i, n, confidence)
            if best and best.confidence >= least:
                found.append(best)
                break
    return found


def _as_long(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    a, b = one.get("duration_ms"), other.get("duration_ms")
    return isinstance(a, int | float) and isinstance(b, int | float) and a > 0 and b > 0 and abs(a - b) <= SURE_MS
