"""Why an item is no longer in a list: you took it out, its owner did, the service dropped it, or it goes by another id now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Known(NamedTuple):
    """What tells whether two observations are one song, and whether it can still be played."""

    track: int | None  # the track it is linked to
    isrc: str | None
    match_key: str
    duration_ms: int | None
    is_available: bool


class Left(NamedTuple):
    """An item that went: reason (you, owner, service, relinked) and, where it was relinked, the item that stands for it."""

    item: int
    reason: str
    replaced_by: int | None


NEAR_MS = 3000  # a song that was put up again is as long as before, give or take its silence


def reasons(before: Sequence[int], after: Sequence[int], known: Mapping[int, Known], *, dropped: Iterable[int] = (), is_yours: bool = True) -> list[Left]:
    """One Left for each item of `before` that `after` lacks, repeats counted. dropped: items that left every list of the platform at once."""
    gone = Counter(before) - Counter(after)
    new = Counter(after) - Counter(before)
    everywhere, found = set(dropped), []
    for item in before:  # in their order, so that equal songs find their successors in order
        if gone[item] <= 0:
            continue
        gone[item] -= 1
        successor = next((other for other in after if new[other] > 0 and is_same(known.get(item), known.get(other))), None)
        if successor is not None:
            new[successor] -= 1
            found.append(Left(item, "relinked", successor))
        elif item in everywhere or (item in known and not known[item].is_available):
            found.append(Left(item, "service", None))
        else:
            found.append(Left(item, "you" if is_yours else "owner", None))
    return found


def is_same(one: Known | None, other: Known | None) -> bool:
    """Whether two ids stand for one song: the same track, the same ISRC, or the same words and length."""
    if one is None or other is None:
        return False
    if one.track is not None and one.track == other.track:
        return True
    if one.isrc and one.isrc == other.isrc:
        return True
    near = one.duration_ms is not None and other.duration_ms is not None and abs(one.duration_ms - other.duration_ms) <= NEAR_MS
    return bool(one.match_key) and one.match_key == other.match_key and near


def everywhere(changed: Mapping[Any, tuple[Sequence[int], Sequence[int]]], still: Iterable[int]) -> set[int]:
    """Items that left two lists or more in one snapshot and are in none now: nobody clears a song out of all lists by hand in one go."""
    left = Counter(item for before, after in changed.values() for item in set(before) - set(after))
    return {item for item, n in left.items() if n >= 2} - set(still)
