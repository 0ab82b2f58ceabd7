"""What files, Rekordbox and Spotify say of the fictional library: each in its own words, each with its own mistakes.

`truth()` says which song each observation really is, for measuring how well they are linked.
"""

from __future__ import annotations

import random
import re
import unicodedata
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from musicdb.demo.library import Library, Record, Song, library
from musicdb.units import compatible_keys, key_name

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DJ_FORMATS = {"mp3", "m4a", "flac", "wav", "aiff"}  # what Rekordbox plays
GENRES = {
    "Dub Techno": ("Dub Techno", "Techno", "Electronic; Dub Techno", "Deep Techno"),
    "Techno": ("Techno", "Techno (Peak Time / Driving)", "Electronic"),
    "Minimal Techno": ("Minimal Techno", "Minimal", "Techno"),
    "Deep House": ("Deep House", "House", "House; Deep House"),
    "Indie Folk": ("Indie Folk", "Folk", "Folk; Indie", "Singer/Songwriter"),
    "Folk": ("Folk", "Folk, World, & Country", "Acoustic"),
    "Indie Rock": ("Indie Rock", "Indie", "Alternative"),
}
# Second copies: song, format, where. The first three have the very same audio as the first copy.
COPIES = (
    ("unda014-02", "flac", "Unsorted/from the old laptop/nine fathoms (1).flac"),
    ("nt009-01", "mp3", "Unsorted/from the old laptop/Halvard Nesse - Frostline.mp3"),
    ("pb06-03", "mp3", "Unsorted/from the old laptop/harbour lights reprise.mp3"),
    ("unda014-01", "mp3", "Unsorted/Kelp Division - Tidewrack [320].mp3"),
    ("ssp07-02", "mp3", "Unsorted/low pylon - 132 kv.mp3"),
    ("tzc031-04", "mp3", "Unsorted/Sable Meridian - Nightfall.mp3"),
    ("tt0031-01", "mp3", "Unsorted/Salt, Moss & Ember - Ember (Acoustic).mp3"),
    ("unda039-02", "m4a", "Unsorted/Hatoba Unit - 夜の埠頭.m4a"),
)
UNTAGGED = ("hrt02-04", "mp3", "Unsorted/track01.mp3")
DISGUISED = ("qnc3-03", "flac", "Unsorted/really a flac.mp3")
MOJIBAKE = ("unda033-02", "mp3", "Unsorted/razvodnoy.mp3")
# From a friend's drive, with her own spelling: song, what she wrote otherwise, how many seconds longer. Each may be the same recording.
BORROWED: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("hrt11-02", {}, 4.9),
    ("hrt11-06", {"artists": ["Bellwether Choir"]}, 4.2),
    ("hrt17-05", {"title": "Window Hil"}, 4.3),
    ("hrt40-04", {}, 5.2),
    ("hrt02-09", {}, 4.0),
    ("pb27-02", {}, 6.3),
    ("tt0061-05", {}, -4.6),
    ("tt0061-01", {"title": "Untitled from the radio"}, 0.1),
    ("hrt17-07", {"title": "Mara's Favourite"}, 0.2),
    ("hrt01-07", {"title": "Track 07"}, 0.1),
)
BROKEN = {
    "Unsorted/broken download.flac": b"<html><body><h1>503 Service Unavailable</h1></body></html>\n",
    "Unsorted/nothing in it.mp3": b"",
    "Unsorted/half a song.m4a": bytes.fromhex("00000020667479704d344120")
    + b"\x00" * 20
    + b"\x00\x00\xff\xffmoov"
    + b"\x00" * 90,
}


@dataclass(frozen=True)
class File:
    """A file below Music/: path with "/", the song it really is, and the tags to write (names of `musicdb.shapes.Said`)."""

    path: str
    song: str
    format: str
    seconds: float
    audio: str  # equal for files with the very same audio
    tags: dict[str, Any] = field(default_factory=dict)
    cover: tuple[str, int] | None = None  # record code and edition; None = nothing embedded


@dataclass(frozen=True)
class DjTrack:
    """A track of the Rekordbox collection. file: path below Music/, or None and `location` says where it once was."""

    track_id: int
    song: str
    file: str | None
    location: str | None
    format: str
    seconds: float
    said: dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """A track on Spotify. saved: in the library; else it is only in playlists or was only listened to."""

    uri: str
    song: str
    title: str
    artist: str
    album: str
    seconds: float
    saved: bool


