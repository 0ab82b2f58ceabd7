from __future__ import annotations

import time

import pytest

from musicdb import load
from musicdb.errors import BadInput, UnknownSource
from musicdb.platforms import itunes
from musicdb.shapes import Note, Page

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" '
    '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict><key>Major Version</key><integer>1</integer>'
)


def plist(value):
    match value:
        case bool():
            return f"<{str(value).lower()}/>"
        case int():
            return f"<integer>{value}</integer>"
        case dict():
            return "<dict>" + "".join(f"<key>{key}</key>{plist(inner)}" for key, inner in value.items()) + "</dict>"
        case list():
            return "<array>" + "".join(map(plist, value)) + "</array>"
        case bytes():
            return f"<data>\n{value.decode()}\n</data>"
        case str() if value.endswith("Z"):
            return f"<date>{value}</date>"
    return f"<string>{value}</string>"


def track(number, **said):
    return {"Track ID": number, "Persistent ID": f"P{number}", "Name": f"Song {number}", "Artist": "Marisol Ek"} | said


TRACKS = {
    "1": track(1, Rating=80, Location="file://localhost/C:/Music/a%20b.mp3", **{"Play Count": 7, "Total Time": 372000}),
    "2": track(
        2, Rating=60, Location="file:///Users/fennel/%E3%81%82.m4a", **{"Rating Computed": True, "Date Added": "2014-04-24T09:28:38Z"}
    ),
    "3": track(3, Podcast=True),
}
LISTS = [
    {"Name": "Library", "Master": True, "Playlist ID": 1, "Playlist Persistent ID": "M", "Playlist Items": [{"Track ID": 1}]},
    {"Name": "Music", "Distinguished Kind": 4, "Playlist ID": 2, "Playlist Persistent ID": "D"},
    {"Name": "Sets", "Folder": True, "Playlist ID": 3, "Playlist Persistent ID": "F", "Playlist Items": [{"Track ID": 1}]},
    {"Name": "Friday", "Playlist ID": 4, "Playlist Persistent ID": "L", "Parent Persistent ID": "F",
     "Playlist Items": [{"Track ID": n} for n in (2, 1, 3, 2, 99)]},
    {"Name": "Fast", "Playlist ID": 5, "Playlist Persistent ID": "S", "Smart Info": b"AQEA\n\tAAM=", "Smart Criteria": b"U0xzdA=="},
]  # fmt: skip


@pytest.fixture
def library(tmp_path):
    def write(tracks=TRACKS, lists=LISTS, text=None):
        path = tmp_path / "Library.xml"
        body = f"{HEAD}<key>Tracks</key>{plist(tracks)}<key>Playlists</key>{plist(lists)}</dict></plist>\n"
        path.write_bytes(text if isinstance(text, bytes) else (body if text is None else text).encode())
        return path

    return write


def places(db, name):
    sql = (
        "select i.position, t.external_id from platform_playlists as p join platform_playlist_items as i on i.platform_playlist_id = p.id "
        "join platform_tracks as t on t.id = i.platform_track_id where p.name = ? and i.removed_at is null order by i.position"
    )
    return [tuple(row.values()) for row in db.q(sql, [name])]


def test_tracks_playlists_folders_and_rules_come_in(db, library):
    report = load.run(db, "itunes", library())
    assert report.new == 2 and report.playlists == 3 and report.quarantined == 1
    assert report.notes == ["1 podcasts, films and the like left out", "2 lists that iTunes makes itself left out"]
    assert places(db, "Friday") == [(0, "P2"), (1, "P1"), (3, "P2")], "a podcast leaves its place free"
    lists = db.q(
        "select external_id, kind, parent_external_id, metadata ->> '$.playlist.\"Smart Info\"' as rules from platform_playlists order by external_id"
    )
    assert [tuple(row.values()) for row in lists] == [
        ("F", "folder", None, None),
        ("L", "playlist", "F", None),
        ("S", "smart", None, "AQEAAAM="),
    ]
    assert places(db, "Sets") == []


