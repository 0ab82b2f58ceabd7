"""A Tidal account over loopback through tidalapi: whole, resumable, polite, and never believed when it is odd."""

from __future__ import annotations

import json

import pytest

import musicdb
from musicdb import load, net, secrets
from musicdb.demo.tidal_account import USER, uid
from musicdb.errors import BadInput, LoginNeeded, PayloadError, RateLimited, SourceError, Transient
from musicdb.platforms import _tidal_rows, tidal

from .streaming import FAULTS, SLOW, Killed, content, copy_of, killed_at, pages_of, places, run, short_patience


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(net, "pause", lambda seconds: None)


@pytest.fixture
def small(replay):
    """Seven favourite tracks, two albums, three playlists of four places in two folders; three a page."""
    account = replay.tidal
    for name, size in (("favorites/tracks", 7), ("favorites/albums", 2), ("playlists", 3)):
        account.lists[name] = account.lists[name][:size]
    for _, made in account.lists["playlists"]:
        account.lists[f"playlists/{made['uuid']}"] = account.lists[f"playlists/{made['uuid']}"][:4]
    account.cap = 3
    return replay


def read(db, replay, **options):
    return run(db, replay, "tidal", **options)


def many(replay, size):
    """One playlist of `size` places, each track once."""
    account = replay.tidal
    first = copy_of(account.lists["favorites/tracks"][0]["item"])
    account.lists["playlists"].clear()
    key = account.add_playlist("Everything", [])
    account.lists[f"playlists/{key}"] = [
        {"item": first | {"id": 1000 + n, "title": f"No. {n}", "duration": 100}, "type": "track", "cut": None} for n in range(size)
    ]
    return key


def expected(replay, key):
    """(position, id) of the music in a list as the server has it."""
    return [(n, str(one["item"]["id"])) for n, one in enumerate(replay.tidal.lists[key]) if one.get("type", "track") == "track"]


# ---------- the whole account
def test_an_account_comes_whole(db, replay):
    report = read(db, replay)
    assert [p[:2] for p in places(db, "liked")] == expected(replay, "favorites/tracks")
    for _, made in replay.tidal.lists["playlists"]:
        assert [p[:2] for p in places(db, made["uuid"])] == expected(replay, f"playlists/{made['uuid']}"), made["title"]
    tree = dict(
        db.execute(
            "select a.name, b.name from platform_playlists as a left join platform_playlists as b on b.external_id = a.parent_external_id"
        )
    )
    assert tree["2023 and before"] == "DJ sets" and tree["Harbour 2022"] == "2023 and before" and tree["Kitchen"] == "Home"
    assert tree["Loose ends"] is tree["DJ sets"] is None
    saved = {f"saved:{one['item']['id']}" for one in replay.tidal.lists["favorites/albums"]}
    assert {r[0] for r in db.execute("select instance_id from collection_items where status = 'saved'")} == saved
    liked = json.loads(db.value("select metadata from platform_playlists where external_id = 'liked'"))
    assert len(liked["artists"]["followed"]) == len(replay.tidal.lists["favorites/artists"])
    assert (report.new, report.changed, report.quarantined, report.playlists) == (159, 0, 0, 12)
    assert not db.q("select 1 from platform_tracks group by external_id having count(*) > 1")
    row = db.one("select * from tidal_tracks where bpm is not null limit 1")
    assert row["isrc"] and row["musical_key"] and row["can_stream"] == 1 and row["audio_quality"] == "LOSSLESS" and row["track_no"]
    assert db.value("select source_url from platform_images limit 1").startswith("https://resources.tidal.com/images/")
    owners = dict(db.execute("select name, owner from platform_playlists where kind = 'playlist'"))
    assert owners["Undertow: The Label"] == "TIDAL"


@pytest.mark.parametrize("size, pages", [(0, 1), (50, 1), (51, 2), (120, 3)])
def test_favourites_of_any_length_are_asked_for_page_by_page(db, replay, size, pages):
    first = copy_of(replay.tidal.lists["favorites/tracks"][0])
    replay.tidal.lists["favorites/tracks"] = [first | {"item": first["item"] | {"id": 5000 + n}} for n in range(size)]
    read(db, replay)
    assert [p[:2] for p in places(db, "liked")] == [(n, str(5000 + n)) for n in range(size)]
    assert len([r for r, status in replay.log if r.path.endswith("favorites/tracks") and status == 200]) == pages


