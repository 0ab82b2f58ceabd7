"""Ids of artists and albums (MusicBrainz) that observations carry: which are new, and which nobody says any more.

An id is said by many tracks, so the tracks that were looked at decide alone only where they are all there are. A row keeps the platform
that said it first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from . import pick, text

if TYPE_CHECKING:
    from .db import Database
    from .entities import Entities

Key = tuple[str, int, str, str]  # entity type, id, scheme, value
KNOWN = """
select entity_type, entity_id, scheme, value
from external_ids
where entity_type = ? and scheme = ? and platform <> 'user' {only}
"""
SCHEMES = {"artist": "mb_artist", "release_group": "mb_release_group"}
ELSEWHERE = """
select p.platform, p.external_id, p.title, p.artists, p.album, p.said, r.said, r.title, g.title
from {tracks}
cross join track_links as k on k.track_id = t.id and k.status in ('auto', 'confirmed')
cross join platform_tracks as p on p.id = k.platform_track_id
left join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
left join release_groups as g on g.id = t.release_group_id
where json_extract(p.said, '$.ids.' || ?) = ? and t.id not in (select value from json_each(?))
"""
TRACKS = {
    "artist": "track_artists as c cross join tracks as t on t.id = c.track_id and c.artist_id = ?",
    "release_group": "(select * from tracks where release_group_id = ?) as t",
}


def difference(
    db: Database, said: dict[Key, str], artists: set[int] | None, groups: set[int], known: Entities, looked_at: set[int]
) -> tuple[list[Key], list[tuple]]:
    """Return (keys to delete, rows to insert with their platform).

    said: key -> platform, of the tracks that were looked at. artists: those credited on them; None = all tracks were looked at.
    """
    have: set[Key] = set()
    for kind, ids in (("artist", artists), ("release_group", groups)):
        some = artists is not None
        only = "and entity_id in (select value from json_each(?))" if some else ""
        have.update(db.execute(KNOWN.format(only=only), [kind, SCHEMES[kind], *([_json(ids or ())] if some else ())]))
    gone = have - said.keys()
    if artists is not None and gone:
        skip = _json(looked_at)
        gone = {key for key in gone if not _said_elsewhere(db, key, known, skip)}
    exists = "select 1 from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?"
    new = [(*key, platform) for key, platform in said.items() if key not in have and db.value(exists, key) is None]
    return sorted(gone), new


def write(db: Database, gone: Iterable[Key], new: Iterable[tuple]) -> None:
    """Delete and insert."""
    db.executemany("delete from external_ids where entity_type = ? and entity_id = ? and scheme = ? and value = ?", gone)
    db.executemany("insert into external_ids (entity_type, entity_id, scheme, value, platform) values (?, ?, ?, ?, ?)", new)


def _said_elsewhere(db: Database, key: Key, known: Entities, looked_at: str) -> bool:
    kind, entity, scheme, value = key
    rows = db.execute(ELSEWHERE.format(tracks=TRACKS[kind]), [entity, scheme, value, looked_at])
    for platform, external_id, title, credit, album, said, its_said, its_title, group in rows:
        one = pick.Observed(
            platform, True, False, external_id, title, credit, album, None, None, None, pick.decode(said), pick.decode(its_said), its_title
        )
        if kind == "artist":
            if (name := pick.only_name(one)) and known.find(name) == entity:
                return True
        elif text.norm(text.split_album(pick.says(one, "album") or "")[0]) == text.norm(group):
            return True
    return False


def _json(value: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(value)).decode()
