"""Writes the Rekordbox collection of the fictional library, as File > Export Collection in xml format does."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

from musicdb.demo import views
from musicdb.demo.library import library
from musicdb.demo.views import DjTrack

HOT_CUES = (("Intro", 40, 226, 20), ("Drop", 222, 68, 207), ("Break", 48, 90, 255), ("Outro", 230, 40, 40))


def xml(music: Path, sizes: Mapping[str, int]) -> bytes:
    """The whole file. music: the folder with the audio files; sizes: bytes of each, by path below it."""
    tracks = views.dj_tracks()
    root = ET.Element("DJ_PLAYLISTS", Version="1.0.0")
    ET.SubElement(root, "PRODUCT", Name="rekordbox", Version="6.8.5", Company="AlphaTheta")
    collection = ET.SubElement(root, "COLLECTION", Entries=str(len(tracks)))
    for track in tracks:
        _track(collection, track, music, sizes)
    playlists = ET.SubElement(root, "PLAYLISTS")
    _folder(playlists, "ROOT", playlist_tree())
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def playlist_tree() -> dict:
    """Playlists by name: lists of TrackIDs, repeats included; folders are dicts."""
    lib, tracks, rng = library(), views.dj_tracks(), random.Random("rekordbox playlists")

    def of(*genres: str) -> list[DjTrack]:
        return [track for track in tracks if lib.songs[track.song].genre in genres]

    def some(pool: list[DjTrack], count: int) -> list[int]:
        # A set climbs: the slower ones come first.
        chosen = sorted(rng.sample(pool, min(count, len(pool))), key=lambda track: lib.songs[track.song].bpm)
        return [track.track_id for track in chosen]

    deep, dub, techno = of("Deep House"), of("Dub Techno", "Minimal Techno"), of("Techno")
    ferry = some(dub, 14) + some(techno, 10)
    ferry += [ferry[2], ferry[0]]  # the opener again at the end, and one by request
    by_song = {track.song: track.track_id for track in reversed(tracks)}
    fathoms = [by_song[key] for key in by_song if lib.songs[key].title == "Nine Fathoms"]
    return {
        "Sets": {
            "2022": {"Harbour Bar, May": some(deep, 16), "Tollhouse 3, November": some(dub + techno, 22)},
            "2023": {"Night Ferry": ferry, "Night Ferry (backup)": ferry[:8], "Sunday Terrace": some(deep + dub, 18)},
        },
        "Crates": {
            "Warm up": [track.track_id for track in tracks if track.said["Comments"] == "warm up"],
            "Peak / Time": [track.track_id for track in tracks if track.said["Comments"] == "peak"],
            "Nine Fathoms × all": fathoms * 2,
            "日本の夜": [track.track_id for track in tracks if not lib.songs[track.song].artist.isascii()][:12],
            "Wedding (do not play out)": some(of("Indie Folk", "Folk", "Indie Rock"), 20),
        },
        "to sort": [],
        "Night Ferry": ferry[-6:],  # of the same name as another one, in another folder
    }


def _track(collection: ET.Element, track: DjTrack, music: Path, sizes: Mapping[str, int]) -> None:
    rng = random.Random(f"rekordbox cues {track.track_id} {track.song}")
    rate = {"flac": 1411, "wav": 1411, "aiff": 1411, "m4a": 256}.get(track.format, 320)
    said = {key: str(value) for key, value in track.said.items()}
    said |= {"AverageBpm": f"{track.said['AverageBpm']:.2f}", "Rating": str(track.said["Rating"] * 51)}
    if not said["Colour"]:
        del said["Colour"]
    path = (music / track.file).absolute().as_posix() if track.file else track.location
    attributes = {
        "TrackID": str(track.track_id),
        **said,
        "Kind": f"{track.format.upper()} File",
        "Size": str(sizes.get(track.file, 0) if track.file else round(track.seconds * rate * 125)),
        "TotalTime": str(int(track.seconds)),
        "BitRate": str(rate),
        "SampleRate": "44100",
        "Composer": "",
        "Location": "file://localhost/" + quote(path.lstrip("/"), safe="/:!$&'()*+,;=@"),
    }
    element = ET.SubElement(collection, "TRACK", attributes)
    bpm = track.said["AverageBpm"]
    beat = 60 / bpm
    start = rng.uniform(0.02, 0.4)
    ET.SubElement(element, "TEMPO", Inizio=f"{start:.3f}", Bpm=f"{bpm:.2f}", Metro="4/4", Battito="1")
    if library().songs[track.song].kind == "folk" and track.seconds > 60:
        # Played by hand: the grid is set anew where the band got faster.
        ET.SubElement(
            element, "TEMPO", Inizio=f"{start + beat * 64:.3f}", Bpm=f"{bpm * 1.02:.2f}", Metro="4/4", Battito="1"
        )
    for number, beats in enumerate(
        sorted(rng.sample(range(0, int(track.seconds / beat), 16), k=_cues(rng, track, beat)))
    ):
        at = start + beats * beat
        if number < 4 and rng.random() < 0.8:
            name, red, green, blue = HOT_CUES[number]
            _mark(element, name, 0, at, number, (red, green, blue))
        else:
            _mark(element, rng.choice(("", "", "vocal", "bass out")), 0, at, -1)
    if rng.random() < 0.25 and track.seconds > 60:
        at = start + beat * 32
        _mark(element, "Loop", 4, at, rng.choice((-1, 4)), (255, 140, 0), end=at + beat * rng.choice((8, 16)))


def _cues(rng: random.Random, track: DjTrack, beat: float) -> int:
    return min(rng.choice((0, 1, 2, 4, 4, 5, 6)), len(range(0, int(track.seconds / beat), 16)))


def _mark(
    element: ET.Element, name: str, type_: int, start: float, num: int, rgb=None, end: float | None = None
) -> None:
    values = {"Name": name, "Type": str(type_), "Start": f"{start:.3f}"}
    if end is not None:
        values["End"] = f"{end:.3f}"
    values["Num"] = str(num)
    if rgb and num >= 0:
        values |= {"Red": str(rgb[0]), "Green": str(rgb[1]), "Blue": str(rgb[2])}
    ET.SubElement(element, "POSITION_MARK", values)


def _folder(parent: ET.Element, name: str, children: dict) -> None:
    node = ET.SubElement(parent, "NODE", Type="0", Name=name, Count=str(len(children)))
    for child, content in children.items():
        if isinstance(content, dict):
            _folder(node, child, content)
            continue
        playlist = ET.SubElement(node, "NODE", Name=child, Type="1", KeyType="0", Entries=str(len(content)))
        for track_id in content:
            ET.SubElement(playlist, "TRACK", Key=str(track_id))
