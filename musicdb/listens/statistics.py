"""What years of listening say: every answer is one query, over rollups where months are whole and over the plays at their edges.

Times are UTC but in `hours`. Periods: since <= start of the play < until, as "2024", "2024-05", "2024-05-12" or a whole time; None is open.
user: by name, None is everybody. A play that two services told counts once. Artists, albums and tracks are ours where a play is linked, else
named as the service names them. All functions return Rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from . import periods
from .periods import USER
from .sequences import followed, sessions

if TYPE_CHECKING:
    from ..db import Database, Rows

__all__ = ["discoveries", "followed", "forgotten", "genres_by_year", "hours", "owned", "plays_by", "sessions", "skips", "streaks", "top", "top_artists_by"]

# Plays of each service's track: of all time from its totals, else whole months from the rollup, and the rest of the period play by play.
SUMMED = "sum(plays) as plays, sum(ms_played) as ms_played, sum(skips) as skips, min(first_at) as first_at, max(last_at) as last_at"
EDGES = f"""
    select l.platform, l.track_external_id, 1 as plays, coalesce(l.ms_played, 0) as ms_played, coalesce(json_extract(l.context, '$.skipped') = 1, 0) as skips,
      l.listened_at as first_at, l.listened_at as last_at
    from json_each(:edges) as e
    join listens as l on l.listened_at >= json_extract(e.value, '$[0]') and l.listened_at < json_extract(e.value, '$[1]')
    where l.duplicate_of_id is null and {USER.format("l")}"""
MONTHS = f"""
    select r.platform, r.track_external_id, {SUMMED}
    from {{rollup}} where r.month >= :from_month and r.month < :to_month and {USER.format("r")}
    group by r.platform, r.track_external_id"""
ALL_TIME = f"select t.platform, t.track_external_id, {SUMMED} from listen_totals as t where {USER.format('t')} group by t.platform, t.track_external_id"
WIDE = 12  # months from which the rollup is read through in the order of its tracks, so that nothing is sorted
NAMED = """
from played as m
cross join listen_heard as h on h.platform = m.platform and h.track_external_id = m.track_external_id
cross join platform_tracks as p on p.id = h.platform_track_id
left join tracks as t on t.id = h.track_id"""
CREDIT = "coalesce(t.artist_credit, (select group_concat(value, ', ') from json_each(p.artists)))"
SUMS = "sum(m.plays) as plays, round(sum(m.ms_played) / 3600000.0, 1) as hours"
# Artists have a rollup of their own; only the edges of a period ask whose a track is.
ARTISTS = f"""
select nullif(m.artist_id, 0) as artist_id, coalesce(a.name, m.artist) as artist, {SUMS}, min(m.first_at) as first_at, max(m.last_at) as last_at
from (
  select r.artist_id, r.artist, r.plays, r.ms_played, r.first_at, r.last_at
  from listen_artist_rollup as r where r.month >= :from_month and r.month < :to_month and {USER.format("r")}
  union all
  select json_extract(x.value, '$[0]'), case when json_extract(x.value, '$[0]') then '' else json_extract(x.value, '$[1]') end, 1,
    coalesce(l.ms_played, 0), l.listened_at, l.listened_at
  from json_each(:edges) as e
  join listens as l on l.listened_at >= json_extract(e.value, '$[0]') and l.listened_at < json_extract(e.value, '$[1]')
  join listen_heard as h on h.platform = l.platform and h.track_external_id = l.track_external_id
  join json_each(h.artists) as x
  where l.duplicate_of_id is null and {USER.format("l")}
) as m
left join artists as a on a.id = m.artist_id
where coalesce(a.name, m.artist) <> ''
group by m.artist_id, m.artist
"""
TOP = {
    "tracks": f"""
