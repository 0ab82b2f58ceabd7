"""The files of a Spotify privacy export (a zip, a folder, or one JSON): their names and forms, not their meaning.

Bytes are counted as they come out of the archive; histories are decoded a megabyte at a time, so that years of
listening fit into little memory. Source: support.spotify.com, "Understanding my data"; exports from 2018 to 2026.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, UnknownSource
from ._zips import UNREADABLE

WANTED = (
    "give the zip that Spotify sent, its folder, or one of its files: YourLibrary.json, Playlist1.json, "
    "StreamingHistory_music_0.json, Streaming_History_Audio_*.json, endsong_0.json"
)
_NUMBERED = r"[ _]?\d*(?: \(\d+\))?\.json"
FORMS = {  # in the order of reading: a play must not be the first word on a track of the library
    "library": re.compile(rf"YourLibrary{_NUMBERED}", re.I),
    "playlists": re.compile(rf"Playlist{_NUMBERED}", re.I),
    "history": re.compile(
        rf"StreamingHistory(?:_?(?:music|podcast|audiobook|video))?{_NUMBERED}"
        rf"|Streaming[_ ]History[_ ](?:Audio|Video)[^/\\]*\.json|end(?:song|video){_NUMBERED}",
        re.I,
    ),
}
# Other files of the account-data package: personal, and not about music. Passed over in silence.
PERSONAL = re.compile(
    r"(?:CarThing|ConnectedServices|CustomerServiceHistory|DuoNewFamily|Family|Follow|Identifiers|Identity|"
    r"Inferences|Marquee|MessageData|Payments|PodcastInteractivity|PodcastRatings|SearchQueries|UserAddress|Userdata|"
    r"UserFestivals|UserPrompts|VoiceInput|Wrapped|YourSoundCapsule)\w*(?: \(\d+\))?\.json",
    re.I,
)
CHUNK, HEAD = 1 << 20, 1 << 16
MAX_ITEM = 4 << 20  # bytes of one play
MAX_OBJECT = 64 << 20  # YourLibrary and Playlist files are decoded whole
MAX_STREAM = 8 << 30
RATIO, RATIO_FROM = 100, 64 << 20  # histories deflate 15 to 30 times; beyond 64 MiB and 100 times it is a bomb
MAX_FILES, MAX_FOLDERS_DEEP = 20_000, 4


class Broken(BadInput):
    """A file of the export breaks off or is no JSON."""


@dataclass(slots=True)
class Member:
    """One file of the export. packed: its bytes in the archive, None for a file on disk."""

    name: str
    open: Callable[[], Any]
    packed: int | None = None
    form: str | None = None


def find(source: Path) -> tuple[list[Member], list[tuple[str, str]], bool]:
    """Return the files to read, in order; (name, reason) of those refused; and whether source is one single JSON file.

    Raises BadInput for what is missing or unreadable, UnknownSource where nothing of an export is found.
    """
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            return (*_sorted(source, _in_folder(source)), False)
        if not stat.S_ISREG(mode):
            raise BadInput(f"{source} is no regular file; {WANTED}")
        with source.open("rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        raise BadInput(f"{source} does not exist; {WANTED}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{source} cannot be read: {error}") from error
    if head.startswith(b"PK") or source.suffix.lower() == ".zip":
        return (*_sorted(source, _in_zip(source)), False)
    member = Member(source.name, lambda: source.open("rb"))
    member.form = form_of(member, whole=True)
    if member.form is None:
        raise UnknownSource(f"{source.name} is no file of a Spotify privacy export; {WANTED}")
    return [member], [], True


def _in_folder(folder: Path) -> Iterator[Member]:
    seen = 0
    for where, folders, files in os.walk(folder):
        relative = Path(where).relative_to(folder)
        if len(relative.parts) >= MAX_FOLDERS_DEEP:
            folders.clear()
        seen += len(files)
        if seen > MAX_FILES:
            raise BadInput(f"{folder} holds more than {MAX_FILES} files; give the folder of the export itself")
        for name in files:
            path = Path(where, name)
            if name.lower().endswith(".json") and stat.S_ISREG(path.stat(follow_symlinks=False).st_mode):
                yield Member((relative / name).as_posix(), lambda path=path: path.open("rb"))


def _in_zip(path: Path) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*UNREADABLE, ValueError) as error:
        raise UnknownSource(f"{path.name} is no zip archive, or a damaged one ({error}); {WANTED}") from error
    if len(infos) > MAX_FILES:
        raise BadInput(f"{path.name} holds {len(infos)} files: no Spotify export")
    for info in infos:
        if info.filename.lower().endswith(".json"):
            yield Member(info.filename, lambda info=info: _Unzipped(path, info), info.compress_size)


class _Unzipped:
    """A file in a zip archive; closes the archive with itself."""

    def __init__(self, path: Path, info: zipfile.ZipInfo):
        self.archive = zipfile.ZipFile(path)
        try:
            self.file = self.archive.open(info)
        except BaseException:
            self.archive.close()
            raise
        self.read = self.file.read

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()
        self.archive.close()


def _sorted(source: Path, found: Iterator[Member]) -> tuple[list[Member], list[tuple[str, str]]]:
    members, refused = [], []
    for member in sorted(found, key=lambda m: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", m.name)]):
        base = member.name.rsplit("/", 1)[-1]
        if base.startswith(".") or member.name.startswith("__MACOSX/") or PERSONAL.fullmatch(base):
            continue
        try:
            member.form = form_of(member)
        except Broken as error:
            refused.append((member.name, str(error)))
            continue
        if member.form:
            members.append(member)
        else:
            refused.append((member.name, "no file of a Spotify privacy export"))
    if not members:
        names = ", ".join(name for name, _ in refused[:3]) or "no library, playlists or plays"
        if source.is_dir() and (zips := sorted(path.name for path in source.glob("*.zip"))):
            names = f"but {', '.join(zips[:3])}: give the zip itself"
        raise UnknownSource(f"{source} holds nothing of a Spotify privacy export ({names}); {WANTED}")
    order = list(FORMS)
    return sorted(members, key=lambda member: order.index(member.form)), refused


def form_of(member: Member, whole: bool = False) -> str | None:
    """Return "library", "playlists", "history", or None. By name; else by its first item, or (whole) by all of it."""
    base = member.name.rsplit("/", 1)[-1]
    if form := next((form for form, pattern in FORMS.items() if pattern.fullmatch(base)), None):
        return form
    with _reading(member):
        with member.open() as file:
            head = _unmarked(file.read(HEAD)).lstrip()
        if head.startswith(b"["):
            return "history" if _is_play(_first_object(head)) else None
        if whole and head.startswith(b"{"):
            found = decode(member)
            return next((form for form in ("playlists", "library") if is_form(form, found)), None)
    return None


def is_form(form: str, found: Any) -> bool:
    """Is this the content of a Playlist file ("playlists") or of YourLibrary ("library"), and not a web API answer?"""
    if not isinstance(found, dict) or "href" in found:
        return False
    if form == "playlists":
        return isinstance(found.get("playlists"), list)
    tracks = found.get("tracks")
    others = {"albums", "shows", "episodes", "artists", "bannedTracks", "bannedArtists", "other"} & found.keys()
    named = [track for track in tracks[:20] if isinstance(track, dict)] if isinstance(tracks, list) else []
    if not isinstance(tracks, list) or any("id" in track for track in named):
        return False
    return bool(others) or any("track" in track for track in named)


def _is_play(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    extended = "ts" in item and ("ms_played" in item or "spotify_track_uri" in item)
    return extended or {"endTime", "msPlayed"} <= item.keys()


def _first_object(head: bytes) -> Any:
    text = head.decode("utf-8", "replace")
    try:
        return json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    except (ValueError, RecursionError):
        return None  # not an object in the first 64 KiB: no play


class _reading:
    """A context manager: what goes wrong while bytes come out of a file or archive is Broken."""

    def __init__(self, member: Member):
        self.name = member.name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, BadInput):
            return
        if isinstance(error, RuntimeError) and "password" in str(error):
            raise Broken(f"{self.name} is encrypted") from error
        if isinstance(error, (*UNREADABLE, RuntimeError)):
            raise Broken(f"{self.name} cannot be read: {error}") from error


def _unmarked(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def _counted(file, member: Member, most: int) -> Callable[[int], bytes]:
    """Return read(size) that counts what really comes out, and stops at `most` or at a suspicious ratio."""
    total = 0

    def read(size: int) -> bytes:
        nonlocal total
        data = file.read(size)
        total += len(data)
        if total > most or (member.packed is not None and total > RATIO_FROM and total > RATIO * member.packed):
            raise Broken(f"{member.name} unpacks to more than {total >> 20} MiB: not read further")
        return data

    return read


def decode(member: Member) -> Any:
    """Return the content of a JSON file of at most 64 MiB. Raises Broken."""
    with _reading(member):
        with member.open() as file:
            read, parts = _counted(file, member, MAX_OBJECT), []
            while data := read(CHUNK):
                parts.append(data)
    data = _unmarked(b"".join(parts))
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            return json.loads(data.decode("utf-8", "surrogateescape"))  # what is odd in it, `load` refuses by item
        except (ValueError, RecursionError) as error:
            raise Broken(f"{member.name} is no JSON, or cut off ({str(error)[:200]})") from error


def batches(member: Member, take: Callable[[bytes], Any] = msgspec.json.decode) -> Iterator[Any]:
    """Yield the items of a JSON array, some thousand at a time, decoding about 1 MiB at once: what `take` makes of each such array.

    Where it raises DecodeError the items come one by one, as a list.

    Raises Broken: before the first item for a file on disk whose end is missing, else after the items before the break.
    """
    with _reading(member):
        with member.open() as file:
            if member.packed is None and not _closed(file):
                raise Broken(f"{member.name} is cut off: its end is missing")
            yield from _split(_counted(file, member, MAX_STREAM), member.name, take)


def _closed(file) -> bool:
    if not _unmarked(file.read(64)).lstrip().startswith(b"["):
        file.seek(0)
        return True  # no array at all: another complaint
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 256))
    tail = file.read().rstrip()
    file.seek(0)
    return tail.endswith(b"]")


def _split(read: Callable[[int], bytes], name: str, take: Callable[[bytes], Any]) -> Iterator[Any]:
    buffer = _unmarked(read(CHUNK)).lstrip()
    if not buffer.startswith(b"["):
        raise Broken(f"{name} is no JSON array" if buffer else f"{name} is empty")
    buffer, count = buffer[1:], 0
    while True:
        data = read(CHUNK)
        cut = _last_cut(buffer)
        if data and cut is None and len(buffer) < MAX_ITEM:
            buffer += data
            continue
        text = b"[" + (buffer if not data else buffer[: cut or len(buffer)] + b"]")
        error = None
        try:
            items = take(text)
            buffer = b"" if not data else buffer[cut + 1 :] if cut else b""
        except (msgspec.DecodeError, UnicodeError, RecursionError):  # a cut in a string, a lone surrogate, or broken
            items, buffer, error = _one_by_one(buffer)
        if items:
            count += len(items) if isinstance(items, list) else items.n
            yield items
        if not data:
            if error:
                raise Broken(f"{name} is cut off or no JSON after {count} items ({error})") from error
            return
        if not items and len(buffer) >= MAX_ITEM:
            raise Broken(f"{name} breaks off, or has an item of over {MAX_ITEM >> 20} MiB, after {count} items")
        buffer += data


def _last_cut(buffer: bytes) -> int | None:
    """Return the place of the last comma that seems to stand between two objects."""
    end = len(buffer)
    for _ in range(4):
        end = buffer.rfind(b"{", 0, end)
        if end <= 0:
            return None
        start = max(0, end - 64)
        before = buffer[start:end].rstrip()
        if before.endswith(b",") and before[:-1].rstrip().endswith(b"}"):
            return start + len(before) - 1
    return None


def _one_by_one(buffer: bytes) -> tuple[list, bytes, Exception | None]:
    """Decode whole items from the front; return them, what is left, and why it stopped (None: the array ended)."""
    text, place, items = buffer.decode("utf-8", "surrogateescape"), 0, []
    decoder, gap = json.JSONDecoder(), re.compile(r"[\s,]*")
    while True:
        place = gap.match(text, place).end()
        if text.startswith("]", place) and not text[place + 1 :].strip():
            return items, b"", None
        try:
            item, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            return items, text[place:].encode("utf-8", "surrogateescape"), error
        items.append(item)
        place = end
