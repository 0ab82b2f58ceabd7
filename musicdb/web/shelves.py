"""What the pages of an album, artist, playlist, record and event show. SQL on top, one function a page: a Reader in, plain data out, None without it."""

from __future__ import annotations

from . import pages
from .reading import Reader
from .shaping import plays

SHOWN = 500  # rows of one list on a page; "all" leads to the table

ALBUM = """
select g.*, a.name as artist, l.image_id as cover
from release_groups as g
left join artists as a on a.id = g.primary_artist_id
left join image_links as l on l.release_group_id = g.id and l.is_selected = 1
where g.id = :id
"""

ALBUM_TRACKS = """
select t.id, t.title, t.version, t.artist_credit, t.duration_ms, t.bpm, t.musical_key, t.rating, coalesce(
  (select min(i.disc_no * 1000 + i.track_no) from release_items as i join releases as e on e.id = i.release_id
    where i.track_id = t.id and e.release_group_id = :id),
  (select min(coalesce(json_extract(p.said, '$.disc_no'), 1) * 1000 + json_extract(p.said, '$.track_no'))
    from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = t.id and k.status in ('auto', 'confirmed') and p.album = :title)) as place,
  (select group_concat(distinct p.platform) from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = t.id and k.status in ('auto', 'confirmed')) as platforms
from tracks as t
where t.release_group_id = :id and t.deleted_at is null and t.merged_into_id is null
order by place is null, place, t.title
limit 500
"""

ALBUM_RELEASES = """
select l.platform_release_id as id
from releases as e
join release_links as l on l.release_id = e.id and l.status in ('auto', 'confirmed')
where e.release_group_id = :id
union
select l.platform_release_id
from release_links as l
where l.release_group_id = :id and l.status in ('auto', 'confirmed')
union
select r.id
from tracks as t
join track_links as k on k.track_id = t.id and k.status in ('auto', 'confirmed')
join platform_tracks as p on p.id = k.platform_track_id
join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where t.release_group_id = :id
limit 100
"""

ARTIST = """
select a.*, coalesce((select i.image_id from image_links as i where i.artist_id = a.id and i.is_selected = 1),
    (select i.image_id from release_groups as g join image_links as i on i.release_group_id = g.id and i.is_selected = 1
      where g.primary_artist_id = a.id and g.deleted_at is null limit 1)) as cover,
  (select count(distinct r.track_id) from track_artists as r join tracks as t on t.id = r.track_id
    where r.artist_id = a.id and t.deleted_at is null and t.merged_into_id is null) as tracks
from artists as a
where a.id = :id
"""

ARTIST_ALBUMS = """
select g.id, g.title, g.year, g.type, (select i.image_id from image_links as i where i.release_group_id = g.id and i.is_selected = 1) as cover
from release_groups as g
where g.primary_artist_id = :id and g.deleted_at is null and g.merged_into_id is null
order by g.year is null, g.year desc, g.title
limit 120
"""

ARTIST_TRACKS = """
select t.id, t.title, t.version, t.artist_credit, t.year, t.duration_ms, t.bpm, t.musical_key, t.rating, group_concat(distinct r.role) as roles,
  g.title as album, g.id as release_group_id
from track_artists as r
join tracks as t on t.id = r.track_id
left join release_groups as g on g.id = t.release_group_id
where r.artist_id = :id and t.deleted_at is null and t.merged_into_id is null
group by t.id
order by t.year is null, t.year desc, t.title
limit 200
"""

ARTIST_PLAYS = """
select substr(l.listened_at, 1, 7) as month, count(*) as n, min(l.listened_at) as first, max(l.listened_at) as last
from (select distinct track_id from track_artists where artist_id = :id) as a
join track_links as k on k.track_id = a.track_id and k.status in ('auto', 'confirmed')
join platform_tracks as p on p.id = k.platform_track_id
join listens as l on l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null
group by month
order by month
"""

ALIASES = "select alias, platform from artist_aliases where artist_id = :id order by alias limit 40"

GENRES = """
select g.id, g.name, count(distinct r.track_id) as tracks
from track_artists as a
join track_genres as r on r.track_id = a.track_id
join genres as g on g.id = r.genre_id
where a.artist_id = :id
group by g.id
order by tracks desc
limit 12
"""

IDS = "select scheme, value, platform from external_ids where entity_type = :kind and entity_id = :id order by scheme limit 40"

PLAYLIST = """
select l.*, p.name as folder, (select count(*) from playlist_items as i where i.playlist_id = l.id and i.deleted_at is null) as items
from playlists as l
left join playlists as p on p.id = l.parent_id
where l.id = :id
"""

PLAYLIST_ITEMS = """
select row_number() over (order by i.sort_key) as place, coalesce(t.id, i.track_id) as track_id, t.title, t.version, t.artist_credit, t.duration_ms, t.bpm, t.musical_key,
  e.title as release, i.release_id, i.added_at, coalesce(
    (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
    (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1)) as cover
from playlist_items as i
left join tracks as o on o.id = i.track_id
left join tracks as t on t.id = coalesce(o.merged_into_id, o.id)
left join releases as e on e.id = i.release_id
where i.playlist_id = :id and i.deleted_at is null
order by i.sort_key
limit 500
"""

