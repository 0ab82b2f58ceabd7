"""Backups that equal what was backed up, and say so; restoring one; thinning them out.

A backup is a plain SQLite file `music-20261121T120000Z.db` and beside it `....db.sha256`, JSON with the file's SHA-256 and a content
hash of every table. It is written under a hidden name, checked (integrity, foreign keys, every table's content against the source), flushed
to the disk and only then given its name: a failed backup never leaves a file that looks like one. A file without its `.sha256` is none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from musicdb.contents import Progress, content, differing
from musicdb.errors import BadBackup, BadInput, DatabaseBusy, DatabaseError, DatabaseFull

KEEP = 10  # newest ones; of the older ones the last of each month stays
NOT_WRITABLE = (
    "cannot be opened where it is: SQLite keeps a log beside a database even to read it, and the file or its folder is not writable; "
    "copy it to a folder of yours, and name the copy with --db"
)
WHOLE = "pragma integrity_check(1)"  # not quick_check: of a table without rowids SQLite 3.40 sees empty cells there that are none
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Backup:
    """A backup: its file, when (UTC ISO), why, its size, {table: (rows, content hash)}, and of which file, as its `.sha256` says."""

    path: Path
    created_at: str
    reason: str
    size_bytes: int
    sha256: str
    tables: dict[str, tuple[int, str]]
    source: str


def create(source: str | Path, target: str | Path | None = None, *, reason: str = "by hand", progress: Progress | None = None) -> Backup:
    """Back up the database `source`; `target` is a folder (the name is made) or the name of a new file. Returns the Backup.

    Without a target it goes to the folder `backups` beside the database.

    Takes one consistent snapshot while others read and write. Raises BadInput (target unusable), DatabaseFull, BadBackup, DatabaseError.
    """
    source = Path(source)
    target = source.parent / "backups" if target is None else Path(target)
    if not source.is_file():
        raise BadInput(f"{source}: there is no database to back up")
    path = _target_name(source, target)
    _forget_unfinished(path.parent)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _private(part)
    except OSError as error:
        raise BadInput(f"{path.parent}: a backup cannot be written there: {error.strerror}; name another folder") from error
    try:
        with translated(source, path), closing(_reader(source)) as original, closing(_writer(part)) as copy:
            original.execute("begin")  # one snapshot for the copy and for the hashes
            original.execute("select count(*) from sqlite_master").fetchone()
            original.backup(copy, pages=2048, progress=_pages(progress))
            copy.execute("pragma journal_mode = delete")  # one file, complete in itself
            problems = _problems(copy, original)
            mine, theirs = content(original, progress), content(copy, progress)
            differing = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
            if problems or differing:
                raise BadBackup(f"{source}: the copy does not equal it: {'; '.join(problems + differing)}; run `musicdb check`")
        with translated(path):
            _flush(part)
            made = Backup(path, _now(), reason, part.stat().st_size, file_hash(part), theirs, str(source.absolute()))
        _write_sidecar(made)
        _publish(part, path)
        return made
    finally:
        for left in (part, Path(f"{part}-journal")):
            left.unlink(missing_ok=True)


def read(path: str | Path) -> Backup:
    """Return what the `.sha256` beside a backup says, without reading the backup. Raises BadBackup where there is none."""
    path = Path(path)
    side = sidecar(path)
    try:
        said = json.loads(side.read_text("utf-8"))
        if said["seal"] != _seal(said):
            raise ValueError("not what was written when the backup was made")
        tables = {name: (int(rows), str(content)) for name, (rows, content) in said["tables"].items()}
        return Backup(path, str(said["created_at"]), str(said["reason"]), int(said["size_bytes"]), str(said["sha256"]), tables, str(said["source"]))
    except OSError as error:
        raise BadBackup(f"{path}: no {side.name} beside it, so it cannot be told whether it is whole") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBackup(f"{side}: damaged ({type(error).__name__}); the backup cannot be trusted") from error


def verify(path: str | Path, *, deep: bool = True) -> Backup:
    """Check a backup against its `.sha256`; deep: also every table's content. Raises BadBackup where one bit differs."""
    path = Path(path)
    if not path.is_file():
        raise BadBackup(f"{path}: there is no such backup")
    said = read(path)
    if path.stat().st_size != said.size_bytes or file_hash(path) != said.sha256:
        raise BadBackup(f"{path}: damaged: its SHA-256 is not the one that was written when it was made")
    if deep:
        with translated(path), closing(_reader(path, immutable=True)) as conn:
            if content(conn) != said.tables:
                raise BadBackup(f"{path}: its tables are not those that were backed up")
    return said


