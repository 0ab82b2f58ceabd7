"""The fictional library: its inputs are real, the same each time, and become a database through the real importers."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from xml.etree import ElementTree as ET

import mutagen
import pytest
from PIL import Image

import musicdb
from musicdb import demo
from musicdb.demo import answers, audio, covers, rekordbox_history, rekordbox_xml, spotify_export, views
from musicdb.demo.discogs_account import vinyls
from musicdb.demo.library import library
from musicdb.demo.tidal_account import tidal_tracks
from musicdb.errors import BadInput


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return demo.build(tmp_path_factory.mktemp("demo") / "lib")


@pytest.fixture(scope="module")
def done(inputs):
    """The demo built and imported once: its report."""
    return demo.run(inputs.directory)


def digest(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("music.db"))
    return [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


# ---------- audio


@pytest.mark.parametrize("format", audio.FORMATS)
def test_a_sound_is_readable_has_the_length_it_claims_and_the_same_bytes_each_time(format):
    seconds = 1.8 if format == "wav" else 372.5
    data = audio.sound("dub", format, "a song", seconds)
    assert data == audio.sound("dub", format, "a song", seconds)
    assert mutagen.File(io.BytesIO(data)).info.length == pytest.approx(seconds, abs=0.03)
    assert len(data) < 40_000


@pytest.mark.parametrize("format", [name for name in audio.FORMATS if name not in ("wma", "wv")])
def test_two_songs_have_different_audio(format):
    assert audio.sound("dub", format, "one", 1.8) != audio.sound("dub", format, "another", 1.8)


def test_the_shipped_sounds_are_small_and_untagged():
    from importlib.resources import files

    sounds = [path for path in (files("musicdb.demo") / "sounds").iterdir() if path.name != "README.md"]
    assert {path.name.rpartition(".")[2] for path in sounds} == set(audio.FORMATS)
    assert sum(len(path.read_bytes()) for path in sounds) < 150_000


# ---------- covers


def test_a_cover_is_a_square_jpeg_the_same_each_time_and_another_for_another_record():
    data = covers.draw("UNDA014", "Tidewrack", "Kelp Division", size=640)
    assert data == covers.draw("UNDA014", "Tidewrack", "Kelp Division", size=640)
    assert data != covers.draw("UNDA021", "Tidewrack", "Kelp Division", size=640)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 640))


@pytest.mark.parametrize("title", ["灯台", "Белая ночь", "Ścieżki", "x" * 300])
def test_a_cover_takes_any_title(title):
    assert covers.draw("code", title, "Łukasz Wierzbnik", kind="folk", size=64)


# ---------- the library and what is said of it


def test_there_are_about_400_songs_on_60_records_in_two_worlds():
    lib = library()
    assert 380 <= len(lib.songs) <= 420
    assert 55 <= len(lib.records) <= 65
    assert {record.kind for record in lib.records.values()} == {"dub", "folk"}
    assert len({(song.artist, song.full_title) for song in lib.songs.values()}) == len(lib.songs)


def test_every_song_is_somewhere_and_the_truth_names_only_songs():
    truth = answers.truth()
    assert set(truth.values()) == set(library().songs)
    assert Counter(platform for platform, _ in truth) == {
        "local": len(views.files()),
        "rekordbox": len(views.dj_tracks()),
        "spotify": len(views.streams()),
        "tidal": len(tidal_tracks()),
        "discogs": sum(len(vinyl.positions) for vinyl in vinyls().values()),
    }


def test_the_odd_cases_are_there():
    songs = library().songs.values()
    isrcs = Counter(song.isrc for song in songs if song.isrc)
    assert sum(count == 2 for count in isrcs.values()) == 3  # one ISRC on two recordings
    assert any(not song.isrc for song in songs)
    assert any(song.remixer for song in songs) and any(song.featured for song in songs)
    assert any("Live at" in song.version for song in songs)
    assert sum(song.title == "Nightfall" and not song.version for song in songs) == 3
    assert any("/" in song.artist for song in songs) and any(" & " in song.artist for song in songs)
    assert any("<img src=x" in song.title for song in songs)
    assert max(len(song.full_title) for song in songs) > 150
    assert any("が" in song.title or "の" in song.title for song in songs) and any(
        "ё" in song.title or "ч" in song.title for song in songs
    )
    paths = [file.path for file in views.files()]
    assert len(paths) == len({path.casefold() for path in paths})
    assert max(Counter(file.audio for file in views.files()).values()) == 2  # the same audio twice
    assert {file.format for file in views.files()} == set(audio.FORMATS)


def test_another_process_has_the_same_library():
    """Sets have another order there: nothing may depend on it."""
    code = """
