"""What all commands share: --db before or after the command, one clear line for every error, progress, tables, JSON.

The only part of musicdb that reads the environment and ends the program. Everything heavy is imported inside functions.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click

from musicdb import settings
from musicdb.errors import BadInput, MusicdbError
from musicdb.progress import Bar
from musicdb.terminal import in_a_line, in_json, visible

DB_KEY = "musicdb.db"  # in click's context: --db of whichever level gave it last
INTERRUPTED = 130


class Failure(click.ClickException):
    """An error for a person: one message on standard error, no traceback."""

    def __init__(self, message: str, exit_code: int = 1):
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file=None) -> None:
        click.echo(f"musicdb: {visible(self.message)}", err=True, file=file)


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        if not value.strip():
            raise click.BadParameter("an empty path", ctx=ctx, param=param)
        ctx.meta[DB_KEY] = value


def _database_option() -> click.Option:
    return click.Option(
        ["--db"], metavar="PATH", expose_value=False, callback=_remember,
        help="The database; else $MUSICDB_DB, else a file in your data folder.",
    )  # fmt: skip


class Command(click.Command):
    """A command that takes --db."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.params.append(_database_option())


class Group(click.Group):
    """A group that takes --db and turns every error into one line; also when it is mounted in `sqlite-utils`."""

    command_class = Command

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.params.append(_database_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("\nmusicdb: stopped; what was read until now is stored, and the same command goes on from there.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # `musicdb ... | head`: click ends quietly
            if os.environ.get("MUSICDB_DEBUG"):
                raise
            from musicdb.secrets import scrub

            message, code = explain(error)
            raise Failure(scrub(message), code) from error


Group.group_class = Group


def explain(error: Exception) -> tuple[str, int]:
    """Return (message, exit code) of an error: what, which one, what to do next."""
    if isinstance(error, BadInput):
        return str(error), 2
    if isinstance(error, MusicdbError):
        return str(error), 1
    if isinstance(error, sqlite3.Error):
        return f"{database_path()}: {_sqlite(error)}", 1
    if isinstance(error, OverflowError) and "SQLite" in str(error):
        return "a number is larger than any that the database can hold: nothing has it", 2
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object[max(0, error.start - 20) : error.end + 20]!r} holds half a character, which is no text; write it in UTF-8", 2
    if isinstance(error, MemoryError):
        return "out of memory; close other programs, or import a part at a time", 1
    if isinstance(error, OSError) and error.errno:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return f"{error.filename or database_path()}: the disk is full; make room and try again", 1
        return f"{error.filename or 'the system'}: {error.strerror}", 1
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" ({Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno})" if where else ""
    return (
        f"an unexpected {type(error).__name__}: {error}{place}. This is a fault of musicdb: the unfinished step was not stored. "
        "Run it again with MUSICDB_DEBUG=1 to see the whole of it, and report that.",
        1,
    )


def _sqlite(error: sqlite3.Error) -> str:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_WRITE:
        return "the disk is full; the unfinished step was not stored: make room and try again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program is writing to it; close it and try again"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"{error}; is its folder writable? Another place: --db PATH"
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return f"{error}; `musicdb check` says more, `musicdb migrate --restore` puts the last backup back"
    return f"{error}; `musicdb check` says whether the database is whole"


def current() -> settings.Settings:
    """The settings of this run: --db, else the environment, else the defaults."""
    ctx = click.get_current_context(silent=True)
    return settings.read(os.environ, ctx.meta.get(DB_KEY) if ctx else None)


def database_path() -> Path:
    return current().database


@contextmanager
def database(*, create: bool = False) -> Iterator[Any]:
    """Open the database for one command and close it after. Without `create` it must be there.

    An older schema is migrated, after a verified backup (unless MUSICDB_AUTO_BACKUP=0).
    """
    here = current()
    path = here.database
    if not create:
        must_be_there(path)
    elif here.listing[0].origin == "default":  # a folder that somebody named and is not there is a slip of the pen
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    import musicdb
    from musicdb import sqllog

    with ExitStack() as stack:
        log = stack.enter_context(closing(sqllog.Log(here.log_sql))) if here.log_sql else None
        db = musicdb.open(path, create=create, listens=here.listens, log_sql=log, backup=lambda _: backup_now(here, "before migration"))
        yield stack.enter_context(closing(db))


def must_be_there(path: Path) -> None:
    """Raise BadInput, with the next step, where there is no database file."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; --db wants the database file, for instance {path / 'music.db'}")
    if not path.exists():
        raise BadInput(f"there is no database at {path}; `musicdb import files FOLDER` or `musicdb init` makes one, --db names another")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty (0 bytes): no database; delete it, or put a backup back with `musicdb migrate --restore`")


def backup_now(here: settings.Settings, reason: str) -> None:
    """An automatic backup, said on standard error; nothing where MUSICDB_AUTO_BACKUP=0."""
    if here.auto_backup == "never":
        return
    from musicdb import backup

    for source in files(here):
        made = backup.create(source, here.backup_dir, reason=reason)
        backup.thin(here.backup_dir, source)
        note(f"backup {reason}: {made.path}")


def files(here: settings.Settings) -> list[Path]:
    """The files of the database: the library and, where it has a file of its own, the listening history."""
    from musicdb import diary

    found = diary.of_file(here.database, here.listens)
    return [here.database, *([found] if found else [])]


@contextmanager
def progress(show: bool = True) -> Iterator[Bar]:
    """A Bar, closed at the end."""
    bar = Bar(show)
    try:
        yield bar
    finally:
        bar.close()


def say(text: str = "") -> None:
    """A line of the result, on standard output."""
    click.echo(visible(text))


def note(text: str) -> None:
    """A remark that is no part of the result, on standard error."""
    click.echo(visible(text), err=True)


def say_json(value: Any) -> None:
    """The result as one JSON document."""
    click.echo(in_json(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as aligned text, numbers to the right."""
    cells = [[number(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(name), *(len(line[place]) for line in cells), 1) if cells else len(name) for place, name in enumerate(columns)]
    right = [bool(cells) and all(line[place][:1].isdigit() or not line[place] for line in cells) for place in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        return "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)).rstrip()

    return "\n".join([line(columns), *map(line, cells)])


def number(value: Any) -> str:
    """Return a value for people, in one line: 12345 as "12,345", None as ""."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else in_a_line(str(value))


LOCAL_TIMES = (  # of a source whose clock names no zone
    click.option("--utc-offset", type=click.IntRange(-840, 840), metavar="MINUTES", help="How far ahead of UTC the clock of a source with local times is."),
    click.option("--time-zone", metavar="NAME", help="The place of a source with local times, like Europe/Berlin; knows of summer time. Kept for its next imports."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def ready_for_output() -> None:
    """A title in Japanese must not stop a program whose output goes to a Windows code page; no traceback shows a token."""
    sys.excepthook = _scrubbed
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _scrubbed(*exception: Any) -> None:
    import traceback

    from musicdb.secrets import scrub

    sys.stderr.write(scrub("".join(traceback.format_exception(*exception))))
