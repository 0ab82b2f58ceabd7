"""One run of the matcher: what has no track finds one or makes one; what changed is judged again; what nearly matches waits. Reads only.

A first run holds the whole library in memory. When little is new, only the tracks that the new observations may be are loaded, found
through indexes (`reading`). Both ways judge alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from ..matching.signs import SENTENCES, Cluster, Index, Proposal, Seen, best_first, judge, marks, weigh
from . import aliases
from .reading import Reader, told_apart

if TYPE_CHECKING:
    from ..db import Database
    from . import Decided, Report

CANDIDATES = 3  # most that wait for a person, per observation
MERGE = "merge"  # method of a candidate that says that two tracks are one
PAIRS = "select platform_track_id, assigned_track_id, track_id, status from track_links {only}"
FREE = """
select i.origin, i.id
from track_ids as i
where i.origin is not null {only}
  and not exists (select 1 from track_links as k where k.assigned_track_id = i.id and k.status in ('auto', 'confirmed'))
order by i.id desc
"""  # identities that no observation is linked to, by origin: an observation that comes back takes up its own again
CHANGED = """
select k.id, k.platform_track_id, k.assigned_track_id, k.auto_track_id is not null, k.method, k.confidence, k.evidence
from track_links as k
where k.platform_track_id in (select value from json_each(?)) and k.decided_by is null
  and ((k.status = 'auto' and k.method <> 'new' and k.auto_track_id = k.assigned_track_id) or k.status = 'candidate')
