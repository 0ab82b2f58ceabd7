"""Files of listening histories: a file, a folder or a zip; JSON, JSON lines or text. Their bytes and forms, not their meaning.

Everything is read as a stream: years of listening fit into little memory. Text is UTF-8 or UTF-16 with or without a mark; a line
that is neither is read as Windows-1252, which every byte fits. Bytes out of an archive are bounded.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput, UnknownSource
from ..shapes import Page, Refused, title
from ._zips import UNREADABLE

CHUNK, HEAD = 1 << 20, 1 << 16
PAGE = 2000
MAX_ITEM = 4 << 20  # bytes of one play, or of one line
MAX_STREAM = 8 << 30
RATIO, RATIO_FROM = 200, 64 << 20  # histories deflate 15 to 40 times; beyond 64 MiB and 200 times it is a bomb
MAX_FILES, MAX_FOLDERS_DEEP = 20_000, 5
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_INTO = {"lovedtracks", "recenttracks", "payload"}  # objects that only wrap the list
_ENDS, _WHOLE = tuple(",]}: \t\r\n"), (dict, list, str)
_GAP = re.compile(r"[\s,]*")


class Broken(BadInput):
    """A file breaks off, is damaged or is not what it seems."""


@dataclass(slots=True)
class Member:
    """One file. name: for people, with its folder in the export; open() gives a binary file with read and readline."""

    name: str
    open: Callable[[], Any]

    @property
    def base(self) -> str:
        return self.name.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Bad:
    """A line or item that could not be read: where it stands, why, and what it holds."""

    item: str
    reason: str
    payload: Any = None


# ---------- which files
def members(source: Any, wanted: str, suffixes: tuple[str, ...]) -> tuple[list[Member], bool]:
    """Return the files to read, sorted by name with numbers as numbers, and whether source is a single file.

    wanted: what to give, for messages. Raises BadInput for what is missing or unreadable, UnknownSource where nothing is found.
    """
    source = Path(source).expanduser()
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            found, single = list(_in_folder(source, suffixes)), False
        elif not stat.S_ISREG(mode):
            raise BadInput(f"{source} is no regular file; {wanted}")
        else:
            with source.open("rb") as file:
                head = file.read(4)
            single = not head.startswith(b"PK\x03\x04") and not head.startswith(b"PK\x05\x06")
            found = [Member(source.name, lambda: source.open("rb"))] if single else list(_in_zip(source, suffixes, wanted))
    except FileNotFoundError:
        raise BadInput(f"{source} does not exist; {wanted}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{source} cannot be read: {error}") from error
    if not found:
        raise UnknownSource(f"{source} holds nothing to read; {wanted}")
    return sorted(found, key=lambda m: [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", m.name)]), single


def _in_folder(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Member]:
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
            if name.lower().endswith(suffixes) and stat.S_ISREG(path.stat(follow_symlinks=False).st_mode):
                yield Member((relative / name).as_posix(), lambda path=path: path.open("rb"))


def _in_zip(path: Path, suffixes: tuple[str, ...], wanted: str) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*UNREADABLE, ValueError) as error:
        raise UnknownSource(f"{path.name} is no zip archive, or a damaged one ({error}); {wanted}") from error
    if len(infos) > MAX_FILES:
        raise BadInput(f"{path.name} holds {len(infos)} files: no export of a listening history")
    for info in infos:
        name = info.filename
        if name.lower().endswith(suffixes) and not name.startswith("__MACOSX/") and not name.rsplit("/", 1)[-1].startswith("."):
            yield Member(name, lambda info=info: _unzipped(path, info))


def _unzipped(path: Path, info: zipfile.ZipInfo) -> Any:
    # zipfile never gives more than the declared size, so the declaration is what has to be bounded.
    if info.file_size > MAX_STREAM or (info.file_size > RATIO_FROM and info.file_size > RATIO * max(1, info.compress_size)):
        raise Broken(f"{info.filename} would unpack to {info.file_size >> 20} MiB: not read")
    archive = zipfile.ZipFile(path)
    try:
        return _Unzipped(archive.open(info), archive)
    except BaseException:
        archive.close()
        raise


class _Unzipped(io.BufferedReader):
    """A file in an archive; closes the archive with itself."""

    def __init__(self, file: Any, archive: zipfile.ZipFile):
        super().__init__(file, HEAD)
        self.archive = archive

    def close(self) -> None:
        super().close()
        self.archive.close()


@contextmanager
def reading(name: str) -> Iterator[None]:
    """What goes wrong while bytes come out of a file or archive is Broken."""
    try:
        yield
    except UNREADABLE as error:
        raise Broken(f"{name} cannot be read: {error}") from error
    except RuntimeError as error:  # zipfile's word for a password
        raise Broken(f"{name} is encrypted" if "password" in str(error) else f"{name} cannot be read: {error}") from error


def head(member: Member, size: int = HEAD) -> str:
    """Return the first characters of a file, without its mark."""
    with reading(member.name), member.open() as file:
        data = file.read(size)
    mark, encoding = _encoding(data)
    return data[len(mark) if encoding == "utf-8" else 0 :].decode(encoding, "replace").lstrip()


def _encoding(data: bytes) -> tuple[bytes, str]:
    return next(((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", "utf-8"))


# ---------- text
def lines(member: Member, foreign: list[int] | None = None) -> Iterator[str]:
    """Yield the lines of a text file with their ends. foreign[0] counts lines that were no UTF-8. Raises Broken."""
    with reading(member.name), member.open() as file:
        first = file.readline(MAX_ITEM)
        mark, encoding = _encoding(first)
        if encoding == "utf-16":
            file.seek(0)
            with io.TextIOWrapper(file, "utf-16", errors="replace", newline="") as wide:
                yield from wide
            return
        line = first[len(mark) :]
        while line:
            if len(line) >= MAX_ITEM:
                raise Broken(f"{member.name} has a line of over {MAX_ITEM >> 20} MiB: no listening history")
            try:
                yield line.decode()
            except UnicodeDecodeError:
                if foreign is not None:
                    foreign[0] += 1
                yield line.decode("cp1252", "replace")
            line = file.readline(MAX_ITEM)


# ---------- JSON
def json_lines(member: Member) -> Iterator[Any]:
    """Yield the object of each line, or Bad for a line that is none. Raises Broken."""
    decode = msgspec.json.Decoder().decode
    with reading(member.name), member.open() as file:
        number = 0
        if _encoding(file.read(2))[1] == "utf-16":
            file.seek(0)
            file = io.BytesIO(file.read(MAX_STREAM).decode("utf-16", "replace").encode())
        else:
            file.seek(0)
        while line := file.readline(MAX_ITEM):
            number += 1
            if len(line) >= MAX_ITEM:
                raise Broken(f"{member.name} has a line of over {MAX_ITEM >> 20} MiB: no listening history")
            line = line.removeprefix(codecs.BOM_UTF8).strip() if number == 1 else line.strip()
            if not line:
                continue
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                try:  # NaN, or half a character: `load` refuses that item and names it
                    yield json.loads(line.decode("utf-8", "surrogateescape"))
                except (ValueError, RecursionError) as error:
                    shown = line[:2000].decode("utf-8", "replace")
                    yield Bad(f"{member.name}, line {number}", f"no JSON, or cut off ({str(error)[:120]})", {"line": shown})


def json_items(member: Member) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of a JSON file: the items of its lists one by one under the key of the list, "" for a list without a key.

    Everything else comes whole, under its own key. Lists are looked for in the outermost object and in those that only wrap one.
    Raises Broken, after the items before the break.
    """
    with reading(member.name), member.open() as file:
        yield from _Json(file, member.name).document()


