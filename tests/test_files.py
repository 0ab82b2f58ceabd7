"""Audio files: found, read, told apart, known again."""

import io
import json
import os
import shutil
import socket
import struct
import sys
import wave
from pathlib import Path

import msgspec
import mutagen
import pytest
from mutagen import id3

import musicdb
import musicdb.demo
from musicdb.errors import BadInput, PayloadError
from musicdb.platforms import _files_audio as audio
from musicdb.platforms import _files_audiohash as audiohash
from musicdb.platforms import _files_tags as filetags
from musicdb.platforms import files
from musicdb.shapes import Complete, Page, Refused

SOUNDS = Path(musicdb.demo.__path__[0]) / "sounds" if hasattr(musicdb.demo, "__path__") else None
FORMATS = ("mp3", "flac", "m4a", "ogg", "opus", "wav", "aiff", "wma", "wv")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


class Known:
    """What an earlier run stored, as `load` would keep it."""

    def __init__(self, run=None, refused=(), audio_hashes=None):
        self.rows, self.hashes, self.payloads = {}, audio_hashes or {}, run.payloads if run else ()
        self.not_read = {item.item: msgspec.json.decode(msgspec.json.encode(item.payload)) for item in refused}
        for payload in run.payloads if run else ():
            p = payload
            self.rows[p["path"]] = (
                p["external_id"], p["size"], p["mtime_ns"], p["ctime_ns"], p["inode"], p["window_hash"], False
            )  # fmt: skip

    def files(self, root=None):
        return self.rows

    def refused(self, kind):
        return self.not_read

    def audio_hash(self, external_id):
        return self.hashes.get(external_id)

    def said(self, external_id):
        return next((files.said_of(p) for p in self.payloads if p["external_id"] == external_id), {})


class Run:
    """Everything that a fetch yielded."""

    def __init__(self, source, known=None, **options):
        self.payloads, self.seen, self.refused, self.complete, self.images = [], [], [], [], {}
        for page in files.fetch(source, known or Known(), **options):
            if isinstance(page, Page):
                self.payloads += page.payloads
                self.seen += page.seen
                self.images |= page.images
            elif isinstance(page, Refused):
                self.refused.append(page)
            elif isinstance(page, Complete):
                self.complete.append(page.within)

    def ids(self):
        return {Path(p["path"]).name: p["external_id"] for p in self.payloads}

    def reasons(self):
        return {Path(r.item).name: r.reason for r in self.refused}


def sound(format: str) -> Path:
    return next(SOUNDS.glob(f"*.{format}"))


def put(folder: Path, name: str, format: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(sound(format or name.rpartition(".")[2]), folder / name))


