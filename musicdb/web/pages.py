"""What the home page and the page of a track show. SQL on top, one function a page: a Reader in, plain data out."""

from __future__ import annotations

from collections.abc import Iterable

from . import cells
from .reading import Reader
from .shaping import FIELDS, fields, history, lanes, plays, signs, united

TOTALS = """
select
  (select count(*) from tracks where deleted_at is null and merged_into_id is null and title is not null) as tracks,
  (select count(*) from release_groups where deleted_at is null and merged_into_id is null) as albums,
  (select count(*) from artists where deleted_at is null and merged_into_id is null) as artists,
  (select count(*) from platform_playlists where kind <> 'folder' and missing_since is null) as playlists,
  (select count(*) from copies where status in ('owned', 'for_sale') and removed_at is null) as records,
  (select count(*) from listens where duplicate_of_id is null) as listens
"""

TODO = {
    "links": "select count(distinct platform_track_id) from review_queue",
    "conflicts": "select count(*) from conflicts where weight > 0",
    "covers": "select count(*) from poor_covers where side = 0",
    "refused": "select count(*) from quarantine where resolved_at is null",
    "upstream": "select count(*) from observation_changes where accepted_at is null and entity = 'track'",
}

PLATFORMS = """
select s.name, s.title, n.tracks
from (select platform, count(*) as tracks from platform_tracks group by platform) as n
join platforms as s on s.name = n.platform
order by s.priority
"""

ALBUMS = """
select g.id, g.title, g.year, a.name as artist,
  (select l.image_id from image_links as l where l.release_group_id = g.id and l.is_selected = 1) as cover
from (
  select id, title, year, primary_artist_id from release_groups
  where deleted_at is null and merged_into_id is null
  order by id desc
  limit 400
) as g
left join artists as a on a.id = g.primary_artist_id
order by cover is null, g.id desc
limit :limit
"""

IMPORTS = """
select o.id, o.type, o.platform, o.status, o.completed_at, o.reason, o.error_message,
  json_extract(o.details, '$.new') as new, json_extract(o.details, '$.changed') as changed, json_extract(o.details, '$.gone') as gone,
  json_extract(o.details, '$.quarantined') as refused, json_extract(o.details, '$.listens_new') as plays
from operations as o
where o.parent_id is null and o.platform is not null and o.type <> 'setup'
order by o.id desc
limit 8
"""

LATELY = """
select k.track_id as id, coalesce(t.title, p.title) as title, coalesce(t.artist_credit, (select group_concat(value, ', ') from json_each(p.artists))) as artist,
  max(l.listened_at) as at, coalesce(
    (select i.image_id from image_links as i where i.track_id = t.id and i.is_selected = 1),
    (select i.image_id from image_links as i where i.release_group_id = t.release_group_id and i.is_selected = 1)) as cover
from (select platform, track_external_id, listened_at from listens where duplicate_of_id is null order by listened_at desc limit 60) as l
join platform_tracks as p on p.platform = l.platform and p.external_id = l.track_external_id
join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
join tracks as t on t.id = k.track_id
group by k.track_id
order by at desc
limit 12
"""

TRACK = """
select t.*, i.track_uid, g.title as album, g.year as album_year, coalesce(
  (select l.image_id from image_links as l where l.is_selected = 1 and l.track_id = t.id),
  (select l.image_id from image_links as l where l.is_selected = 1 and l.release_group_id = t.release_group_id)) as cover
from tracks as t
join track_ids as i on i.id = t.id
left join release_groups as g on g.id = t.release_group_id
where t.id = :id
"""

CLAIMS = """
select field, platform, value, type
from claims
where track_id = :id and field not in ('cues', 'beat_grid', 'cover', 'ids')
order by field, platform
"""

