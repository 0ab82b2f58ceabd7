"""Changes of several files below a folder, made as one: all that is new is put beside first, what is to happen is told in an intent file,
and only then it happens. A kill before the intent leaves everything as it was; after it, `recover` (called by who reads the folder next)
goes on to the end: old or new, never between.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import SourceError
from ._pair import flush

STAGE, INTENT = ".musicdb-new", ".musicdb-write.json"
ORDER = ("make", "rename", "put", "remove", "drop")


class Redo:
    """Collects changes of a folder; nothing of it is seen before `commit`. Raises OSError where the disk does."""

    def __init__(self, root: Path):
        self.root, self.stage, self.steps = root, root / STAGE, []  # type: ignore[var-annotated]
        shutil.rmtree(self.stage, ignore_errors=True)

    def put(self, path: Path, content: bytes) -> None:
        """A file with this content."""
        self.bring(path, lambda part: _written(part, content))

    def bring(self, path: Path, make: Callable[[Path], object]) -> None:
        """A file that make(part) puts at the path it is given: a copy, a link."""
        self.stage.mkdir(parents=True, exist_ok=True)
        part = self.stage / str(len(self.steps))
        make(part)
        self._add("put", part, path)

    def make(self, folder: Path) -> None:
        """A folder, if it is not there."""
        self._add("make", folder)

    def rename(self, old: Path, new: Path) -> None:
        """A file or folder gets another place."""
        self._add("rename", old, new)

    def remove(self, path: Path) -> None:
        """A file goes."""
        self._add("remove", path)

    def drop(self, folder: Path) -> None:
        """A folder goes, if nobody else put something into it."""
        self._add("drop", folder)

    def _add(self, what: str, *paths: Path) -> None:
        self.steps.append([what, *(path.relative_to(self.root).as_posix() for path in paths)])

    def commit(self) -> None:
        """Carry out all of it."""
        if not self.steps:
            return
        self.steps.sort(key=lambda step: (ORDER.index(step[0]), -step[1].count("/") if step[0] == "drop" else 0))
        self.root.mkdir(parents=True, exist_ok=True)
        part = self.root / f"{INTENT}.part"
        _written(part, json.dumps(self.steps).encode())
        os.replace(part, self.root / INTENT)
        flush(self.root)
        _carry_out(self.root, self.steps)

    def abandon(self) -> None:
        """Forget what was put beside."""
        shutil.rmtree(self.stage, ignore_errors=True)


def recover(root: Path) -> bool:
    """Finish changes that were cut off; return whether there were some. Raises SourceError where that cannot be."""
    intent = root / INTENT
    if not intent.is_file():
        return False
    try:
        _carry_out(root, json.loads(intent.read_text("utf-8")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(f"{intent}: a write that was cut off cannot be finished ({error}); delete that file to leave all as it is now") from error
    return True


def _carry_out(root: Path, steps: list[list[str]]) -> None:
    """Each step as far as it is not done yet."""
    for what, *names in steps:
        paths = [root.joinpath(name) for name in names]
        if not all(path.is_relative_to(root) and ".." not in path.parts for path in paths):
            raise ValueError(f"{names[-1]} leads out of the folder")
        if what == "make":
            paths[0].mkdir(parents=True, exist_ok=True)
        elif what == "rename" and os.path.lexists(paths[0]) and not os.path.lexists(paths[1]):
            os.rename(*paths)
        elif what == "put" and os.path.lexists(paths[0]):
            os.replace(*paths)
        elif what == "remove":
            paths[0].unlink(missing_ok=True)
        elif what == "drop" and paths[0].is_dir() and not any(paths[0].iterdir()):
            paths[0].rmdir()
    flush(root)
    (root / INTENT).unlink(missing_ok=True)
    shutil.rmtree(root / STAGE, ignore_errors=True)


def _written(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