def silence(path: Path, frames: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(range(256)) * (frames * 2 // 256) + bytes(frames * 2 % 256))
    return path


def read(path: Path, **options) -> dict:
    payload = {"external_id": "x", "path": str(path), "root": str(path.parent), **audio.read(os.fsencode(path), **options)}
    payload.pop("cover_data")
    return msgspec.json.decode(msgspec.json.encode(payload))


def said(path: Path) -> dict:
    return filetags.said_of(read(path))


# ---------- tags: the same said from every family
WANTED = {
    "title": "Nattfärd (Dub Mix)",
    "artists": ["Åsa Lindqvist", "AC/DC"],
    "album_artists": ["Åsa Lindqvist"],
    "album": "夜の光",
    "track_no": 3,
    "track_total": 12,
    "disc_no": 1,
    "genres": ["Dub", "Techno"],
    "year": 1997,
    "release_date": "1997-05-12",
    "release_date_precision": "day",
    "bpm": 124.5,
    "musical_key": "8A",
    "isrc": "SEABC9700001",
    "label": "Kallvatten",
    "catalogue_number": "KV-001",
    "comment": "warm up",
    "rating": 4,
    "remixers": ["Scientist II"],
    "composers": ["J. Bach"],
    "cover": "embedded",
    "ids": {"mb_recording": "8b882575-08a5-4452-a7a7-cbb8a1531f9e", "mb_release": "9e873859-8aa4-4790-b985-5a953e8ef628"},
}
FREE_FORM = {
    "TITLE": WANTED["title"],
    "ARTIST": WANTED["artists"],
    "ALBUMARTIST": WANTED["album_artists"],
    "ALBUM": WANTED["album"],
    "TRACKNUMBER": "3",
    "TRACKTOTAL": "12",
    "DISCNUMBER": "1",
    "GENRE": WANTED["genres"],
    "DATE": "1997-05-12",
    "BPM": "124.5",
    "INITIALKEY": "Am",
    "ISRC": "SE-ABC-97-00001",
    "LABEL": WANTED["label"],
    "CATALOGNUMBER": "KV-001",
    "COMMENT": "warm up",
    "RATING": "80",
    "REMIXER": "Scientist II",
    "COMPOSER": "J. Bach",
    "MUSICBRAINZ_TRACKID": WANTED["ids"]["mb_recording"],
    "MUSICBRAINZ_ALBUMID": WANTED["ids"]["mb_release"],
}


def tag(path: Path) -> None:
    """Write WANTED the way that Picard does for this format."""
    file = mutagen.File(path)
    family = path.suffix[1:]
    if family in ("mp3", "wav", "aiff"):
        if file.tags is None:
            file.add_tags()
        t = file.tags
        for cls, text in (
            (id3.TIT2, WANTED["title"]), (id3.TPE1, WANTED["artists"]), (id3.TPE2, "Åsa Lindqvist"), (id3.TALB, WANTED["album"]),
            (id3.TRCK, "3/12"), (id3.TPOS, "1"), (id3.TCON, WANTED["genres"]), (id3.TDRC, "1997-05-12"), (id3.TBPM, "124.5"),
            (id3.TKEY, "Am"), (id3.TSRC, "SEABC9700001"), (id3.TPUB, "Kallvatten"), (id3.TPE4, "Scientist II"), (id3.TCOM, "J. Bach"),
        ):  # fmt: skip
            t.add(cls(encoding=3, text=text))
        t.add(id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text="0000 0000"))
        t.add(id3.COMM(encoding=3, lang="eng", desc="", text="warm up"))
        t.add(id3.TXXX(encoding=3, desc="CATALOGNUMBER", text="KV-001"))
        t.add(id3.TXXX(encoding=3, desc="MusicBrainz Album Id", text=WANTED["ids"]["mb_release"]))
        t.add(id3.UFID(owner="http://musicbrainz.org", data=WANTED["ids"]["mb_recording"].encode()))
        t.add(id3.POPM(email="a@example.org", rating=196, count=7))
        t.add(id3.PRIV(owner="x", data=bytes(5000)))
        t.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=PNG))
    elif family == "m4a":
        names = {
            "TITLE": "©nam",
            "ARTIST": "©ART",
            "ALBUMARTIST": "aART",
            "ALBUM": "©alb",
            "GENRE": "©gen",
            "DATE": "©day",
            "COMMENT": "©cmt",
            "COMPOSER": "©wrt",
        }
        for name, value in FREE_FORM.items():
            if name in names:
                file[names[name]] = value
            elif name.startswith("MUSICBRAINZ"):
                word = {"MUSICBRAINZ_TRACKID": "Track", "MUSICBRAINZ_ALBUMID": "Album"}[name]
                file[f"----:com.apple.iTunes:MusicBrainz {word} Id"] = value.encode()
            elif name not in ("TRACKNUMBER", "TRACKTOTAL", "DISCNUMBER"):
                file[f"----:com.apple.iTunes:{name}"] = value.encode()
        file["trkn"], file["disk"], file["tmpo"] = [(3, 12)], [(1, 0)], [124]
        file["covr"] = [mutagen.mp4.MP4Cover(PNG, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    elif family == "wma":
        names = {
            "TITLE": "Title", "ARTIST": "Author", "ALBUMARTIST": "WM/AlbumArtist", "ALBUM": "WM/AlbumTitle", "TRACKNUMBER": "WM/TrackNumber",
            "GENRE": "WM/Genre", "DATE": "WM/Year", "BPM": "WM/BeatsPerMinute", "INITIALKEY": "WM/InitialKey", "ISRC": "WM/ISRC",
            "LABEL": "WM/Publisher", "CATALOGNUMBER": "WM/CatalogNo", "COMMENT": "Description", "REMIXER": "WM/ModifiedBy",
            "COMPOSER": "WM/Composer", "DISCNUMBER": "WM/PartOfSet", "MUSICBRAINZ_TRACKID": "MusicBrainz/Track Id",
            "MUSICBRAINZ_ALBUMID": "MusicBrainz/Album Id",
        }  # fmt: skip
        for name, value in FREE_FORM.items():
            if name != "RATING":
                file[names.get(name, name)] = value
        file["WM/SharedUserRating"] = 75
        picture = struct.pack("<BI", 3, len(PNG)) + "image/png".encode("utf-16-le") + bytes(4) + PNG
        file["WM/Picture"] = mutagen.asf.ASFByteArrayAttribute(picture)
    else:
        if file.tags is None:
            file.add_tags()
        for name, value in FREE_FORM.items():
            file[name] = value
        if family == "wv":
            file["Cover Art (Front)"] = mutagen.apev2.APEValue(b"front.png\0" + PNG, mutagen.apev2.BINARY)
        else:
            picture = mutagen.flac.Picture()
            picture.type, picture.mime, picture.data = 3, "image/png", PNG
            if family == "flac":
                file.add_picture(picture)
            else:
                import base64

                file["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode()
    file.save()


@pytest.mark.parametrize("format", FORMATS)
def test_every_wanted_field_is_read_from(format, tmp_path):
    path = put(tmp_path, f"a.{format}")
    tag(path)
    found = said(path)
    expected = dict(WANTED)
    if format in ("mp3", "wav", "aiff"):
        assert found.pop("play_count") == 7
    assert found.pop("duration_ms") > 50
    assert found.pop("path") == str(path)
    assert found == expected


@pytest.mark.parametrize("format", FORMATS)
def test_writing_tags_does_not_change_the_hashes_of_the_audio_of(format, tmp_path):
    path = put(tmp_path, f"a.{format}")
    before = read(path, verify=True)
    tag(path)
    after = read(path, verify=True)
    assert len(before["window_hash"]) == 32
    assert (after["window_hash"], after["audio_hash"]) == (before["window_hash"], before["audio_hash"])
    assert after["file_hash"] != before["file_hash"]
    assert audio.hash_audio(os.fsencode(path)) == before["audio_hash"]


def test_other_audio_has_other_hashes(tmp_path):
    a, b, c = silence(tmp_path / "a.wav", 90_000), silence(tmp_path / "b.wav", 90_001), silence(tmp_path / "c.wav", 90_000)
    data = bytearray(c.read_bytes())
    data[-100] ^= 1  # outside of both windows
    c.write_bytes(data)
    a, b, c = (read(path, verify=True) for path in (a, b, c))
    assert a["window_hash"] != b["window_hash"] and a["audio_hash"] != b["audio_hash"]
    assert a["window_hash"] == c["window_hash"] and a["audio_hash"] != c["audio_hash"]


def test_tags_at_both_ends_are_no_audio():
    audio_bytes = b"\xff\xfb\x90\x00" + bytes(range(256)) * 20
    v2 = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 0]) + bytes(128)
    ape_items = b"x" * 50
    ape = ape_items + b"APETAGEX" + struct.pack("<III", 2000, len(ape_items) + 32, 1) + struct.pack("<I", 0) + bytes(8)
    lyrics = b"LYRICSBEGIN" + b"IND00001" + b"000019LYRICS200"
    v1 = b"TAG" + bytes(125)
    for head in (b"", v2):
        for tail in (b"", v1, ape, ape + v1, lyrics + v1):
            data = head + audio_bytes + tail
            start, end, ogg = audiohash.audio_range(io.BytesIO(data), len(data))
            assert (data[start:end], ogg) == (audio_bytes, False)


# ---------- details of tags
def mp3(path: Path, *frames, version=4) -> dict:
    put(path.parent, path.name)
    tags = id3.ID3()
    for frame in frames:
        tags.add(frame)
    tags.save(path, v2_version=version)
    return read(path)


def text(name: str, *values) -> id3.Frame:
    return getattr(id3, name)(encoding=3, text=list(values))


def test_id3_2_3_frames_are_kept_as_written(tmp_path):
    payload = mp3(tmp_path / "a.mp3", text("TYER", "1999"), text("TDAT", "3112"), text("TPE1", "AC/DC"), version=3)
    assert payload["tags"] == {"TYER": ["1999"], "TDAT": ["3112"], "TPE1": ["AC/DC"]}
    assert payload["tag_version"] == "2.3.0"
    found = filetags.said_of(payload)
    assert (found["release_date"], found["artists"]) == ("1999-12-31", ["AC/DC"])


@pytest.mark.parametrize(
    ("genre", "expected"),
    [
        (["(17)"], ["Rock"]),
        (["17"], ["Rock"]),
        (["House; Techno"], ["House", "Techno"]),
        (["R&B/Soul"], ["R&B/Soul"]),
        (["Dub", "Dub"], ["Dub"]),
    ],
)
def test_genres(tmp_path, genre, expected):
    assert filetags.said_of(mp3(tmp_path / "a.mp3", text("TCON", *genre)))["genres"] == expected


def test_comments_of_players_are_skipped(tmp_path):
    frames = [id3.COMM(encoding=3, lang="eng", desc=d, text=t) for d, t in (("iTunNORM", "0"), ("Songs-DB_Custom1", "x"), ("note", "mine"))]
    assert filetags.said_of(mp3(tmp_path / "a.mp3", *frames))["comment"] == "mine"
    assert "comment" not in filetags.said_of(mp3(tmp_path / "b.mp3", *frames[:2]))


def payload(family, tags, **more):
    return {"external_id": "x", "path": "/m/a.b.mp3", "root": "/m", "size": 1, "mtime_ns": 0, "tag_format": family, "tags": tags, **more}


@pytest.mark.parametrize(
    ("family", "tags", "stars"),
    [
        ("id3", {"POPM:a": [{"rating": 0}], "POPM:b": [{"rating": 255}]}, 5),
        ("vorbis", {"RATING": ["100"]}, 5),
        ("vorbis", {"RATING": ["3"]}, 3),
        ("vorbis", {"rating:user@example.org": ["0.6"]}, 3),
        ("vorbis", {"FMPS_RATING": ["0.4"]}, 2),
        ("vorbis", {"RATING": ["excellent"]}, None),
        ("mp4", {"rate": ["60"]}, 3),
        ("asf", {"WM/SharedUserRating": [99]}, 5),
        ("asf", {"Rating": ["18"]}, None),
    ],
)
def test_ratings_of_every_scale(family, tags, stars):
    assert filetags.said_of(payload(family, tags)).get("rating") == stars


def test_a_file_without_a_title_is_called_by_its_name_and_says_none():
    track, file = files.rows("file", payload("vorbis", {"ARTIST": [" \x00 "]}))
    assert track["title"] == "a.b"
    assert track["said"] == {"path": "/m/a.b.mp3"}
    assert file["size_bytes"] == 1


@pytest.mark.parametrize(
    "tags",
    [
        {"DATE": ["2019-02-30"], "BPM": ["0"], "KEY": ["?"], "ISRC": ["none"], "TRACKNUMBER": ["A1"], "RATING": [{"x": 1}]},
        {"DATE": [None, 1, 2.5, True, [], {}, [[1]], {"text": 3}], "TITLE": [[], {}, None], "GENRE": [[1, 2]], "TRACKNUMBER": [10**30]},
        {"MUSICBRAINZ_TRACKID": ["not one"], "SPOTIFY_ID": ["x"], "MUSICBRAINZ_ARTISTID": ["8b882575-08a5-4452-a7a7-cbb8a1531f9e"] * 2},
    ],
)
@pytest.mark.parametrize("family", [*filetags.FAMILIES, None])
def test_odd_values_are_not_said(tags, family):
    found = filetags.said_of(payload(family, tags, info={"length": float("inf")}))
    assert not {"bpm", "musical_key", "isrc", "track_no", "rating", "title", "duration_ms"} & set(found)


def test_identifiers_are_taken_from_uris_and_urls():
    uuid = "8b882575-08a5-4452-a7a7-cbb8a1531f9e"
    tags = {
        "SPOTIFY_TRACK_URI": ["spotify:track:4iV5W9uYEdYUVa79Axb7Rh"],
        "TIDAL_TRACK_ID": ["https://tidal.com/track/77646169?u"],
        "DISCOGS_RELEASE_ID": ["https://www.discogs.com/release/r249504"],
        "MusicBrainz/Artist Id": [uuid.upper()],
    }
    ids = {"spotify": "4iV5W9uYEdYUVa79Axb7Rh", "tidal": "77646169", "discogs_release": "249504", "mb_artist": uuid}
    assert filetags.said_of(payload("vorbis", tags))["ids"] == ids


def test_binary_and_huge_values_stand_as_size_and_hash(tmp_path):
    found = mp3(
        tmp_path / "a.mp3",
        id3.PRIV(owner="me", data=b"\xff" * 10_000),
        id3.USLT(encoding=3, lang="eng", desc="", text="la " * 100_000),
        id3.GEOB(encoding=3, mime="", filename="", desc="Serato", data=bytes(99)),
    )
    assert found["tags"]["PRIV:me"][0]["data"]["size"] == 10_000
    assert found["tags"]["USLT::eng"][0]["characters"] == 300_000
    assert len(msgspec.json.encode(found)) < 4000


def test_the_largest_front_cover_is_taken_and_never_an_icon(tmp_path):
    pictures = [
        id3.APIC(encoding=3, mime="image/png", type=kind, desc=str(n), data=data)
        for n, (kind, data) in enumerate(
            [(1, PNG + bytes(900)), (4, PNG + bytes(500)), (3, PNG), (3, PNG + bytes(10)), (3, b"<svg>" * 100)]
        )
    ]
    found = mp3(tmp_path / "a.mp3", *pictures)
    assert found["pictures"][found["cover"]]["size"] == len(PNG) + 10
    assert [p["mime"] for p in found["pictures"]].count(None) == 1
    assert mp3(tmp_path / "b.mp3", pictures[0])["cover"] is None


def test_info_chunks_of_wav_files_are_read(tmp_path):
    path = silence(tmp_path / "a.wav")
    body = b"INFO" + b"INAM" + struct.pack("<I", 6) + b"Caf\xe9\0\0" + b"IART" + struct.pack("<I", 3) + b"Me\0\0"
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(body)) + body
    path.write_bytes(b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:])
    assert {k: said(path)[k] for k in ("title", "artists")} == {"title": "Café", "artists": ["Me"]}


