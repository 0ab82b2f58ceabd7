"""The replay server: the real clients understand it, it is the same each time, names no other host, and breaks as asked."""

from __future__ import annotations

import json
import re

import pytest
import requests

from musicdb import net
from musicdb.demo import answers, views
from musicdb.demo.discogs_account import USER, WANTED, vinyls
from musicdb.demo.library import library
from musicdb.demo.replay import PICTURES, Replay
from musicdb.demo.spotify_account import OFFICIAL
from musicdb.demo.tidal_account import USER as TIDAL_USER
from musicdb.demo.tidal_account import tidal_tracks

STORED = "https://api.spotify.com"  # `href` of a playlist is stored with it, so it cannot hold this server's port; nobody follows it


@pytest.fixture
def spotify(replay):
    import spotipy
    from urllib3.util import Retry

    retry = Retry(total=3, read=0, backoff_factor=0.01, status_forcelist=(500, 502, 503, 504), respect_retry_after_header=False,
                  raise_on_status=False)  # fmt: skip
    client = spotipy.Spotify(auth=replay.spotify.token, requests_session=net.requests_session(retry=retry))
    client.prefix = replay.endpoint("spotify") + "/v1/"
    return client


@pytest.fixture
def tidal(replay):
    import tidalapi

    base = replay.endpoint("tidal")
    config = tidalapi.Config(item_limit=50)
    config.api_v1_location, config.api_v2_location, config.openapi_v2_location = f"{base}/v1/", f"{base}/v2/", f"{base}/openapi/v2/"
    config.api_oauth2_token = f"{base}/oauth2/token"
    session = tidalapi.Session(config)
    login = replay.tidal.login()
    assert session.load_oauth_session("Bearer", login["access_token"], login["refresh_token"])
    return session


@pytest.fixture
def discogs(replay):
    import discogs_client

    client = discogs_client.Client("musicdb/0.1", user_token=replay.discogs.token)
    client._base_url, client.backoff_enabled = replay.endpoint("discogs"), False
    return client


def everything(replay):
    """What the accounts say, at a fixed address, as one text."""
    parts = {name: account.lists for name, account in replay.accounts.items() if hasattr(account, "lists")}
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def test_the_accounts_are_the_same_each_time(replay):
    with Replay() as other:
        assert everything(other) == everything(replay)


def test_no_payload_names_another_place_to_fetch_from(replay, discogs):
    asked = [
        ("spotify", f"v1/{path}")
        for path in (
            "me",
            "me/tracks?limit=50",
            "me/albums",
            "me/playlists",
            "me/top/tracks",
            "me/player/recently-played",
            "me/following?type=artist",
        )
    ]
    release = next(iter(vinyls().values())).id
    asked += [
        ("discogs", path)
        for path in ("oauth/identity", f"users/{USER}", f"users/{USER}/collection/folders/0/releases", f"users/{USER}/wants", f"releases/{release}",
                     f"masters/{release // 10}", "database/search?q=harbour")
    ]  # fmt: skip
    for platform, path in asked:
        token = {"spotify": "Bearer ", "discogs": "Discogs token="}[platform] + replay.accounts[platform].token
        answer = requests.get(f"{replay.endpoint(platform)}/{path}", headers={"Authorization": token}, timeout=5)
        assert answer.status_code == 200, path
        text = re.sub(r'"external_urls": \{[^}]*\}|"uri": "https://www.discogs.com/[^"]*"', "", answer.text)  # for people, not for clients
        assert set(re.findall(r"https?://[^/\"]+", text)) <= {replay.url, PICTURES, OFFICIAL}, path


def test_the_truth_knows_every_track_of_the_accounts(replay):
    truth = answers.truth()
    for entry in replay.spotify.lists["me/tracks"]:
        assert truth["spotify", entry["track"]["uri"]] in library().songs
    assert {("tidal", str(t.id)) for t in tidal_tracks()} <= set(truth)
    for vinyl in vinyls().values():
        assert len(vinyl.positions) == len(set(vinyl.positions)) == len(library().records[vinyl.record].songs)


