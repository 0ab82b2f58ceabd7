"""What the home page and the page of a track show. SQL on top, one function a page: a Reader in, plain data out."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from . import cells
from .reading import Reader

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
  json_extract(o.details, '$.new') as new, json_extract(o.details, '$.changed') as changed
from operations as o
where o.parent_id is null
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
where i.track_id = :id and i.deleted_at is null and l.deleted_at is null
group by l.id
order by l.name
limit 60
"""

RECORDS = """
select r.platform_release_id as id, c.title, c.catalogue_number, c.status, r.position
from record_sides as r
join copies as c on c.platform_release_id = r.platform_release_id and c.removed_at is null
where r.platform_track_id in (select platform_track_id from track_links where track_id = :id and status in ('auto', 'confirmed'))
  and c.status in ('owned', 'wanted', 'for_sale')
group by r.platform_release_id
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

# The fields of a track in the order people look for them; others follow by name, behind a fold.
FIELDS = """title version artists album year release_date genres bpm musical_key rating duration_ms
label catalogue_number isrc comment""".split()
PRIVATE = {"path", "play_count", "last_played_at", "comment", "added_at", "location", "folder"}  # not for strangers
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
PADS = "ABCDEFGHIJKLMNOP"


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
    page["operations"] = read.rows("What was done last", IMPORTS)
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
        "records": read.rows("Records it is on", RECORDS, id=id),
        "events": read.rows("Where it was played", EVENTS, id=id),
    }
    if not read.shared:
        page["plays"] = plays(read.rows("Plays by month", PLAYS, id=id))
        page["history"] = history(
            read.rows("Values that changed", CHANGES, key=f"[{id}]"), read.rows("What you decided", DECISIONS, uid=row["track_uid"])
        )
    return page


def plays(months: list[dict]) -> dict:
    """{n, first, last, top, months: [(month, n)]} with every month between the first and the last; n 0 without plays."""
    if not months:
        return {"n": 0, "first": None, "last": None, "top": 0, "months": []}
    count = {one["month"]: one["n"] for one in months}
    (year, month), (to_year, to_month) = (map(int, months[place]["month"].split("-")) for place in (0, -1))
    names = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(year * 12 + month - 1, to_year * 12 + to_month)]
    filled = [(name, count.get(name, 0)) for name in names]
    return {"n": sum(count.values()), "first": months[0]["first"], "last": months[-1]["last"], "top": max(count.values()), "months": filled}


def lanes(cues: list[dict], duration_ms: int | None) -> list[dict]:
    """Cues as drawn: one lane an observation, places in 0-1000 of its length, colours only where they are colours."""
    out: dict[int, dict] = {}
    for cue in cues:
        if not isinstance(cue["start_ms"], int | float):
            continue
        lane = out.setdefault(cue["platform_track_id"], {"platform": cue["platform"], "cues": []})
        lane["cues"].append(cue)
    for lane in out.values():
        ends = [cue["start_ms"] + (cue["length_ms"] or 0) for cue in lane["cues"]]
        whole = max([duration_ms or 0, *ends]) or 1
        lane["length_ms"] = whole
        for cue in lane["cues"]:
            pad = cue["num"] if isinstance(cue["num"], int) and 0 <= cue["num"] < len(PADS) else None
            cue["x"], cue["width"] = round(1000 * cue["start_ms"] / whole, 1), round(1000 * (cue["length_ms"] or 0) / whole, 1)
            cue["color"] = cue["color"] if isinstance(cue["color"], str) and COLOR.fullmatch(cue["color"]) else None
            cue["pad"] = PADS[pad] if pad is not None else None
    return [lane for lane in out.values() if lane["cues"]]


def history(changes: list[dict], decisions: list[dict]) -> list[dict]:
    """What happened to a track, newest first: {at, actor, what, old, new, operation_id}."""
    said = {"insert": "made", "delete": "removed", "rekey": "renumbered", "batch": "many at once"}
    out = [
        {"at": c["at"], "actor": c["actor"], "what": c["field"] if c["op"] == "cell" else said.get(c["op"], c["op"]),
         "old": c["old"], "new": c["new"], "operation_id": c["operation_id"], "decided": False}
        for c in changes if c["field"] not in ("updated_at", "sources")
    ]  # fmt: skip
    for d in decisions:
        value = cells.parsed(d["value"]) if d["value"] is not None else None
        if d["value"] is None:
            value = f"follow {cells.PLATFORMS.get(d['platform'], d['platform'])}" if d["platform"] else "let trust decide"
        elif isinstance(value, dict | list):
            value = msgspec.json.encode(value).decode()
        out.append({"at": d["at"], "actor": d["actor"], "what": d["field"], "old": None, "new": value, "operation_id": d["operation_id"],
                    "decided": True, "note": d["note"]})  # fmt: skip
    return sorted(out, key=lambda one: one["at"] or "", reverse=True)[:40]


def united(rows: list[dict]) -> dict:
    """{field: value} of rows of UNITED."""
    return {row["field"]: row["value"] for row in rows}


def fields(row: dict, claims: list[dict], decided: Collection[str] = ()) -> list[dict]:
    """[{name, value, whose, decided, agree: [platform], others: [(platform, value)], by: {platform: [{value, same}]}}]: whose each value is, and who says something else.

    row: the track, with what `united` adds; decided: fields of which a person decided something. Genres and styles are one field; artists are as credited. What is no field of a track has no
    value here, only what the platforms say.
    """
    sources = cells.parsed(row.get("sources") or "{}") or {}
    row = row | {"artists": row.get("artist_credit")}
    decided = {"artists" if name == "artist_credit" else name for name in decided}
    said: dict[str, list[tuple[str, object]]] = {}
    for claim in claims:
        value = claim["value"]
        if claim["type"] in ("array", "object"):
            value = cells.parsed(value)
            parts = value if isinstance(value, list) else [f"{k} {v}" for k, v in (value or {}).items()]
            value = ", ".join(map(str, parts))
        pair = claim["platform"], value
        if pair not in said.setdefault("genres" if claim["field"] == "styles" else claim["field"], []):
            said["genres" if claim["field"] == "styles" else claim["field"]].append(pair)
    names = [name for name in FIELDS if name in said or row.get(name) is not None] + sorted(said.keys() - set(FIELDS))
    out = []
    for name in names:
        value, whose = row.get(name), sources.get(name)
        whose = whose if isinstance(whose, str) else None
        pairs = said.get(name, [])
        agree = sorted({platform for platform, v in pairs if same(name, v, value) and platform != whose})
        others = [(platform, v) for platform, v in pairs if not same(name, v, value)]
        by: dict[str, list] = {}
        for platform, v in pairs:
            by.setdefault(platform, []).append({"value": v, "same": value is None or same(name, v, value)})
        out.append({"name": name, "value": value, "whose": whose, "decided": name in decided or whose == "user", "agree": agree, "others": others, "by": by})
    return out


def same(name: str, a, b) -> bool:
    """Whether two values look the same on a page: 118.27 and 118.3 bpm, or times within a second, are no disagreement to look at. What is
    united of all platforms holds the names of each.
    """
    if isinstance(a, int | float) and isinstance(b, int | float):
        if name == "bpm":
            return round(a, 1) == round(b, 1)
        if name.endswith("_ms"):
            return cells.clock(a) == cells.clock(b)
    if name in ("genres", "label", "artists", "isrc") and isinstance(a, str) and isinstance(b, str):
        mine, theirs = ({part.strip().casefold() for part in re.split(r", | & | feat\. ", text)} for text in (a, b))
        return mine == theirs if name == "artists" else mine <= theirs
    return a == b


def signs(evidence: str | None) -> list[str]:
    """The sentences of a link's evidence, whatever its shape."""
    content = cells.parsed(evidence or "")
    if isinstance(content, dict):
        content = [value if isinstance(value, dict | str) else f"{name}: {value}" for name, value in content.items()]
    if not isinstance(content, list):
        return []
    return [str(one.get("sentence") or one.get("sign") or one) if isinstance(one, dict) else str(one) for one in content]
