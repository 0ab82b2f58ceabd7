"""The download hook: a command of yours is run for each track without a file; musicdb ships none. Optionally a second one converts the result.

Settings (`musicdb config set KEY VALUE`), JSON lists of arguments, run as they are, without a shell:

    download_command   ["my-getter", "--out", "{folder}", "{tidal}"]     leaves one audio file in {folder}
    convert_command    ["ffmpeg", "-i", "{source}", "{folder}/{name}.aiff"]
    download_folder    where files are put; download_timeout: seconds, 600 by default

{artist} {title} {album} {name} {isrc} {spotify} {tidal} {discogs_track} stand for what is known of the track; a command that names an id which
is not known is not run for it. Each try is a row of `operations` (type download or convert), which is how no track is fetched twice.
"""

from __future__ import annotations

import os
import signal
import string
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import images, links, load, truth
from ..errors import BadInput, SourceError
from ..exports import names
from ..exports.lists import files, named
from ..platforms._files_audio import EXTENSIONS
from ..playlists import finding
from ..text import full_title
from ..truth import deriving, merged

if TYPE_CHECKING:
    from ..db import Database

TIMEOUT = 600
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
INSERT = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('link', ?, 'track', ?, ?, ?, ?)"
OWN = "select distinct track_id from playlist_items where playlist_id = ? and deleted_at is null and track_id is not null"
THEIRS = """
select distinct k.track_id from platform_playlist_items as i
join track_links as k on k.platform_track_id = i.platform_track_id and k.status in ('auto', 'confirmed')
where i.platform_playlist_id = ? and i.removed_at is null
"""
IDS = """
select p.platform, p.external_id, p.isrc, p.album from track_links as k join platform_tracks as p on p.id = k.platform_track_id
where k.track_id = ? and k.status in ('auto', 'confirmed') order by p.missing_since is not null, p.id
"""


@dataclass(frozen=True, slots=True)
class Commands:
    """What to run, from the table `config`."""

    download: list[str]
    convert: list[str]
    folder: Path
    timeout: float


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one track. status: done, failed, skipped (there already, tried before, or running elsewhere)."""

    track: int
    title: str
    status: str
    path: str | None = None
    error: str | None = None


def commands(db: Database) -> Commands:
    """The configured commands. Raises BadInput saying how to configure one."""
    said = dict(db.execute("select key, value from config where key like 'download_%' or key like 'convert_%'").fetchall())

    def arguments(key: str) -> list[str]:
        try:
            found = msgspec.json.decode(said.get(key, "[]"), type=list[str])
        except msgspec.MsgspecError as error:
            raise BadInput(
                f'{key} is no JSON list of texts ({error}); for instance: musicdb config set {key} \'["getter", "{{folder}}", "{{tidal}}"]\''
            ) from error
        if unknown := {name for _, name, *_ in string.Formatter().parse("".join(found)) if name} - PLACES:
            raise BadInput(f"{key} has {{{sorted(unknown)[0]}}}, which is not known; there are {', '.join(sorted(PLACES))}")
        return found

    download = arguments("download_command")
    if not download:
        raise BadInput(
            'no download command is set, and none is shipped: musicdb config set download_command \'["getter", "{folder}", "{tidal}"]\''
        )
    folder = said.get("download_folder")
    if not folder:
        raise BadInput("where shall files go? musicdb config set download_folder ~/Music/Downloads")
    try:
        timeout = float(said.get("download_timeout", TIMEOUT))
    except ValueError as error:
        raise BadInput("download_timeout is no number of seconds") from error
    return Commands(download, arguments("convert_command"), Path(folder).expanduser().absolute(), timeout)


PLACES = {"folder", "source", "artist", "title", "album", "name", "isrc", "spotify", "tidal", "discogs_track"}


def wanted(db: Database, playlist: Any) -> list[int]:
    """Tracks of a playlist (yours, or PLATFORM/NAME) that have no file, in order."""
    ref = finding.find(db, playlist)
    found = [track for (track,) in db.execute(OWN if ref.platform == "user" else THEIRS, [ref.id])]
    root = merged.roots(db, found)
    tracks = list(dict.fromkeys(root.get(track, track) for track in found))
    have = files(db, tracks)
    return [track for track in tracks if track not in have or not have[track].exists()]


def run(
    db: Database, playlist: Any, *, again: bool = False, limit: int | None = None, progress: Callable[..., Any] | None = None
) -> list[Done]:
    """Fetch what a playlist lacks; one track's failure stops no other. again: also those that failed before."""
    found, tracks = commands(db), wanted(db, playlist)[:limit]
    done = []
    for n, track in enumerate(tracks):
        if progress:
            progress(n, len(tracks), "downloading")
        done.append(one(db, track, found, again=again))
    return done


def one(db: Database, track: int, found: Commands | None = None, *, again: bool = True) -> Done:
    """Fetch one track, unless it has a file, was fetched, is being fetched, or (without `again`) failed before."""
    found = found or commands(db)
    row = named(db, [track]).get(track)
    if row is None:
        raise BadInput(f"there is no track {track} in the library")
    title = f"{row.artist_credit or ''} - {full_title(row.title or '', row.version)}".strip(" -")
    if (have := files(db, [track]).get(track)) and have.exists():
        return Done(track, title, "skipped", str(have), "it has a file")
    operation, why = _claim(db, track, title, found, again)
    if operation is None:
        return Done(track, title, "skipped", None, why)
    try:
        path = _fetched(db, track, row, title, found)
    except (BadInput, SourceError) as error:
        _ended(db, operation, "failed", str(error))
        return Done(track, title, "failed", None, str(error))
    except BaseException:
        _ended(db, operation, "failed", "interrupted")
        raise
    _ended(db, operation, "completed", None, str(path))
    return Done(track, title, "done", str(path))


