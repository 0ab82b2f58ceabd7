"""What changed between two states of a list: pure.

`diff` and `patch` are pure and know nothing of platforms: lists of hashable keys in, changes out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, NamedTuple


class Change(NamedTuple):
    """One step. Indexes count from 0 and hold at the moment of the step, after the steps before it.

    remove: the item at `at` goes; to is None. add: key comes to `to`; at is None. move: the item at `at` is taken out, then put to `to`.
    """

    op: Literal["remove", "add", "move"]
    key: Hashable
    at: int | None
    to: int | None


def diff(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Change]:
    """Steps that turn `before` into `after`: removals, then moves and additions from the top. Repeats are told apart by their order.

    Moves are as few as can be: all items that keep their order among each other (the longest increasing subsequence) stay.
    """
    if list(before) == list(after):
        return []
    old, new = numbered(before), numbered(after)
    old_set, new_set = set(old), set(new)
    changes = [Change("remove", old[i][0], i, None) for i in range(len(old) - 1, -1, -1) if old[i] not in new_set]
    now = [item for item in old if item in new_set]
    place = {item: i for i, item in enumerate(new)}
    stay = {now[i] for i in longest_increasing([place[item] for item in now])}
    last = -1  # where the item before stands
    for item in new:
        if item in stay:
            last = now.index(item, last + 1)
        elif item in old_set:
            at = now.index(item)
            now.pop(at)
            last = last + 1 if at > last else last
            now.insert(last, item)
            if at != last:
                changes.append(Change("move", item[0], at, last))
        else:
            last += 1
            now.insert(last, item)
            changes.append(Change("add", item[0], None, last))
    return changes


def patch(before: Iterable[Hashable], changes: Iterable[Change]) -> list[Hashable]:
    """Apply the steps of `diff`: patch(before, diff(before, after)) == after.

    Raises ValueError where a step meets another item than it names: the list has moved on since the diff was made.
    """
    now = list(before)
    for op, key, at, to in changes:
        if at is not None:
            if not 0 <= at < len(now) or now[at] != key:
                raise ValueError(f"place {at} holds {now[at] if 0 <= at < len(now) else 'nothing'!r}, not {key!r}: the list has changed since")
            now.pop(at)
        if to is not None:
            if not 0 <= to <= len(now):
                raise ValueError(f"there is no place {to} in a list of {len(now)} to {op} {key!r}: the list has changed since")
            now.insert(to, key)
    return now


def numbered(keys: Iterable[Hashable]) -> list[tuple[Hashable, int]]:
    """Each key with how often it came before: a track twice in a list is two items."""
    seen: Counter = Counter()
    numbered = []
    for key in keys:
        numbered.append((key, seen[key]))
        seen[key] += 1
    return numbered


def longest_increasing(values: Sequence[int]) -> list[int]:
    """Indexes of a longest increasing subsequence (patience sorting, n log n)."""
    tails: list[int] = []  # smallest last value of an increasing run of each length
    ends: list[int] = []  # and its index
    before: list[int] = []
    for i, value in enumerate(values):
        k = bisect_left(tails, value)
        before.append(ends[k - 1] if k else -1)
        tails[k : k + 1], ends[k : k + 1] = [value], [i]
    chain, i = [], ends[-1] if ends else -1
    while i >= 0:
        chain.append(i)
        i = before[i]
    return chain[::-1]
