"""A library as the XML that Rekordbox imports (Preferences > View > rekordbox xml): tracks with cues and beat grids, playlists in folders.

`attributes`, `tempo` and `marks` are the inverse of `platforms.rekordbox.rows`: what is written here and imported again says the same.
Source: rekordbox XML format list (AlphaTheta).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import msgspec

from .. import text, units
from ..errors import BadInput
from ..truth import decisions
from .lists import Listing, files, listings

if TYPE_CHECKING:
    from ..db import Database

CUE_TYPES = {"hot_cue": 0, "memory_cue": 0, "fade_in": 1, "fade_out": 2, "load": 3, "loop": 4}
SAFE = "/:!$'()*+,;=@"
OWN_IDS = 1_900_000_000  # TrackIDs of tracks that Rekordbox does not know; its own are smaller
WHOLE = ("cues", "beat_grid")  # chosen whole from one platform
PREFERRED = ("rekordbox", "traktor")  # of whose they are taken
TRUTH = ("album", "year", "bpm", "musical_key", "rating")
YOURS = (*TRUTH, "comment", "label", "genres", "remixers", "composers")  # where you decided them: what is said of them does not count, also for none
TRACKS = """
select t.id, t.title, t.version, t.artist_credit, t.year, t.bpm, t.musical_key, t.rating, t.duration_ms, g.title as album, t.sources
from {which} tracks as t {on} left join release_groups as g on g.id = t.release_group_id
where t.deleted_at is null and t.merged_into_id is null and t.title is not null
order by t.id
"""
SAID = """
select k.track_id, p.platform, p.external_id, p.said, json_extract(p.metadata, '$.attributes') as attributes, p.missing_since is not null as gone
from {which} track_links as k {on} join platform_tracks as p on p.id = k.platform_track_id
where k.status in ('auto', 'confirmed') and p.platform in ('rekordbox', 'traktor', 'local', 'itunes')
order by k.track_id, p.missing_since is not null, p.platform = 'local', p.platform = 'itunes', p.platform, p.id
"""


@dataclass
class Report:
    """What was written. without_file: tracks of the library that have neither a file nor a place in Rekordbox; lists: playlists and folders."""

    path: Path
    tracks: int = 0
    lists: int = 0
    places: int = 0
    without_file: int = 0
    places_left_out: int = 0


def write(db: Database, path: Path, playlists: Collection[str] | None = None, *, of: str | None = None, only: bool = False) -> Report:
    """Write the library and its playlists; the file is there whole or not at all.

    playlists: names, None for all there are. of: a platform whose playlists to take as they are there. only: no other tracks than
    those of the playlists. A tempo, key or cue is what `tracks` and the platform most trusted for it say.
    """
    path = Path(os.path.abspath(path.expanduser()))
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name the file, for instance {path / 'musicdb.xml'}")
    try:
        found = listings(db, playlists, of)
    except BadInput:
        if playlists or of:
            raise
        found = []  # a library without playlists is one too
    wanted = {track for one in found for track in one.items} if only else None
    report = Report(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        entries, ids = collected(db, wanted, report)
        with open(beside, "w", encoding="utf-8", newline="\n") as out:
            out.write('<?xml version="1.0" encoding="UTF-8"?>\n\n<DJ_PLAYLISTS Version="1.0.0">\n')
            out.write('  <PRODUCT Name="musicdb" Version="1" Company=""/>\n')
            out.write(f'  <COLLECTION Entries="{len(entries)}">\n')
            for said, number, location, more in entries:
                out.writelines(track(said, number, location, more))
            out.write("  </COLLECTION>\n  <PLAYLISTS>\n")
            out.writelines(_lists(found, ids, report))
            out.write("  </PLAYLISTS>\n</DJ_PLAYLISTS>\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return report


def collected(db: Database, wanted: set[int] | None, report: Report) -> tuple[list[tuple], dict[int, str]]:
    """[(said, TrackID, location, further attributes)] of what has a place, and {track: TrackID} in the same order."""
    which, on = ("", "") if wanted is None else ("json_each(:ids) as j cross join", "on {} = j.value")
    ids = {"ids": None if wanted is None else msgspec.json.encode(sorted(wanted)).decode()}
    rows = db.q(TRACKS.format(which=which, on=on.format("t.id")), ids)
    told: dict[int, list[Any]] = {}
    for row in db.q(SAID.format(which=which, on=on.format("k.track_id")), ids):
        told.setdefault(row.track_id, []).append(row)
    where = files(db, [row.id for row in rows])
    decided = yours(db, rows)
    entries, numbers, taken = [], {}, set()
    for row in rows:
        said, number, more = merged_said(row, told.get(row.id, ()))
        for name, value in decided.get(row.id, {}).items():
            said.pop(name, None)
            if value is not None:
                said[name] = ", ".join(value) if name == "label" else value
        # where Rekordbox has it: another copy of the same would be a second track to it
        place = (number and said.get("path")) or where.get(row.id) or said.get("path")
        location = location_of(str(place)) if place else _stream(said)
        if location is None:
            report.without_file += 1
            continue
        if number is None or number in taken:
            number = str(OWN_IDS + row.id)
        taken.add(number)
        numbers[row.id] = number
        entries.append((said, number, location, more))
    report.tracks = len(entries)
    return entries, numbers


def yours(db: Database, rows: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """{track: {field: value, None = none}} of what a person decided."""
    mine = {row["id"]: [name for name in YOURS if sources.get(name) == "user"] for row in rows if (sources := msgspec.json.decode(row["sources"] or "{}"))}
    ids = [track for track, names in mine.items() if names]
    now = decisions.values(db, ids, YOURS) if ids else {}
    return {track: {name: now[track, name] for name in mine[track]} for track in ids}


def merged_said(row: Mapping[str, Any], told: Iterable[Any]) -> tuple[dict[str, Any], str | None, dict[str, str]]:
    """Return (what is to be said of a track, its TrackID in Rekordbox or None, attributes that only Rekordbox's own XML has)."""
    said: dict[str, Any] = {}
    number, more = None, {}
    for one in told:
        theirs = msgspec.json.decode(one.said or "{}")
        if one.platform == "rekordbox" and number is None and not one.gone:
            number = one.external_id if one.external_id.isdigit() else None
            more = {k: v for k, v in msgspec.json.decode(one.attributes or "{}").items() if k in ("Kind", "Size", "BitRate", "SampleRate")}
        for field, value in theirs.items():
            if field not in WHOLE or one.platform in PREFERRED:
                said.setdefault(field, value)
    said |= {field: row[field] for field in TRUTH if row[field] is not None}
    title, sources = text.full_title(row["title"], row["version"]), msgspec.json.decode(row["sources"] or "{}")
    whose = {field for field, platform in sources.items() if platform == "rekordbox" and said.get("title")}  # as Rekordbox writes it
    if "title" not in whose and text.full_title(said.get("title", ""), said.get("version")).casefold() != title.casefold():
        said["title"] = title  # with its version, as a player shows it
        said.pop("version", None)
    credit = row["artist_credit"]
    if credit and not whose & {"artists", "artist_credit"} and credit != ", ".join(said.get("artists", ())):
        said["artists"] = [credit]
    if row["duration_ms"] and "duration_ms" not in said:
        said["duration_ms"] = row["duration_ms"]
    return said, number, more


def location_of(path: str) -> str:
    """Return file://localhost/... of a path."""
    posix = path.replace("\\", "/") if path[1:2] == ":" or path.startswith("\\\\") else path
    return "file://localhost/" + quote(os.fsencode(posix.removeprefix("/")), safe=SAFE)


def _stream(said: Mapping[str, Any]) -> str | None:
    for platform in ("tidal", "soundcloud", "beatport"):
        if key := said.get("ids", {}).get(platform):
            return f"file://localhost{platform}:tracks:{key}"
    return None


# ---------- a track
def track(said: Mapping[str, Any], number: str, location: str, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the lines of a TRACK element."""
    opening = f"    <TRACK {_written(attributes(said, number, location, more or {}))}"
    inner = [*(f"<TEMPO {_written(one)}/>" for one in map(tempo, said.get("beat_grid", ()))),
             *(f"<POSITION_MARK {_written(one)}/>" for one in map(mark, said.get("cues", ())))]  # fmt: skip
    yield f"{opening}>\n" if inner else f"{opening}/>\n"
    for line in inner:
        yield f"      {line}\n"
    if inner:
        yield "    </TRACK>\n"


def attributes(said: Mapping[str, Any], number: str, location: str, more: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of a TRACK: the inverse of `platforms.rekordbox._track_row`."""
    ms, rating, color = said.get("duration_ms"), said.get("rating"), said.get("color")
    return {
        "TrackID": number,
        "Name": said.get("title") or "",
        "Artist": ", ".join(said.get("artists", ())),
        "Composer": "; ".join(said.get("composers", ())),
        "Album": said.get("album") or "",
        "Grouping": said.get("grouping") or "",
        "Genre": "; ".join(said.get("genres", ())),
        "Kind": more.get("Kind", ""),
        "Size": more.get("Size", ""),
        "TotalTime": ms and round(ms / 1000),
        "DiscNumber": said.get("disc_no"),
        "TrackNumber": said.get("track_no"),
        "Year": said.get("year"),
        "AverageBpm": None if said.get("bpm") is None else f"{said['bpm']:.2f}",
        "DateAdded": (said.get("added_at") or "")[:10],
        "BitRate": more.get("BitRate", ""),
        "SampleRate": more.get("SampleRate", ""),
        "Comments": said.get("comment") or "",
        "PlayCount": said.get("play_count"),
        "Rating": rating and rating * 51,
        "Location": location,
        "Remixer": "; ".join(said.get("remixers", ())),
        "Tonality": units.key_name(said.get("musical_key")),
        "Label": said.get("label") or "",
        "Mix": said.get("version") or "",
        "Colour": color and "0x" + color.lstrip("#").upper(),
    }


def tempo(beat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a TEMPO."""
    return {
        "Inizio": _seconds(beat["start_ms"]),
        "Bpm": f"{beat['bpm']:.2f}",
        "Metro": beat.get("meter", "4/4"),
        "Battito": beat.get("beat", 1),
    }


def mark(cue: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a POSITION_MARK."""
    start, length, color = cue["start_ms"], cue.get("length_ms"), cue.get("color")
    found = {"Name": cue.get("name", ""), "Type": CUE_TYPES[cue["type"]], "Start": _seconds(start)}
    if length:
        found["End"] = _seconds(start + length)
    found["Num"] = cue.get("num", -1)
    if color:
        found |= {part: int(color[at : at + 2], 16) for part, at in (("Red", 1), ("Green", 3), ("Blue", 5))}
    return found


def _seconds(ms: float) -> str:
    whole = f"{ms / 1000:.6f}".rstrip("0")
    return whole + "0" * max(0, 3 - len(whole.partition(".")[2]))


def _written(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={quoteattr(_legal(str(value)))}" for name, value in values.items() if value is not None)


def _legal(value: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    if value.isprintable():
        return value
    return "".join(c for c in value if c in "\t\n\r" or ("\x20" <= c <= "\ud7ff") or ("\ue000" <= c <= "\ufffd") or c >= "\U00010000")


# ---------- playlists
def _lists(found: list[Listing], ids: Mapping[int, str], report: Report) -> Iterator[str]:
    children: dict[int | None, list[Listing]] = {}
    for one in found:
        children.setdefault(one.parent, []).append(one)
    report.lists = len(found)
    yield f'    <NODE Type="0" Name="ROOT" Count="{len(children.get(None, ()))}">\n'
    yield from _nodes(None, children, ids, report, "      ")
    yield "    </NODE>\n"


def _nodes(
    parent: int | None, children: Mapping[int | None, list[Listing]], ids: Mapping[int, str], report: Report, pad: str
) -> Iterator[str]:
    for one in children.get(parent, ()):
        name = quoteattr(_legal(one.name))
        if one.kind == "folder":
            yield f'{pad}<NODE Name={name} Type="0" Count="{len(children.get(one.id, ()))}">\n'
            yield from _nodes(one.id, children, ids, report, pad + "  ")
        else:
            keys = [ids[track] for track in one.items if track in ids]
            report.places += len(keys)
            report.places_left_out += one.left_out + len(one.items) - len(keys)
            yield f'{pad}<NODE Name={name} Type="1" KeyType="0" Entries="{len(keys)}">\n'
            for key in keys:
                yield f'{pad}  <TRACK Key="{key}"/>\n'
        yield f"{pad}</NODE>\n"
