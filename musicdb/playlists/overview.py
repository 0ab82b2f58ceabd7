"""Where your playlists stand: what is in them, where else they are, what changed, what has no file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from . import finding, planning, snapshots

if TYPE_CHECKING:
    from ..db import Database, Rows

FILES = """
select distinct k.track_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id and p.missing_since is null
join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
"""
LISTS = f"""
with files as materialized ({FILES}),
items as materialized (
  select i.playlist_id, count(*) as tracks, count(f.track_id) as files
  from playlist_items as i left join tracks as t on t.id = i.track_id left join files as f on f.track_id = coalesce(t.merged_into_id, i.track_id)
  where i.deleted_at is null group by i.playlist_id
)
select p.id, p.name, p.kind, coalesce(i.tracks, 0) as tracks, coalesce(i.files, 0) as files, coalesce(i.tracks, 0) - coalesce(i.files, 0) as missing,
  (select group_concat(l.platform || ' (' || l.direction || ')', ', ') from playlist_links as l where l.playlist_id = p.id and l.enabled = 1) as linked,
  (select max(l.last_synced_at) from playlist_links as l where l.playlist_id = p.id) as last_synced
from playlists as p left join items as i on i.playlist_id = p.id
where p.deleted_at is null and p.kind <> 'folder'
order by p.name collate nocase
"""
TRACKS = """
select count(distinct coalesce(t.merged_into_id, t.id)) from playlists as p
join playlist_items as i on i.playlist_id = p.id and i.deleted_at is null join tracks as t on t.id = i.track_id
where p.deleted_at is null
"""
PLATFORMS = """
with lists as materialized (
  select p.platform, p.kind, p.id, exists (select 1 from playlist_links as l where l.platform_playlist_id = p.id) as linked
  from platform_playlists as p where p.missing_since is null and p.kind <> 'folder'
)
select l.platform, count(*) as playlists, sum(l.linked) as linked,
  (select count(*) from platform_playlist_items as i where i.removed_at is null and i.platform_playlist_id in (select id from lists where platform = l.platform)) as items,
  (select max(s.created_at) from snapshots as s where s.platform = l.platform and s.scope <> 'base') as last_seen
from lists as l group by l.platform
order by (select priority from platforms where name = l.platform)
"""


def status(db: Database) -> dict[str, Any]:
    """{"playlists", "tracks", "lists": rows, "platforms": rows, "plans": rows that wait}."""
    from . import reviewing

    lists = db.q(LISTS)
    return {
        "playlists": len(lists), "tracks": db.value(TRACKS), "lists": lists,
        "platforms": db.q(PLATFORMS), "plans": [plan for plan in reviewing.plans(db) if plan.status in ("proposed", "running", "failed")],
    }  # fmt: skip


def check(db: Database, **options: Any) -> dict[str, Any]:
    """What changed since the last sync, list by list, and what to do; nothing is written. Options are those of `plan`."""
    made = planning.plan(db, dry_run=True, **options)
    changes: Counter = Counter()
    waiting: Counter = Counter()
    new = []
    for op in made.operations:
        where = op.list.name if op.list else ""
        if op.action in ("create", "folder", "link"):
            new.append({"playlist": where, "action": op.action, "to": op.list.target if op.list else "", "reason": op.reason})
            continue
        target = op.list.target if op.list else ""
        (waiting if op.needs else changes)[where, target, "add" if op.action == "transfer" else op.action] += 1
        if op.action == "transfer" and op.from_list:
            changes[op.from_list.name, target, "remove"] += 1
    return {
        "playlists": db.value("select count(*) from playlists where deleted_at is null and kind <> 'folder'"),
        "tracks": db.value(TRACKS), "settled": made.settled, "new": new,
        "changes": [{"playlist": p, "target": t, "action": a, "n": n} for (p, t, a), n in changes.items()],
        "waiting": [{"playlist": p, "target": t, "action": a, "n": n} for (p, t, a), n in waiting.items()],
        "download": needing_download(db), "warnings": made.warnings,
    }  # fmt: skip


def needing_download(db: Database) -> Rows:
    """Your lists with tracks that have no file: name, missing, tracks."""
    return db.q(f"select name, missing, tracks from ({LISTS}) where missing > 0 order by missing desc")


HERE = f"""
select count(*) as tracks, count(f.track_id) as files, sum(exists (select 1 from track_links as k join platform_tracks as p on p.id = k.platform_track_id
  where k.track_id = coalesce(t.merged_into_id, i.track_id) and k.status in ('auto', 'confirmed') and p.platform = 'rekordbox' and p.missing_since is null)) as in_rekordbox
from playlist_items as i left join tracks as t on t.id = i.track_id left join ({FILES}) as f on f.track_id = coalesce(t.merged_into_id, i.track_id)
where i.playlist_id = ? and i.deleted_at is null
"""


def inspect(db: Database, playlist: Any, *, limit: int = 20) -> dict[str, Any]:
    """One playlist: where it is, how much of it has a file and is in Rekordbox, what is missing, what came and went last."""
    ref = finding.find(db, playlist)
    recent = snapshots.history(db, ref, limit=limit)
    if ref.platform != "user":
        row = db.one("select external_id, owner, description, remote_updated_at, fetched_at, missing_since from platform_playlists where id = ?", [ref.id])
        n = db.value("select count(*) from platform_playlist_items where platform_playlist_id = ? and removed_at is null", [ref.id])
        return {"name": ref.name, "platform": ref.platform, **(row or {}), "tracks": n, "recent": recent}
    row = db.one("select playlist_uid, created_at, kind, description, query from playlists where id = ?", [ref.id])
    counts = db.one(HERE, [ref.id])
    links = db.q(
        "select l.platform, l.place, l.external_id, l.direction, l.last_synced_at, s.name, s.missing_since, "
        "case when s.id is null then coalesce((select b.track_count from snapshots as b where b.id = l.base_snapshot_id), 0) "  # files: as last synced
        "else (select count(*) from platform_playlist_items as i where i.platform_playlist_id = s.id and i.removed_at is null) end as tracks "
        "from playlist_links as l left join platform_playlists as s on s.id = l.platform_playlist_id where l.playlist_id = ?",
        [ref.id],
    )
    missing = db.q(
        f"select t.artist_credit as artists, t.title, t.id as track_id from playlist_items as i join tracks as o on o.id = i.track_id "
        f"join tracks as t on t.id = coalesce(o.merged_into_id, o.id) "
        f"where i.playlist_id = ? and i.deleted_at is null and t.id not in ({FILES}) order by i.sort_key",
        [ref.id],
    )
    return {"name": ref.name, "platform": "user", **(row or {}), **(counts or {}), "missing": len(missing), "missing_tracks": missing, "links": links, "recent": recent}
