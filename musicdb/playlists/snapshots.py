"""The time machine: each import of playlists is a snapshot, of which only what changed is stored; any past state can be read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from . import states
from .diffing import Change, diff, patch

if TYPE_CHECKING:
    from ..db import Database, Rows

LATEST = """
select v.list_id, v.id, v.hash, v.seen, v.is_gone, m.first = v.id
from (select max(id) as id, min(id) as first from playlist_versions where platform = ? {which} group by list_id) as m
cross join playlist_versions as v on v.id = m.id
"""
VERSIONS = """
select v.list_id, v.id, v.name, v.description, v.kind, v.parent, v.is_gone, v.is_full, v.items, v.n, v.seen, s.created_at
from json_each(:lists) as j
cross join playlist_versions as v on v.platform = :platform and v.list_id = j.value and v.snapshot_id <= :until
join snapshots as s on s.id = v.snapshot_id
order by v.list_id, v.id
"""
INSERT = """
insert into playlist_versions (snapshot_id, platform, list_id, name, description, kind, parent, is_gone, is_full, items, n, hash)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
LAST = 1 << 62


@dataclass(slots=True)
class Version:
    """A list as it was: items are row ids, as in `states`. snapshot: since when (UTC). seen: reads that saw it so, up to 2."""

    list_id: int
    name: str
    description: str | None
    kind: str
    parent: str | None
    is_gone: bool
    items: list[int]
    seen: int
    since: str


@dataclass(slots=True)
class Taken:
    """What a snapshot saw: its id (None: no playlists at all) and, for each changed list, its items before and now (row ids)."""

    id: int | None = None
    changed: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)


def snapshot(db: Database, platform: str | None = None) -> list[int]:
    """Store the state of playlists now: yours and those of every platform, or of one ("user": yours). Returns ids of snapshots.

    Each import of playlists does it for its platform by itself.
    """
    known = [row[0] for row in db.execute("select name from platforms")]
    if platform is not None and platform not in known:
        raise BadInput(f"there is no platform {platform!r}; there are {', '.join(known)}")
    names = ["user", *(row[0] for row in db.execute("select distinct platform from platform_playlists order by 1"))]
    with db.atomic():
        taken = [take(db, name) for name in ([platform] if platform else names)]
    return [one.id for one in taken if one.id is not None]


def take(db: Database, platform: str, *, scope: str = "all", seen: Iterable[int] | None = None, only: Iterable[int] | None = None, operation: int | None = None) -> Taken:
    """Store what changed since the last snapshot of this platform. seen: rows of lists that were read just now (None: all were); only:
    look at no others. A list that is seen unchanged for the second time is noted as such: what it lacks is believed from then on (a first version lacks nothing)."""
    ids = None if only is None else list(only)
    now = states.own(db, ids) if platform == "user" else states.theirs(db, platform, ids)
    latest = {row[0]: row[1:] for row in _latest(db, platform, ids)}
    fresh = {id: raw for id, raw in now.items() if id not in latest or latest[id][1] != raw.hash}
    if platform == "user":
        fresh = {id: raw for id, raw in fresh.items() if id in latest or not raw.is_gone}
    read = now.keys() if seen is None else set(seen)
    again = [(latest[id][0],) for id in now if id not in fresh and id in read and id in latest and latest[id][2] < 2 and not latest[id][4]]
    if not now and not latest:
        return Taken()
    before = {one.list_id: one for one in versions(db, platform, fresh)}
    taken = Taken()
    with db.atomic():
        summary = {"lists": len(fresh), "read": len(read)}
        counts = [sum(not raw.is_gone for raw in now.values()), sum(raw.n for raw in now.values() if not raw.is_gone), msgspec.json.encode(summary).decode()]
        operation = operation or db.value("select operation_id from current_operation")
        sql = "insert into snapshots (platform, scope, operation_id, playlist_count, track_count, data) values (?, ?, ?, ?, ?, ?)"
        taken.id = db.execute(sql, [platform, scope, operation, *counts]).lastrowid
        rows = []
        for id, raw in fresh.items():
            old = before[id].items if id in before else []
            taken.changed[id] = (old, raw.ids)
            full = "[" + raw.items + "]"
            steps = _steps(diff(old, raw.ids)) if id in before else full
            is_full = len(steps) >= len(full) and (id not in before or steps != "[]")
            head = (raw.name, raw.description, raw.kind, None if raw.parent is None else str(raw.parent), raw.is_gone)
            rows.append((taken.id, platform, id, *head, is_full, full if is_full else steps, raw.n, raw.hash))
        db.executemany(INSERT, rows)
        db.executemany("update playlist_versions set seen = seen + 1 where id = ?", again)
    return taken


