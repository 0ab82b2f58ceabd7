"""Commands for tables: export csv, export json, import table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput

SHOWN = 30


def _options(command: Any) -> Any:
    for option in (
        click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path)),
        click.option("--where", metavar="SQL", help="Only tracks of the library for which this holds, such as \"bpm > 170\"."),
        click.option("--field", "fields", multiple=True, metavar="FIELD", help="Only this field; may be given again."),
        click.option("--table", "name", metavar="NAME", help="A whole table or view, instead of tracks to be edited."),
        click.option("--query", metavar="SQL", help="What a query returns, instead of tracks to be edited."),
    ):
        command = option(command)
    return command


def _rows(db: Any, where: str | None, fields: tuple[str, ...], name: str | None, query: str | None) -> Any:
    from musicdb.exports import tables

    if sum(one is not None for one in (where, name, query)) > 1:
        raise click.UsageError("give one of --where, --table and --query")
    if name is not None:
        known = [row.name for row in db.q("select name from sqlite_master where type in ('table', 'view')")]
        if name not in known:
            raise BadInput(f"there is no table {name!r}; `sqlite-utils tables` and `sqlite-utils views` list them")
        return db.q(f'select * from "{name}"')
    if query is not None:
        return db.ask(query)
    which = f"select id from library where {where}" if where else "all"
    return tables.sheet(db, which, fields or tables.FIELDS)


@click.command("csv", cls=base.Command)
@_options
def export_csv(file: Path, where: str | None, fields: tuple[str, ...], name: str | None, query: str | None) -> None:
    """Write tracks as CSV, to be edited in a spreadsheet and read back.

    Or any table, or what a query returns. Cells that a spreadsheet would run or change begin with an apostrophe.

    \b
    Example:
      musicdb export csv fast.csv --where "bpm > 170"
      musicdb export csv plays.csv --table listening
    """
    from musicdb.exports import tables

    with base.database() as db:
        rows = _rows(db, where, fields, name, query)
        n = tables.write_csv(base.settings.absolute(file), rows)
    base.say(f"{file}: {n:,} rows")
    if name is None and query is None:
        base.say(f"next: edit it, then musicdb import table {file}")


@click.command("json", cls=base.Command)
@_options
def export_json(file: Path, where: str | None, fields: tuple[str, ...], name: str | None, query: str | None) -> None:
    """Write tracks, a table or what a query returns as JSON.

    \b
    Example:
      musicdb export json tracks.json
      musicdb export json shelf.json --table owned_everywhere
    """
    from musicdb.exports import tables

    with base.database() as db:
        n = tables.write_json(base.settings.absolute(file), _rows(db, where, fields, name, query))
    base.say(f"{file}: {n:,} rows")


@click.command("table", cls=base.Command)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do it, as one operation.")
@base.json_option
def import_table(file: Path, yes: bool, as_json: bool) -> None:
    """Read an edited CSV or JSON of tracks: see what would change, then change it.

    Each cell that differs becomes your decision. Unknown columns and tracks are refused with a list, and nothing is changed.

    \b
    Example:
      musicdb import table fast.csv
      musicdb import table fast.csv --yes
    """
    from musicdb.exports import tables

    with base.database() as db:
        rows = tables.diff(db, base.settings.absolute(file))
        done = tables.apply(db, base.settings.absolute(file)) if yes and rows else None
    if as_json:
        base.say_json({"changes": [dict(row) for row in rows], "operation": done.operation if done else None})
        return
    if rows:
        base.say(base.table(rows[:SHOWN], ("track", "field", "old", "new")))
    if len(rows) > SHOWN:
        base.say(f"... and {len(rows) - SHOWN:,} more (--json shows all)")
    if done:
        base.say(f"{len(rows):,} values decided; musicdb undo {done.operation} takes them back")
    else:
        base.say(f"{len(rows):,} values would change" + (f"\nnext: musicdb import table {file} --yes" if rows else ""))