def test_a_second_import_changes_nothing(db, library):
    load.run(db, "itunes", library())
    again = load.run(db, "itunes", library())
    assert (again.new, again.changed, again.unchanged, again.vanished) == (0, 0, 2, 0)


def test_what_is_deleted_there_is_marked_as_gone(db, library):
    load.run(db, "itunes", library())
    report = load.run(db, "itunes", library({"1": TRACKS["1"]}, LISTS[:3]))
    assert report.vanished == 3
    gone = "select external_id from platform_tracks where missing_since is not null union all select external_id from platform_playlists where missing_since is not null"
    assert [row.external_id for row in db.q(gone)] == ["P2", "L", "S"]


def test_locations_ratings_and_times_are_understood():
    one, two = (next(itunes.rows("track", TRACKS[n]))["said"] for n in "12")
    assert (one["path"], one["rating"], one["play_count"], one["duration_ms"]) == ("C:/Music/a b.mp3", 4, 7, 372_000)
    assert two["path"] == "/Users/fennel/あ.m4a" and "rating" not in two and two["added_at"] == "2014-04-24T09:28:38Z"


@pytest.mark.parametrize(
    "text, error, words",
    [
        ("", UnknownSource, "empty"),
        ("not xml", UnknownSource, "no XML"),
        ("<DJ_PLAYLISTS></DJ_PLAYLISTS>", UnknownSource, "import rekordbox"),
        ("<plist><dict><key>CFBundleName</key><string>x</string></dict></plist>", UnknownSource, "without tracks"),
        (HEAD + "<key>Tracks</key><dict>", BadInput, "cut off"),
        (HEAD + "<key>Tracks</key><dict></array></dict></plist>", BadInput, "damaged"),
        ('<!DOCTYPE plist [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><plist><dict>&b;</dict></plist>', BadInput, "entities"),
        ('<!DOCTYPE plist [<!ENTITY x SYSTEM "file:///etc/passwd">]><plist><dict>&x;</dict></plist>', BadInput, "entities"),
        ("<plist>" + "<array>" * 200 + "</array>" * 200 + "</plist>", BadInput, "deep"),
        ("<plist><dict><key>Tracks</key>\xff".encode("latin-1") + b"</dict></plist>", BadInput, "damaged"),
    ],
)
def test_what_is_no_library_or_hostile_is_refused(library, text, error, words):
    with pytest.raises(error, match=words):
        list(itunes.fetch(library(text=text)))


def test_a_missing_library_names_the_way_to_one(tmp_path):
    with pytest.raises(BadInput, match="Export Library"):
        list(itunes.fetch(None, home=tmp_path))
    with pytest.raises(BadInput, match="does not exist"):
        list(itunes.fetch(tmp_path / "none.xml"))


def test_ten_thousand_tracks_are_read_in_seconds(library):
    tracks = {str(n): track(n, Rating=100, Location=f"file:///Music/{n}.mp3") for n in range(10_000)}
    lists = [{"Name": "all", "Playlist Persistent ID": "A", "Playlist Items": [{"Track ID": n} for n in range(10_000)]}]
    path = library(tracks, lists)
    begun = time.process_time()
    pages = [item for item in itunes.fetch(path) if isinstance(item, Page)]
    assert time.process_time() - begun < 5
    assert sum(len(page.payloads) for page in pages if page.kind == "track") == 10_000 and len(pages[-1].payloads[0]["tracks"]) == 10_000


@pytest.mark.parametrize("name, first", [("unix", "/Music/Alt-J/"), ("windows", "G:/Music/Alt-J/")])
def test_the_public_libraries_are_read(real_data, name, first):
    pages = list(itunes.fetch(real_data / f"other/beets/itunes_library_{name}.xml"))
    rows = [
        next(itunes.rows("track", payload))
        for page in pages
        if isinstance(page, Page) and page.kind == "track"
        for payload in page.payloads
    ]
    assert [row["title"] for row in rows] == ["Tessellate", "Breezeblocks", "❦ (Ripe & Ruin)"] and rows[0]["said"]["path"].startswith(first)
    assert [item.text for item in pages if isinstance(item, Note)] == ["2 lists that iTunes makes itself left out"]