class _Json:
    """A JSON text that is read as far as needed."""

    def __init__(self, file: Any, name: str):
        data = file.read(max(CHUNK, 4))
        encoding = _encoding(data)[1]
        self.more = codecs.getincrementaldecoder("utf-16" if encoding == "utf-16" else "utf-8-sig")(
            "replace" if encoding == "utf-16" else "surrogateescape"
        )
        self.file, self.name, self.end, self.count = file, name, False, 0
        self.text, self.at = self.more.decode(data), 0
        self.decode = json.JSONDecoder().raw_decode

    def document(self) -> Iterator[tuple[str, Any]]:
        if self._next() == "[":
            yield from self._list("")
        elif self._next() == "{":
            yield from self._object()
        else:
            raise Broken(f"{self.name} is no JSON" if self.text.strip() else f"{self.name} is empty")

    def _object(self) -> Iterator[tuple[str, Any]]:
        self.at += 1
        while (found := self._next()) != "}":
            key = self._value()
            if found != '"' or self._next() != ":":
                raise self._broken("a name was expected")
            self.at += 1
            found = self._next()
            if found == "[":
                yield from self._list(key)
            elif found == "{" and key in _INTO:
                yield from self._object()
            else:
                yield key, self._value()
        self.at += 1

    def _list(self, key: str) -> Iterator[tuple[str, Any]]:
        self.at += 1
        while self._next() != "]":
            value = self._value()
            self.count += 1
            yield key, value
        self.at += 1

    def _next(self) -> str:
        """The next character that says something; "" is never returned: a text that ends here is cut off."""
        while True:
            self.at = _GAP.match(self.text, self.at).end()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._fill():
                raise self._broken("its end is missing")

    def _value(self) -> Any:
        while True:
            try:
                value, end = self.decode(self.text, self.at)
                if self.text[end : end + 1] in _ENDS or type(value) in _WHOLE or not self._fill():
                    self.at = end
                    return value  # else a number at the edge, which may go on
            except RecursionError as error:
                raise self._broken("nested too deeply") from error
            except ValueError as error:
                if len(self.text) - self.at > MAX_ITEM or not self._fill():
                    raise self._broken(str(error)[:120]) from error

    def _fill(self) -> bool:
        data = b"" if self.end else self.file.read(CHUNK)
        self.end = self.end or not data
        self.text, self.at = self.text[self.at :] + self.more.decode(data, self.end), 0
        return bool(data)

    def _broken(self, why: str) -> Broken:
        return Broken(f"{self.name} is cut off or no JSON after {self.count} items ({why})")


