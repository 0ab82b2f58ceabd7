"""Which track an observation is: the matcher's choice plus a person's decisions, kept as rows of `track_links`.

A row has auto_track_id (the matcher's; empty for a candidate), assigned_track_id (after decisions about this link) and track_id (after
merges). A choice once made stays: `link` matches observations that have no track yet, so ids, bookmarks and playlists survive
every import, and judges its own links again only where an observation was imported anew. Decisions are read, never written here, and are never overturned.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..cycles import no_cycles
from ..matching.signs import SENTENCES
from ..truth.merged import roots
from .linking import Matcher
from .reading import MAKES_TRACKS as MAKES_TRACKS
from .reading import Reader

if TYPE_CHECKING:
    from ..db import Database

@dataclass(slots=True)
class Report:
    """What `link` did: links made per method, tracks made, candidates, links judged otherwise than before, links changed by decisions,
    still unlinked (of those that were looked at).
    """

    linked: dict[str, int] = field(default_factory=dict)
    new_tracks: int = 0
    candidates: int = 0
    changed: int = 0
    decided: int = 0
    unlinked: int = 0

    @property
    def written(self) -> int:
        """Rows of track_links that were inserted, changed or deleted."""
        return sum(self.linked.values()) + self.candidates + self.changed + self.decided


# ---------- decisions
DECISIONS = """
select d.id, d.entity_key, d.field, json_extract(d.value, '$'), d.decided_by, d.decided_at
from decisions as d
where d.id in (select max(id) from decisions where entity = 'link' {only} group by entity_key, field)
order by d.id
"""
ONLY = "and entity_key in (select platform || '/' || external_id from platform_tracks where id in (select value from json_each(?)))"
ROWS = "select id, platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, decided_by, decided_at from track_links"


@dataclass(frozen=True, slots=True)
class Said:
    """A person's word about a link."""

    number: int  # of the decision: the later one counts
    track: int
    by: str
    at: str


class Decided:
    """What people decided about links and merges, as ids: all of it, or what concerns these observations and tracks."""

    def __init__(self, db: Database, observations: Iterable[int] | None = None, tracks: Iterable[int] | None = None):
        self.everything = observations is None and tracks is None
        self.tracks = set(tracks or ())
        self.chosen: dict[int, Said | None] = {}  # observation -> the track it was given, None = given back to the matcher
        self.rejected: dict[int, dict[int, Said]] = {}  # observation -> tracks it is not
        asked = [] if self.everything else [msgspec.json.encode(sorted(observations or ())).decode()]
        for number, key, about, value, by, at in db.execute(DECISIONS.format(only=ONLY if asked else ""), asked).fetchall():
            platform, _, external_id = key.partition("/")
            one = db.value("select id from platform_tracks where platform = ? and external_id = ?", [platform, external_id])
            uid = value if about == "track" else about.removeprefix("not:")
            track = db.value("select id from track_ids where track_uid = ?", [uid]) if uid else None
            if one is None or not (about == "track" or about.startswith("not:")):
                continue
            if about == "track":
                self.chosen[one] = Said(number, track, by, at) if track else None
            else:
                self.chosen.setdefault(one, None)
                if value and track:
                    self.rejected.setdefault(one, {})[track] = Said(number, track, by, at)
        for one, choice in self.chosen.items():
            no = self.rejected.get(one, {}).get(choice.track) if choice else None
            if no and no.number > choice.number:
                self.chosen[one] = None
            elif no:
                del self.rejected[one][choice.track]
        if self.everything:
            self.roots = roots(db)
        else:  # also what these observations are linked to may have been merged
            of_links = "select assigned_track_id, auto_track_id from track_links where platform_track_id in (select value from json_each(?))"
            near = {track for row in db.execute(of_links, asked) for track in row if track is not None} | {choice.track for choice in self.chosen.values() if choice}
            self.roots = roots(db, self.tracks.union(near, *self.rejected.values()))

    def root(self, track: int) -> int:
        """The track that this one is after merges."""
        return self.roots.get(track, track)

    def refusal(self, one: int, track: int) -> Said | None:
        """The decision that this observation is not that track, nor what it was merged into."""
        no = self.rejected.get(one)
        return (no and (no.get(track) or no.get(self.root(track)))) or None

    def target(self, one: int, rows: list[tuple]) -> tuple[list[tuple], list[int]]:
        """What the rows of one observation should be: [(row id or None, assigned, status, by, at)], row ids to delete; pure.

        rows: (id, auto, assigned, method), by id. What the matcher found stays in its row, so that taking a decision back restores it.
        """
        choice = self.chosen[one]
        kept, gone, active, holder = [], [], False, None
        if choice:
            bearing = [r for r in rows if (r[2] if r[1] is None else r[1]) == choice.track]
            holder = next(iter(bearing), None) or next((r for r in rows if r[1] is not None or r[3] == "person"), None)
            if holder is None:
                kept.append((None, choice.track, "confirmed", choice.by, choice.at))
        for row in rows:
            id, auto, assigned, method = row
            base = assigned if auto is None else auto
            no = self.refusal(one, base)
            if row is holder:
                kept.append((id, choice.track, "confirmed", choice.by, choice.at))
            elif method == "person" and auto is None:
                gone.append(id)
            elif no:
                kept.append((id, base, "rejected", no.by, no.at))
            elif auto is None:
                kept.append((id, base, "candidate", None, None))
            elif choice:
                kept.append((id, base, "rejected", choice.by, choice.at))
            elif active:  # the matcher's second choice, made while the first was rejected
                gone.append(id)
            else:
                kept.append((id, base, "auto", None, None))
                active = True
        return kept, gone

    def apply(self, db: Database) -> int:
        """Bring the rows that decisions concern up to date; return how many changed."""
        rows: dict[int, tuple] = {}
        for one in self.chosen:
            rows |= {r[0]: r for r in db.execute(f"{ROWS} where platform_track_id = ? order by id", [one])}
        for track in self.tracks.union(self.roots, self.roots.values()) if not self.everything else self.roots:
            rows |= {r[0]: r for r in db.execute(f"{ROWS} where assigned_track_id = ?", [track])}
        if self.everything:
            rows |= {r[0]: r for r in db.execute(f"{ROWS} where track_id is not assigned_track_id")}
        by_one: dict[int, list[tuple]] = {one: [] for one in self.chosen}
        for r in sorted(rows.values()):
            by_one.setdefault(r[1], []).append(r)
        changed, moved, delete, insert = [], [], [], []
        for one, found in by_one.items():
            if one in self.chosen:
                kept, gone = self.target(one, [(r[0], r[2], r[3], r[6]) for r in found])
                delete += gone
            else:
                kept = [(r[0], r[3], r[5], r[7], r[8]) for r in found]
            for id, assigned, status, by, at in kept:
                new = (assigned, self.root(assigned), status, by, at)
                if id is None:
                    insert.append((one, *new))
                elif (rows[id][3], *rows[id][5:6], *rows[id][7:9]) != (assigned, status, by, at):
                    changed.append((*new, id))
                elif rows[id][4] != new[1]:
                    moved.append((new[1], id))
        db.executemany("delete from track_links where id = ?", [(id,) for id in delete])
        changed.sort(key=lambda c: c[2] in ("auto", "confirmed"))  # only one may be active: first those that no longer are
        sets = "assigned_track_id = ?, track_id = ?, status = ?, decided_by = ?, decided_at = ?"
        db.executemany(f"update track_links set {sets} where id = ?", changed)
        db.executemany("update track_links set track_id = ? where id = ?", moved)  # a merge: of six indexes it concerns one
        evidence = _evidence([{"part": "person", "sentence": SENTENCES["person"]}])
        db.executemany(
            "insert into track_links (platform_track_id, assigned_track_id, track_id, status, decided_by, decided_at, "
            "method, confidence, evidence) values (?, ?, ?, ?, ?, ?, 'person', 100, ?)",
            [(*row, evidence) for row in insert],
        )
        return len(delete) + len(changed) + len(moved) + len(insert)


