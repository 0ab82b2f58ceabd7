"""Reads one pair of Rekordbox's analysis files (ANLZ0000.DAT and .EXT): beat grid, phrases, cues. Runs in a worker process.

Waveforms, nine tenths of such a file, are stepped over; the rest is taken apart by pyrekordbox. Beats are read here, because a long track
has thousands of them. Sources: pyrekordbox 0.5 `anlz`; Deep Symmetry, "Rekordbox export structure analysis" (tags, names of phrases).
"""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from typing import Any, TypedDict

from pyrekordbox.anlz import AnlzFile

from ..errors import PayloadError

__all__ = ["Anlz", "read"]

MAX_BYTES = 32 << 20  # an hour of music has a waveform of some 6 MB
MAX_BEATS, MAX_CUES, MAX_PHRASES = 100_000, 1000, 10_000
DRIFT_MS = 2.0  # times are whole milliseconds: a beat further off than this begins a new anchor
NO_LOOP = 0xFFFFFFFF
_VERSES = {kind: f"Verse {kind - 1}" for kind in range(2, 8)}
PHRASES = {  # mood -> kind -> name: high, mid, low
    1: {1: "Intro", 2: "Up", 3: "Down", 5: "Chorus", 6: "Outro"},
    2: {1: "Intro", **_VERSES, 8: "Bridge", 9: "Chorus", 10: "Outro"},
    3: {1: "Intro", **dict.fromkeys((2, 3, 4), "Verse 1"), **dict.fromkeys((5, 6, 7), "Verse 2"), 8: "Bridge", 9: "Chorus", 10: "Outro"},
}


class Anlz(TypedDict, total=False):
    """What the analysis files say. Numbers as stored: times in ms, tempo in hundredths of a beat a minute."""

    beats: int  # in all
    beat_grid: list[dict[str, int]]  # anchors {"time", "tempo", "beat"}: from there on the beats follow evenly, within 2 ms
    phrases: dict[str, Any]  # {"mood", "bank", "end_beat", "entries": [{"beat", "time", "kind", "name", "k1", ... as in PSSI}]}
    cues: list[dict[str, Any]]  # {"hot_cue", "time", "loop_time", "color_id", "comment", "red", "green", "blue"}; local files have none
    damaged: str  # only on the way here: taken out and told


def read(path: str) -> Anlz:
    """Return what ANLZ0000.DAT at `path` and the .EXT beside it say; a file that is not there says nothing.

    Where one of them is damaged, "damaged" tells it beside what the other says. Raises PayloadError where nothing could be read.
    """
    dat = Path(path)
    found: Anlz = {}
    damaged: list[str] = []
    times: list[int] = []
    for file in (dat, _beside(dat, ".EXT")):
        try:
            data = _bytes(file)
            if data is None:
                continue
            tags = _tags(data)
            if "beats" not in found and (grid := tags.get(b"PQTZ")):
                beats = _beats(grid[0])
                times = [time for _, _, time in beats]
                found |= {"beats": len(beats), "beat_grid": _anchors(beats)}
            parsed = _parsed(data, tags)
            if "phrases" not in found and "PSSI" in parsed:
                found["phrases"] = _phrases(parsed.get_tag("PSSI").content, times)
            if "PCO2" in parsed:
                found["cues"] = [_cue(entry) for tag in parsed.getall_tags("PCO2") for entry in tag.content.entries]
        except PayloadError as error:
            damaged.append(f"{file.name} {error}")
        except Exception as error:  # pyrekordbox and construct raise a dozen kinds for a damaged file
            damaged.append(f"{file.name} is damaged ({type(error).__name__}: {' '.join(str(error).split())[:200]})")
    if damaged and not found:
        raise PayloadError("; ".join(damaged))
    return found | {"damaged": "; ".join(damaged)} if damaged else found


def _beside(path: Path, suffix: str) -> Path:
    return path.with_suffix(suffix if path.suffix.isupper() else suffix.lower())


