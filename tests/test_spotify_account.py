"""A Spotify account over loopback through spotipy: whole, resumable, polite, and never believed when it is odd."""

from __future__ import annotations

import json
import threading
import urllib.request

import pytest

import musicdb
from musicdb import load, net, secrets
from musicdb.demo import spotify_export
from musicdb.errors import LoginNeeded, PayloadError, RateLimited, SourceError, Transient
from musicdb.platforms import _account, _spotify_client, _spotify_rows, spotify
from musicdb.shapes import Complete, Note, Page

from .streaming import FAULTS, SLOW, Killed, content, copy_of, killed_at, pages_of, places, run, short_patience

read = run


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(net, "pause", lambda seconds: None)


@pytest.fixture
def small(replay):
    """Seven liked songs, two albums, three playlists, three a page."""
    account = replay.spotify
    for name, size in (("me/tracks", 7), ("me/albums", 2), ("me/playlists", 3), ("me/top/tracks", 4), ("me/player/recently-played", 2)):
        account.lists[name] = account.lists[name][:size]
    return replay


@pytest.fixture
def three_a_page(monkeypatch):
    from musicdb.platforms import _spotify_account

    monkeypatch.setattr(_spotify_account, "PAGE", 3)


def many(replay, size, name="Everything"):
    """A playlist of `size` places, each track once."""
    first = copy_of(replay.spotify.lists["me/tracks"][0]["track"])
    items = [
        {"added_at": "2024-01-01T00:00:00Z", "is_local": False, "track": first | {"id": f"{n:022}", "uri": f"spotify:track:{n:022}", "name": f"No. {n}"}}
        for n in range(size)
    ]  # fmt: skip
    replay.spotify.lists["me/playlists"].clear()
    return replay.spotify.add_playlist(name, "", items, "2024-01-01", "k5w3n0taperson")


def expected(replay, key):
    """(position, id, added_at) of the music in a playlist as the server has it."""
    found = []
    for position, item in enumerate(replay.spotify.lists[key]):
        track = (item or {}).get("track")
        if track and track["type"] == "track":
            found.append((position, track["id"] or track["uri"], item["added_at"]))
    return found


# ---------- the whole account
@pytest.mark.parametrize("shape", ["2026", "2025", "both"])
def test_an_account_comes_whole_in_every_shape(db, replay, shape):
    replay.spotify.shape = shape
    report = read(db, replay, "spotify")
    assert places(db, "liked") == expected(replay, "me/tracks") and len(places(db, "liked")) == 259
    for made in replay.spotify.lists["me/playlists"]:
        there = [] if made["id"] in replay.spotify.forbidden else expected(replay, f"playlists/{made['id']}")
        assert places(db, made["id"]) == there, made["name"]
    top = [(n, t["id"], None) for n, t in enumerate(replay.spotify.lists["me/top/tracks"])]
    assert places(db, "top:short_term") == places(db, "top:long_term") == top
    saved = {f"saved:{one['album']['id']}" for one in replay.spotify.lists["me/albums"]}
    assert {r[0] for r in db.execute("select instance_id from collection_items where status = 'saved'")} == saved
    plays = [one["played_at"][:19] + "Z" for one in replay.spotify.lists["me/player/recently-played"][:50]]
    assert sorted(r[0] for r in db.execute("select listened_at from listens")) == sorted(plays)
    liked = json.loads(db.value("select metadata from platform_playlists where external_id = 'liked'"))
    assert len(liked["artists"]["followed"]) == 12 and len(liked["artists"]["top"]["medium_term"]) == 22
    assert (report.new, report.changed, report.quarantined, report.playlists) == (310, 0, 0, 14)
    assert not db.q("select 1 from platform_tracks group by external_id having count(*) > 1")
    row = db.one("select * from spotify_tracks where isrc is not null limit 1")
    assert row["album_type"] and row["total_tracks"] and row["popularity"] is not None and row["explicit"] == 0
    assert row["external_url"].startswith("https://open.spotify.com/track/")
    owners = dict(db.execute("select name, owner from platform_playlists where kind = 'playlist'"))
    assert owners["Ferry crew"] == "northferry" and db.value("select collaborative from platform_playlists where name = 'Ferry crew'") == 1