SMART_ITEMS = """
select t.id as track_id, t.title, t.version, t.artist_credit, t.duration_ms, t.bpm, t.musical_key, coalesce(
    (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
    (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1)) as cover
from json_each(:ids) as j
join tracks as t on t.id = j.value
order by j.key
"""

PLAYLIST_LINKS = """
select s.platform, s.direction, s.enabled, s.last_synced_at, s.platform_playlist_id as id, p.name
from playlist_links as s
left join platform_playlists as p on p.id = s.platform_playlist_id
where s.playlist_id = :id
order by s.platform
"""

CHILDREN = "select id, name, kind from playlists where parent_id = :id and deleted_at is null order by sort_key, name limit 500"

THEIRS = """
select l.id, l.platform, l.external_id, l.name, l.kind, l.description, l.owner, l.is_public, l.collaborative, l.fetched_at, l.missing_since,
  l.parent_external_id, f.id as folder_id, f.name as folder,
  (select count(*) from platform_playlist_items as i where i.platform_playlist_id = l.id and i.removed_at is null) as items,
  (select p.id from playlist_links as s join playlists as p on p.id = s.playlist_id where s.platform_playlist_id = l.id) as own_id
from platform_playlists as l
left join platform_playlists as f on f.platform = l.platform and f.external_id = l.parent_external_id and f.kind = 'folder'
where l.id = :id
"""

THEIR_ITEMS = """
select i.position + 1 as place, i.added_at, i.removed_at, p.id as platform_track_id, k.track_id, coalesce(t.title, p.title) as title, t.version,
  coalesce(t.artist_credit, (select group_concat(value, ', ') from json_each(p.artists))) as artist_credit, coalesce(t.duration_ms, p.duration_ms) as duration_ms,
  t.bpm, t.musical_key, p.missing_since, coalesce(
    (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
    (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1)) as cover
from platform_playlist_items as i
join platform_tracks as p on p.id = i.platform_track_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join tracks as t on t.id = k.track_id
where i.platform_playlist_id = :id and (i.removed_at is not null) = :gone
order by i.position, i.removed_at
limit 500
"""

THEIR_CHILDREN = """
select id, name, kind, platform from platform_playlists
where platform = :platform and parent_external_id = :folder and missing_since is null
order by position, name
limit 500
"""

RECORD = """
select r.id, r.platform, r.external_id, r.title, r.missing_since, r.fetched_at,
  (select group_concat(value, ', ') from json_each(r.said, '$.artists')) as artists, json_extract(r.said, '$.year') as year,
  json_extract(r.said, '$.label') as label, json_extract(r.said, '$.catalogue_number') as catalogue_number, json_extract(r.said, '$.country') as country,
  (select group_concat(value, ', ') from json_each(r.said, '$.formats')) as format, json_extract(r.said, '$.barcode') as barcode,
  (select group_concat(value, ', ') from json_each(r.said, '$.genres')) as genres, (select group_concat(value, ', ') from json_each(r.said, '$.styles')) as styles,
  (select i.image_id from platform_images as i where i.platform_release_id = r.id and i.role = 'cover' and i.image_id is not null
    order by i.position limit 1) as cover,
  (select l.release_group_id from release_links as l where l.platform_release_id = r.id and l.status in ('auto', 'confirmed')) as release_group_id
from platform_releases as r
where r.id = :id
"""

COPIES = """
select copy_key, status, folder, media_condition, sleeve_condition, rating, notes, purchase_date, purchase_price, currency, worth, sold_date,
  sold_price, added_at, cover, platform
from copies
where platform_release_id = :id and removed_at is null
"""

SIDES = """
select s.position, s.disc_no, s.track_no, s.title, s.artists, s.duration_ms, s.state, s.track_id, s.external_id, t.title as our_title, t.bpm, t.musical_key,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed') and p.platform = 'local' and p.missing_since is null) as has_file,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed') and p.platform in ('spotify', 'tidal') and p.missing_since is null) as on_stream,
  exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id
    where k.track_id = s.track_id and k.status in ('auto', 'confirmed') and p.platform = 'rekordbox' and p.missing_since is null) as in_rekordbox
from record_sides as s
left join tracks as t on t.id = s.track_id
where s.platform_release_id = :id
order by s.disc_no, s.track_no
limit 500
"""

ALBUMS_OF_SIDES = """
select g.id, g.title, count(*) as tracks
from (select distinct track_id from record_sides where platform_release_id = :id and track_id is not null) as s
join tracks as t on t.id = s.track_id
join release_groups as g on g.id = t.release_group_id
group by g.id
order by tracks desc
limit 6
"""

EVENT = "select id, name, start_date, end_date, location, description from events where id = :id and deleted_at is null"

EVENT_TRACKS = """
select e.stage, e.position, e.set_time, e.track_id, e.title, e.version, e.artist_credit, e.platform, t.duration_ms, t.bpm, t.musical_key, coalesce(
    (select m.image_id from image_links as m where m.track_id = t.id and m.is_selected = 1),
    (select m.image_id from image_links as m where m.release_group_id = t.release_group_id and m.is_selected = 1)) as cover
from played_at as e
join tracks as t on t.id = e.track_id
where e.event_id = :id
order by e.stage, e.position = 0, e.position, e.set_time
limit 500
"""


