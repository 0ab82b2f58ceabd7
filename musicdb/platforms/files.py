"""Audio files on disk: folders are walked, each new or changed file is read in a worker process, moved files keep their identity.

The payload of a file is what `musicdb.platforms._files_audio.read` says of it (stat, stream, all raw tags) with its path; fields are taken from the raw
tags by `rows`, so a newer mapping needs no second scan. Source: mutagen 1.48; tag names after MusicBrainz Picard's mapping tables.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from ..errors import BadInput, PayloadError
from ..shapes import Complete, Note, Page, Refused, Row
from ..worker import DEADLINE, Pool
from . import _files_audio as audio
from ._files_identities import Identities
from ._files_tags import said_of

PLATFORM = "local"
KIND = "files"
ROWS_VERSION = 1
PAYLOADS = ("file",)
CLAIMS = {
    ("track", "format"): "$.format",
    ("track", "bitrate"): "$.info.bitrate",
    ("track", "sample_rate"): "$.info.sample_rate",
    ("track", "channels"): "$.info.channels",
}

PAGE = 256  # files a page at most
PAGE_BYTES = 16 << 20  # pictures a page at most, about
SEEN_PAGE = 20_000
VERIFY_SPEED = 5_000_000  # bytes/s: a slower disk than this is taken for a hang
FEW = 100  # so many files do not pay for a second process
_READ = "musicdb.platforms._files_audio.read"
_HASH = "musicdb.platforms._files_audio.hash_audio"
_WINDOWS = os.name == "nt"
_LINKS = (errno.ENOENT, errno.ENOTDIR)
NOT_AUDIO = frozenset(
    "jpg jpeg jpe jfif png gif webp bmp tif tiff svg psd ico heic avif pdf txt nfo diz log cue toc ffp md5 sfv sha1 sha256 accurip m3u m3u8 "
    "pls xspf wpl asx json xml html htm css js url webloc lnk ini db db-wal db-shm sqlite sqlite3 cfg conf yaml yml toml plist csv tsv md rtf "
    "doc docx xls xlsx odt ods epub zip rar 7z gz bz2 xz tar iso dmg exe msi dll app so py pyc sh bat part crdownload tmp bak torrent par2 "
    "nml asd als alc adg adv reapeaks rpp sfk pkf pek vdjstems vdjsample lrc srt sub idx ass vtt dat ext 2ex avi mkv webm flv mpg mpeg vob ts "
    "rbext edb pdb aup aup3 flp logicx band nki nkx sfz sf2 fxp fxb mxd musicdb lock".split()
)
_SKIPPED = frozenset(("$RECYCLE.BIN", "System Volume Information", "@eaDir", "#recycle", "lost+found", "__MACOSX"))
SKIPPED = _SKIPPED | {name.encode() for name in _SKIPPED}  # names are bytes on POSIX


_Text = Annotated[str, msgspec.Meta(min_length=1)]


class FilePayload(TypedDict):
    """The stored payload of a file: what the disk, the stream and the tags say."""

    external_id: _Text
    path: _Text
    root: _Text
    size: int
    mtime_ns: int
    path_bytes: NotRequired[str | None]  # hex, where the name is not UTF-8
    ctime_ns: NotRequired[int | None]
    inode: NotRequired[int | None]
    format: NotRequired[str | None]
    info: NotRequired[dict[str, Any] | None]  # length (s), bitrate, sample_rate, channels, ...
    tag_format: NotRequired[str | None]
    tags: NotRequired[dict[str, list] | None]  # raw
    window_hash: NotRequired[str | None]
    audio_hash: NotRequired[str | None]
    file_hash: NotRequired[str | None]


def payload(metadata: str | bytes) -> FilePayload:
    """Return the stored payload (`platform_tracks.metadata`) with its fields checked; PayloadError where it is none."""
    try:
        return msgspec.json.decode(metadata, type=FilePayload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"this is no stored file: {error}") from error


@dataclass(slots=True)
class _File:
    """A file to read. signature: (size, mtime_ns, ctime_ns, inode) at the walk."""

    path: str
    native: bytes | str
    root: str
    signature: tuple[int, int, int, int]
    external_id: str | None


@dataclass
class _Walk:
    """What a walk over the roots found."""

    seen: list[str] = field(default_factory=list)
    todo: list[_File] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)  # roots


def fetch(
    source: Any,
    known: Any,
    *,
    all: bool = False,
    verify: bool = False,
    images: bool = True,
    workers: int | None = None,
    progress: Callable[[int, int | None, str], object] | None = None,
) -> Iterator[Page | Refused | Note | Complete]:
    """Yield the new and changed audio files of one or several folders or files; unchanged ones come as `seen` only.

    Unchanged: same (size, mtime_ns, ctime_ns, inode) at the same path; on Windows (size, mtime_ns). all=True reads every file again;
    verify=True too, and adds SHA-256 and a hash of all audio. images=False leaves covers out. Ignored: hidden files, `._` files, names of
    NOT_AUDIO, files of unknown name whose first bytes are no audio. Links to folders are not followed. Raises BadInput for a path that is
    missing, cannot be listed, or is no file or folder.
    """
    roots, single = _roots(source)
    before = known.files()
    walk = _walk(roots, single, {} if all or verify else before, before, {} if all or verify else known.refused("file"), progress)
    yield from walk.refused
    total = len(walk.seen) + len(walk.todo)
    for start in range(0, len(walk.seen), SEEN_PAGE):
        yield Page("file", [], total=total, seen=walk.seen[start : start + SEEN_PAGE])
    if walk.todo:
        count = workers or (1 if len(walk.todo) <= FEW else min(2, os.cpu_count() or 1))
        with Pool([_READ, _HASH], workers=count) as pool:
            yield from _read(walk, pool, Identities(walk, known, before, [_text(root) for root in roots], _is_gone), total, images, verify)
    if not total and not walk.refused:
        yield Note(f"no audio file in {', '.join(map(_text, roots)) or 'what was given'}: is it the right folder?")
    for root in map(_text, roots):
        if root not in walk.incomplete:
            yield Complete("track", within=root)


def rows(kind: str, payload: dict[str, Any]) -> Iterator[Row]:
    """Yield the TrackRow, the FileRow, and an ImageRow where there is a cover (its bytes come beside, in Page.images).

    Titles of files without one are their names, and not `said`. Raises PayloadError for what `fetch` cannot have made.
    """
    if kind != "file":
        raise PayloadError(f"no such payload kind of files: {kind!r}")
    try:
        msgspec.convert(payload, FilePayload)
        yield from list(_rows(payload))
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PayloadError(f"no payload of a file: {type(error).__name__}: {error}") from error


def _rows(payload: dict[str, Any]) -> Iterator[Row]:
    said = said_of(payload)
    external_id, path, info = payload["external_id"], payload["path"], payload.get("info") or {}
    yield {
        "row": "track",
        "external_id": external_id,
        "title": said.get("title") or re.split(r"[/\\]" if _WINDOWS else "/", path)[-1].rpartition(".")[0] or path,
        "artists": said.get("artists", []),
        "album": said.get("album"),
        "duration_ms": said.get("duration_ms"),
        "isrc": said.get("isrc"),
        "release_date": said.get("release_date"),
        "said": said,
    }
    file: dict[str, Any] = {"row": "file", "external_id": external_id, "path": path, "root": payload["root"]}
    file["path_bytes"] = bytes.fromhex(payload["path_bytes"]) if payload.get("path_bytes") else None
    file["size_bytes"] = payload["size"]
    file.update({name: payload.get(name) for name in ("mtime_ns", "ctime_ns", "inode", "format", "window_hash")})
    for name in ("bitrate", "sample_rate", "channels"):
        value = info.get(name)
        file[name] = round(value) if isinstance(value, int | float) and 0 < value < 2**53 else None
    file.update({name: payload[name] for name in ("audio_hash", "file_hash") if payload.get(name)})
    yield file
    if payload.get("cover") is not None:
        yield {"row": "image", "of": "track", "external_id": external_id, "role": "cover", "position": 0}


# ---------- reading
def _read(walk: _Walk, pool: Pool, identities: Identities, total: int, images: bool, verify: bool) -> Iterator[Page | Refused]:
    later: list[tuple[_File, dict[str, Any], Callable[[], str | None]]] = []  # without their covers: there may be many

    def whole(file: _File, size: int) -> Callable[[], str | None]:
        def full_hash() -> str | None:
            answer = next(pool.map(_HASH, [(file.native,)], deadline=DEADLINE + size / VERIFY_SPEED))
            return answer.value if answer.ok else None

        return full_hash

    def identity(file: _File, found: dict[str, Any]) -> str | None:
        full_hash = whole(file, found["size"])
        external_id = identities.of(file, found, full_hash)
        if external_id is None:
            later.append((file, {k: found[k] for k in ("window_hash", "audio_hash", "tag_format", "tags", "info", "format") if k in found}, full_hash))
        return external_id

    yield from _pages(walk.todo, identity, identities, pool, total, images, verify)
    if later:  # files that changed places: read once more, now that it is known whose places are free
        settled = dict(zip((file.path for file, *_ in later), identities.settle(later)))
        again = [file for file, *_ in later]
        yield from _pages(again, lambda file, found: settled[file.path], identities, pool, total, images, verify)


def _pages(
    files: list[_File], identity: Callable[[_File, dict[str, Any]], str | None], identities: Identities, pool: Pool, total: int, images: bool, verify: bool
) -> Iterator[Page | Refused]:
    deadline = DEADLINE + (max(file.signature[0] for file in files) / VERIFY_SPEED if verify else 0)
    answers = pool.map(_READ, ((file.native, images, verify) for file in files), deadline=deadline)
    page = Page("file", [], total=total, seen=[])
    size = 0
    for file, answer in zip(files, answers):
        if not answer.ok:
            fleeting = "import again" in answer.reason
            payload = None if fleeting else {"signature": file.signature, "reason": answer.reason}
            yield Refused("file", file.path, answer.reason, payload)
            if file.external_id:  # what is known of it stays; it is not gone
                page.seen.append(file.external_id)
                identities.keep(file)
            continue
        found = answer.value
        cover = found.pop("cover_data")
        external_id = identity(file, found)
        if external_id is None:
            continue
        payload = {"external_id": external_id, "path": file.path, "root": file.root}
        if isinstance(file.native, bytes) and os.fsencode(file.path) != file.native:
            payload["path_bytes"] = file.native.hex()
        page.payloads.append(payload | found)
        if cover:
            page.images[external_id] = cover
            size += len(cover)
        if len(page.payloads) >= PAGE or size >= PAGE_BYTES:
            yield page
            page, size = Page("file", [], total=total, seen=[]), 0
    if page.payloads or page.seen:
        yield page


def _is_gone(path: str) -> bool:
    """Whether nothing is at a path outside of what was walked."""
    try:
        os.lstat(_native(path))
    except OSError as error:
        return error.errno in _LINKS
    return False


# ---------- walking
def _roots(source: Any) -> tuple[list[bytes | str], list[bytes | str]]:
    """(folders, single files) as absolute native paths, none within another."""
    given = [source] if isinstance(source, str | bytes | os.PathLike) else list(source or ())
    if not given:
        raise BadInput("import files needs a folder: musicdb import files ~/Music")
    folders, files = [], []
    for one in given:
        path = os.path.abspath(os.path.expanduser(os.fspath(one)))
        path = (os.fsdecode if _WINDOWS else os.fsencode)(path)
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                os.scandir(path).close()
        except OSError as error:
            what = "there is no" if error.errno in _LINKS else f"cannot read ({error.strerror})"
            raise BadInput(f"{what} {_text(path)}; give a folder of audio files, and see that its drive is there") from None
        except ValueError as error:  # a NUL in it
            raise BadInput(f"{_text(path)!r} is no path: {error}") from None
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise BadInput(f"{_text(path)} is neither a file nor a folder; give a folder of audio files")
        (folders if stat.S_ISDIR(mode) else files).append(path)
    sep = os.sep if _WINDOWS else os.fsencode(os.sep)
    outer = [p for p in dict.fromkeys(folders) if not any(p != o and p.startswith(o.rstrip(sep) + sep) for o in folders)]
    return outer, [p for p in dict.fromkeys(files) if not any(p.startswith(o.rstrip(sep) + sep) for o in outer)]


def _walk(roots, single, skip: dict[str, tuple], before: dict[str, tuple], refused: dict[str, Any], progress) -> _Walk:
    """skip: known files that need no reading while they are unchanged; refused: so for those that could not be read."""
    walk = _Walk()
    seen, skip_get, dot = walk.seen.append, skip.get, "." if _WINDOWS else b"."

    def meet(entry: Any, path: bytes | str, root: str, given: bool = False) -> None:
        """A file that is not known, or has changed."""
        shown = _shown(path)
        row = before.get(shown)
        suffix = os.path.splitext(shown)[1][1:].lower()
        if suffix in NOT_AUDIO and not given:
            return
        try:
            status = os.stat(path) if given else entry.stat()
        except OSError as error:
            if suffix in audio.EXTENSIONS:
                walk.refused.append(Refused("file", shown, f"cannot be opened: {error.strerror}"))
                walk.seen += row[:1] if row and error.errno not in _LINKS else ()
            return
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISDIR(status.st_mode):
                walk.refused.append(
                    Refused("folder", shown, "is a link to a folder, which is not followed; import its target by its own path")
                )
            else:
                walk.refused.append(Refused("file", shown, "is a device, pipe or socket, not a file"))
            return
        signature = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        unread = refused.get(shown)
        if isinstance(unread, dict) and _same(unread.get("signature"), signature):
            walk.refused.append(Refused("file", shown, unread["reason"], unread))
            walk.seen += row[:1] if row else ()  # it cannot be read any more, and is there
        elif given or not suffix or suffix in audio.EXTENSIONS or _is_audio(path):
            walk.todo.append(_File(shown, path, root, signature, row and row[0]))

    for root in roots:
        shown_root, folders = _text(root), [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:  # 30,000 times: what most entries are comes first, and nothing is called twice
                        if entry.name[:1] == dot:
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            if entry.name not in SKIPPED and not _is_junction(entry):
                                folders.append(entry.path)
                            continue
                        path = entry.path
                        try:
                            row = skip_get(path.decode() if type(path) is bytes else path)
                        except UnicodeDecodeError:
                            row = skip_get(_shown(path))
                        if row is not None and _unchanged(row, entry):
                            seen(row[0])
                        else:
                            meet(entry, path, shown_root)
            except OSError as error:
                if error.errno not in _LINKS:  # gone since it was listed is no fault; a drive that went away is one
                    walk.refused.append(Refused("folder", _shown(folder), f"cannot be listed: {error.strerror}"))
                    walk.incomplete.add(shown_root)
            if progress:
                progress(len(walk.seen) + len(walk.todo), None, f"looking through {shown_root}")
    for path in single:
        row = skip.get(_shown(path))
        if row is not None and _unchanged(row, Path(os.fsdecode(path))):
            walk.seen.append(row[0])
        else:
            meet(None, path, _text(os.path.dirname(path)), given=True)
    walk.todo.sort(key=lambda file: file.native)
    return walk


def _unchanged(row: tuple, entry: Any) -> bool:
    try:
        status = entry.stat()
    except OSError:
        return False
    if _WINDOWS:  # a listing there tells neither
        return row[1] == status.st_size and row[2] == status.st_mtime_ns
    # An edit within the padding whose mtime was put back changes only ctime.
    return row[1:5] == (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _is_junction(entry: Any) -> bool:
    """Whether a folder is a Windows junction, which may lead back to a folder above; links are told apart by the system elsewhere."""
    return _WINDOWS and entry.stat(follow_symlinks=False).st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def _same(old: Any, new: tuple) -> bool:
    return isinstance(old, list) and tuple(old[: 2 if _WINDOWS else 4]) == new[: 2 if _WINDOWS else 4]


def _is_audio(path: bytes | str) -> bool:
    """Whether a file of unknown name starts like an audio file."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            return audio.kind_of(file.read(audio.MAGIC_BYTES)) is not None
    except OSError:
        return False


def _text(path: bytes | str) -> str:
    """A path for people: what is no UTF-8 as \\xNN."""
    if isinstance(path, bytes):
        return path.decode("utf-8", "backslashreplace")
    return path.encode("utf-8", "backslashreplace").decode()


def _shown(path: bytes | str) -> str:
    """A path as it is stored: `_text`, and never that of another file."""
    try:
        return path.decode() if isinstance(path, bytes) else path.encode() and path
    except UnicodeError:
        text = _text(path)
        return f"{text} (not UTF-8)" if os.path.lexists(text) else text


def _native(path: str) -> bytes | str:
    """The path behind a stored one."""
    if _WINDOWS or "\\x" not in path or os.path.lexists(path):
        return path
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), path.encode())