def restore(path: str | Path, over: str | Path) -> None:
    """Make the database `over` equal to the backup `path`, in one transaction, while others may be reading it.

    A file that is no readable database is moved aside (`....broken-<time>`), never deleted. Raises BadBackup before anything is touched
    when the backup is damaged. What `over` holds is lost: `create` a backup of it first.
    """
    path, over = Path(path), Path(over)
    said = verify(path)
    if over.exists() and _readable(over):
        with translated(over), closing(_reader(path, immutable=True)) as good, closing(_writer(over, fast=False)) as conn:
            try:
                good.backup(conn, pages=-1)
            except sqlite3.OperationalError as error:
                if "readonly" not in str(error):  # a WAL file of another page size cannot be overwritten in place
                    raise
                conn.execute("pragma journal_mode = delete")
                good.backup(conn, pages=-1)
            if content(conn) != said.tables:
                raise BadBackup(f"{over}: differs from {path} after restoring; the backup itself is whole: try again")
        return
    _replace(path, over, said)


def newest(folder: str | Path, source: str | Path, *, reason: str | None = None) -> Backup | None:
    """Return the newest backup of `source` in the folder (with that reason, if given), or None."""
    return next((one for one in backups(folder, source) if reason in (None, one.reason)), None)


def backups(folder: str | Path, source: str | Path) -> list[Backup]:
    """Return the backups of `source` in the folder, newest first; files whose `.sha256` is missing or damaged are no backups.

    Backups of another database of the same name, which is still where it was, are left out; one that was moved or renamed keeps its own.
    """
    source = Path(source)
    name = re.compile(re.escape(source.stem) + r"-\d{8}T\d{6}Z(-\d+)?\.db")
    found = []
    for path in sorted(Path(folder).glob("*.db"), key=_age, reverse=True) if Path(folder).is_dir() else ():
        if name.fullmatch(path.name):
            with suppress(BadBackup):
                one = read(path)
                if not _is_anothers(one, source):
                    found.append(one)
    return found


def _is_anothers(one: Backup, source: Path) -> bool:
    """Whether a backup is of another file than `source`, which is there too: two databases may share a backup folder and a name."""
    other = Path(one.source)
    if not one.source or other == source.absolute() or not other.is_file():
        return False
    return not (source.is_file() and other.samefile(source))


def thin(folder: str | Path, source: str | Path, keep: int = KEEP) -> list[Path]:
    """Delete old backups of `source`: the newest `keep` stay, and of the older ones the last of each month. Returns what went."""
    ordered = backups(folder, source)
    months, gone = {one.created_at[:7] for one in ordered[:keep]}, []
    for old in ordered[keep:]:
        if old.created_at[:7] not in months:
            months.add(old.created_at[:7])
            continue
        old.path.unlink(missing_ok=True)
        sidecar(old.path).unlink(missing_ok=True)
        gone.append(old.path)
    return gone


def lost(path: str | Path, current: str | Path) -> dict[str, dict[str, int]]:
    """Return what restoring the backup would lose: {table: {"added", "changed", "deleted"}} of `current` against it."""
    with translated(Path(current)), closing(_reader(Path(path), immutable=True)) as old, closing(_reader(Path(current))) as new:
        new.execute("begin")  # one moment
        return differing(old, new)


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sidecar(path: str | Path) -> Path:
    path = Path(path)
    return path.with_name(path.name + ".sha256")