def test_an_empty_account_is_no_error(db, replay):
    for name in replay.tidal.lists:
        replay.tidal.lists[name] = []
    report = read(db, replay)
    assert (report.new, places(db), report.quarantined) == (0, [], 0)
    assert read(db, replay).vanished == 0


def test_a_playlist_of_5000_takes_100_requests_and_at_most_three_more(db, replay):
    key = many(replay, 5000)
    read(db, replay)
    assert [p[:2] for p in places(db, key)] == expected(replay, f"playlists/{key}")
    assert (
        100 <= len(replay.asked(key)) + len([1 for _, status in replay.log if status == 400]) + len(replay.asked("playlistsAnd")) - 1 <= 103
    )
    replay.clear()
    read(db, replay)
    assert replay.asked(key) == []


@pytest.mark.parametrize("cap", [1, 7, 100, 10_000])
def test_the_page_size_that_tidal_takes_is_found_out_once(db, replay, cap):
    replay.tidal.cap = cap
    read(db, replay)
    assert [p[:2] for p in places(db, "liked")] == expected(replay, "favorites/tracks")
    assert db.value("select count(*) from platform_playlists") == 12
    assert len([1 for _, status in replay.log if status == 400]) == (1 if cap < 100 else 0)


def test_a_second_run_changes_nothing_and_asks_little(db, replay):
    read(db, replay)
    before = content(db)
    replay.clear()
    report = read(db, replay)
    assert content(db) == before and (report.new, report.changed, report.vanished) == (0, 0, 0)
    assert len(replay.log) <= 11 and not replay.asked("v1/playlists/") and "--all" in report.notes[-1]
    read(db, replay, all=True)
    assert content(db) == before


def test_only_what_changed_is_read_again(db, replay):
    read(db, replay)
    first, second = (made for _, made in replay.tidal.lists["playlists"][:2])
    items = replay.tidal.lists[f"playlists/{first['uuid']}"]
    items.insert(2, items.pop(9))
    del items[5]
    replay.tidal.change(first["uuid"])
    replay.tidal.lists["playlists"] = [one for one in replay.tidal.lists["playlists"] if one[1] is not second]
    replay.clear()
    report = read(db, replay)
    assert {r.path.split("/")[2] for r in replay.asked("v1/playlists/")} == {first["uuid"]}
    assert [p[:2] for p in places(db, first["uuid"])] == expected(replay, f"playlists/{first['uuid']}") and report.vanished == 1


def test_a_playlist_that_moves_to_another_folder_is_not_read_again(db, replay):
    read(db, replay)
    place = next(n for n, (_, made) in enumerate(replay.tidal.lists["playlists"]) if made["title"] == "Kitchen")
    replay.tidal.lists["playlists"][place] = ("root", replay.tidal.lists["playlists"][place][1])
    replay.clear()
    read(db, replay)
    assert db.value("select parent_external_id from platform_playlists where name = 'Kitchen'") is None
    assert not replay.asked("v1/playlists/")


def test_a_video_in_place_of_a_track_leaves_a_gap(db, replay):
    key = many(replay, 4)
    read(db, replay)
    replay.tidal.lists[f"playlists/{key}"][1] |= {"type": "video"}
    replay.tidal.change(key)
    read(db, replay)
    assert [p[0] for p in places(db, key)] == [0, 2, 3]


def test_an_unavailable_track_keeps_what_was_known_of_it(db, replay):
    favourites = replay.tidal.lists["favorites/tracks"]
    place = next(n for n, one in enumerate(favourites) if one["item"].get("bpm"))
    track = favourites[place]["item"]
    read(db, replay)
    sql = "select isrc, json_extract(said, '$.bpm'), json_extract(said, '$.musical_key'), title from platform_tracks where external_id = ?"
    before = db.execute(sql, [str(track["id"])]).fetchone()
    gone = {k: v for k, v in track.items() if k not in ("isrc", "bpm", "key", "keyScale")} | {"allowStreaming": False, "streamReady": False}
    favourites[place] = favourites[place] | {"item": gone}
    report = read(db, replay, all=True)
    assert db.execute(sql, [str(track["id"])]).fetchone() == before and before[0] and report.changed == 0
    favourites[place] = favourites[place] | {"item": track | {"bpm": 77}}
    read(db, replay, all=True)
    assert db.execute(sql, [str(track["id"])]).fetchone()[1] == 77


