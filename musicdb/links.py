"""Which track an observation is: the matcher's choice plus a person's decisions, kept as rows of `track_links`.

A row has auto_track_id (the matcher's; empty for a candidate), assigned_track_id (after decisions about this link) and track_id (after
merges). A choice once made stays: `link` matches only observations that have no track yet, so ids, bookmarks and playlists
survive every import. Decisions are read, never written here, and are never overturned.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from . import text
from .merged import roots
from .signs import SENTENCES, TRACK_IDS, Index, Proposal, Seen, bare_id, clean_isrc, folded_path

if TYPE_CHECKING:
    from .db import Database

CANDIDATES = 3  # most that wait for a person, per observation
MAKES_TRACKS = ("files", "dj", "streaming", "collection")


@dataclass(slots=True)
class Report:
    """What `link` did: links made per method, tracks made, candidates, links changed by decisions, still unlinked."""

    linked: dict[str, int] = field(default_factory=dict)
    new_tracks: int = 0
    candidates: int = 0
    decided: int = 0
    unlinked: int = 0

    @property
    def written(self) -> int:
        """Rows of track_links that were inserted, changed or deleted."""
        return sum(self.linked.values()) + self.candidates + self.decided


SEEN = """
select p.id, p.platform, p.external_id, p.in_library, p.match_key, p.duration_ms, p.isrc, p.album, p.title,
  json_extract(p.said, '$.version'), json_extract(p.said, '$.ids'), coalesce(f.path, json_extract(p.said, '$.path')), f.audio_hash,
  k.assigned_track_id, s.kind, p.missing_since, f.path is not null, p.artists
from platform_tracks as p
join platforms as s on s.name = p.platform
left join media_files as f on f.platform_track_id = p.id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
order by p.in_library desc, p.duration_ms is null, s.priority, p.id
"""  # those that say most come first, so what is matched does not depend on which platform was imported first


def _seen(row: tuple) -> Seen:
    (key, platform, external_id, in_library, match_key, duration, isrc, album, title, version, ids, path, audio, *_, artists) = row
    named = msgspec.json.decode(ids) if ids and ids.startswith("{") else {}
    marks = [(s, bare_id(v)) for s, v in named.items() if s in TRACK_IDS and isinstance(v, str) and v.strip()]
    if platform in TRACK_IDS and (platform, bare_id(external_id)) not in marks:
        marks.append((platform, bare_id(external_id)))
    isrc = clean_isrc(isrc or named.get("isrc"))
    title = text.full_title(title, version) if isinstance(version, str) else title
    return Seen(
        key,
        platform,
        external_id,
        bool(in_library),
        match_key,
        duration,
        isrc,
        album,
        title,
        marks,
        path,
        path and folded_path(path),
        audio,
        artists,
    )


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
        changed, delete, insert = [], [], []
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
                elif (rows[id][3], rows[id][4], rows[id][5], rows[id][7], rows[id][8]) != new:
                    changed.append((*new, id))
        db.executemany("delete from track_links where id = ?", [(id,) for id in delete])
        changed.sort(key=lambda c: c[2] in ("auto", "confirmed"))  # only one may be active: first those that no longer are
        sets = "assigned_track_id = ?, track_id = ?, status = ?, decided_by = ?, decided_at = ?"
        db.executemany(f"update track_links set {sets} where id = ?", changed)
        evidence = _evidence([{"part": "person", "sentence": SENTENCES["person"]}])
        db.executemany(
            "insert into track_links (platform_track_id, assigned_track_id, track_id, status, decided_by, decided_at, "
            "method, confidence, evidence) values (?, ?, ?, ?, ?, ?, 'person', 100, ?)",
            [(*row, evidence) for row in insert],
        )
        return len(delete) + len(changed) + len(insert)


# ---------- linking
UNLINKED = """
select 1 from platform_tracks as p
where not exists (select 1 from track_links as k where k.platform_track_id = p.id and k.status in ('auto', 'confirmed'))
limit 1
"""
INSERT = """
insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence, evidence)
values (:one, :auto, :track, :root, :status, :method, :confidence, :evidence)
on conflict (platform_track_id, assigned_track_id) do update set auto_track_id = :auto, track_id = :root, status = :status,
  method = :method, confidence = :confidence, evidence = :evidence
"""
FREE = """
select i.origin, i.id
from track_ids as i
where i.origin is not null
  and not exists (select 1 from track_links as k where k.assigned_track_id = i.id and k.status in ('auto', 'confirmed'))