select h.track_id, coalesce(t.title, p.title) as title, {CREDIT} as artist_credit, h.plays, h.hours, h.first_at, h.last_at
from (
  select h.track_id, min(h.platform_track_id) as platform_track_id, {SUMS}, min(m.first_at) as first_at, max(m.last_at) as last_at
  from played as m
  cross join listen_heard as h on h.platform = m.platform and h.track_external_id = m.track_external_id
  group by coalesce(h.track_id, 'p' || h.platform_track_id)
  {{most}}
) as h
cross join platform_tracks as p on p.id = h.platform_track_id
left join tracks as t on t.id = h.track_id
""",
    "artists": ARTISTS,
    "albums": f"""
select t.release_group_id, coalesce(g.title, p.album) as album, coalesce(a.name, json_extract(p.artists, '$[0]')) as artist, {SUMS},
  count(distinct coalesce(h.track_id, 'p' || p.id)) as tracks, min(m.first_at) as first_at, max(m.last_at) as last_at
{NAMED}
left join release_groups as g on g.id = t.release_group_id
left join artists as a on a.id = g.primary_artist_id
where coalesce(g.title, p.album) is not null
group by coalesce(t.release_group_id, p.album || '|' || json_extract(p.artists, '$[0]'))
""",
    "genres": f"""
select g.genre_id, n.name as genre, {SUMS}, count(distinct h.track_id) as tracks, min(m.first_at) as first_at, max(m.last_at) as last_at
{NAMED}
join (select distinct track_id, genre_id from track_genres) as g on g.track_id = h.track_id
join genres as n on n.id = g.genre_id
group by g.genre_id
""",
}


def _played(params: dict[str, Any]) -> str:
    """The common table `played`: what was played in the period of `asked`, to be added up: a row a service's track, and one a play at its edges."""
    first, last = params["from_month"], params["to_month"]
    if params["edges"] == "[]" and first <= "0000" and last >= "9999":
        return f"played as ({ALL_TIME})"
    months = 12 * (int(last[:4]) - int(first[:4])) + int(last[5:7] or 1) - int(first[5:7] or 1) if first else 0
    whole = MONTHS.format(rollup="listen_rollup as r not indexed" if months > WIDE else "listen_rollup as r indexed by ix_lr_month")
    if params["edges"] == "[]":
        return f"played as ({whole})"
    return f"played as ({whole} union all {EDGES})"


def top(db: Database, what: str = "artists", *, since: Any = None, until: Any = None, user: str | None = None, limit: int = 50) -> Rows:
    """Artists, albums, tracks or genres by plays: their id (None where not yours), name, plays, hours, first_at, last_at."""
    if what not in TOP:
        raise BadInput(f"there is no top of {what!r}; there are {', '.join(TOP)}")
    params = periods.asked(db, since, until, user)
    most = TOP[what].replace("{most}", "order by plays desc limit :limit * 2 + 20")  # names of those that may be shown, no more
    sql = f"with {_played(params)}{most}order by plays desc, hours desc, 2 limit :limit"
    return db.q(sql, params | {"limit": limit})


# A period at a time, so that each is sorted by itself and only as far as it is shown; from one to the next without walking over its rows.
BY_PERIOD = f"""
with recursive periods(period) as (
  select substr(min(month), 1, :size) from listen_artist_rollup where month >= :from_month
  union all
  select (select substr(min(r.month), 1, :size) from listen_artist_rollup as r where r.month > p.period || '~') from periods as p where p.period is not null
), ranked as (
  select p.period, (
    select json_group_array(json_array(artist_id, artist, plays, ms_played)) from (
      select r.artist_id, r.artist, sum(r.plays) as plays, sum(r.ms_played) as ms_played
      from listen_artist_rollup as r
      where r.month >= max(p.period, :from_month) and r.month < min(p.period || '~', :to_month) and {USER.format("r")} and (r.artist_id or r.artist <> '')
      group by r.artist_id, r.artist
      order by 3 desc, 4 desc
      limit :limit)) as top
  from periods as p
  where p.period < :to_month
)
select r.period, j.key + 1 as rank, nullif(json_extract(j.value, '$[0]'), 0) as artist_id, coalesce(a.name, json_extract(j.value, '$[1]')) as artist,
  json_extract(j.value, '$[2]') as plays, round(json_extract(j.value, '$[3]') / 3600000.0, 1) as hours
from ranked as r
join json_each(r.top) as j
left join artists as a on a.id = json_extract(j.value, '$[0]')
order by r.period, rank
"""