def test_the_pictures_that_the_accounts_name_come(replay):
    tidal = "https://resources.tidal.com/images/{}/640x640.jpg".format(
        replay.tidal.lists["favorites/albums"][0]["item"]["cover"].replace("-", "/")
    )
    wanted = [tidal, replay.spotify.lists["me/albums"][0]["album"]["images"][0]["url"], "https://api.discogs.com/images/unda014.jpg?sig=x"]
    found = list(net.fetch_images(wanted, **replay.pictures()))
    assert {one.url for one in found if one.data and one.data.startswith(b"\xff\xd8")} == set(wanted)


def test_spotipy_reads_the_account(spotify, replay):
    assert spotify.current_user()["display_name"] == "Kestrel Lodin"
    saved = [entry for offset in range(0, 300, 50) for entry in spotify.current_user_saved_tracks(50, offset)["items"]]
    assert saved == json.loads(json.dumps(saved)) and len(saved) == len({s["track"]["id"] for s in saved}) == sum(
        s.saved for s in views.streams()
    )
    names = [p["name"] for p in spotify.current_user_playlists(50)["items"]]
    assert {"Sunday, slowly", "Ferry crew", "Tollhouse Selects", "New Playlist"} <= set(names)
    assert len(spotify.current_user_recently_played(50)["items"]) == 50
    assert spotify.current_user_followed_artists(50)["artists"]["total"] == 12
    assert spotify.search("nightfall", type="track")["tracks"]["items"]
    assert spotify.current_user_top_artists(50)["total"] == 22


@pytest.mark.parametrize("shape, address, key", [("2026", "items", "item"), ("2025", "tracks", "track")])
def test_both_shapes_of_a_playlist(spotify, replay, shape, address, key):
    replay.spotify.shape = shape
    playlist = next(p for p in spotify._get("me/playlists", limit=50)["items"] if p["name"] == "Walking")
    assert playlist[address]["total"] == 50
    items = spotify._get(f"playlists/{playlist['id']}/{address}", limit=50)["items"]
    assert [i[key]["type"] for i in items].count("episode") == 1 and [i["is_local"] for i in items].count(True) == 1


def test_a_development_mode_app_may_not_see_everything(spotify, replay):
    import spotipy

    forbidden = next(iter(replay.spotify.forbidden))
    for path in ("audio-features/x", f"playlists/{forbidden}/items", "tracks?ids=a,b"):
        with pytest.raises(spotipy.SpotifyException) as caught:
            spotify._get(path)
        assert caught.value.http_status == 403


def test_spotipy_gets_the_time_to_wait_and_does_not_wait_itself(spotify, replay):
    import spotipy

    replay.fault(429, "me/tracks", n=2, retry_after=7)
    spotify.current_user_saved_tracks(50)
    with pytest.raises(spotipy.SpotifyException) as caught:
        spotify.current_user_saved_tracks(50, 50)
    assert (caught.value.http_status, caught.value.headers["Retry-After"]) == (429, "7")
    assert spotify.current_user_saved_tracks(50, 50)["offset"] == 50


def test_tidalapi_reads_the_account(tidal, replay):
    get = tidal.request.request
    lists = get("GET", f"users/{TIDAL_USER}/playlistsAndFavoritePlaylists", params={"limit": 50, "offset": 0}).json()
    assert lists["totalNumberOfItems"] == len(lists["items"]) == 8
    liked = [
        e for o in (0, 50) for e in get("GET", f"users/{TIDAL_USER}/favorites/tracks", params={"limit": 50, "offset": o}).json()["items"]
    ]
    assert len({e["item"]["id"] for e in liked}) == len(liked) == sum(t.favourite for t in tidal_tracks())
    assert sorted(f.name for f in tidal.user.favorites.playlist_folders()) == ["DJ sets", "Home"]
    assert [t.full_name for t in tidal.search("nightfall dub mix")["tracks"]] == ["Nightfall (Dub Mix)"]
    with_video = next(e["playlist"] for e in lists["items"] if e["playlist"]["title"] == "With a video")
    assert (with_video["numberOfTracks"], with_video["numberOfVideos"]) == (8, 1)
    assert get("GET", f"playlists/{with_video['uuid']}/items", params={"limit": 50}).json()["totalNumberOfItems"] == 9


def test_tidal_names_its_largest_page(tidal):
    with pytest.raises(requests.HTTPError) as caught:
        tidal.request.request("GET", f"users/{TIDAL_USER}/favorites/tracks", params={"limit": 1000})
    said = caught.value.response.json()
    assert (said["subStatus"], said["userMessage"][-21:]) == (1001, "max page size is [50]")