def album(read: Reader, id: int) -> dict | None:
    """An album: its tracks in order, the records of it on the shelf, its ids elsewhere."""
    row = read.one("The album", ALBUM, id=id)
    if row is None:
        return None
    tracks = read.rows("Its tracks", ALBUM_TRACKS, id=id, title=row["title"])
    return {
        "row": row,
        "tracks": tracks,
        "length_ms": sum(one["duration_ms"] or 0 for one in tracks),
        "records": pages.records(read, [one["id"] for one in read.rows("Releases of it", ALBUM_RELEASES, id=id)]),
        "ids": read.rows("Its ids elsewhere", IDS, id=id, kind="release_group"),
    }


def artist(read: Reader, id: int) -> dict | None:
    """An artist: albums, tracks with the role in each, genres, other names, plays by month."""
    row = read.one("The artist", ARTIST, id=id)
    if row is None:
        return None
    page = {
        "row": row,
        "albums": read.rows("Albums", ARTIST_ALBUMS, id=id),
        "tracks": read.rows("Tracks", ARTIST_TRACKS, id=id),
        "genres": read.rows("Genres", GENRES, id=id),
        "aliases": read.rows("Other names", ALIASES, id=id),
        "ids": read.rows("Ids elsewhere", IDS, id=id, kind="artist"),
    }
    if not read.shared:
        page["plays"] = plays(read.rows("Plays by month", ARTIST_PLAYS, id=id))
    return page


def playlist(read: Reader, id: int) -> dict | None:
    """One of your playlists: its items in order, where it is synced to; a smart one as its query answers now, a folder with what is in it."""
    row = read.one("The playlist", PLAYLIST, id=id)
    if row is None or row["deleted_at"] is not None:
        return None
    if row["kind"] == "smart" and row["query"]:
        found = read.rows("Its query", f"select track_id from ({row['query'].strip().rstrip(';')}) limit {SHOWN}")
        ids = str([one["track_id"] for one in found if isinstance(one["track_id"], int)])
        items = [{"place": place, **one} for place, one in enumerate(read.rows("Its tracks", SMART_ITEMS, ids=ids), 1)]
        row["items"] = len(items)
    else:
        items = read.rows("Its items", PLAYLIST_ITEMS, id=id)
    return {
        "row": row,
        "tracks": items,
        "length_ms": sum(one["duration_ms"] or 0 for one in items),
        "links": read.rows("Where it is synced to", PLAYLIST_LINKS, id=id),
        "children": read.rows("What is in the folder", CHILDREN, id=id) if row["kind"] == "folder" else [],
        "gone": [],
    }


def platform_playlist(read: Reader, id: int) -> dict | None:
    """A playlist as a platform has it: its items in order, and those that went."""
    row = read.one("The playlist", THEIRS, id=id)
    if row is None:
        return None
    folder = row["kind"] == "folder"
    items = read.rows("Its items", THEIR_ITEMS, id=id, gone=0)
    return {
        "row": row,
        "tracks": items,
        "length_ms": sum(one["duration_ms"] or 0 for one in items),
        "gone": [] if read.shared else read.rows("What was in it", THEIR_ITEMS, id=id, gone=1),
        "children": read.rows("What is in the folder", THEIR_CHILDREN, platform=row["platform"], folder=row["external_id"]) if folder else [],
        "links": [],
    }


def record(read: Reader, id: int) -> dict | None:
    """A release with its sides: which of them you have as a file or a stream, and your copies of it."""
    row = read.one("The record", RECORD, id=id)
    if row is None:
        return None
    copies = read.rows("Your copies", COPIES, id=id)
    sides = read.rows("Its sides", SIDES, id=id)
    for one in sides:  # Discogs' own ids end in the place: 40320607#A1
        one["place"] = one["position"] or (one["external_id"].rpartition("#")[2] if "#" in one["external_id"] else one["track_no"])
    row["cover"] = row["cover"] or next((one["cover"] for one in copies if one["cover"]), None)
    if read.shared:
        copies = [{name: one[name] for name in ("status", "media_condition", "sleeve_condition", "cover", "platform")} for one in copies]
    albums = read.rows("Albums of these tracks", ALBUMS_OF_SIDES, id=id)
    return {
        "row": row,
        "copies": copies,
        "sides": sides,
        "albums": albums,
        "files": sum(one["has_file"] for one in sides),
        "streams": sum(one["on_stream"] for one in sides),
    }


def event(read: Reader, id: int) -> dict | None:
    """An event: what was played, set by set."""
    row = read.one("The event", EVENT, id=id)
    if row is None:
        return None
    stages: dict[str, list[dict]] = {}
    for one in read.rows("What was played", EVENT_TRACKS, id=id):
        stages.setdefault(one["stage"], []).append(one)
    return {"row": row, "stages": [{"stage": stage, "tracks": tracks} for stage, tracks in stages.items()]}


