# ruff: noqa: F811  (fixtures are asked for by their name)
"""Who is answered: this computer's own pages, and who brings the token of a shared library, which shows the music and nothing private."""

import asyncio

import pytest
from datasette.app import Datasette

from musicdb.errors import BadInput
from musicdb.web import guard, serve, share
from tests.serving import HOSTILE, get, lib, library, tables  # noqa: F401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example:8001",
        "0.0.0.0",
        "[::2]:8001",
        "",
        "localhost:x",
        "127.0.0.1:",
        "10.0.0.5:8001",
        "[::1",
        "localhost/x",
    ],
)
def test_a_foreign_host_is_refused(get, host):
    for path in ("/", lib("/tracks.json"), "/-/cover/my+lib/1/small"):
        assert get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8001", "localhost", "LOCALHOST:80", "[::1]", "[::1]:8001"])
def test_this_computer_is_answered(get, host):
    assert get("/-/versions.json", headers={"host": host}).status_code == 200


def test_another_site_cannot_post(get):
    form = {"host": "127.0.0.1:8001"}
    for extra in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ):
        for method in ("post", "put", "patch", "delete"):
            assert get(lib(), method=method, headers=form | extra).status_code == 403, (method, extra)
    for extra in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://127.0.0.1:8001"}, {}):
        assert get(lib(), method="post", headers=form | extra).status_code != 403


def test_no_address_leads_to_another_site():
    headers = [(b"host", b"localhost")]
    for path in ("//example.com/", "/\\example.com/", "/\\/example.com/", "/x\\y/"):
        assert guard.refusal("GET", path, headers), path
    assert guard.refusal("GET", "/music/tracks/1", headers) is None


def test_the_redirect_trick_is_refused(get):
    for path in ("/%5Cexample.com/", "/%5cexample.com", "/%2Fexample.com/"):
        answer = get(path)
        assert answer.status_code in (403, 404) and "location" not in answer.headers


def test_two_host_headers_are_refused():
    assert guard.refusal("GET", "/", [(b"host", b"localhost"), (b"host", b"evil.example")])
    assert guard.refusal("GET", "/", [])


def test_a_host_can_be_allowed_in_the_plugins_settings(library):
    open_to = Datasette([str(library)], metadata={"plugins": {"musicdb": {"hosts": ["music.lan"]}}})
    assert asyncio.run(open_to.client.get("/-/versions.json", headers={"host": "music.lan:8001"})).status_code == 200
    assert asyncio.run(open_to.client.get("/-/versions.json", headers={"host": "evil.example"})).status_code == 403




# ---------- what a browser may load


def test_pages_say_that_a_browser_loads_nothing_but_ours(get):
    for path in ("/", lib(), lib("/tracks/1"), lib("/library"), lib("/versions"), "/-/musicdb.js"):
        answer = get(path)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["script-src"] == "'self'" and policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
    assert get("/-/cover/my+lib/1/small").headers["content-security-policy"] == "default-src 'none'"


def test_no_page_holds_a_script(get, tables):
    for path in ("/", lib(), lib("/charts"), lib("/browse"), lib("/versions?title=a"), *(lib(f"/{name}") for name in tables)):
        page = get(path).text
        assert page.count("<script") == page.count('<script type="module" src="/-/musicdb.js?') == 1, path


# ---------- shared with others

TOKEN = "a-token-of-24-characters"


@pytest.fixture(scope="module")
def shared(library):
    served = serve.app(library, share=TOKEN)
    loop = asyncio.new_event_loop()

    def ask(path, token=TOKEN, **options):
        headers = {"host": "192.168.1.5:8001"} | ({"cookie": f"{share.COOKIE}={token}"} if token else {}) | options.pop("headers", {})
        return loop.run_until_complete(getattr(served.client, options.pop("method", "get"))(path, headers=headers, **options))

    yield ask
    for database in served.databases.values():
        database.close()
    served.executor.shutdown()
    loop.close()


def test_without_the_token_nobody_sees_anything(shared):
    for path in ("/", lib("/tracks/1"), lib("/library.json"), "/-/musicdb.css", "/-/cover/my+lib/1/small", "/-/versions.json"):
        for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x"):
            assert shared(path, token).status_code == 403
    assert shared("/?token=wrong", None).status_code == 403


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(shared):
    answer = shared(lib(f"/browse?token={TOKEN}&q=a%0d%0ab"), None, follow_redirects=False)
    assert (answer.status_code == 303 and answer.headers["location"] == "/my%2Blib/browse?q=a%0D%0Ab") or "token" not in answer.headers["location"]
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=Lax" in answer.headers["set-cookie"]
    assert shared("/", None, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_music_is_shared(shared):
    paths = ["/", lib(), lib("/browse"), lib("/browse.json?q=night"), lib("/browse/albums"), lib("/browse/playlists"), lib("/charts"), lib("/tracks/1"),
             lib("/tracks/1.json"), lib("/release_groups/1"), lib("/artists/1"), lib("/platform_playlists/1"), lib("/library"), lib("/library.json"),
             lib("/versions?title=night"), "/-/cover/my+lib/1/small", "/-/musicdb.css", "/-/musicdb.js"]  # fmt: skip
    assert {path: shared(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_what_is_private_is_refused(shared, tables):
    hidden = [name for name in tables if name not in share.TABLES or name in share.PAGES_ONLY]
    assert {"listens", "listens_raw", "listening", "media_files", "local_tracks", "platform_tracks", "claims", "decisions", "config", "users"} <= set(hidden)
    paths = [lib(f"/{name}{end}") for name in hidden for end in ("", ".json", ".csv", "/1")]
    paths = [path for path in paths if not path.endswith(("/tracks/1", "/playlists/1", "/platform_playlists/1", "/platform_releases/1", "/events/1"))]
    paths += [lib(".json?sql=select+1"), lib("?sql=select+1"), lib("/library.json?_where=1"), lib("/most_played"), lib("/library.m3u8"), lib("/library.xml")]
    paths += ['/my+lib/artists.json?_through={"table":"media_files","column":"path","value":"x"}', lib(".db"), "/-/databases.json", "/-/metadata.json",
              "/-/versions.json", "/-/plugins.json", "/-/settings.json", "/-/threads.json", "/-/actor.json", "/-/permissions", "/-/allow-debug"]  # fmt: skip
    answered = {path: status for path in paths if (status := shared(path).status_code) not in (403, 404)}
    assert answered == {}
    assert shared(lib(), method="post").status_code == 403


def test_pages_for_strangers_tell_no_path_no_play_and_no_history(shared, get):
    mine, theirs = get(lib("/tracks/1.json")).json(), shared(lib("/tracks/1.json")).json()
    assert mine["plays"]["n"] == 1 and "history" in mine and "sql" in mine
    assert not {"plays", "history", "sql"} & theirs.keys() and "comment" not in theirs["row"]
    assert "path" in {one["name"] for one in mine["further"]} and "path" not in {one["name"] for one in theirs["further"]}
    for path in ("/", lib("/tracks/1"), lib("/charts"), lib("/artists/1"), lib("/platform_playlists/1")):
        page = shared(path).text
        assert "/home/me/" not in page and "listening" not in page and "The SQL of" not in page and "musicdb undo" not in page, path


def test_a_library_open_to_others_needs_sharing(library):
    with pytest.raises(BadInput, match="add --share"):
        serve.run(library, 18990, host="0.0.0.0")