def _claim(db: Database, track: int, title: str, found: Commands, again: bool) -> tuple[int | None, str | None]:
    """Begin a try, or say why not: two runs at once take different tracks."""
    with db.atomic():
        last = db.one(
            "select status, error_message, started_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', ?) as is_old from operations "
            "where type = 'download' and track_id = ? order by id desc limit 1",
            [f"-{int(found.timeout * 2) + 60} seconds", track],
        )
        if last and last.status == "running" and not last.is_old:
            return None, "it is being downloaded by another run"
        if last and last.status == "failed" and not again:
            return None, f"it failed before ({last.error_message}); --again tries it once more"
        sql = (
            f"insert into operations (type, status, actor, track_id, reason, started_at) values ('download', 'running', 'me', ?, ?, {NOW})"
        )
        return int(db.execute(sql, [track, title]).lastrowid or 0), None


def _ended(db: Database, operation: int, status: str, error: str | None, path: str | None = None) -> None:
    with db.atomic():
        sql = f"update operations set status = ?, error_message = ?, target = ?, completed_at = {NOW} where id = ?"
        db.execute(sql, [status, error and error[:1000], path, operation])


def _fetched(db: Database, track: int, row: Any, title: str, found: Commands) -> Path:
    ids = db.q(IDS, [track])
    values = {"artist": row.artist_credit or "", "title": full_title(row.title or "", row.version), "name": names.file_name(title)}
    values |= {"isrc": next((r.isrc for r in ids if r.isrc), None), "album": next((r.album for r in ids if r.album), "")}
    for platform, place in (("spotify", "spotify"), ("tidal", "tidal"), ("discogs", "discogs_track")):
        values[place] = next((r.external_id for r in ids if r.platform == platform), None)
    path = _run(found.download, values, values["name"], found)
    _adopt(db, path, track, "downloaded")
    if found.convert:
        copy = _run(found.convert, values | {"source": str(path)}, values["name"], found)
        _adopt(db, copy, track, f"converted from {path.name}")
    return path


def _run(command: list[str], values: dict[str, str | None], name: str, found: Commands) -> Path:
    """Run a command in an empty folder of its own and move the one file it leaves to the downloads. Raises BadInput, SourceError."""
    try:
        found.folder.mkdir(parents=True, exist_ok=True)
        work = tempfile.mkdtemp(prefix=".musicdb-", dir=found.folder)
    except OSError as error:
        raise SourceError(f"{found.folder} cannot be written: {error.strerror}") from error
    try:
        given = values | {"folder": work}
        needed = {key for part in command for _, key, *_ in string.Formatter().parse(part) if key}
        if unknown := sorted(key for key in needed if given.get(key) is None):
            raise BadInput(f"{', '.join(unknown)} of it is not known, which the command needs")
        _call([part.format(**given) for part in command], work, found.timeout)
        left = [
            p
            for p in Path(work).rglob("*")
            if p.is_file() and not p.is_symlink() and p.suffix[1:].lower() in EXTENSIONS and p.stat().st_size
        ]
        if len(left) != 1:
            raise SourceError(f"the command left {len(left) or 'no'} audio files in its folder, one was expected")
        taken = {names.folded(p.name) for p in found.folder.iterdir()}
        to = names.inside(found.folder, names.free_name(name, left[0].suffix.lower(), taken))
        os.replace(left[0], to)
        return to
    except OSError as error:
        raise SourceError(f"{found.folder}: {error.strerror or error}") from error
    finally:
        import shutil

        shutil.rmtree(work, ignore_errors=True)


def _call(arguments: list[str], folder: str, timeout: float) -> None:
    group: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
    if any("\0" in part for part in arguments):
        raise BadInput("a name with a NUL cannot be handed to a command")
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **group)
        except OSError as error:
            raise SourceError(f"{arguments[0]} cannot be run: {error.strerror or error}") from error
        try:
            code = process.wait(timeout)
        except BaseException as error:
            with suppress(OSError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise SourceError(f"{arguments[0]} took longer than {timeout:g} s and was stopped") from None
            raise
        if code:
            said.seek(max(0, said.tell() - 400))
            words = " ".join(said.read().decode("utf-8", "replace").split())
            raise SourceError(f"{arguments[0]} ended with {code}: {words[-300:] or 'it said nothing'}")


def _adopt(db: Database, path: Path, track: int, note: str) -> None:
    """Read the new file and say that it is this track, whatever its tags say."""
    report = load.run(db, "files", [str(path)])
    file = db.one(
        "select p.id, p.external_id from media_files as f join platform_tracks as p on p.id = f.platform_track_id where f.path = ?",
        [str(path)],
    )
    if file is None or report.quarantined:
        reason = db.value("select reason from quarantine where item = ? and resolved_at is null", [str(path)])
        path.unlink(missing_ok=True)  # it was made by this run, and is no audio
        raise SourceError(f"what the command left cannot be read as audio: {reason or 'unknown'}")
    uid = db.value("select track_uid from track_ids where id = ?", [track])
    with db.operation("link", actor="me", reason=note) as op:
        db.execute(INSERT, [f"local/{file.external_id}", msgspec.json.encode(uid).decode(), note, "me", op.id])
        deriving.follow(db, [("link", f"local/{file.external_id}", "track")])
    links.link(db)
    truth.resolve(db)
    images.select(db)
    with db.atomic():
        db.execute("update media_files set download_status = 'done', download_error = null where platform_track_id = ?", [file.id])
