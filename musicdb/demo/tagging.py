"""Tags in the dialect of each file format, written with mutagen into bytes in memory."""

from __future__ import annotations

import base64
import io
from typing import Any

# name in `musicdb.shapes.Said` -> ID3 frame, Vorbis and APE key, MP4 atom, ASF attribute
TEXT = {
    "title": ("TIT2", "TITLE", "\xa9nam", "Title"),
    "artists": ("TPE1", "ARTIST", "\xa9ART", "Author"),
    "album": ("TALB", "ALBUM", "\xa9alb", "WM/AlbumTitle"),
    "album_artists": ("TPE2", "ALBUMARTIST", "aART", "WM/AlbumArtist"),
    "genres": ("TCON", "GENRE", "\xa9gen", "WM/Genre"),
    "year": ("TDRC", "DATE", "\xa9day", "WM/Year"),
    "bpm": ("TBPM", "BPM", "tmpo", "WM/BeatsPerMinute"),
    "musical_key": ("TKEY", "INITIALKEY", "----:com.apple.iTunes:initialkey", "WM/InitialKey"),
    "isrc": ("TSRC", "ISRC", "----:com.apple.iTunes:ISRC", "WM/ISRC"),
    "remixers": ("TPE4", "REMIXER", "----:com.apple.iTunes:REMIXER", "WM/ModifiedBy"),
    "label": ("TPUB", "LABEL", "----:com.apple.iTunes:LABEL", "WM/Publisher"),
    "catalogue_number": ("TXXX:CATALOGNUMBER", "CATALOGNUMBER", "----:com.apple.iTunes:CATALOGNUMBER", "WM/CatalogNo"),
    "comment": ("COMM", "COMMENT", "\xa9cmt", "Description"),
    "mb_recording": (
        "UFID:http://musicbrainz.org",
        "MUSICBRAINZ_TRACKID",
        "----:com.apple.iTunes:MusicBrainz Track Id",
        "MusicBrainz/Track Id",
    ),
    "mb_release": (
        "TXXX:MusicBrainz Album Id",
        "MUSICBRAINZ_ALBUMID",
        "----:com.apple.iTunes:MusicBrainz Album Id",
        "MusicBrainz/Album Id",
    ),
    "mb_artist": (
        "TXXX:MusicBrainz Artist Id",
        "MUSICBRAINZ_ARTISTID",
        "----:com.apple.iTunes:MusicBrainz Artist Id",
        "MusicBrainz/Artist Id",
    ),
}
POPM = (0, 1, 64, 128, 196, 255)


def tagged(audio: bytes, format: str, tags: dict[str, Any], cover: bytes | None = None) -> bytes:
    """The audio file with these tags (names of `Said`; empty ones are left out) and this JPEG as its front cover."""
    if not tags and cover is None:
        return audio
    buffer = io.BytesIO(audio)
    values = {
        name: value
        for name, value in (tags | tags.get("ids", {})).items()
        if value not in ("", [], None) and name != "ids"
    }
    _WRITERS[format](buffer, values, cover)
    return buffer.getvalue()


def _texts(values: dict[str, Any], dialect: int):
    for name, keys in TEXT.items():
        if name in values:
            value = values[name]
            yield keys[dialect], [str(item) for item in (value if isinstance(value, list) else [value])]


def _place(values: dict[str, Any]) -> tuple[int, int] | None:
    return (values["track_no"], values.get("track_total", 0)) if "track_no" in values else None


def _id3(buffer: io.BytesIO, values: dict[str, Any], cover: bytes | None, opened: str) -> None:
    from mutagen import aiff, id3, wave

    file = {"wav": wave.WAVE, "aiff": aiff.AIFF}[opened](buffer) if opened != "mp3" else None
    tags = id3.ID3()
    for key, texts in _texts(values, 0):
        frame, _, description = key.partition(":")
        if frame == "TBPM":
            texts = [str(round(float(texts[0])))]
        if frame == "UFID":
            tags.add(id3.UFID(owner=description, data=texts[0].encode()))
        elif frame == "TXXX":
            tags.add(id3.TXXX(encoding=3, desc=description, text=texts))
        elif frame == "COMM":
            tags.add(id3.COMM(encoding=3, lang="eng", desc="", text=texts))
        else:
            tags.add(id3.Frames[frame](encoding=3, text=texts))
    if place := _place(values):
        tags.add(id3.TRCK(encoding=0, text=f"{place[0]}/{place[1]}"))
    if "rating" in values:
        tags.add(id3.POPM(email="listener@example.org", rating=POPM[values["rating"]], count=0))
    if cover:
        tags.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=cover))
    buffer.seek(0)
    # Half of the world still writes 2.3: where the comment says "ripped", so does this.
    old = str(values.get("comment", "")).startswith("ripped")
    if old:
        tags.update_to_v23()
    if file is None:
        tags.save(buffer, v2_version=3 if old else 4, padding=lambda info: 0)
        return
    file.add_tags()
    for frame in tags.values():
        file.tags.add(frame)
    file.save(buffer, v2_version=4)


