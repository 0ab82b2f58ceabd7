"""Rollups of the diary: plays by track and month, and by hour. Derived; what they lack or hold no longer is counted from the plays.

The views `listening_by_month` and `listening_by_hour` are right at any time, whoever wrote to the diary and how; `refresh` makes them quick.
Merges and links touch nothing here: a rollup knows a service's track, not ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..db import Database

MANY = 24  # months; of more, all are made in one pass over the diary
# Whatever says which track or artist a play was has an operation or a change; a hand edit of what is derived takes its track out of
# `resolved`; the newest track tells one library from another.
LIBRARY = """
json_array((select max(id) from operations), (select max(id) from changes), (select count(*) from resolved),
  (select track_uid from track_ids order by id desc limit 1))
"""
BEHIND = f"""
select exists (select 1 from listen_stale)
  or coalesce((select max(id) from listens), 0) > coalesce((select max(last_id) from listen_counted), 0)
  or {LIBRARY} is not (select library from listen_counted)
"""
DUE = """
select user_id, month from listen_stale
union
select distinct user_id, substr(listened_at, 1, 7) from listens where id > (select coalesce(max(last_id), 0) from listen_counted)
"""
BY_MONTH = """
insert into listen_rollup (platform, track_external_id, month, user_id, plays, ms_played, skips, first_at, last_at)
select l.platform, l.track_external_id, substr(l.listened_at, 1, 7) as month, l.user_id, count(*), coalesce(sum(l.ms_played), 0),
  count(case when json_extract(l.context, '$.skipped') = 1 then 1 end), min(l.listened_at), max(l.listened_at)
from {plays}
where l.duplicate_of_id is null
group by 1, 2, 3, 4
"""
TOTALS = """
insert into listen_totals (platform, track_external_id, user_id, plays, ms_played, skips, first_at, last_at)
select r.platform, r.track_external_id, r.user_id, sum(r.plays), sum(r.ms_played), sum(r.skips), min(r.first_at), max(r.last_at)
from listen_rollup as r {where}
group by 1, 2, 3
"""
PLAYED = """
insert or ignore into temp.played_now
select r.platform, r.track_external_id, r.user_id
from json_each(?) as j
cross join listen_rollup as r on r.user_id = json_extract(j.value, '$[0]') and r.month = json_extract(j.value, '$[1]')
"""
BY_HOUR = """
insert into listen_hours (user_id, month, day, hour, is_local, plays, ms_played)
select l.user_id, substr(l.listened_at, 1, 7), case when l.utc_offset_min is null then substr(l.listened_at, 1, 10)
    else date(l.listened_at, l.utc_offset_min || ' minutes') end,
  cast(case when l.utc_offset_min is null then substr(l.listened_at, 12, 2)
    else strftime('%H', l.listened_at, l.utc_offset_min || ' minutes') end as int),
  l.utc_offset_min is not null, count(*), coalesce(sum(l.ms_played), 0)
from {plays}
where l.duplicate_of_id is null
group by 1, 2, 3, 4, 5
"""
OF_MONTHS = """json_each(?) as j
cross join listens as l on l.user_id = json_extract(j.value, '$[0]') and l.listened_at >= json_extract(j.value, '$[1]')
  and l.listened_at < json_extract(j.value, '$[1]') || '~'"""
FORGET = "delete from {} where (user_id, month) in (select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?))"
HEARD = """
insert into {into} (platform, track_external_id, platform_track_id, track_id, artists)
select p.platform, p.external_id, p.id, k.track_id, coalesce(
  (select json_group_array(json_array(c.artist_id, '')) from (
    select distinct artist_id from track_artists where track_id = k.track_id and role = 'primary' order by artist_id) as c having count(*)),
  json_array(json_array(coalesce(
    (select min(x.id) from artists as x where x.name = json_extract(p.artists, '$[0]') and x.deleted_at is null and x.merged_into_id is null), 0),
    coalesce(json_extract(p.artists, '$[0]'), ''))))