@pytest.mark.parametrize("size, pages", [(0, 1), (50, 1), (51, 2), (259, 6)])
def test_liked_songs_of_any_length_are_asked_for_page_by_page(db, replay, size, pages):
    replay.spotify.lists["me/tracks"] = replay.spotify.lists["me/tracks"][:size]
    read(db, replay, "spotify")
    assert places(db, "liked") == expected(replay, "me/tracks") and len(replay.asked("spotify/v1/me/tracks")) == pages


def test_an_empty_account_is_no_error(db, replay):
    for name in replay.spotify.lists:
        replay.spotify.lists[name] = []
    report = read(db, replay, "spotify")
    assert (report.new, places(db), report.quarantined) == (0, [], 0)
    assert read(db, replay, "spotify").vanished == 0


def test_a_playlist_of_5000_takes_100_requests_and_at_most_three_more(db, replay):
    made = many(replay, 5000)
    read(db, replay, "spotify")
    assert [p[:2] for p in places(db, made["id"])] == [(n, f"{n:022}") for n in range(5000)]
    asked = len(replay.asked(made["id"])) + len(replay.asked("me/playlists")) + len(replay.asked("audio-features"))
    assert 100 <= asked <= 103
    replay.clear()
    read(db, replay, "spotify")
    assert replay.asked(made["id"]) == []


def test_a_second_run_changes_nothing_and_asks_little(db, replay):
    read(db, replay, "spotify")
    before = content(db)
    replay.clear()
    report = read(db, replay, "spotify")
    assert content(db) == before and (report.new, report.changed, report.vanished) == (0, 0, 0)
    assert len(replay.log) == 14 and not replay.asked("playlists/") and "--all" in report.notes[-1]
    replay.clear()
    read(db, replay, "spotify", all=True)
    assert content(db) == before and len(replay.asked("me/tracks")) == 6


def test_only_what_changed_is_read_again(db, replay):
    read(db, replay, "spotify")
    first, second = replay.spotify.lists["me/playlists"][:2]
    items = replay.spotify.lists[f"playlists/{first['id']}"]
    items.insert(2, items.pop(9))
    del items[5]
    replay.spotify.change(first)
    replay.spotify.lists["me/playlists"].remove(second)
    replay.spotify.lists["me/tracks"].insert(0, copy_of(replay.spotify.lists["me/tracks"].pop(30)) | {"added_at": "2026-01-01T00:00:00Z"})
    replay.clear()
    report = read(db, replay, "spotify")
    assert {r.path.split("/")[2] for r in replay.asked("v1/playlists/")} == {first["id"]}
    assert places(db, first["id"]) == expected(replay, f"playlists/{first['id']}") and report.vanished == 1
    assert places(db, "liked") == expected(replay, "me/tracks")
    assert db.value("select missing_since is not null from platform_playlists where external_id = ?", [second["id"]]) == 1


def test_an_episode_in_place_of_a_track_leaves_a_gap(db, replay):
    made = many(replay, 4)
    read(db, replay, "spotify")
    items = replay.spotify.lists[f"playlists/{made['id']}"]
    items[1] = items[1] | {"track": {"type": "episode", "id": "e", "name": "Talk", "uri": "spotify:episode:e"}}
    items[2] = None
    replay.spotify.change(made)
    read(db, replay, "spotify")
    assert [p[0] for p in places(db, made["id"])] == [0, 3]


