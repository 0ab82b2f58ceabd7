"""Commands about what was heard: listens same, one, two (one play of several services), unmatched, ignore (what has no track)."""

from __future__ import annotations

import json
from typing import Any

import click

from musicdb.commands import base


@click.command("same", cls=base.Command)
@click.option("--all", "everything", is_flag=True, help="Compare all listens again, not only those around new ones.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="How many to show.")
@base.json_option
def same(everything: bool, limit: int, as_json: bool) -> None:
    """Find the same play as several services tell it.

    Every import does so by itself. What is told again stays where it is and is counted once; the reason stands beside it. A service's own
    plays are never one. `musicdb listens two` says that two are two plays, `musicdb listens one` that they are one.

    \b
    Example:
      musicdb listens same
      musicdb listens same --all --json
    """
    from musicdb.listens import flagging

    with base.database() as db, base.progress(not as_json) as step:
        done = flagging.mark(db, all=everything, progress=step)
        rows = flagging.repeated(db, limit=limit)
    if as_json:
        base.say_json({"compared": done.compared, "repeated": done.repeated, "changed": done.changed, "listens": [dict(row) for row in rows]})
        return
    base.say(f"{done.compared:,} listens compared, {done.changed:,} changed")
    for row in rows:
        base.say(f"  {row.id} {_names(row.artists)} - {row.title}: {row.platform} {row.listened_at} is listen {row.of_id}, {row.reason}")


@click.command("two", cls=base.Command)
@click.argument("one", type=int)
@click.argument("other", type=int)
@base.json_option
def two(one: int, other: int, as_json: bool) -> None:
    """Say that two listens are two plays.

    It stays so, whatever is imported later; `musicdb undo` takes it back. Numbers as `musicdb listens same` shows them.

    \b
    Example:
      musicdb listens two 4012 3998
    """
    _decide("two", one, other, as_json)


@click.command("one", cls=base.Command)
@click.argument("one", type=int)
@click.argument("other", type=int)
@base.json_option
def one(one: int, other: int, as_json: bool) -> None:
    """Say that two listens are one play, told by the first.

    It stays so, whatever is imported later; `musicdb undo` takes it back.

    \b
    Example:
      musicdb listens one 3998 4012
    """
    _decide("one", one, other, as_json)


def _decide(what: str, first: int, other: int, as_json: bool) -> None:
    from musicdb.listens import flagging

    with base.database() as db:
        operation = getattr(flagging, what)(db, first, other)
    if as_json:
        base.say_json({"operation": operation})
    else:
        base.say(f"listens {first} and {other} are {what} play{'s' * (what == 'two')} (operation {operation}; `musicdb undo` takes it back)")


@click.command("unmatched", cls=base.Command)
@click.option("--status", multiple=True, type=click.Choice(["unmatched", "ambiguous", "ignored"]), default=("unmatched", "ambiguous"), help="Which; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many.")
@base.json_option
def unmatched(status: tuple[str, ...], limit: int, as_json: bool) -> None:
    """What was played and has no track here, most played first.

    What is ambiguous waits in `musicdb review`; `musicdb link` looks at the rest again whenever the library grew.

    \b
    Example:
      musicdb listens unmatched
      musicdb listens unmatched --status ignored
    """
    from musicdb.listens import enriching

    with base.database() as db:
        rows = enriching.unmatched(db, status=status, limit=limit)
    if as_json:
        base.say_json([dict(row) for row in rows])
    elif rows:
        base.say(base.table(rows, ["platform_track_id", "artists", "title", "plays", "last_at", "enrich_status", "platform"]))
    else:
        base.say("everything that was played has a track")


@click.command("ignore", cls=base.Command)
@click.argument("heard", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--back", is_flag=True, help="Match it again.")
@base.json_option
def ignore(heard: tuple[int, ...], back: bool, as_json: bool) -> None:
    """What was heard need not be matched.

    Its plays still count. ID: platform_track_id, as `musicdb listens unmatched` shows it.

    \b
    Example:
      musicdb listens ignore 512 513
      musicdb listens ignore 512 --back
    """
    from musicdb.listens import enriching

    with base.database() as db:
        operation = (enriching.heed if back else enriching.ignore)(db, heard)
    if as_json:
        base.say_json({"operation": operation})
    else:
        base.say("it was so before" if operation is None else f"{'matched again' if back else 'ignored'} (operation {operation}; `musicdb undo` takes it back)")


def _names(artists: Any) -> str:
    return ", ".join(json.loads(artists or "[]"))


HEARING = (same, two, one, unmatched, ignore)