@cache
def files() -> tuple[File, ...]:
    lib, out = library(), []
    for record in lib.records.values():
        for format in record.formats:
            for place, key in enumerate(record.songs, 1):
                out.append(_file(lib, record, lib.songs[key], place, format))
    first = {file.song: file for file in reversed(out)}
    for key, format, path in COPIES:
        song, same = lib.songs[key], first[key].format == format
        tags = (
            {"title": song.full_title.lower(), "artists": [song.artist]}
            if "old laptop" in path
            else {"title": song.full_title, "artists": [_romanised(song.artist)], "year": song.year, "bpm": song.bpm}
        )
        out.append(File(path, key, format, song.seconds, first[key].audio if same else f"{key} {format}", tags))
    for key, format, path in (UNTAGGED, DISGUISED, MOJIBAKE):
        song, tags = lib.songs[key], {}
        if (key, format, path) == MOJIBAKE:
            tags = {"title": _mojibake(song.title), "artists": [_mojibake(song.artist)]}
        elif path == DISGUISED[2]:
            tags = {"title": song.title, "artists": [song.artist]}
        out.append(File(path, key, format, song.seconds, f"{key} {path}", tags))
    for key, written, longer in BORROWED:
        song = lib.songs[key]
        tags = {"title": song.full_title, "artists": [song.artist]} | ({"isrc": song.isrc} if "title" in written else {}) | written
        out.append(File(f"Unsorted/Mara's drive/{_safe(tags['title'])}.mp3", key, "mp3", round(song.seconds + longer, 2), f"{key} Mara", tags))
    return tuple(sorted(out, key=lambda file: file.path))


def _file(lib: Library, record: Record, song: Song, place: int, format: str) -> File:
    of_record, rng = (
        random.Random(f"files {record.code} {format}"),
        random.Random(f"file {record.code} {song.key} {format}"),
    )
    habit = {
        name: of_record.random()
        for name in ("guests", "original", "year", "genre", "key", "bpm", "ids", "cover", "label")
    }
    title, artists = song.full_title, [song.artist]
    if song.kind == "dub" and not song.version and format == "mp3" and habit["original"] < 0.6:
        title = f"{song.title} (Original Mix)"
    if song.featured and habit["guests"] < 0.5:
        title += f" (feat. {song.featured})"
    elif song.featured:
        artists = [f"{song.artist} feat. {song.featured}"]
    if format in ("flac", "ogg", "m4a") and " vs. " not in song.artist and song.remixer:
        artists = [*artists, song.remixer]
    tags: dict[str, Any] = {
        "title": title,
        "artists": artists,
        "album": record.title,
        "album_artists": [record.artist],
        "track_no": place,
        "track_total": len(record.songs),
        "year": song.year if record.type != "compilation" else record.year,
        "genres": [rng.choice(GENRES[song.genre]) if habit["genre"] < 0.3 else GENRES[song.genre][0]],
        "isrc": song.isrc,
        "remixers": [song.remixer] if song.remixer else [],
        "label": record.label if habit["label"] < 0.75 else "",
        "catalogue_number": record.code if habit["label"] < 0.6 else "",
    }
    if habit["year"] < 0.25:
        tags["year"] = min(record.year + of_record.choice((1, 2, 7, 10)), 2023)  # the year of the reissue
    if song.kind == "dub":
        tags["comment"] = rng.choice(("", "", "ripped from vinyl", "bought at the record fair", "promo"))
        if habit["bpm"] < 0.8:
            tags["bpm"] = song.bpm
        if habit["key"] < 0.7:
            tags["musical_key"] = song.musical_key if habit["key"] < 0.35 else song.classical_key
    if rng.random() < 0.3 and song.rating:
        tags["rating"] = song.rating
    if habit["ids"] < 0.3:
        tags["ids"] = {
            "mb_recording": _uuid(song.key),
            "mb_release": _uuid(record.code),
            "mb_artist": _uuid(song.artist),
        }
    if record.code == "BOOT-2":
        tags = {"title": title}
    edition = 1 if habit["cover"] < 0.15 and place % 2 else 0  # half of the album got the cover of the reissue
    cover = None if habit["cover"] > 0.93 or format in ("wav", "wv") else (record.code, edition)
    name = f"{place:02} {_safe(title)}.{format}"
    path = f"{_safe(record.artist)}/{_safe(record.title)}/{name}"
    # The same song on two records is the same recording, encoded twice.
    return File(path, song.key, format, song.seconds, f"{song.key} {record.code} {format}", tags, cover)