@contextmanager
def translated(path: Path, target: Path | None = None) -> Iterator[None]:
    """Turn SQLite's and the system's errors about this file (and the one written from it) into ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None) or 0
        if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE or "full" in str(error):
            raise DatabaseFull(f"{target or path}: the disk is full; nothing was left behind: make room and try again") from error
        if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseBusy(f"{path}: another program is writing to it; close it and try again") from error
        if code & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            raise DatabaseError(f"{path} {NOT_WRITABLE} ({error})") from error
        raise DatabaseError(f"{path}: {error}; run `musicdb check`") from error
    except OSError as error:
        raise DatabaseError(f"{path}: {error.strerror or error}") from error


def _target_name(source: Path, target: Path) -> Path:
    if not target.is_dir() and target.suffix:
        if target.exists() or sidecar(target).exists():
            raise BadInput(f"{target} is there already; name another file, or a folder")
        return target
    if target.exists() and not target.is_dir():
        raise BadInput(f"{target} is a file, not a folder; name a folder, or a new file that ends in .db")
    stem, number = f"{source.stem}-{time.strftime(STAMP, time.gmtime())}", 1
    path = target / f"{stem}.db"
    while path.exists() or path.with_name(f".{path.name}.part").exists():
        number += 1
        path = target / f"{stem}-{number}.db"
    return path


def _forget_unfinished(folder: Path) -> None:
    """What a killed run left behind, once it is surely not being written any more."""
    for part in folder.glob(".*.db.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()


def _age(path: Path) -> tuple[str, int]:
    stamp, _, number = path.stem.partition("Z-")
    return stamp.removesuffix("Z"), int(number) if number.isdigit() else 1


def _reader(path: Path, immutable: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)


def _writer(path: Path, fast: bool = True) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None, timeout=30)
    if fast:  # a file of nobody else, flushed by hand when it is complete
        conn.execute("pragma journal_mode = off")
        conn.execute("pragma synchronous = off")
    return conn


def _readable(path: Path) -> bool:
    try:
        with closing(_reader(path)) as conn:
            return path.stat().st_size > 0 and conn.execute(WHOLE).fetchone()[0] == "ok"
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseBusy(f"{path}: another program is writing to it; close it and try again") from error
        return False


def _replace(path: Path, over: Path, said: Backup) -> None:
    part, stamp = over.with_name(f".{over.name}.part"), time.strftime(STAMP, time.gmtime())
    try:
        over.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _private(part)
        with open(path, "rb") as source, open(part, "wb") as out:
            while block := source.read(1 << 20):
                out.write(block)
        _flush(part)
        if file_hash(part) != said.sha256:
            raise BadBackup(f"{over}: the copy of {path} is damaged; nothing was changed: try again")
        for name in ("-wal", "-shm", "-journal", ""):  # the main file last; a stale log beside a new file would spoil it
            if Path(f"{over}{name}").exists():
                os.replace(f"{over}{name}", f"{over}.broken-{stamp}{name}")
        os.replace(part, over)
        _flush_folder(over.parent)
    except OSError as error:
        raise DatabaseError(f"{over}: cannot be restored: {error.strerror}; make room or name another place, and try again") from error
    finally:
        part.unlink(missing_ok=True)


def _write_sidecar(made: Backup) -> None:
    said = {
        "sha256": made.sha256, "size_bytes": made.size_bytes, "created_at": made.created_at, "reason": made.reason,
        "source": made.source, "tables": made.tables,
    }  # fmt: skip
    said["seal"] = _seal(said)
    part = made.path.with_name(f".{made.path.name}.sha256.part")
    try:
        part.unlink(missing_ok=True)
        _private(part)
        part.write_text(json.dumps(said, indent=1), "utf-8")
        _flush(part)
        os.replace(part, sidecar(made.path))
    except OSError as error:
        raise DatabaseFull(f"{made.path}: cannot be written: {error.strerror}; nothing was left behind") from error
    finally:
        part.unlink(missing_ok=True)


def _seal(said: dict) -> str:
    """A hash over what a `.sha256` says besides: a wrong bit in a date or a reason is found too."""
    return hashlib.sha256(json.dumps({key: said[key] for key in sorted(said) if key != "seal"}).encode()).hexdigest()


def _publish(part: Path, path: Path) -> None:
    try:
        os.replace(part, path)  # after its .sha256: a backup that is there can be verified
        _flush_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        sidecar(path).unlink(missing_ok=True)
        raise DatabaseError(f"{path}: cannot be written: {error.strerror}") from error


def _private(path: Path) -> None:
    """Make an empty file that nobody else can read; what is opened by its name afterwards keeps that."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _flush(path: Path) -> None:
    with open(path, "rb+") as handle:
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    # The name lies in the folder; Windows neither needs nor allows this.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _pages(progress: Progress | None):
    if progress is None:
        return None
    return lambda status, remaining, total: progress(total - remaining, total, "copying pages")


def _problems(copy: sqlite3.Connection, original: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in copy.execute("pragma integrity_check(5)") if row[0] != "ok"]
    # Broken references that the source has too are faithfully kept: a backup of a database in trouble must be possible.
    broken, known = (sorted(map(tuple, conn.execute("pragma foreign_key_check"))) for conn in (copy, original))
    return found + ([f"{len(broken)} broken references, the source has {len(known)}"] if broken != known else [])


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