# ---------- what a file is
@pytest.mark.parametrize(
    ("format", "name"), [("flac", "a.mp3"), ("mp3", "a.flac"), ("m4a", "a.mp3"), ("ogg", "a"), ("opus", "a.ogg"), ("mp3", "a.xyz")]
)
def test_the_contents_decide_not_the_name(format, name, tmp_path):
    put(tmp_path, "real." + format)
    wanted = read(tmp_path / f"real.{format}")["format"]
    put(tmp_path / "in", name, format)
    run = Run(tmp_path / "in")
    assert [p["format"] for p in run.payloads] == [wanted], run.reasons()


def test_other_files_are_ignored_and_broken_ones_reported(tmp_path):
    put(tmp_path, "good.mp3")
    for name in ("cover.jpg", "list.m3u", "notes.unknown", ".hidden.mp3", "._good.mp3", ".cache/x.mp3", "$RECYCLE.BIN/y.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff\xfb nothing" if name.endswith("mp3") else b"nothing at all")
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "text.flac").write_text("no flac " * 100)
    (tmp_path / "plain").write_text("no audio")
    run = Run(tmp_path)
    assert list(run.ids()) == ["good.mp3"]
    assert set(run.reasons()) == {"empty.mp3", "text.flac", "plain"}
    assert run.reasons()["empty.mp3"] == "is empty (0 bytes)"
    assert run.complete == [str(tmp_path)]


