"""Which plays of different services are one play, and why. Pure.

A service stamps a play at its start, when it counted (half its length or 4 minutes: the rule of Last.fm and ListenBrainz) or at its end,
and its clock may be off. What holds for two services is learnt from plays that have one partner only; with too few of those, a start is
taken for likely and the rest for possible. The rule, in order:

- one play has at most one partner on each other service, and a service's own plays are never one, however near they are;
- both are of one song: linked to one track, of the same words, or nearly so, at the same time;
- the other stamp lies within the play (from its start to its end, give or take two minutes), at a place where these two services stamp;
- of several plays of a song in a row, the first goes with the first: the pairing of all that fits best, in order, is taken;
- what was heard for less than 30 seconds is no scrobble.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

SLACK = 120  # seconds that a stamp may lie outside the play: clocks, pauses
LENGTH = 210  # seconds of a song of which no length is known
COUNTS = 240  # seconds after which a play counts, where half its length is longer
LEAST = 30  # seconds below which scrobblers do not take a play
EXACT = 15  # seconds within which stamps agree
ENOUGH = 8  # plays with one partner from which habits are learnt
SURE = 0.97  # share of plays that habits explain, from which nothing else is taken
GAIN = 6.0  # what a pair is worth before its costs; -log2 of how likely, plus minutes off
DECIDED = "it was said to be one play"
PLACES = ("start", "half", "end")
UNLEARNT = {"start": 0.0, "half": 1.5, "end": 3.5}  # costs
LEARNT = 50_000  # pairs from which habits are learnt; more say no more
LARGEST = 400  # plays of one song without a pause that are paired as a whole


@dataclass(slots=True)
class Play:
    """A play: at = seconds since 1970, length and played in seconds (None = unknown), song = any number that one song has.

    scrobbled: the service counts only what was heard for a while.
    """

    id: int
    platform: str
    at: int
    song: int
    length: int | None = None
    played: int | None = None
    scrobbled: bool = False


class Same(NamedTuple):
    """Play `id` is the play `of`, told again."""

    id: int
    of: int
    reason: str


@dataclass(slots=True)
class Habit:
    """Where the second of two services stamps what the first one has: cost of each place, seconds its clock is ahead, seconds it varies."""

    costs: dict[tuple[str, int], float] = field(default_factory=lambda: {(p, s): c + (4.5 if s < 0 else 0) * (p != "start") for p, c in UNLEARNT.items() for s in (1, -1)})
    ahead: float = 0.0
    varies: float = 60.0
    only: bool = False  # nothing else is taken


def find(
    plays: Sequence[Play], order: Sequence[str], *, alike: Callable[[int, int], bool] = lambda one, other: False,
    apart: Set[frozenset[int]] = frozenset(), together: Iterable[tuple[int, int]] = (),
) -> list[Same]:  # fmt: skip
    """Return what is told again, of one person's plays. order: services, those whose word counts first; a play of the first is never told again.

    alike: whether two songs of different numbers may be one; asked only of plays at the same time. apart, together: ids that a person
    decided. Deterministic; takes time in proportion to the plays.
    """
    songs = _Songs()
    work = _Work(order, apart)
    by_song: dict[int, list[Play]] = defaultdict(list)
    for play in sorted(plays, key=lambda p: (p.at, p.id)):
        by_song[play.song].append(play)
    runs = {song: _runs(some) for song, some in by_song.items()}
    work.learn(runs.values())
    groups = {song: work.groups(some) for song, some in runs.items()}
    touched = _unite(songs, [g for some in groups.values() for g in some], len(work.rank), alike)
    if touched:
        united: dict[int, list[Play]] = defaultdict(list)
        for song in sorted(touched):
            united[songs.root(song)] += by_song[song]
            groups.pop(song)
        for song, some in united.items():
            groups[song] = work.groups(_runs(sorted(some, key=lambda p: (p.at, p.id))))
    found = {p.id: Same(p.id, g[0].id, work.reason(g[0], p)) for some in groups.values() for g in some for p in g[1:]}
    for one, other in together:
        root = found[one].of if one in found else one
        for told in [s for s in found.values() if s.of == other]:
            found[told.id] = told._replace(of=root)
        if other != root:
            found[other] = Same(other, root, DECIDED)
    return sorted(found.values())


class _Songs:
    """Numbers of songs that turned out to be one."""

    def __init__(self) -> None:
        self.into: dict[int, int] = {}

    def root(self, song: int) -> int:
        while (into := self.into.get(song, song)) != song:
            song = into
        return song

    def unite(self, one: int, other: int) -> None:
        one, other = sorted((self.root(one), self.root(other)))
        self.into[other] = one


def _unite(songs: _Songs, groups: list[list[Play]], services: int, alike: Callable[[int, int], bool]) -> set[int]:
    """Unite songs of plays at one time, where a service lacks a partner; return those that have another number now."""
    all_plays = sorted(((p.at, p.id, p, g) for g in groups if len(g) < services for p in g), key=lambda x: x[:2])
    asked: dict[tuple[int, int], bool] = {}
    touched: set[int] = set()
    for n, (at, _, one, mine) in enumerate(all_plays):
        reach = at + (one.length or LENGTH) + SLACK
        for m in range(n + 1, len(all_plays)):
            later, _, other, theirs = all_plays[m]
            if later > reach:
                break
            if other.platform == one.platform or other.song == one.song or len(mine) + len(theirs) > services:
                continue
            pair = (one.song, other.song) if one.song < other.song else (other.song, one.song)
            if asked.get(pair) is False or any(p.platform == q.platform for p in mine for q in theirs):
                continue
            if pair not in asked:
                asked[pair] = alike(*pair)
            if asked[pair]:
                songs.unite(*pair)
                touched.update(pair)
    return touched


class _Work:
    """Pairing of one person's plays."""

    def __init__(self, order: Sequence[str], apart: Set[frozenset[int]]):
        self.rank = {platform: n for n, platform in enumerate(order)}
        self.apart = apart
        self.habits: dict[tuple[str, str], Habit] = {}
        self.usual = Habit()

    # ---------- habits
    def learn(self, songs: Iterable[list[list[Play]]]) -> None:
        """Learn where services stamp from plays that have one partner only."""
        seen: dict[tuple[str, str], list[tuple[int, dict[tuple[str, int], float]]]] = defaultdict(list)
        known = 0
        for runs in songs:
            for run in runs:
                if not 1 < len(run) <= 6 or known > LEARNT:
                    continue
                for n, one in enumerate(run):
                    for other in run[n + 1 :]:
                        a, b = (one, other) if self.rank.get(one.platform, 99) <= self.rank.get(other.platform, 99) else (other, one)
                        if a.platform != b.platform and sum(p.platform in (a.platform, b.platform) for p in run) == 2 and _possible(a, b):
                            seen[a.platform, b.platform].append((b.at - a.at, _places(a, b)))
                            known += 1
        for pair, found in seen.items():
            if len(found) >= ENOUGH and (habit := _habit(found)):
                self.habits[pair] = habit

    # ---------- one song
    def groups(self, runs: list[list[Play]]) -> list[list[Play]]:
        """Plays of one song, by time, as groups that are one play each; first in a group is whose word counts first."""
        out: list[list[Play]] = []
        for run in runs:
            if len(run) == 1:
                out.append(run)
                continue
            if len(run) == 2:
                one, other = sorted(run, key=lambda p: self.rank.get(p.platform, 99))
                out += [[one, other]] if self.worth([one], other) > 0 else [[one], [other]]
                continue
            of: dict[str, list[Play]] = defaultdict(list)
            for play in run:
                of[play.platform].append(play)
            groups: list[list[Play]] = []
            for platform in sorted(of, key=lambda p: (self.rank.get(p, 99), p)):
                groups = self.add(groups, of[platform])
            out += groups
        return out

    def add(self, groups: list[list[Play]], plays: list[Play]) -> list[list[Play]]:
        """Pair one more service's plays with groups, both by time: the pairing in order that is worth most."""
        if not groups:
            return [[p] for p in plays]
        if len(groups) == len(plays) == 1:
            if self.worth(groups[0], plays[0]) > 0:
                groups[0].append(plays[0])
                return groups
            return sorted([*groups, plays], key=lambda g: (g[0].at, g[0].id))
        n, m = len(groups), len(plays)
        if n * m > LARGEST * LARGEST:
            return groups + [[p] for p in plays]
        worth = [[self.worth(g, p) for p in plays] for g in groups]
        best = [[0.0] * (m + 1) for _ in range(n + 1)]
        for i in range(n - 1, -1, -1):
            for j in range(m - 1, -1, -1):
                both = worth[i][j] + best[i + 1][j + 1] if worth[i][j] > 0 else 0.0
                best[i][j] = max(best[i + 1][j], best[i][j + 1], both)
        i = j = 0
        left = []
        while i < n and j < m:
            if worth[i][j] > 0 and best[i][j] == worth[i][j] + best[i + 1][j + 1]:
                groups[i].append(plays[j])
                i, j = i + 1, j + 1
            elif best[i][j] == best[i + 1][j]:
                i += 1
            else:
                left.append(plays[j])
                j += 1
        left += plays[j:]
        return sorted([*groups, *([p] for p in left)], key=lambda g: (g[0].at, g[0].id)) if left else groups

    def worth(self, group: list[Play], play: Play) -> float:
        """What it is worth to say that a play is one with a group: 0 or less = never."""
        if self.apart and any(frozenset((g.id, play.id)) in self.apart for g in group):
            return 0.0
        if len(group) == 1:
            return self.place(group[0], play)[0]
        return max(self.place(g, play)[0] for g in group)

    def place(self, one: Play, play: Play) -> tuple[float, str]:
        """(worth, place of the stamp) of a pair."""
        if not _possible(one, play):
            return 0.0, ""
        habit = self.habits.get((one.platform, play.platform), self.usual)
        gap, found = play.at - one.at, (0.0, "")
        cost = habit.costs.get(("start", 1), GAIN)
        if cost <= 1 and (off := abs(gap - habit.ahead)) <= EXACT:  # nothing else can be worth more
            return GAIN - cost - off / 60 - _unscrobbled(one, play), "start"
        for place, seconds in _places(one, play).items():
            if (cost := habit.costs.get(place)) is None:
                continue
            off = abs(gap - seconds - habit.ahead)
            if off <= max(2 * EXACT, 3 * habit.varies) and off <= SLACK + 60:
                found = max(found, (GAIN - cost - off / 60 - _unscrobbled(one, play), place[0]))
        if not habit.only and -SLACK <= gap <= _lasted(one, play) + SLACK:
            found = max(found, (GAIN - 4 - _unscrobbled(one, play), "within"))
        return found

    def reason(self, one: Play, play: Play) -> str:
        """Why a play is one with another, in words."""
        gap, place = play.at - one.at, self.place(one, play)[1]
        where = {"half": ", about its half", "end": ", about its end", "within": ", while it played"}.get(place, "")
        when = "at the same second" if not gap else f"{abs(gap)} s {'after' if gap > 0 else 'before'} the start"
        return f"the play that {one.platform} has, told {when}{where}"


