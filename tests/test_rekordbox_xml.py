from __future__ import annotations

import json
import re

import pytest

from musicdb import load
from musicdb.errors import BadInput, PayloadError, UnknownSource
from musicdb.platforms import rekordbox
from musicdb.shapes import Complete, Page, Refused

TRACKS = """
<TRACK TrackID="1" Name="Slow Ferry" Artist="Marisol Ek" Album="Harbour Lights" Genre="Deep House; Dub" TotalTime="372"
  Year="1998" AverageBpm="124.50" DateAdded="2022-04-09" PlayCount="7" Rating="204" Tonality="Am" Mix="Dub" Remixer="Ines Holt"
  Location="file://localhost/Users/fennel/M%C3%BAsica/a%20%26%20b.mp3" Label="Quay" Colour="0xFF007F" TrackNumber="3">
  <TEMPO Inizio="0.025" Bpm="124.50" Metro="4/4" Battito="1"/>
  <POSITION_MARK Name="drop" Type="0" Start="64.025" Num="0" Red="40" Green="226" Blue="20"/>
  <POSITION_MARK Name="" Type="0" Start="0.025" Num="-1"/>
  <POSITION_MARK Name="" Type="4" Start="128.0" End="135.71" Num="1"/>
  <POSITION_MARK Name="" Type="1" Start="0" End="2.5" Num="-1"/>
  <POSITION_MARK Name="" Type="2" Start="370" Num="-1"/>
  <POSITION_MARK Name="" Type="3" Start="1" Num="-1"/>
  <POSITION_MARK Name="no number" Type="0" Start="soon" Num="0"/>
</TRACK>
<TRACK TrackID="2" Name="Night Bus" Artist="AC/DC" AverageBpm="128,5" Rating="0" Year="0" TotalTime="0" Location="file://localhost/C:/Music/%E3%81%82.mp3"/>
"""
LISTS = """
<NODE Type="0" Name="ROOT" Count="2">
  <NODE Name="Sets/2024" Type="0" Count="2">
    <NODE Name="Friday" Type="1" KeyType="0" Entries="4"><TRACK Key="2"/><TRACK Key="1"/><TRACK Key="77"/><TRACK Key="2"/></NODE>
    <NODE Name="Friday" Type="1" KeyType="0" Entries="0"/>
  </NODE>
  <NODE Name="By place" Type="1" KeyType="1" Entries="1"><TRACK Key="file://localhost/C:/Music/%E3%81%82.mp3"/></NODE>
</NODE>
"""


def xml(tracks=TRACKS, lists=LISTS, entries=2):
    lists = f"<PLAYLISTS>{lists}</PLAYLISTS>" if lists is not None else ""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0"><PRODUCT Name="rekordbox" Version="7.0.0"/>'
    return f'{head}<COLLECTION Entries="{entries}">{tracks}</COLLECTION>{lists}</DJ_PLAYLISTS>'