@posix
def test_devices_pipes_loops_and_broken_links_do_no_harm(tmp_path):
    put(tmp_path, "good.mp3")
    os.mkfifo(tmp_path / "pipe.mp3")
    os.symlink("/dev/zero", tmp_path / "zero.mp3")
    os.symlink(tmp_path, tmp_path / "loop")
    os.symlink("nowhere", tmp_path / "broken.mp3")
    os.symlink("itself.mp3", tmp_path / "itself.mp3")
    os.symlink("good.mp3", tmp_path / "link.mp3")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s.mp3"))
        run = Run(tmp_path)
    assert sorted(run.ids()) == ["good.mp3", "link.mp3"]
    assert set(run.reasons()) == {"pipe.mp3", "zero.mp3", "s.mp3", "loop", "broken.mp3", "itself.mp3"}
    with pytest.raises(PayloadError, match="regular file"):
        audio.read(os.fsencode(tmp_path / "pipe.mp3"))


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows allow no such names")
def test_names_that_are_no_utf8_are_read_and_never_confused(tmp_path):
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    for name in (b"caf\xe9.mp3", b"a\\xff.mp3", b"a\xff.mp3", b"new\nline.mp3"):
        shutil.copy(sound("mp3"), os.path.join(folder, name))
    run = Run(tmp_path / "in")
    assert len(set(run.ids())) == 4 and len(set(run.ids().values())) == 4
    assert r"caf\xe9.mp3" in run.ids() and r"a\xff.mp3" in run.ids() and r"a\xff.mp3 (not UTF-8)" in run.ids()
    of = {Path(p["path"]).name: next(r for r in files.rows("file", p) if r["row"] == "file")["path_bytes"] for p in run.payloads}
    assert of[r"caf\xe9.mp3"] == os.path.join(folder, b"caf\xe9.mp3") and of[r"a\xff.mp3"] is None
    again = Run(tmp_path / "in", Known(run))
    assert (len(again.seen), again.payloads) == (4, [])
    shutil.copy(sound("mp3"), tmp_path / "in" / "copy.mp3")
    assert Run(tmp_path / "in", Known(run)).ids()["copy.mp3"] not in run.ids().values()


