"""Three-way sync of one list, pure: what both sides agreed on, what is here, what is there -> what each shall be.

An item is its key and which of equal keys it is, so repeats are items of their own. Nothing is guessed: where both sides moved things
otherwise, or gave another name, each keeps its own and the conflict is told. What is missing there counts as taken out only when it was
missing twice and the read did not collapse.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from .diffing import numbered

Item = tuple[Hashable, int]  # key, and which of equal keys: 0 is the first
DIRECTIONS = ("import", "push", "export", "mirror", "two_way")
MANY = 10  # from this length on, half of a list gone at once is not believed


class Held(NamedTuple):
    """An item that is missing on a side, which is not believed: why (once, collapsed) and on which side it is missing (here, there)."""

    item: Item
    why: str
    side: str


@dataclass(slots=True)
class Merged:
    """What each side shall be, item by item, what was not believed, and conflicts as sentences: (what, sentence). was_here, was_there: the
    items as they were, by the same identities."""

    here: list[Item]
    there: list[Item]
    was_here: list[Item] = field(default_factory=list)
    was_there: list[Item] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)


def merge(
    base: Sequence[Hashable],
    here: Sequence[Hashable],
    there: Sequence[Hashable],
    direction: str = "two_way",
    *,
    witness: Sequence[Hashable] | None = None,
    believe: bool = False,
    prefer: str | None = None,
) -> Merged:
    """Merge two sides of a list.

    direction: import (there to here), push or export (here to there), mirror (there becomes as here), two_way. Additions of the side that
    is not read are kept, except by mirror. witness: the list there as the read before saw it; what it still had is missing once only. None:
    there is no second read to go by, and `there` is taken at its word. believe: a collapsed read is true. prefer: "here" or "there" settles
    conflicts of order.
    """
    if base == here == there:
        items = numbered(base)
        return Merged(items, list(items), list(items), list(items))
    b = numbered(base)
    count = [Counter(side) for side in (base, here, there)]
    fewer = {key for key, n in count[0].items() if count[1][key] < n and count[2][key] < n}
    h, t = align(base, here, fewer), align(base, there, fewer)
    base_set, here_set, there_set = set(b), set(h), set(t)
    seen_before = set() if witness is None else set(align(base, witness, fewer))
    merged = Merged([], [], h, t)
    push = direction in ("push", "export")
    sources = {"import": ("there",), "two_way": ("here", "there")}.get(direction, ("here",))
    for side, now, other in (("here", here_set, there_set), ("there", there_set, here_set)):
        if side in sources and not believe and is_collapsed([i for i in b if i in now or i in other], now):  # a failed read: nothing of this list is touched
            return Merged(h, t, h, t, [Held(item, "collapsed", side) for item in b if item not in now])
    keep_here, keep_there = set(here_set), set(there_set)
    for item in dict.fromkeys([*b, *h, *t]):
        in_base, is_here, is_there = item in base_set, item in here_set, item in there_set
        if is_here == is_there:
            continue
        gone_here, gone_there = in_base and not is_here, in_base and not is_there
        if direction == "mirror":
            (keep_there.add if is_here else keep_there.discard)(item)
        elif gone_there and direction in ("import", "two_way"):
            if item in seen_before:
                merged.held.append(Held(item, "once", "there"))
            else:
                keep_here.discard(item)
        elif gone_here and (push or direction == "two_way"):
            keep_there.discard(item)
        elif not in_base and is_there and direction in ("import", "two_way"):
            keep_here.add(item)
        elif not in_base and is_here and (push or direction == "two_way"):
            keep_there.add(item)
    common = here_set & there_set & keep_here & keep_there
    way = _order(b, h, t, common, direction, prefer)
    if way == "conflict":
        merged.conflicts.append(("order", "both sides were reordered, each in its own way"))
        if any(n > 1 for side in count for n in side.values()):  # which copy is which shows by the order alone: all of the list waits
            return Merged(h, t, h, t, merged.held, merged.conflicts)
    own_h, own_t = [i for i in h if i in keep_here], [i for i in t if i in keep_there]
    merged.here = _arranged(own_h, t, keep_here, lead="there" if way == "there" and direction in ("import", "two_way") else "here")
    merged.there = _arranged(own_t, h, keep_there, lead="there" if way == "here" and (push or direction in ("mirror", "two_way")) else "here")
    if direction == "two_way" and way != "conflict" and keep_here == keep_there:  # one order for both
        merged.there = list(merged.here) if way == "here" else merged.there
        merged.here = list(merged.there)
    if direction == "mirror" and keep_there == here_set:
        merged.there = list(h)
    return merged


def align(base: Sequence[Hashable], now: Sequence[Hashable], counted: Collection[Hashable] = ()) -> list[Item]:
    """Each item of `now` with which copy of its key in `base` it is; copies that `base` has not follow. A copy put in before another is the
    new one, though it comes first. counted: keys whose copies are told apart by their order alone (both sides took some out)."""
    if len(set(base)) == len(base) and len(set(now)) == len(now):
        return [(key, 0) for key in now]
    copies: dict[Hashable, list[int]] = defaultdict(list)
    for place, (key, _) in enumerate(numbered(base)):
        copies[key].append(place)
    number = {place: n for key in copies for n, place in enumerate(copies[key])}
    found: list[Item | None] = [None] * len(now)
    used: set[Item] = set()
    for block in SequenceMatcher(None, base, now, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            key = now[block.b + step]
            if key not in counted:
                found[block.b + step] = item = (key, number[block.a + step])
                used.add(item)
    free: dict[Hashable, int] = defaultdict(int)
    for place, key in enumerate(now):
        if found[place] is None:
            while (key, free[key]) in used:
                free[key] += 1
            used.add((key, free[key]))
            found[place] = (key, free[key])
    return [item for item in found if item is not None]


def is_collapsed(base: Sequence[Item], now: Collection[Item]) -> bool:
    """Whether a side looks like a failed read rather than like work: empty where something was, or half of a longer list gone."""
    left = sum(item in now for item in base)
    return bool(base) and (not now or (len(base) >= MANY and left * 2 < len(base)))


def _order(b: list[Item], h: list[Item], t: list[Item], common: set[Item], direction: str, prefer: str | None) -> str:
    """Whose order counts: here, there, or conflict."""
    if direction == "mirror":
        return "here"
    mine, theirs = [i for i in h if i in common], [i for i in t if i in common]
    if mine == theirs:
        return "here"
    known = set(b)
    agreed = [i for i in b if i in common]
    mine_moved, theirs_moved = [i for i in mine if i in known] != agreed, [i for i in theirs if i in known] != agreed
    if prefer in ("here", "there"):
        return prefer
    if mine_moved and not theirs_moved:
        return "here"
    if theirs_moved and not mine_moved:
        return "there"
    if not mine_moved:  # only what both added stands at two places: no work of anybody is lost
        return "there" if direction == "import" else "here"
    return "conflict"


def _arranged(own: list[Item], other: list[Item], keep: set[Item], lead: str) -> list[Item]:
    """All of `keep` in one order: that of the leading side, the rest of the other put behind what it stands behind there."""
    main, rest = (own, other) if lead == "here" else ([i for i in other if i in keep], own)
    return place(main, [i for i in rest if i in keep])


def place(main: Sequence[Item], source: Sequence[Item]) -> list[Item]:
    """`main` with what only `source` has, each put behind the nearest item before it in `source`; at the top where there is none."""
    have = set(main)
    behind: dict[Any, list[Item]] = {}
    last: Any = None
    for item in source:
        if item not in have:
            behind.setdefault(last, []).append(item)
        else:
            last = item
    result = list(behind.get(None, ()))
    for item in main:
        result.append(item)
        result += behind.get(item, ())
    return result


def next_base(base: Sequence[Hashable], here: Sequence[Item], there: Sequence[Item], direction: str, *, conflict: bool = False) -> list[Hashable]:
    """Keys of what counts as agreed after a sync: what both sides have, and of what was agreed before all that one side still has, so that a step
    that was denied or not believed is proposed again. here, there: the items as `merge` or `steps` left them, not numbered anew: of equal
    keys it counts which one went."""
    if here == there and not conflict:
        return [key for key, _ in here]
    b, h, t = numbered(base), list(here), list(there)
    base_set, here_set, there_set = set(b), set(h), set(t)
    if conflict and len(set(base)) < len(base):
        return list(base)
    if conflict:  # what was added since stays out of it: the order that both had is what the conflict is seen by
        return [key for key, n in b if (key, n) in here_set or (key, n) in there_set]
    agreed = {i for i in {*b, *h, *t} if (i in here_set and i in there_set) or (i in base_set and (i in here_set or i in there_set))}
    both = here_set & there_set
    if direction == "import":
        lead = t
    elif direction != "two_way" or [i for i in h if i in both] == [i for i in t if i in both]:
        lead = h
    else:
        lead = b
    main = [i for i in lead if i in agreed]
    for rest in (b, h, t):
        main = place(main, [i for i in rest if i in agreed])
    return [key for key, _ in main]


def value(base: Any, here: Any, there: Any, direction: str) -> tuple[Any, Any, bool]:
    """A name or description: (here, there, whether both changed it otherwise)."""
    if here == there:
        return here, there, False
    if direction == "import":
        return (there, there, False) if here == base else (here, there, there != base)
    if direction == "mirror":
        return here, here, False
    if direction in ("push", "export"):
        return (here, here, False) if there == base else (here, there, here != base)
    if here == base:
        return there, there, False
    return (here, here, False) if there == base else (here, there, True)


class Move(NamedTuple):
    """One step on a list at the moment it is made: places count from 0. item tells repeats apart."""

    op: str
    item: Item
    at: int | None
    to: int | None


def steps(now: Sequence[Item], wanted: Sequence[Item], approved: Iterable[tuple[str, Item]]) -> tuple[list[Move], list[Item]]:
    """The approved steps towards `wanted`, additions and moves from the top first, removals last, and the list after them. What was not
    approved stays as it is; each item goes behind the nearest one that stands before it in `wanted`."""
    todo = set(approved)
    current, moves = list(now), []
    present = set(current)
    last: Item | None = None
    for item in wanted:
        if ("add", item) in todo and item not in present:
            to = 0 if last is None else current.index(last) + 1
            current.insert(to, item)
            present.add(item)
            moves.append(Move("add", item, None, to))
        elif ("move", item) in todo and item in present:
            at = current.index(item)
            current.pop(at)
            to = 0 if last is None else current.index(last) + 1
            current.insert(to, item)
            if at != to:
                moves.append(Move("move", item, at, to))
        if item in present:
            last = item
    for item in [i for i in reversed(current) if ("remove", i) in todo]:
        at = current.index(item)
        current.pop(at)
        moves.append(Move("remove", item, at, None))
    return moves, current
