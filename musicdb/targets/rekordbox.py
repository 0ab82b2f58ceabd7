"""Rekordbox 6 and 7: playlists, folders and MyTags written to its own database. Cues and ratings go out by XML (`export rekordbox-xml`).

A copy is written, checked against what was asked and against the tables that must not change, and renamed into place together with
masterPlaylists6.xml (`_pair`). Refused while Rekordbox or its agent runs, looked for before and after. Nothing was tried on a Rekordbox
that runs: what it makes of such a database is known from pyrekordbox's users only.

A list's id is the one that the importer gives it (`platform_playlists.external_id`); which row of djmdPlaylist that is, is kept with the
database (note "playlist ids") and, for lists made here, in `created.json` beside the backups: no list is ever looked for by name.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ..errors import BadInput, SourceError, Transient
from ..platforms import rekordbox as importer
from ..platforms._places import external_id_of
from ..playlists.targets import Backup, CannotRestore, Listed, State, Step
from . import _pair
from ._rekordbox_tables import Changes, List, Tables, connect, contents, write_xml

WRITTEN = ("djmdPlaylist", "djmdSongPlaylist", "djmdMyTag", "djmdSongMyTag", "agentRegistry")
NOTE = "note:playlist ids"
BUSY = "close Rekordbox and its agent (also in the menu bar or tray), then try again"
IDS = "select last_timestamp from sync_checkpoints where platform = 'rekordbox' and entity = ? order by updated_at desc limit 1"


def open(
    db: Any, place: str = "", *, key: str = "", backups: Path | None = None, running: Callable[[], str | None] | None = None
) -> Rekordbox:
    """Open a master.db (place: its path or folder; "" = the standard folders). backups: where to keep them, else beside the musicdb database.

    running: says which process of Rekordbox runs; another one is for tests. Raises BadInput, UnknownSource for what is no such database.
    """
    path = Path(place).expanduser() if place else importer._found(Path.home())
    path = path / "master.db" if path.is_dir() else path
    if not path.is_file():
        raise BadInput(f"{path} does not exist; give the master.db of Rekordbox 6 or 7")
    return Rekordbox(db, str(path.resolve()) if place else "", path.resolve(), key, backups or Path(db.path).absolute().parent / "backups", running or _pair.running)


class Rekordbox:
    """A target, see `playlists.targets.Target`."""

    name, platform, atomic = "rekordbox", "rekordbox", True

    def __init__(self, db: Any, place: str, path: Path, key: str, backups: Path, running: Callable[[], str | None]):
        self.db, self.place, self.path, self.key, self.backups, self.running = db, place, path, key, backups, running
        self.pair = _pair.Pair(path)
        self.work: tempfile.TemporaryDirectory | None = None
        self.conn: Any = None
        self.tables: Tables | None = None
        self.steps: list[Step] = []
        self.ids: dict[str, str] = {}  # row of djmdPlaylist -> the id that the importer gives it
        self.made: dict[str, str] = {}  # row of djmdPlaylist that was made -> mark of its step
        self.told: dict[str, Any] = {}  # what created.json says of this database
        self.before: dict[str, str] = {}
        if not self.running():
            self.pair.recover()

    # ---- reading
    def read(self) -> State:
        with tempfile.TemporaryDirectory(prefix="musicdb-", ignore_cleanup_errors=True) as folder:
            copy = importer._rekordbox_db._copied(self.path, Path(folder) / "master.db")
            with closing(connect(copy, self.key)) as conn:
                return self._state(Tables(conn))

    def _state(self, tables: Tables) -> dict[str, Listed]:
        ids = self._ids(tables)
        return {
            ids[one.id]: Listed(
                ids[one.id], one.name, one.kind if one.kind != "special" else "playlist", None, ids.get(one.parent), tables.items(one.id),
                writable=one.kind in ("playlist", "folder"),
            )
            for one in tables.lists.values()
            if one.id in ids
        }  # fmt: skip

    def _ids(self, tables: Tables) -> dict[str, str]:
        """{row of djmdPlaylist: the id that the importer gives it}."""
        rows = [{"ID": one.id, "ParentID": one.parent, "Name": one.name, "Seq": one.seq} for one in tables.lists.values()]
        nodes, _ = importer._rekordbox_db._tree(rows, self._kept())
        return {node["playlist"]["ID"]: node["external_id"] for node in nodes}

    def _kept(self) -> dict[str, str]:
        kept = json.loads(self.db.value(IDS, [NOTE]) or "{}")
        return {row["id"]: row["external_id"] for row in self._journal()["made"].values()} | kept

    # ---- what earlier writes did
    def _journal(self) -> dict[str, Any]:
        """{"made": {mark of a step: {"id": row, "external_id"}}, "last": {"steps": marks, "lists": {id: items}, "removed": [ids]}}."""
        path = self.backups / "created.json"
        try:
            found = json.loads(path.read_text("utf-8")).get(str(self.path), {})
        except FileNotFoundError:
            found = {}
        except (OSError, ValueError, AttributeError) as error:
            raise SourceError(f"{path} cannot be read ({error}); move it away if it is damaged") from error
        return {"made": {}, "last": {"steps": [], "lists": {}, "removed": []}} | found

    def _remember(self, made: dict[str, Any], last: dict[str, Any]) -> None:
        path, found = self.backups / "created.json", {}
        with suppress(FileNotFoundError):
            found = json.loads(path.read_text("utf-8"))
        found[str(self.path)] = {"made": self.told["made"] | made, "last": last}
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
        _pair.flush(part)
        os.replace(part, path)

    def _ended(self, step: Step) -> bool:
        """Whether an earlier run, cut off after it wrote, has done this step: its list is as that run left it."""
        last = self.told["last"]
        if not step.operation or step.action not in ("add", "remove", "move", "delete") or _mark(step) not in last["steps"]:
            return False
        if step.action == "delete":
            return step.list_id in last["removed"] and step.list_id not in self.ids.values()
        row = next((row for row, key in self.ids.items() if key == step.list_id), None)
        return row is not None and row not in self.tables.now and list(self.tables.items(row)) == last["lists"].get(step.list_id)

    # ---- writing
    def backup(self) -> Backup:
        self._not_running()
        self._settle()
        self.before = self.pair.hashes()
        folder = self.backups / f"rekordbox-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"
        try:
            self.backups.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SourceError(f"{self.backups}: no backup can be written ({error.strerror}); nothing was changed") from error
        hashes = _pair.back_up(self.pair, folder)
        if hashes != self.before:
            raise Transient(f"{self.path} was changed while it was copied; {BUSY}")
        _pair.thin(self.backups)
        return Backup({"folder": str(folder), "of": str(self.path), "files": hashes})

    def _not_running(self) -> None:
        if name := self.running():
            raise Transient(f"{name} is running: {BUSY}. Nothing was written")

    def _settle(self) -> None:
        """Let SQLite put what lies in a -wal or -journal into the database, as Rekordbox would; fails where another program holds a lock."""
        try:
            with closing(connect(self.path, self.key)) as conn:
                conn.execute("begin immediate")
                conn.execute("rollback")
                conn.execute("pragma wal_checkpoint(truncate)")
        except Exception as error:
            if isinstance(error, BadInput):
                raise
            raise Transient(f"{self.path} is in use by another program ({error}); {BUSY}. Nothing was written") from error
        wal = Path(f"{self.path}-wal")
        if wal.is_file() and wal.stat().st_size:
            raise Transient(f"{self.path} is in use by another program; {BUSY}. Nothing was written")

    def _opened(self) -> Tables:
        if self.tables is None:
            if not self.before:
                self.before = self.backup().details["files"]
            # beside the musicdb database, not in Rekordbox's folder: what a kill leaves there is nobody's riddle
            self.work = tempfile.TemporaryDirectory(prefix=".rekordbox-", dir=self.backups, ignore_cleanup_errors=True)
            for file in self.pair.files():
                shutil.copyfile(file, Path(self.work.name) / file.name)
            if {path.name: _pair.sha256(path) for path in Path(self.work.name).iterdir()} != self.before:
                raise Transient(f"{self.path} was changed since its backup; {BUSY}. Nothing was written")
            self.conn = connect(Path(self.work.name) / self.path.name, self.key)
            self.tables, self.told = Tables(self.conn), self._journal()
            self.ids = self._ids(self.tables)
        return self.tables

    def apply(self, step: Step) -> dict[str, Any]:
        tables = self._opened()
        made = self.told["made"].get(_mark(step)) if step.action in ("create", "folder") and step.operation else None
        if made and made["id"] in tables.lists:
            return {"id": made["external_id"]}
        if self._ended(step):
            return {}
        if step.action in ("tag", "untag"):
            tables.tag_id(step.tag or "", False, "")  # says now what cannot be
            tables.tags.append((tables.known(step.key or ""), step.tag or "", step.action == "tag"))
            self.steps.append(step)
            return {}
        result = self._apply(tables, step)
        self.steps.append(step)
        return result

    def _apply(self, tables: Tables, step: Step) -> dict[str, Any]:
        parent = self._row(tables, step.parent).id if step.parent else "root"
        if parent != "root" and tables.lists[parent].kind != "folder":
            raise BadInput(f"{tables.lists[parent].name!r} is no folder of Rekordbox")
        if step.action in ("create", "folder"):
            if not (step.name or "").strip():
                raise BadInput("a playlist needs a name")
            key = external_id_of(step.name, step.parent, set(self.ids.values()))
            one = tables.create(step.name, parent, step.action == "folder", step.after if step.action == "create" else ())
            self.ids[one.id] = key
            self.made[one.id] = _mark(step) if step.operation else ""
            return {"id": key}
        one = self._row(tables, step.list_id)
        if one.kind not in ("playlist", "folder"):
            raise BadInput(f"{one.name!r} is a list that Rekordbox fills itself: it is not written")
        match step.action:
            case "rename":
                one.name = step.name or one.name
            case "describe":
                pass  # Rekordbox's lists have no description
            case "place":
                if self._holds(tables, one.id, parent):
                    raise BadInput(f"folder {one.name!r} cannot lie in itself")
                if one.parent != parent:
                    one.seq = 1 + max((other.seq or 0 for other in tables.lists.values() if other.parent == parent), default=0)
                    one.parent = parent
            case "add":
                tables.add(one.id, step.key or "", step.to)
            case "remove":
                tables.remove(one.id, step.key or "", step.at)
            case "move":
                tables.move(one.id, step.key or "", step.at, step.to)
            case "delete":
                tables.delete(one.id)
                self.made.pop(one.id, None)
                del self.ids[one.id]
            case _:
                raise BadInput(f"Rekordbox knows no {step.action!r}")
        return {}

    def _row(self, tables: Tables, list_id: str | None) -> List:
        row = next((row for row, key in self.ids.items() if key == list_id), None)
        if row not in tables.lists:
            raise BadInput(f"Rekordbox has no list {list_id!r} any more; import it and make a new plan")
        return tables.lists[row]

    @staticmethod
    def _holds(tables: Tables, folder: str, inner: str) -> bool:
        seen: set[str] = set()
        while inner in tables.lists and inner not in seen:
            if inner == folder:
                return True
            seen.add(inner)
            inner = tables.lists[inner].parent
        return False

    def commit(self) -> None:
        """Write the copy, check it, and rename it into place. Raises SourceError; then the old files are there, untouched."""
        if not self.steps or self.tables is None or self.work is None:
            return
        copy = Path(self.work.name)
        try:
            changes = self._write(copy)
            if changes.rows:
                self._replace(copy)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(
                f"{self.path} could not be written ({getattr(error, 'strerror', None) or error}): nothing was changed"
            ) from error
        finally:
            if not self.pair.intent.exists():
                self.pair.drop()
            self.close()

    def _write(self, copy: Path) -> Changes:
        tables, conn = self.tables, self.conn
        untouched = contents(conn, WRITTEN)
        wanted = {id: (one.name, one.parent, tables.items(id)) for id, one in tables.lists.items()}
        try:
            conn.execute("begin immediate")
            changes = tables.write()
            conn.execute("commit")
            conn.execute("pragma wal_checkpoint(truncate)")
            conn.close()
            conn = connect(copy / self.path.name, self.key)
            problems = [row[0] for row in conn.execute("pragma integrity_check(3)") if row[0] != "ok"]
            again = Tables(conn)
            found = {id: (one.name, one.parent, again.items(id)) for id, one in again.lists.items()}
            problems += [f"list {said[0]!r}" for id, said in wanted.items() if found.get(id) != said]
            if contents(conn, WRITTEN) != untouched:
                problems.append("a table that was not to be touched")
        except (OSError, SourceError, BadInput):
            raise
        except Exception as error:  # sqlcipher3 has errors of its own
            raise SourceError(f"{self.path} could not be written ({error}): nothing was changed") from error
        finally:
            conn.close()
            self.conn = None
        if problems:
            raise SourceError(f"{self.path}: the copy is not as it was to be ({'; '.join(problems)[:300]}): nothing was changed")
        write_xml(copy / _pair.XML, changes)
        return changes

    def _replace(self, copy: Path) -> None:
        self._not_running()
        tables = self.tables
        made = {mark: {"id": id, "external_id": self.ids[id]} for id, mark in self.made.items() if mark}
        touched = {self.ids[id]: list(tables.items(id)) for id in tables.now if id in self.ids}
        removed = [step.list_id for step in self.steps if step.action == "delete"]
        hashes = {name: _pair.sha256(copy / name) for name in self.before}
        self._remember(made, {"steps": [_mark(step) for step in self.steps], "lists": touched, "removed": removed, "hashes": hashes})
        self.pair.stage({name: copy / name for name in self.before})
        self._settle()
        self.pair.replace(self.before)
        if name := self.running():
            self.pair.put_back()
            raise Transient(f"{name} was started while its database was written: the old one is back. {BUSY}")
        self.pair.drop()
        self._keep_ids({id: self.ids[id] for id in self.made})

    def _keep_ids(self, made: dict[str, str]) -> None:
        found = json.loads(self.db.value(IDS, [NOTE]) or "{}")
        if made and found:  # without an import yet, the first one reads created.json's names anyway: it gives the same ids
            with self.db.atomic():
                sql = "update sync_checkpoints set last_timestamp = ? where platform = 'rekordbox' and entity = ?"
                self.db.execute(sql, [json.dumps(found | made, ensure_ascii=False), NOTE])

    def verify(self, expected: Mapping[str, Sequence[str]]) -> list[str]:
        now = self.read()
        return [
            f"Rekordbox's {now[id].name!r} holds {len(now[id].items)} tracks that are not the {len(items)} expected" if id in now else f"Rekordbox has no list {id!r}"
            for id, items in expected.items()
            if id not in now or now[id].items != tuple(items)
        ]  # fmt: skip

    def observe(self) -> None:
        from .. import load

        load.run(self.db, "rekordbox", self.path, anlz=False)

    def restore(self, backup: Mapping[str, Any]) -> None:
        """Put a backup back, as one. Raises SourceError where it is damaged or Rekordbox runs; then nothing was changed.

        Where Rekordbox has written since, its cues and plays would be lost with that: CannotRestore, so that inverse steps are applied.
        """
        if not backup:
            raise CannotRestore("there is no backup of this write")
        if self.pair.hashes() == backup["files"]:
            return
        self._not_running()
        files = _pair.verified(Path(backup["folder"]))
        self._settle()
        before = self.pair.hashes()
        if before != self._journal()["last"].get("hashes"):
            raise CannotRestore(f"{self.path} was written to since: the backup would take that away")
        try:
            self.pair.stage(files)
            self.pair.replace(before)
        except OSError as error:
            raise SourceError(f"{self.path} could not be written ({error.strerror or error}): nothing was changed") from error
        finally:
            self.pair.drop()

    def close(self) -> None:
        if self.conn is not None:
            self.conn.close()
        if self.work is not None:
            self.work.cleanup()
        self.conn = self.work = self.tables = None
        self.steps, self.before, self.made, self.ids = [], {}, {}, {}


def _mark(step: Step) -> str:
    """What names a step in the journal: its operation, and what it says, because numbers begin anew in a new database."""
    return json.dumps(
        [step.operation, step.action, step.list_id, step.key, step.at, step.to, step.name, step.parent, step.tag, step.after],
        ensure_ascii=False,
    )
