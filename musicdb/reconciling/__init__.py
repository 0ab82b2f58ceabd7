"""Disk and database compared: what is missing, unknown, moved, changed, orphaned or there twice, and a plan for what to do about it.

find(db)            what differs; reads folders, no file is opened and nothing is written
plan(db, findings)  a stored plan of kind "files": approve it row by row, then apply; nothing is deleted, files go to a trash folder
restore(db, plan)   brings files back out of the trash (also `playlists.undo` of such a plan)
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import images, links, load, truth
from ..errors import BadInput, SourceError
from ..platforms._files_audio import EXTENSIONS
from ..playlists import planning, reviewing

if TYPE_CHECKING:
    from ..db import Database, Row

TRASH = ".musicdb-trash"  # in the scanned folder: scans skip hidden names, and a file moves there without being copied
KINDS = {  # kind -> (the offered action, whether each is to be looked at)
    "missing": ("download", False),
    "unknown": ("scan", False),
    "moved": ("scan", False),
    "changed": ("scan", False),
    "unverified": ("verify", False),  # two windows of its sound are another file's: reading both whole tells whether they are the same
    "orphaned": ("trash", True),
    "duplicate": ("trash", True),
}
FILES = """
select f.platform_track_id, f.path, f.path_bytes, f.root, f.size_bytes, f.mtime_ns, f.inode, p.missing_since, k.track_id, t.title, t.artist_credit,
  f.audio_hash, f.file_hash, f.window_hash, f.bitrate
from media_files as f join platform_tracks as p on p.id = f.platform_track_id
left join track_links as k on k.platform_track_id = p.id and k.status in ('auto', 'confirmed')
left join tracks as t on t.id = k.track_id
where instr(f.path, char(0)) = 0
order by f.path
"""
PLACES = "select exists (select 1 from platform_playlist_items where removed_at is null) or exists (select 1 from playlist_items where deleted_at is null)"
USED = """
select 1 from media_files as f
left join track_links as k on k.platform_track_id = f.platform_track_id and k.status in ('auto', 'confirmed')
where f.platform_track_id = :file and (
  exists (select 1 from platform_playlist_items as i where i.platform_track_id = f.platform_track_id and i.removed_at is null)
  or exists (select 1 from playlist_items as i join playlists as p on p.id = i.playlist_id
    where i.track_id in (select k.track_id union all select m.id from tracks as m where m.merged_into_id = k.track_id) and i.deleted_at is null and p.deleted_at is null)
  or exists (select 1 from track_links as o join platform_playlist_items as i on i.platform_track_id = o.platform_track_id and i.removed_at is null
    where o.track_id = k.track_id and o.status in ('auto', 'confirmed')))
"""
TWIN = """
select g.path from media_files as f join media_files as g on g.platform_track_id <> f.platform_track_id
  and (g.audio_hash = f.audio_hash or g.file_hash = f.file_hash)
