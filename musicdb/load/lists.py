"""After the playlists of a platform were read: a snapshot of them, and for each item that went, who took it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..db import Database

KNOWN = """
select p.id, k.track_id, p.isrc, p.match_key, p.duration_ms,
  p.kind is not 'unavailable_track' and json_extract(p.metadata, '$.is_playable') is not 0 and json_extract(p.metadata, '$.allowStreaming') is not 0
  and json_extract(p.metadata, '$.streamReady') is not 0 and json_extract(p.metadata, '$.available_markets') is not '[]'
from json_each(?) as j cross join platform_tracks as p on p.id = j.value
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
"""
GONE = "select id from platform_playlist_items where platform_playlist_id = ? and platform_track_id = ? and removed_at is not null and gone_reason is null order by id"
NEW = "select id from platform_playlist_items where platform_playlist_id = ? and platform_track_id = ? and removed_at is null order by id desc limit 1"
LINK = """
update playlist_links set platform_playlist_id = (
  select p.id from platform_playlists as p where p.platform = playlist_links.platform and p.external_id = playlist_links.external_id)
where platform = ? and platform_playlist_id is null
  and exists (select 1 from platform_playlists as p where p.platform = playlist_links.platform and p.external_id = playlist_links.external_id)
"""


def note(db: Database, platform: str, seen: set[str], *, account: str = "", operation: int | None = None) -> int | None:
    """Take a snapshot of a platform's lists, of which those with these external ids were read just now; the snapshot's id, or None where
    the platform has no list."""
    from ..playlists import departures, snapshots, states

    with db.atomic():
        sql = "select p.id from json_each(?) as j cross join platform_playlists as p on p.platform = ? and p.external_id = j.value"
        read = [row[0] for row in db.execute(sql, [_json(sorted(seen)), platform])]
        missing = [row[0] for row in db.execute("select id from platform_playlists where platform = ? and account = ? and missing_since is not null", [platform, account])]
        taken = snapshots.take(db, platform, scope=account or "all", seen=[*read, *missing], operation=operation)
        db.execute(LINK, [platform])
        changed = {id: lists for id, lists in taken.changed.items() if set(lists[0]) - set(lists[1]) or len(lists[0]) > len(lists[1])}
        if not changed:
            return taken.id
        known = {row[0]: departures.Known(*row[1:5], bool(row[5])) for row in db.execute(KNOWN, [_json(sorted(_items(changed)))])}
        gone = _json(sorted({item for before, after in changed.values() for item in set(before) - set(after)}))
        still = "select distinct platform_track_id from json_each(?) as j join platform_playlist_items on platform_track_id = j.value and removed_at is null"
        dropped = departures.everywhere(changed, (row[0] for row in db.execute(still, [gone])))
        others = states.others(db, platform)
        for list_id, (before, after) in changed.items():
            for left in departures.reasons(before, after, known, dropped=dropped, is_yours=list_id not in others):
                place = db.value(GONE, [list_id, left.item])
                by = None if left.replaced_by is None else db.value(NEW, [list_id, left.replaced_by])
                if place is not None:
                    db.execute("update platform_playlist_items set gone_reason = ?, replaced_by_id = ? where id = ?", [left.reason, by, place])
    return taken.id


def _items(changed: dict[int, tuple[list[int], list[int]]]) -> set[int]:
    return {item for before, after in changed.values() for item in (*before, *after)}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