def top_artists_by(db: Database, per: str = "month", *, since: Any = None, until: Any = None, user: str | None = None, limit: int = 10) -> Rows:
    """The first artists of every month or year: period, rank, artist_id, artist, plays, hours. Of whole months only."""
    size = periods.size(per, ("month", "year"))
    params = periods.asked(db, since, until, user)
    return db.q(BY_PERIOD, params | {"size": size, "limit": limit})


def plays_by(db: Database, per: str = "month", *, since: Any = None, until: Any = None, user: str | None = None) -> Rows:
    """How much was listened in each day, month or year: period, plays, hours. Days are those of the place where it is known."""
    periods.asked(db, since, until, user)
    sql = f"""
    select substr(h.day, 1, {periods.size(per, ("day", "month", "year"))}) as period, sum(h.plays) as plays, round(sum(h.ms_played) / 3600000.0, 1) as hours
    from listen_hours as h
    where h.day >= :since and h.day < :until and {USER.format("h")}
    group by 1 order by 1
    """
    return db.q(sql, periods.days(db, since, until, user))


def streaks(db: Database, *, since: Any = None, until: Any = None, user: str | None = None, limit: int = 20) -> Rows:
    """Days in a row with a play, the longest first: days, first_day, last_day, plays."""
    periods.asked(db, since, until, user)
    sql = f"""
    with days as (
      select h.day, sum(h.plays) as plays from listen_hours as h
      where h.day >= :since and h.day < :until and {USER.format("h")} group by h.day
    ), runs as (
      select day, plays, julianday(day) - row_number() over (order by day) as run from days
    )
    select count(*) as days, min(day) as first_day, max(day) as last_day, sum(plays) as plays
    from runs group by run order by days desc, last_day desc limit :limit
    """
    return db.q(sql, periods.days(db, since, until, user) | {"limit": limit})


def hours(db: Database, *, since: Any = None, until: Any = None, user: str | None = None, utc_offset: int = 0) -> Rows:
    """Plays by day of the week (0 = Monday) and hour: weekday, hour, plays, hours. utc_offset: minutes, for plays whose place is not known."""
    periods.asked(db, since, until, user)
    moved = "datetime(h.day || ' ' || printf('%02d', h.hour) || ':00', :offset || ' minutes')"
    as_it_is = "h.is_local or :offset = 0"
    sql = f"""
    select (cast(strftime('%w', iif({as_it_is}, h.day, {moved})) as int) + 6) % 7 as weekday, iif({as_it_is}, h.hour, cast(strftime('%H', {moved}) as int)) as hour,
      sum(h.plays) as plays, round(sum(h.ms_played) / 3600000.0, 1) as hours
    from listen_hours as h
    where h.day >= :since and h.day < :until and {USER.format("h")}
    group by 1, 2 order by 1, 2
    """
    return db.q(sql, periods.days(db, since, until, user) | {"offset": utc_offset})


def discoveries(db: Database, what: str = "artists", *, since: Any = None, until: Any = None, user: str | None = None, limit: int = 50) -> Rows:
    """Artists, albums, tracks or genres that were heard for the first time in the period; those played most since come first."""
    if what not in TOP:
        raise BadInput(f"there are no discoveries of {what!r}; there are {', '.join(TOP)}")
    params = periods.asked(db, None, None, user)
    low, high = periods.bounds(since, until)
    sql = f"with {_played(params)}, found as ({TOP[what].replace('{most}', '')}) select * from found where first_at >= :low and first_at < :high"
    return db.q(f"{sql} order by plays desc, 2 limit :limit", params | {"low": low, "high": high, "limit": limit})