join platform_tracks as p on p.id = g.platform_track_id and p.missing_since is null
where f.platform_track_id = ? order by g.path
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. file: row of media_files, None for an unknown file; other: where it is now, or the copy that stays."""

    kind: str
    path: str
    root: str
    file: int | None = None
    track: int | None = None
    title: str = ""
    other: str | None = None

    @property
    def action(self) -> str:
        """What is offered."""
        return KINDS[self.kind][0]


@dataclass(slots=True)
class Found:
    """What `find` saw; notes: folders that are not there, of which nothing is concluded."""

    findings: list[Finding]
    notes: list[str]

    def counts(self) -> dict[str, int]:
        """{kind: how many}, all kinds."""
        return {kind: sum(one.kind == kind for one in self.findings) for kind in KINDS}


def find(db: Database) -> Found:
    """Compare the folders that were scanned with what is known of them. A folder that is gone or empty proves nothing: a drive may be away."""
    rows = db.q(FILES)
    roots = sorted({row.root for row in rows if row.root})
    known = {row.path: row for row in rows}
    found, notes, there = [], [], {}
    for root in roots:
        here = _walk(root, known)
        if here:
            there |= here
        else:
            notes.append(f"{root} is empty or not there: nothing is concluded of it (is the drive connected?)")
    refused = {
        path for (path,) in db.execute("select item from quarantine where platform = 'local' and resolved_at is null")
    }  # known to be unreadable
    unknown = {path: info for path, info in there.items() if path not in known and path not in refused}
    by_inode = {(info[2], info[0], info[1]): path for path, info in unknown.items()}  # the number alone is given again to a new file
    by_name = defaultdict(list)
    for path, info in unknown.items():
        by_name[os.path.basename(path), info[0]].append(path)
    seen_roots = {root for root in roots if any(path == root or path.startswith(root.rstrip("/\\") + os.sep) for path in there)}
    for row in rows:
        if row.root not in seen_roots:
            continue
        told = {"path": row.path, "root": row.root, "file": row.platform_track_id, "track": row.track_id, "title": _title(row)}
        info = there.get(row.path)
        if info is None:
            same = by_inode.get((row.inode, row.size_bytes, row.mtime_ns)) or next(
                iter(by_name.get((os.path.basename(row.path), row.size_bytes), ())), None
            )
            if same:
                found.append(Finding("moved", other=same, **told))
                unknown.pop(same, None)
            elif row.missing_since is None or db.value(USED, {"file": row.platform_track_id}):
                found.append(Finding("missing", **told))
        elif row.missing_since is not None or (info[0], info[1]) != (row.size_bytes, row.mtime_ns):
            found.append(Finding("changed", **told))
    found += [Finding("unknown", path, _root(path, roots), title=os.path.basename(path)) for path in sorted(unknown)]
    twice = _duplicates(db, rows, there)
    found += twice
    found += _unverified(rows, there)
    copies = {one.file for one in twice}
    orphans = db.q("select platform_track_id as file, path, track_id, title, artist_credit from orphan_files order by path")
    if orphans and not db.value(PLACES):  # else a folder that came first would be to be thrown away as a whole
        notes.append("no playlist is known yet: which files no playlist uses is not concluded")
        orphans = []
    for row in orphans:
        if row.path in there and row.file not in copies:
            found.append(Finding("orphaned", row.path, known[row.path].root, row.file, row.track_id, _title(row)))
    return Found(found, notes)


def _walk(root: str, known: Container[str] = ()) -> dict[str, tuple[int, int, int]]:
    """{path: (size, mtime_ns, inode)} of audio files below a folder, those that are known by any name; {} where it cannot be read."""
    found, todo = {}, [root]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                        continue
                    path = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
                    if (path in known or os.path.splitext(entry.name)[1][1:].lower() in EXTENSIONS) and entry.is_file():
                        info = entry.stat()
                        found[path] = (info.st_size, info.st_mtime_ns, info.st_ino)
        except OSError:
            continue  # a folder that went away meanwhile: its files are not concluded to be missing, since nothing is done before a look
    return found


def _root(path: str, roots: Iterable[str]) -> str:
    return max((root for root in roots if path.startswith(root)), key=len, default=os.path.dirname(path))


def _title(row: Mapping[str, Any]) -> str:
    name = " - ".join(part for part in (row["artist_credit"], row["title"]) if part)
    return name or os.path.basename(row["path"])


def _duplicates(db: Database, rows: Iterable[Row], there: Mapping[str, Any]) -> list[Finding]:
    """Of files of the very same sound the one of the highest bit rate, then the first path, stays; one that a playlist names by itself stays too."""
    groups = defaultdict(list)
    for row in rows:
        if row.path in there and (digest := row.audio_hash or row.file_hash):
            groups[digest].append(row)
    found = []
    for same in groups.values():
        same.sort(key=lambda row: (-(row.bitrate or 0), row.path))
        for row in same[1:]:
            if not db.value(
                "select 1 from platform_playlist_items where platform_track_id = ? and removed_at is null", [row.platform_track_id]
            ):
                found.append(Finding("duplicate", row.path, row.root, row.platform_track_id, row.track_id, _title(row), same[0].path))
    return found


def _unverified(rows: Iterable[Row], there: Mapping[str, Any]) -> list[Finding]:
    """Files that may sound as another does, as far as two windows of the sound tell, and of which no hash of all of it was made yet."""
    groups = defaultdict(list)
    for row in rows:
        if row.path in there and row.window_hash:
            groups[row.window_hash].append(row)
    return [
        Finding("unverified", row.path, row.root, row.platform_track_id, row.track_id, _title(row), next(one.path for one in same if one is not row))
        for same in groups.values() for row in same if len(same) > 1 and not row.audio_hash
    ]  # fmt: skip


# ---------- the plan
REASONS = {
    "missing": "{path} is gone from the disk",
    "orphaned": "no playlist uses {path}",
    "duplicate": "{path} sounds the very same as {other}",
}


def plan(db: Database, findings: Iterable[Finding]) -> int | None:
    """Store a plan of what to do about the findings; None where there is nothing. Trash is to be approved one by one."""
    ops: list[dict[str, Any]] = []
    scans: dict[str, list[Finding]] = defaultdict(list)
    whole: dict[str, list[int | None]] = defaultdict(list)
    for one in findings:
        if one.action == "scan":
            scans[one.root].append(one)
            continue
        if one.action == "verify":
            whole[one.root].append(one.file)
            continue
        op = {
            "action": one.action,
            "track_id": one.track,
            "title": one.title,
            "reason": REASONS[one.kind].format(path=one.path, other=one.other),
        }
        if one.action == "trash":
            info = os.stat(native(db, one.file))
            op |= {"item": one.path, "needs": "look", "hold": "a file is moved to the trash: approve it by its number", "priority": 90,
                   "before": {"file": one.file, "root": one.root, "size": info.st_size, "mtime_ns": info.st_mtime_ns, "kind": one.kind, "other": one.other}}  # fmt: skip
        else:
            op |= {"item": one.path, "priority": 50}
            if one.track is None:
                continue  # what is unknown cannot be had again
        ops.append(op)
    for root, ones in sorted(scans.items()):
        parts = [f"{n} {kind}" for kind in KINDS if (n := sum(one.kind == kind for one in ones))]
        ops.append({"action": "scan", "item": root, "title": root, "reason": f"{', '.join(parts)} below {root}", "priority": 10})
    for root, ids in sorted(whole.items()):
        reason = f"{len(ids)} files below {root} may be copies of another: reading them whole tells, then `musicdb reconcile` offers what is there twice"
        ops.append({"action": "verify", "item": root, "title": root, "reason": reason, "priority": 20, "after": {"files": ids}})
    return planning.store(db, ops, kind="files", target="files", reason="disk and database compared") if ops else None


def native(db: Database, file: int) -> str:
    """The exact path of a file, for the system."""
    row = db.one("select path, path_bytes from media_files where platform_track_id = ?", [file])
    if row is None:
        raise BadInput(f"there is no file {file} any more; make a new plan")
    return os.fsdecode(row.path_bytes) if row.path_bytes else row.path


def execute(db: Database, op: Row) -> dict[str, Any]:
    """Carry out one approved step of such a plan."""
    if op.action == "scan":
        report = _scan(db, [op.item])
        return {"new": report.new, "changed": report.changed, "returned": report.returned, "vanished": report.vanished}
    if op.action == "verify":
        paths = [path for path in (native(db, file) for file in msgspec.json.decode(op.after)["files"]) if os.path.isfile(path)]
        report = load.run(db, "files", paths, verify=True)
        return {"read": len(paths), "changed": report.changed}
    if op.action == "download":
        from . import downloads

        done = downloads.one(db, op.track_id)
        if done.status == "failed":
            raise SourceError(f"{op.title}: {done.error}")
        return {"path": done.path, "status": done.status}
    if op.action == "trash":
        return _to_trash(db, op)
    raise BadInput(f"a plan of files knows no {op.action!r}")


def _scan(db: Database, places: list[str], *, all: bool = False) -> load.Report:
    report = load.run(db, "files", places, all=all)
    links.link(db)
    truth.resolve(db)
    images.select(db)
    return report


def _to_trash(db: Database, op: Row) -> dict[str, Any]:
    """Move a file to the trash of its folder. It must be as it was when the plan was made, and still be used by no playlist, or be there twice."""
    told = msgspec.json.decode(op.before)
    path, root = native(db, told["file"]), told["root"]
    if told["kind"] == "duplicate":
        if not any(os.path.isfile(twin) for (twin,) in db.execute(TWIN, [told["file"]])):
            raise BadInput(f"{path}: the other copy is gone meanwhile; this one stays")
    elif db.value(USED, {"file": told["file"]}):
        raise BadInput(f"{path}: a playlist uses it now; it stays")
    try:
        info = os.stat(path)
        if (info.st_size, info.st_mtime_ns) != (told["size"], told["mtime_ns"]):
            raise BadInput(f"{path} was changed since the plan was made; it stays")
        place = Path(root) / TRASH / str(op.id)
        place.mkdir(parents=True, exist_ok=True)
        to = place / os.path.basename(path)
        shutil.move(path, to)
    except OSError as error:
        raise SourceError(f"{path} could not be moved to the trash: {error.strerror or error}") from error
    _gone(db, path)
    exact = [os.fsencode(path), os.fsencode(to)]
    texts = [one.decode("utf-8", "backslashreplace") for one in exact]
    lossy = [text.encode() for text in texts] != exact  # a name in bytes that are no UTF-8
    return {"from": op.item, "trash": texts[1], **({"bytes": [one.hex() for one in exact]} if lossy else {})}


def _gone(db: Database, path: str) -> None:
    """Let the observed tables know: the folder of the file is read again, and believed to be empty where it is."""
    folder = os.path.dirname(path)
    load.run(db, "files", [folder], all=not _walk(folder))
    truth.resolve(db)
    images.select(db)


DONE = "select id, item, result from plan_operations where plan_id = ? and action = 'trash' and status = 'done' order by id"


def restore(db: Database, plan: int) -> list[str]:
    """Bring the files of a plan back out of the trash; sentences. A place that is taken meanwhile is not overwritten."""
    found = reviewing.get(db, plan)
    told, back = [], []
    try:
        for id, item, result in db.execute(DONE, [found.id]).fetchall():
            done = msgspec.json.decode(result)
            path, trash = [os.fsdecode(bytes.fromhex(one)) for one in done["bytes"]] if "bytes" in done else [item, done["trash"]]
            if os.path.exists(path):
                raise BadInput(f"{item} is there again: {done['trash']} stays in the trash; move one of them away first")
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                shutil.move(trash, path)
            except OSError as error:
                raise SourceError(f"{done['trash']} could not be moved back to {item}: {error.strerror or error}") from error
            with db.atomic():
                db.execute("update plan_operations set status = 'undone' where id = ?", [id])
            back.append(path)
            told.append(f"{item} is back")
    finally:
        if back:
            _scan(db, back)
    with db.atomic():
        db.execute("update plans set status = 'undone' where id = ?", [found.id])
    return told or ["no file was in the trash of this plan; what was downloaded or read stays"]
