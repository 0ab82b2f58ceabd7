"""Commands that decide a value: set, lock, unlock, clear."""

from __future__ import annotations

from typing import Any

import click

from musicdb.commands import base
from musicdb.commands.deciding import SHOWN, short, which

WHERE = click.option("--where", metavar="SQL", required=True, help="Which tracks: a condition on the view `library` (1 = all), or a query that returns track ids.")
NOTE = click.option("--note", metavar="TEXT", help="Why; kept with the decision.")
FIELDS = click.argument("fields", nargs=-1, required=True, metavar="FIELD...")


@click.command("set", cls=base.Command)
@click.argument("field")
@click.argument("value")
@WHERE
@click.option("--preview", is_flag=True, help="Only show what would change.")
@NOTE
@base.json_option
def decide(field: str, value: str, where: str, preview: bool, note: str | None, as_json: bool) -> None:
    """Decide a value of tracks; it stays whatever platforms say.

    An empty VALUE means: empty on purpose. Several names of genres or labels stand with ";" between them.

    \b
    Example:
      musicdb set year 1997 --where "id = 38" --note "the sleeve"
      musicdb set genres "Dub Techno; Ambient" --where "album = 'Undertow'"
    """
    from musicdb import truth
    from musicdb.exports import tables
    from musicdb.truth import decisions

    decisions.check_field(field)
    meant = tables.value_of(value, "genres" if field in ("artists", "featured", "remixers", "composers") else field)
    if field in ("duration_ms", "cover") and value.strip().isdigit() and len(value) < 19:
        meant = int(value)
    with base.database() as db:
        done = truth.decide(db, which(where), field, meant, note=note, preview=preview)
        _said(done, as_json, preview)


@click.command(cls=base.Command)
@FIELDS
@WHERE
@NOTE
@base.json_option
def lock(fields: tuple[str, ...], where: str, note: str | None, as_json: bool) -> None:
    """Keep the values that are there now, whatever platforms say later.

    \b
    Example:
      musicdb lock year cover --where "rating = 5"
    """
    from musicdb import truth

    with base.database() as db:
        _said(truth.lock(db, which(where), list(fields), note=note), as_json)


@click.command(cls=base.Command)
@FIELDS
@WHERE
@NOTE
@base.json_option
def unlock(fields: tuple[str, ...], where: str, note: str | None, as_json: bool) -> None:
    """Take locks back: what was decided before, or trust, counts again.

    \b
    Example:
      musicdb unlock year --where "id = 38"
    """
    from musicdb import truth

    with base.database() as db:
        _said(truth.unlock(db, which(where), list(fields), note=note), as_json)


@click.command(cls=base.Command)
@FIELDS
@WHERE
@NOTE
@base.json_option
def clear(fields: tuple[str, ...], where: str, note: str | None, as_json: bool) -> None:
    """Take decisions back, of whatever kind: trust counts again.

    \b
    Example:
      musicdb clear year genres --where "id = 38"
    """
    from musicdb import truth

    with base.database() as db:
        _said(truth.clear(db, which(where), list(fields), note=note), as_json)


def _said(done: Any, as_json: bool, preview: bool = False) -> None:
    if as_json:
        base.say_json({"operation": done.operation, "decided": done.decided, "changes": done.rows, "notes": done.notes})
        return
    for remark in done.notes:
        base.say(f"note: {remark}")
    if done.rows:
        base.say(base.table(({**row, "old": short(row["old"]), "new": short(row["new"])} for row in done.rows[:SHOWN]), done.rows.columns))
        if len(done.rows) > SHOWN:
            base.say(f"... {len(done.rows) - SHOWN:,} more")
    base.say(f"{done.decided:,} {'would be ' if preview else ''}decided, {len(done.rows):,} of them {'would change' if preview else 'changed'}")
    if done.operation:
        base.say(f"next: musicdb undo {done.operation} takes it back")
    elif preview and done.decided:
        base.say("next: the same without --preview")