# ---------- linking
INSERT = """
insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence, evidence)
values (:one, :auto, :track, :root, :status, :method, :confidence, :evidence)
on conflict (platform_track_id, assigned_track_id) do update set auto_track_id = :auto, track_id = :root, status = :status,
  method = :method, confidence = :confidence, evidence = :evidence
"""
NEW = """
insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence, evidence)
values (?, ?, ?, ?, ?, ?, ?, ?)
"""  # three times as fast where no row can be in the way
CHANGE = "update track_links set auto_track_id = ?, status = ?, method = ?, confidence = ?, evidence = ? where id = ?"
NAMED = "one auto track root status method confidence evidence".split()


def _evidence(evidence: list[dict[str, str]]) -> str:
    return msgspec.json.encode(evidence).decode()


def link(db: Database, progress: Callable[[int, int | None, str], object] | None = None) -> Report:
    """Bring track_links up to date: decisions first, then a track for every observation that has none.

    Observations of files, dj, streaming and collection platforms make a new track where nothing matched; those known only from
    listens never do. The matcher's own links of what was imported again are judged again; a person's are not. Unchanged data writes
    nothing. progress: called with (done, total, what).
    """
    report = Report()
    with db.atomic():
        decided = Decided(db)
        report.decided = decided.apply(db)
        with no_cycles():
            reader = Reader(db)
            found = Matcher(db, decided, report, reader)
            if not reader.nothing:
                found.run(progress)
            report.changed = len(found.changed) + len(found.gone)
            if report.written or reader.newest > (reader.stamp or reader.newest):
                _write(db, found, report)
    return report


def _write(db: Database, found: Matcher, report: Report) -> None:
    with db.operation("link", mode="batch") as op:
        made = [(*identity, op.id) for identity in found.identities]
        db.executemany("insert into track_ids (id, track_uid, origin, operation_id) values (?, ?, ?, ?)", made)
        db.executemany("delete from track_links where id = ?", [(id,) for id in found.gone])
        db.executemany(CHANGE, found.changed)
        db.executemany(NEW, [row for row in found.rows if (row[0], row[2]) not in found.pairs])
        db.executemany(INSERT, [dict(zip(NAMED, row)) for row in found.rows if (row[0], row[2]) in found.pairs])
        op.summary("track_links", report.written)
        op.details = {"linked": report.linked, "candidates": report.candidates, "changed": report.changed, "decided": report.decided}


# ---------- what a person does about links has modules of its own; they need this one, so they are imported when first asked for
_ELSEWHERE = dict.fromkeys(("waiting", "groups", "accept", "reject", "new_track", "later"), "musicdb.links.review")
_ELSEWHERE |= dict.fromkeys(("merge", "split"), "musicdb.truth.merging")


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module 'musicdb.links' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ELSEWHERE])
