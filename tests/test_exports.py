from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import musicdb
from musicdb import history, links, load, truth
from musicdb.demo import rekordbox_xml as demo_xml
from musicdb.errors import BadInput, UnknownSource
from musicdb.exports import lists, m3u, names, playlists, rekordbox_xml
from musicdb.platforms import rekordbox

from . import rekordbox_library


def settle(db):
    links.link(db)
    truth.resolve(db)


@pytest.fixture
def library(db, tmp_path):
    """The fictional Rekordbox library, imported from its XML."""
    path = tmp_path / "theirs.xml"
    path.write_bytes(demo_xml.xml(tmp_path / "Music", {}))
    load.run(db, "rekordbox", path)
    settle(db)
    return db


def rows(db):
    """What Rekordbox says: {TrackID: (title, said)}, and its lists with their places."""
    tracks = {
        r.external_id: (r.title, json.loads(r.said))
        for r in db.q("select external_id, title, said from platform_tracks where platform = 'rekordbox'")
    }
    sql = (
        "select p.external_id, p.name, p.kind, p.parent_external_id, (select json_group_array(t.external_id) from (select * from platform_playlist_items "
        "where platform_playlist_id = p.id and removed_at is null order by position) as i join platform_tracks as t on t.id = i.platform_track_id) as items "
        "from platform_playlists as p order by p.external_id"
    )
    return tracks, [tuple(row.values()) for row in db.q(sql)]


def test_our_own_xml_imported_again_says_the_same(library, tmp_path):
    out = tmp_path / "ours.xml"
    report = rekordbox_xml.write(library, out, of="rekordbox")
    with musicdb.open(tmp_path / "other.db") as other:
        again = load.run(other, "rekordbox", out)
        assert again.quarantined == 0
        before, after = rows(library), rows(other)
    merged = {track: said for track, said in before[0].items() if track in after[0]}
    assert report.tracks == len(after[0]) and report.without_file == 0
    wrong = {
        t: {
            f: (merged[t][1].get(f), after[0][t][1].get(f))
            for f in {*merged[t][1], *after[0][t][1]}
            if merged[t][1].get(f) != after[0][t][1].get(f)
        }
        for t in merged
    }
    # two TrackIDs that are one track here become one there: what they say is united, all others say just the same
    twice = {
        r.track_id
        for r in library.q("select track_id from track_links where status in ('auto', 'confirmed') group by track_id having count(*) > 1")
    }
    mine = {
        r.external_id
        for r in library.q("select p.external_id, k.track_id from platform_tracks as p join track_links as k on k.platform_track_id = p.id")
        if r.track_id not in twice
    }
    assert {t: w for t, w in wrong.items() if w and t in mine} == {}
    assert len(merged) > 200
    assert [row[:4] for row in before[1]] == [row[:4] for row in after[1]]
    if not twice:
        assert before[1] == after[1]


def test_what_a_person_decided_stands_in_the_xml_also_where_it_is_nothing(library, tmp_path):
    sql = "select k.track_id, p.external_id from track_links as k join platform_tracks as p on p.id = k.platform_track_id and p.said ->> '$.label' is not null limit 1"
    track, number = library.execute(sql).fetchone()
    for field, value in (("label", "My Label"), ("comment", "my words"), ("genres", ["Dub", "House"]), ("year", None), ("remixers", ["Ada"])):
        truth.decide(library, track, field, value)
    rekordbox_xml.write(library, tmp_path / "ours.xml")
    with musicdb.open(tmp_path / "other.db") as other:
        load.run(other, "rekordbox", tmp_path / "ours.xml")
        said = rows(other)[0][number][1]
    assert (said["label"], said["comment"], said["genres"], said["remixers"], "year" in said) == ("My Label", "my words", ["Dub", "House"], ["Ada"], False)


NASTY = {
    "title": 'a "b" <c> & d\x01\n\t é 日本 🎧', "artists": ["Ines & Holt"], "comment": "]]>", "bpm": 128.5, "musical_key": "3B", "rating": 3, "duration_ms": 61000,
    "genres": ["Deep House", "Dub"], "color": "#ff007f", "play_count": 2, "year": 1998, "added_at": "2022-04-09", "track_no": 3, "disc_no": 1, "version": "Dub",
    "cues": [
        {"type": "hot_cue", "num": 7, "start_ms": 0.0, "name": "x", "color": "#28e214"},
        {"type": "memory_cue", "start_ms": 25.123},
        {"type": "loop", "num": 1, "start_ms": 128_000.5, "length_ms": 7710.25, "color": "#000000"},
        {"type": "loop", "start_ms": 1.0, "length_ms": 2.0},
        {"type": "fade_in", "start_ms": 5.0}, {"type": "fade_out", "start_ms": 6.0}, {"type": "load", "start_ms": 7.0},
    ],
    "beat_grid": [{"start_ms": 25.0, "bpm": 124.5, "meter": "4/4", "beat": 1}, {"start_ms": -3.5, "bpm": 90.01, "meter": "3/4", "beat": 3}],
}  # fmt: skip


