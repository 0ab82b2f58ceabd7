"""Writes the audio files of the fictional library below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from musicdb.demo import covers, views
from musicdb.demo.audio import sound
from musicdb.demo.library import library
from musicdb.demo.tagging import tagged

WRITTEN_AT = 1_726_300_800  # 2024-09-14 08:00 UTC: files say that they were written then


def write(folder: Path, progress: Callable[[int, int | None, str], None] | None = None) -> dict[str, int]:
    """Write all files of `views.files`, and three broken ones. Returns {path: size in bytes}.

    A file that is there with the same bytes is left alone, so that a second run finds it unchanged. Files that do not belong
    there are left alone, too.
    """
    lib, files = library(), views.files()
    wanted = sorted({file.cover for file in files if file.cover})
    # Pillow lets go of the interpreter lock while it draws and encodes: two threads take two thirds of the time.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        pictures = dict(zip(wanted, pool.map(lambda key: _cover(lib.records[key[0]], key[1]), wanted)))
    sizes: dict[str, int] = {}
    for number, file in enumerate(files):
        kind = lib.songs[file.song].kind
        data = tagged(
            sound(kind, file.format, file.audio, file.seconds), file.format, file.tags, pictures.get(file.cover)
        )
        sizes[file.path] = put(folder / file.path, data)
        if progress:
            progress(number + 1, len(files), "audio files")
    for path, data in views.BROKEN.items():
        sizes[path] = put(folder / path, data)
    return sizes


def put(path: Path, data: bytes) -> int:
    """Write the file unless it has these bytes already. Returns its size."""
    if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))
    return len(data)


def _cover(record, edition: int) -> bytes:
    key = record.code if edition == 0 else f"{record.code} reissue"
    artist = "" if record.artist == "Various Artists" else record.artist
    return covers.draw(key, record.title, artist, kind=record.kind)