def test_a_track_is_the_same_in_every_list(db, replay):
    read(db, replay)
    read(db, replay, all=True)
    assert db.value("select count(*) from observation_changes") == 0
    assert db.value("select count(*) from platform_tracks where json_type(metadata, '$.itemUuid') is not null") == 0


# ---------- killed, changed, moved
def test_killed_after_any_page_and_run_again_it_is_the_same(tmp_path, small):
    with musicdb.open(tmp_path / "whole.db") as db:
        pages = pages_of(lambda progress: read(db, small, progress=progress))
        whole = content(db)
    assert pages > 12
    for page in range(1, pages + 1):
        with musicdb.open(tmp_path / f"{page}.db") as db:
            with pytest.raises(Killed):
                read(db, small, progress=killed_at(page))
            read(db, small)
            assert content(db) == whole, f"killed after page {page}"


def test_a_resumed_list_asks_for_the_rest_only(db, replay):
    key = many(replay, 500)
    replay.fault(503, f"{key}/items.*offset=300", times=9)
    with pytest.raises(Transient, match="run the same again"):
        read(db, replay)
    replay.clear()
    read(db, replay)
    asked = [int(r.query["offset"]) for r, status in replay.log if r.path.endswith(f"{key}/items") and status == 200]
    assert asked == [300, 350, 400, 450]
    assert [p[:2] for p in places(db, key)] == expected(replay, f"playlists/{key}")


@pytest.mark.parametrize("more", [0, 1])
def test_a_playlist_that_changes_while_it_is_read_is_read_again(db, replay, more):
    key = many(replay, 120)
    items = replay.tidal.lists[f"playlists/{key}"]

    def edit():
        items.insert(0, items.pop())  # the same length: only lastUpdated tells
        items.extend(copy_of(items[:more]))
        replay.tidal.change(key)

    replay.fault("act", f"{key}/items.*offset=50", do=edit)
    read(db, replay)
    assert [p[:2] for p in places(db, key)] == expected(replay, f"playlists/{key}")


def test_a_short_page_is_no_end_and_no_error_of_the_rest(db, replay):
    key = many(replay, 120)
    replay.fault("short", f"{key}/items.*offset=50", times=99)
    report = read(db, replay)
    # Tidal leaves out what it may not show; the places after it are Tidal's
    assert [p[0] for p in places(db, key)] == [*range(75), *range(100, 120)]
    assert [n for n in report.notes if "95 of 120 announced items came; nothing was marked as gone" in n]
    replay.clear()
    read(db, replay)
    assert [p[:2] for p in places(db, key)] == expected(replay, f"playlists/{key}")


def test_without_folders_the_playlists_come_all_the_same(db, replay):
    read(db, replay)
    replay.fault(404, "v2/my-collection", times=99)
    report = read(db, replay)
    assert any("without their folders" in note for note in report.notes) and report.vanished == 0
    assert db.value("select count(*) from platform_playlists where kind = 'folder' and missing_since is null") == 3


