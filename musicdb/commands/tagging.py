"""Commands about your own tags: `musicdb tags ...`."""

from __future__ import annotations

import click

from musicdb.commands import base
from musicdb.commands.deciding import one_track, which
from musicdb.commands.fixing import WHERE


@click.group("tags", cls=base.Group)
def tags() -> None:
    """Your own tags, in groups, put on many tracks at once.

    A tag is written with its group: "Energy: peak", or without: "peak time".

    \b
    Example:
      musicdb tags add "Energy: peak" --where "bpm > 135"
      musicdb tags list
    """


@tags.command("list", cls=base.Command)
@base.json_option
def list_(as_json: bool) -> None:
    """List your tags by group, with how many tracks have each.

    \b
    Example:
      musicdb tags list
    """
    from musicdb import tags as library

    with base.database() as db:
        rows = library.every(db)
    if as_json:
        base.say_json(rows)
    elif rows:
        base.say(base.table([{"group": row["grp"] or "-", "tag": row["name"], "tracks": row["tracks"], "about": row["description"] or ""} for row in rows],
                            ["group", "tag", "tracks", "about"]))  # fmt: skip
    else:
        base.say('no tags yet; next: musicdb tags add "Energy: peak" --where SQL')


@tags.command(cls=base.Command)
@click.argument("track", metavar="TRACK")
@base.json_option
def show(track: str, as_json: bool) -> None:
    """Show the tags of a track.

    \b
    Example:
      musicdb tags show "nightfall"
    """
    from musicdb import tags as library
    from musicdb.truth import selecting

    with base.database() as db:
        ids, _ = selecting.tracks(db, one_track(db, track))
        found = library.own(db, ids).get(ids[0], [])
    if as_json:
        base.say_json({"track": ids[0], "tags": found})
    else:
        base.say("\n".join(found) or "it has no tags")


@tags.command(cls=base.Command)
@click.argument("tag")
@WHERE
@base.json_option
def add(tag: str, where: str, as_json: bool) -> None:
    """Put a tag on tracks; a new one is made.

    \b
    Example:
      musicdb tags add "Energy: peak" --where "bpm > 135"
      musicdb tags add "to rip" --where "select track_id from rip_list"
    """
    from musicdb import tags as library

    with base.database() as db:
        done = library.add(db, which(where), tag)
    _said(done, f"{tag} is on", "more tracks", as_json)


@tags.command(cls=base.Command)
@click.argument("tag")
@WHERE
@base.json_option
def remove(tag: str, where: str, as_json: bool) -> None:
    """Take a tag off tracks.

    \b
    Example:
      musicdb tags remove "Energy: peak" --where "bpm < 120"
    """
    from musicdb import tags as library

    with base.database() as db:
        done = library.remove(db, which(where), library.find(db, tag))
    _said(done, f"{tag} is off", "tracks", as_json)


@tags.command(cls=base.Command)
@click.argument("tag")
@click.argument("name")
@base.json_option
def rename(tag: str, name: str, as_json: bool) -> None:
    """Give a tag another name or group.

    \b
    Example:
      musicdb tags rename "peak" "Energy: peak"
    """
    from musicdb import tags as library

    with base.database() as db:
        operation = library.rename(db, library.find(db, tag), name)
    _said((operation, 0), f"{tag} is {name} now", "", as_json)


@tags.command(cls=base.Command)
@click.argument("tag")
@base.json_option
def drop(tag: str, as_json: bool) -> None:
    """Take a tag off all tracks and out of the list.

    \b
    Example:
      musicdb tags drop "peak"
    """
    from musicdb import tags as library

    with base.database() as db:
        operation = library.drop(db, library.find(db, tag))
    _said((operation, 0), f"{tag} is no tag any more", "", as_json)


def _said(done: tuple[int | None, int], text: str, what: str, as_json: bool) -> None:
    operation, n = done
    if as_json:
        base.say_json({"operation": operation, "tracks": n})
    elif operation is None:
        base.say("nothing to do: it is so already")
    else:
        base.say(f"{text} {n:,} {what}" if what else text)
        base.say(f"next: musicdb undo {operation} takes it back")
