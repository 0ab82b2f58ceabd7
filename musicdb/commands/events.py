"""Commands about events: `musicdb events ...`."""

from __future__ import annotations

from typing import Any

import click

from musicdb.commands import base


@click.group("events", cls=base.Group)
def events() -> None:
    """What was played at which event: Rekordbox history, and by hand.

    \b
    Example:
      musicdb events list
      musicdb events show 3
    """


@events.command("list", cls=base.Command)
@click.argument("text", required=False, metavar="[TEXT]")
@base.json_option
def list_(text: str | None, as_json: bool) -> None:
    """List events, the latest first.

    \b
    Example:
      musicdb events list
      musicdb events list ferry
    """
    from musicdb import events as library

    with base.database() as db:
        rows = library.list(db, text)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table(rows, "id name start_date location stages tracks".split()))
    else:
        base.say("no events; next: musicdb import rekordbox (its history), or musicdb events add NAME")


@events.command("show", cls=base.Command)
@click.argument("event", type=int)
@base.json_option
def show(event: int, as_json: bool) -> None:
    """Show what was played at an event, in order.

    \b
    Example:
      musicdb events show 3
    """
    from musicdb import events as library

    with base.database() as db:
        rows = library.show(db, event)
    if as_json:
        base.say_json(rows)
    else:
        base.say(base.table(rows, "stage position set_time artist_credit title version".split()))


@events.command("add", cls=base.Command)
@click.argument("name")
@click.option("--date", "start_date", metavar="DATE", help="When it was, or began.")
@click.option("--end", "end_date", metavar="DATE", help="When it ended.")
@click.option("--location", metavar="PLACE", help="Where.")
@click.option("--description", metavar="TEXT", help="Notes.")
@base.json_option
def add(name: str, as_json: bool, **fields: str | None) -> None:
    """Add an event by hand.

    \b
    Example:
      musicdb events add "Night Ferry" --date 2024-05-11 --location "Pier 4"
    """
    from musicdb import events as library

    with base.database() as db:
        done = library.add(db, name, **{key: value for key, value in fields.items() if value is not None})
    _said(done, as_json, f"event {done.event}: {name}", f"musicdb events play {done.event} TRACK...")


@events.command("edit", cls=base.Command)
@click.argument("event", type=int)
@click.option("--name", metavar="NAME", help="What it is called.")
@click.option("--date", "start_date", metavar="DATE", help="When it was, or began.")
@click.option("--end", "end_date", metavar="DATE", help="When it ended.")
@click.option("--location", metavar="PLACE", help="Where.")
@click.option("--description", metavar="TEXT", help="Notes.")
@base.json_option
def edit(event: int, as_json: bool, **fields: str | None) -> None:
    """Name an event, say when and where it was.

    A session of Rekordbox's history keeps the name you give it.

    \b
    Example:
      musicdb events edit 3 --name "Night Ferry" --location "Pier 4"
    """
    from musicdb import events as library

    with base.database() as db:
        done = library.edit(db, event, **{key: value for key, value in fields.items() if value is not None})
    _said(done, as_json, f"event {event} changed" if done.operation else "nothing to do: it is so already",
          f"musicdb undo {done.operation} takes it back" if done.operation else f"musicdb events show {event}")  # fmt: skip


@events.command("play", cls=base.Command)
@click.argument("event", type=int)
@click.argument("tracks", nargs=-1, required=True, type=int, metavar="TRACK...")
@click.option("--stage", default="", metavar="NAME", help="Stage, or whose set it was.")
@click.option("--at", "set_time", metavar="TIME", help="When the first was played, such as 23:41.")
@click.option("--not", "out", is_flag=True, help="Take these tracks out instead.")
@base.json_option
def play(event: int, tracks: tuple[int, ...], stage: str, set_time: str | None, out: bool, as_json: bool) -> None:
    """Say that tracks were played at an event, in this order.

    \b
    Example:
      musicdb events play 3 12 87 45 --stage "Main deck" --at 23:41
    """
    from musicdb import events as library

    with base.database() as db, db.operation("unrecord" if out else "record", actor="me", reason=f"{len(tracks)} tracks, event {event}"):
        if out:
            for track in tracks:
                done = library.unrecord(db, event, track, stage=stage or None)
        else:
            done = library.record(db, event, tracks, stage=stage, set_time=set_time)
    _said(done, as_json, f"{len(tracks)} tracks {'taken out of' if out else 'at'} event {event}", f"musicdb events show {event}")


@events.command("remove", cls=base.Command)
@click.argument("event", type=int)
@base.json_option
def remove(event: int, as_json: bool) -> None:
    """Take an event off the list.

    \b
    Example:
      musicdb events remove 3
    """
    from musicdb import events as library

    with base.database() as db:
        done = library.remove(db, event)
    _said(done, as_json, f"event {event} removed", f"musicdb undo {done.operation} takes it back")


def _said(done: Any, as_json: bool, what: str, following: str) -> None:
    if as_json:
        base.say_json({"operation": done.operation, "event": done.event, "tracks": done.tracks})
    else:
        base.say(what)
        base.say(f"next: {following}")
