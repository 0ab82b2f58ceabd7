from __future__ import annotations

import pytest

from musicdb import load
from musicdb.errors import BadInput, UnknownSource
from musicdb.platforms import m3u
from musicdb.shapes import Note, Page

LIST = '#EXTM3U\n#PLAYLIST:Friday\n#EXTINF:372,Marisol Ek - Slow Ferry\n{a}\n#EXTINF:-1 tvg-id="x",Harbour Radio\nhttp://radio.example/live.mp3\n{b}\n{a}\n'


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "Music"
    folder.mkdir()
    for name in ("Slow Ferry.mp3", "Nächte.mp3", "100% pure.mp3"):
        (folder / name).write_bytes(b"x")
    return folder


def written(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def places(path):
    pages = [item for item in m3u.fetch(path) if isinstance(item, Page)]
    return next(page.payloads[0]["tracks"] for page in pages if page.kind == "list")


def stored(db, name="Friday"):
    sql = (
        "select t.external_id from platform_playlists as p join platform_playlist_items as i on i.platform_playlist_id = p.id "
        "join platform_tracks as t on t.id = i.platform_track_id where p.name = ? and i.removed_at is null order by i.position"
    )
    return [row.external_id for row in db.q(sql, [name])]


def test_a_list_keeps_its_order_repeats_and_name(db, music):
    path = written(music / "lists/one.m3u8", LIST.format(a="../Slow Ferry.mp3", b="../Nächte.mp3"))
    report = load.run(db, "m3u", path)
    ferry, night = str(music / "Slow Ferry.mp3"), str(music / "Nächte.mp3")
    assert stored(db) == [ferry, "http://radio.example/live.mp3", night, ferry]
    assert report.quarantined == 0 and not report.notes
    track = db.one(
        "select title, artists, duration_ms, said ->> 'path' as path, in_library from platform_tracks where external_id = ?", [ferry]
    )
    assert track == {"title": "Slow Ferry", "artists": '["Marisol Ek"]', "duration_ms": 372_000, "path": ferry, "in_library": 1}
    assert db.value("select in_library from platform_tracks where title = 'Harbour Radio'") == 0


def test_a_second_import_changes_nothing_and_a_shorter_list_removes_places(db, music):
    path = written(music / "one.m3u8", LIST.format(a="Slow Ferry.mp3", b="Nächte.mp3"))
    load.run(db, "m3u", path)
    before = db.q("select * from platform_tracks").__repr__(), stored(db)
    again = load.run(db, "m3u", path)
    assert (again.new, again.changed) == (0, 0) and (db.q("select * from platform_tracks").__repr__(), stored(db)) == before
    written(path, "#PLAYLIST:Friday\nSlow Ferry.mp3\n")
    load.run(db, "m3u", path)
    assert stored(db) == [str(music / "Slow Ferry.mp3")]
    assert db.value("select title from platform_tracks where external_id like '%Ferry.mp3'") == "Slow Ferry", "what EXTINF said is kept"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"]
)  # fmt: skip
def test_encodings_are_told_apart(music, encoding):
    assert places(written(music / "one.m3u", "#EXTM3U\r\nNächte.mp3\r\n", encoding)) == [str(music / "Nächte.mp3")]


@pytest.mark.parametrize(
    "line, path",
    [
        ("100% pure.mp3", "{music}/100% pure.mp3"),
        ("Slow%20Ferry.mp3", "{music}/Slow Ferry.mp3"),
        (".\\Slow Ferry.mp3", "{music}/Slow Ferry.mp3"),
        ("..\\Other\\a.mp3", "{up}/Other/a.mp3"),
        ("AC/DC.mp3", "{music}/AC/DC.mp3"),
        ("C:\\Music\\a.mp3", "C:/Music/a.mp3"),
        ("\\\\nas\\music\\a.mp3", "//nas/music/a.mp3"),
        ("file:///Users/me/a%20b.mp3", "/Users/me/a b.mp3"),
        ("file://localhost/C:/Music/a.mp3", "C:/Music/a.mp3"),
        ("file://nas/music/a.mp3", "//nas/music/a.mp3"),
    ],
)
def test_a_line_leads_to_a_file(music, line, path):
    assert places(written(music / "one.m3u8", line + "\n")) == [path.format(music=music, up=music.parent)]