from musicdb.demo import rekordbox_xml, answers, views
print((views.files(), views.dj_tracks(), views.streams(), rekordbox_xml.playlist_tree()))
"""
    env = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONIOENCODING": "utf-8"}
    text = (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout.decode().rstrip()
    )
    assert text == repr((views.files(), views.dj_tracks(), views.streams(), rekordbox_xml.playlist_tree()))


# ---------- the inputs


def test_two_builds_are_equal_byte_by_byte_but_for_the_folder_in_the_xml(inputs, tmp_path):
    other = demo.build(tmp_path / "other")
    differing = set(digest(inputs.directory)) ^ set(digest(other.directory))
    assert {name for name, _ in differing} == {"rekordbox.xml"}
    text = other.rekordbox.read_text(encoding="utf-8").replace(other.music.as_uri()[7:], inputs.music.as_uri()[7:])
    assert text == inputs.rekordbox.read_text(encoding="utf-8")


def test_a_second_build_touches_no_file(inputs):
    before = {path: path.stat().st_mtime_ns for path in inputs.directory.rglob("*") if path.is_file()}
    inodes = {path: (path.stat().st_ino, path.stat().st_ctime_ns) for path in inputs.music.rglob("*") if path.is_file()}
    demo.build(inputs.directory)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {path: (path.stat().st_ino, path.stat().st_ctime_ns) for path in inodes} == inodes


def test_the_audio_files_carry_the_tags_that_were_meant(inputs):
    for file in views.files():
        if file.path == views.DISGUISED[2]:
            continue  # a FLAC under the name of an MP3
        found = mutagen.File(inputs.music / file.path)
        assert found.info.length == pytest.approx(file.seconds, abs=0.05), file.path
        assert bool(found.tags) == bool(file.tags) or file.format in ("flac", "ogg", "opus"), file.path
        if file.tags:
            assert file.tags["title"] in str(found.tags.pprint()), file.path


def test_the_rekordbox_xml_names_files_that_exist_and_playlists_with_repeats(inputs):
    root = ET.parse(inputs.rekordbox).getroot()
    tracks = root.findall("COLLECTION/TRACK")
    assert len(tracks) == len(views.dj_tracks()) == int(root.find("COLLECTION").get("Entries"))
    on_disk = [track for track in views.dj_tracks() if track.file]
    assert len(on_disk) > 150 and all((inputs.music / track.file).is_file() for track in on_disk)
    assert len(on_disk) < len(tracks)
    ids = {track.get("TrackID") for track in tracks}
    keys = [entry.get("Key") for entry in root.iterfind(".//PLAYLISTS//TRACK")]
    assert set(keys) <= ids
    ferry = rekordbox_xml.playlist_tree()["Sets"]["2023"]["Night Ferry"]
    assert len(ferry) > len(set(ferry))
    assert {mark.get("Type") for mark in root.iter("POSITION_MARK")} == {"0", "4"}


def test_the_spotify_export_has_three_years_of_listening_and_podcasts_apart(inputs):
    with zipfile.ZipFile(inputs.spotify) as file:
        names = file.namelist()
        listens = [row for name in names if "Audio" in name for row in json.loads(file.read(name))]
        saved = json.loads(file.read("Spotify Account Data/YourLibrary.json"))
    assert 4500 <= len(listens) <= 5500
    assert len({row["ts"][:4] for row in listens}) == 4
    assert sum(row["episode_name"] is not None for row in listens) > 20
    assert all(row["master_metadata_track_name"] for row in listens if row["spotify_track_uri"])
    assert 220 <= len(saved["tracks"]) <= 290 and len(spotify_export.playlists()) >= 6


# ---------- the folder


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds something else"):
        demo.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(BadInput, match="is a file"):
        demo.build(tmp_path / "thesis.txt")


# ---------- through the importers


def test_the_demo_finds_what_it_put_in(done):
    assert {name: (report.new > 150, not report.quarantined) for name, report in done.imports.items()} == {
        "files": (True, False),
        "rekordbox": (True, True),
        "rekordbox history": (False, True),  # plays of what the XML has
        "spotify": (True, True),
        "spotify account": (False, True),  # its songs are known from the export
        "tidal account": (True, True),
        "discogs account": (True, True),
    }
    assert done.imports["spotify account"].playlists >= 10
    assert len(done.sights) == 3
    assert 380 <= done.counts["tracks"] <= 450
    with musicdb.open(done.inputs.database) as db:
        broken = {
            row["item"].replace("\\", "/") for row in db.q("select item from quarantine where resolved_at is null")
        }
    assert {path for path in views.BROKEN if not any(item.endswith(path) for item in broken)} == set()


def test_the_dj_played_out_and_what_records_cost_is_known(done):
    with musicdb.open(done.inputs.database) as db:
        nights = rekordbox_history.nights()
        sets = musicdb.listens.statistics.sessions(db, platform="rekordbox")
        assert len(nights) == len(sets) == db.value("select count(*) from events") == 8
        assert sum(len(played) for _, played in nights) == sum(one.plays for one in sets) == done.imports["rekordbox history"].listens_new
        assert db.one("select * from listens where platform = 'rekordbox' and listened_at like '2023-07-08%'").utc_offset_min == 120  # summer in Berlin
        assert musicdb.listens.statistics.followed(db, platform="rekordbox")[0].times == 3
        worth = musicdb.collection.value(db)
        assert {row.currency for row in worth} == {"EUR"} and worth[-1].copies_owned >= 12 and worth[-1].paid > worth[0].paid > 0
        assert musicdb.collection.estimates(db)[-1].median > worth[-1].paid


def test_what_was_linked_is_the_same_song(done):
    """Measured against the generator's own truth: nothing that is two songs is one track."""
    wrong, split = judged(done.inputs)
    assert wrong == []
    assert split <= 0.1 * len(library().songs)


