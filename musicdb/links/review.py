"""The review queue: links that wait for a person, in groups of one reason, the most valuable first; and a person's answers to them.

Each answer, for one link or a hundred, is one operation of decisions: it counts at once, the matcher never overturns it, and
`history.undo` takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..db import Operation, Row, Rows
from ..errors import BadInput
from ..matching.signs import SENTENCES
from ..truth import deriving, merged
from . import INSERT as LINK
from . import Decided, grounds

if TYPE_CHECKING:
    from ..db import Database

Links = int | Mapping[str, Any] | Iterable[int | Mapping[str, Any]]
MERGE = "merge"  # method of a candidate that says two tracks are one: accepting it takes the whole track along
PLACE, SHELF = 5, 20  # how many plays a place in a playlist is worth in the order of the queue, and a file or a record on the shelf
SHOWN = "id reason confidence platform their_title their_artists our_title our_version our_artists plays playlists owned".split()
GROUPED = "reason waiting confidence plays playlists owned".split()
# What the view review_queue holds, as ids, with what deciding it is worth; what was put off for later is marked, not left out.
QUEUE = """
select k.id, k.confidence, k.evidence, p.duration_ms - t.duration_ms,
  (select count(*) from listens as l where l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null),
  (select count(*) from platform_playlist_items as i where i.platform_track_id = p.id and i.removed_at is null),
  (exists (select 1 from media_files as f where f.platform_track_id = p.id) and p.missing_since is null) or exists (
    select 1 from platform_releases as r join collection_items as c on c.platform_release_id = r.id and c.status = 'owned' and c.removed_at is null
    where r.platform = p.platform and r.external_id = p.release_external_id),
  coalesce((select d.value from decisions as d where d.entity = 'link' and d.entity_key = p.platform || '/' || p.external_id
    and d.field = 'later:' || i.track_uid order by d.id desc limit 1), 'null') <> 'null'
from track_links as k
cross join platform_tracks as p on p.id = k.platform_track_id
cross join track_ids as i on i.id = k.assigned_track_id left join tracks as t on t.id = k.track_id
where k.status = 'candidate' and (t.id is null or (t.title is not null and t.deleted_at is null))
  and p.platform || '/' || p.external_id not in (select entity_key from ignored_heard)
  and (:platform is null or p.platform = :platform)
  and not exists (select 1 from track_links as a where a.platform_track_id = k.platform_track_id
    and (a.status = 'confirmed' or (a.status = 'auto' and a.track_id = k.track_id)))