@pytest.mark.parametrize("path", ["/Users/me/Música/a & b 100%.mp3", "C:/Music/あ#1.wav", "/music/a+b?.mp3"])
def test_every_value_survives_writing_and_reading(tmp_path, path):
    element = "".join(rekordbox_xml.track(NASTY, "7", rekordbox_xml.location_of(path)))
    whole = (
        f'<?xml version="1.0" encoding="UTF-8"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1">{element}</COLLECTION></DJ_PLAYLISTS>'
    )
    file = tmp_path / "x.xml"
    file.write_text(whole, "utf-8")
    page = next(rekordbox.fetch(file))
    said = next(rekordbox.rows("track", page.payloads[0]))["said"]
    assert said == NASTY | {"title": 'a "b" <c> & d\n\t é 日本 🎧', "path": path}


def test_ten_thousand_tracks_are_written_in_seconds(db, tmp_path):
    with db.atomic():
        for n in range(10_000):
            said = json.dumps(
                {
                    "title": f"Song {n}",
                    "artists": ["X"],
                    "bpm": 128.0,
                    "path": f"/Music/{n}.mp3",
                    "cues": [{"type": "memory_cue", "start_ms": 1.0}] * 4,
                }
            )
            db.execute("insert into track_ids (id, track_uid) values (?, ?)", [n + 1, f"u{n}"])
            db.execute("insert into tracks (id, title, artist_credit, bpm) values (?, ?, 'X', 128)", [n + 1, f"Song {n}"])
            db.execute(
                "insert into platform_tracks (id, platform, external_id, title, match_key, said, metadata) values (?, 'rekordbox', ?, ?, '', ?, '{}')",
                [n + 1, str(n), f"Song {n}", said],
            )
            db.execute(
                "insert into track_links (platform_track_id, track_id, status, method, confidence) values (?, ?, 'auto', 'new', 100)",
                [n + 1, n + 1],
            )
    begun = time.process_time()
    report = rekordbox_xml.write(db, tmp_path / "x.xml")
    assert time.process_time() - begun < 6 and report.tracks == 10_000


# ---------- M3U
def put(db, name, tracks, parent=None, kind="playlist"):
    with db.operation("test"):
        id = db.execute("insert into playlists (name, kind, parent_id) values (?, ?, ?)", [name, kind, parent]).lastrowid
        for n, track in enumerate(tracks):
            db.execute("insert into playlist_items (playlist_id, sort_key, track_id) values (?, ?, ?)", [id, f"{n:04d}", track])
    return id


def song(db, n, path=None, title=None, artist="Marisol Ek", isrc=None, spotify=None):
    """A track with a file and, where asked for, one at Spotify."""
    from musicdb.text import match_key

    title = title or f"Song {n}"
    db.execute("insert into track_ids (id, track_uid) values (?, ?)", [n, f"uid-{n}"])
    db.execute(
        "insert into tracks (id, title, artist_credit, duration_ms, match_key) values (?, ?, ?, 200000, ?)",
        [n, title, artist, match_key(title, [artist])],
    )
    for platform, key in (("local", path), ("spotify", spotify)):
        if key:
            id = db.execute(
                "insert into platform_tracks (platform, external_id, title, match_key, isrc) values (?, ?, ?, '', ?)",
                [platform, str(key), title, isrc],
            ).lastrowid
            db.execute(
                "insert into track_links (platform_track_id, track_id, status, method, confidence) values (?, ?, 'auto', 'new', 100)",
                [id, n],
            )
            if platform == "local":
                db.execute(
                    "insert into media_files (platform_track_id, path, path_hash, format, bitrate) values (?, ?, ?, 'mp3', 320000)",
                    [id, str(path), f"h{id}"],
                )