# What counts of a track and has no column of its own.
UNITED = """
select 'genres' as field, group_concat(name, ', ') as value
from (select distinct g.name from track_genres as x join genres as g on g.id = x.genre_id where x.track_id = :id order by g.name)
union all
select 'label', group_concat(name, ', ') from (select distinct g.name from track_labels as x join labels as g on g.id = x.label_id where x.track_id = :id order by g.name)
union all
select 'isrc', group_concat(value, ', ') from external_ids where entity_type = 'track' and entity_id = :id and scheme = 'isrc'
"""

# Fields that a person decided: a value, a lock, or a platform to follow.
DECIDED = """
select d.field
from track_ids as i
join decisions as d on d.entity = 'track' and d.entity_key = i.track_uid
where i.id = :id and (d.value is not null or d.platform is not null)
  and d.id = (select max(id) from decisions where entity = 'track' and entity_key = d.entity_key and field = d.field)
"""

LINKS = """
select k.id as link_id, k.status, k.method, k.confidence, k.evidence,
  p.id, p.platform, p.external_id, p.title, p.artists, p.album, p.duration_ms, p.missing_since
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = :id
order by k.status, k.confidence desc, p.platform
limit 80
"""

ARTISTS = """
select a.id, a.name, r.role, r.join_phrase
from track_artists as r
join artists as a on a.id = r.artist_id
where r.track_id = :id
order by r.position
"""

GENRES = """
select g.id, g.name, group_concat(r.platform, ' ') as platforms
from track_genres as r
join genres as g on g.id = r.genre_id
where r.track_id = :id
group by g.id
order by count(*) desc, g.name
"""

TAGS = """
select g.id, g.grp, g.name
from track_mytags as m
join tags as g on g.id = m.tag_id
where m.track_id = :id and g.deleted_at is null
order by g.grp, g.name
"""

CUES = """
select platform, platform_track_id, type, num, start_ms, length_ms, name, color
from cues
where track_id = :id
order by platform <> 'rekordbox', platform_track_id, start_ms
limit 200
"""

LISTS = """
select l.id, l.name, l.platform, l.kind, min(i.position) + 1 as place, min(i.added_at) as added_at, max(i.removed_at) as removed_at,
  max(i.removed_at is null) as there
from track_links as k
join platform_playlist_items as i on i.platform_track_id = k.platform_track_id
join platform_playlists as l on l.id = i.platform_playlist_id
where k.track_id = :id and k.status in ('auto', 'confirmed')
group by l.id
order by there desc, l.platform, l.name
limit 60
"""

OWN_LISTS = """
select l.id, l.name
from playlist_items as i
join playlists as l on l.id = i.playlist_id
where i.track_id in (select :id union all select id from tracks where merged_into_id = :id) and i.deleted_at is null and l.deleted_at is null
group by l.id
order by l.name
limit 60
"""

SIDES = """
select r.id, json_extract(p.said, '$.position') as position
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
join platform_releases as r on r.platform = p.platform and r.external_id = p.release_external_id
where k.track_id = :id and k.status in ('auto', 'confirmed')
group by r.id
limit 100
"""

# Few releases by their numbers: of a set the view would be made whole, and every copy on the shelf looked at.
RECORDS = """
select distinct platform_release_id as id, title, label, catalogue_number, format, year, status
from copies
where platform_release_id in ({ids}) and removed_at is null and status in ('owned', 'wanted', 'for_sale')
limit 20
"""

EVENTS = """
select e.id, e.name as event, e.start_date, r.stage, r.set_time
from event_recordings as r
join events as e on e.id = r.event_id
where r.track_id in (select :id union all select id from tracks where merged_into_id = :id) and e.deleted_at is null
order by e.start_date
limit 20
"""

PLAYS = """
select substr(l.listened_at, 1, 7) as month, count(*) as n, min(l.listened_at) as first, max(l.listened_at) as last
from track_links as k
join platform_tracks as p on p.id = k.platform_track_id
join listens as l on l.platform = p.platform and l.track_external_id = p.external_id and l.duplicate_of_id is null
where k.track_id = :id and k.status in ('auto', 'confirmed')
group by month
order by month
"""