order by i.id desc
"""  # identities that no observation is linked to, by origin: an observation that comes back takes up its own again


def _evidence(evidence: list[dict[str, str]]) -> str:
    return msgspec.json.encode(evidence).decode()


def link(db: Database, progress: Callable[[int, int | None, str], object] | None = None) -> Report:
    """Bring track_links up to date: decisions first, then a track for every observation that has none.

    Observations of files, dj, streaming and collection platforms make a new track where nothing matched; those known only from
    listens never do. Unchanged data writes nothing. progress: called with (done, total, what).
    """
    report = Report()
    with db.atomic():
        decided = Decided(db)
        report.decided = decided.apply(db)
        rows, identities = [], []
        if db.value(UNLINKED):
            matcher = _Matcher(db, decided, report)
            matcher.run(progress)
            rows, identities = matcher.rows, matcher.identities
        if rows or report.decided:
            with db.operation("link", mode="batch") as op:
                made = [(*identity, op.id) for identity in identities]
                db.executemany("insert into track_ids (id, track_uid, origin, operation_id) values (?, ?, ?, ?)", made)
                db.executemany(INSERT, rows)
                op.summary("track_links", len(rows) + report.decided)
                op.details = {"linked": report.linked, "candidates": report.candidates, "decided": report.decided}
    return report


class _Matcher:
    """One run over all observations without a track; reads only, and keeps the links and identities to write."""

    def __init__(self, db: Database, decided: Decided, report: Report):
        self.db, self.decided, self.report = db, decided, report
        self.index = Index()
        self.waiting: list[tuple[Seen, bool]] = []  # with whether it may make a track
        seen = [(_seen(r), r[13], r[3] and r[14] in MAKES_TRACKS and r[15] is None, r[16]) for r in db.execute(SEEN)]
        files = Counter(one.folded for one, _, _, is_file in seen if is_file)
        for one, track, makes, _ in seen:
            if one.folded and files[one.folded] > 1:  # a file system that tells cases apart: only the exact name counts
                one.folded = None
            if track is None:
                self.waiting.append((one, makes))
            else:
                self.index.add(one, track)
        pairs = db.execute("select platform_track_id, assigned_track_id, status from track_links").fetchall()
        self.pairs = {(one, track) for one, track, _ in pairs}
        self.refused: dict[int, set[int]] = {one: set(tracks) for one, tracks in decided.rejected.items()}
        for one, track, status in pairs:
            if status == "rejected":
                self.refused.setdefault(one, set()).add(track)
        self.origins = dict(db.execute(FREE).fetchall())
        self.next_id = (db.value("select seq from sqlite_sequence where name = 'track_ids'") or 0) + 1
        self.rows: list[dict] = []
        self.identities: list[tuple[int, str, str]] = []

    def run(self, progress: Callable | None) -> None:
        """Those that may make a track first. Then the others, again and again: one that found its track may lead another to it."""
        total = len(self.waiting)
        left = []
        for done, (one, makes) in enumerate(self.waiting):
            if progress and done % 1000 == 0:
                progress(done, total, "linking")
            if makes:
                self.place(one, makes)
            else:
                left.append(one)
        before = None
        while left and before != len(left):
            before, left = len(left), [one for one in left if not self.place(one, False)]
        for one in left:
            if not self.place(one, False, near=True):
                self.report.unlinked += 1
        if progress:
            progress(total, total, "linking")

    def proposals(self, one: Seen) -> list[Proposal]:
        return self.index.proposals(one, self.refused.get(one.id, set()), self.decided.root)

    def place(self, one: Seen, makes: bool, *, near: bool = False) -> bool:
        """Link it to the best track, or to a new one; say whether it has one now. near: keep what nearly matches, and link what is safe."""
        found = self.proposals(one)
        chosen = found[0] if found and found[0].certain else None
        if chosen is None and (makes or near):
            found = self.with_near(one, found)
            chosen = found[0] if found and found[0].certain else self.new(one) if makes else None
            if chosen is None:
                self.wait(one, found, None)
        if chosen is None:
            return False
        self.index.add(one, chosen.track)
        self.report.linked[chosen.method] = self.report.linked.get(chosen.method, 0) + 1
        self.note(one, chosen, "auto")
        self.wait(one, found, chosen)
        return True

    def with_near(self, one: Seen, found: list[Proposal]) -> list[Proposal]:
        """The proposals, and beside them tracks whose words are near; what a sign brought keeps its own sentences."""
        signed = {p.track for p in found}
        near = [p for p in self.index.near(one, self.refused.get(one.id, set()), self.decided.root) if p.track not in signed]
        return sorted([*found, *near], key=lambda p: (not p.certain, -p.confidence, p.track))

    def new(self, one: Seen) -> Proposal:
        """A track of its own; the one it had before, if it had one."""
        origin = f"{one.platform}/{one.external_id}"
        track = self.origins.get(origin)
        if track is None or track in self.refused.get(one.id, ()):
            track, self.next_id = self.next_id, self.next_id + 1
            self.identities.append((track, self.db.new_uid(), origin))
            self.report.new_tracks += 1
        return Proposal(track, True, "new", 100, [{"part": "new", "sentence": SENTENCES["new"]}])

    def wait(self, one: Seen, found: list[Proposal], chosen: Proposal | None) -> None:
        """Keep what nearly matched for a person."""
        taken = {self.decided.root(chosen.track)} if chosen else set()
        for proposal in [p for p in found if not p.certain][:CANDIDATES]:
            root = self.decided.root(proposal.track)
            if root not in taken and (one.id, proposal.track) not in self.pairs:
                taken.add(root)
                self.report.candidates += 1
                self.note(one, proposal, "candidate")

    def note(self, one: Seen, proposal: Proposal, status: str) -> None:
        self.rows.append(
            {
                "one": one.id, "auto": proposal.track if status == "auto" else None, "track": proposal.track,
                "root": self.decided.root(proposal.track), "status": status, "method": proposal.method,
                "confidence": proposal.confidence, "evidence": _evidence(proposal.evidence),
            }
        )  # fmt: skip


# ---------- what a person does about links has modules of its own; they need this one, so they are imported when first asked for
_ELSEWHERE = dict.fromkeys(("waiting", "groups", "accept", "reject", "new_track", "later"), "review") | dict.fromkeys(("merge", "split"), "merging")


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f".{_ELSEWHERE[name]}", __package__), name)
    raise AttributeError(f"module 'musicdb.links' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ELSEWHERE])
