from __future__ import annotations

import json
import re
import sys
import zipfile

import pytest

from musicdb import load
from musicdb.errors import BadInput, PayloadError, UnknownSource
from musicdb.platforms import _spotify_export, spotify
from musicdb.shapes import Complete, Page, Refused

ID = "4Zk1example0000000000"
FERRY = {"artist": "Marisol Ek", "album": "Harbour Lights", "track": "Slow Ferry", "uri": f"spotify:track:{ID}T1"}
BUS = {"artist": "AC/DC", "album": "Night", "track": "Night Bus", "uri": f"spotify:track:{ID}T2"}
LIBRARY = {
    "tracks": [FERRY, BUS],
    "albums": [{"artist": "Marisol Ek", "album": "Harbour Lights", "uri": f"spotify:album:{ID}L1"}],
    "shows": [{"name": "Night Bus Talks", "publisher": "Fennel Radio", "uri": f"spotify:show:{ID}A1"}],
    "episodes": [],
    "artists": [{"name": "Marisol Ek", "uri": f"spotify:artist:{ID}B2"}],
    "other": [],
}


def in_list(song, **more):
    names = {"trackName": song["track"], "artistName": song["artist"], "albumName": song["album"], "trackUri": song["uri"]}
    return {"track": names, "episode": None, "audiobook": None, "localTrack": None, "addedDate": "2024-03-01"} | more


LOCAL = in_list(FERRY, track=None, localTrack={"uri": "spotify:local:Dj+%C3%85ke:Tape+B:Untitled+%28Dub%29:254"})
EPISODE = in_list(FERRY, track=None, episode={"episodeName": "Episode 7", "showName": "Night Bus Talks", "episodeUri": "spotify:episode:1"})
EMPTY = in_list(FERRY, track=None)
PLAYLISTS = {
    "playlists": [
        {"name": "Warm-up", "lastModifiedDate": "2024-03-02", "items": [in_list(BUS), EPISODE, LOCAL, EMPTY, in_list(BUS)], "description": None},
        {"name": "Warm-up", "lastModifiedDate": "2024-03-02", "items": [], "description": "the second of that name"},
        {"name": "2019", "tracks": [{"trackName": "Slow Ferry", "artistName": "Marisol Ek", "albumName": "x"}]},
    ]
}


def play(ts="2021-05-10T11:03:21Z", **more):
    return {
        "ts": ts,
        "username": "fennel",
        "platform": "ios",
        "ms_played": 200_100,
        "conn_country": "ZZ",
        "ip_addr": "192.0.2.1",
        "master_metadata_track_name": "Slow Ferry",
        "master_metadata_album_artist_name": "Marisol Ek",
        "master_metadata_album_album_name": "Harbour Lights",
        "spotify_track_uri": f"spotify:track:{ID}T1",
        "episode_name": None,
        "episode_show_name": None,
        "spotify_episode_uri": None,
        "reason_start": "clickrow",
        "reason_end": "trackdone",
        "shuffle": False,
        "skipped": None,
        "offline": False,
        "offline_timestamp": 0,
        "incognito_mode": False,
    } | more


NO_TRACK = dict.fromkeys(k for k in play() if k.startswith("master_") or k == "spotify_track_uri")
TALK = play(**NO_TRACK, episode_name="Episode 7", episode_show_name="Night Bus Talks", spotify_episode_uri="spotify:episode:E7")
BOOK = play(**NO_TRACK, audiobook_title="The Tide Tables", audiobook_chapter_title="2", audiobook_chapter_uri="spotify:chapter:K2")
SHORT = {"endTime": "2024-01-15 14:30", "artistName": "Marisol Ek", "trackName": "Slow Ferry", "msPlayed": 200_100}
SHORT_TALK = {"endTime": "2024-01-15 15:10", "podcastName": "Night Bus Talks", "episodeName": "Episode 7", "msPlayed": 60_000}

