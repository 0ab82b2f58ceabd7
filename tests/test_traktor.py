from __future__ import annotations

import time
from xml.sax.saxutils import quoteattr

import pytest

from musicdb import load
from musicdb.errors import BadInput, UnknownSource
from musicdb.platforms import traktor
from musicdb.shapes import Page

FERRY, BUS = "Macintosh HD/:Users/:fennel/:Slow Ferry.mp3", "C:/:Music/:Night Bus.wav"
ENTRIES = """
<ENTRY MODIFIED_DATE="2016/8/1" AUDIO_ID="AFMA" TITLE="Slow Ferry" ARTIST="Marisol Ek"><LOCATION DIR="/:Users/:fennel/:" FILE="Slow Ferry.mp3" VOLUME="Macintosh HD" VOLUMEID="Macintosh HD"></LOCATION>
<ALBUM OF_TRACKS="12" TRACK="3" TITLE="Harbour Lights"></ALBUM><MODIFICATION_INFO AUTHOR_TYPE="user"></MODIFICATION_INFO>
<INFO BITRATE="320000" GENRE="Dub" COMMENT="long intro" KEY="8m" PLAYCOUNT="7" PLAYTIME="372" PLAYTIME_FLOAT="371.9" RANKING="204" IMPORT_DATE="2016/8/1" LAST_PLAYED="2016/9/2"></INFO>
<TEMPO BPM="124.500000" BPM_QUALITY="100.000000"></TEMPO><LOUDNESS PEAK_DB="-0.1"></LOUDNESS><MUSICAL_KEY VALUE="21"></MUSICAL_KEY>
<CUE_V2 NAME="AutoGrid" DISPL_ORDER="0" TYPE="4" START="52.1" LEN="0.0" REPEATS="-1" HOTCUE="-1"><GRID BPM="124.500000"></GRID></CUE_V2>
<CUE_V2 NAME="drop" DISPL_ORDER="0" TYPE="0" START="64025.0" LEN="0.0" REPEATS="-1" HOTCUE="1"></CUE_V2>
<CUE_V2 NAME="n.n." DISPL_ORDER="0" TYPE="5" START="128000.0" LEN="7710.0" REPEATS="-1" HOTCUE="2"></CUE_V2>
<CUE_V2 NAME="n.n." DISPL_ORDER="0" TYPE="3" START="1000.0" LEN="0.0" REPEATS="-1" HOTCUE="-1"></CUE_V2></ENTRY>
<ENTRY ARTIST="Fennel"><LOCATION DIR="/:Music/:" FILE="Night Bus.wav" VOLUME="C:"></LOCATION><INFO RANKING="0"></INFO></ENTRY>
"""
LISTS = f"""
<NODE TYPE="FOLDER" NAME="Sets"><SUBNODES COUNT="2">
<NODE TYPE="PLAYLIST" NAME="Friday"><PLAYLIST ENTRIES="4" TYPE="LIST" UUID="a1">{"".join(f'<ENTRY><PRIMARYKEY TYPE="TRACK" KEY="{key}"></PRIMARYKEY></ENTRY>' for key in (BUS, FERRY, "gone", BUS))}</PLAYLIST></NODE>
<NODE TYPE="PLAYLIST" NAME="Friday"><PLAYLIST ENTRIES="0" TYPE="LIST" UUID="a2"></PLAYLIST></NODE>
</SUBNODES></NODE>
<NODE TYPE="SMARTLIST" NAME="Fast"><SMARTLIST UUID="s"><SEARCH_EXPRESSION VERSION="1" QUERY="$BPM &gt; 130"></SEARCH_EXPRESSION></SMARTLIST></NODE>
"""


def nml(entries=ENTRIES, lists=LISTS, n=2):
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<NML VERSION="19"><HEAD COMPANY="www.native-instruments.com" PROGRAM="Traktor"></HEAD>'
        f'<COLLECTION ENTRIES="{n}">{entries}</COLLECTION><SETS ENTRIES="0"></SETS><PLAYLISTS><NODE TYPE="FOLDER" NAME="$ROOT"><SUBNODES COUNT="2">{lists}'
        "</SUBNODES></NODE></PLAYLISTS></NML>"
    )


@pytest.fixture
def collection(tmp_path):
    def write(content=None, name="collection.nml"):
        path = tmp_path / name
        path.write_text(nml() if content is None else content, "utf-8")
        return path

    return write


def test_tracks_with_cues_grid_key_and_rating(db, collection):
    load.run(db, "traktor", collection())
    row = next(traktor.rows("track", next(p for p in traktor.fetch(collection()) if isinstance(p, Page)).payloads[0]))
    assert row["external_id"] == FERRY
    assert row["said"] == {
        "title": "Slow Ferry", "artists": ["Marisol Ek"], "album": "Harbour Lights", "track_no": 3, "track_total": 12, "duration_ms": 371_900,
        "genres": ["Dub"], "bpm": 124.5, "musical_key": "8A", "rating": 4, "comment": "long intro", "play_count": 7, "added_at": "2016-08-01",
        "last_played_at": "2016-09-02", "path": "/Users/fennel/Slow Ferry.mp3",
        "cues": [
            {"type": "hot_cue", "num": 1, "start_ms": 64025.0, "name": "drop"},
            {"type": "loop", "num": 2, "start_ms": 128000.0, "length_ms": 7710.0},
            {"type": "load", "start_ms": 1000.0},
        ],
        "beat_grid": [{"start_ms": 52.1, "bpm": 124.5}],
    }  # fmt: skip
    assert db.value("select title from platform_tracks where external_id = ?", [BUS]) == "Night Bus", "without a title its file names it"


