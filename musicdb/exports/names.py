"""Names of playlists as names of files, and files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Container
from pathlib import Path

from ..errors import BadInput

MAX_BYTES = 180  # of a name: 255 is what file systems take, with room for a number and an ending
_FORBIDDEN = '/\\:*?"<>|\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def file_name(name: str) -> str:
    """Return a name that Windows, macOS and Linux take: no separators, control characters, marks that turn the writing round
    ("gpj.exe" read backwards) or reserved words; never "" or "..".

    Emoji and letters of all scripts stay.
    """
    text = "".join("_" if c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in unicodedata.normalize("NFC", name))
    text = text.strip().strip(". ")
    while len(text.encode()) > MAX_BYTES:
        text = text[:-1].rstrip(". ")
    return f"_{text}" if not text or _RESERVED.fullmatch(text) else text


def folded(name: str) -> str:
    """Return what is equal for two names of one file: on sticks, Windows and macOS capitals tell none apart, on macOS nor does how an accent is written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def free_name(name: str, ending: str, taken: Container[str]) -> str:
    """Return `name` with its ending, and a number where that name is taken; `taken` holds names as `folded` gives them."""
    base, number = file_name(name), 1
    found = base + ending
    while folded(found) in taken:
        number += 1
        found = f"{base} ({number}){ending}"
    return found


def inside(folder: Path, *parts: str) -> Path:
    """Return folder/parts; BadInput where that would lead out of the folder."""
    path = folder.joinpath(*parts)
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):
        raise BadInput(f"{path} is not in {folder}")
    return path


def replace(path: Path, content: bytes) -> bool:
    """Write a file so that it is there whole, old or new; return whether it changed. Raises BadInput where it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        return True
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