@pytest.fixture
def export(tmp_path):
    def write(content=None, name="export.xml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else (xml() if content is None else content).encode())
        return path

    return write


def fetched(path, kind=Page):
    return [item for item in rekordbox.fetch(path) if isinstance(item, kind)]


def rows_of(path):
    return [row for page in fetched(path) for payload in page.payloads for row in rekordbox.rows(page.kind, payload)]


def said_of(**attributes):
    attributes = {"TrackID": "1", "Name": "x"} | attributes
    return next(rekordbox.rows("track", {"attributes": attributes}))["said"]


def test_a_track_says_all_that_the_xml_says(export):
    track = rows_of(export())[0]
    assert track["external_id"] == "1" and track["title"] == "Slow Ferry" and track["duration_ms"] == 372_000
    assert track["said"] == {
        "title": "Slow Ferry",
        "version": "Dub",
        "artists": ["Marisol Ek"],
        "remixers": ["Ines Holt"],
        "album": "Harbour Lights",
        "genres": ["Deep House", "Dub"],
        "year": 1998,
        "bpm": 124.5,
        "musical_key": "8A",
        "rating": 4,
        "label": "Quay",
        "play_count": 7,
        "added_at": "2022-04-09",
        "color": "#ff007f",
        "track_no": 3,
        "duration_ms": 372_000,
        "path": "/Users/fennel/Música/a & b.mp3",
        "cues": [
            {"type": "hot_cue", "num": 0, "start_ms": 64_025.0, "name": "drop", "color": "#28e214"},
            {"type": "memory_cue", "start_ms": 25.0},
            {"type": "loop", "num": 1, "start_ms": 128_000.0, "length_ms": 7710.0},
            {"type": "fade_in", "start_ms": 0.0},
            {"type": "fade_out", "start_ms": 370_000.0},
            {"type": "load", "start_ms": 1000.0},
        ],
        "beat_grid": [{"start_ms": 25.0, "bpm": 124.5, "meter": "4/4", "beat": 1}],
    }


def test_nothing_said_is_left_out_and_a_comma_is_a_point(export):
    said = rows_of(export())[1]["said"]
    assert said == {"title": "Night Bus", "artists": ["AC/DC"], "bpm": 128.5, "path": "C:/Music/あ.mp3"}


def test_every_attribute_is_kept_as_it_was_sent(export):
    payload = fetched(export())[0].payloads[0]
    assert payload["attributes"]["Genre"] == "Deep House; Dub" and payload["attributes"]["Rating"] == "204"
    assert len(payload["position_mark"]) == 7 and payload["tempo"][0]["Battito"] == "1"
    assert rekordbox.payload(json.dumps(payload)) == payload
    with pytest.raises(PayloadError):
        rekordbox.payload("[]")


@pytest.mark.parametrize(
    "location, path, ids",
    [
        ("file://localhost/C:/Music/a%20b.mp3", "C:/Music/a b.mp3", None),
        ("file://localhostC:/Music/a.mp3", "C:/Music/a.mp3", None),
        ("file://localhost/Users/me/100%25.mp3", "/Users/me/100%.mp3", None),
        ("file://localhost//music/a+b.mp3", "/music/a+b.mp3", None),  # as pyrekordbox writes it
        ("file:///Volumes/USB/a.mp3", "/Volumes/USB/a.mp3", None),
        ("file://localhost/Users/me/caf%E9.mp3", "/Users/me/caf\\xe9.mp3", None),
        ("file://localhosttidal:tracks:252147049", None, {"tidal": "252147049"}),
        ("file://localhost/soundcloud:tracks:842", None, {"soundcloud": "842"}),
        ("https://example.com/a.mp3", None, None),
        ("file://localhost/", None, None),
        ("file://localhost/a%00b.mp3", None, None),
        ("", None, None),
    ],
)
def test_locations_of_macos_and_windows_and_streams(location, path, ids):
    said = said_of(Location=location)
    assert (said.get("path"), said.get("ids")) == (path, ids)


@pytest.mark.parametrize("sent, stars", [("0", None), ("51", 1), ("102", 2), ("153", 3), ("204", 4), ("255", 5), ("", None), ("x", None)])
def test_ratings_are_one_to_five_stars(sent, stars):
    assert said_of(Rating=sent).get("rating") == stars


def test_a_track_without_a_name_is_called_like_its_file():
    attributes = {"TrackID": "1", "Name": "", "Location": "file://localhost/C:/Music/Night%20Bus.wav"}
    row = next(rekordbox.rows("track", {"attributes": attributes}))
    assert row["title"] == "Night Bus" and "title" not in row["said"]


def test_playlists_keep_folders_order_and_repeats(export):
    rows = rows_of(export())
    lists = [(r["external_id"], r["kind"], r["parent_external_id"], r["position"]) for r in rows if r["row"] == "playlist"]
    assert lists == [
        ("Sets%2F2024", "folder", None, 0),
        ("Sets%2F2024/Friday", "playlist", "Sets%2F2024", 0),
        ("Sets%2F2024/Friday#2", "playlist", "Sets%2F2024", 1),
        ("By place", "playlist", None, 1),
    ]
    items = [(r["playlist_external_id"], r["position"], r["track_external_id"]) for r in rows if r["row"] == "playlist_item"]
    friday = "Sets%2F2024/Friday"
    assert items == [(friday, 0, "2"), (friday, 1, "1"), (friday, 2, "2"), ("By place", 0, "2")]


def test_an_entry_that_leads_nowhere_is_named(export):
    [refused] = fetched(export(), Refused)
    assert (refused.kind, refused.item) == ("playlist_item", "Sets%2F2024/Friday place 3") and "77" in refused.reason


def test_the_end_says_what_was_complete(export):
    ends = [(end.of, end.within, end.total) for end in fetched(export(), Complete)]
    lists = [("Sets%2F2024/Friday", 3), ("Sets%2F2024/Friday#2", 0), ("By place", 1)]
    assert ends == [("track", None, 2), *(("playlist_item", *of) for of in lists), ("playlist", None, 4)]


def test_without_playlists_only_tracks_are_complete(export):
    assert [end.of for end in fetched(export(xml(lists=None)), Complete)] == ["track"]


def test_a_repeated_track_id_is_refused_and_named(export):
    path = export(xml('<TRACK TrackID="5" Name="a"/><TRACK TrackID="5" Name="b" Location="file://localhost/b.mp3"/>', None))
    [refused] = fetched(path, Refused)
    assert refused.item == "5 file://localhost/b.mp3" and refused.payload["attributes"]["Name"] == "b"
    assert [row["title"] for row in rows_of(path) if row["row"] == "track"] == ["a"]


# ---------- files that are none, or hostile
ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content, error, words",
    [
        (f"{ENTITIES}<DJ_PLAYLISTS><PRODUCT Name='&b;'/></DJ_PLAYLISTS>", BadInput, "entities"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><DJ_PLAYLISTS>&a;</DJ_PLAYLISTS>', BadInput, "entities"),
        (xml()[:-400], BadInput, "cut off"),
        (xml().replace("</COLLECTION>", "</COLLECTION"), BadInput, "damaged"),
        (xml(tracks="<A>" * 200 + "</A>" * 200), BadInput, "deep"),
        ("<plist version='1.0'></plist>", UnknownSource, "import itunes"),
        ("<NML VERSION='19'></NML>", UnknownSource, "import traktor"),
        ("<html><body/></html>", UnknownSource, "another kind"),
        ("just words", UnknownSource, "no XML"),
        ('<?xml version="1.0" encoding="no-such"?><DJ_PLAYLISTS/>', UnknownSource, "no XML"),
        ("", UnknownSource, "empty"),
        (b"SQLite format 3\0" + bytes(100), UnknownSource, "database"),
        (bytes(range(256)), UnknownSource, "no XML"),
        ("<MASTER_PLAYLIST Version='3.0.0'/>", UnknownSource, "playlist index.*File > Export Collection in xml format"),
    ],
)
def test_what_is_no_export_says_what_it_is(export, content, error, words):
    with pytest.raises(error, match=words) as raised:
        list(rekordbox.fetch(export(content)))
    assert type(raised.value) is error and len(str(raised.value)) < 500


def test_nothing_of_a_file_that_was_cut_off_is_yielded(export):
    pages = rekordbox.fetch(export(xml()[:-400]))
    with pytest.raises(BadInput):
        next(pages)


def test_an_endless_element_does_not_fill_the_memory(export, monkeypatch):
    monkeypatch.setattr("musicdb.platforms._xml.MAX_ELEMENT_BYTES", 200_000)
    with pytest.raises(BadInput, match="more than"):
        list(rekordbox.fetch(export(xml(tracks=f'<TRACK TrackID="1" Name="{"x" * 1_000_000}"/>'))))


def test_a_missing_path_a_folder_and_a_huge_file_are_refused(tmp_path, export, monkeypatch):
    with pytest.raises(BadInput, match="does not exist"):
        list(rekordbox.fetch(tmp_path / "none.xml"))
    with pytest.raises(BadInput, match="is a folder"):
        list(rekordbox.fetch(tmp_path))
    with pytest.raises(BadInput, match="cannot be read"):
        list(rekordbox.fetch("a\0b.xml"))
    monkeypatch.setattr(rekordbox, "MAX_BYTES", 10)
    with pytest.raises(BadInput, match="not read"):
        list(rekordbox.fetch(export()))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(export, encoding):
    assert rows_of(export(xml().replace("UTF-8", encoding.removesuffix("-sig")).encode(encoding)))[0]["title"] == "Slow Ferry"


# ---------- Rekordbox's own database
@pytest.mark.parametrize(
    "place",
    [
        "Library/Pioneer/rekordbox/master.db",
        "Library/Application Support/Pioneer/rekordbox/master.db",
        "AppData/Roaming/Pioneer/rekordbox/master.db",
    ],
)
def test_the_database_is_found_on_macos_and_windows(tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_bytes(b"")
    with pytest.raises(BadInput, match=re.escape(str(tmp_path / place)) + ".*Export Collection"):
        list(rekordbox.fetch(None, home=tmp_path))


def test_a_database_that_was_moved_is_found_through_rekordbox_options(tmp_path):
    options = tmp_path / "AppData/Roaming/Pioneer/rekordboxAgent/storage/options.json"
    options.parent.mkdir(parents=True)
    moved = tmp_path / "D" / "master.db"
    moved.parent.mkdir()
    moved.write_bytes(b"")
    options.write_text(json.dumps({"options": [["dp", "secret"], ["db-path", str(moved)]]}))
    with pytest.raises(BadInput, match=re.escape(str(moved))) as raised:
        list(rekordbox.fetch(None, home=tmp_path))
    assert "secret" not in str(raised.value)
    options.write_text("{")
    assert rekordbox.database_places(tmp_path)[0].name == "master.db"


def test_where_there_is_no_rekordbox_the_message_says_where_it_looked(tmp_path):
    with pytest.raises(BadInput, match=r"looked for .*Library.*AppData"):
        list(rekordbox.fetch(None, home=tmp_path))


# ---------- into the database
def counts(db):
    tables = ["platform_tracks", "platform_playlists", "platform_playlist_items", "changes", "observation_changes", "quarantine"]
    return {table: db.value(f"select count(*) from {table}") for table in tables}


def content(db):
    return [db.execute(f"select * from {table} order by 1").fetchall() for table in counts(db)]


def numbered(*songs):
    return "".join(
        f'<TRACK TrackID="{n}" Name="{name}" Artist="Marisol Ek" TotalTime="{length}" Location="file://localhost/Users/fennel/{name}.mp3"/>'
        for n, name, length in songs
    )


def test_a_collection_that_was_numbered_anew_is_told_of_and_a_song_that_was_renamed_or_moved_is_not(db, export):
    first = load.run(db, "rekordbox", export(xml(numbered((1, "One", 300), (2, "Two", 360)), lists=None)))
    moved = load.run(db, "rekordbox", export(xml(numbered((1, "One (Dub)", 300), (2, "Two", 366)), lists=None)))
    assert (moved.changed, first.notes, moved.notes) == (2, [], [])
    again = load.run(db, "rekordbox", export(xml(numbered((1, "Nightfall", 411), (2, "One (Dub)", 300)), lists=None)))
    assert len(again.notes) == 1 and again.notes[0].startswith("2 entries are another song")


def test_importing_twice_changes_nothing(db, export):
    path = export()
    report = load.run(db, "rekordbox", path)
    assert (report.new, report.quarantined) == (2, 1)
    assert counts(db) == {
        "platform_tracks": 2,
        "platform_playlists": 4,
        "platform_playlist_items": 4,
        "changes": 0,
        "observation_changes": 0,
        "quarantine": 1,
    }
    before = content(db)
    again = load.run(db, "rekordbox", path)
    assert content(db) == before and (again.new, again.changed, again.unchanged, again.vanished) == (0, 0, 2, 0)


def test_what_is_gone_from_the_export_is_marked(db, export):
    load.run(db, "rekordbox", export())
    one = TRACKS.split('<TRACK TrackID="2"')[0]
    load.run(db, "rekordbox", export(xml(one, '<NODE Name="Friday" Type="1" KeyType="0"><TRACK Key="1"/></NODE>', 1)))
    gone = db.execute("select external_id from platform_tracks where missing_since is not null").fetchall()
    assert gone == [("2",)]
    assert db.execute("select external_id from platform_playlists where missing_since is null").fetchall() == [("Friday",)]


def test_a_track_without_an_id_is_quarantined_and_the_rest_goes_on(db, export):
    report = load.run(db, "rekordbox", export(xml('<TRACK Name="nameless"/><TRACK TrackID="2" Name="b"/>', None)))
    assert (report.new, report.quarantined) == (1, 1)
    assert db.one("select kind, item, reason from quarantine") == {
        "kind": "track",
        "item": "nameless",
        "reason": "track 'nameless' has no TrackID",
    }


def test_exports_of_rekordbox_5_and_6_import_and_its_playlist_index_is_refused(db, real_data):
    files = sorted((real_data / "rekordbox").rglob("*.xml"))
    exports = [path for path in files if path.name == "database.xml"]
    assert len(exports) == 2 and len(files) > 2
    for path in exports:
        assert load.run(db, "rekordbox", path).new == 6
        before = counts(db)
        assert load.run(db, "rekordbox", path).unchanged == 6 and counts(db) == before
    for path in set(files) - set(exports):
        with pytest.raises(UnknownSource, match=re.escape(path.name)):
            load.run(db, "rekordbox", path)


def test_a_list_that_changed_makes_no_track_a_changed_one(db, tmp_path):
    track = '<TRACK TrackID="1" Name="One" Artist="Ada" Location="file://localhost/m/1.mp3"/>'
    for entries in ("", '<TRACK Key="1"/>'):
        lists = f'<NODE Type="0" Name="ROOT" Count="1"><NODE Name="L" Type="1" KeyType="0" Entries="{len(entries) and 1}">{entries}</NODE></NODE>'
        body = f'<COLLECTION Entries="1">{track}</COLLECTION><PLAYLISTS>{lists}</PLAYLISTS>'
        (tmp_path / "a.xml").write_text(f'<?xml version="1.0" encoding="UTF-8"?><DJ_PLAYLISTS Version="1.0.0">{body}</DJ_PLAYLISTS>')
        report = load.run(db, "rekordbox", tmp_path / "a.xml")
    assert (report.new, report.changed, report.unchanged) == (0, 1, 1)