# ---------- killed, changed, moved
def test_killed_after_any_page_and_run_again_it_is_the_same(tmp_path, small, three_a_page):
    small.spotify.lists["me/top/tracks"] = []
    for made in small.spotify.lists["me/playlists"]:
        small.spotify.lists[f"playlists/{made['id']}"] = small.spotify.lists[f"playlists/{made['id']}"][:4]
    with musicdb.open(tmp_path / "whole.db") as db:
        pages = pages_of(lambda progress: read(db, small, "spotify", progress=progress))
        whole = content(db)
    assert pages > 15
    for page in range(1, pages + 1):
        with musicdb.open(tmp_path / f"{page}.db") as db:
            with pytest.raises(Killed):
                read(db, small, "spotify", progress=killed_at(page))
            read(db, small, "spotify")
            assert content(db) == whole, f"killed after page {page}"


def test_a_resumed_list_asks_for_the_rest_only(db, replay):
    made = many(replay, 500)
    replay.fault(503, f"{made['id']}/items.*offset=300", times=9)
    with pytest.raises(Transient, match="run the same again"):
        read(db, replay, "spotify")
    replay.clear()
    read(db, replay, "spotify")
    asked = [int(r.query["offset"]) for r in replay.asked(f"{made['id']}/items")]
    assert asked == [300, 350, 400, 450]
    assert [p[:2] for p in places(db, made["id"])] == [(n, f"{n:022}") for n in range(500)]


@pytest.mark.parametrize("more", [0, 1])
def test_a_playlist_that_changes_while_it_is_read_is_read_again(db, replay, more):
    made = many(replay, 120)
    items = replay.spotify.lists[f"playlists/{made['id']}"]

    def edit():
        items.insert(0, items.pop())  # the same length: only the snapshot tells
        items.extend(copy_of(items[:more]))
        replay.spotify.change(made)

    replay.fault("act", f"{made['id']}/items", n=2, do=edit)
    read(db, replay, "spotify")
    assert places(db, made["id"]) == expected(replay, f"playlists/{made['id']}")


def test_a_list_that_fails_does_not_hold_up_the_others(db, replay):
    first, second = replay.spotify.lists["me/playlists"][:2]
    replay.fault(500, first["id"], times=99)
    with pytest.raises(Transient, match="run the same again"):
        read(db, replay, "spotify")
    assert places(db, second["id"]) == expected(replay, f"playlists/{second['id']}") and places(db, first["id"]) == []
    assert len(places(db, "liked")) == 259 and db.value("select count(*) from collection_items") == 21
    replay.clear()
    read(db, replay, "spotify")
    assert places(db, first["id"]) == expected(replay, f"playlists/{first['id']}")


# ---------- faults
LISTS = ["me/tracks.*offset=3", "me/albums", "me/playlists", "playlists/.*offset=3", "me/player"]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_taken_for_the_end_or_deletes(db, small, three_a_page, monkeypatch, fault):
    kind, options = FAULTS[fault]
    read(db, small, "spotify")
    before = content(db)
    for path in LISTS[:1] if kind in SLOW else LISTS:
        small.clear()
        small.fault(kind, path, times=999, **options)
        said, ended = "", False
        with monkeypatch.context() as patched:
            if kind in SLOW:
                short_patience(patched)
            try:
                said = " ".join(read(db, small, "spotify", all=True).notes)
                ended = True
            except SourceError as error:
                said = str(error)
        after = content(db)
        assert after["places"] == before["places"], path
        for table in ("platform_tracks", "platform_releases", "platform_playlists", "collection_items"):
            assert after[table] == before[table], (path, table)
        assert "replay-spotify" not in said
        if ended:
            # nulls are a gap that is said, a first page that repeats itself is no fault of a list of one page; plays announce no number
            assert kind in ("nulls", "repeat") or ("player" in path and kind in ("short", "text")), (path, said)
            assert "run the same again" in said or kind == "repeat" or "player" in path, (path, said)
        else:
            assert any(word in said for word in ("run the same", "musicdb login", "what was read is stored")), said
    small.clear()
    read(db, small, "spotify", all=True)
    after = content(db)
    assert {k: v for k, v in after.items() if k != "quarantine"} == {k: v for k, v in before.items() if k != "quarantine"}