# ---------- again
def test_unchanged_files_are_only_seen(tmp_path):
    for n in range(5):
        put(tmp_path / "a", f"{n}.mp3")
    first = Run(tmp_path)
    second = Run(tmp_path, Known(first))
    assert (second.payloads, sorted(second.seen), second.complete) == ([], sorted(first.ids().values()), [str(tmp_path)])
    assert len(Run(tmp_path, Known(first), all=True).payloads) == 5


@posix
def test_an_edit_whose_mtime_was_put_back_is_noticed(tmp_path):
    path = put(tmp_path, "a.flac")
    file = mutagen.File(path)
    file["TITLE"] = "Before"
    file.save(padding=lambda info: 1000)
    first = Run(tmp_path)
    status = path.stat()
    file["TITLE"] = "Behind"
    file.save(padding=lambda info: info.padding)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    second = Run(tmp_path, Known(first))
    assert second.payloads[0]["tags"]["TITLE"] == ["Behind"]
    assert second.ids() == first.ids()


def test_what_could_not_be_read_is_not_read_again_but_reported_again(tmp_path, monkeypatch):
    (tmp_path / "broken.mp3").write_text("no mp3 " * 100)
    first = Run(tmp_path)
    monkeypatch.setattr(files, "Pool", None)  # reading would need it
    second = Run(tmp_path, Known(first, first.refused))
    assert second.reasons() == first.reasons() and second.refused[0].payload is not None
    monkeypatch.undo()
    shutil.copy(sound("mp3"), tmp_path / "broken.mp3")
    assert list(Run(tmp_path, Known(first, first.refused)).ids()) == ["broken.mp3"]


def test_a_file_that_changes_while_it_is_read_is_reported_and_read_again(tmp_path, monkeypatch):
    path = put(tmp_path, "a.mp3")
    window_hash = audiohash.window_hash

    def slow(file, size):
        with path.open("ab") as other:
            other.write(bytes(10))
        return window_hash(file, size)

    monkeypatch.setattr(audiohash, "window_hash", slow)
    with pytest.raises(PayloadError, match="changed while"):
        audio.read(os.fsencode(path))
    monkeypatch.setattr(
        files.Pool, "map", lambda self, function, jobs, **_: (files_answer("changed while it was read; import again") for _ in jobs)
    )
    refused = Run(tmp_path).refused
    assert refused[0].payload is None


def files_answer(reason):
    from musicdb.worker import Answer

    return Answer(reason=reason)


# ---------- moved
def test_a_moved_and_retagged_file_keeps_its_identity(tmp_path):
    path = put(tmp_path / "old", "a.flac")
    put(tmp_path, "b.mp3")
    first = Run(tmp_path)
    (tmp_path / "new").mkdir()
    path.rename(tmp_path / "new" / "renamed.flac")
    file = mutagen.File(tmp_path / "new" / "renamed.flac")
    file["TITLE"] = "Other " * 500
    file.save()
    second = Run(tmp_path, Known(first))
    assert second.ids() == {"renamed.flac": first.ids()["a.flac"]}


