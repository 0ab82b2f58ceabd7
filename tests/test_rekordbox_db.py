from __future__ import annotations

import io
import json
import os
import random
import sqlite3
import sys
import time

import pytest
from PIL import Image

from musicdb import load
from musicdb.commands import importing
from musicdb.errors import BadInput, PayloadError, Transient, UnknownSource
from musicdb.listens import flagging
from musicdb.platforms import _rekordbox_db, rekordbox
from musicdb.platforms._rekordbox_rows import COLORS, PAD_COLORS, moment
from musicdb.shapes import Complete, Note, Page, Refused
from musicdb.worker import Pool
from tests import rekordbox_library as library
from tests.rekordbox_library import OTHER_KEY, Library, anlz, cues, even, grid, phrases

FERRY = "253529738"
DAT = "share/PIONEER/USBANLZ/a1/b2/ANLZ0000.DAT"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Plain and encrypted master.db with analyses and artwork, never written to."""
    folders = {}
    for name in ("plain", "encrypted"):
        folder = tmp_path_factory.mktemp(name)
        library.small(folder / "master.db", name == "encrypted")
        analyses(folder)
        folders[name] = folder / "master.db"
    return folders


@pytest.fixture
def master(tmp_path):
    """A plain master.db to change."""
    return library.small(tmp_path / "rb" / "master.db")


def analyses(folder):
    dat = folder / DAT
    dat.parent.mkdir(parents=True)
    dat.write_bytes(anlz(grid(even(600))))
    ext = anlz(phrases(1, [(1, 1), (33, 2), (65, 5), (129, 4)], 200), cues(1, [(1, 64_025, -1, "drop", (1, 2, 3))]))
    dat.with_suffix(".EXT").write_bytes(ext)
    art = folder / "share/PIONEER/Artwork/a1/b2/artwork.jpg"
    art.parent.mkdir(parents=True)
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "navy").save(picture, "JPEG")
    art.write_bytes(picture.getvalue())


def fetched(path, kind=Page, **options):
    return [item for item in rekordbox.fetch(path, **options) if isinstance(item, kind)]


def rows_of(path, row=None, **options):
    found = [r for page in fetched(path, **options) for p in page.payloads for r in rekordbox.rows(page.kind, p)]
    return [r for r in found if row in (None, r["row"])]


def change(path, statement, *params):
    with Library.__new__(Library) as lib:
        lib.conn = sqlite3.connect(path)
        lib.sql(statement, *params)


# ---------- what is read
@pytest.mark.parametrize("name", ["plain", "encrypted"])
def test_a_track_says_all_that_the_database_and_its_analysis_say(made, name):
    ferry = rows_of(made[name], "track")[0]
    assert (ferry["external_id"], ferry["title"], ferry["isrc"], ferry["release_date"]) == (
        FERRY,
        "Slow Ferry",
        "XXF980000001",
        "1998-05-12",
    )
    assert ferry["said"] == {
        "title": "Slow Ferry",
        "version": "Dub",
        "artists": ["Marisol Ek"],
        "remixers": ["Ines Holt", "Fennel & Ash"],
        "album": "Harbour Lights",
        "album_artists": ["Various"],
        "album_type": "compilation",
        "genres": ["Deep House", "Dub"],
        "year": 1998,
        "release_date": "1998-05-12",
        "release_date_precision": "day",
        "bpm": 124.5,
        "musical_key": "8A",
        "rating": 4,
        "comment": "long intro",
        "label": "Quay",
        "isrc": "XXF980000001",
        "play_count": 7,
        "added_at": "2022-04-09",
        "last_played_at": "2026-11-19T23:30:00Z",
        "color": "#00ff00",
        "tags": ["Genre: Deep", "Situation: Warm up"],
        "track_no": 3,
        "disc_no": 1,
        "duration_ms": 372_000,
        "cover": "/PIONEER/Artwork/a1/b2/artwork.jpg",
        "path": "/Users/fennel/Music/Slow Ferry.mp3",
        "cues": [
            {"type": "memory_cue", "start_ms": 25.0, "color": "#ff0000"},
            {"type": "hot_cue", "num": 0, "start_ms": 64_025.0, "name": "drop", "color": "#010203"},
            {"type": "loop", "num": 3, "start_ms": 128_000.0, "length_ms": 7710.0, "color": PAD_COLORS[62]},
            {"type": "loop", "start_ms": 200_000.0, "length_ms": 1000.0},
        ],
        "beat_grid": [{"start_ms": 25.0, "bpm": 124.5, "meter": "4/4", "beat": 1}],
    }


def test_streams_have_an_id_and_no_path_and_a_nameless_track_is_called_like_its_file(made):
    _, stream, nameless = rows_of(made["plain"], "track", anlz=False)
    assert stream["said"]["ids"] == {"tidal": "252147049"} and "path" not in stream["said"] and "color" not in stream["said"]
    assert nameless["title"] == "あ" and "title" not in nameless["said"] and nameless["said"]["path"] == "C:/Music/あ.wav"
    assert not {"bpm", "rating", "play_count", "duration_ms"} & nameless["said"].keys()


def test_deleted_rows_are_not_read(made):
    text = json.dumps([page.payloads for page in fetched(made["plain"], anlz=False)])
    assert "thrown away" not in text and "gone" not in text and '"p4"' not in text and '"s5"' not in text and '"c5"' not in text


def test_payloads_are_whole_rows_and_nothing_of_the_registry(made, monkeypatch):
    asked = []
    whole = _rekordbox_db._Database._all
    monkeypatch.setattr(_rekordbox_db._Database, "_all", lambda self, table: asked.append(table) or whole(self, table))
    pages = fetched(made["encrypted"], anlz=False)
    _, columns, _ = library._schema()
    content = pages[0].payloads[0]
    assert list(content["content"]) == columns["djmdContent"] and list(content["cues"][0]) == columns["djmdCue"]
    assert content["content"]["created_at"] == library.NOW
    assert "agentRegistry" not in asked and len(asked) == 14  # each table once
    assert "token-that-nobody-reads" not in json.dumps([page.payloads for page in pages])


def test_playlists_keep_folders_order_repeats_and_rules(made):
    rows = rows_of(made["plain"], anlz=False)
    lists = [(r["external_id"], r["name"], r["kind"], r["parent_external_id"], r["position"]) for r in rows if r["row"] == "playlist"]
    assert lists == [
        ("Fast ones", "Fast ones", "smart", None, 0),
        ("Sets", "Sets", "folder", None, 1),
        ("Sets/Friday", "Friday", "playlist", "Sets", 0),
        ("Sets/Friday#2", "Friday", "playlist", "Sets", 1),
    ]
    items = [(r["playlist_external_id"], r["position"], r["track_external_id"]) for r in rows if r["row"] == "playlist_item"]
    assert items == [("Sets/Friday", 0, "9"), ("Sets/Friday", 1, FERRY), ("Sets/Friday", 2, "9"), ("Sets/Friday", 3, "77")]
    smart = next(page for page in fetched(made["plain"], anlz=False) if page.kind == "db_playlist").payloads[0]
    assert smart["playlist"]["SmartList"] == library.RULES
    ends = [(end.of, end.within, end.total) for end in fetched(made["plain"], Complete, anlz=False)]
    places = [("Fast ones", 0), ("Sets", 0), ("Sets/Friday", 4), ("Sets/Friday#2", 0)]
    assert ends == [("track", None, 3), *(("playlist_item", *end) for end in places), ("playlist", None, 4)]


def test_a_list_that_hangs_in_the_air_is_named_and_a_ring_of_folders_ends(master):
    change(master, "update djmdPlaylist set ParentID = '501' where ID = '500'")
    refused = fetched(master, Refused)
    assert [r.item for r in refused] == ["500", "501", "504"] and "'Sets' is in a folder that is not there" in refused[0].reason
    assert [r["external_id"] for r in rows_of(master, "playlist")] == ["Fast ones"]


def test_the_history_is_an_evening_of_plays(made):
    plays = rows_of(made["plain"], "listen", anlz=False)
    assert [(p["listened_at"], p["source_item"], p["track_external_id"]) for p in plays] == [
        ("2026-11-19T21:00:00Z", FERRY, FERRY),
        ("2026-11-19T21:06:10Z", "9", "9"),
        ("2026-11-19T23:30:00Z", FERRY, FERRY),
    ]
    assert plays[0]["context"] == {"history": "HISTORY 2026-11-19", "place": 1, "session": "h1"} and plays[0]["utc_offset_min"] is None


def test_times_without_a_zone_are_local(master, monkeypatch):
    change(master, "update djmdSongHistory set created_at = '2026-07-01 23:00:00.000'")
    play = rows_of(master, "listen", utc_offset=120)[0]
    assert (play["listened_at"], play["utc_offset_min"]) == ("2026-07-01T21:00:00Z", 120)
    if hasattr(time, "tzset"):
        monkeypatch.setenv("TZ", "UTC+5")  # POSIX: five hours west
        time.tzset()
        try:
            assert rows_of(master, "listen")[0]["listened_at"] == "2026-07-02T04:00:00Z"
            assert rows_of(master, "track")[0]["said"]["last_played_at"] == "2026-07-02T04:00:00Z"
        finally:
            monkeypatch.undo()
            time.tzset()
    with pytest.raises(BadInput, match="utc_offset 9999: give minutes"):
        fetched(master, utc_offset=9999)


@pytest.mark.parametrize(
    "text, utc, offset",
    [
        ("2022-04-09 21:37:43.710 +00:00", "2022-04-09T21:37:43Z", None),
        ("2025-04-12 19:11:29.274 -05:00 (Central Daylight Time)", "2025-04-13T00:11:29Z", -300),
        ("2025-04-12T19:11:29Z", "2025-04-12T19:11:29Z", None),
        ("2025-04-12 19:11:29.274 +5:30", "2025-04-12T13:41:29Z", 330),
        ("2025-04-12 19:11:29", "2025-04-12T18:11:29Z", 60),
    ],
)
def test_times_as_rekordbox_and_other_programs_write_them(text, utc, offset):
    assert moment(text, 60) == (utc, offset)


@pytest.mark.parametrize("text", ["", "soon", "2022-13-09 21:37:43.710 +00:00", "2022-04-09 25:37:43.710 +00:00", None, 7])
def test_what_is_no_time_is_none(text):
    assert moment(text) is None


def test_the_pads_skip_kind_four_and_colours_are_those_of_the_xml(made):
    payload = fetched(made["plain"], anlz=False)[0].payloads[0]
    marks = [{"InMsec": 1, "Kind": kind, "OutMsec": -1} for kind in (1, 2, 3, 5, 6, 7, 8, 9)]
    said = next(rekordbox.rows("content", payload | {"cues": marks}))["said"]
    assert [cue["num"] for cue in said["cues"]] == list(range(8))
    assert len(PAD_COLORS) == 63 and COLORS[0] == "#ff007f"


# ---------- analyses and artwork
def read(path):
    from musicdb.platforms import _rekordbox_anlz

    return _rekordbox_anlz.read(str(path))


def test_beats_are_anchors_and_every_beat_comes_back_within_two_milliseconds(tmp_path):
    steady, faster = even(400, 12800), even(300, 17433, first=200_000, beat=3)
    (tmp_path / "ANLZ0000.DAT").write_bytes(anlz(grid(steady + faster)))
    found = read(tmp_path / "ANLZ0000.DAT")
    assert found["beats"] == 700 and [(a["time"], a["tempo"], a["beat"]) for a in found["beat_grid"]] == [
        (25, 12800, 1),
        (200_000, 17433, 3),
    ]
    drifting = [(i % 4 + 1, 12800, round(i * 468.9)) for i in range(400)]  # stored tempo a little off the beats
    (tmp_path / "ANLZ0000.DAT").write_bytes(anlz(grid(drifting)))
    anchors = read(tmp_path / "ANLZ0000.DAT")["beat_grid"]
    assert 1 < len(anchors) < 100 and all(min(abs(a["time"] - t) for _, _, t in drifting) == 0 for a in anchors)


def test_the_grid_is_what_pyrekordbox_reads(tmp_path):
    from pyrekordbox.anlz import AnlzFile

    data = anlz(grid(even(97, 17401)))
    tag = AnlzFile.parse(data).get_tag("PQTZ")
    (tmp_path / "ANLZ0000.DAT").write_bytes(data)
    [anchor] = read(tmp_path / "ANLZ0000.DAT")["beat_grid"]
    assert (anchor["beat"], anchor["tempo"] / 100, anchor["time"] / 1000) == (tag.beats[0], tag.bpms[0], tag.times[0])


def test_phrases_have_names_and_times(made):
    anlz = fetched(made["plain"])[0].payloads[0]["anlz"]
    assert anlz["phrases"]["mood"] == 1
    assert [(e["beat"], e.get("name"), e["time"]) for e in anlz["phrases"]["entries"]] == [
        (1, "Intro", 25),
        (33, "Up", 15_447),
        (65, "Chorus", 30_868),
        (129, None, 61_712),  # of a kind that a high mood does not have
    ]


def test_a_usb_library_without_cues_in_the_database_has_those_of_its_analysis(made):
    payload = fetched(made["plain"])[0].payloads[0] | {"cues": []}
    assert next(rekordbox.rows("content", payload))["said"]["cues"] == [
        {"type": "hot_cue", "num": 0, "start_ms": 64_025.0, "name": "drop", "color": "#010203"}
    ]


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda data: data[:-4], "ANLZ0000.DAT breaks off"),
        (lambda data: b"junk" + data, "ANLZ0000.DAT is no analysis file"),
        (lambda data: data[:48] + b"\xff\xff\xff\xff" + data[52:], "ANLZ0000.DAT has a beat grid of"),
        (lambda data: b"", "ANLZ0000.DAT is no analysis file"),
    ],
)
def test_a_damaged_analysis_says_what_is_wrong(tmp_path, damage, words):
    (tmp_path / "ANLZ0000.DAT").write_bytes(damage(anlz(grid(even(20)))))
    with pytest.raises(PayloadError, match=words):
        read(tmp_path / "ANLZ0000.DAT")


def test_a_damaged_analysis_is_named_and_the_track_is_imported(db, master):
    analyses(master.parent)
    dat = master.parent / DAT
    good, phrases = dat.read_bytes(), dat.with_suffix(".EXT").read_bytes()
    dat.write_bytes(good[:-4])
    dat.with_suffix(".EXT").write_bytes(b"")
    report = load.run(db, "rekordbox", master)
    assert (report.new, report.quarantined) == (3, 1)
    reason = db.value("select reason from quarantine where item = ?", [FERRY])
    assert reason.startswith("imported without its analysis: ANLZ0000.DAT breaks off")
    assert db.value("select json_extract(said, '$.beat_grid') from platform_tracks where external_id = ?", [FERRY]) is None
    again = load.run(db, "rekordbox", master)
    assert (again.changed, again.unchanged) == (0, 3) and db.value("select count(*) from quarantine") == 1
    dat.write_bytes(good)
    assert load.run(db, "rekordbox", master).changed == 1
    reasons = [reason for (reason,) in db.execute("select reason from quarantine where resolved_at is null order by id")]
    assert reasons[-1] == "imported without a part of its analysis: ANLZ0000.EXT is no analysis file"
    assert db.value("select json_array_length(said, '$.beat_grid') from platform_tracks where external_id = ?", [FERRY]) == 1
    assert "damaged" not in db.value("select metadata from platform_tracks where external_id = ?", [FERRY])
    dat.with_suffix(".EXT").write_bytes(phrases)
    assert load.run(db, "rekordbox", master).changed == 1
    assert db.value("select count(*) from quarantine where resolved_at is null") == 0


def test_mutated_analyses_give_an_answer_or_a_reason(tmp_path):
    pick, path = random.Random(5), tmp_path / "ANLZ0000.EXT"
    whole = anlz(grid(even(20)), phrases(2, [(1, 1), (9, 2)], 20), cues(1, [(1, 500, 900, "drop", (9, 9, 9))]))
    outcomes = set()
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(pick.randrange(1, 6)):
            data[pick.randrange(len(data))] = pick.choice((0, 1, 127, 255, pick.randrange(256)))
        path.write_bytes(data[: pick.choice((len(data), pick.randrange(len(data))))])
        try:
            found = read(path)
            json.dumps(found)
            outcomes.add("read")
        except PayloadError as error:
            assert str(error).startswith("ANLZ0000.EXT ") and len(str(error)) < 400
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_an_analysis_that_never_ends_or_is_no_file_stops_nobody(tmp_path):
    dat = tmp_path / "ANLZ0000.DAT"
    with dat.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(PayloadError, match="more than 32 MiB"):
        read(dat)
    dat.unlink()
    assert read(dat) == {}
    if hasattr(os, "mkfifo"):
        os.mkfifo(dat)
        with pytest.raises(PayloadError, match="not a regular file"):
            read(dat)


def test_artwork_is_stored_as_a_picture(db, made):
    report = load.run(db, "rekordbox", made["encrypted"])
    assert report.pictures == 1 and report.notes == []
    assert db.value("select count(*) from platform_images where image_id is not null") == 1


@pytest.mark.parametrize("place", ["/../../outside.jpg", "..\\..\\outside.jpg", "C:/outside.jpg", "/a\0b.jpg", "", None, 7])
def test_nothing_outside_of_the_share_folder_is_read(tmp_path, place):
    assert _rekordbox_db._below(tmp_path, place) is None


def test_without_the_share_folder_a_note_says_what_is_missing(master, made):
    share = made["plain"].parent / "share"
    [note] = fetched(master, Note)
    assert "share is not there: beat grids, phrases and artwork were not read" in note.text
    assert fetched(master, Note, share=share, anlz=False) == []
    assert "beat_grid" in rows_of(master, "track", share=share)[0]["said"]
    assert "beat_grid" not in rows_of(master, "track", share=share, anlz=False)[0]["said"]


# ---------- the copy
def test_what_rekordbox_has_not_yet_put_into_the_file_is_read_and_nothing_is_written(tmp_path):
    path = tmp_path / "master.db"
    with Library(path, wal=True) as lib:
        library.fill(lib)
        lib.conn.execute("pragma wal_checkpoint(truncate)")
        lib.add("djmdContent", {"ID": "1000", "Title": "only in the wal"})
        before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir() if p.suffix != ".db-shm"}
        assert before["master.db-wal"][0]
        assert "only in the wal" in [row["title"] for row in rows_of(path, "track")]
        assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir() if p.suffix != ".db-shm"} == before


def test_a_database_that_keeps_changing_is_tried_again_later(master, monkeypatch):
    stats = iter(range(100))
    monkeypatch.setattr(_rekordbox_db, "_stats", lambda path: next(stats))
    monkeypatch.setattr(_rekordbox_db.time, "sleep", lambda s: None)
    with pytest.raises(Transient, match="keeps writing"):
        fetched(master)


def test_the_copy_is_gone_afterwards_also_when_nobody_reads_on(made, tmp_path, monkeypatch):
    monkeypatch.setattr(_rekordbox_db.tempfile, "tempdir", str(tmp_path))
    pages = rekordbox.fetch(made["plain"])
    next(pages)
    assert list(tmp_path.iterdir())
    pages.close()
    assert not list(tmp_path.iterdir())


def test_nothing_is_printed(made, capfd):
    fetched(made["encrypted"])
    assert capfd.readouterr() == ("", "")


# ---------- what is none
def test_what_is_no_rekordbox_database_says_what_it_is(tmp_path):
    def of(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    pick = random.Random(1)
    other = tmp_path / "other.db"
    conn = sqlite3.connect(other)
    conn.execute("create table a (b)")
    conn.close()
    library.small(tmp_path / "key.db", OTHER_KEY)
    for path, words in (
        (of("random.db", pick.randbytes(8192)), "no database of Rekordbox, damaged, or encrypted with another key"),
        (of("odd.db", pick.randbytes(5000)), "neither SQLite nor encrypted"),
        (of("short.db", b"x"), "neither SQLite nor encrypted"),
        (of("empty.db", b""), "is empty"),
        (other, "another program: it has no table djmdContent"),
        (tmp_path / "key.db", "another key"),
        (of("exportLibrary.db", pick.randbytes(8192)), "OneLibrary of a USB stick"),
        (of("export.pdb", bytes(4096)), "USB stick or SD card"),
        (of("datafile.edb", bytes(4096)), "Rekordbox 5"),
    ):
        with pytest.raises(UnknownSource, match=words) as raised:
            fetched(path)
        assert "File > Export Collection in xml format" in str(raised.value) and str(path) in str(raised.value)


def test_another_key_can_be_given_and_a_wrong_one_is_told(tmp_path):
    path = library.small(tmp_path / "master.db", OTHER_KEY)
    assert len(rows_of(path, "track", key=OTHER_KEY)) == 3
    with pytest.raises(BadInput, match="valid"):
        fetched(path, key="secret")
    with pytest.raises(UnknownSource, match="another key"):
        fetched(path, key="402fd" + "1" * 59)


def test_a_damaged_database_is_told(master):
    data = bytearray(master.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    master.write_bytes(data)
    with pytest.raises(BadInput, match="damaged"):
        fetched(master)


def test_text_that_is_no_utf8_is_kept_readable(master):
    change(master, "update djmdContent set Commnt = cast(x'636166e9' as text) where ID = '9'")
    assert [row["said"].get("comment") for row in rows_of(master, "track")] == ["long intro", "caf\\xe9", None]


def test_a_library_of_an_older_version_without_some_tables_is_read(master):
    for table in ("djmdMyTag", "djmdSongMyTag", "djmdHistory", "djmdSongHistory", "djmdCue"):
        change(master, f"drop table {table}")
    assert [row["external_id"] for row in rows_of(master, "track")] == [FERRY, "9", "77"]


# ---------- where it is
def test_it_is_found_where_rekordbox_keeps_it(tmp_path):
    library.small(tmp_path / "Library/Pioneer/rekordbox/master.db", True)
    assert len(rows_of(None, "track", home=tmp_path)) == 3
    assert len(rows_of(tmp_path / "Library/Pioneer/rekordbox", "track")) == 3


def test_a_moved_database_is_found_through_rekordbox_options(tmp_path):
    moved = library.small(tmp_path / "D/master.db")
    options = tmp_path / "AppData/Roaming/Pioneer/rekordboxAgent/storage/options.json"
    options.parent.mkdir(parents=True)
    options.write_text(json.dumps({"options": [["dp", "secret"], ["db-path", str(moved)]]}))
    assert len(rows_of(None, "track", home=tmp_path)) == 3


def test_options_of_the_database_are_refused_for_an_xml(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<DJ_PLAYLISTS/>")
    with pytest.raises(BadInput, match="utc_offset is for the database only"):
        fetched(path, utc_offset=60)


def test_an_option_that_there_is_not_is_refused(db, master):
    with pytest.raises(BadInput, match="has no option 'zone'"):
        load.run(db, "rekordbox", master, zone=60)


# ---------- into the database
TABLES = "platform_tracks platform_playlists platform_playlist_items listens_raw listens platform_images observation_changes changes quarantine import_batches".split()


def content(db):
    return {table: db.execute(f"select * from {table} order by 1").fetchall() for table in TABLES}


@pytest.mark.parametrize("name", ["plain", "encrypted"])
def test_importing_twice_changes_nothing(db, made, name):
    report = load.run(db, "rekordbox", made[name])
    assert (report.new, report.playlists, report.listens_new, report.quarantined, report.notes) == (3, 4, 3, 0, [])
    before = content(db)
    assert {table: len(rows) for table, rows in before.items()} == {
        **dict.fromkeys(TABLES, 0), "platform_tracks": 3, "platform_playlists": 4, "platform_playlist_items": 4, "listens_raw": 3, "listens": 3,
        "platform_images": 1, "import_batches": 3,
    }  # fmt: skip
    again = load.run(db, "rekordbox", made[name])
    assert content(db) == before
    assert (again.new, again.changed, again.unchanged, again.vanished, again.listens_new) == (0, 0, 3, 0, 0)


def test_the_plain_and_the_encrypted_one_say_the_same(db, made):
    load.run(db, "rekordbox", made["plain"], anlz=False)
    before = content(db)
    load.run(db, "rekordbox", made["encrypted"], anlz=False)
    assert content(db) == before


XML = f"""<?xml version="1.0" encoding="UTF-8"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="3">
<TRACK TrackID="{FERRY}" Name="Slow Ferry" Rating="204" AverageBpm="124.50"/><TRACK TrackID="9" Name="Night Bus"/><TRACK TrackID="77" Name="x"/>
</COLLECTION><PLAYLISTS><NODE Type="0" Name="ROOT"><NODE Name="Sets" Type="0"><NODE Name="Friday" Type="1" KeyType="0"><TRACK Key="9"/></NODE></NODE></NODE>
</PLAYLISTS></DJ_PLAYLISTS>"""


def test_the_database_after_the_xml_completes_the_same_rows(db, made, tmp_path):
    (tmp_path / "export.xml").write_text(XML)
    load.run(db, "rekordbox", tmp_path / "export.xml")
    ids = dict(db.execute("select external_id, id from platform_tracks"))
    friday = db.value("select id from platform_playlists where external_id = 'Sets/Friday'")
    report = load.run(db, "rekordbox", made["plain"])
    assert (report.new, report.changed, report.vanished) == (0, 3 + 2, 0)  # tracks, and lists
    assert dict(db.execute("select external_id, id from platform_tracks")) == ids
    assert db.value("select count(*) from platform_playlists") == 4
    assert db.value("select count(*) from platform_playlist_items where platform_playlist_id = ? and removed_at is null", [friday]) == 4
    assert db.value("select json_array_length(said, '$.cues') from platform_tracks where external_id = ?", [FERRY]) == 4


def test_a_renamed_playlist_stays_the_same_and_a_new_one_of_its_old_name_is_another(db, master):
    load.run(db, "rekordbox", master)
    change(master, "update djmdPlaylist set Name = 'Saturday' where ID = '501'")
    change(master, "insert into djmdPlaylist (ID, Seq, Name, Attribute, ParentID) values ('600', 0, 'Friday', 0, '500')")
    report = load.run(db, "rekordbox", master)
    assert report.vanished == 0
    assert dict(db.execute("select external_id, name from platform_playlists")) == {
        "Fast ones": "Fast ones", "Sets": "Sets", "Sets/Friday": "Saturday", "Sets/Friday#2": "Friday", "Sets/Friday#3": "Friday"
    }  # fmt: skip
    assert db.value("select count(*) from platform_playlist_items where removed_at is not null") == 0


def test_what_was_deleted_in_rekordbox_is_marked_and_kept(db, master):
    load.run(db, "rekordbox", master)
    change(master, "update djmdContent set rb_local_deleted = 1 where ID = '77'")
    change(master, "update djmdSongPlaylist set rb_local_deleted = 1 where ContentID = '77'")
    change(master, "update djmdPlaylist set rb_local_deleted = 1 where ID = '502'")
    assert load.run(db, "rekordbox", master).vanished == 2
    assert db.execute("select external_id from platform_tracks where missing_since is not null").fetchall() == [("77",)]
    assert db.execute("select external_id from platform_playlists where missing_since is not null").fetchall() == [("Fast ones",)]
    assert db.value("select count(*) from platform_playlist_items where removed_at is not null") == 1


def test_importing_the_platform_alone_loads_no_client(tmp_path):
    import subprocess

    code = "import sys; from musicdb.platforms import rekordbox; assert not {'pyrekordbox', 'sqlalchemy', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


# ---------- real files
def test_real_databases_import_and_a_second_run_changes_nothing(db, real_data):
    for path in sorted((real_data / "rekordbox").rglob("master_*locked.db")):
        report = load.run(db, "rekordbox", path)
        assert (report.new + report.unchanged, report.playlists, report.changed, report.quarantined) == (6, 2, 0, 0)
        before = content(db)
        again = load.run(db, "rekordbox", path)
        assert content(db) == before and again.unchanged == 6
    tracks = {row["external_id"]: json.loads(row["said"]) for row in db.q("select external_id, said from platform_tracks")}
    assert len(tracks) == 6 and sorted(said.get("bpm") for said in tracks.values() if "bpm" in said) == [120.0, 128.0]


def test_real_analyses_give_the_grids_that_pyrekordbox_reads(real_data):
    from pyrekordbox.anlz import AnlzFile

    files = sorted((real_data / "rekordbox").rglob("ANLZ*"))
    assert len(files) == 48
    grids = 0
    with Pool([_rekordbox_db.READ_ANLZ]) as pool:
        for path, answer in zip(files, pool.map(_rekordbox_db.READ_ANLZ, ((str(p),) for p in files))):
            assert answer.ok, (path, answer.reason)
            if path.suffix != ".DAT":
                continue
            beats, bpms, times = AnlzFile.parse_file(path).get("PQTZ")
            assert answer.value["beats"] == len(beats)
            grids += bool(len(beats))
            for anchor in answer.value["beat_grid"]:
                assert (anchor["beat"], anchor["tempo"] / 100, anchor["time"] / 1000) == (beats[0], bpms[0], times[0])
    assert grids == 6


def test_other_real_libraries_are_refused_by_name(real_data):
    others = [p for p in (real_data / "rekordbox").rglob("*") if p.suffix in (".pdb", ".edb")]
    assert len(others) == 5
    for path in others:
        with pytest.raises(UnknownSource, match="which musicdb does not read"):
            fetched(path)


# ---------- time zones
def test_a_zone_is_kept_for_the_next_import_and_knows_of_summer_time(db, master):
    change(master, "update djmdSongHistory set created_at = '2026-07-01 23:00:00.000'")
    change(master, "update djmdSongHistory set created_at = '2026-12-01 23:00:00.000' where rowid = (select min(rowid) from djmdSongHistory)")
    report = load.run(db, "rekordbox", master, time_zone="Europe/Berlin")
    times = set(db.execute("select listened_at, utc_offset_min from listens"))
    assert times == {("2026-07-01T21:00:00Z", 120), ("2026-12-01T22:00:00Z", 60)}
    assert any("read as of Europe/Berlin;" in note for note in report.notes)
    again = load.run(db, "rekordbox", master)
    assert again.listens_new == 0 and any("Europe/Berlin, as said with an earlier import" in note for note in again.notes)
    with pytest.raises(BadInput, match="not both"):
        load.run(db, "rekordbox", master, time_zone="Europe/Berlin", utc_offset=60)


def test_plays_read_again_in_another_zone_count_once_and_in_one_event(db, master):
    change(master, "update djmdSongHistory set created_at = '2026-07-01 23:00:00.000'")
    told = []
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):  # sixteen hours apart
        load.run(db, "rekordbox", master, time_zone=zone)
        importing.link_and_resolve(db, None)
        told.append(set(db.execute("select listened_at from listens where duplicate_of_id is null")))
    assert told == [{("2026-07-01T14:00:00Z",)}, {("2026-07-02T06:00:00Z",)}]
    assert {at for (at,) in db.execute("select set_time from event_recordings")} == {"2026-07-02T06:00:00Z"}
    assert db.value("select count(*) from listens where duplicate_of_id is not null") == db.value("select count(*) / 2 from listens") > 0
    assert flagging.mark(db, all=True).changed == 0  # and it stays so
    listen, of = db.execute("select id, duplicate_of_id from listens where duplicate_of_id is not null").fetchone()
    flagging.two(db, of, listen)
    assert db.value("select duplicate_of_id from listens where id = ?", [listen]) is None
