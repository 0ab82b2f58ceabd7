"""Two files that belong together, replaced as one: Rekordbox's master.db and masterPlaylists6.xml.

What shall be is written beside the files, flushed, and named in an intent file; only then the files are renamed into place. A kill before
the intent leaves the old pair; after it, `recover` (called by whoever opens the pair next) finishes the renaming: old or new, never between.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from ..errors import SourceError, Transient

INTENT = ".musicdb-write.json"
NEW, OLD = ".musicdb-new", ".musicdb-old"
XML = "masterPlaylists6.xml"
PROCESSES = ("rekordbox",)  # how their names begin: rekordbox, rekordboxAgent, rekordbox 7, ...


def running() -> str | None:
    """Return the name of a process of Rekordbox that runs now (the player or its agent), or None."""
    import psutil

    for process in psutil.process_iter(["name"]):
        name = process.info["name"] or ""
        if name.casefold().startswith(PROCESSES):
            return name
    return None


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    if path.is_dir():
        if os.name != "posix":
            return  # Windows neither needs nor allows it
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Pair:
    """master.db and, where it is, masterPlaylists6.xml beside it."""

    def __init__(self, database: Path):
        self.database, self.folder = database, database.parent
        self.intent = self.folder / INTENT

    def files(self) -> list[Path]:
        """The files that are there."""
        return [path for path in (self.database, self.folder / XML) if path.is_file()]

    def hashes(self) -> dict[str, str]:
        """{name: hash} of the files that are there."""
        return {path.name: sha256(path) for path in self.files()}

    def stage(self, files: dict[str, Path]) -> None:
        """Put new contents beside the files: {name: file with the content}."""
        for name, source in files.items():
            beside = self.folder / f".{name}{NEW}"
            shutil.copyfile(source, beside)
            with suppress(OSError):
                shutil.copymode(self.folder / name, beside)
            flush(beside)
        flush(self.folder)

    def replace(self, before: dict[str, str]) -> dict[str, str]:
        """Rename what was staged into place, as one; before: hashes that the files must still have. Returns the new hashes.

        Raises Transient where a file has changed meanwhile; then nothing was touched.
        """
        new = {name: sha256(self.folder / f".{name}{NEW}") for name in before if (self.folder / f".{name}{NEW}").is_file()}
        if self.hashes() != before:
            self.drop()
            raise Transient(f"{self.database} was changed by another program meanwhile: nothing was written; make a new plan")
        for name in new:
            beside = self.folder / f".{name}{OLD}"
            beside.unlink(missing_ok=True)
            with suppress(OSError):  # a file system without links: the backup has it
                os.link(self.folder / name, beside)
        self._intend(new, before)
        try:
            self._forward(new)
        except OSError:  # Windows: somebody has a file open
            self.put_back()
            raise
        return self.hashes()

    def _intend(self, new: dict[str, str], old: dict[str, str]) -> None:
        part = self.folder / f"{INTENT}.part"
        part.write_text(json.dumps({"new": new, "old": old}), "utf-8")
        flush(part)
        os.replace(part, self.intent)
        flush(self.folder)

    def _forward(self, new: dict[str, str]) -> None:
        for name in new:
            if (beside := self.folder / f".{name}{NEW}").is_file():
                os.replace(beside, self.folder / name)
        flush(self.folder)
        self.intent.unlink(missing_ok=True)
        flush(self.folder)

    def put_back(self) -> None:
        """Rename the old files back, the very same ones that a program may have open; as one, too."""
        self.intent.unlink(missing_ok=True)
        now, old = self.hashes(), {}
        for name in now:
            if (beside := self.folder / f".{name}{OLD}").is_file():
                old[name] = sha256(beside)
                os.replace(beside, self.folder / f".{name}{NEW}")
        self._intend(old, now)
        self._forward(old)

    def recover(self) -> bool:
        """Finish a replacement that was cut off; return whether there was one. A pair that somebody wrote to since is left as it is."""
        if not self.intent.is_file():
            self.drop()
            return False
        try:
            told = json.loads(self.intent.read_text("utf-8"))
            new, old = told["new"], told["old"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise SourceError(f"{self.intent} cannot be read ({error}); restore the last backup, then delete it") from error
        now = self.hashes()
        ours = all(now.get(name) in (new[name], old.get(name)) for name in new)
        whole = all(now.get(name) == new[name] or self._staged(name, new[name]) for name in new)
        if ours and whole:
            self._forward(new)
        self.intent.unlink(missing_ok=True)
        self.drop()
        return True

    def _staged(self, name: str, digest: str) -> bool:
        beside = self.folder / f".{name}{NEW}"
        return beside.is_file() and sha256(beside) == digest

    def drop(self) -> None:
        """Forget what was staged or kept aside."""
        for name in (self.database.name, XML):
            for ending in (NEW, OLD):
                (self.folder / f".{name}{ending}").unlink(missing_ok=True)
        (self.folder / f"{INTENT}.part").unlink(missing_ok=True)


# ---------- backups
def back_up(pair: Pair, folder: Path) -> dict[str, str]:
    """Copy the pair into a new folder, verified; return {name: hash}. The folder gets its name last: what is there is whole."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        hashes = {}
        for path in pair.files():
            shutil.copyfile(path, part / path.name)
            flush(part / path.name)
            hashes[path.name] = sha256(part / path.name)
        if hashes != pair.hashes():
            raise Transient(f"{pair.database} was changed while it was copied; close what writes to it and try again")
        (part / "backup.json").write_text(json.dumps({"of": str(pair.database), "files": hashes}, indent=1), "utf-8")
        flush(part / "backup.json")
        os.replace(part, folder)
        flush(folder.parent)
        return hashes
    except OSError as error:
        raise SourceError(f"{folder.parent}: no backup could be written ({error.strerror or error}); nothing was changed") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def verified(folder: Path) -> dict[str, Path]:
    """Return {name: file} of a backup; SourceError where it is not what was backed up."""
    try:
        told = json.loads((folder / "backup.json").read_text("utf-8"))["files"]
        wrong = [name for name, digest in told.items() if sha256(folder / name) != digest]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SourceError(f"{folder} is no whole backup ({error}); choose an older one") from error
    if wrong or any(Path(name).name != name for name in told):
        raise SourceError(f"{folder}: {', '.join(wrong)} is not as it was backed up; choose an older one")
    return {name: folder / name for name in told}


def thin(folder: Path, keep: int = 20) -> None:
    """Delete all but the newest backups."""
    whole = sorted(path for path in folder.glob("rekordbox-*") if (path / "backup.json").is_file())
    for path in whole[:-keep]:
        shutil.rmtree(path, ignore_errors=True)
