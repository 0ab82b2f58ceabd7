"""Numbers and likes over time: what each service counts of a track, kept whenever it says something new.

An import keeps the newest payload only; `collect`, after linking, writes down what changed since: popularity, play counts and ratings as a
time series, likes with the day they were given. What is unchanged is not written again; nothing is ever taken out of the series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..db import Database

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
LIKES = """
insert into track_likes (track_id, platform, is_liked, liked_at, last_synced_at)
with now as (
  select k.track_id, l.platform, max(i.removed_at is null and l.missing_since is null) as is_liked, min(i.added_at) as liked_at,
    max(coalesce(l.fetched_at, i.first_seen_at)) as last_synced_at
  from platform_playlists as l
  join platform_playlist_items as i on i.platform_playlist_id = l.id
  join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
  join tracks as t on t.id = k.track_id
  where l.kind = 'liked'
  group by k.track_id, l.platform
)
select track_id, platform, is_liked, liked_at, last_synced_at from now where true
on conflict (track_id, platform) do update set is_liked = excluded.is_liked, liked_at = coalesce(excluded.liked_at, liked_at),
  last_synced_at = excluded.last_synced_at
where is_liked is not excluded.is_liked or liked_at is not coalesce(excluded.liked_at, liked_at)
"""


def collect(db: Database) -> dict[str, int]:
    """Write down new numbers and likes of linked tracks; returns {"metrics", "likes"}: how many rows are new or different."""
    import msgspec

    with db.atomic():
        metrics = db.execute(NUMBERS, {"metrics": msgspec.json.encode(METRICS).decode()}).rowcount
        likes = db.execute(LIKES).rowcount
    return {"metrics": metrics, "likes": likes}