def forgotten(db: Database, what: str = "tracks", *, days: int = 365, least: int = 10, user: str | None = None, limit: int = 50) -> Rows:
    """Favourites (played `least` times) that were not played for `days` days before the newest play."""
    if what not in TOP:
        raise BadInput(f"no {what!r} are forgotten; there are {', '.join(TOP)}")
    params = periods.asked(db, None, None, user)
    sql = f"""
    with {_played(params)}, found as ({TOP[what].replace('{most}', '')})
    select * from found
    where plays >= :least and last_at < (select strftime('%Y-%m-%dT%H:%M:%SZ', max(last_at), '-' || :days || ' days') from played)
    order by plays desc, 2 limit :limit
    """
    return db.q(sql, params | {"days": days, "least": least, "limit": limit})


def skips(db: Database, *, since: Any = None, until: Any = None, user: str | None = None, least: int = 5, limit: int = 50) -> Rows:
    """Tracks that are skipped most, of those played at least so often: track_id, title, artist_credit, plays, skips, percent."""
    params = periods.asked(db, since, until, user)
    sql = f"""
    with {_played(params)}
    select h.track_id, coalesce(t.title, p.title) as title, {CREDIT} as artist_credit, sum(m.plays) as plays, sum(m.skips) as skips,
      round(100.0 * sum(m.skips) / sum(m.plays), 1) as percent
    {NAMED}
    group by coalesce(h.track_id, 'p' || p.id) having plays >= :least and skips > 0
    order by percent desc, plays desc, title limit :limit
    """
    return db.q(sql, params | {"least": least, "limit": limit})


def genres_by_year(db: Database, *, user: str | None = None, limit: int = 10) -> Rows:
    """Plays of the most played genres in each year: year, genre_id, genre, plays. A play counts for every genre of its track."""
    params = periods.asked(db, None, None, user)
    sql = f"""
    with counted as (
      select substr(r.month, 1, 4) as year, g.genre_id, sum(r.plays) as plays
      from platform_tracks as p
      join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
      join (select distinct track_id, genre_id from track_genres) as g on g.track_id = k.track_id
      cross join listen_rollup as r on r.platform = p.platform and r.track_external_id = p.external_id
      where {USER.format("r")}
      group by 1, 2
    ), most as (select genre_id from counted group by genre_id order by sum(plays) desc limit :limit)
    select c.year, c.genre_id, n.name as genre, c.plays
    from counted as c join genres as n on n.id = c.genre_id
    where c.genre_id in (select genre_id from most) order by c.year, c.plays desc
    """
    return db.q(sql, params | {"limit": limit})


def owned(db: Database, *, since: Any = None, until: Any = None, user: str | None = None) -> Rows:
    """Listening against owning: state (file, record, stream, in the library, not owned), tracks, plays, hours, percent of the plays."""
    params = periods.asked(db, since, until, user)
    sql = f"""
    with {_played(params)}, states as (
      select coalesce(h.track_id, 'p' || p.id) as what, sum(m.plays) as plays, sum(m.ms_played) as ms_played,
        case when h.track_id is null then 'not owned' when o.has_file then 'file' when o.on_record then 'record'
          when o.on_spotify or o.on_tidal then 'stream' else 'in the library' end as state
      {NAMED}
      left join owned_everywhere as o on o.track_id = h.track_id
      group by 1
    )
    select state, count(*) as tracks, sum(plays) as plays, round(sum(ms_played) / 3600000.0, 1) as hours,
      round(100.0 * sum(plays) / sum(sum(plays)) over (), 1) as percent
    from states group by state order by plays desc
    """
    return db.q(sql, params)