def test_m3u_paths_are_relative_to_each_list_and_repeats_stay(db, tmp_path):
    with db.atomic():
        song(db, 1, tmp_path / "Music/a.mp3")
        song(db, 2, tmp_path / "Music/ü/#b.mp3")
        song(db, 3)
    folder = put(db, "Sets", [], kind="folder")
    put(db, "Friday/Night", [1, 2, 3, 1], parent=folder)
    report = m3u.write(db, tmp_path / "Lists")
    path = tmp_path / "Lists/Sets/Friday_Night.m3u8"
    assert report.lists == [path] and report.without_file == 1
    lines = path.read_text("utf-8").splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:Friday/Night"] and lines[3:] == [
        "#EXTINF:200,Marisol Ek - Song 1", "../../Music/a.mp3", "#EXTINF:200,Marisol Ek - Song 2", "../../Music/ü/#b.mp3",
        "#EXTINF:200,Marisol Ek - Song 1", "../../Music/a.mp3",
    ]  # fmt: skip
    assert m3u.write(db, tmp_path / "Lists").changed == 0


def test_a_name_with_a_line_separator_or_a_space_at_an_end_is_one_line_that_leads_to_the_file(db, tmp_path):
    place = tmp_path / "Lists"
    found = ["a\u2028b.mp3", "c\x85d.mp3", "#1.mp3", " g.mp3"]
    for n, name in enumerate(found):
        (tmp_path / name).write_bytes(b"x")
        song(db, n + 1, tmp_path / name)
    put(db, "All", range(1, len(found) + 1))
    for absolute in (False, True):
        (path,) = m3u.write(db, place, absolute=absolute).lists
        with musicdb.open(tmp_path / f"{absolute}.db") as other:
            load.run(other, "m3u", path)
            assert {Path(r.path).resolve() for r in other.q("select said ->> '$.path' as path from platform_tracks")} == {tmp_path / name for name in found}
    assert not m3u.location(tmp_path / "h.mp3 ", place, absolute=True).startswith(".")


def test_a_list_of_another_is_never_overwritten(db, tmp_path):
    with db.atomic():
        song(db, 1, tmp_path / "a.mp3")
    put(db, "Friday", [1])
    put(db, "friday", [1])
    theirs = tmp_path / "Friday.m3u8"
    theirs.write_text("mine.mp3")
    report = m3u.write(db, tmp_path)
    assert theirs.read_text() == "mine.mp3" and report.left_alone == [theirs]
    assert [p.name for p in report.lists] == ["Friday (2).m3u8", "friday (3).m3u8"]
    assert [p.name for p in m3u.write(db, tmp_path).lists] == ["Friday (2).m3u8", "friday (3).m3u8"], "the same files again"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "", "a/b\\c", "CON", "nul.txt", "x" * 400, "é" * 200, "a\0b\n", " . ", "🎧 Friday?", "\ud800", "a\u202egpj.exe"]
)
def test_no_playlist_name_leads_out_of_the_folder(tmp_path, name):
    found = names.file_name(name)
    path = names.inside(tmp_path, found + ".m3u8")
    assert path.parent == tmp_path and 0 < len(found.encode()) <= names.MAX_BYTES and not set(found) & set('/\\:*?"<>|\0\n\u202e')
    path.write_bytes(b"")
    with pytest.raises(BadInput):
        names.inside(tmp_path, "..", "x")


def test_no_name_or_id_begins_a_line_of_its_own_in_a_list(tmp_path):
    foreign = "x\n#EXTINF:1,theirs\n/etc/passwd"
    path = tmp_path / "x.m3u8"
    path.write_bytes(m3u.text(foreign, foreign, [("a.mp3", foreign, None)]))
    assert len(path.read_text("utf-8").splitlines()) == 5
    assert m3u.uid_of(path) == "x #EXTINF:1,theirs /etc/passwd"


def test_a_name_that_is_not_there_names_those_that_are(db, tmp_path):
    with pytest.raises(BadInput, match="have no playlists"):
        lists.listings(db)
    put(db, "Friday", [])
    with pytest.raises(BadInput, match="'Saturday'; there are Friday"):
        m3u.write(db, tmp_path, ["Saturday"])
    with pytest.raises(BadInput, match="no platform 'nope'"):
        m3u.write(db, tmp_path, of="nope")


def test_a_folder_that_lies_in_itself_is_at_the_root(db):
    one = put(db, "A", [], kind="folder")
    two = put(db, "B", [], one, "folder")
    db.execute("update playlists set parent_id = ? where id = ?", [two, one])
    assert {p.name for p in lists.listings(db)} == {"A", "B"}