def _latest(db: Database, platform: str, lists: Iterable[int] | None) -> list[tuple]:
    """(list, version, hash, seen, is gone, is the first) of the newest version of each list."""
    if lists is None:
        return db.execute(LATEST.format(which=""), [platform]).fetchall()
    return db.execute(LATEST.format(which="and list_id in (select value from json_each(?))"), [platform, msgspec.json.encode(list(lists)).decode()]).fetchall()


def _steps(changes: list[Change]) -> str:
    return msgspec.json.encode([[c.at, c.to, c.key] for c in changes]).decode()


def _changes(steps: str) -> list[Change]:
    return [Change("remove" if to is None else "add" if at is None else "move", key, at, to) for at, to, key in msgspec.json.decode(steps)]


def _walk(db: Database, platform: str, lists: Iterable[int], until: int) -> Iterator[tuple[Version, Version | None]]:
    """Each version with the one before it, oldest first, of each list."""
    before: Version | None = None
    params = {"platform": platform, "lists": msgspec.json.encode(sorted(lists)).decode(), "until": until}
    for list_id, _, name, description, kind, parent, gone, full, items, _, seen, at in db.execute(VERSIONS, params):
        if before is not None and before.list_id != list_id:
            before = None
        now = msgspec.json.decode(items) if full else patch(before.items if before else [], _changes(items))
        version = Version(list_id, name, description, kind, parent, bool(gone), now, seen, at)
        yield version, before
        before = version


def versions(db: Database, platform: str, lists: Iterable[int], until: int = LAST) -> list[Version]:
    """The newest version of each list, or the newest of a snapshot `until` or before."""
    found = {version.list_id: version for version, _ in _walk(db, platform, lists, until)}
    return list(found.values())


def whole(db: Database, lists: dict[int, states.Raw], platform: str) -> dict[int, states.Raw]:
    """The lists as the last complete import saw them: one that was cut off has left some half written."""
    latest = {row[0]: row[2] for row in _latest(db, platform, lists)}
    half = [id for id, raw in lists.items() if latest.get(id, raw.hash) != raw.hash]
    if not half:
        return lists
    found = dict(lists)
    for v in versions(db, platform, half):
        found[v.list_id] = states.Raw(v.list_id, v.name, v.description, v.kind, v.parent, v.is_gone, ",".join(map(str, v.items)))
    return found


def believed(db: Database, platform: str, lists: Iterable[int]) -> dict[int, list[int]]:
    """{list: items that the read before saw}: what is missing there as well is gone. A list that was read twice unchanged is its own
    witness; one that was never read before has none and is not in the answer."""
    found: dict[int, list[int]] = {}
    for version, before in _walk(db, platform, lists, LAST):
        found.pop(version.list_id, None)
        if version.seen >= 2:
            found[version.list_id] = version.items
        elif before is not None:
            found[version.list_id] = before.items
    return found


def every(db: Database, platform: str, list_id: int) -> list[Version]:
    """All versions of a list, oldest first."""
    return [version for version, _ in _walk(db, platform, [list_id], LAST)]