def test_a_short_wait_is_waited_and_counted_down(db, small):
    said = []
    small.fault(429, "me/tracks", retry_after=7)
    read(db, small, "spotify", progress=lambda done, total, what: said.append(what))
    assert next(w for w in said if w.startswith("waiting")) == "waiting 7 s for Spotify" and len(places(db, "liked")) == 7


def test_a_long_wait_says_when_to_go_on(db, small):
    small.fault(429, "me/tracks", retry_after=3600)
    with pytest.raises(RateLimited, match="run the same again after") as caught:
        read(db, small, "spotify")
    assert caught.value.wait_s == 3600


# ---------- what Spotify does not give
def test_the_contents_of_others_playlists_are_not_asked_for_twice(db, replay):
    report = read(db, replay, "spotify")
    assert [n for n in report.notes if "metadata only" in n] == [
        "playlist 'Tollhouse Selects' of tollhouse3: metadata only; Spotify shows what is in it to its owner only (403)"
    ]
    assert "metadata only" not in " ".join(read(db, replay, "spotify").notes)
    assert db.value("select missing_since from platform_playlists where name = 'Tollhouse Selects'") is None


def test_audio_features_are_refused_once(db, replay):
    report = read(db, replay, "spotify")
    assert len(replay.asked("audio-features")) == 1 and "audio features are not available to this app" in report.notes[-1]
    replay.spotify.lists["me/tracks"].pop()
    read(db, replay, "spotify")
    assert len(replay.asked("audio-features")) == 1


def test_audio_features_are_kept_where_an_app_may_have_them(db, small):
    real = small.spotify.answer

    def answer(request):
        if request.path != "v1/audio-features":
            return real(request)
        ids = request.query["ids"].split(",")
        assert len(ids) <= 100
        return {
            "audio_features": [None]
            + [{"id": one, "tempo": 123.456, "key": 9, "mode": 0, "energy": 0.5, "danceability": 0.7} for one in ids[1:]]
        }

    small.accounts["spotify"] = type("Old", (), {"answer": staticmethod(answer), "login": small.spotify.login})()
    read(db, small, "spotify")
    rows = db.q("select danceability, tempo, musical_key, bpm from (select v.*, json_extract(p.said, '$.musical_key') as musical_key, "
                "json_extract(p.said, '$.bpm') as bpm from spotify_tracks as v join platform_tracks as p on p.id = v.id) where tempo is not null")  # fmt: skip
    assert rows and tuple(rows[0].values()) == (0.7, 123.456, "8A", 123.46)


def test_an_unavailable_track_keeps_what_was_known_of_it(db, replay):
    liked = replay.spotify.lists["me/tracks"]
    place = next(n for n, one in enumerate(liked) if one["track"]["external_ids"])
    track = liked[place]["track"]
    read(db, replay, "spotify")
    isrc = track["external_ids"]["isrc"]
    liked[place] = liked[place] | {"track": track | {"is_playable": False, "external_ids": {}}}
    report = read(db, replay, "spotify", all=True)
    assert db.value("select isrc from platform_tracks where external_id = ?", [track["id"]]) == isrc and report.changed == 0
    liked[place] = liked[place] | {
        "track": {"id": track["id"], "name": "", "type": "track", "artists": [], "uri": track["uri"], "album": {}}
    }
    read(db, replay, "spotify", all=True)
    assert db.value("select title from platform_tracks where external_id = ?", [track["id"]]) == track["name"]
    assert places(db, "liked")[place][1] == track["id"]


def test_export_and_account_leave_each_other_alone(db, replay, tmp_path):
    path = tmp_path / "my_spotify_data.zip"
    path.write_bytes(spotify_export.archive())
    first = load.run(db, "spotify", path)
    read(db, replay, "spotify")
    both = content(db)
    assert db.value("select count(*) from platform_playlists where external_id like 'export:%' and missing_since is null") == 9
    assert db.value("select count(*) from platform_playlists where external_id not like 'export:%' and missing_since is null") == 14
    assert db.value("select count(*) from collection_items where removed_at is null and instance_id like 'saved:%'") == 21
    again = load.run(db, "spotify", path)
    assert (again.new, again.changed, again.vanished) == (0, 0, 0) and first.new > 0
    assert content(db) == both
    assert db.value("select count(*) from platform_tracks where kind = 'spotify_track' and in_library and missing_since is null") == 303


