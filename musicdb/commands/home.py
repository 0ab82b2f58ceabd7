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
PLATFORMS = """
select p.name as platform, count(*) as tracks, count(k.platform_track_id) as linked,
  sum(t.in_library and t.missing_since is null and k.platform_track_id is null) as unlinked,
  sum(t.missing_since is not null) as missing,
  (select count(*) from quarantine as q where q.platform = p.name and q.resolved_at is null) as refused
from platform_tracks as t
join platforms as p on p.name = t.platform
left join track_links as k on k.platform_track_id = t.id and k.status in ('auto', 'confirmed')
group by p.name
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
        steps.append("sqlite-utils rows music.db quarantine".replace("music.db", f'"{found["database"]}"') + "   what could not be read, and why")
    return [*steps, "musicdb serve                    look at it in a browser", "musicdb lab                      work on it in a notebook"]