"""
BOTH = """
select k.id, k.confidence, k.method, k.evidence, p.id as platform_track_id, p.platform, p.external_id, p.title as their_title,
  (select group_concat(value, ', ') from json_each(p.artists)) as their_artists, p.album as their_album, p.duration_ms as their_duration_ms,
  coalesce(
    (select m.image_id from platform_images as m where m.platform_track_id = p.id and m.role = 'cover' and m.image_id is not null order by m.position),
    (select m.image_id from platform_releases as r join platform_images as m on m.platform_release_id = r.id
      where r.platform = p.platform and r.external_id = p.release_external_id and m.role = 'cover' and m.image_id is not null order by m.position)
  ) as their_cover,
  k.track_id, t.title as our_title, t.version as our_version, t.artist_credit as our_artists, g.title as our_album,
  t.duration_ms as our_duration_ms, coalesce(
    (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
    (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1)) as our_cover,
  o.track_id as own_track_id, (select count(*) from track_links as w where w.track_id = o.track_id and w.status in ('auto', 'confirmed')
    and w.platform_track_id <> p.id) as with_others
from json_each(?) as j
cross join track_links as k on k.id = j.value
cross join platform_tracks as p on p.id = k.platform_track_id
left join tracks as t on t.id = k.track_id
left join release_groups as g on g.id = t.release_group_id
left join track_links as o on o.platform_track_id = p.id and o.status in ('auto', 'confirmed')
"""
ASKED = """
select k.id, k.platform_track_id, p.platform || '/' || p.external_id, k.assigned_track_id, i.track_uid, k.track_id, k.status, k.method,
  k.confidence, p.platform || ' "' || p.title || '"', coalesce(t.title, ''),
  p.in_library = 1 and s.kind in ('files', 'dj', 'streaming', 'collection') and p.missing_since is null
from json_each(?) as j
cross join track_links as k on k.id = j.value
cross join platform_tracks as p on p.id = k.platform_track_id
cross join platforms as s on s.name = p.platform
cross join track_ids as i on i.id = k.assigned_track_id
left join tracks as t on t.id = k.track_id
"""
INSERT = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values (?, ?, ?, ?, ?, ?, ?)"
Decision = tuple[str, str, str, str | None]  # entity, entity_key, field, JSON value or None


@dataclass
class Reviewed:
    """What an answer did. operation: its number for `undo`, None where all was answered so already; decided: links answered;
    tracks: ids of the tracks that it touched; notes: what a person should know.
    """

    operation: int | None
    decided: int
    tracks: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        head = f"{self.decided} links (operation {self.operation})" if self.operation else "nothing to do: answered so already"
        return "\n".join([head, *self.notes])


@dataclass(slots=True)
class _Link:
    """A link that was asked about. track: assigned by the matcher, root: what that is after merges; makes: may have a track of its own."""

    id: int
    one: int  # its observation
    key: str  # of the observation, in decisions
    track: int
    uid: str
    root: int
    status: str
    method: str
    confidence: int
    said: str
    title: str
    makes: bool


# ---------- the queue


def waiting(
    db: Database, *, platform: str | None = None, reason: str | None = None, limit: int | None = 50, offset: int = 0, later: bool = False
) -> Rows:
    """Return what waits for a person, the most valuable first: plays, places in playlists, ownership, then confidence.

    A row: id (of the link, for `accept`), reason, same and against (lists of words), confidence, method, signs (sentences), the
    observation (platform, external_id, platform_track_id, their_title, their_artists, their_album, their_duration_ms, their_cover), the
    track it may be (track_id, our_title, our_version, our_artists, our_album, our_duration_ms, our_cover), the track it is now
    (own_track_id, with_others: further observations there), and plays, playlists, owned, value. Covers are ids of images, lengths
    milliseconds. reason: a label of `groups`. limit=None: all. later: what was put off, instead. Raises BadInput for an unknown platform.
    """
    found = [(one, why) for one, why in _queue(db, platform, later) if reason is None or why.label == reason]
    page = found[offset:] if limit is None else found[offset : offset + limit]
    rows = {row["id"]: row for row in db.q(BOTH, [_json([one[0] for one, _ in page])])}
    for (id, _, _, _, plays, playlists, owned, _), why in page:
        row = rows[id]
        evidence = grounds.parts(row.pop("evidence"))
        row |= {"reason": why.label, "same": list(why.same), "against": list(why.against), "evidence": evidence}
        row["signs"] = [part["sentence"] for part in evidence if "sentence" in part]
        row |= {"plays": plays, "playlists": playlists, "owned": owned, "value": _value(plays, playlists, owned)}
    return Rows([rows[one[0]] for one, _ in page], SHOWN, db)


def groups(db: Database, *, platform: str | None = None, later: bool = False) -> Rows:
    """Return the reasons for which links wait, the most valuable first: reason, waiting (how many), confidence (lowest), same, against,
    plays, playlists, owned (sums), links (their ids, so that `accept(db, group.links)` answers all at once).
    """
    found: dict[str, Row] = {}
    for (id, confidence, _, _, plays, playlists, owned, _), why in _queue(db, platform, later):
        group = found.setdefault(why.label, Row(reason=why.label, waiting=0, confidence=confidence, plays=0, playlists=0, owned=0,
                                                same=list(why.same), against=list(why.against), links=[]))  # fmt: skip
        group["waiting"] += 1
        group["confidence"] = min(group["confidence"], confidence)
        for name, n in (("plays", plays), ("playlists", playlists), ("owned", owned)):
            group[name] += n
        group["links"].append(id)
    ordered = sorted(found.values(), key=lambda g: (-_value(g.plays, g.playlists, g.owned), -g.waiting, g.reason))
    return Rows(ordered, GROUPED, db)


def _queue(db: Database, platform: str | None, later: bool) -> list[tuple[tuple, grounds.Reason]]:
    if platform is not None and db.value("select 1 from platforms where name = ?", [platform]) is None:
        known = ", ".join(name for (name,) in db.execute("select name from platforms where name <> 'user' order by priority"))
        raise BadInput(f"there is no platform {platform!r}; there are {known}")
    rows = [row for row in db.execute(QUEUE, {"platform": platform}) if bool(row[7]) == later]
    rows.sort(key=lambda r: (-_value(*r[4:7]), -r[1], r[0]))
    return [(row, grounds.reason(row[2], row[3])) for row in rows]


def _value(plays: int, playlists: int, owned: int) -> int:
    return plays + PLACE * playlists + SHELF * owned


# ---------- answers


def accept(db: Database, links: Links, *, whole: bool = False, by: str | None = None, note: str | None = None) -> Reviewed:
    """The observations are these tracks. links: a link's id, a row of `waiting`, or many.

    A track that is left without any observation is merged into the accepted one, so that its tags, playlist places and bookmarks stay.
    whole: all its other observations come along too. Of two links of one observation the surer counts. Raises BadInput for an unknown link.
    """
    asked = _asked(db, links)
    chosen: dict[int, _Link] = {}
    for link in sorted(asked, key=lambda one: (-one.confidence, one.id)):
        chosen.setdefault(link.one, link)
    notes = []
    if left_out := len(asked) - len(chosen):
        notes.append(f"{left_out} links left out: another of these links is surer of the same observation")

    def decide(op: Operation) -> list[Decision]:
        rows: list[Decision] = [("link", link.key, "track", _json(link.uid)) for link in chosen.values() if link.status != "confirmed"]
        moves = [(link.one, link.root, whole or link.method == MERGE) for link in chosen.values()]
        return rows + taken_along(db, moves, notes)

    return _answer(db, "accept", list(chosen.values()), decide, notes, by, note, "is")


def taken_along(db: Database, moves: Iterable[tuple[int, int, bool]], notes: list[str]) -> list[Decision]:
    """The merges that follow when observations move: [(observation, track it goes to, whether the rest of its track comes along)].

    A track that only listens are left on is merged too, but never one with an observation that is told apart from where it would go.
    notes gets a sentence where other observations stay.
    """
    rows: list[Decision] = []
    moved: set[int] = set()
    now: dict[int, int] = {}  # track -> what it becomes here

    def root(track: int) -> int:
        while track in now:
            track = now[track]
        return track

    for one, target, whole in moves:
        moved.add(one)
        was = db.value(ACTIVE, [one])
        if was is None or root(was) == root(target):
            continue
        others = {other: ours for other, ours in db.execute(LEFT, [was]) if other not in moved}
        apart = [
            other for other, no in Decided(db, others).rejected.items() if others.get(other) is not None and told_apart(db, no, target)
        ]
        if apart:
            notes.append(f"track {was} stays: {len(apart)} of its observations were told apart from track {target}")
        elif left := [other for other, ours in others.items() if ours and not whole]:
            notes.append(f"track {was} keeps {len(left)} other observations of its own; with whole=True they come along")
        else:
            rows.append(("track", _uid(db, was), "merged_into", _json(_uid(db, root(target)))))
            now[root(was)] = root(target)
    return rows


def told_apart(db: Database, rejected: Iterable[int], track: int) -> bool:
    """Whether one of these rejected tracks is, after merges, that track."""
    rejected = list(rejected)
    roots = merged.roots(db, [*rejected, track])
    return any(roots.get(other, other) == roots.get(track, track) for other in rejected)


LEFT = """
select k.platform_track_id, p.in_library from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status in ('auto', 'confirmed')
"""


def reject(db: Database, links: Links, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """The observations are not these tracks: remembered, and never proposed again. links as for `accept`.

    An observation that was linked goes back to the track it had before, or gets one of its own.
    """
    asked = _asked(db, links)

    def decide(op: Operation) -> list[Decision]:
        rows: list[Decision] = []
        for link in asked:
            for uid in dict.fromkeys([link.uid, _uid(db, link.root)]):  # what a person saw is what the track is after merges
                rows.append(("link", link.key, f"not:{uid}", "1"))
            if link.status == "confirmed":
                rows += _unmerge(db, link)
        return rows

    def place(op: Operation) -> None:
        give_own(db, op, [(link.one, link.key, link.track) for link in asked if link.makes])

    return _answer(db, "reject", asked, decide, [], by, note, "is not", place)


def give_own(db: Database, op: Operation, ones: Iterable[tuple[int, str, int | None]]) -> None:
    """Do what the matcher would with observations that have no track now: each (observation, key, the track it is not) gets its own.

    So no part of the library is ever without a track. To be called after the decisions are applied; it is the matcher's choice, not a person's.
    """
    for one, key, but in ones:
        if db.value(ACTIVE, [one]) is None:
            track = own_track(db, op, one, key, but)
            row = {"one": one, "auto": track, "track": track, "root": track, "status": "auto", "method": "new", "confidence": 100}
            db.execute(LINK, row | {"evidence": _json([{"part": "new", "sentence": SENTENCES["new"]}])})


ACTIVE = "select track_id from track_links where platform_track_id = ? and status in ('auto', 'confirmed')"


def new_track(db: Database, links: Links, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """The observations are tracks of their own, and none of these. links as for `accept`."""
    asked = _asked(db, links)

    def decide(op: Operation) -> list[Decision]:
        rows: list[Decision] = []
        own: dict[int, int] = {}
        for link in asked:
            if link.one not in own:
                own[link.one] = own_track(db, op, link.one, link.key)
                rows.append(("link", link.key, "track", _json(_uid(db, own[link.one]))))
            if link.track != own[link.one]:
                rows.append(("link", link.key, f"not:{link.uid}", "1"))
        return rows

    return _answer(db, "new track", asked, decide, [], by, note, "is not")


def later(db: Database, links: Links, *, by: str | None = None, note: str | None = None) -> Reviewed:
    """Put these off: `waiting` shows them only when asked with later=True. links as for `accept`."""
    asked = _asked(db, links)
    return _answer(db, "later", asked, lambda op: [("link", link.key, f"later:{link.uid}", "1") for link in asked], [], by, note, "may be")


def _answer(
    db: Database, kind: str, asked: list[_Link], decide: Callable[[Operation], list[Decision]], notes: list[str], by: str | None,
    note: str | None, verb: str, place: Callable[[Operation], None] | None = None,
) -> Reviewed:  # fmt: skip
    """Write the decisions that are new as one operation, and bring links and truth up to date."""
    one = asked[0]
    what = f'{one.said} {verb} track {one.root} "{one.title}"' if len(asked) == 1 else f"{len(asked):,} links"
    try:
        with db.operation(kind, actor=by or "me", reason=what, track_id=one.root if len(asked) == 1 else None) as op:
            rows = [row for row in dict.fromkeys(decide(op)) if not _in_force(db, row)]
            if not rows:
                raise _Nothing
            db.executemany(INSERT, [(*row, note, by or "me", op.id) for row in rows])
            tracks: set[int] = set()
            if kind != "later":
                if place:
                    Decided(db, [link.one for link in asked]).apply(db)
                    place(op)
                tracks = deriving.follow(db, [row[:3] for row in rows])
            op.details = {"links": len(asked), "decisions": len(rows)}
    except _Nothing:  # the operation is taken back with it
        return Reviewed(None, 0, [], notes)
    return Reviewed(op.id, len({row[1] for row in rows if row[0] == "link"}), sorted(tracks), notes)


class _Nothing(Exception):
    """All was decided so before."""


def _in_force(db: Database, row: Decision) -> bool:
    """Whether it is decided so already: of "is this track" and "is not this track" the later one counts."""
    entity, key, name, value = row
    latest = "select id, value from decisions where entity = ? and entity_key = ? and field = ? order by id desc limit 1"
    now = db.execute(latest, row[:3]).fetchone()
    if now is None or now[1] != value:
        return now is None and value is None
    if name == "track" and value is not None:
        other = db.execute(latest, [entity, key, f"not:{msgspec.json.decode(value)}"]).fetchone()
        return other is None or other[1] is None or other[0] < now[0]
    if name.startswith("not:"):
        other = db.execute(latest, [entity, key, "track"]).fetchone()
        return other is None or other[1] != _json(name.removeprefix("not:")) or other[0] < now[0]
    return True


def _asked(db: Database, links: Links) -> list[_Link]:
    """Raises BadInput for what is no link, and for none at all."""
    many = [links] if isinstance(links, int | Mapping) else list(links)
    ids = list(dict.fromkeys(one["id"] if isinstance(one, Mapping) else one for one in many))
    found = {row[0]: _Link(*row[:-1], bool(row[-1])) for row in db.execute(ASKED, [_json(ids)])}
    if unknown := [str(one) for one in ids if one not in found]:
        raise BadInput(f"there is no link {', '.join(unknown[:5])}; `waiting` lists what waits, with its id")
    if not ids:
        raise BadInput("no link is named; `waiting` lists what waits, with its id")
    return [found[one] for one in ids]


def _unmerge(db: Database, link: _Link) -> list[Decision]:
    """Merges that accepting this link made: the track that its observation had before comes back."""
    sql = """
    select i.track_uid
    from track_links as k
    join track_ids as i on i.id = k.auto_track_id
    join decisions as d on d.id = (select max(id) from decisions where entity = 'track' and entity_key = i.track_uid and field = 'merged_into')
    where k.platform_track_id = ? and k.id <> ? and d.value is not null and d.operation_id = (
      select operation_id from decisions where entity = 'link' and entity_key = ? and field = 'track' order by id desc limit 1)
    """
    return [("track", uid, "merged_into", None) for (uid,) in db.execute(sql, [link.one, link.id, link.key])]


def own_track(db: Database, op: Operation, one: int, key: str, but: int | None = None) -> int:
    """The track that is an observation's own, and not `but`: the one it made, where no other took that over, or one that it makes now."""
    sql = """
    select i.id
    from track_links as k
    join track_ids as i on i.id = k.assigned_track_id or i.id = k.auto_track_id
    where k.platform_track_id = ? and i.origin = ? and i.id is not ? and (k.status in ('auto', 'confirmed') or not exists (
      select 1 from track_links as w where w.assigned_track_id = i.id and w.status in ('auto', 'confirmed')))
    order by i.id limit 1
    """
    own = db.value(sql, [one, key, but])
    if own is not None and own not in merged.roots(db, [own]):
        return own
    made = db.execute("insert into track_ids (track_uid, origin, operation_id) values (?, ?, ?)", [db.new_uid(), key, op.id])
    return int(made.lastrowid or 0)


def _uid(db: Database, track: int) -> str:
    return db.value("select track_uid from track_ids where id = ?", [track])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