order by k.id
"""
Row = tuple[int, int | None, int, int, str, str, int, str]  # observation, auto, assigned, root, status, method, confidence, evidence


class Matcher:
    """What a run finds: rows to write (new links), again (existing pairs), changed and gone (ids of rows), identities."""

    def __init__(self, db: Database, decided: Decided, report: Report, reader: Reader):
        self.db, self.decided, self.report, self.reader = db, decided, report, reader
        self.aliases = reader.aliases
        self.index = Index(self.aliases)
        self.refused: dict[int, set[int]] = {one: set(tracks) for one, tracks in decided.rejected.items()}
        self.pairs: set[tuple[int, int]] = set()  # observation and track that have a row
        self.own: dict[int, int] = {}  # observation -> root of its track
        self.asked: set[frozenset[int]] = set()  # roots about which a person is asked, or has said that they are two
        self.loaded: set[int] = set()
        self.next_id = (db.value("select seq from sqlite_sequence where name = 'track_ids'") or 0) + 1
        self.rows: list[Row] = []
        self.changed: list[tuple] = []
        self.gone: list[int] = []
        self.identities: list[tuple[int, str, str]] = []
        self.origins: dict[str, int] = {}
        for pair in told_apart(db):
            self.asked.add(frozenset(decided.root(one) for one in pair))

    # ---------- what is known
    def know(self, seen: Iterable[Seen]) -> list[Seen]:
        """Take observations in that have a track, with what is known of their links; return those that have none."""
        new = [one for one in seen if one.id not in self.loaded]
        self.loaded.update(one.id for one in new)
        whole = self.reader.whole
        args = [] if whole else [_json([one.id for one in new])]
        only = "" if whole else "where platform_track_id in (select value from json_each(?))"
        waits = []
        for one, track, root, status in self.db.execute(PAIRS.format(only=only), args):
            self.pairs.add((one, track))
            if status == "rejected":
                self.refused.setdefault(one, set()).add(track)
            elif status == "candidate":
                waits.append((one, root))
            else:
                self.own[one] = root
        self.asked.update(frozenset((self.own[one], root)) for one, root in waits if one in self.own)
        left = [one for one in new if one.track is None]
        for one in new:
            if one.track is not None:
                self.index.add(one, one.track)
        if left:
            only = "" if whole else "and i.origin in (select value from json_each(?))"
            args = [] if whole else [_json([_origin(one) for one in left])]
            self.origins |= dict(self.db.execute(FREE.format(only=only), args).fetchall())
        return left

    def run(self, progress: Callable | None) -> None:
        """What changed is judged again. Then those that may make a track, then the others, again and again: one may lead another to it."""
        if self.reader.whole:
            waiting = self.know(self.reader.all())
        else:
            waiting = self.reader.some(self.reader.new)
            self.know(self.reader.near([*waiting, *self.reader.some(self.reader.changed)], self.aliases))
            waiting = self.know(waiting)
        again = self.judge_again()
        waiting = again + waiting if again else waiting
        done = self.place_all(waiting, progress, 0)
        if not self.reader.whole and self.reader.old:
            old = [one for one in self.reader.some(self.reader.old) if self.touched(one)]
            self.know(self.reader.near(old, self.aliases))
            self.place_all(self.know(old), None, done)
        if progress:
            progress(len(waiting), len(waiting), "linking")

    def touched(self, one: Seen) -> bool:
        """Whether anything that is loaded is like it; what is not loaded was looked at in an earlier run."""
        return any(mark in self.index.by for mark in marks(one)) or one.key in self.index.bearing or bool(self.index.keys.near(one.key))

    def place_all(self, waiting: list[Seen], progress: Callable | None, done: int) -> int:
        total, left = len(waiting), []
        for done, one in enumerate(waiting):
            if progress and done % 1000 == 0:
                progress(done, total, "linking")
            if one.makes:
                self.place(one)
            else:
                left.append(one)
        before = None
        while left and before != len(left):
            before, left = len(left), [one for one in left if not self.place(one)]
        for one in left:
            if not self.place(one, near=True):
                self.report.unlinked += 1
        return done

    # ---------- one observation
    def place(self, one: Seen, *, near: bool = False) -> bool:
        """Link it to the best track, or to a new one; say whether it has one now. near: keep what nearly matches, and link what is safe."""
        refused = self.refused.get(one.id, ())
        found = self.index.proposals(one, refused, self.decided.root)
        chosen = found[0] if found and found[0].certain else None
        if chosen is None and (one.makes or near):
            found = self.with_near(one, found)
            chosen = found[0] if found and found[0].certain else self.new(one) if one.makes else None
            if chosen is None:
                self.wait(one, found, None)
        if chosen is None:
            return False
        self.index.add(one, chosen.track)
        self.own[one.id] = self.decided.root(chosen.track)
        self.report.linked[chosen.method] = self.report.linked.get(chosen.method, 0) + 1
        self.note(one, chosen, "auto")
        self.wait(one, found, chosen)
        return True

    def with_near(self, one: Seen, found: list[Proposal]) -> list[Proposal]:
        """The proposals, and beside them tracks whose words are near; what a sign brought keeps its own sentences."""
        signed = {p.track for p in found}
        near = [p for p in self.index.near(one, self.refused.get(one.id, ()), self.decided.root) if p.track not in signed]
        return sorted([*found, *near], key=best_first) if near else found

    def new(self, one: Seen) -> Proposal:
        """A track of its own; the one it had before, if it had one."""
        origin = _origin(one)
        track = self.origins.get(origin)
        if track is None or track in self.refused.get(one.id, ()):
            track, self.next_id = self.next_id, self.next_id + 1
            self.identities.append((track, self.db.new_uid(), origin))
            self.report.new_tracks += 1
        return Proposal(track, True, "new", 100, [{"part": "new", "sentence": SENTENCES["new"]}])

    def wait(self, one: Seen, found: list[Proposal], chosen: Proposal | None) -> None:
        """Keep what nearly matched for a person, and of a second track that matches as well, that the two may be one."""
        own = self.decided.root(chosen.track) if chosen else None
        taken = {own} if chosen else set()
        for proposal in [p for p in found if not p.certain or (chosen and p.method != "new")][: CANDIDATES + 1]:
            root = self.decided.root(proposal.track)
            if root in taken or (one.id, proposal.track) in self.pairs or len(taken) > CANDIDATES:
                continue
            taken.add(root)
            if own is not None:  # one question about two tracks is enough, and none where a person has told them apart
                if (pair := frozenset((own, root))) in self.asked:
                    continue
                self.asked.add(pair)
            if proposal.certain:
                proposal.method = MERGE
            self.report.candidates += 1
            self.note(one, proposal, "candidate")

    def note(self, one: Seen, proposal: Proposal, status: str) -> None:
        auto = proposal.track if status == "auto" else None
        root = self.decided.root(proposal.track)
        self.rows.append((one.id, auto, proposal.track, root, status, proposal.method, proposal.confidence, _json(proposal.evidence)))

    # ---------- what changed since the last run
    def judge_again(self) -> list[Seen]:
        """Judge the matcher's own links of changed observations again; return those that lost their track, as another version by now."""
        if not self.reader.changed:
            return []
        lost: dict[int, Seen] = {}
        rows = self.db.execute(CHANGED, [_json(self.reader.changed)]).fetchall()
        about = {one.id: one for one in self.reader.some({row[1] for row in rows})}
        for id, number, track, is_auto, method, confidence, evidence in rows:
            one, others = about[number], Cluster()
            for other in self.reader.of_track(track):
                if other.id != number:
                    others.add(other)
            if not others.seen or track in self.refused.get(number, ()):
                continue
            found = self.judged(one, track, others)
            if is_auto and found is None and _barred(one, others, self.aliases):
                self.gone.append(id)
                self.refused.setdefault(number, set()).add(track)
                one.track = None
                lost[number] = one
                self.own.pop(number, None)
            elif found is None and not is_auto:
                self.gone.append(id)
                self.pairs.discard((number, track))
            elif found and (found.confidence, _json(found.evidence)) != (confidence, evidence):
                kept = method if method == MERGE or (is_auto and not found.certain) else found.method
                self.changed.append((track if is_auto else None, "auto" if is_auto else "candidate", kept, found.confidence, _json(found.evidence), id))
        for one in lost.values():
            self.loaded.discard(one.id)
        return self.know(lost.values()) if lost else []

    def judged(self, one: Seen, track: int, others: Cluster) -> Proposal | None:
        mine = set(marks(one))
        shared = {mark[0] for other in self.reader.of_track(track) if other.id != one.id for mark in marks(other) if mark in mine}
        signs = {"path" if sign == "folded" else sign for sign in shared}
        only = len({self.decided.root(t) for t in self.index.by.get(("key", one.key), ())}) == 1
        found = judge(one, track, others, signs, only=only) if signs else None
        return found or weigh(one, one.record(self.aliases), track, others, self.aliases)


def _barred(one: Seen, others: Cluster, known: aliases.Known | None) -> bool:
    """Whether it cannot be the recording of any of the others."""
    return all(c.barred for c in others.compared(one.record(known), known))


def _origin(one: Seen) -> str:
    return f"{one.platform}/{one.external_id}"


def _json(value: object) -> str:
    return msgspec.json.encode(sorted(value) if isinstance(value, set) else value).decode()