ACCOUNT = {
    "Spotify Account Data/YourLibrary.json": LIBRARY,
    "Spotify Account Data/Playlist1.json": PLAYLISTS,
    "Spotify Account Data/StreamingHistory_music_0.json": [SHORT],
    "Spotify Account Data/StreamingHistory_podcast_0.json": [SHORT_TALK],
    "Spotify Account Data/StreamingHistory_audiobook_0.json": [],
    "Spotify Account Data/Userdata.json": {"username": "fennel", "email": "private"},
    "Spotify Account Data/Wrapped2024.json": {},
    "__MACOSX/Spotify Account Data/._YourLibrary.json": "junk",
}
EXTENDED = {
    "Spotify Extended Streaming History/Streaming_History_Audio_2019-2021_0.json": [play(), TALK, BOOK, play("2021-05-10T12:00:00Z")],
    "Spotify Extended Streaming History/Streaming_History_Video_2020.json": [play(**NO_TRACK)],
}


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def zipped(path, files, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def fetched(path, kind=Page):
    return [item for item in spotify.fetch(path) if isinstance(item, kind)]


def rows_of(path, row=None):
    found = [r for page in fetched(path) for payload in page.payloads for r in spotify.rows(page.kind, payload)]
    return [r for r in found if row in (None, r["row"])]


def listen(payload):
    return next(row for row in spotify.rows("play", payload) if row["row"] == "listen")


# ---------- library and playlists
def test_the_library_becomes_the_list_of_liked_songs_and_releases(tmp_path):
    rows = rows_of(written(tmp_path / "YourLibrary.json", LIBRARY))
    liked, *others = rows
    assert (liked["external_id"], liked["kind"]) == ("export:liked", "liked")
    assert liked["metadata"]["shows"] == LIBRARY["shows"] and "tracks" not in liked["metadata"]
    first = others[0]
    assert first == {
        "row": "track",
        "external_id": f"{ID}T1",
        "title": "Slow Ferry",
        "artists": ["Marisol Ek"],
        "album": "Harbour Lights",
        "duration_ms": None,
        "uri": FERRY["uri"],
        "said": {"title": "Slow Ferry", "artists": ["Marisol Ek"], "album": "Harbour Lights", "ids": {"spotify": f"{ID}T1"}},
        "in_library": True,
        "kind": "track",
        "metadata": FERRY,
    }
    items = [(r["playlist_external_id"], r["position"], r["track_external_id"]) for r in others if r["row"] == "playlist_item"]
    assert items == [("export:liked", 0, f"{ID}T1"), ("export:liked", 1, f"{ID}T2")]
    assert [(r["external_id"], r["title"], r["said"]["artists"]) for r in others if r["row"] == "release"] == [
        (f"{ID}L1", "Harbour Lights", ["Marisol Ek"])
    ]


def test_playlists_keep_order_and_repeats_and_leave_podcasts_aside(tmp_path):
    rows = rows_of(written(tmp_path / "Playlist1.json", PLAYLISTS))
    lists = [r for r in rows if r["row"] == "playlist"]
    assert [(r["external_id"], r["position"]) for r in lists] == [("export:Warm-up", 0), ("export:Warm-up#2", 1), ("export:2019", 2)]
    assert (lists[0]["remote_updated_at"], lists[1]["description"]) == ("2024-03-02", "the second of that name")
    head = next(p for page in fetched(tmp_path / "Playlist1.json") if page.kind == "playlist" for p in page.payloads)
    assert head["other_items"] == [{"position": 1, "item": EPISODE}, {"position": 3, "item": EMPTY}]
    nameless = spotify.nameless_id("Marisol Ek", "Slow Ferry")
    assert [(r["playlist_external_id"], r["position"], r["track_external_id"], r["added_at"]) for r in rows if r["row"] == "playlist_item"] == [
        ("export:Warm-up", 0, f"{ID}T2", "2024-03-01"),
        ("export:Warm-up", 1, LOCAL["localTrack"]["uri"], "2024-03-01"),
        ("export:Warm-up", 2, f"{ID}T2", "2024-03-01"),
        ("export:2019", 0, nameless, None),
    ]
    local = next(r for r in rows if r["row"] == "track" and r["external_id"].startswith("spotify:local:"))
    assert local["said"] == {"title": "Untitled (Dub)", "artists": ["Dj Åke"], "album": "Tape B", "duration_ms": 254_000}


def test_only_library_and_playlists_together_are_all_lists(tmp_path):
    together = zipped(tmp_path / "my_spotify_data.zip", ACCOUNT)
    assert [(end.of, end.within) for end in fetched(together, Complete)] == [
        ("playlist_item", "export:liked"),
        ("collection_item", "export:saved"),
        ("playlist_item", "export:Warm-up"),
        ("playlist_item", "export:Warm-up#2"),
        ("playlist_item", "export:2019"),
        ("playlist", "export:"),
    ]
    alone = written(tmp_path / "YourLibrary.json", LIBRARY)
    assert [end.of for end in fetched(alone, Complete)] == ["playlist_item", "collection_item"]


def test_a_stored_payload_reads_the_same_whichever_file_said_it():
    library, in_playlist, extended = (spotify.payload(json.dumps(p)) for p in (FERRY, in_list(FERRY)["track"], play()))
    assert library == in_playlist == extended
    assert library == {"uri": FERRY["uri"], "track": "Slow Ferry", "artist": "Marisol Ek", "album": "Harbour Lights", "id": f"{ID}T1"}
    with pytest.raises(PayloadError):
        spotify.payload("[")


# ---------- plays
def test_a_play_starts_where_it_ended_less_what_was_played():
    assert listen(play())["listened_at"] == "2021-05-10T11:00:01Z"
    assert listen(play(ms_played=None)) | {"context": 0} == {
        "row": "listen",
        "listened_at": "2021-05-10T11:03:21Z",
        "ms_played": None,
        "source_item": f"{ID}T1",
        "track_external_id": f"{ID}T1",
        "context": 0,
    }
    assert listen(play())["context"] == {
        "reason_start": "clickrow",
        "reason_end": "trackdone",
        "shuffle": False,
        "offline": False,
        "platform": "ios",
        "incognito": False,
    }


@pytest.mark.parametrize(
    "offline, stamp, start",
    [
        (True, 1620640000, "2021-05-10T09:46:40Z"),  # seconds
        (True, 1620640000123, "2021-05-10T09:46:40Z"),  # milliseconds
        (True, 0, "2021-05-10T11:00:01Z"),  # none
        (True, None, "2021-05-10T11:00:01Z"),
        (True, 4000000000, "2021-05-10T11:00:01Z"),  # long after the play was sent: a wrong clock
        (False, 1620640000, "2021-05-10T11:00:01Z"),  # online: when the app last was offline, or when it started
    ],
)
def test_a_play_made_offline_starts_at_its_offline_timestamp(offline, stamp, start):
    assert listen(play(offline=offline, offline_timestamp=stamp))["listened_at"] == start


def test_the_account_layout_is_exact_to_the_minute_and_has_no_ids():
    track, found = spotify.rows("play", SHORT)
    assert found == {
        "row": "listen",
        "listened_at": "2024-01-15T14:26:40Z",
        "ms_played": 200_100,
        "source_item": track["external_id"],
        "track_external_id": track["external_id"],
        "context": {"precision": "minute"},
    }
    assert track["external_id"] == spotify.nameless_id("marisol ek ", "SLOW FERRY") and track["in_library"] is False
    assert track["metadata"] == {"artistName": "Marisol Ek", "trackName": "Slow Ferry"}


def test_a_listened_track_does_not_repeat_what_is_private_to_the_play():
    track = next(spotify.rows("play", play()))
    assert set(track["metadata"]) == {k for k in play() if k.startswith("master_")} | {"spotify_track_uri"}


@pytest.mark.parametrize(
    "sent, item, context",
    [
        (TALK, "spotify:episode:E7", {"content": "episode", "show": "Night Bus Talks", "title": "Episode 7"}),
        (BOOK, "spotify:chapter:K2", {"content": "audiobook", "show": "The Tide Tables", "title": "2"}),
        (SHORT_TALK, spotify.nameless_id("Night Bus Talks", "Episode 7"), {"content": "episode", "title": "Episode 7"}),
        (play(**NO_TRACK), "", {"content": "unknown"}),
    ],
)
def test_podcasts_and_audiobooks_are_no_tracks(sent, item, context):
    [row] = spotify.rows("play", sent)
    assert row["source_item"] == item and "track_external_id" not in row and context.items() <= row["context"].items()


def test_a_track_that_lost_its_name_is_called_by_its_uri():
    track = next(spotify.rows("play", play(**NO_TRACK | {"spotify_track_uri": f"spotify:track:{ID}T9"})))
    assert track["title"] == f"spotify:track:{ID}T9" and "title" not in track["said"]


@pytest.mark.parametrize("ts", [None, "", "yesterday", 5, "9999-99-99", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_play_without_a_usable_time_is_refused(ts):
    with pytest.raises(PayloadError):
        list(spotify.rows("play", play(ts)))


# ---------- files
@pytest.mark.parametrize(
    "name, form",
    [
        ("YourLibrary.json", "library"),
        ("YourLibrary1.json", "library"),
        ("Playlist1.json", "playlists"),
        ("Playlist2 (1).json", "playlists"),
        ("StreamingHistory0.json", "history"),
        ("StreamingHistory_music_0.json", "history"),
        ("StreamingHistory_podcast_0.json", "history"),
        ("StreamingHistory_audiobook_0.json", "history"),
        ("endsong.json", "history"),
        ("endsong_12.json", "history"),
        ("Streaming_History_Audio_2019-2020_1.json", "history"),
        ("Streaming_History_Video_2018-2024.json", "history"),
    ],
)
def test_names_old_and_new_are_known(tmp_path, name, form):
    members, refused, _ = _spotify_export.find(zipped(tmp_path / "x.zip", {f"MyData/{name}": []}))
    assert [member.form for member in members] == [form] and not refused


@pytest.mark.parametrize("pack", ["zip", "folder"])
def test_zip_and_folder_say_the_same_and_name_what_they_do_not_read(tmp_path, pack):
    files = ACCOUNT | EXTENDED | {"MyData/notes.json": {"a": 1}, "MyData/my plays.json": [play("2020-01-01T00:00:00Z")]}
    if pack == "zip":
        path = zipped(tmp_path / "export.zip", files)
    else:
        path = tmp_path / "export"
        for name, content in files.items():
            written(path / name, content)
    kinds = [(page.kind, len(page.payloads)) for page in fetched(path)]
    assert kinds == [
        ("library", 1),
        ("liked_track", 2),
        ("album", 1),
        ("playlist", 1),
        ("playlist_item", 3),
        ("playlist", 1),
        ("playlist", 1),
        ("playlist_item", 1),
        ("play", 1),  # "my plays.json": by its first item
        ("play", 1),
        ("play", 1),
        ("play", 4),
        ("play", 1),
    ]
    assert [(r.kind, r.item) for r in fetched(path, Refused)] == [("file", "MyData/notes.json")]


def test_a_broken_member_is_refused_and_the_rest_is_read(tmp_path):
    files = ACCOUNT | {"MyData/endsong_0.json": json.dumps([play(), play()]).encode()[:-30], "MyData/endsong_1.json": [play()]}
    path = zipped(tmp_path / "export.zip", files)
    assert [r.item for r in fetched(path, Refused)] == ["MyData/endsong_0.json"]
    assert sum(len(page.payloads) for page in fetched(path) if page.kind == "play") == 4  # what stands before the break, too
    assert {end.of for end in fetched(path, Complete)} == {"playlist_item", "collection_item"}


@pytest.mark.parametrize(
    "name, content, error, words",
    [
        ("endsong_0.json", json.dumps([play(), play()]).encode()[:-30], BadInput, "cut off"),
        ("endsong_0.json", b"", BadInput, "empty"),
        ("endsong_0.json", b"{}", BadInput, "no JSON array"),
        ("endsong_0.json", b"[" * 100_000 + b"]", BadInput, "cut off or no JSON"),
        ("endsong_0.json", b"[1, 2} 3]", BadInput, "cut off or no JSON"),
        ("YourLibrary.json", json.dumps(LIBRARY).encode()[:-9], BadInput, "no JSON, or cut off"),
        ("YourLibrary.json", b"[" * 100_000, BadInput, "no JSON, or cut off"),
        ("YourLibrary.json", b"[]", BadInput, "not what its name says"),
        ("Playlist1.json", b'{"playlists": null}', BadInput, "not what its name says"),
        ("album.json", b'{"tracks": {"items": []}, "albums": {}}', UnknownSource, "album.json"),
        ("tracks.json", b'{"tracks": [{"id": "1", "track": 1}]}', UnknownSource, "tracks.json"),
        ("empty list.json", b"[]", UnknownSource, "empty list.json"),
        ("words.md", b"| 1 | [Slow Ferry](https://open.spotify.com/) |", UnknownSource, "words.md"),
        ("picture.json", bytes(range(256)), UnknownSource, "picture.json"),
        ("export.zip", b"no zip", UnknownSource, "no zip archive"),
        ("export.zip", b"PK\x03\x04" + bytes(50), UnknownSource, "no zip archive"),
    ],
)
def test_a_file_that_is_none_says_so(tmp_path, name, content, error, words):
    with pytest.raises(error, match=words) as raised:
        list(spotify.fetch(written(tmp_path / name, content)))
    assert isinstance(raised.value, UnknownSource) == (error is UnknownSource) and name in str(raised.value)


def test_a_missing_path_and_an_empty_folder_say_what_to_give(tmp_path):
    for source, words in [(tmp_path / "none.zip", "does not exist"), (tmp_path, "holds nothing"), ("a\0b", "cannot be read")]:
        with pytest.raises(BadInput, match=words):
            list(spotify.fetch(source))
    zipped(tmp_path / "my_spotify_data.zip", ACCOUNT)
    with pytest.raises(UnknownSource, match=re.escape("my_spotify_data.zip: give the zip itself")):
        list(spotify.fetch(tmp_path))
    with pytest.raises(UnknownSource, match="holds nothing"):
        list(spotify.fetch(zipped(tmp_path / "other.zip", {"readme.txt": b"hello", "data.json": {}})))


def test_an_encrypted_member_is_refused(tmp_path):
    path = zipped(tmp_path / "x.zip", {"endsong_0.json": [play()], "endsong_1.json": [play()]})
    data = bytearray(path.read_bytes())
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the first member's flags, in both of its headers
        data[data.index(mark) + flag] |= 1
    path.write_bytes(data)
    assert [(r.item, r.reason) for r in fetched(path, Refused)] == [("endsong_0.json", "endsong_0.json is encrypted")]
    assert len(rows_of(path, "listen")) == 1


def test_a_zip_bomb_is_left_where_it_starts_to_swell(tmp_path, monkeypatch):
    monkeypatch.setattr(_spotify_export, "RATIO_FROM", 8 << 20)
    one = json.dumps(play()).encode()
    bombs = {
        "endsong_0.json": b"[" + one + b" " * (40 << 20) + b"]",
        "endsong_1.json": b"[" + b",".join([one] * 60_000) + b"]",
        "YourLibrary.json": b'{"tracks": [' + b" " * (40 << 20) + b"]}",
        "endsong_2.json": [play()],
    }
    path = zipped(tmp_path / "bomb.zip", bombs)
    reasons = {r.item: r.reason for r in fetched(path, Refused)}
    assert reasons.keys() == bombs.keys() - {"endsong_2.json"}
    assert all("MiB" in reason for reason in reasons.values()), reasons


def test_links_and_devices_in_a_folder_are_not_followed(tmp_path):
    written(tmp_path / "real" / "endsong_0.json", [play()])
    written(tmp_path / "outside.json", [play()])
    try:
        (tmp_path / "real" / "endsong_1.json").symlink_to(tmp_path / "outside.json")
    except OSError:
        pytest.skip("this system lets nobody make links")
    assert len(rows_of(tmp_path / "real", "listen")) == 1


# ---------- decoding piece by piece
@pytest.mark.parametrize("chunk", [16, 100, 999, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_pieces_of_any_size_give_the_same_plays(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(_spotify_export, "CHUNK", chunk)
    odd = ['a }, { b', "ü" * 40, 'quote " and \\ back', "あ🚌", ""]
    plays = [play(master_metadata_track_name=name, ms_played=n) for n, name in enumerate(odd * 5)] + [None, 7, {"a": [{"b": 1}, {"c": 2}]}]
    text = json.dumps(plays, ensure_ascii=False, indent=indent)
    path = tmp_path / "endsong_0.json"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\n")
    assert [payload for page in fetched(path) for payload in page.payloads] == plays


def test_half_a_character_or_a_foreign_byte_spoils_one_play_only(db, tmp_path):
    good, bad = json.dumps(play()), json.dumps(play("2021-01-01T00:00:00Z", master_metadata_track_name="?"))
    data = f"[{good}, {bad}, {bad}, {good.replace('2021-05', '2021-06')}]".encode()
    data = data.replace(b"?", b"\\ud800", 1).replace(b"?", b"\xe9", 1)
    report = load.run(db, "spotify", written(tmp_path / "endsong_0.json", data))
    assert (report.listens_new, report.quarantined) == (2, 1)


def test_a_long_history_takes_little_memory(tmp_path):
    one = json.dumps(play()).encode()
    path = tmp_path / "endsong_0.json"
    with path.open("wb") as file:
        file.write(b"[" + one)
        for _ in range(60_000):
            file.write(b",\n" + one)
        file.write(b"]")
    resource = pytest.importorskip("resource", reason="this system does not tell how much memory was used")
    scale = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    assert sum(len(page.payloads) for page in spotify.fetch(path)) == 60_001
    assert path.stat().st_size > 35_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale - before < 30_000_000


# ---------- into the database
TABLES = "platform_tracks platform_releases platform_playlists platform_playlist_items listens_raw listens changes observation_changes quarantine"


def content(db):
    return {table: db.execute(f"select * from {table} order by 1").fetchall() for table in TABLES.split()}


def test_importing_twice_changes_nothing(db, tmp_path):
    path = zipped(tmp_path / "export.zip", ACCOUNT | EXTENDED)
    report = load.run(db, "spotify", path)
    before = content(db)
    assert {table: len(rows) for table, rows in before.items()} == {
        "platform_tracks": 4,
        "platform_releases": 1,
        "platform_playlists": 4,
        "platform_playlist_items": 6,
        "listens_raw": 7,
        "listens": 3,
        "changes": 0,
        "observation_changes": 0,
        "quarantine": 0,
    }
    assert (report.new, report.listens_new, report.other_plays) == (4, 3, 4)
    again = load.run(db, "spotify", path)
    assert content(db) == before and (again.new, again.changed, again.listens_new, again.vanished) == (0, 0, 0, 0)


def test_overlapping_files_and_same_second_plays(db, tmp_path):
    other = {"spotify_track_uri": f"spotify:track:{ID}T7", "master_metadata_track_name": "Other"}
    folder = tmp_path / "export"
    written(folder / "endsong_0.json", [play(), play(**other)])  # the same second, two tracks
    written(folder / "endsong_1.json", [play(), play(), play("2021-05-11T00:00:00Z")])
    report = load.run(db, "spotify", folder)
    assert (report.listens_new, report.listens_known) == (3, 2)
    assert db.value("select count(distinct track_external_id) from listens where listened_at = '2021-05-10T11:00:01Z'") == 2


@pytest.mark.parametrize("order", [("library", "plays"), ("plays", "library")])
def test_a_play_never_takes_a_track_out_of_the_library(db, tmp_path, order):
    files = {"library": written(tmp_path / "YourLibrary.json", LIBRARY), "plays": written(tmp_path / "endsong_0.json", [play()])}
    for name in order:
        load.run(db, "spotify", files[name])
    assert db.one("select in_library, metadata from platform_tracks where external_id = ?", [f"{ID}T1"]) == {
        "in_library": 1,
        "metadata": json.dumps(FERRY, separators=(",", ":")),
    }
    before = content(db)
    for name in order:
        load.run(db, "spotify", files[name])
    assert content(db) == before


def test_bad_items_are_quarantined_and_the_rest_goes_on(db, tmp_path):
    library = LIBRARY | {"tracks": [FERRY, None, {"artist": "nobody"}, BUS, {"track": 7}], "albums": ["x"]}
    report = load.run(db, "spotify", written(tmp_path / "YourLibrary.json", library))
    assert (report.new, report.quarantined) == (2, 4)
    assert {row["item"] for row in db.q("select item from quarantine where kind = 'liked_track'")} == {"liked #2", "liked #3", "liked #5"}


def test_real_exports_import_and_every_other_file_is_refused_by_name(db, real_data):
    expected = {"spotify_streaming_2023.json": 5, "spotify_streaming_endsong_0.json": 5, "spotify_skipped_tracks.json": 15}
    files = [path for path in sorted((real_data / "spotify").rglob("*")) if path.is_file()]
    assert {path.name for path in files} > expected.keys()
    for path in files:
        if path.name in expected:
            report = load.run(db, "spotify", path)
            assert report.listens_new + report.listens_known == expected[path.name] and not report.quarantined
        else:
            with pytest.raises(UnknownSource, match=re.escape(path.name)):
                load.run(db, "spotify", path)
    before = content(db)
    for path in files:
        if path.name in expected:
            load.run(db, "spotify", path)
    assert content(db) == before and len(before["listens"]) == 22


def test_a_file_whose_packing_was_damaged_is_refused_and_the_others_are_read(tmp_path):
    # found by tests.resilience.fuzz_inputs: a bit made "deflated" into "LZMA"
    path = zipped(tmp_path / "a.zip", {"endsong_0.json": [play()], "endsong_1.json": [play()]})
    data = bytearray(path.read_bytes())
    for at in (data.find(b"PK\x03\x04") + 8, data.find(b"PK\x01\x02") + 10):
        data[at] = 14
    path.write_bytes(data)
    assert [refused.item for refused in fetched(path, Refused)] == ["endsong_0.json"]
    assert len(rows_of(path, "listen")) == 1