def test_two_accounts_have_their_own_lists(db, replay):
    read(db, replay, "spotify")
    replay.spotify.lists["me/tracks"] = replay.spotify.lists["me/tracks"][:5]
    replay.spotify.lists["me/playlists"] = []
    report = read(db, replay, "spotify", account="Anna")
    assert (len(places(db, "liked")), len(places(db, "liked:Anna")), report.vanished) == (259, 5, 0)
    assert db.value("select count(*) from collection_items where removed_at is null") == 42


# ---------- logins
def kept(replay, **more):
    secrets.set("spotify", "", replay.spotify.login() | {"endpoint": replay.endpoint("spotify")} | more)


def test_a_refreshed_token_is_kept(db, small):
    kept(small)
    small.spotify.expire()
    small.spotify.token = "replay-spotify-access-token-8"
    load.run(db, "spotify")
    assert len(places(db, "liked")) == 7 and len(small.asked("api/token")) == 1
    login = secrets.get("spotify")
    assert (login["access_token"], login["refresh_token"]) == (small.spotify.token, small.spotify.refresh_token)
    assert login["client_id"] == "replayclient" and login["authorized_at"]


def test_a_token_that_ends_soon_is_renewed_before_it_is_used(db, small):
    kept(small, expires_at=1)
    load.run(db, "spotify")
    assert small.log[0][0].path == "api/token" and not [r for r, status in small.log if status == 401]


@pytest.mark.parametrize(
    "login, words",
    [
        ({"refresh_token": "another"}, "no longer accepts this login.*musicdb login spotify"),
        ({"scope": "user-library-read"}, "private playlists.*musicdb login spotify"),
        ({"scope": None}, "does not allow.*musicdb login spotify"),
        ({"access_token": ""}, "nobody is logged in to Spotify.*musicdb login spotify.*privacy"),
        ({"client_id": None}, "Client ID.*musicdb login spotify"),
    ],
)
def test_a_login_that_does_not_do_says_to_log_in(db, small, monkeypatch, login, words):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked on the keyboard"))
    kept(small, **login)
    if "scope" not in login:
        small.spotify.token = "another-1"
    with pytest.raises(LoginNeeded, match=words) as caught:
        load.run(db, "spotify")
    assert "replay-spotify" not in str(caught.value)


def test_nobody_logged_in_is_told_of_login_and_export(db):
    with pytest.raises(LoginNeeded, match=r"musicdb login spotify --account Anna.*my_spotify_data.zip"):
        load.run(db, "spotify", account="Anna")


def test_the_end_of_a_login_is_told_ahead(db, small):
    from datetime import UTC, datetime, timedelta

    since = datetime.now(UTC) - timedelta(days=170)
    report = read(db, small, "spotify", token=small.spotify.login() | {"authorized_at": f"{since:%Y-%m-%dT%H:%M:%SZ}"})
    assert "good for six months" in report.notes[0] and "musicdb login spotify" in report.notes[0]


def browser(replay, shown, paste=False):
    """Answers for `ask`: a client id, and then a person who agrees in the browser."""

    def ask(prompt, secret=False, until=None):
        if "Client ID" in prompt:
            return "client-of-a-person"
        address = next(word for text in shown for word in text.split() if word.startswith("http") and "/authorize?" in word)
        if paste:
            opener = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))
            try:
                opener.open(address)
            except urllib.error.HTTPError as answer:
                with answer:
                    return paste(answer.headers["Location"])
        with urllib.request.urlopen(address) as page:  # follows the redirect to the loopback address, as a browser does
            assert b"Close this page" in page.read()
        return ""

    return ask