def _vorbis(buffer: io.BytesIO, values: dict[str, Any], cover: bytes | None, opened: str) -> None:
    from mutagen import flac, oggopus, oggvorbis

    file = {"flac": flac.FLAC, "ogg": oggvorbis.OggVorbis, "opus": oggopus.OggOpus}[opened](buffer)
    if file.tags is None:
        file.add_tags()
    for key, texts in _texts(values, 1):
        file.tags[key] = texts
    if place := _place(values):
        file.tags["TRACKNUMBER"], file.tags["TRACKTOTAL"] = str(place[0]), str(place[1])
    if "rating" in values:
        file.tags["RATING"] = str(values["rating"] * 20)
    if cover:
        picture = flac.Picture()
        picture.type, picture.mime, picture.data, picture.width, picture.height, picture.depth = (
            3,
            "image/jpeg",
            cover,
            700,
            700,
            24,
        )
        if opened == "flac":
            file.add_picture(picture)
        else:
            file.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode()
    buffer.seek(0)
    file.save(buffer, padding=lambda info: 0)


def _mp4(buffer: io.BytesIO, values: dict[str, Any], cover: bytes | None, opened: str) -> None:
    from mutagen import mp4

    file = mp4.MP4(buffer)
    if file.tags is None:
        file.add_tags()
    for key, texts in _texts(values, 2):
        if key == "tmpo":
            file.tags["tmpo"] = [round(float(texts[0]))]  # whole numbers only; the exact tempo goes beside it
            file.tags["----:com.apple.iTunes:BPM"] = [mp4.MP4FreeForm(texts[0].encode())]
        elif key.startswith("----"):
            file.tags[key] = [mp4.MP4FreeForm(text.encode()) for text in texts]
        else:
            file.tags[key] = texts
    if place := _place(values):
        file.tags["trkn"] = [place]
    if cover:
        file.tags["covr"] = [mp4.MP4Cover(cover, mp4.MP4Cover.FORMAT_JPEG)]
    buffer.seek(0)
    file.save(buffer, padding=lambda info: 0)


def _asf(buffer: io.BytesIO, values: dict[str, Any], cover: bytes | None, opened: str) -> None:
    from mutagen import asf

    file = asf.ASF(buffer)
    for key, texts in _texts(values, 3):
        file.tags[key] = texts
    if place := _place(values):
        file.tags["WM/TrackNumber"] = str(place[0])
    if cover:
        head = b"\x03" + len(cover).to_bytes(4, "little") + "image/jpeg\0\0".encode("utf-16-le")
        file.tags["WM/Picture"] = asf.ASFByteArrayAttribute(head + cover)
    buffer.seek(0)
    file.save(buffer, padding=lambda info: 0)


def _ape(buffer: io.BytesIO, values: dict[str, Any], cover: bytes | None, opened: str) -> None:
    from mutagen import apev2

    tags = apev2.APEv2()
    for key, texts in _texts(values, 1):
        tags[key.title()] = texts
    tags.save(buffer)


def _in(writer, opened: str):
    return lambda buffer, values, cover: writer(buffer, values, cover, opened)


_WRITERS = {
    **{format: _in(_id3, format) for format in ("mp3", "wav", "aiff")},
    **{format: _in(_vorbis, format) for format in ("flac", "ogg", "opus")},
    "m4a": _in(_mp4, "m4a"),
    "wma": _in(_asf, "wma"),
    "wv": _in(_ape, "wv"),
}
