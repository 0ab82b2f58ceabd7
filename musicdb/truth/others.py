"""Ids of artists and albums (MusicBrainz) that observations carry: which are new, and which nobody says any more.

An id is said by many tracks, so the tracks that were looked at decide alone only where they are all there are. A row keeps the platform
that said it first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..db import Database

Key = tuple[str, int, str, str]  # entity type, id, scheme, value
KNOWN = """
select entity_type, entity_id, scheme, value
from external_ids
where entity_type = ? and scheme = ? and platform <> 'user' {only}
"""
SCHEMES = {"artist": "mb_artist", "release_group": "mb_release_group"}
ELSEWHERE = """
select distinct t.id
from {tracks}
cross join track_links as k on k.track_id = t.id and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id
where json_extract(p.said, '$.ids.' || ?) = ? and t.id not in (select value from json_each(?))
limit 20
"""
TRACKS = {
    "artist": "track_artists as c cross join tracks as t on t.id = c.track_id and c.artist_id = ?",
    "release_group": "(select * from tracks where release_group_id = ?) as t",
}


def difference(db: Database, said: dict[Key, str], artists: set[int] | None, groups: set[int]) -> tuple[list[Key], list[tuple]]:
    """Return (keys that were not said again, rows to insert with their platform).

    said: key -> platform, of the tracks that were looked at. artists: those credited on them; None = all tracks were looked at.
    """
    have: set[Key] = set()
    for kind, ids in (("artist", artists), ("release_group", groups)):
        some = artists is not None
        only = "and entity_id in (select value from json_each(?))" if some else ""
        have.update(db.execute(KNOWN.format(only=only), [kind, SCHEMES[kind], *([_json(ids or ())] if some else ())]))
    exists = "select 1 from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?"
    new = [(*key, platform) for key, platform in said.items() if key not in have and db.value(exists, key) is None]
    return sorted(have - said.keys()), new


def elsewhere(db: Database, keys: Iterable[Key], but: Iterable[int]) -> set[int]:
    """Tracks, but for these, that show the artist or album of one of these ids and of which an observation says it."""
    skip = _json(but)
    return {
        track
        for kind, entity, scheme, value in keys
        for (track,) in db.execute(ELSEWHERE.format(tracks=TRACKS[kind]), [entity, scheme, value, skip])
    }


def write(db: Database, gone: Iterable[Key], new: Iterable[tuple]) -> None:
    """Delete and insert."""
    db.executemany("delete from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?", gone)
    db.executemany("insert into external_ids (entity_type, entity_id, scheme, value, platform) values (?, ?, ?, ?, ?)", new)


def _json(value: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(value)).decode()