from (select distinct platform, track_external_id from listen_rollup) as h
cross join platform_tracks as p on p.platform = h.platform and p.external_id = h.track_external_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
where {where}
"""
DIFFERENT = """
select n.platform, n.track_external_id from temp.heard_now as n
left join listen_heard as h using (platform, track_external_id)
where h.platform is null or h.track_id is not n.track_id or h.artists <> n.artists or h.platform_track_id <> n.platform_track_id
union select h.platform, h.track_external_id from listen_heard as h
left join temp.heard_now as n using (platform, track_external_id) where n.platform is null
"""
BY_ARTIST = """
insert into listen_artist_rollup (month, user_id, artist_id, artist, plays, ms_played, first_at, last_at)
select r.month, r.user_id, json_extract(a.value, '$[0]'), case when json_extract(a.value, '$[0]') then '' else json_extract(a.value, '$[1]') end,
  sum(r.plays), sum(r.ms_played), min(r.first_at), max(r.last_at)
from {rollup}
cross join listen_heard as h on h.platform = r.platform and h.track_external_id = r.track_external_id
cross join json_each(h.artists) as a
group by 1, 2, 3, 4
"""
ROLLUP_OF_MONTHS = """json_each(?) as j
cross join listen_rollup as r on r.user_id = json_extract(j.value, '$[0]') and r.month = json_extract(j.value, '$[1]')"""
COUNTED = f"""
insert into listen_counted (one, last_id, library) select 1, coalesce(max(id), 0), {LIBRARY} from listens
where true on conflict (one) do update set last_id = excluded.last_id, library = excluded.library
"""


def refresh(db: Database, *, all: bool = False) -> int:
    """Make the rollups of all months that changed again; returns how many. all=True: of every month."""
    if not all and not db.value(BEHIND):
        return 0
    with db.atomic():
        months = [] if all else [list(row) for row in db.execute(DUE)]
        whole = all or len(months) > MANY
        if whole or months:
            _count(db, months, whole)
        again = {tuple(month) for month in months} | _heard(db)
        whole = whole or len(again) > MANY
        if whole:
            db.execute("delete from listen_artist_rollup")
            db.execute(BY_ARTIST.format(rollup="listen_rollup as r"))
        elif again:
            chosen = [msgspec.json.encode(sorted(again)).decode()]
            db.execute(FORGET.format("listen_artist_rollup"), chosen)
            db.execute(BY_ARTIST.format(rollup=ROLLUP_OF_MONTHS), chosen)
        db.execute("delete from listen_stale")
        db.execute(COUNTED)
    return db.value("select count(*) from (select distinct user_id, month from listen_hours)") if whole else len(again)


def _count(db: Database, months: list, whole: bool) -> None:
    """Plays by track and month, in all, and by hour."""
    chosen = [] if whole else [msgspec.json.encode(months).decode()]
    if not whole:  # what was played in these months, before and after
        db.execute("create temp table if not exists played_now (platform, track_external_id, user_id, primary key (platform, track_external_id, user_id))")
        db.execute("delete from temp.played_now")
        db.execute(PLAYED, chosen)
    for table in ("listen_rollup", "listen_hours"):
        db.execute(f"delete from {table}" if whole else FORGET.format(table), chosen)
    for sql in (BY_MONTH, BY_HOUR):
        db.execute(sql.format(plays="listens as l" if whole else OF_MONTHS), chosen)
    if whole:
        db.execute("delete from listen_totals")
        db.execute(TOTALS.format(where=""))
    else:
        db.execute(PLAYED, chosen)
        where = "where (platform, track_external_id, user_id) in (select platform, track_external_id, user_id from temp.played_now)"
        db.execute(f"delete from listen_totals {where}")
        db.execute(TOTALS.format(where=where))
        db.execute("delete from temp.played_now")


def _heard(db: Database) -> set[tuple[int, str]]:
    """Tell again what was heard; returns the months of which that changes the artists: (user, month)."""
    db.execute("create temp table if not exists heard_now as select * from listen_heard where 0")
    db.execute("delete from temp.heard_now")
    db.execute(HEARD.format(into="temp.heard_now", where="true"))
    different = [list(row) for row in db.execute(DIFFERENT)]
    if not different:
        return set()
    chosen = [msgspec.json.encode(different).decode()]
    of = "(platform, track_external_id) in (select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?))"
    months = set(db.execute(f"select distinct user_id, month from listen_rollup where {of}", chosen))
    db.execute(f"delete from listen_heard where {of}", chosen)
    db.execute(f"insert into listen_heard select * from temp.heard_now where {of}", chosen)
    db.execute("delete from temp.heard_now")
    return months