# ---------- faults
LISTS = [
    "favorites/tracks.*offset=3",
    "favorites/albums",
    "favorites/artists",
    "playlistsAndFavorite",
    "v2/my-collection",
    "v1/playlists/.*offset=3",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_taken_for_the_end_or_deletes(db, small, monkeypatch, fault):
    kind, options = FAULTS[fault]
    read(db, small)
    before = content(db)
    for path in LISTS[:1] if kind in SLOW else LISTS:
        small.clear()
        small.fault(kind, path, times=999, **options)
        said, ended = "", False
        with monkeypatch.context() as patched:
            if kind in SLOW:
                short_patience(patched)
            try:
                said = " ".join(read(db, small, all=True).notes)
                ended = True
            except SourceError as error:
                said = str(error)
        after = content(db)
        assert after["places"] == before["places"], path
        for table in ("platform_tracks", "platform_releases", "collection_items"):
            assert after[table] == before[table], (path, table)
        gone = "select count(*) from platform_playlists where missing_since is not null"
        assert db.value(gone) == 0, path
        assert "replay-tidal" not in said
        if ended:
            assert kind in ("nulls", "short", "repeat"), (path, said)
            # a single null at the end of a list is a place of which nothing is said
            assert "nothing was marked as gone" in said or kind == "repeat" or path == LISTS[-1], (path, said)
        else:
            assert any(word in said for word in ("run the same", "musicdb login", "what was read is stored")), said
    small.clear()
    read(db, small, all=True)
    after = content(db)
    for name in before:
        if name not in ("quarantine", "observation_changes"):
            assert after[name] == before[name]


def test_a_short_wait_is_waited_and_counted_down(db, small):
    said = []
    small.fault(429, "favorites/tracks", retry_after=7)
    read(db, small, progress=lambda done, total, what: said.append(what))
    assert next(w for w in said if w.startswith("waiting")) == "waiting 7 s for Tidal" and len(places(db, "liked")) == 7


def test_a_long_wait_says_when_to_go_on(db, small):
    small.fault(429, "favorites/tracks", retry_after=3600)
    with pytest.raises(RateLimited, match="run the same again after") as caught:
        read(db, small)
    assert caught.value.wait_s == 3600


# ---------- logins
def kept(replay, **more):
    secrets.set("tidal", "", replay.tidal.login() | {"endpoint": replay.endpoint("tidal")} | more)


def test_a_refreshed_and_rotated_token_is_kept(db, small):
    kept(small)
    small.tidal.token = "replay-tidal-access-token-8"
    load.run(db, "tidal")
    assert len(places(db, "liked")) == 7 and len(small.asked("oauth2/token")) == 1
    login = secrets.get("tidal")
    assert (login["access_token"], login["refresh_token"]) == (small.tidal.token, small.tidal.refresh_token) != ("", "")
    assert login["user_id"] == USER and login["expires_at"] < "2100"


def test_a_dead_refresh_token_says_to_log_in(db, small):
    kept(small, refresh_token="another-token")
    small.tidal.token = "replay-tidal-access-token-8"
    with pytest.raises(LoginNeeded, match=r"no longer accepts.*musicdb login tidal"):
        load.run(db, "tidal")


def test_a_server_that_keeps_saying_expired_is_not_asked_for_ever(db, small):
    kept(small)
    small.fault(401, "v1/", times=10_000, words="The token has expired. (Expired on time)")
    with pytest.raises(LoginNeeded, match=r"clock.*musicdb login tidal"):
        load.run(db, "tidal")
    assert len(small.log) < 6


@pytest.mark.parametrize("fault", ["500", "HTML with 502", "429 for an hour", "a reset connection"])
def test_a_refresh_that_breaks_is_no_dead_login(db, small, fault):
    kept(small)
    kind, options = FAULTS[fault]
    small.tidal.token = "replay-tidal-access-token-8"
    small.fault(kind, "oauth2/token", times=99, **options)
    with pytest.raises((Transient, RateLimited), match="run the same again"):
        load.run(db, "tidal")
    assert secrets.get("tidal")["refresh_token"] == "replay-tidal-refresh-token-1"


def test_nobody_logged_in_is_told_how(db, tmp_path):
    with pytest.raises(LoginNeeded, match=r"musicdb login tidal --account Anna"):
        load.run(db, "tidal", account="Anna")
    with pytest.raises(BadInput, match="musicdb login tidal"):
        load.run(db, "tidal", tmp_path)


def test_login_by_device_code(db, small, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    small.tidal.pending = 3
    shown = []
    login = tidal.login(lambda *a, **k: pytest.fail("nothing is asked"), shown.append, endpoint=small.endpoint("tidal"))
    assert "https://link.tidal.com/KELPX" in shown[0] and login["username"] == "kestrel@example.org"
    assert (login["user_id"], login["country_code"], login["access_token"]) == (USER, "ZZ", small.tidal.token)
    small.clear()
    read(db, small, token=login)
    assert len(places(db, "liked")) == 7 and not small.asked("sessions")


def test_a_device_that_nobody_allows_ends(small, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    small.tidal.pending = 10_000
    with pytest.raises(LoginNeeded, match="musicdb login tidal"):
        tidal.login(lambda *a, **k: "", lambda text: None, endpoint=small.endpoint("tidal"))
    assert secrets.accounts("tidal") == []


@pytest.mark.parametrize("fault", ["500", "HTML with 200", "nothing", "an object of nothing"])
@pytest.mark.parametrize("path", ["device_authorization", "oauth2/token"])
def test_a_login_that_breaks_says_so(small, monkeypatch, fault, path):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    kind, options = FAULTS[fault]
    small.fault(kind, path, times=99, **options)
    with pytest.raises(SourceError, match=r"run the same again|musicdb login tidal"):
        tidal.login(lambda *a, **k: "", lambda text: None, endpoint=small.endpoint("tidal"))


def test_marked_tracks_and_chosen_hits_are_fetched_by_themselves(db, replay):
    one, other = (str(place["item"]["id"]) for place in replay.tidal.lists["favorites/tracks"][:2])
    assert read(db, replay, tracks=[one]).new == 1 and len(replay.asked("v1/tracks/")) == 1 and not replay.asked("favorites")
    read(db, replay)
    db.execute("update platform_tracks set needs_update = 1 where external_id = ?", [other])
    replay.clear()
    read(db, replay)
    read(db, replay)
    assert [r.path for r in replay.asked("v1/tracks/")] == [f"v1/tracks/{other}"]
    assert db.value("select sum(needs_update) from platform_tracks") == 0


# ---------- search, parts, real answers
def test_search_gives_hits_with_covers(replay):
    hits = tidal.search("slack water", token=replay.tidal.login(), endpoint=replay.endpoint("tidal"), limit=2)
    assert 1 <= len(hits) <= 2 and hits[0]["title"] == "Slack Water" and hits[0]["artists"]
    assert hits[0]["cover_url"].startswith("https://resources.tidal.com/images/") and isinstance(hits[0]["year"], int)
    row = next(tidal.rows("track", hits[0]["payload"]))
    assert (row["external_id"], row["duration_ms"]) == (hits[0]["external_id"], hits[0]["duration_ms"])
    assert tidal.search(" ") == []


@pytest.mark.parametrize(
    "name, scale, expected_key",
    [
        ("C", "MINOR", "5A"),
        ("CSharp", "MAJOR", "3B"),
        ("Eb", "MINOR", "2A"),
        ("FSharp", "MAJOR", "2B"),
        ("UNKNOWN", "MAJOR", None),
        ("A", None, None),
    ],
)
def test_keys_are_words_with_a_scale(name, scale, expected_key):
    row = next(tidal.rows("track", {"id": 1, "title": "T", "key": name, "keyScale": scale}))
    assert row["said"].get("musical_key") == expected_key


def test_said_is_filled_from_track_and_album():
    track = {
        "id": 77, "title": "Slack Water", "version": "Dub", "duration": 394, "trackNumber": 3, "volumeNumber": 2, "isrc": "ZZUND1454330", "explicit": True,
        "popularity": 36, "bpm": 124, "key": "A", "keyScale": "MINOR", "artists": [{"name": "Kelp", "type": "MAIN"}, {"name": "Bo", "type": "FEATURED"}],
        "album": {"id": 5, "title": "EP", "cover": uid("x"), "releaseDate": "2014-12-09"}, "allowStreaming": True, "url": "http://www.tidal.com/track/77",
    }  # fmt: skip
    row, image = tidal.rows("track", track)
    assert row["said"] == {
        "title": "Slack Water", "version": "Dub", "artists": ["Kelp"], "featured": ["Bo"], "track_no": 3, "disc_no": 2, "duration_ms": 394_000,
        "isrc": "ZZUND1454330", "explicit": True, "popularity": 36, "bpm": 124.0, "musical_key": "8A", "ids": {"tidal": "77"}, "album": "EP",
        "cover": image["url"], "release_date": "2014-12-09", "release_date_precision": "day", "year": 2014,
    }  # fmt: skip
    assert row["metadata"] is track and image["url"].endswith("/640x640.jpg") and row["release_external_id"] == "5"


def test_real_answers_are_read(real_data):
    counts, titles = {}, []
    for path in sorted(p for p in (real_data / "tidal").rglob("*") if p.is_file()):
        found = []
        for kind, payload in _tidal_rows.sorted_out(json.loads(path.read_text("utf-8"))):
            rows = list(tidal.rows(kind, payload))
            found += [row["row"] for row in rows]
            titles += [(row["title"], row["said"]["artists"], row["said"]["duration_ms"]) for row in rows if row["row"] == "track"]
        counts[path.name] = (found.count("track"), found.count("release"))
    assert sorted(counts.values()) == [(0, 1), (1, 1), (8, 0)]  # an album, an album with its track, eight tracks among eight videos
    assert ("Die With A Smile", ["Lady Gaga", "Bruno Mars"], 252_000) in titles
    with pytest.raises(PayloadError, match="no track or album"):
        list(_tidal_rows.sorted_out({"status": 404}))
