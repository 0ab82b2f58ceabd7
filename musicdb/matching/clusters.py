"""Group records of many platforms: average link over compared pairs. Pure.

Transitive closure is not used: a chain of near matches would swallow an album. Two groups join while the mean evidence between all their
members stays above a line; a pair that was not worth comparing counts against it; and a pair that cannot be the same (two versions)
keeps its groups apart for ever.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from . import compare
from .blocking import pairs
from .record import Record, prepare

JOIN = 40.0  # least mean confidence at which two groups become one
UNSEEN = 0.0  # confidence of a pair that shares no key


def cluster(records: Sequence[Mapping[str, Any] | Record], join: float = JOIN) -> list[int]:
    """Return a label (0, 1, ... in order of first appearance) per record; equal labels = the same recording."""
    ready = [r if isinstance(r, Record) else prepare(r) for r in records]
    likeness: dict[int, dict[int, float]] = {n: {} for n in range(len(ready))}
    apart: dict[int, set[int]] = {n: set() for n in range(len(ready))}
    for i, j in sorted(pairs(ready)):
        found = compare(ready[i], ready[j])
        if found.barred:
            apart[i].add(j)
            apart[j].add(i)
        elif found.confidence >= 5:
            likeness[i][j] = likeness[j][i] = found.confidence
    return average_link(likeness, apart, join)


def average_link(likeness: dict[int, dict[int, float]], apart: dict[int, set[int]], join: float) -> list[int]:
    """Join the two groups of the highest mean likeness while it is at least `join`; groups with a pair in `apart` never join.

    likeness and apart: symmetric, by position; both are used up. A missing pair counts as UNSEEN.
    """
    size = {n: 1 for n in likeness}
    member = {n: [n] for n in likeness}
    sums = likeness  # sum of the likeness between two groups
    heap = [(-value, i, j) for i, near in sums.items() for j, value in near.items() if i < j and value >= join]
    heapq.heapify(heap)
    while heap:
        value, i, j = heapq.heappop(heap)
        if i not in size or j not in size or -value != sums[i].get(j, 0.0) / (size[i] * size[j]) or j in apart[i]:
            continue
        if len(sums[i]) < len(sums[j]):
            i, j = j, i
        for other, total in sums.pop(j).items():
            del sums[other][j]
            if other != i:
                sums[i][other] = sums[other][i] = sums[i].get(other, 0.0) + total
        for other in apart.pop(j):
            apart[other].discard(j)
            apart[other].add(i)
            apart[i].add(other)
        size[i] += size.pop(j)
        member[i] += member.pop(j)
        for other, total in sums[i].items():
            mean = total / (size[i] * size[other])
            if mean >= join and other not in apart[i]:
                heapq.heappush(heap, (-mean, *sorted((i, other))))
    label = [0] * sum(size.values())
    for number, group in enumerate(sorted(member.values(), key=min)):
        for n in group:
            label[n] = number
    return label