@pytest.mark.parametrize(
    "text, said",
    [
        ("372,Marisol Ek - Slow Ferry", (372, "Marisol Ek", "Slow Ferry")),
        ("-1,Radio", (None, None, "Radio")),
        ("12.6,A - B - C", (13, "A", "B - C")),
        ('5 group-title="a, b",X - Y', (5, "X", "Y")),
        ("no comma", (None, None, "no comma")),
        (",", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_extinf_is_length_artist_and_title(text, said):
    assert m3u.extinf(text) == said


def test_an_extinf_without_a_path_names_nothing():
    assert m3u.parse("#EXTINF:3,A - B\n#EXTINF:4,C - D\na.mp3\n#EXTINF:5,gone\n")[0] == [{"path": "a.mp3", "extinf": "4,C - D"}]


def test_folders_of_lists_become_playlist_folders(db, music):
    for name in ("Sets/2024/Friday.m3u8", "Sets/Saturday.m3u", "top.m3u"):
        written(music / "Lists" / name, str(music / "Slow Ferry.mp3"))
    written(music / "Lists/empty/readme.txt", "no list")
    load.run(db, "m3u", music / "Lists")
    rows = db.q(
        "select p.name, p.kind, q.name as folder from platform_playlists as p left join platform_playlists as q on q.external_id = p.parent_external_id order by p.external_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Sets", "folder", None), ("2024", "folder", "Sets"), ("Friday", "playlist", "2024"), ("Saturday", "playlist", "Sets"), ("top", "playlist", None),
    ]  # fmt: skip
    load.run(db, "m3u", music / "Lists/Sets/2024/Friday.m3u8")
    assert db.value("select parent_external_id is not null from platform_playlists where name = 'Friday'"), "alone it stays in its folder"


def test_a_bad_list_in_a_folder_stops_no_other(db, music):
    written(music / "good.m3u", "Slow Ferry.mp3")
    (music / "bad.m3u").write_bytes(b"\x00\x01\x02" * 100)
    report = load.run(db, "m3u", music)
    assert report.quarantined == 1 and report.playlists == 1 and "no M3U list" in db.value("select reason from quarantine")


@pytest.mark.parametrize(
    "content, error, words",
    [
        ("#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nseg1.ts\n", UnknownSource, "HLS"),
        ("<?xml version='1.0'?><plist/>", UnknownSource, "import itunes"),
        ("[playlist]\nFile1=a.mp3", UnknownSource, "no M3U"),
        ("a\0b", UnknownSource, "no M3U"),
    ],
)
def test_what_is_no_list_is_told_apart(tmp_path, content, error, words):
    with pytest.raises(error, match=words):
        list(m3u.fetch(written(tmp_path / "x.m3u", content)))


def test_a_text_of_another_kind_is_a_list_only_if_it_says_so(tmp_path):
    with pytest.raises(UnknownSource, match="no M3U"):
        list(m3u.fetch(written(tmp_path / "notes.md", "# Friday\na.mp3\n")))
    assert list(m3u.fetch(written(tmp_path / "list.txt", "#EXTM3U\na.mp3\n")))


def test_a_missing_or_huge_list_is_bad_input(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="does not exist"):
        list(m3u.fetch(tmp_path / "none.m3u"))
    monkeypatch.setattr(m3u, "MAX_BYTES", 10)
    with pytest.raises(BadInput, match="at most"):
        list(m3u.fetch(written(tmp_path / "x.m3u", "a.mp3\n" * 10)))


def test_files_that_are_not_here_are_counted(music):
    notes = [item.text for item in m3u.fetch(written(music / "x.m3u", "Slow Ferry.mp3\ngone.mp3\n")) if isinstance(item, Note)]
    assert notes == ["1 of 2 places name files that are not on this computer"]


def test_the_public_lists_are_read(real_data):
    folder = real_data / "other/beets"
    assert places(folder / "playlist_windows.m3u8") == ["x:/This/is/å/path/to_a_file.mp3", "x:/This/is/another/path/tö_a_file.mp3"]
    assert places(folder / "playlist.m3u8") == ["/This/is/å/path/to_a_file.mp3", "/This/is/another/path/tö_a_file.mp3"]
