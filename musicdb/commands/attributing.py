"""Commands about further facts of tracks: `musicdb attributes ...`."""

from __future__ import annotations

from typing import Any

import click

from musicdb.commands import base
from musicdb.commands.deciding import one_track, short, which
from musicdb.commands.fixing import WHERE


@click.group("attributes", cls=base.Group)
def attributes() -> None:
    """Further facts of tracks: any key, by who says it, and which counts.

    What counts is a locked fact, then yours, then by `musicdb attributes prefer`, then the general order of platforms.

    \b
    Example:
      musicdb attributes show 38
      musicdb attributes set energy 7 --where "bpm > 130"
    """


@attributes.command("list", cls=base.Command)
@base.json_option
def list_(as_json: bool) -> None:
    """List the facts there are, and who says them.

    \b
    Example:
      musicdb attributes list
    """
    from musicdb import attributes as facts

    with base.database() as db:
        rows = facts.keys(db)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table(rows, "key tracks platforms".split()))
    else:
        base.say("no facts yet; next: musicdb attributes set KEY VALUE --where SQL")


@attributes.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@click.argument("key", required=False)
@base.json_option
def show(track: str, key: str | None, as_json: bool) -> None:
    """Show the facts of a track: what counts, and what others say.

    \b
    Example:
      musicdb attributes show 38
      musicdb attributes show "nightfall" energy
    """
    from musicdb import attributes as facts

    with base.database() as db:
        rows = facts.of(db, one_track(db, track), key)
    if as_json:
        base.say_json(rows)
        return
    lines = [{**row, "value": short(row["value"]), "platform": row["platform"] + (" (locked)" if row["locked"] else ""),
              "others say": short("; ".join(f"{p} {', '.join(map(str, v))}" for p, v in sorted(row["others"].items())) or "-")} for row in rows]  # fmt: skip
    base.say(base.table(lines, ["key", "value", "platform", "others say"]) if rows else "nobody says anything of the kind")


@attributes.command("set", cls=base.Command)
@click.argument("key")
@click.argument("value")
@WHERE
@click.option("--as", "platform", default="user", show_default=True, metavar="PLATFORM", help="Who says it.")
@click.option("--lock", is_flag=True, help="It counts, whoever says otherwise.")
@base.json_option
def put(key: str, value: str, where: str, platform: str, lock: bool, as_json: bool) -> None:
    """Set a fact of tracks, as one operation.

    \b
    Example:
      musicdb attributes set energy 7 --where "bpm > 130"
    """
    from musicdb import attributes as facts

    with base.database() as db:
        done = facts.put(db, which(where), key, value, platform=platform, lock=lock)
        held = facts.held(db, which(where), key, value)
    _said(done, f"{key} = {short(value)} set on", as_json)
    if held and not as_json:
        base.say(f"{held:,} of them keep another value, which is locked; musicdb attributes unlock {key} --where SQL takes the lock off")


@attributes.command(cls=base.Command)
@click.argument("key")
@WHERE
@click.option("--as", "platform", default="user", show_default=True, metavar="PLATFORM", help="Whose word is taken off.")
@base.json_option
def remove(key: str, where: str, platform: str, as_json: bool) -> None:
    """Take a fact back that was set; what platforms say stays.

    \b
    Example:
      musicdb attributes remove energy --where 1
    """
    from musicdb import attributes as facts

    with base.database() as db:
        done = facts.remove(db, which(where), key, platform=platform)
    _said(done, f"{key} taken off", as_json)


@attributes.command(cls=base.Command)
@click.argument("key")
@WHERE
@base.json_option
def lock(key: str, where: str, as_json: bool) -> None:
    """Keep the fact that counts now, whatever is said later.

    \b
    Example:
      musicdb attributes lock danceability --where "id = 38"
    """
    from musicdb import attributes as facts

    with base.database() as db:
        done = facts.lock(db, which(where), key)
    _said(done, f"{key} locked on", as_json)


@attributes.command(cls=base.Command)
@click.argument("key")
@WHERE
@base.json_option
def unlock(key: str, where: str, as_json: bool) -> None:
    """Take locks of a fact back.

    \b
    Example:
      musicdb attributes unlock danceability --where "id = 38"
    """
    from musicdb import attributes as facts

    with base.database() as db:
        done = facts.unlock(db, which(where), key)
    _said(done, f"{key} unlocked on", as_json)


@attributes.command(cls=base.Command)
@click.argument("key")
@click.argument("platforms", nargs=-1, metavar="[PLATFORM]...")
@base.json_option
def prefer(key: str, platforms: tuple[str, ...], as_json: bool) -> None:
    """Say whose word counts for a fact, the most trusted first.

    Without platforms the general order counts again.

    \b
    Example:
      musicdb attributes prefer popularity spotify tidal
    """
    from musicdb import attributes as facts

    with base.database() as db:
        operation = facts.prefer(db, key, platforms)
    if as_json:
        base.say_json({"operation": operation})
    else:
        base.say(f"{key}: {', '.join(platforms) or 'the general order'}" if operation else "it was so already")
        _next(operation)


def _said(done: tuple[int | None, int], text: str, as_json: bool) -> None:
    operation, n = done
    if as_json:
        base.say_json({"operation": operation, "tracks": n})
        return
    base.say(f"{text} {n:,} tracks" if operation else "nothing to do: it is so already")
    _next(operation)


def _next(operation: Any) -> None:
    if operation:
        base.say(f"next: musicdb undo {operation} takes it back")