def test_an_expired_token_is_refreshed_and_the_next_pair_differs(tidal, replay):
    before = replay.tidal.refresh_token
    replay.tidal.expire()
    assert tidal.request.request("GET", "sessions").json()["userId"] == TIDAL_USER
    assert tidal.access_token == replay.tidal.token and replay.tidal.refresh_token != before


def test_the_folders_of_tidal_go_by_a_cursor(replay):
    replay.tidal.cap = 2
    ask = {"headers": {"Authorization": f"Bearer {replay.tidal.token}"}, "timeout": 5}
    url, names, cursor = replay.endpoint("tidal") + "/v2/my-collection/playlists/folders", [], ""
    while cursor is not None:
        page = requests.get(url, params={"folderId": "root", "limit": 2, "offset": 99, "cursor": cursor}, **ask).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["cursor"]
    assert names == ["DJ sets", "Home", "Loose ends", "Empty yet", "Undertow: The Label"]


def test_discogs_client_reads_the_account(discogs, replay):
    me = discogs.identity()
    folders = {folder.name: folder for folder in me.collection_folders}
    owned = list(folders["All"].releases)
    assert len(owned) == len({item.instance_id for item in owned}) == len({item.id for item in owned}) + 1  # one is there twice
    assert sum(folder.count for name, folder in folders.items() if name != "All") == folders["All"].count == len(owned)
    assert len(list(me.wantlist)) == len(WANTED)
    release = owned[0].release
    release.refresh()
    assert [t.position for t in release.tracklist][:3] == ["A1", "A2", "A3"]
    assert discogs.search("slack water dub mix", type="release").count == 1
    assert len(requests.get(release.data["images"][0]["uri"], timeout=5).content) > 10_000


def test_a_page_past_the_end_is_404(discogs):
    import discogs_client

    with pytest.raises(discogs_client.exceptions.HTTPError) as caught:
        discogs._get(f"{discogs._base_url}/users/{USER}/wants?page=9&per_page=100")
    assert caught.value.status_code == 404


@pytest.mark.parametrize("platform", ["spotify", "tidal", "discogs"])
def test_without_the_token_nothing_is_said(replay, platform):
    path = {"spotify": "v1/me", "tidal": "v1/sessions", "discogs": "oauth/identity"}[platform]
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert requests.get(f"{replay.endpoint(platform)}/{path}", headers=headers, timeout=5).status_code == 401


def test_a_fault_comes_at_its_request_and_no_other(replay):
    replay.fault(500, "oauth", n=2, times=2)
    url = replay.endpoint("discogs") + "/oauth/identity?token=" + replay.discogs.token
    assert [requests.get(url, timeout=5).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert [status for _, status in replay.log] == [200, 500, 500, 200]
    assert len(replay.asked("discogs/oauth")) == 4


def test_pages_can_repeat_shrink_empty_and_shift(replay):
    url = replay.endpoint("spotify") + "/v1/me/tracks?limit=10&offset=20"
    ask = {"headers": {"Authorization": f"Bearer {replay.spotify.token}"}, "timeout": 5}
    right = requests.get(url, **ask).json()["items"]
    replay.fault("repeat")
    assert requests.get(url, **ask).json()["items"] == requests.get(url.replace("=20", "=0"), **ask).json()["items"]
    replay.clear()
    for kind, expected in (("short", right[:5]), ("nulls", [None] * 10)):
        replay.fault(kind)
        assert requests.get(url, **ask).json()["items"] == expected
    replay.fault("act", do=lambda: replay.spotify.lists["me/tracks"].pop(0))
    assert requests.get(url, **ask).json()["items"][:9] == right[1:]


def test_what_the_server_does_not_know_is_said(replay):
    assert requests.get(replay.url + "/nowhere", timeout=5).status_code == 404
    replay.add("listenbrainz", lambda request: {"path": request.path, "count": request.query["count"]})
    assert requests.get(replay.endpoint("listenbrainz") + "/1/x?count=3", timeout=5).json() == {"path": "1/x", "count": "3"}
    replay.add("broken", lambda request: 1 / 0)
    answer = requests.get(replay.endpoint("broken"), timeout=5)
    assert answer.status_code == 500 and "ZeroDivisionError" in answer.text
