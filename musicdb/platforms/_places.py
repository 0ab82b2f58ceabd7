"""Where a file is, as other programs write it: file URLs of macOS and Windows, drives, network shares; and names of lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any
from urllib.parse import unquote

_DRIVE = re.compile(r"/*([A-Za-z]):(?=[/\\])")


def local_path(url: Any) -> str | None:
    """Return the path of a file URL, "/" between its parts ("C:/Music/a.mp3", "/Users/me/a.mp3", "//nas/music/a.mp3"); None for anything else.

    Programs write file://localhost/C:/..., file:///Users/..., file://nas/share/...; some leave out or double the slash.
    """
    if not isinstance(url, str) or not url.lower().startswith("file://"):
        return None
    rest = url[7:]
    local = rest.lower().startswith("localhost")
    path = unquote(rest[9:] if local else rest, errors="backslashreplace")  # bytes that are no UTF-8 as \xNN, as the file scan shows them
    if "\0" in path or not path.strip("/"):
        return None
    if _DRIVE.match(path):
        return path.lstrip("/")
    if not local and not rest.startswith("/"):
        return "//" + path
    return "/" + path.lstrip("/")


def is_absolute(path: str) -> bool:
    """Whether a path begins at a root, a drive or a share, of whichever system."""
    return path.startswith(("/", "\\\\")) or bool(_DRIVE.match(path))


def name_of(path: str) -> str:
    """Return the name of a file without its ending: what stands for its title."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def external_id_of(name: str, parent: str | None, taken: Container[str]) -> str:
    """Return the path of names that stands for a playlist ("Sets/Friday"), with "#2" for a second of that name."""
    own = name.replace("%", "%25").replace("/", "%2F") or "untitled"
    external_id = base = f"{parent}/{own}" if parent else own
    number = 1
    while external_id in taken:
        number += 1
        external_id = f"{base}#{number}"
    return external_id
