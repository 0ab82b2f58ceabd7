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
BEHIND = """
select exists (select 1 from listen_stale)
  or coalesce((select max(id) from listens), 0) > coalesce((select max(last_id) from listen_counted), 0)
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
COUNTED = """
insert into listen_counted (one, last_id) select 1, coalesce(max(id), 0) from listens
where true on conflict (one) do update set last_id = excluded.last_id
"""


def refresh(db: Database, *, all: bool = False) -> int:
    """Make the rollups of all months that changed again; returns how many. all=True: of every month."""
    if not all and not db.value(BEHIND):
        return 0
    with db.atomic():
        months = [] if all else [list(row) for row in db.execute(DUE)]
        if all or len(months) > MANY:
            for table in ("listen_rollup", "listen_hours"):
                db.execute(f"delete from {table}")
            db.execute(BY_MONTH.format(plays="listens as l"))
            db.execute(BY_HOUR.format(plays="listens as l"))
        else:
            chosen = [msgspec.json.encode(months).decode()]
            for table in ("listen_rollup", "listen_hours"):
                db.execute(FORGET.format(table), chosen)
            db.execute(BY_MONTH.format(plays=OF_MONTHS), chosen)
            db.execute(BY_HOUR.format(plays=OF_MONTHS), chosen)
        db.execute("delete from listen_stale")
        db.execute(COUNTED)
    return len(months) or db.value("select count(*) from (select distinct user_id, month from listen_hours)")
