"""Commands about listening: listens add, listens split, listens join, listens top; and export library."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput


@click.group("listens", cls=base.Group)
def listens() -> None:
    """Write a listen now, ask what was listened to, and move the diary.

    \b
    Example:
      musicdb listens add --artist "Wren Ashby" --title "Night Ferry"
      musicdb listens top artists --since 2024
    """


@listens.command("add", cls=base.Command)
@click.argument("payload", required=False, metavar="[JSON]")
@click.option("--artist", metavar="NAME", help="Who played it.")
@click.option("--title", metavar="TITLE", help="What it was.")
@click.option("--album", metavar="TITLE", help="What it is on.")
@click.option("--at", metavar="TIME", help="When it began: ISO time (UTC, or with its offset) or seconds since 1970; now without it.")
@click.option("--user", metavar="NAME", help="Whose listening it is; without it, the first user.")
@click.option("--as", "platform", metavar="PLATFORM", default="listenbrainz", show_default=True, help="In whose words JSON tells it.")
@base.json_option
def add(payload: str | None, artist: str | None, title: str | None, album: str | None, at: str | None, user: str | None,
        platform: str, as_json: bool) -> None:  # fmt: skip
    """Write one listen at once.

    By its words, or as JSON in the way of ListenBrainz ("-" reads it from standard input). One that is there already is refused.

    \b
    Example:
      musicdb listens add --artist "Wren Ashby" --title "Night Ferry"
      musicdb listens add --artist "Wren Ashby" --title "Night Ferry" --album "Candle Hours" --at 2026-05-03T18:00:00+02:00 --user Ada
    """
    if (payload is None) == (artist is None or title is None):
        raise click.UsageError("give --artist and --title, or the listen as JSON")
    if payload is None:
        import time

        when: Any = int(time.time()) if at is None else int(at) if at.isdecimal() else at
        sent: Any = {"listened_at": when, "track_metadata": {"artist_name": artist, "track_name": title, "release_name": album}}
    else:
        try:
            sent = json.loads(sys.stdin.read() if payload == "-" else payload)
        except ValueError as error:
            raise BadInput(f"that is no JSON: {error}") from error
    from musicdb.listens import adding

    with base.database(create=True) as db:
        id = adding.add(db, sent, user=user, platform=platform)
        row = db.one("select * from listening where id = ?", [id])
    if as_json:
        base.say_json(dict(row))
    else:
        known = "known" if row.track_id else "not in your library (yet)"
        base.say(f"listen {id}: {', '.join(json.loads(row.artists))} - {row.title}, {row.listened_at}, {known}")


@listens.command("top", cls=base.Command)
@click.argument("what", type=click.Choice(["artists", "albums", "tracks", "genres"]))
@click.option("--since", metavar="DATE", help="From this day on: 2024, 2024-05 or 2024-05-12.")
@click.option("--until", metavar="DATE", help="Before this day.")
@click.option("--user", metavar="NAME", help="Whose; without it, everybody's.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many.")
@base.json_option
def top(what: str, since: str | None, until: str | None, user: str | None, limit: int, as_json: bool) -> None:
    """What was played most, in any period.

    \b
    Example:
      musicdb listens top artists --since 2024 --until 2025
      musicdb listens top tracks --user Ada
    """
    from musicdb.listens import statistics

    with base.database() as db:
        rows = statistics.top(db, what, since=since, until=until, user=user, limit=limit)
    if as_json:
        base.say_json([dict(row) for row in rows])
    elif rows:
        base.say(base.table(rows, [name for name in rows.columns if not name.endswith("_id")]))
    else:
        base.say("nothing was played then")


@listens.command("split", cls=base.Command)
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(dir_okay=False, path_type=Path))
@base.json_option
def split(file: Path | None, as_json: bool) -> None:
    """Move the listening history into a file of its own.

    The library can then be shared without the diary. Every row is compared before anything is taken out; a backup is made first. FILE is
    listens.db beside the database, or what MUSICDB_LISTENS_DB names. `musicdb listens join` brings it back.

    \b
    Example:
      musicdb listens split
      musicdb listens split ~/private/listens.db
    """
    from musicdb.listens import layout

    here = base.current()
    base.must_be_there(here.database)
    target = base.settings.absolute(file) if file else here.listens or here.database.with_name("listens.db")
    base.backup_now(here, "before split")
    _say_moved(layout.split(here.database, target), as_json, "moved to", "musicdb listens join")


@listens.command("join", cls=base.Command)
@base.json_option
def join(as_json: bool) -> None:
    """Bring the listening history back into the library's file.

    Every row is compared. The file that it was in stays, used by nothing: delete it when you have looked.

    \b
    Example:
      musicdb listens join
    """
    from musicdb.listens import layout

    here = base.current()
    base.must_be_there(here.database)
    base.backup_now(here, "before join")
    moved = layout.join(here.database, here.listens)
    _say_moved(moved, as_json, "brought back from", "musicdb listens split")
    if here.listens and not as_json:
        base.note(f"unset MUSICDB_LISTENS_DB, which still names {here.listens}")


def _say_moved(moved: Any, as_json: bool, how: str, back: str) -> None:
    if as_json:
        base.say_json({"database": str(moved.library), "listens": str(moved.diary), "rows": moved.rows})
        return
    base.say(f"{sum(moved.rows.values()):,} rows {how} {moved.diary}, each compared: {moved.rows.get('listens', 0):,} listens")
    base.say(f"back: {back}")


@click.command("library", cls=base.Command)
@click.option("--without", default="listens,paths,users", show_default=True, metavar="PARTS", help="What to leave out.")
@click.option("-o", "--output", "file", required=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="The new file.")
@base.json_option
def export_library(without: str, file: Path, as_json: bool) -> None:
    """Write a database to share, without what is private.

    Tracks, links, values by source, playlists and covers; without listens, folder names and people, and without the history of changes. The
    file is rebuilt, so that nothing of it is left in free pages, and looked through for every folder of yours before it gets its name.

    \b
    Example:
      musicdb export library -o shared.db
      musicdb export library --without listens -o for-my-laptop.db
    """
    from musicdb.exports import library

    parts = [part.strip() for part in without.split(",") if part.strip()]
    with base.database() as db:
        done = library.write(db, base.settings.absolute(file), without=parts)
    if as_json:
        base.say_json({"file": str(done.path), "size_bytes": done.size_bytes, "without": done.without, "tracks": done.tracks})
    else:
        base.say(f"{done.path}: {done.tracks:,} tracks, {done.size_bytes:,} bytes, without {', '.join(done.without)}")
        base.say(f'look at it: musicdb serve --db "{done.path}"')
