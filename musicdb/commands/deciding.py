"""Commands about the truth and its history: take, why, log, undo, redo, rebuild."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput

SHOWN = 20  # rows of a preview or of what changed; --json has them all


@click.command(cls=base.Command)
@click.argument("fields", nargs=-1, required=True, metavar="FIELD...")
@click.option("--from", "platform", required=True, metavar="PLATFORM", help="Whose values: discogs, tidal, spotify, local, rekordbox, ...")
@click.option("--where", metavar="SQL", help="Which tracks: a condition on the view `library`, or a query that returns track ids. Without it, all.")
@click.option("--preview", is_flag=True, help="Only show what would change.")
@click.option("--note", metavar="TEXT", help="Why; kept with the decision.")
@base.json_option
def take(fields: tuple[str, ...], platform: str, where: str | None, preview: bool, note: str | None, as_json: bool) -> None:
    """Update fields from a platform, and follow it from now on.

    Fields: title, version, artists, album, year, release_date, bpm, musical_key, rating, duration_ms, genres, label, cover.
    Tracks of which the platform says nothing are left as they are. One operation: `musicdb undo` takes it back.

    \b
    Example:
      musicdb take cover --from discogs --where "artist_credit = 'Björk'" --preview
      musicdb take genres label --from discogs
    """
    from musicdb import truth

    with base.database() as db:
        done = truth.take(db, which(where), list(fields), platform, preview=preview, note=note)
        tracks = done.rows
    if as_json:
        base.say_json({"operation": done.operation, "decided": done.decided, "changes": tracks, "notes": done.notes})
        return
    for remark in done.notes:
        base.say(f"note: {remark}")
    if tracks:
        base.say(base.table(({**row, "old": short(row["old"]), "new": short(row["new"])} for row in tracks[:SHOWN]), tracks.columns))
        if len(tracks) > SHOWN:
            base.say(f"... {len(tracks) - SHOWN:,} more")
    would = "would be " if preview else ""
    base.say(f"{done.decided:,} values {would}taken from {platform}, {len(tracks):,} of them {'would change' if preview else 'changed'}")
    if done.operation:
        base.say(f"next: musicdb undo {done.operation} takes it back")
    elif preview and done.decided:
        base.say("next: the same without --preview")


@click.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@click.argument("field", required=False)
@base.json_option
def why(track: str, field: str | None, as_json: bool) -> None:
    """Say whose a value is, why, and what others say.

    TRACK is an id, a track_uid, or words to search for.

    \b
    Example:
      musicdb why 12 year
      musicdb why "nightfall dub mix"
    """
    from musicdb import truth

    with base.database() as db:
        rows = truth.why(db, one_track(db, track), field)
        one = rows[0]["track"] if rows else None
        title = db.one("select title, version, artist_credit from tracks where id = ?", [one]) if one else None
        names = dict(db.execute(FILES, [one]).fetchall())
    if as_json:
        base.say_json(rows)
        return
    if title:
        version = f" ({title.version})" if title.version else ""
        base.say(f"{title.artist_credit or '?'} - {title.title}{version}  [track {one}]")
    for row in rows:
        base.say(f"{row['field']}: {short(row['value'])}" + (f"  ({row['source']})" if row["source"] else ""))
        about = f", {row['decided_at']}" if row["decided_at"] else ""
        base.say(f"  {row['because']}{about}" + (f": {row['note']}" if row["note"] else ""))
        if row["others"]:
            said = "; ".join(f"{platform} {', '.join(map(short, values))}" for platform, values in sorted(row["others"].items()))
            base.say(f"  others say: {said}")
        for link in row["evidence"] if field else ():
            says = "" if link["platform"] == row["source"] and link["says"] == row["value"] else f" says {short(link['says'])}"
            entry = PurePath(names[link["external_id"]].replace("\\", "/")).name if link["external_id"] in names else link["external_id"]
            base.say(f"  {link['platform']}/{entry}{says}, {link['method']} {link['confidence']}: {' '.join(link['sentences'])}")
    if not rows:
        base.say(f"nobody says anything of {field or 'that track'}")


@click.command(cls=base.Command)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), metavar="N", help="How many of the newest.")
@click.option("--track", type=int, metavar="ID", help="Only what concerns this track.")
@click.option("--all", "everything", is_flag=True, help="Also what only follows from other things: resolve, link, covers.")
@base.json_option
def log(limit: int, track: int | None, everything: bool, as_json: bool) -> None:
    """Show what was done, by whom, and whether it was taken back.

    A direct edit in the database has no number; it is called edit:N.

    \b
    Example:
      musicdb log
      musicdb log --track 12
    """
    from musicdb import history

    with base.database() as db:
        rows = history.log(db, limit=limit, track=track, everything=everything)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table(({**row, "operation": str(row["operation"]), "what": short(row["what"])} for row in rows), rows.columns))
    else:
        base.say("nothing was done yet")


@click.command(cls=base.Command)
@click.argument("operation", required=False)
@base.json_option
def undo(operation: str | None, as_json: bool) -> None:
    """Take an operation back, whenever it was.

    OPERATION is a number or edit:N of `musicdb log`; without it, the last. Refuses where something later touched the same, and says what.

    \b
    Example:
      musicdb undo
      musicdb undo 42
    """
    from musicdb import history

    _back(history.undo, operation, as_json, "taken back")


@click.command(cls=base.Command)
@click.argument("operation", required=False)
@base.json_option
def redo(operation: str | None, as_json: bool) -> None:
    """Do again what `undo` took back.

    OPERATION is what was taken back; without it, the last.

    \b
    Example:
      musicdb redo
    """
    from musicdb import history

    _back(history.redo, operation, as_json, "done again")


@click.command(cls=base.Command)
@base.json_option
def rebuild(as_json: bool) -> None:
    """Throw away everything derived and derive it again.

    Observations, links, decisions and identities stay; the result is the same, ids included. For when something looks stale.

    \b
    Example:
      musicdb rebuild
    """
    from musicdb import truth

    with base.database() as db, base.progress(not as_json) as step:
        done = truth.rebuild(db, progress=step)
    if as_json:
        base.say_json({"tracks": done.tracks, "rows": done.rows})
    else:
        base.say(f"rebuilt: {done.tracks:,} tracks")


def _back(work: Any, operation: str | None, as_json: bool, what: str) -> None:
    with base.database() as db:
        done = work(db, operation)
        reason = db.value("select reason from operations where id = ?", [done.operation])
    if as_json:
        base.say_json({"operation": done.operation, "undid": done.undid, "rows": done.rows, "decisions": done.decisions})
        return
    parts = [f"{done.rows:,} rows"] if done.rows else []
    parts += [f"{done.decisions:,} decisions"] if done.decisions else []
    base.say(f"{reason} ({' and '.join(parts)})")
    base.say("next: musicdb redo brings it again" if what == "taken back" else f"next: musicdb undo {done.undid} takes it back")


def which(where: str | None) -> str:
    """The query for --where: a condition, or a whole query."""
    if where is None:
        return "all"
    if not where.strip():
        raise BadInput("--where is empty; leave it out for all tracks")
    if re.match(r"\s*(select|with|values)\b", where, re.I):
        return where
    return f"select id from library where {where}"


FILES = """
select p.external_id, f.path
from track_links as k join platform_tracks as p on p.id = k.platform_track_id join media_files as f on f.platform_track_id = p.id
where k.track_id = ? and k.status in ('auto', 'confirmed') and p.platform = 'local'
"""
FOUND = """
select t.id, t.title, t.version, t.artist_credit
from tracks_fts(?) as f join tracks as t on t.id = f.rowid
where t.deleted_at is null and t.merged_into_id is null and t.title is not null
order by f.rank
limit 6
"""


def one_track(db: Any, text: str) -> int:
    """The track that a person means: an id, a uid, or words."""
    if re.fullmatch(r"[0-9]{1,18}", text.strip()):
        return int(text)
    if (id := db.value("select id from track_ids where track_uid = ?", [text])) is not None:
        return id
    words = " ".join('"' + word.replace('"', '""') + '"' for word in text.replace("\0", " ").split())
    found = db.q(FOUND, [words]) if words else []
    if not found:
        raise BadInput(f"no track is called {text!r}; try fewer words, or its id")
    if len(found) > 1:
        few = "; ".join(f"{t.id} {t.artist_credit or '?'} - {t.title}{f' ({t.version})' if t.version else ''}" for t in found[:5])
        raise BadInput(f"{text!r} is more than one track: {few}{'; ...' if len(found) > 5 else ''}. Give the id")
    return found[0].id


def short(value: Any, limit: int = 60) -> str:
    if value is None:
        return "(none)"
    line = " ".join((", ".join(map(str, value)) if isinstance(value, list) else str(value)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
