"""Commands about the database file: init, migrate, check, backup, config."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadBackup, BadInput


@click.command(cls=base.Command)
@base.json_option
def init(as_json: bool) -> None:
    """Make an empty database that only you can read.

    One that is there is left as it is.

    \b
    Example:
      musicdb init
      musicdb init --db ~/Music/music.db
    """
    path = base.database_path()
    existed = path.exists() and path.stat().st_size > 0
    with base.database(create=True):
        pass
    if as_json:
        base.say_json({"database": str(path), "created": not existed})
    else:
        base.say(f"{path}: {'is there already' if existed else 'made'}")
        base.say("next: musicdb import files FOLDER" if not existed else "next: musicdb")


@click.command(cls=base.Command)
@click.option("--restore", is_flag=True, help="Put the newest backup from before a migration back (else the newest of all).")
@click.option("--from", "chosen", metavar="BACKUP", type=click.Path(path_type=Path), help="With --restore: this backup.")
@base.json_option
def migrate(restore: bool, chosen: Path | None, as_json: bool) -> None:
    """Bring the database up to this version, or go back to a backup.

    An existing file is backed up, and the backup verified, before it is changed. Tables, indexes and triggers that another program
    changed are put back as they were made; columns of your own stay.

    --restore says what was written since the backup and is lost by going back; the state it leaves is backed up too.

    \b
    Example:
      musicdb migrate
      musicdb migrate --restore
    """
    if chosen and not restore:
        raise click.UsageError("--from goes with --restore")
    if restore:
        _restore(chosen, as_json)
        return
    here = base.current()
    base.must_be_there(here.database)
    import musicdb
    from musicdb import mending, schema

    db = musicdb.open(here.database, create=False, migrate=False)
    try:
        steps, mended = schema.migrate(db.utils, lambda: base.backup_now(here, "before migration")), []
        if wrong := schema.differences(db.conn):
            if any(kind == "table" for _, kind, _ in wrong):
                base.backup_now(here, "before mending")
            mended = mending.mend(db.conn)
    finally:
        db.close()
    if as_json:
        base.say_json({"database": str(here.database), "applied": steps, "mended": mended})
    elif steps or mended:
        said = [f"{len(steps)} steps applied: {', '.join(steps)}"] if steps else []
        said += [f"put back: {', '.join(mended)}"] if mended else []
        base.say(f"{here.database}: {'; '.join(said)}")
    else:
        base.say(f"{here.database}: up to date, nothing to do")


def _restore(chosen: Path | None, as_json: bool) -> None:
    from musicdb import backup

    here = base.current()
    found = backup.read(chosen) if chosen else _newest(here)
    try:
        backup.verify(found.path, deep=False)  # before a word is said about it
    except BadBackup as error:
        raise BadBackup(f"{error}; nothing was changed. `musicdb backup --verify` says which are whole, `--restore --from` takes one of them") from error
    over = _whose(found.path, here)
    lost: dict[str, dict[str, int]] = {}
    kept = None
    if over.exists():
        try:
            lost = backup.lost(found.path, over)
            if lost:
                kept = backup.create(over, here.backup_dir, reason="before restore").path
        except base.MusicdbError as error:
            base.note(f"what is there cannot be read and is moved aside: {error}")
    if not as_json:
        base.say(f"backup     {found.path}, {found.created_at}, {found.reason}")
        for table, count in lost.items():
            said = ", ".join(f"{n:,} {what}" for what, n in count.items() if n)
            base.say(f"lost       {table}: {said} since then")
        if not lost:
            base.say("lost       nothing: the database equals the backup")
    backup.restore(found.path, over)
    if as_json:
        base.say_json({"database": str(over), "restored": str(found.path), "lost": lost, "kept": kept and str(kept)})
        return
    base.say(f"restored   {over}")
    if kept:
        base.say(f"kept       {kept} is the state that was replaced")
        base.say(f"to go forward again: musicdb migrate --restore --from {kept}")


def _whose(found: Path, here) -> Path:
    """The file that a backup is of: the library, or the listening history beside it."""
    from contextlib import closing

    from musicdb import diary

    with closing(sqlite3.connect(f"{found.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as conn:
        if conn.execute("pragma application_id").fetchone()[0] != diary.APPLICATION_ID:
            return here.database
    with closing(sqlite3.connect(f"{here.database.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        if where := diary.location(conn, here.listens):
            return where
    raise BadInput(f"{found} is of a listening history apart from its library, and {here.database} has its own within it")


def _newest(here) -> Any:
    from musicdb import backup

    found = backup.newest(here.backup_dir, here.database, reason="before migration")
    if found is None:  # never the state that a restore replaced: going back twice would go forward
        found = next((one for one in backup.backups(here.backup_dir, here.database) if one.reason != "before restore"), None)
    if found is None:
        raise BadInput(f"no backup of {here.database} in {here.backup_dir}; name one with --from, or the folder with MUSICDB_BACKUP_DIR")
    return found


@click.command(cls=base.Command)
@click.option("--vacuum", is_flag=True, help="Also give free space back to the disk and refresh the query statistics.")
@base.json_option
@click.pass_context
def check(ctx: click.Context, vacuum: bool, as_json: bool) -> None:
    """Verify that the database is whole.

    The file, references, schema and triggers, search index, stray rows, history; exit 1 where something is wrong.
    Each fault comes with the command that mends it. Nothing is changed without --vacuum.

    \b
    Example:
      musicdb check
      musicdb check --vacuum
    """
    from musicdb import check as checks

    path = base.database_path()
    base.must_be_there(path)
    with base.progress(not as_json) as step:
        findings = checks.run(path, listens=base.current().listens, progress=step)
    good = all(one.ok for one in findings)
    if not as_json:
        for one in findings:
            base.say(f"{'ok  ' if one.ok else 'BAD '} {one.name:<22} {one.detail}".rstrip())
            if not one.ok:
                base.say(f"     mend with:             {one.mend}")
    freed = sum(map(checks.vacuum, base.files(base.current()))) if vacuum and good else None
    if as_json:
        base.say_json({"database": str(path), "ok": good, "freed_bytes": freed, "checks": [one.as_dict() for one in findings]})
    elif freed is not None:
        base.say(f"vacuumed: {freed:,} bytes given back")
    elif vacuum:
        base.note("not vacuumed: mend what is wrong first")
    if not good:
        ctx.exit(1)


@click.command(cls=base.Command)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Make none: check PATH, or every backup there is, against its checksum.")
@base.json_option
def backup(path: Path | None, verify: bool, as_json: bool) -> None:
    """Make a verified backup.

    It goes to the backup folder, or to PATH (a folder, or a new file), and is compared with the database before it gets its name.
    The newest ten stay, and of older ones the last of each month. A backup given its own PATH is never thinned out.

    \b
    Example:
      musicdb backup
      musicdb backup /media/stick
      musicdb backup --verify
    """
    from musicdb import backup as backups

    here = base.current()
    if verify:
        _verify(path, here, as_json)
        return
    base.must_be_there(here.database)
    with base.progress(not as_json) as step:
        target = base.settings.absolute(path) if path else here.backup_dir
        made, *listens = [backups.create(file, target if place == 0 or target.suffix != ".db" else _beside(target), progress=step)
                          for place, file in enumerate(base.files(here))]  # fmt: skip
    gone = [] if path else [old for file in base.files(here) for old in backups.thin(here.backup_dir, file)]
    if as_json:
        told = [
            {"backup": str(one.path), "sha256": one.sha256, "size_bytes": one.size_bytes, "rows": sum(n for n, _ in one.tables.values())}
            for one in (made, *listens)
        ]
        base.say_json(told[0] | {"thinned": list(map(str, gone))} | ({"listens": told[1]} if listens else {}))
        return
    for one, what in zip((made, *listens), ("database", "listening history"), strict=False):
        rows = sum(n for n, _ in one.tables.values())
        base.say(f"{one.path}: {one.size_bytes:,} bytes, {rows:,} rows in {len(one.tables)} tables, equal to the {what}")
    if gone:
        base.say(f"{len(gone)} old backups thinned out")


def _beside(target: Path) -> Path:
    return target.with_name(f"{target.stem}-listens{target.suffix}")


def _verify(path: Path | None, here, as_json: bool) -> None:
    from musicdb import backup as backups

    chosen = [base.settings.absolute(path)] if path else [one.path for file in base.files(here) for one in backups.backups(here.backup_dir, file)]
    if not chosen:
        raise BadInput(f"no backup of {here.database} in {here.backup_dir}; `musicdb backup` makes one")
    found = [(one, *_verified(one)) for one in chosen]  # all of them: who has a damaged one wants to know which are whole
    if as_json:
        base.say_json([{"backup": str(one), "ok": not fault, "fault": fault} | said for one, said, fault in found])
    for one, said, fault in found if not as_json else ():
        base.say(f"BAD  {fault}" if fault else f"ok   {one}  {said['created_at']}  {said['reason']}")
    if any(fault for *_, fault in found):
        raise click.exceptions.Exit(1)


def _verified(path: Path) -> tuple[dict[str, str], str | None]:
    from musicdb import backup as backups

    try:
        one = backups.verify(path)
    except BadBackup as error:
        return {}, str(error)
    return {"created_at": one.created_at, "reason": one.reason}, None


SECRET = re.compile(r"token|secret|passw|api_?key|credential", re.I)
CONFIG = "select key, value, data_type as type, description from config order by key"
SET = """
insert into config (key, value, data_type, updated_at) values (:key, :value, :type, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
on conflict (key) do update set value = excluded.value, data_type = excluded.data_type, updated_at = excluded.updated_at
where value is not excluded.value or data_type is not excluded.data_type
"""


@click.group(cls=base.Group, invoke_without_command=True)
@base.json_option
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Show or change settings.

    Shows whose word each setting is (an option, the environment, the default) and the values kept in the database.

    \b
    Example:
      musicdb config
      musicdb config set music_folder ~/Music
      musicdb config unset music_folder
    """
    if ctx.invoked_subcommand is None:
        _show_config(as_json)


@config.command("show")
@base.json_option
def config_show(as_json: bool) -> None:
    """Show all settings; the same as `musicdb config`.

    \b
    Example:
      musicdb config show --json
    """
    _show_config(as_json)


def _show_config(as_json: bool) -> None:
    here = base.current()
    stored: list[dict[str, Any]] = []
    if here.database.exists():
        with base.database() as db:
            stored = [dict(row) for row in db.q(CONFIG)]
    if as_json:
        base.say_json({"settings": here.as_dicts(), "config": stored})
        return
    base.say(base.table(here.as_dicts(), ["name", "value", "origin", "description"]))
    base.say()
    if stored:
        base.say(f"in the database ({here.database.name}, table config):")
        base.say(base.table(stored, ["key", "value", "type", "description"]))
    else:
        base.say("in the database: nothing; `musicdb config set KEY VALUE` keeps a value there")


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--type", "type_", type=click.Choice(["string", "int", "float", "bool", "json"]), help="Else guessed from the value.")
def config_set(key: str, value: str, type_: str | None) -> None:
    """Keep a value in the database's config table.

    \b
    Example:
      musicdb config set music_folder ~/Music
    """
    if not re.fullmatch(r"[A-Za-z][\w.-]*", key):
        raise BadInput(f"{key!r}: a key begins with a letter and holds letters, digits, dots, dashes and underscores")
    if SECRET.search(key):
        raise BadInput(f"{key}: secrets do not belong in the database, which Datasette serves; `musicdb login` keeps them elsewhere")
    kind = type_ or guess_type(value)
    check_type(key, value, kind)
    with base.database() as db, db.operation("config", actor="user"):
        db.execute(SET, {"key": key, "value": value, "type": kind})
    base.say(f"{key} = {value} ({kind})")


@config.command("unset")
@click.argument("key")
def config_unset(key: str) -> None:
    """Take a value out of the config table.

    \b
    Example:
      musicdb config unset music_folder
    """
    with base.database() as db:
        known = [row["key"] for row in db.q(CONFIG)]
        if key not in known:
            raise BadInput(f"{key} is not set; set are: {', '.join(known) or 'none'}")
        with db.operation("config", actor="user"):
            db.execute("delete from config where key = ?", [key])
    base.say(f"{key} is no longer set")


def guess_type(value: str) -> str:
    """Return the type that a typed word most likely has."""
    if re.fullmatch(r"[-+]?\d{1,18}", value):
        return "int"
    if re.fullmatch(r"[-+]?\d+\.\d+", value):
        return "float"
    if value.lower() in ("true", "false"):
        return "bool"
    return "json" if value[:1] in "[{" and _is_json(value) else "string"


def check_type(key: str, value: str, kind: str) -> None:
    """Raise BadInput where the value is not of that type."""
    good = {
        "string": True,
        "int": bool(re.fullmatch(r"[-+]?\d{1,18}", value)),
        "float": bool(re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", value)),
        "bool": value.lower() in ("true", "false"),
        "json": _is_json(value),
    }[kind]
    if not good:
        raise BadInput(f"{key}: {value!r} is no {kind}")


def _is_json(value: str) -> bool:
    import json

    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