def _runs(plays: list[Play]) -> list[list[Play]]:
    """Cut the plays of a song, by time, where nothing can reach over the pause."""
    runs: list[list[Play]] = []
    reach = -1
    for play in plays:
        if play.at > reach:
            runs.append([play])
        else:
            runs[-1].append(play)
        end = play.at + max(play.length or LENGTH, play.played or 0) + 2 * SLACK
        reach = end if end > reach or play.at > reach else reach
    return runs


def _lasted(one: Play, other: Play) -> int:
    """Seconds that the play took, as far as is known."""
    return one.played or other.played or one.length or other.length or LENGTH


def _places(one: Play, other: Play) -> dict[tuple[str, int], float]:
    """Seconds after the first stamp at which the second may be, by place; negative where the first is the late one."""
    length = one.length or other.length
    lasted = _lasted(one, other)
    places: dict[tuple[str, int], float] = {("start", 1): 0.0, ("end", 1): float(lasted), ("end", -1): -float(lasted)}
    if length:
        half = float(min(length / 2, COUNTS))
        places |= {("half", 1): half, ("half", -1): -half}
    return places


def _possible(one: Play, other: Play) -> bool:
    """Whether both can be one play at all: near enough, and long enough for a scrobbler."""
    if one.platform == other.platform or abs(other.at - one.at) > _lasted(one, other) + SLACK + 60:
        return False
    for a, b in ((one, other), (other, one)):
        if a.scrobbled and b.played is not None and b.played < min(LEAST, (b.length or LENGTH) / 2):
            return False
    return True


