"""Numbers and likes over time: what each service counts of a track, kept whenever it says something new.

An import keeps the newest payload only; `collect`, after each, writes down what changed since: popularity, play counts and ratings as a time
series, likes as they are. When each like was given and taken back is in the places of the services' lists, which never go: `likes`. What is
unchanged is not written again; nothing is ever taken out of the series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database, Rows

METRICS = ("popularity", "play_count", "rating", "skip_count", "energy")
# Of several observations of one service the greatest number counts: a track that was released twice.
NUMBERS = """
insert into track_metrics (track_id, platform, metric, collected_at, value)
with now as (
  select k.track_id, p.platform, m.key as metric, max(coalesce(p.fetched_at, p.first_seen_at)) as collected_at, max(m.value) as value
  from platform_tracks as p
  join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
  join tracks as t on t.id = k.track_id
  join json_each(p.said) as m on m.key in (select value from json_each(:metrics)) and m.type in ('integer', 'real')
  where p.missing_since is null
  group by k.track_id, p.platform, m.key
)
select n.track_id, n.platform, n.metric, n.collected_at, n.value
from now as n
where n.collected_at is not null and n.value is not (
  select t.value from track_metrics as t
  where t.track_id = n.track_id and t.platform = n.platform and t.metric = n.metric order by t.collected_at desc limit 1)
on conflict do update set value = excluded.value where value is not excluded.value
"""
# As it is now: still liked somewhere in the service, since the beginning of the newest stretch.
LIKES = """
insert into track_likes (track_id, platform, is_liked, liked_at, last_synced_at)
with now as (
  select track_id, platform, max(unliked_at is null) as is_liked, max(case when unliked_at is null then liked_at end) as since,
    max(liked_at) as last_at, max(last_synced_at) as last_synced_at
  from likes_over_time where platform <> 'user' group by track_id, platform
)
select track_id, platform, is_liked, coalesce(since, last_at), last_synced_at from now where true
on conflict (track_id, platform) do update set is_liked = excluded.is_liked, liked_at = coalesce(excluded.liked_at, liked_at),
  last_synced_at = excluded.last_synced_at
where is_liked is not excluded.is_liked or liked_at is not coalesce(excluded.liked_at, liked_at)
"""
STRETCHES = """
select track_id, title, artist_credit, platform, account, liked_at, unliked_at, unliked_by from likes_over_time
where (:track is null or track_id = :track) and (:platform is null or platform = :platform)
order by coalesce(unliked_at, liked_at) desc, liked_at desc, track_id limit :limit
"""
BY_PERIOD = """
with events as (
  select platform, substr(liked_at, 1, :size) as period, 1 as liked, 0 as unliked from likes_over_time
  union all
  select platform, substr(unliked_at, 1, :size), 0, 1 from likes_over_time where unliked_at is not null and unliked_by is not 'relinked'
)
select period, platform, sum(liked) as liked, sum(unliked) as unliked,
  sum(sum(liked) - sum(unliked)) over (partition by platform order by period) as total
from events where period is not null group by period, platform order by period, platform
"""
SERIES = """
select track_id, title, artist_credit, platform, metric, collected_at, value, change from metrics_over_time
where (:track is null or track_id = :track) and (:metric is null or metric = :metric) and (:platform is null or platform = :platform)
order by collected_at desc, track_id, platform, metric limit :limit
"""


def likes(db: Database, track: int | None = None, *, platform: str | None = None, limit: int | None = None) -> Rows:
    """Return every stretch of time in which a track was liked, the latest first: track_id, title, artist_credit, platform, account, liked_at,
    unliked_at (None = still), unliked_by (you, service, relinked, list).
    """
    return db.q(STRETCHES, {"track": track, "platform": platform, "limit": -1 if limit is None else limit})


def likes_by(db: Database, per: str = "month") -> Rows:
    """Return likes given and taken back in each day, month or year, by service: period, platform, liked, unliked, total (at its end)."""
    sizes = {"day": 10, "month": 7, "year": 4}
    if per not in sizes:
        raise BadInput(f"{per!r} is no period here; there are {', '.join(sizes)}")
    return db.q(BY_PERIOD, {"size": sizes[per]})


def numbers(db: Database, track: int | None = None, *, metric: str | None = None, platform: str | None = None, limit: int | None = None) -> Rows:
    """Return numbers of METRICS over time, the newest first: track_id, title, artist_credit, platform, metric, collected_at, value, change."""
    if metric is not None and metric not in METRICS:
        raise BadInput(f"there is no number {metric!r}; there are {', '.join(METRICS)}")
    return db.q(SERIES, {"track": track, "metric": metric, "platform": platform, "limit": -1 if limit is None else limit})


def collect(db: Database) -> dict[str, int]:
    """Write down new numbers and likes of linked tracks; returns {"metrics", "likes"}: how many rows are new or different."""
    import msgspec

    with db.atomic():
        metrics = db.execute(NUMBERS, {"metrics": msgspec.json.encode(METRICS).decode()}).rowcount
        likes = db.execute(LIKES).rowcount
    return {"metrics": metrics, "likes": likes}