def test_playlists_keep_folders_order_repeats_and_rules(db, collection):
    report = load.run(db, "traktor", collection())
    sql = (
        "select p.external_id, p.kind, p.parent_external_id as parent, (select group_concat(t.external_id, ' | ') from (select * from "
        "platform_playlist_items where platform_playlist_id = p.id order by position) as i join platform_tracks as t on t.id = i.platform_track_id) as tracks, "
        "p.metadata ->> '$.query' as rules from platform_playlists as p order by p.id"
    )
    assert [tuple(row.values()) for row in db.q(sql)] == [
        ("Sets", "folder", None, None, None),
        ("Sets/Friday", "playlist", "Sets", f"{BUS} | {FERRY} | {BUS}", None),
        ("Sets/Friday#2", "playlist", "Sets", None, None),
        ("Fast", "smart", None, None, "$BPM > 130"),
    ]
    assert report.quarantined == 1 and "'gone'" in db.value("select reason from quarantine")


def test_a_second_import_changes_nothing_and_a_list_alone_takes_nothing_away(db, collection):
    load.run(db, "traktor", collection())
    again = load.run(db, "traktor", collection())
    assert (again.new, again.changed, again.vanished) == (0, 0, 0)
    one = load.run(db, "traktor", collection(nml("", "", 0), name="Friday.nml"))
    assert one.vanished == 0 and db.value("select count(*) from platform_tracks where missing_since is not null") == 0


@pytest.mark.parametrize(
    "volume, folder, file, path",
    [
        ("C:", "/:Music/:", "a.mp3", "C:/Music/a.mp3"),
        ("Macintosh HD", "/:Users/:me/:", "a//b.mp3", "/Users/me/a:b.mp3"),
        ("My Disk", "/:Users/:me/:", "a.mp3", "/Users/me/a.mp3"),
        ("USB", "/:Music/:", "a.mp3", "/Volumes/USB/Music/a.mp3"),
        ("USB", "/:Volumes/:USB/:Music/:", "a.mp3", "/Volumes/USB/Music/a.mp3"),
        ("\\\\nas\\music", "/:House/:", "a.mp3", "//nas/music/House/a.mp3"),
        ("C:", "/:Music/:", "", None),
    ],
)
def test_locations_of_windows_and_macos(volume, folder, file, path):
    assert traktor.path_of({"VOLUME": volume, "DIR": folder, "FILE": file}) == path


@pytest.mark.parametrize("value, camelot", [("0", "8B"), ("21", "8A"), ("12", "5A"), ("11", "1B"), ("24", None), ("x", None)])
def test_musical_keys_are_numbers(value, camelot):
    entry = {"external_id": "k", "entry": {"TITLE": "x"}, "musical_key": {"VALUE": value}}
    assert next(traktor.rows("track", entry))["said"].get("musical_key") == camelot


@pytest.mark.parametrize(
    "text, error, words",
    [
        ("", UnknownSource, "empty"),
        ("no xml", UnknownSource, "no XML"),
        ("<plist></plist>", UnknownSource, "import itunes"),
        (nml()[:-20], BadInput, "cut off"),
        (nml().replace("</COLLECTION>", "</WRONG>"), BadInput, "damaged"),
        ('<!DOCTYPE NML [<!ENTITY a "a"><!ENTITY b "&a;">]><NML>&b;</NML>', BadInput, "entities"),
        ("<NML>" + "<NODE>" * 200 + "</NODE>" * 200 + "</NML>", BadInput, "deep"),
    ],
)
def test_what_is_no_collection_or_hostile_is_refused(collection, text, error, words):
    with pytest.raises(error, match=words):
        list(traktor.fetch(collection(text)))


def test_the_newest_traktor_is_found(tmp_path):
    for version in ("2.11.3", "3.10.0", "3.9.1"):
        place = tmp_path / f"Documents/Native Instruments/Traktor {version}/collection.nml"
        place.parent.mkdir(parents=True)
        place.write_text(nml(ENTRIES.replace("Slow Ferry", version)), "utf-8")
    page = next(item for item in traktor.fetch(None, home=tmp_path) if isinstance(item, Page))
    assert page.payloads[0]["entry"]["TITLE"] == "3.10.0"
    with pytest.raises(BadInput, match="no Traktor collection"):
        list(traktor.fetch(None, home=tmp_path / "other"))


def test_ten_thousand_tracks_are_read_in_seconds(collection):
    entries = "".join(
        f'<ENTRY TITLE={quoteattr(f"Song {n}")}><LOCATION DIR="/:Music/:" FILE="{n}.mp3" VOLUME="C:"></LOCATION></ENTRY>'
        for n in range(10_000)
    )
    path = collection(nml(entries, "", 10_000))
    begun = time.process_time()
    assert sum(len(page.payloads) for page in traktor.fetch(path) if isinstance(page, Page)) == 10_000
    assert time.process_time() - begun < 5