def _unscrobbled(one: Play, other: Play) -> float:
    """Cost of a play that was left before a scrobbler takes it."""
    for a, b in ((one, other), (other, one)):
        if a.scrobbled and b.played is not None and (length := b.length or a.length) and b.played < min(length / 2, COUNTS) - EXACT:
            return 1.5
    return 0.0


def _habit(found: list[tuple[int, Mapping[tuple[str, int], float]]]) -> Habit | None:
    """Where a service stamps, from gaps and places; None where no place explains half of them."""
    off = {place: [gap - at[place] for gap, at in found if place in at] for place in {p for _, at in found for p in at}}
    ahead = {place: median(values) for place, values in off.items() if values}
    near = {place: sum(abs(v - ahead[place]) <= EXACT for v in off[place]) for place in ahead}
    first = max(sorted(near), key=lambda p: (near[p] - (0 if p == ("start", 1) else 0.02 * len(found)), p == ("start", 1)))
    shift = ahead[first]
    if abs(shift) > SLACK:
        return None
    taken: Counter[tuple[str, int]] = Counter()
    rest: list[float] = []
    for gap, at in found:
        place, least = min(((p, abs(gap - s - shift)) for p, s in at.items()), key=lambda x: x[1])
        if least <= 2 * EXACT:
            taken[place] += 1
            rest.append(least)
    explained = sum(taken.values()) / len(found)
    if explained < 0.5:
        return None
    costs = {place: min(4.5, -math.log2(n / len(found))) for place, n in taken.items() if n >= max(2, 0.02 * len(found))}
    return Habit(costs, shift, max(5.0, 1.5 * median(rest)), explained >= SURE and len(found) >= 5 * ENOUGH)
