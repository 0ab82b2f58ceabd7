"""The command line: `musicdb ...`, and the same group as `sqlite-utils musicdb ...`. Imports click and nothing that is slow."""

from __future__ import annotations

import click

from musicdb.commands import (
    base,
    database,
    deciding,
    exporting,
    filing,
    fixing,
    importing,
    listening,
    logins,
    playlisting,
    reviewing,
    screens,
    syncing,
    tabling,
)
from musicdb.commands.attributing import attributes
from musicdb.commands.covering import covers
from musicdb.commands.events import events
from musicdb.commands.genring import genres
from musicdb.commands.hearing import HEARING
from musicdb.commands.publishing import ids, publishers
from musicdb.commands.records import RECORDS
from musicdb.commands.shelf import collection
from musicdb.commands.stats import stats
from musicdb.commands.tagging import tags


def version() -> str:
    import musicdb

    return musicdb.__version__


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"musicdb {version()}")
        ctx.exit()


@click.group(cls=base.Group, invoke_without_command=True)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print the version.")
@base.json_option
@click.pass_context
def cli(ctx: click.Context, as_json: bool) -> None:
    """One ground-truth music database: what every platform says of your music, linked and browsable.

    Without a command: where the database is, what is in it, and the next step.

    \b
    Example:
      musicdb demo                    a fictional library to look at
      musicdb import files ~/Music    your own
      musicdb serve                   look at it in a browser
    """
    if ctx.invoked_subcommand is None:
        from musicdb.commands import home

        home.show(as_json)
    elif as_json:
        raise click.UsageError("--json goes after the command, for instance `musicdb check --json`")


for command in (
    screens.demo, database.init, logins.login, logins.logout, importing.import_, importing.link, importing.resolve,
    reviewing.review, syncing.status, syncing.sync, syncing.inspect, filing.reconcile, filing.download, playlisting.playlists, collection, publishers, ids, events, deciding.take, fixing.decide, fixing.lock, fixing.unlock, fixing.clear, covers, genres, tags, attributes, deciding.why, deciding.log, deciding.undo, deciding.redo, deciding.rebuild, reviewing.export, listening.listens, stats, screens.serve, screens.lab,
    database.check, database.backup, database.migrate, database.config,
):  # fmt: skip
    cli.add_command(command)
for command in RECORDS:
    collection.add_command(command)
for command in HEARING:
    listening.listens.add_command(command)
importing.import_.add_command(reviewing.import_matches)
importing.import_.add_command(exporting.import_playlists)
importing.import_.add_command(tabling.import_table)
for command in (
    exporting.export_m3u, exporting.export_rekordbox_xml, exporting.export_playlists, tabling.export_csv, tabling.export_json, listening.export_library,
):  # fmt: skip
    reviewing.export.add_command(command)


def main() -> None:
    """The program `musicdb`."""
    base.ready_for_output()
    cli(prog_name="musicdb")


if __name__ == "__main__":
    main()
