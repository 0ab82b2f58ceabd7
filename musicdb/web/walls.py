"""Walls: albums, artists, playlists, records and events, a page at a time, found as one types."""

from __future__ import annotations

import re

from .reading import Reader

SIZE = 60
ALBUMS = """
select g.id, g.title, a.name as by, g.year as more,
  (select i.image_id from image_links as i where i.release_group_id = g.id and i.is_selected = 1) as cover
from release_groups as g
left join artists as a on a.id = g.primary_artist_id
where g.deleted_at is null and g.merged_into_id is null{where}
order by {order}
limit :limit offset :offset
"""
ARTISTS = """
select a.id, a.name as title, (select i.image_id from image_links as i where i.artist_id = a.id and i.is_selected = 1) as cover, coalesce(
  (select i.image_id from release_groups as g join image_links as i on i.release_group_id = g.id and i.is_selected = 1
    where g.primary_artist_id = a.id and g.deleted_at is null limit 1), null) as other,
  (select count(*) from track_artists as r where r.artist_id = a.id) as n
from artists as a
where a.deleted_at is null and a.merged_into_id is null{where}
order by a.name
limit :limit offset :offset
"""
COVER = """coalesce(
      (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
      (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1))"""
PLAYLISTS = """
select w.page, w.id, w.title, w.platform, w.kind, w.owner, case w.page
    when 'playlist' then (select count(*) from playlist_items as i where i.playlist_id = w.id and i.deleted_at is null)
    else (select count(*) from platform_playlist_items as i where i.platform_playlist_id = w.id and i.removed_at is null) end as n,
  case w.page when 'playlist' then (
    select {cover} as image from playlist_items as i join tracks as t on t.id = i.track_id
    where i.playlist_id = w.id and i.deleted_at is null and image is not null order by i.sort_key limit 1)
  else (
    select {cover} as image from platform_playlist_items as i
    join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed') join tracks as t on t.id = k.track_id
    where i.platform_playlist_id = w.id and i.removed_at is null and image is not null order by i.position limit 1) end as cover
from (
  select * from (
    select 'playlist' as page, id, name as title, 'yours' as platform, kind, null as owner
    from playlists
    where deleted_at is null
    union all
    select 'platform_playlist', id, name, platform, kind, owner
    from platform_playlists
    where missing_since is null
  )
  where kind <> 'folder'{where}
  order by page desc, platform, title
  limit :limit offset :offset
) as w
order by w.page desc, w.platform, w.title
"""
RECORDS = """
select c.platform_release_id as id, c.title, c.artists as by, c.cover, group_concat(distinct c.status) as status, max(c.label) as label,
  max(c.catalogue_number) as catalogue_number, max(c.year) as more, max(c.format) as format, count(*) as copies
from copies as c
where c.removed_at is null and c.status in ('owned', 'wanted', 'for_sale'){where}
group by c.platform_release_id
order by c.status = 'wanted', c.artists, c.title
limit :limit offset :offset
"""
EVENTS = """
select e.id, e.name as title, e.start_date as more, e.location as by, (select count(*) from event_recordings as r where r.event_id = e.id) as n,
  (select {cover} as image from event_recordings as r join tracks as t on t.id = r.track_id
    where r.event_id = e.id and image is not null order by r.position limit 1) as cover
from events as e
where e.deleted_at is null{where}
order by e.start_date desc, e.id desc
limit :limit offset :offset
"""
LIKE = " and {} like :like escape '\\'"
WALLS = {  # name: (SQL, what it is called, condition of a search)
    "albums": (ALBUMS, "Albums", " and g.id in (select rowid from release_groups_fts where release_groups_fts match :words)"),
    "artists": (ARTISTS, "Artists", " and a.id in (select rowid from artists_fts where artists_fts match :words)"),
    "playlists": (PLAYLISTS, "Playlists", LIKE.format("title")),
    "records": (RECORDS, "Records", LIKE.format("(c.title || ' ' || coalesce(c.artists, '') || ' ' || coalesce(c.catalogue_number, ''))")),
    "events": (EVENTS, "Events", LIKE.format("e.name")),
}
ORDERS = {"": "g.id desc", "title": "g.title_norm", "year": "g.year desc, g.id desc"}  # of albums: newest in the library first


def words(text: str) -> str:
    """What was typed as an FTS5 query: every word begins one of the text's; '' for nothing to look for."""
    return " ".join(f'"{word}"*' for word in re.findall(r"\w+", text.replace("\0", " "))[:12])


def wall(read: Reader, kind: str, q: str = "", offset: int = 0, sort: str = "") -> dict | None:
    """{kind, title, rows, q, offset, next}: a page of a wall; next is the offset of the page after, or None. None for no such wall."""
    if kind not in WALLS:
        return None
    sql, title, condition = WALLS[kind]
    typed = words(q)
    where = condition if typed else ""
    like = "%" + q.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    params = {"words": typed} if ":words" in where else {"like": like} if ":like" in where else {}
    order = ORDERS.get(sort, ORDERS[""])
    rows = read.rows(title, sql.format(where=where, order=order, cover=COVER), limit=SIZE + 1, offset=offset, **params)
    more = len(rows) > SIZE
    return {"kind": kind, "title": title, "rows": rows[:SIZE], "q": q, "sort": sort, "offset": offset, "next": offset + SIZE if more else None}