def until(db: Database, platform: str, at: str | int | None) -> int:
    """The newest snapshot at a time: its number, a date ("2026-11-18": the end of that day, UTC), or a UTC time. None: the newest.
    Raises BadInput where there was none yet."""
    if at is None:
        return LAST
    text = str(at)
    if isinstance(at, int) or (text.isdigit() and len(text) != 4):
        if db.value("select 1 from snapshots where id = ?", [int(text)]) is None:
            raise BadInput(f"there is no snapshot {text}; `musicdb playlists history NAME` shows those there are")
        return int(text)
    if not (text[:4].isdigit() and len(text) >= 4):
        raise BadInput(f"{text!r} is no time; write a date such as 2026-11-18, a time such as 2026-11-18T14:00:00Z, or the number of a snapshot")
    late = text.replace(" ", "T").rstrip("Z")
    late += "9999-12-31T23:59:59"[len(late):] if len(late) < 19 else ""
    found = db.value("select max(id) from snapshots where platform = ? and scope <> 'base' and created_at <= ?", [platform, late + "Z"])
    if found is None:
        first = db.value("select min(created_at) from snapshots where platform = ? and scope <> 'base'", [platform])
        raise BadInput(f"no snapshot of {platform} is as old as {at}" + (f"; the first is of {first}" if first else "; an import takes the first"))
    return found


def state(db: Database, playlist: Any, at: str | int | None = None) -> Rows:
    """The items of a playlist (yours by name or id, "tidal/NAME" a platform's) now, or at a past time: position, title, artists, track_id,
    external_id, isrc."""
    from . import finding

    ref = finding.find(db, playlist)
    if at is None:
        now = states.own(db, [ref.id]) if ref.platform == "user" else states.theirs(db, ids=[ref.id])
        items = now[ref.id].ids
    else:
        found = versions(db, ref.platform, [ref.id], until(db, ref.platform, at))
        if not found or found[0].is_gone:
            raise BadInput(f"{ref} was not there at {at}")
        items = found[0].items
    return db.q(OWN_ITEMS if ref.platform == "user" else THEIR_ITEMS, [msgspec.json.encode(items).decode()])


OWN_ITEMS = """
select j.key + 1 as position, t.title, t.artist_credit as artists, i.id as track_id, i.track_uid, t.version, t.duration_ms,
  case when j.value < 0 then (select r.title from releases as r where r.id = -j.value) end as release,
  (select x.value from external_ids as x where x.entity_type = 'track' and x.entity_id = i.id and x.scheme = 'isrc' limit 1) as isrc
from json_each(?) as j left join track_ids as i on i.id = j.value left join tracks as t on t.id = i.id
order by j.key
"""
THEIR_ITEMS = """
select j.key + 1 as position, p.title, (select group_concat(value, ', ') from json_each(p.artists)) as artists, k.track_id, p.external_id,
  p.platform, p.duration_ms, p.isrc
from json_each(?) as j join platform_tracks as p on p.id = j.value
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
order by j.key
"""


def history(db: Database, playlist: Any, *, limit: int = 100_000) -> Rows:
    """What came and went in a playlist and the lists it is linked to, newest first: at, what (added, removed), by, title, artists, platform."""
    from . import finding

    ref = finding.find(db, playlist)
    where = "playlist_id = :id" if ref.platform == "user" else "platform_playlist_id = :id"
    return db.q(EVENTS.format(where=where), {"id": ref.id, "limit": limit})


EVENTS = """
with events as (
  select came_at as at, 'added' as what, null as by, * from playlist_history where {where}
  union all
  select went_at, case went_by when 'relinked' then 'relinked' else 'removed' end, went_by, * from playlist_history where {where} and went_at is not null
)
select at, what, by, platform, playlist, artists, title, track_id, external_id, relinked_to
from events order by at desc, what desc limit :limit
"""


def between(db: Database, playlist: Any, before: str | int, after: str | int | None = None) -> list[tuple[Change, str]]:
    """The changes of a playlist between two times (after None: now), each with its title."""
    old, new = state(db, playlist, before), state(db, playlist, after)

    def key(row: Any) -> str:
        return str(row.get("external_id") or row.get("track_uid") or f"release/{row.get('release')}")

    names: dict[str, str] = defaultdict(str)
    names |= {key(row): " - ".join(str(x) for x in (row.artists, row.title or row.get("release")) if x) for row in (*old, *new)}
    return [(change, names[str(change.key)]) for change in diff([key(r) for r in old], [key(r) for r in new])]