def first_object(text: str) -> dict[str, Any]:
    """Return the first whole JSON object that a text begins with, or the first in its list; {} where there is none."""
    start = text.find("{", 0, 64)
    try:
        found = json.JSONDecoder().raw_decode(text, start)[0] if start >= 0 else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def keys_at_front(text: str) -> set[str]:
    """Return the names in the first object of a text, also of one that is longer than the text; nested ones too."""
    return set(re.findall(r'"([\w@#-]{1,40})"\s*:', text[:8192]))


def is_lines(member: Member, text: str) -> bool:
    """Does this text hold one JSON object a line?"""
    first, _, rest = text.partition("\n")
    whole = bool(first_object(first)) and first.rstrip().endswith("}")
    return text.startswith("{") and whole and (rest.lstrip().startswith("{") or member.base.lower().endswith(("jsonl", "ndjson")))


# ---------- whose file is it?
IMPORTERS = {  # names that only this importer's files have near their front
    "maloja": ({"maloja", "scrobbles"}, {"scrobbles", "export_time"}, {"albumtitle"}),
    "koito": ({"exported_at", "listens"}, {"listens", "aliases"}),
    "lastfm": ({"lovedtracks"}, {"recenttracks"}, {"uts", "artist"}, {"albumId", "track"}, {"timeMs", "track"}),
    "listenbrainz": ({"track_metadata"}, {"recording_msid", "score"}, {"recording_mbid", "score"}),
    "spotify": ({"ms_played", "ts"}, {"endTime", "msPlayed"}, {"master_metadata_track_name"}),
}


def importer_of(text: str) -> str | None:
    """Return which importer reads a JSON file that begins so, or None."""
    names = keys_at_front(text)
    return next((name for name, forms in IMPORTERS.items() if any(form <= names for form in forms)), None)


def stranger(member: Member, text: str, wanted: str) -> UnknownSource:
    """The error for a file that this importer does not read; names the one that does, where it is known."""
    other = importer_of(text) if text[:1] in ("{", "[") else "lastfm" if text.startswith("#AUDIOSCROBBLER") else None
    hint = f"try `musicdb import {other}`" if other else wanted
    return UnknownSource(f"{member.name} is no file of this importer; {hint}")


def pages(items: Iterable[Any]) -> Iterator[list]:
    """Yield lists of at most PAGE items; what stands before a break comes before the break is raised."""
    page: list = []
    try:
        for item in items:
            page.append(item)
            if len(page) == PAGE:
                yield page
                page = []
    except Broken:
        if page:
            yield page
        raise
    if page:
        yield page


def plays(source: Any, importer: str, kind: str, lists: tuple[str, ...], wanted: str) -> Iterator[Page | Refused]:
    """Yield the plays of the JSON exports of one importer, whose lists have these names.

    Raises UnknownSource for files of something else, Broken for a single file without a whole play; other trouble is Refused.
    """
    found, single = members(source, wanted, (".json",))
    understood, refused, stranger_ = 0, [], None
    for member in found:
        count = 0
        try:
            text = head(member)
            if importer_of(text) != importer and not (importer_of(text) is None and keys_at_front(text) & set(lists)):
                stranger_ = stranger_ or stranger(member, text, wanted)
                refused.append(Refused("file", member.name, f"no export of {title(importer)}"))
                continue
            understood += 1
            for page in pages(value for key, value in json_items(member) if key in lists):
                count += len(page)
                yield Page(kind, page, scope=member.name)
        except Broken as error:
            understood += 1
            if single and not count:
                raise
            refused.append(Refused("file", member.name, str(error)))
    if not understood and stranger_:
        raise stranger_
    yield from refused
