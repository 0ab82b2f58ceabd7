"""Which playlists and which files: what every export asks first."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadInput
from ..truth import merged

if TYPE_CHECKING:
    from ..db import Database


@dataclass(slots=True)
class Listing:
    """A playlist or folder to write. items: track ids in order, repeats included; left_out: places that are no linked track."""

    id: int
    uid: str
    name: str
    kind: str
    parent: int | None = None
    description: str | None = None
    items: list[int] = field(default_factory=list)
    left_out: int = 0


OWN = """
select p.id, p.playlist_uid, p.name, p.kind, p.parent_id, p.description
from playlists as p
where p.deleted_at is null
order by p.sort_key, p.name, p.id
"""
OWN_ITEMS = "select playlist_id, track_id from playlist_items where deleted_at is null order by playlist_id, sort_key"
THEIRS = """
select p.id, p.platform || '/' || p.external_id, p.name, p.kind, f.id, p.description
from platform_playlists as p
left join platform_playlists as f on f.platform = p.platform and f.external_id = p.parent_external_id
where p.platform = ? and p.missing_since is null
order by p.position, p.id
"""
THEIR_ITEMS = """
select i.platform_playlist_id, k.track_id
from platform_playlists as p
cross join platform_playlist_items as i on i.platform_playlist_id = p.id and i.removed_at is null
left join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
where p.platform = ?
order by i.platform_playlist_id, i.position
"""


def listings(db: Database, names: Collection[str] | None = None, of: str | None = None) -> list[Listing]:
    """Your playlists, or those of a platform as it has them; folders come before what they hold, siblings in their order.

    names: only these, with the folders they are in, and with all of a folder that is named. Raises BadInput for a name that is not there.
    """
    if of is not None and not db.value("select 1 from platforms where name = ?", [of]):
        raise BadInput(
            f"there is no platform {of!r}; there are {', '.join(row.name for row in db.q('select name from platforms order by name'))}"
        )
    found = [Listing(*row) for row in (db.execute(THEIRS, [of]) if of else db.execute(OWN))]
    if not found:
        other = db.value("select platform from platform_playlists where missing_since is null group by platform order by count(*) desc")
        hint = f"; those of {other} as they are there: --of {other}" if other and other != of else ""
        raise BadInput(f"{of or 'you'} {'has' if of else 'have'} no playlists here{hint}")
    by_id = {one.id: one for one in found}
    items: dict[int, list[int | None]] = defaultdict(list)
    for playlist, track in db.execute(THEIR_ITEMS, [of]) if of else db.execute(OWN_ITEMS):
        items[playlist].append(track)
    root = merged.roots(db, {track for places in items.values() for track in places if track is not None})
    for playlist, places in items.items():
        if one := by_id.get(playlist):
            one.items = [root.get(track, track) for track in places if track is not None]
            one.left_out = places.count(None)
    ordered = _ordered(found, by_id)
    return ordered if names is None else _chosen(ordered, by_id, names)


def _ordered(found: list[Listing], by_id: dict[int, Listing]) -> list[Listing]:
    """From the root down; a list whose folder is gone, or that lies in itself, is at the root."""
    children = defaultdict(list)
    for one in found:
        one.parent = one.parent if one.parent in by_id and not _circles(one, by_id) else None
        children[one.parent].append(one)
    ordered, todo = [], children[None][::-1]
    while todo:
        one = todo.pop()
        ordered.append(one)
        todo += children[one.id][::-1]
    return ordered


def _circles(one: Listing, by_id: dict[int, Listing]) -> bool:
    seen, at = {one.id}, by_id.get(one.parent)
    while at:
        if at.id in seen:
            return True
        seen.add(at.id)
        at = by_id.get(at.parent)
    return False


def _chosen(ordered: list[Listing], by_id: dict[int, Listing], names: Collection[str]) -> list[Listing]:
    wanted: set[int] = set()
    for name in names:
        hits = {one.id for one in ordered if one.name.casefold() == name.casefold() or one.uid == name}
        if not hits:
            raise BadInput(f"there is no playlist {name!r}; there are {', '.join(sorted({one.name for one in ordered}))[:400]}")
        wanted |= hits
    for one in ordered:
        if one.parent in wanted and by_id[one.parent].kind == "folder":
            wanted.add(one.id)
    for id in list(wanted):
        at = by_id[id].parent
        while at is not None and at not in wanted:
            wanted.add(at)
            at = by_id[at].parent
    return [one for one in ordered if one.id in wanted]


def folders_of(listings: Iterable[Listing]) -> dict[int, tuple[str, ...]]:
    """{id: names of the folders that it lies in}, outermost first."""
    places: dict[int, tuple[str, ...]] = {}
    by_id: dict[int, Listing] = {}
    for one in listings:  # folders come first
        above = by_id.get(one.parent) if one.parent is not None else None
        places[one.id] = (*places[above.id], above.name) if above else ()
        by_id[one.id] = one
    return places


FILES = """
select k.track_id, f.path, f.path_bytes
from json_each(:tracks) as j
cross join track_links as k on k.track_id = j.value and k.status in ('auto', 'confirmed')
cross join media_files as f on f.platform_track_id = k.platform_track_id
cross join platform_tracks as p on p.id = f.platform_track_id
where p.missing_since is null
order by k.track_id, lower(f.format) in ('flac', 'wav', 'aiff', 'alac', 'wavpack', 'ape') desc, f.bitrate desc, f.platform_track_id
"""


def files(db: Database, tracks: Iterable[int]) -> dict[int, Path]:
    """{track: its file}: of several the lossless one, then the one of the highest bit rate."""
    found: dict[int, Path] = {}
    for track, path, raw in db.execute(FILES, {"tracks": msgspec.json.encode(sorted(set(tracks))).decode()}):
        found.setdefault(track, Path(os.fsdecode(raw) if raw else path))
    return found


NAMED = """
select t.id, t.title, t.version, t.artist_credit, t.duration_ms, i.track_uid
from json_each(:tracks) as j cross join tracks as t on t.id = j.value cross join track_ids as i on i.id = t.id
"""


def named(db: Database, tracks: Iterable[int]) -> dict[int, Any]:
    """{track: row of title, version, artist_credit, duration_ms, track_uid}."""
    return {row.id: row for row in db.q(NAMED, {"tracks": msgspec.json.encode(sorted(set(tracks))).decode()})}