def test_a_copy_is_a_new_file_and_a_new_file_at_an_old_path_gets_an_id_of_its_own(tmp_path):
    put(tmp_path, "a.mp3")
    first = Run(tmp_path)
    put(tmp_path, "copy.mp3")
    second = Run(tmp_path, Known(first))
    assert second.ids()["copy.mp3"] != first.ids()["a.mp3"]
    (tmp_path / "a.mp3").rename(tmp_path / "z.mp3")
    (tmp_path / "copy.mp3").unlink()
    third = Run(tmp_path, Known(first))
    known = Known(third)
    assert third.ids() == {"z.mp3": first.ids()["a.mp3"]}
    put(tmp_path, "a.mp3", "flac")
    assert Run(tmp_path, known).ids() == {"a.mp3": first.ids()["a.mp3"] + "-2"}


def test_copies_that_moved_together_are_told_apart_by_their_paths(tmp_path):
    for name in ("one/x.mp3", "one/y.mp3", "two/x.mp3", "two/y.mp3"):
        put((tmp_path / "old" / name).parent, Path(name).name)
    first = Run(tmp_path)
    before = {os.path.relpath(p["path"], tmp_path / "old"): p["external_id"] for p in first.payloads}
    (tmp_path / "old").rename(tmp_path / "new")
    second = Run(tmp_path, Known(first))
    assert {os.path.relpath(p["path"], tmp_path / "new"): p["external_id"] for p in second.payloads} == before


def test_all_audio_decides_between_files_whose_windows_are_alike(tmp_path):
    a, b = silence(tmp_path / "a.wav", 90_000), silence(tmp_path / "b.wav", 90_000)
    data = bytearray(b.read_bytes())
    data[-100] ^= 1
    b.write_bytes(data)
    first = Run(tmp_path, verify=True)
    assert len({p["window_hash"] for p in first.payloads}) == 1
    hashes = {p["external_id"]: p["audio_hash"] for p in first.payloads}
    (tmp_path / "in").mkdir()
    a.rename(tmp_path / "in" / "b.wav")  # the names speak for the other one
    b.rename(tmp_path / "in" / "a.wav")
    second = Run(tmp_path, Known(first, audio_hashes=hashes))
    assert second.ids() == {"b.wav": first.ids()["a.wav"], "a.wav": first.ids()["b.wav"]}


def test_a_file_moved_to_another_root_keeps_its_identity_if_its_old_place_is_empty(tmp_path):
    put(tmp_path / "one", "a.mp3")
    first = Run(tmp_path / "one")
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "a.mp3", tmp_path / "two" / "a.mp3")
    assert Run(tmp_path / "two", Known(first)).ids() != first.ids()
    (tmp_path / "one" / "a.mp3").unlink()
    assert Run(tmp_path / "two", Known(first)).ids() == first.ids()