@pytest.mark.parametrize("paste", [False, lambda address: address])
@pytest.mark.parametrize("write", [False, True])
def test_login_by_browser_and_by_pasted_address(db, small, paste, write):
    shown = []
    login = spotify.login(browser(small, shown, paste), shown.append, endpoint=small.endpoint("spotify"), write=write)
    assert login["username"] == "Kestrel Lodin" and login["client_id"] == "client-of-a-person" and login["authorized_at"] > "2026"
    assert login["access_token"] == small.spotify.token and set(login["scope"].split()) == {*_spotify_client.NEEDED, *(_spotify_client.WRITES if write else ())}
    address = next(word for text in shown for word in text.split() if "/authorize?" in word)
    assert ("playlist-modify" in address) == write, "what is not wanted is not asked for"
    read(db, small, "spotify", token=login)
    assert len(places(db, "liked")) == 7
    assert not [t for t in threading.enumerate() if t.name == "spotify login"]


@pytest.mark.parametrize(
    "pasted, words",
    [
        (lambda address: "http://127.0.0.1/callback?error=access_denied&state=x", "access_denied"),
        (lambda address: address.replace("state=", "state=x"), "another login"),
        (lambda address: "https://example.org/", "not the address"),
        (lambda address: address.replace("code=", "code=x"), "no longer accepts"),
    ],
)
def test_a_login_that_fails_changes_nothing_and_says_why(small, pasted, words):
    shown = []
    with pytest.raises(LoginNeeded, match=words) as caught:
        spotify.login(browser(small, shown, pasted), shown.append, endpoint=small.endpoint("spotify"))
    assert "musicdb login spotify" in str(caught.value) and secrets.accounts("spotify") == []


def test_a_login_that_nobody_finishes_ends(small, monkeypatch):
    monkeypatch.setattr("musicdb.platforms._spotify_login.GRACE_S", 0.05)
    with pytest.raises(LoginNeeded, match="has not answered"):
        spotify.login(lambda prompt, **_: "x" if "Client" in prompt else "", lambda text: None, endpoint=small.endpoint("spotify"))
    with pytest.raises(LoginNeeded, match="no Client ID"):
        spotify.login(lambda prompt, **_: " ", lambda text: None, endpoint=small.endpoint("spotify"))


def test_plays_that_an_answer_lost_at_an_end_are_said_and_read_again(db, small):
    small.fault("short", "recently-played")
    report = read(db, small, "spotify")
    assert [note for note in report.notes if "recent plays: the answer ends before its own cursors" in note], report.notes
    again = read(db, small, "spotify")
    assert not [note for note in again.notes if "recent plays" in note]
    assert db.value("select count(*) from listens_raw where platform = 'spotify'") == len(small.spotify.lists["me/player/recently-played"]) == 2


# ---------- single tracks
def test_a_marked_track_is_fetched_by_itself_once(db, replay):
    read(db, replay, "spotify")
    key = replay.spotify.lists["me/tracks"][9]["track"]["id"]
    db.execute("update platform_tracks set needs_update = 1 where external_id = ?", [key])
    replay.clear()
    report = read(db, replay, "spotify")
    assert [r.path for r in replay.asked("v1/tracks/")] == [f"v1/tracks/{key}"] and report.changed == 0
    replay.clear()
    read(db, replay, "spotify")
    assert not replay.asked("v1/tracks/") and db.value("select sum(needs_update) from platform_tracks") == 0


def test_a_chosen_hit_is_fetched_alone(db, replay):
    key = replay.spotify.lists["me/tracks"][9]["track"]["id"]
    assert read(db, replay, "spotify", tracks=[key]).new == 1 and len(replay.log) == 1
    with pytest.raises(SourceError, match="404"):
        read(db, replay, "spotify", tracks=["nosuchtrack"])