CHANGES = """
select c.at, c.actor, c.op, c.field, c.old, c.new, c.operation_id
from changes as c
where c.entity = 'tracks' and c.entity_key = :key and c.op <> 'batch'
order by c.id desc
limit 30
"""

DECISIONS = """
select d.decided_at as at, d.decided_by as actor, d.field, d.value, d.platform, d.note, d.operation_id
from decisions as d
where d.entity = 'track' and d.entity_key = :uid
order by d.id desc
limit 30
"""

PRIVATE = {"path", "play_count", "last_played_at", "comment", "added_at", "location", "folder"}  # not for strangers


def home(read: Reader, limit: int = 18) -> dict:
    """totals, todo, platforms, albums (those with a cover first, newest first), what was played lately and the last operations."""
    totals = read.one("How much there is", TOTALS)
    assert totals is not None
    page = {
        "totals": totals,
        "platforms": read.rows("Who knows how many tracks", PLATFORMS),
        "albums": read.rows("Recently added albums", ALBUMS, limit=limit),
    }
    if read.shared:
        del totals["listens"]
        return page
    page["todo"] = {name: read.count(f"What waits for you: {name}", sql) for name, sql in TODO.items()}
    page["lately"] = read.rows("Played lately", LATELY)
    page["operations"] = read.rows("What came in or went out last", IMPORTS)
    return page


def track(read: Reader, id: int) -> dict | None:
    """One track: what each platform says and whose value is taken, links with their evidence, cues, playlists, plays, history; None without it."""
    row = read.one("The track", TRACK, id=id)
    if row is None:
        return None
    claims = read.rows("What platforms say", CLAIMS, id=id)
    if read.shared:
        row.pop("comment", None)
        claims = [claim for claim in claims if claim["field"] not in PRIVATE]
    links = read.rows("Links with their evidence", LINKS, id=id)
    for one in links:
        one["artists"] = ", ".join(map(str, cells.parsed(one["artists"] or "") or []))
        one["signs"] = signs(one["evidence"])
    decided = {one["field"] for one in read.rows("What you decided of it", DECIDED, id=id)}
    found = fields(row | united(read.rows("What counts of it beside its columns", UNITED, id=id)), claims, decided)
    sides = {one["id"]: one["position"] for one in read.rows("Releases it is on", SIDES, id=id)}
    page = {
        "row": row,
        "artists": read.rows("Its artists", ARTISTS, id=id),
        "genres": read.rows("Its genres", GENRES, id=id),
        "tags": read.rows("Its tags", TAGS, id=id),
        "platforms": sorted({one["platform"] for one in links if one["status"] in ("auto", "confirmed")}),
        "fields": [one for one in found if one["name"] in FIELDS],
        "further": [one for one in found if one["name"] not in FIELDS],
        "links": links,
        "cues": lanes(read.rows("Its cues", CUES, id=id), row["duration_ms"]),
        "lists": read.rows("Playlists that hold it", LISTS, id=id),
        "own_lists": read.rows("Your playlists that hold it", OWN_LISTS, id=id),
        "records": [one | {"position": sides[one["id"]]} for one in records(read, sides)],
        "events": read.rows("Where it was played", EVENTS, id=id),
    }
    if not read.shared:
        page["plays"] = plays(read.rows("Plays by month", PLAYS, id=id))
        page["history"] = history(
            read.rows("Values that changed", CHANGES, key=f"[{id}]"), read.rows("What you decided", DECISIONS, uid=row["track_uid"])
        )
    return page


def records(read: Reader, releases: Iterable[int]) -> list[dict]:
    """Your copies and wishes of some releases: {id, title, label, catalogue_number, format, year, status}."""
    ids = {f"r{place}": id for place, id in enumerate(releases)}
    return read.rows("Records", RECORDS.format(ids=", ".join(f":{name}" for name in ids)), **ids) if ids else []