def _bytes(path: Path) -> bytes | None:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PayloadError(f"cannot be read: {error.strerror or error}") from error
    with io.FileIO(handle) as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise PayloadError("is not a regular file")
        if info.st_size > MAX_BYTES:
            raise PayloadError(f"has {info.st_size >> 20} MiB; more than {MAX_BYTES >> 20} MiB are not read")
        return file.read(MAX_BYTES)


def _tags(data: bytes) -> dict[bytes, list[bytes]]:
    """Tags by type: each one's bytes, header and all. Raises PayloadError where the file breaks off."""
    if data[:4] != b"PMAI" or len(data) < 28:
        raise PayloadError("is no analysis file")
    at, end = struct.unpack_from(">II", data, 4)
    tags: dict[bytes, list[bytes]] = {}
    while at < end:
        if at + 12 > len(data):
            raise PayloadError("breaks off")
        _, size = struct.unpack_from(">II", data, at + 4)
        if size < 12 or at + size > len(data):
            raise PayloadError("breaks off, or holds a part of an impossible size")
        tags.setdefault(data[at : at + 4], []).append(data[at : at + size])
        at += size
    return tags


def _beats(tag: bytes) -> list[tuple[int, int, int]]:
    """(place in the bar, tempo, time) of each beat of a PQTZ tag."""
    head, _, _, _, count = struct.unpack_from(">IIIII", tag, 4)
    if count > MAX_BEATS or head + count * 8 > len(tag) or head < 24:
        raise PayloadError(f"has a beat grid of {count} beats, of which {max(0, len(tag) - head) // 8} are there")
    return list(struct.iter_unpack(">HHI", tag[head : head + count * 8]))


def _anchors(beats: list[tuple[int, int, int]]) -> list[dict[str, int]]:
    anchors: list[dict[str, int]] = []
    step, since = 0.0, 0
    for beat, tempo, time in beats:
        if anchors:
            last = anchors[-1]
            since += 1
            even = tempo == last["tempo"] and beat == (last["beat"] - 1 + since) % 4 + 1
            if even and abs(time - last["time"] - since * step) <= DRIFT_MS:
                continue
        anchors.append({"time": time, "tempo": tempo, "beat": beat})
        step, since = (6_000_000 / tempo if tempo else 0.0), 0
    return anchors


def _parsed(data: bytes, tags: dict[bytes, list[bytes]]) -> AnlzFile:
    """The file as pyrekordbox sees it, cut down to what we want of it."""
    wanted = [tag for name in (b"PCO2", b"PSSI") for tag in tags.get(name, ())]
    body = b"".join(wanted)
    head = b"PMAI" + struct.pack(">II", 28, 28 + len(body)) + data[12:28]
    for tag in wanted:
        at, most = (16, MAX_CUES) if tag[:4] == b"PCO2" else (16, MAX_PHRASES)
        if int.from_bytes(tag[at : at + 2], "big") > most:
            raise PayloadError(f"announces more than {most} entries in {tag[:4].decode()}")
    return AnlzFile.parse(head + body)


def _phrases(content: Any, times: list[int]) -> dict[str, Any]:
    names = PHRASES.get(content.mood, {})
    entries = []
    for e in content.entries:
        entry = {"beat": e.beat, "kind": e.kind, "k1": e.k1, "k2": e.k2, "k3": e.k3, "fill": e.fill, "beat_fill": e.beat_fill}
        if 0 < e.beat <= len(times):
            entry["time"] = times[e.beat - 1]
        if e.kind in names:
            entry["name"] = names[e.kind]
        entries.append(entry)
    return {"mood": content.mood, "bank": content.bank, "end_beat": content.end_beat, "entries": entries}


def _cue(e: Any) -> dict[str, Any]:
    loop = None if e.loop_time == NO_LOOP or e.type != 2 else e.loop_time
    rgb = {"red": e.color_red, "green": e.color_green, "blue": e.color_blue}
    return {"hot_cue": e.hot_cue, "time": e.time, "loop_time": loop, "color_id": e.color_id, "comment": e.comment, **rgb}