@cache
def dj_tracks() -> tuple[DjTrack, ...]:
    lib, on_disk, out = library(), {}, []
    for file in files():
        if file.tags.get("album"):
            on_disk[file.song, file.tags["album"]] = file
    for record in lib.records.values():
        for place, key in enumerate(record.songs, 1):
            song, rng = lib.songs[key], random.Random(f"rekordbox {record.code} {key}")
            file = on_disk.get((key, record.title))
            playable = file is not None and file.format in DJ_FORMATS
            chance = rng.random()
            wanted = not record.formats or chance < 0.93 if record.on("R") else playable and chance < 0.4
            if wanted:
                out.append(_dj_track(1000 + len(out), record, song, file if playable else None, place, rng))
    # The crate of a friend: files that were analysed from a stick and never copied.
    for key in ("unda003-02", "qnc15-02", "unda003-03"):
        rng = random.Random(f"rekordbox stick {key}")
        song = lib.songs[key]
        out.append(_dj_track(1000 + len(out), lib.records[song.record], song, None, song.number, rng))
    return tuple(out)


def _dj_track(track_id: int, record: Record, song: Song, file: File | None, place: int, rng: random.Random) -> DjTrack:
    title = file.tags["title"] if file else song.full_title
    if not file and not song.version and rng.random() < 0.5:
        title += " (Original Mix)"
    format = file.format if file else rng.choice(("mp3", "aiff"))
    key = song.musical_key
    if rng.random() < 0.18:
        key = rng.choice(compatible_keys(key)[1:])  # analysis hears the fifth or the relative key
    bpm = round(song.bpm + rng.choice((0, 0, 0, 0.01, -0.01, 0.02)), 2)
    if rng.random() < 0.05:
        bpm = round(bpm / 2 if song.kind == "dub" else bpm * 2, 2)
    location = None
    if file is None:
        where = rng.choice(("Volumes/CRATES/Contents", "C:/Users/dj/Music", "D:/Promos 2019"))
        location = f"{where}/{_safe(song.artist)}/{_safe(title)}.{format}"
    artist = (file.tags.get("artists") or [""])[0] if file else song.artist
    said = {
        "Name": title,
        "Artist": artist if file or not song.featured else f"{song.artist} ft. {song.featured}",
        "Album": record.title,
        "Genre": rng.choice(GENRES[song.genre]) if rng.random() < 0.25 else GENRES[song.genre][0],
        "DiscNumber": 1,
        "TrackNumber": place,
        "Year": song.year if rng.random() < 0.85 else 0,
        "AverageBpm": bpm,
        "Tonality": key_name(key) if rng.random() < 0.9 else key,
        "DateAdded": f"{rng.randint(2015, 2023)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "Comments": rng.choice(
            ("", "", "", "warm up", "peak", "closing", "long intro", "vinyl rip, a bit quiet", "tool")
        ),
        "PlayCount": int(rng.expovariate(0.15)),
        "Rating": song.rating if rng.random() < 0.9 else rng.randint(0, 5),
        "Colour": rng.choice(("", "", "", "0xFF007F", "0xFFA500", "0x00FF00", "0x25FDE9", "0x0000FF", "0x660099")),
        "Remixer": song.remixer,
        "Label": record.label,
        "Mix": song.version,
        "Grouping": rng.choice(("", "", "", "Night Ferry", "Sunday")),
    }
    return DjTrack(track_id, song.key, file.path if file else None, location, format, song.seconds, said)


@cache
def streams() -> tuple[Stream, ...]:
    lib, out = library(), []
    for record in lib.records.values():
        if not record.on("S"):
            continue
        for key in record.songs:
            song, rng = lib.songs[key], random.Random(f"spotify {record.code} {key}")
            title = f"{song.title} - {song.version}" if song.version else song.title
            if song.featured:
                title = f"{song.title} (feat. {song.featured})" + (f" - {song.version}" if song.version else "")
            if record.code == "SSP 02R":
                title += " - 2018 Remaster"
            elif record.year < 2006:
                title += " - Remastered 2019" if record.kind == "folk" else " - 2016 Remaster"
            saved = rng.random() < (0.8 if record.kind == "folk" else 0.6)
            uri = "spotify:track:" + "".join(rng.choices(BASE62, k=22))
            # The service says the first artist; lengths are a little off, as encoders add and cut silence.
            artist = re.split(r" vs\. | & (?=Salt)", song.artist)[0]
            album = record.title if rng.random() > 0.04 else f"{record.title} (Deluxe Edition)"
            out.append(Stream(uri, key, title, artist, album, round(song.seconds + rng.uniform(-0.6, 0.9), 3), saved))
    return tuple(out)


def _safe(name: str) -> str:
    """A name that is allowed on every file system."""
    name = unicodedata.normalize("NFC", re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name))
    return name[:80].strip(" .") or "_"


def _romanised(artist: str) -> str:
    return {"波止場ユニット": "Hatoba Unit"}.get(artist, artist)


def _mojibake(text: str) -> str:
    return text.encode("cp1251").decode("latin-1")


def _uuid(name: str) -> str:
    return str(uuid.UUID(bytes=random.Random(f"mbid {name}").randbytes(16), version=4))