def test_what_is_doubtful_waits_for_a_person_by_reason(done):
    with musicdb.open(done.inputs.database) as db:
        waiting, reasons = musicdb.links.waiting(db, limit=None), musicdb.links.groups(db)
    assert 10 <= len(waiting) <= 30 and len(reasons) >= 5
    assert {"only ISRC agrees", "same title, artist in another script"} <= {group.reason for group in reasons}


def test_a_second_run_changes_nothing(done):
    lines = []
    again = demo.run(done.inputs.directory, echo=lines.append)
    heads = [line.partition(":")[0] for line in lines]
    assert heads[: heads.index("library") + 1] == ["local", "rekordbox", "spotify", "rekordbox", "spotify", "tidal", "discogs", "covers", "library"]
    assert lines[-3:] == [f"{number}. {sight.text}" for number, sight in enumerate(again.sights, 1)]
    assert {name: (r.new, r.changed, r.vanished, r.listens_new) for name, r in again.imports.items()} == dict.fromkeys(done.imports, (0, 0, 0, 0))
    assert again.linked.written == 0 and again.covers == 0
    assert again.counts == done.counts and again.sights == done.sights


def judged(inputs):
    """Tracks that hold more than one song, and how many songs lie on more than one track."""
    truth, songs = answers.truth(), {}
    with musicdb.open(inputs.database) as db:
        rows = db.q(
            """select k.track_id, p.platform, p.external_id, p.uri, f.path from track_links as k
            join platform_tracks as p on p.id = k.platform_track_id left join media_files as f on f.platform_track_id = p.id
            where k.status in ('auto', 'confirmed')"""
        )
    for row in rows:
        item = row["external_id"]
        if row["platform"] == "local":
            item = row["path"].replace("\\", "/").split("/Music/", 1)[1]
        elif row["platform"] == "spotify":
            item = "spotify:track:" + item.rpartition(":")[2]
        if (row["platform"], item) in truth:
            songs.setdefault(row["track_id"], set()).add(truth[row["platform"], item])
    tracks = Counter(song for found in songs.values() for song in found)
    return [sorted(found) for found in songs.values() if len(found) > 1], sum(count > 1 for count in tracks.values())