# ---------- search, parts, real answers
def test_search_gives_hits_with_covers(replay):
    hits = spotify.search("nightfall", token=replay.spotify.login(), endpoint=replay.endpoint("spotify"), limit=3)
    assert 1 <= len(hits) <= 3 and "nightfall" in hits[0]["title"].lower()
    assert hits[0]["cover_url"].startswith("https://") and isinstance(hits[0]["year"], int) and hits[0]["artists"]
    row = next(spotify.rows("spotify_track", hits[0]["payload"]))
    assert row["external_id"] == hits[0]["external_id"] and row["duration_ms"] == hits[0]["duration_ms"]
    assert spotify.search("  ") == []


def test_said_is_filled_from_track_and_album():
    track = {
        "id": "t", "name": "Nightfall - 2011 Remaster", "artists": [{"name": "Ada"}, {"name": "Bo"}], "duration_ms": 240_500, "explicit": True, "popularity": 31,
        "track_number": 4, "disc_number": 2, "external_ids": {"isrc": "zz-abc-11-00001"}, "uri": "spotify:track:t", "type": "track",
        "album": {"id": "a", "name": "Dusk", "album_type": "COMPILATION", "release_date": "2011-05", "release_date_precision": "month", "total_tracks": 12,
                  "artists": [{"name": "Various Artists"}], "images": [{"url": "https://i/64", "width": 64}, {"url": "https://i/640", "width": 640}]},
    }  # fmt: skip
    row, image = spotify.rows("spotify_track", track)
    assert row["said"] == {
        "title": "Nightfall - 2011 Remaster", "artists": ["Ada", "Bo"], "track_no": 4, "disc_no": 2, "duration_ms": 240_500, "isrc": "ZZABC1100001",
        "explicit": True, "popularity": 31, "ids": {"spotify": "t"}, "cover": "https://i/640", "album": "Dusk", "album_artists": ["Various Artists"],
        "album_type": "compilation", "track_total": 12, "release_date": "2011-05", "release_date_precision": "month", "year": 2011,
    }  # fmt: skip
    assert row["metadata"] is track and image["url"] == "https://i/640" and row["release_external_id"] == "a"


def test_a_january_of_an_album_exact_to_the_year_is_no_day():
    said = spotify.rows("spotify_album", {"id": "a", "name": "A", "release_date": "1997-01-01", "release_date_precision": "year"})
    assert [row["said"]["release_date"] for row in said] == ["1997"]


def test_a_gap_keeps_the_checkpoint_before_it():
    full = {0: [1, 2], 2: [3], 4: [5, 6]}
    found = _account.read_list(
        lambda offset, limit: (full[offset], 6), end=lambda total: Complete("playlist_item", within="x", total=total), known=_account.Nothing(),
        scope="x", what="x", kind="place", limit=2, short_ok=True,
    )  # fmt: skip
    pages = list(found)
    assert [page.cursor for page in pages if isinstance(page, Page)] == ["2 6", "2 6", "2 6"]
    assert isinstance(pages[-1], Note) and "5 of 6" in pages[-1].text


def test_real_answers_are_read_or_refused_with_a_reason(real_data):
    counts = {}
    for path in sorted(p for p in (real_data / "spotify").rglob("*.json")):
        found = []
        try:
            for kind, payload in _spotify_rows.sorted_out(json.loads(path.read_text("utf-8"))):
                found += [row["row"] for row in spotify.rows(kind, payload)]
        except PayloadError as error:
            found = str(error)
        counts[path.name] = found
    refused = {name: why for name, why in counts.items() if isinstance(why, str)}
    # these three are files of the privacy export: tests/test_spotify_export.py reads them
    assert set(refused) == {"spotify_skipped_tracks.json", "spotify_streaming_2023.json", "spotify_streaming_endsong_0.json"}
    assert all("object expected" in why for why in refused.values())
    rows = [row for found in counts.values() if not isinstance(found, str) for row in found]
    assert (len(counts), rows.count("track"), rows.count("release"), rows.count("listen")) == (14, 7, 3, 3)
    assert counts["missing_request.json"] == []
