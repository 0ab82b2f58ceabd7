"""`musicdb` alone: where the database is, what is in it, what to do next."""

from __future__ import annotations

from typing import Any

from musicdb.commands import base

COUNTS = {
    "tracks": "select count(*) from tracks where deleted_at is null and merged_into_id is null",
    "artists": "select count(*) from artists where deleted_at is null and merged_into_id is null",
    "albums": "select count(*) from release_groups where deleted_at is null and merged_into_id is null",
    "playlists": "select count(*) from platform_playlists where missing_since is null and not is_folder",
    "listens": "select count(*) from listens where duplicate_of_id is null",
    "covers": "select count(*) from images",
}
# Counted over indexes alone: an observation is a wide row, and reading 600,000 of them would take seconds.
PLATFORMS = """
with seen as (select platform, count(*) as n from platform_tracks group by platform),
gone as (select platform, count(*) as n from platform_tracks where missing_since is not null group by platform),
refused as (select platform, count(*) as n from quarantine where resolved_at is null group by platform),
loose as materialized (
  select t.id
  from platform_tracks as t
  where not exists (select 1 from track_links as k where k.platform_track_id = t.id and k.status in ('auto', 'confirmed'))
),
unlinked as (
  select t.platform, count(*) as n, sum(t.in_library and t.missing_since is null) as ours
  from loose join platform_tracks as t on t.id = loose.id
  group by t.platform
)
select p.name as platform, coalesce(seen.n, 0) as tracks, coalesce(seen.n, 0) - coalesce(unlinked.n, 0) as linked,
  coalesce(unlinked.ours, 0) as unlinked, coalesce(gone.n, 0) as missing, coalesce(refused.n, 0) as refused
from platforms as p
left join seen on seen.platform = p.name
left join gone on gone.platform = p.name
left join refused on refused.platform = p.name
left join unlinked on unlinked.platform = p.name
where seen.n is not null or refused.n is not null
order by p.priority
"""


def show(as_json: bool) -> None:
    here = base.current()
    found = look(here)
    if as_json:
        base.say_json(found)
        return
    origin = {"default": "", "--db": ""}.get(here.listing[0].origin, f"  (from {here.listing[0].origin})")
    base.say(f"database   {found['database']}{origin}")
    if found["exists"]:
        base.say("           " + " · ".join(f"{n:,} {name}" for name, n in found["counts"].items() if n or name == "tracks"))
        if found["platforms"]:
            base.say()
            base.say(base.table(found["platforms"], list(found["platforms"][0])))
            base.say()
    else:
        base.say("           not there yet")
    for place, step in enumerate(found["next"]):
        base.say(f"{'next' if place == 0 else '':<11}{step}")


def look(here) -> dict[str, Any]:
    """Return path, size, counts and next steps; makes no file."""
    path = here.database
    found: dict[str, Any] = {"database": str(path), "exists": path.exists(), "counts": {}, "platforms": [], "next": []}
    if not found["exists"]:
        found["next"] = [
            "musicdb demo                     a fictional library to look at, apart from your own",
            "musicdb import files FOLDER      your audio files",
            "musicdb import rekordbox FILE    your Rekordbox collection (XML)",
            "musicdb import spotify FILE      your Spotify privacy export",
        ]
        return found
    with base.database() as db:
        found["size_bytes"] = path.stat().st_size
        found["counts"] = {name: db.value(sql) for name, sql in COUNTS.items()}
        found["platforms"] = [dict(row) for row in db.q(PLATFORMS)]
    found["next"] = next_steps(found)
    return found


def next_steps(found: dict[str, Any]) -> list[str]:
    """Return what to do next, most useful first, from the counts."""
    platforms = found["platforms"]
    if not platforms:
        return ["musicdb import files FOLDER      your audio files; `musicdb import --help` shows what else can be read"]
    steps = []
    if any(row["unlinked"] for row in platforms):
        steps.append("musicdb link                     find which observations are the same track")
    elif not found["counts"]["tracks"] and found["counts"].get("listens") and not any(row["linked"] for row in platforms):
        steps.append("musicdb import files FOLDER      listens alone make no tracks: import a library")
    if any(row["refused"] for row in platforms):
        steps.append(
            "sqlite-utils rows music.db quarantine".replace("music.db", f'"{found["database"]}"') + "   what could not be read, and why"
        )
    return [*steps, "musicdb serve                    look at it in a browser", "musicdb lab                      work on it in a notebook"]