def song(path, fill, title=""):
    """A file with audio and a title of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(silence(path, 5_000).read_bytes()[:44] + bytes([fill]) * 10_000)
    if title:
        file = mutagen.File(path)
        file.add_tags()
        file.tags.add(id3.TIT2(encoding=3, text=title))
        file.save()
    return path


def test_files_that_swap_their_names_keep_their_identities(tmp_path):
    a, b, c = (song(tmp_path / f"{name}.wav", n + 1, name) for n, name in enumerate("abc"))
    first = Run(tmp_path)
    for old, new in ((a, "x"), (b, "a.wav"), (c, "b.wav")):
        old.rename(tmp_path / new)
    (tmp_path / "x").rename(c)
    second = Run(tmp_path, Known(first))
    ids = first.ids()
    assert second.ids() == {"a.wav": ids["b.wav"], "b.wav": ids["c.wav"], "c.wav": ids["a.wav"]}
    assert len(second.payloads) == 3


def test_a_file_that_moves_to_the_place_of_a_deleted_one_brings_its_identity(tmp_path):
    a, b = song(tmp_path / "a.wav", 1, "A"), song(tmp_path / "b.wav", 2, "B")
    first = Run(tmp_path)
    b.replace(a)
    assert Run(tmp_path, Known(first)).ids() == {"a.wav": first.ids()["b.wav"]}


def test_another_song_at_a_known_path_is_another_file_and_a_better_rip_is_not(tmp_path):
    path = song(tmp_path / "a.wav", 1, "Nightfall")
    first = Run(tmp_path)
    known = first.ids()["a.wav"]
    song(path, 2, "Nightfall")
    assert Run(tmp_path, Known(first)).ids() == {"a.wav": known}
    song(path, 3)  # without tags nothing speaks against it
    assert Run(tmp_path, Known(first)).ids() == {"a.wav": known}
    song(path, 4, "Daybreak")
    assert Run(tmp_path, Known(first)).ids() == {"a.wav": known + "-2"}


def test_a_copy_over_another_file_takes_nobodys_identity(tmp_path):
    a, b = song(tmp_path / "a.wav", 1, "A"), song(tmp_path / "b.wav", 2, "B")
    first = Run(tmp_path)
    shutil.copy(b, a)
    file = mutagen.File(b)  # both are read again: the one that stayed keeps its identity
    file.tags.add(id3.TIT2(encoding=3, text="B, edited"))
    file.save()
    ids = Run(tmp_path, Known(first)).ids()
    assert ids == {"a.wav": first.ids()["a.wav"] + "-2", "b.wav": first.ids()["b.wav"]}


def test_a_folder_without_audio_is_said_to_be_so(tmp_path, db):
    (tmp_path / "empty").mkdir()
    assert "no audio file in" in musicdb.load.run(db, "files", tmp_path / "empty").notes[0]


def test_a_replaced_file_is_gone_and_its_track_keeps_what_it_was(tmp_path, db):
    music = tmp_path / "music"
    a, b = song(music / "a.wav", 1, "A"), song(music / "b.wav", 2, "B")

    def titles():
        musicdb.links.link(db)
        musicdb.truth.resolve(db)
        return {row.track_uid: row.title for row in db.q("select i.track_uid, t.title from tracks as t join track_ids as i on i.id = t.id")}

    musicdb.load.run(db, "files", music)
    before = titles()
    a.rename(music / "x")
    b.rename(a)
    (music / "x").rename(b)
    musicdb.load.run(db, "files", music)
    assert titles() == before
    song(a, 3, "C")
    report = musicdb.load.run(db, "files", music)
    assert (report.new, report.vanished) == (1, 1) and before.items() < titles().items()
    report = musicdb.load.run(db, "files", music)
    assert (report.new, report.changed, report.vanished, report.unchanged) == (0, 0, 0, 2)


# ---------- through load
def test_a_library_lives_through_moves_edits_faults_and_deletions(tmp_path):
    music = tmp_path / "music"
    for name in ("keep.mp3", "move.flac", "drop.ogg", "edit.m4a"):
        tag(put(music, name))
    db = musicdb.open(tmp_path / "m.db", create=True)

    def state():
        sql = (
            "select f.path, p.id, p.missing_since is not null as gone, p.title from media_files as f "
            "join platform_tracks as p on p.id = f.platform_track_id"
        )
        return {Path(row["path"]).name: (row["id"], row["gone"], row["title"]) for row in db.q(sql)}

    def scan(**options):
        report = musicdb.load.run(db, "files", music, **options)
        return report.new, report.changed, report.unchanged, report.vanished, report.quarantined

    assert scan() == (4, 0, 0, 0, 0)
    first = state()
    assert scan() == (0, 0, 4, 0, 0) and state() == first
    (music / "move.flac").rename(music / "moved.flac")
    (music / "drop.ogg").unlink()
    file = mutagen.File(music / "edit.m4a")
    file["©nam"] = "Edited"
    file.save()
    whole = (music / "keep.mp3").read_bytes()
    (music / "keep.mp3").write_bytes(b"no mp3 " * 100)
    assert scan() == (0, 2, 1, 1, 1)
    after = state()
    assert after["moved.flac"] == first["move.flac"] and "move.flac" not in after
    assert after["drop.ogg"] == (first["drop.ogg"][0], 1, WANTED["title"])
    assert after["edit.m4a"] == (first["edit.m4a"][0], 0, "Edited")
    assert after["keep.mp3"] == first["keep.mp3"]  # unreadable, known, and not gone
    assert scan() == (0, 0, 3, 0, 1) and state() == after
    (music / "keep.mp3").write_bytes(whole)
    scan()
    assert db.value("select count(*) from quarantine where resolved_at is null") == 0
    assert scan(verify=True)[0] == 0
    assert db.value("select count(*) from media_files where length(file_hash) = 64 and audio_hash is not null") == 3
    db.close()


# ---------- roots
@pytest.mark.parametrize("source", ["nowhere", b"nowhere", Path("nowhere"), ["nowhere"], "a\0b"])
def test_a_path_that_is_not_there_is_named(source):
    with pytest.raises(BadInput, match=r"nowhere|a.*b"):
        Run(source)


def test_no_path_is_bad_input():
    for nothing in (None, []):
        with pytest.raises(BadInput, match="needs a folder"):
            Run(nothing)


@posix
def test_a_device_is_bad_input():
    with pytest.raises(BadInput, match="neither a file nor a folder"):
        Run("/dev/null")


def test_a_single_file_is_imported_alone(tmp_path):
    put(tmp_path, "a.mp3")
    path = put(tmp_path, "b.mp3")
    run = Run(path)
    assert (list(run.ids()), run.complete) == (["b.mp3"], [])
    assert run.payloads[0]["root"] == str(tmp_path)
    assert Run(path, Known(run)).seen == [run.ids()["b.mp3"]]
    (tmp_path / "x.jpg").write_text("no")
    assert set(Run(tmp_path / "x.jpg").reasons()) == {"x.jpg"}


def test_several_roots_are_complete_each_and_nested_ones_are_walked_once(tmp_path):
    put(tmp_path / "one" / "in", "a.mp3")
    put(tmp_path / "two", "b.mp3")
    run = Run([tmp_path / "one", tmp_path / "two", tmp_path / "one" / "in", str(tmp_path / "two" / "b.mp3")])
    assert sorted(run.ids()) == ["a.mp3", "b.mp3"]
    assert run.complete == [str(tmp_path / "one"), str(tmp_path / "two")]


def test_a_folder_that_cannot_be_listed_leaves_its_root_incomplete(tmp_path, monkeypatch):
    put(tmp_path, "a.mp3")
    put(tmp_path / "locked", "b.mp3")
    scandir = os.scandir

    def refusing(path):
        if os.fsdecode(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    run = Run(tmp_path)
    assert (list(run.ids()), run.complete) == (["a.mp3"], [])
    assert [(r.kind, r.reason) for r in run.refused] == [("folder", "cannot be listed: Permission denied")]


def test_a_fetch_that_is_left_early_ends_its_workers_and_completes_nothing(tmp_path):
    for n in range(300):
        silence(tmp_path / f"{n}.wav", 10 + n)
    pages = files.fetch(tmp_path, Known())
    assert len(next(pages).payloads) == files.PAGE
    pages.close()


def test_pages_carry_the_covers(tmp_path):
    tag(put(tmp_path, "a.mp3"))
    run = Run(tmp_path)
    (payload,) = run.payloads
    assert run.images == {payload["external_id"]: PNG}
    assert [row["row"] for row in files.rows("file", payload)] == ["track", "file", "image"]
    without = Run(tmp_path, images=False)
    assert without.images == {} and [row["row"] for row in files.rows("file", without.payloads[0])] == ["track", "file"]


# ---------- hostile files
def test_a_file_on_which_reading_hangs_is_reported_and_the_rest_goes_on(tmp_path, monkeypatch):
    put(tmp_path, "a.mp3")
    put(tmp_path, "z.mp3")
    (tmp_path / "hang.mpc").write_bytes(b"MPCK" + b"EI\0" * 50)  # a packet of length 0: mutagen goes back to its start for ever
    monkeypatch.setattr(files, "DEADLINE", 0.5)
    run = Run(tmp_path)
    assert sorted(run.ids()) == ["a.mp3", "z.mp3"]
    assert run.reasons() == {"hang.mpc": "reading took longer than 0.5 s"}


def test_a_tag_that_claims_a_sparse_file_is_refused(tmp_path):
    path = tmp_path / "a.mp3"
    with path.open("wb") as file:
        file.write(b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f")
        file.truncate(300 << 20)
    run = Run(tmp_path)
    assert list(run.reasons()) == ["a.mp3"]


def test_a_compressed_frame_that_grows_beyond_memory_is_refused(tmp_path):
    import zlib

    packed = zlib.compress(bytes(600 << 20), 1)
    size = len(packed) + 4
    frame = b"TIT2" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + b"\x00\x09"
    body = frame + bytes([4, 0, 0, 0]) + packed
    length = len(body)
    head = b"ID3\x04\x00\x00" + bytes([length >> 21 & 127, length >> 14 & 127, length >> 7 & 127, length & 127])
    (tmp_path / "a.mp3").write_bytes(head + body + sound("mp3").read_bytes())
    put(tmp_path, "b.mp3")
    run = Run(tmp_path)
    assert "b.mp3" in run.ids()
    assert "MB of memory" in run.reasons().get("a.mp3", "") or "took longer" in run.reasons().get("a.mp3", "")


@pytest.mark.parametrize("format", FORMATS)
def test_mutated_files_end_stored_or_refused(format, tmp_path):
    import random

    rng = random.Random(format)
    path = put(tmp_path, f"a.{format}")
    tag(path)
    good = path.read_bytes()
    (tmp_path / "in").mkdir()
    for n in range(25):
        data = bytearray(good[: rng.randrange(1, len(good))] if n % 5 == 0 else good)
        for _ in range(rng.choice((1, 3, 30))):
            data[rng.randrange(min(len(data), 4096))] = rng.randrange(256)
        (tmp_path / "in" / f"{n}.{format}").write_bytes(data)
    run = Run(tmp_path / "in")
    assert len(run.payloads) + len(run.refused) == 25
    for one in run.payloads:
        msgspec.json.encode([*files.rows("file", msgspec.json.decode(msgspec.json.encode(one)))])


# ---------- files that nobody here made
REAL = os.environ.get("MUSICDB_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="MUSICDB_REAL_DATA is not set")
def test_every_real_file_ends_stored_or_refused():
    folder = Path(REAL) / "audio"
    run = Run(folder, verify=True)
    there = {str(path) for path in folder.rglob("*") if path.is_file()}
    stored, refused = {p["path"] for p in run.payloads}, {r.item for r in run.refused}
    assert stored | refused == there and not stored & refused
    assert {Path(item).name for item in refused} == {"no_ext_not_music"}
    for one in run.payloads:
        assert next(files.rows("file", one))["title"]


def test_a_stored_payload_is_read_with_its_types():
    stored = {"external_id": "a", "path": "/m/a.mp3", "root": "/m", "size": 1, "mtime_ns": 2, "tags": {"TIT2": ["A"]}}
    assert files.payload(json.dumps(stored)) == stored
    for bad in ("[]", "{", '{"path": 1}'):
        with pytest.raises(PayloadError, match="no stored file"):
            files.payload(bad)