# ---------- between databases
@pytest.fixture
def other(tmp_path):
    with musicdb.open(tmp_path / "other.db") as db:
        yield db


def test_playlists_move_between_databases_and_a_second_time_nothing_changes(db, other, tmp_path):
    with db.atomic():
        song(db, 1, spotify="sp1")
        song(db, 2, isrc="XXF980000001", spotify="sp2")
        song(db, 3, title="By name")
        song(db, 4, title="Nowhere")
    with other.atomic():
        song(other, 11, title="Renamed", spotify="sp1")
        song(other, 1, title="Another track of this uid")
        song(other, 12, title="Song 2", isrc="XXF980000001", spotify="else")
        song(other, 13, title="By name")
    folder = put(db, "Sets", [], kind="folder")
    put(db, "Friday", [1, 2, 1, 3, 4], folder)
    path = tmp_path / "p.json"
    assert playlists.write(db, path) == 2
    db.execute("update track_ids set track_uid = 'uid-1x' where id = 12")
    done = playlists.read(other, path)
    assert (done.new, done.places, done.missing) == (2, 4, ["\"Nowhere\" (Marisol Ek) in 'Friday'"])
    [one] = [p for p in lists.listings(other) if p.kind == "playlist"]
    assert one.items == [11, 12, 11, 13] and lists.folders_of(lists.listings(other))[one.id] == ("Sets",)
    again = playlists.read(other, path)
    assert (again.new, again.changed, again.unchanged, again.operation) == (0, 0, 2, None)


def test_what_is_here_is_brought_to_the_file_and_undo_takes_it_back(db, tmp_path):
    with db.atomic():
        for n in (1, 2, 3):
            song(db, n)
    id = put(db, "Friday", [1, 2, 3])
    playlists.write(db, tmp_path / "p.json")
    kept = {r.track_id: r.id for r in db.q("select id, track_id from playlist_items")}
    with db.operation("test"):
        db.execute("update playlist_items set deleted_at = '2026-01-01T00:00:00Z' where track_id = 3")
        db.execute("update playlist_items set sort_key = '9' where track_id = 1")
    done = playlists.read(db, tmp_path / "p.json")
    order = "select track_id, id from playlist_items where playlist_id = ? and deleted_at is null order by sort_key"
    assert done.changed == 1 and [r.track_id for r in db.q(order, [id])] == [1, 2, 3]
    assert {r.track_id: r.id for r in db.q(order, [id]) if r.track_id < 3} == {1: kept[1], 2: kept[2]}, "rows that stay keep their id"
    history.undo(db, done.operation)
    assert [r.track_id for r in db.q(order, [id])] == [2, 1]


@pytest.mark.parametrize(
    "text, error, words",
    [
        ("{}", UnknownSource, "no playlists of musicdb"),
        ("no json", BadInput, "damaged"),
        ('{"musicdb": "playlists", "version": 99}', UnknownSource, "newer"),
        (
            '{"musicdb": "playlists", "version": 1, "tracks": [], "playlists": [{"uid": "a", "name": "b", "items": [3]}]}',
            BadInput,
            "does not have",
        ),
        ('{"musicdb": "playlists", "version": 1, "tracks": 7}', BadInput, "damaged"),
    ],
)
def test_a_file_of_another_kind_is_told_apart(db, tmp_path, text, error, words):
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(error, match=words):
        playlists.read(db, path)
    with pytest.raises(BadInput, match="cannot be read"):
        playlists.read(db, tmp_path / "none.json")


def test_a_database_of_rekordbox_becomes_an_xml_of_the_same_lists(db, tmp_path):
    load.run(db, "rekordbox", rekordbox_library.small(tmp_path / "rb/master.db"), anlz=False)
    settle(db)
    report = rekordbox_xml.write(db, tmp_path / "x.xml", of="rekordbox")
    with musicdb.open(tmp_path / "b.db") as other:
        load.run(other, "rekordbox", tmp_path / "x.xml")
        before, after = rows(db), rows(other)
    assert report.tracks == 3 and after[0].keys() == before[0].keys() == {"253529738", "9", "77"}
    assert after[0]["253529738"][1]["cues"] == before[0]["253529738"][1]["cues"]
    assert [(r[0], r[4]) for r in after[1]] == [(r[0], r[4]) for r in before[1]]
    assert "OWN" not in Path(tmp_path / "x.xml").read_text("utf-8")
