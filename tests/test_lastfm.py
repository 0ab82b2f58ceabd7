"""Last.fm and what speaks its language: text files, JSON, loved tracks. Accounts: test_history_accounts.py."""

from __future__ import annotations

import json

import pytest

from musicdb import load
from musicdb.errors import BadInput, UnknownSource

AT = 1_690_347_960  # 2023-07-26T05:06:00Z
MBID = "11111111-1111-4111-8111-111111111111"


def plays(db):
    return [tuple(row.values()) for row in db.q("select l.listened_at, t.title, t.album, l.context from listens as l join platform_tracks as t "
            "on t.platform = l.platform and t.external_id = l.track_external_id order by 1, 2")]  # fmt: skip


def refusals(db):
    return {row["item"]: row["reason"] for row in db.q("select item, reason from quarantine where resolved_at is null")}


def read(db, path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load.run(db, "lastfm", path, **options)


EXACT = {  # each of them is the one play of Slow Tide by Moss at AT, to the second
    "ghan.csv": f'uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"{AT}","26 Jul 2023, 05:06","Moss","","Low Water","","Slow Tide",""\n',
    "stats.csv": f'"Artist";"Album";"AlbumId";"Track";"Date#ada"\n"Moss";"Low Water";"x";"Slow Tide";"{AT}000"\n',
    "librefm.csv": f"Artist,Track,Album,Time\nMoss,Slow Tide,Low Water,{AT}\n",
    "librefm-no-album.csv": f"# Data export from Libre.fm,,\n# x,,\nArtist,Track,Time\nMoss,Slow Tide,{AT}\n",
    "librefm-utf7.csv": f"+ACM- Data export from Libre.fm,,,\n+ACM- 2025+AC0-07,,,\nArtist,Track,Album,Time\nMoss,Slow Tide,Low Water,{AT}\n",
    "comments.csv": f"# a comment\n# another\nuserid,Artist,track,Album,time\n1,Moss,Slow Tide,Low Water,{AT}\n",
    "lastexport.txt": f"{AT}\tSlow Tide\tMoss\tLow Water\t\t\t\n",
    "backup.csv": "2023-07-26,05:06:00,Moss,Slow Tide\n",
    "iso.csv": "Track Name,Artist Name,Played At\nSlow Tide,Moss,2023-07-26T07:06:00+02:00\n",
    "bom.csv": f"\ufeffartist,track,timestamp\nMoss,Slow Tide,{AT}\n",
    "utf16.csv": f"artist,track,timestamp\nMoss,Slow Tide,{AT}\n".encode("utf-16"),
    "bare.csv": f"Moss,Low Water,Slow Tide,{AT}\n",
    "pano.jsonl": json.dumps({"timeMs": AT * 1000, "track": "Slow Tide", "artist": "Moss", "album": "Low Water", "durationMs": 181000, "event": "scrobble"}) + "\n",
    "stats.json": json.dumps({"username": "ada", "scrobbles": [{"track": "Slow Tide", "artist": "Moss", "album": "x", "albumId": "y", "date": AT * 1000}]}),
    "pages.json": json.dumps([{"track": [{"artist": {"mbid": "", "#text": "Moss"}, "album": {"#text": ""}, "name": "Slow Tide", "date": {"uts": str(AT)}}]}]),
    "nested.json": json.dumps([[{"artist": {"#text": "Moss"}, "name": "Slow Tide", "album": {"#text": ""}, "date": {"uts": str(AT)}}]]),
    "api.json": json.dumps({"recenttracks": {"track": [{"artist": {"#text": "Moss"}, "name": "Slow Tide", "date": {"uts": str(AT)}}], "@attr": {"user": "ada"}}}),
    "player.log": f"#AUDIOSCROBBLER/1.1\n#TZ/UTC\n#CLIENT/Rockbox x $Revision$\nMoss\tLow Water\tSlow Tide\t3\t181\tL\t{AT}\t\n",
}  # fmt: skip


def test_the_same_play_in_every_format_is_one_play(db, tmp_path):
    for n, (name, content) in enumerate(EXACT.items()):
        report = read(db, tmp_path / name, content)
        assert (report.listens_new, report.listens_known, report.quarantined) == ((1, 0, 0) if n == 0 else (0, 1, 0)), name
    assert [row[:3] for row in plays(db)] == [("2023-07-26T05:06:00Z", "Slow Tide", "Low Water")]


def test_minutes_are_said_to_be_minutes(db, tmp_path):
    read(db, tmp_path / "b.csv", 'Moss,Low Water,Slow Tide,31 Dec 2017 23:04\nMoss,,"Tide, and ""More""",1 Jan 2018 00:10\n')
    assert plays(db) == [
        ("2017-12-31T23:04:00Z", "Slow Tide", "Low Water", '{"precision":"minute"}'),
        ("2018-01-01T00:10:00Z", 'Tide, and "More"', None, '{"precision":"minute"}'),
    ]


def test_local_times_are_moved_by_the_offset(db, tmp_path):
    read(db, tmp_path / "b.csv", "Moss,Low Water,Slow Tide,1 Jan 2018 01:04\n", utc_offset=120)
    read(db, tmp_path / "c.csv", f"artist,track,uts\nMoss,Slow Tide,{AT}\n", utc_offset=120)
    log = f"#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\nMoss\t\tTide\t\t\tL\t{AT + 7200}\t\nMoss\t\tOther\t\t\tS\t{AT + 7400}\t\n"
    read(db, tmp_path / ".scrobbler.log", log, utc_offset=120)
    rows = db.q("select listened_at, utc_offset_min, context from listens order by 1")
    assert [row["listened_at"] for row in rows] == [
        "2017-12-31T23:04:00Z",
        "2023-07-26T05:06:00Z",
        "2023-07-26T05:06:00Z",
        "2023-07-26T05:09:20Z",
    ]
    assert {row["utc_offset_min"] for row in rows} == {120}
    assert json.loads(rows[3]["context"]) == {"client": "Rockbox", "skipped": True}


def test_a_player_without_a_zone_is_remarked_on(db, tmp_path):
    log = (
        f'#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\nMoss\tA "quoted\tTide\t3\t181\tL\t{AT}\t{MBID}\n<Untagged>\t\tx\t\t\tL\t{AT}\t\nMoss\t\tTide\n'
    )
    report = read(db, tmp_path / "player.log", log)
    assert report.listens_new == 1 and any("no time zone" in note for note in report.notes)
    assert plays(db)[0][2] == 'A "quoted'
    assert any("without an artist" in reason for reason in refusals(db).values()) and report.quarantined == 2
    with pytest.raises(BadInput, match="utc_offset"):
        load.run(db, "lastfm", tmp_path / "player.log", utc_offset=5000)


def test_bad_rows_are_refused_one_by_one_with_a_reason(db, tmp_path):
    content = f"uts,artist,album,track\n{AT},Moss,,Tide\nsoon,Moss,,Tide\n100000000,Moss,,Tide\n{AT},,,Tide\n{AT},Moss,,\n{AT},Moss\n{AT},a,b,c,d,e,f\n,Moss,,Tide\n\nnan,M,,T\n{AT},Mo\0ss,,Ti\0de\n"
    report = read(db, tmp_path / "a.csv", content)
    assert report.listens_new == 2 and report.quarantined == 8
    said = " / ".join(refusals(db).values())
    for reason in ("no usable time", "broken clock", "without an artist", "without a title", "columns in place of", "without a time"):
        assert reason in said, reason


def test_lines_that_are_no_utf8_are_read_and_remarked_on(db, tmp_path):
    report = read(db, tmp_path / "a.csv", b"artist,track,uts\nBj\xf6rk,J\xf3ga,1690347960\n" + "Björk,Jóga 2,1690347961\n".encode())
    assert [row[1] for row in plays(db)] == ["Jóga", "Jóga 2"] and any("Windows-1252" in note for note in report.notes)
    assert db.value("select count(distinct artists) from platform_tracks") == 1


def test_ids_make_the_track_known(db, tmp_path):
    read(
        db,
        tmp_path / "a.csv",
        f"uts,artist,artist_mbid,album,album_mbid,track,track_mbid\n{AT},Moss,{MBID},Low,{MBID},Tide,{MBID}\n{AT + 200},Moss,x,Low,,Tide,not-an-id\n",
    )
    assert {row["external_id"][:5] for row in db.q("select external_id from platform_tracks")} == {MBID[:5], "text:"}
    assert json.loads(db.value("select said from platform_tracks where external_id = ?", [MBID]))["ids"]["mb_recording"] == MBID


def test_what_plays_now_is_no_scrobble(db, tmp_path):
    now = {"artist": {"#text": "Moss"}, "name": "Tide", "@attr": {"nowplaying": "true"}}
    then = {"artist": {"#text": "Moss"}, "name": "Tide", "date": {"uts": str(AT)}}
    report = read(db, tmp_path / "a.json", json.dumps({"recenttracks": {"track": [now, then]}}))
    assert report.listens_new == 1 and "playing now" in next(iter(refusals(db).values()))


def test_loved_tracks_are_a_list_with_the_oldest_first(db, tmp_path):
    items = [
        {
            "artist": {"name": "Moss", "mbid": ""},
            "date": {"uts": str(AT - n)},
            "mbid": "",
            "url": "https://www.last.fm/x",
            "name": f"Tide {n}",
        }
        for n in range(3)
    ]
    document = {"lovedtracks": {"track": items, "@attr": {"user": "ada", "total": "3"}}}
    report = read(db, tmp_path / "a.json", json.dumps(document))
    sql = "select t.title from platform_playlist_items as i join platform_tracks as t on t.id = i.platform_track_id where i.removed_at is null order by position"
    assert report.playlists == 1 and [row["title"] for row in db.q(sql)] == ["Tide 2", "Tide 1", "Tide 0"]
    document["lovedtracks"]["track"] = items[1:]
    read(db, tmp_path / "a.json", json.dumps(document))
    assert [row["title"] for row in db.q(sql)] == ["Tide 2", "Tide 1"]
    assert db.value("select kind from platform_playlists where external_id = 'export:loved:ada'") == "liked"


@pytest.mark.parametrize("name, content, hint", [
    ("bank.csv", "Date,Amount,Text\n2023-01-01,5,Rent\n", "give a CSV"),
    ("letter.txt", "Dear Ada,\nhow are you?\n", "give a CSV"),
    ("lb.jsonl", '{"listened_at": 1, "track_metadata": {}}\n', "musicdb import listenbrainz"),
    ("m.json", '{"maloja": {}, "scrobbles": []}', "musicdb import maloja"),
    ("none.csv", "", "give a CSV"),
])  # fmt: skip
def test_a_file_of_another_kind_is_not_read(db, tmp_path, name, content, hint):
    with pytest.raises(UnknownSource, match=hint):
        read(db, tmp_path / name, content)
    assert db.value("select count(*) from listens_raw") == 0 and refusals(db) == {}


def test_a_folder_is_read_file_by_file(db, tmp_path):
    (tmp_path / "a.csv").write_text(f"artist,track,uts\nMoss,Tide,{AT}\n")
    (tmp_path / "b.csv").write_text("Date,Amount\n1,2\n")
    (tmp_path / "c.json").write_text('{"lovedtracks": {"track": [{"name"')
    report = load.run(db, "lastfm", tmp_path)
    assert report.listens_new == 1 and set(refusals(db)) == {"b.csv", "c.json"}


def test_many_rows_come_in_pages(db, tmp_path):
    rows = "".join(f"Moss,Tide {n % 7},{AT + n}\n" for n in range(4500))
    assert read(db, tmp_path / "a.csv", "artist,track,uts\n" + rows).listens_new == 4500
    assert db.value("select count(*) from import_batches") == 3 and db.value("select count(*) from platform_tracks") == 7


def test_real_exports_import_whole(db, real_data):
    folder = real_data / "scrobbles" / "listenbrainz"
    counts = [
        load.run(db, "lastfm", folder / name)
        for name in ("librefm.csv", "librefm_no_album_column.csv", "librefm_with_comments.csv", "lastfm_loved_tracks_1.json")
    ]
    assert [(r.listens_new, r.listens_known, r.quarantined) for r in counts] == [(3, 0, 0), (2, 0, 0), (1, 2, 0), (0, 0, 0)]
    assert db.value("select count(*) from platform_playlist_items") == 5


def test_a_carriage_return_in_the_middle_of_the_first_line_is_no_table(db, tmp_path):
    # found by tests.resilience.fuzz_inputs
    (tmp_path / "a.csv").write_bytes(b"artist,tra\rck,uts\nMoss,Tide,1690347960\n")
    with pytest.raises(UnknownSource):
        load.run(db, "lastfm", tmp_path / "a.csv")


def test_local_times_of_a_place_follow_its_summer_time(db, tmp_path):
    log = "#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\nWren\t\tWinter\t1\t200\tL\t1705320000\t\nWren\t\tSummer\t1\t200\tL\t1721044800\t\n"
    (tmp_path / ".scrobbler.log").write_text(log)
    load.run(db, "lastfm", tmp_path / ".scrobbler.log", time_zone="Europe/Berlin")
    (tmp_path / "a.csv").write_text("uts,artist,track\n1721044800,Wren,True time\n")
    load.run(db, "lastfm", tmp_path / "a.csv", time_zone="Europe/Berlin")
    rows = db.q("select l.listened_at, l.utc_offset_min, t.title from listens as l join platform_tracks as t on t.external_id = l.track_external_id order by 1, 3")
    assert [tuple(r.values()) for r in rows] == [
        ("2024-01-15T11:00:00Z", 60, "Winter"), ("2024-07-15T10:00:00Z", 120, "Summer"), ("2024-07-15T12:00:00Z", 120, "True time"),
    ]  # fmt: skip
    assert {(r.day, r.hour) for r in db.q("select day, hour from listening_by_hour")} == {("2024-01-15", 12), ("2024-07-15", 12), ("2024-07-15", 14)}
    for bad in ({"time_zone": "Nowhere/Land"}, {"time_zone": "Europe/Berlin", "utc_offset": 60}):
        with pytest.raises(BadInput):
            load.run(db, "lastfm", tmp_path / "a.csv", **bad)
