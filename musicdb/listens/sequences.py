"""What was played one after the other: sessions, and what followed what. Part of `statistics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import periods, rollups
from .periods import USER

if TYPE_CHECKING:
    from ..db import Database, Rows

# Where a play begins more than `gap` minutes after the one before ended (or began, where its length is not known), a session begins.
SPAN = f"l.duplicate_of_id is null and l.listened_at >= :since and l.listened_at < :until and {USER.format('l')} and (:platform is null or l.platform = :platform)"
ENDED = "unixepoch(l.listened_at) + coalesce(l.ms_played, 0) / 1000"
SESSIONS = f"""
with plays as (
  select l.user_id, l.listened_at, unixepoch(l.listened_at) as at, {ENDED} as ends, lag({ENDED}) over w as ended, row_number() over w as n,
    lag(l.listened_at) over w as before_at
  from listens as l where {SPAN}
  window w as (partition by l.user_id order by l.listened_at, l.id)
), begins as (
  select user_id, listened_at as first_at, at, n, before_at, ended from plays where ended is null or at - ended > :gap * 60
), newest as (
  select user_id, count(*) as n, max(listened_at) as last_at, max(ends) as ended from plays group by user_id
)
select b.user_id, b.first_at, coalesce(lead(b.before_at) over w, e.last_at) as last_at, coalesce(lead(b.n) over w, e.n + 1) - b.n as plays,
  (coalesce(lead(b.ended) over w, e.ended) - b.at) / 60 as minutes
from begins as b join newest as e on e.user_id = b.user_id
window w as (partition by b.user_id order by b.n)
order by first_at desc limit :limit
"""
BACK = 4_000  # plays that are looked at first; the newest sessions are among the newest plays
BACK_TO = f"select l.listened_at from listens as l where {SPAN} order by l.listened_at desc limit 1 offset :back"


def sessions(db: Database, *, since: Any = None, until: Any = None, user: str | None = None, platform: str | None = None, gap_min: int = 30,
             limit: int = 100) -> Rows:  # fmt: skip
    """Times of listening without a longer pause, the newest first: user_id, first_at, last_at, plays, minutes. platform="rekordbox": sets."""
    params = periods.plays(db, since, until, user, platform) | {"gap": gap_min, "limit": limit}
    back = max(BACK, 40 * limit)
    while (start := db.value(BACK_TO, params | {"back": back})) is not None:
        rows = db.q(SESSIONS, params | {"since": start, "limit": limit + 1 + _people(db)})
        if len(rows) > limit + _people(db):  # the oldest of each person may have begun before
            del rows[limit:]
            return rows
        back *= 8
    return db.q(SESSIONS, params)


def _people(db: Database) -> int:
    return db.value("select count(*) from users")


# Songs as numbers: a track of ours, or (below 0) what a service has. Named are only the pairs that are shown.
SONG = "coalesce(h.track_id, -h.platform_track_id)"
PAIRS = f"""
plays as (
  select {SONG} as song, unixepoch(l.listened_at) as at, lag({ENDED}) over w as ended, lag({SONG}) over w as before
  from listens as l
  cross join listen_heard as h on h.platform = l.platform and h.track_external_id = l.track_external_id
  where {SPAN}
  window w as (partition by l.user_id order by l.listened_at, l.id)
), pairs as (
  select before, song, count(*) as times from plays where at - ended <= :gap * 60 and before <> song group by before, song having times >= :least
)"""
# What came after each play of one track.
AFTER = f"""
mine as (
  select l.id, l.user_id, l.listened_at, {ENDED} as ended
  from listen_heard as h
  cross join listens as l indexed by ix_l_track on l.platform = h.platform and l.track_external_id = h.track_external_id
  where h.track_id = :track and {SPAN}
), pairs as (
  select :track as before, {SONG} as song, count(*) as times
  from mine as m
  cross join listens as n on n.id = (
    select l.id from listens as l
    where l.user_id = m.user_id and (l.listened_at, l.id) > (m.listened_at, m.id) and {SPAN} order by l.listened_at, l.id limit 1)
  join listen_heard as h on h.platform = n.platform and h.track_external_id = n.track_external_id
  where unixepoch(n.listened_at) - m.ended <= :gap * 60 and {SONG} <> :track
  group by song having times >= :least
)"""


def followed(db: Database, track: int | None = None, *, since: Any = None, until: Any = None, user: str | None = None,
             platform: str | None = None, gap_min: int = 30, least: int = 2, limit: int = 50) -> Rows:  # fmt: skip
    """What followed what, most often first: track_id, title, then_track_id, then_title, times. platform="rekordbox": as it was mixed.

    track: only what followed this one.
    """
    params = periods.plays(db, since, until, user, platform) | {"gap": gap_min, "track": track, "least": least, "limit": limit}
    rollups.refresh(db)
    credit = "coalesce({0}t.artist_credit, (select group_concat(value, ', ') from json_each({0}p.artists)))"
    sql = f"""
    with {PAIRS if track is None else AFTER}, most as (select * from pairs order by times desc limit :limit * 4)
    select ft.id as track_id, coalesce(ft.title, fp.title) as title, {credit.format("f")} as artist_credit,
      nt.id as then_track_id, coalesce(nt.title, np.title) as then_title, {credit.format("n")} as then_artist_credit, c.times
    from most as c
    left join tracks as ft on ft.id = c.before left join platform_tracks as fp on fp.id = -c.before
    left join tracks as nt on nt.id = c.song left join platform_tracks as np on np.id = -c.song
    order by times desc, title, then_title limit :limit
    """
    return db.q(sql, params)
