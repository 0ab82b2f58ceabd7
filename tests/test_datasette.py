"""Datasette over a small library: every page answers, looks right, and answers only to this computer."""

import asyncio
import io
import json
import re
import shutil
import sqlite3
from pathlib import Path

import datasette
import pytest
import yaml
from datasette.app import Datasette
from PIL import Image

from musicdb import assets, images, schema
from musicdb.errors import BadInput
from musicdb.web import cells, guard, pages, serve
from tests.small import Small

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """`my lib.db`: a name with a space, so that nothing depends on the name."""
    path = tmp_path_factory.mktemp("library") / "my lib.db"
    small = Small(path)
    album = small.album("Nightfall")
    values = {"version": "Dub Mix", "artist_credit": "Kōji Ōno", "bpm": 127.96, "musical_key": "5A", "duration_ms": 431999, "year": 1997}
    a = small.track("Nightfall", album, **values, rating=4, sources={"year": "user", "bpm": "rekordbox"})
    b = small.track(HOSTILE, small.album(HOSTILE), artist_credit=HOSTILE, year=2001, duration_ms=3_725_000)
    observed = small.observe(
        a,
        "local",
        said={"year": 1997, "genres": ["Dub", HOSTILE], "bpm": 128, "duration_ms": 431999, "cover": "embedded"},
        isrc="ZZAAA2600001",
    )
    small.image((200, 0, 0), observed)
    other = small.observe(
        a,
        "spotify",
        said={"year": 1999, "title": HOSTILE},
        title=HOSTILE,
        album=HOSTILE,
        artists=[HOSTILE],
        metadata={"name": HOSTILE, "more": list(range(3000))},
    )
    small.observe(b, "rekordbox", said={"year": 2001}, missing_since="2026-05-01T00:00:00Z", isrc="ZZAAA2600001")
    playlist = small.insert("platform_playlists", platform="spotify", external_id="p1", name=HOSTILE)
    small.insert(
        "platform_playlist_items", platform_playlist_id=playlist, position=0, platform_track_id=other, first_seen_at="2026-05-03T12:04:00Z"
    )
    raw = small.insert(
        "listens_raw", user_id=1, platform="spotify", listened_at="2026-05-03T12:04:00Z", payload={}, ingested_at="2026-05-03T12:05:00Z"
    )
    external_id = small.db.value("select external_id from platform_tracks where id = ?", [other])
    small.insert(
        "listens",
        raw_id=raw,
        user_id=1,
        platform="spotify",
        track_external_id=external_id,
        listened_at="2026-05-03T12:04:00Z",
        ms_played=200000,
    )
    small.insert("quarantine", platform="local", kind="file", item=HOSTILE, reason=HOSTILE, at="2026-05-03T12:04:00Z")
    small.insert("artists", id=small.identity("artist"), name=HOSTILE, name_norm="x")
    with small.db.operation("import", platform="spotify"):
        pass
    images.select(small.db)
    small.db.close()
    return path


@pytest.fixture(scope="module")
def get(library):
    served = serve.app(library)
    loop = asyncio.new_event_loop()

    def ask(path, **options):
        method = options.pop("method", "get")
        return loop.run_until_complete(getattr(served.client, method)(path, **options))

    ask.app = served
    yield ask
    for database in served.databases.values():
        database.close()
    served.executor.shutdown()
    loop.close()


@pytest.fixture(scope="module")
def tables(library):
    conn = sqlite3.connect(library)
    names = [row[0] for row in conn.execute("select name from sqlite_master where type in ('table', 'view') order by name")]
    conn.close()
    return names


def lib(path=""):
    return "/my+lib" + path


# ---------- every page


def test_the_homes_table_and_view_pages_answer(get, tables):
    assert len(tables) > 70
    paths = ["/", lib(), *(lib(f"/{name}") for name in tables)]
    assert {path: get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_every_table_and_view_answers_as_json(get, tables):
    paths = [lib(f"/{name}.json?_size=5") for name in tables if "_fts" not in name]
    assert {path: get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


QUERIES = yaml.safe_load((ROOT / "metadata.yml").read_text("utf-8"))["databases"]["music"]["queries"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_answers_with_and_without_parameters(get, name):
    given = {"field": "bpm", "key": "Am", "bpm": "128", "within": "8", "title": "Night", "what": "year"}
    given |= {"since": "2026-01-01", "until": "2027-01-01"}
    wanted = {p: given[p] for p in re.findall(r":(\w+)", QUERIES[name]["sql"])}
    for params in ({}, wanted):
        answer = get(lib(f"/{name}"), params=params)
        assert answer.status_code == 200 and "message-error" not in answer.text
        assert get(lib(f"/{name}.json"), params=params | {"_shape": "array"}).json() is not None
    assert QUERIES[name]["title"] and QUERIES[name]["description"]


def test_saved_queries_find_what_they_say(get):
    def titles(name, **params):
        return [row["title"] for row in get(lib(f"/{name}.json"), params=params | {"_shape": "array"}).json()]

    assert titles("disagree") == ["Nightfall"] and titles("disagree", field="bpm") == []
    assert titles("mixes_with", key="Cm", bpm="126") == ["Nightfall"] and titles("mixes_with") == []
    assert titles("versions", title="night") == ["Nightfall"]
    assert titles("without", what="bpm") == [HOSTILE] and titles("without", what="year") == []
    assert titles("most_played") == ["Nightfall"] and titles("most_played", since="2027-01-01") == []
    assert titles("never_played") == [HOSTILE]
    assert get(lib("/same_isrc.json?_shape=array")).json()[0]["tracks"] == 2


def test_facets_name_columns_that_lead_an_index(get, library):
    conn = sqlite3.connect(library)
    tables = yaml.safe_load((ROOT / "metadata.yml").read_text("utf-8"))["databases"]["music"]["tables"]
    for table, settings in tables.items():
        assert conn.execute("select 1 from sqlite_master where name = ?", [table]).fetchone(), table
        columns = [row[1] for row in conn.execute(f"pragma table_xinfo({table})")]
        for name in ("label_column", "sort", "sort_desc"):
            assert settings.get(name) is None or settings[name] in columns, (table, settings)
        indexes = conn.execute(f"pragma index_list({table})").fetchall()
        leading = {conn.execute(f"pragma index_info({row[1]})").fetchone()[2] for row in indexes}
        assert set(settings.get("facets", [])) <= leading, table
    conn.close()


def test_every_table_and_column_is_described(get):
    told = get.app.metadata("databases")["my lib"]["tables"]
    assert told["tracks"]["title"] == "Tracks" and told["tracks"]["columns"]["bpm"] == schema.descriptions()["tracks"][1]["bpm"]
    page = get(lib("/tracks")).text
    assert schema.descriptions()["tracks"][0].split(".")[0] in page and "What the columns mean" in page


# ---------- how it looks


def test_the_home_page_shows_totals_covers_and_questions(get):
    page = get(lib()).text
    assert re.search(r"<b>2</b> tracks", page) and "Recently added" in page and "could not be read" in page
    assert 'loading="lazy"' in page and "/-/cover/my+lib/1/medium" in page
    assert "Streamed, not owned" in page and "What mixes with it" in page
    assert get("/").text.count("Recently added") == 1


def test_a_track_page_says_whose_each_value_is(get):
    page = get(lib("/tracks/1")).text
    assert "Nightfall" in page and "(Dub Mix)" in page and "7:12" in page and "128.0" in page
    assert 'src="/-/cover/my+lib/1/large"' in page
    assert 'class="chip p-user won"' in page and "decided" in page  # the year is a decision
    assert 'class="differs"' in page  # Spotify says 1999
    assert "same title" in page and '<b class="num">97</b>' in page  # evidence of the links
    assert "All columns" in page


def test_an_album_page_lists_its_tracks(get):
    page = get(lib("/release_groups/1")).text
    assert 'class="tracklist"' in page and "/my+lib/tracks/1" in page and "7:12" in page


def test_the_library_shows_covers_times_keys_and_chips(get):
    page = get(lib("/library")).text
    assert '<img class="cover" src="/-/cover/my+lib/1/small" alt="Cover of Nightfall" loading="lazy"' in page
    assert ">7:12<" in page and ">1:02:05<" in page and ">128.0<" in page and 'title="Cm">5A<' in page
    assert '<span class="chip p-local">file</span> <span class="chip p-spotify">spotify</span>' in page
    assert '<a href="/my+lib/tracks/1">Nightfall</a>' in page


def test_the_library_can_be_searched(get):
    assert [row["title"] for row in get(lib("/library.json?_search=koji&_shape=array")).json()] == ["Nightfall"]


def test_renditions_in_a_table_are_small_pictures_not_data(get):
    page = get(lib("/image_renditions")).text
    assert page.count('src="/-/cover/my+lib/1/small"') >= 4 and "data:image" not in page and len(page) < 60_000


def test_json_is_folded_and_long_json_is_cut(get):
    page = get(lib("/platform_tracks")).text
    assert "<summary>everything spotify says: 2 fields</summary>" in page and "characters more" in page


def test_a_row_is_shown_a_line_a_column_with_what_points_at_it(get):
    page = get(lib("/platform_tracks/1")).text
    assert "What platforms say of tracks: 1" in page and '<th scope="row" title=' in page and "<b>1</b> track_links" in page
    assert '<a href="/my+lib/tracks/1">1</a>' in get(lib("/track_links")).text


def test_hostile_text_is_escaped_on_every_page(get, tables):
    paths = [
        "/",
        lib(),
        lib("/tracks/1"),
        lib("/tracks/2"),
        lib("/release_groups/2"),
        lib("/platform_tracks/2"),
        *(lib(f"/{name}") for name in tables),
    ]
    paths += [lib(f"/{name}") for name in QUERIES]
    seen = 0
    for path in paths:
        page = get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page and "7*7" not in page.replace("{{ 7*7 }}", ""), path
        seen += "&lt;script&gt;alert(1)" in page
    assert seen > 20


def test_templates_trust_no_text_and_ask_no_other_site():
    for path in (ROOT / "datasette").rglob("*.*"):
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b", text), path
        assert "http://" not in text and "https://" not in text and "<script" not in text and " onclick" not in text, path
        assert "url(" not in text and "@import" not in text, path


# ---------- covers by address


def test_a_cover_has_an_etag_and_is_private(get):
    answer = get("/-/cover/my+lib/1/medium")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=3600" and answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (300, 300)
    again = get("/-/cover/my+lib/1/medium", headers={"if-none-match": f'"other", {answer.headers["etag"]}'})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == answer.headers["etag"]
    assert get("/-/cover/my+lib/1/small").headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "/-/cover/my+lib/999/small",
        "/-/cover/my+lib/1/original",
        "/-/cover/my+lib/1/huge",
        "/-/cover/other/1/small",
        "/-/cover/my+lib/x/small",
        "/-/cover/my+lib/99999999999999999999/small",
        "/-/cover/_internal/1/small",
    ],
)
def test_what_is_no_cover_is_not_found(get, path):
    assert get(path).status_code == 404


def test_covers_ask_for_permission(library):
    locked = serve.app(library)
    locked._metadata_local["databases"]["my lib"]["tables"]["image_renditions"] = {"allow": False}
    assert asyncio.run(locked.client.get("/-/cover/my+lib/1/small")).status_code == 403
    locked._metadata_local["allow"] = False
    assert asyncio.run(locked.client.get("/-/cover/my+lib/1/small")).status_code == 403


def test_the_stylesheet_is_cached_by_its_hash(get):
    address = re.search(r'href="(/-/musicdb.css\?\w+)"', get("/").text)[1]
    answer = get(address)
    assert answer.status_code == 200 and "text/css" in answer.headers["content-type"] and "prefers-color-scheme: dark" in answer.text
    assert get(address, headers={"if-none-match": answer.headers["etag"]}).status_code == 304


# ---------- the guard


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


# ---------- how it is served


def test_sql_functions_work_in_queries(get):
    answer = get(lib(".json"), params={"sql": "select camelot('Am') as k, similarity('a','a') as s", "_shape": "array"}).json()
    assert answer == [{"k": "8A", "s": 100.0}]


def test_plain_datasette_works_without_our_templates(library, tmp_path):
    copy = tmp_path / "music.db"
    shutil.copy(library, copy)
    plain = Datasette([str(copy)], metadata=yaml.safe_load((ROOT / "metadata.yml").read_text("utf-8")))
    ask = lambda path: asyncio.run(plain.client.get(path))  # noqa: E731
    assert 'class="cover"' in ask("/music/library").text
    assert {path: ask(path).status_code for path in ("/", "/music", "/music/tracks", "/music/tracks/1", "/music/without")} == dict.fromkeys(
        ("/", "/music", "/music/tracks", "/music/tracks/1", "/music/without"), 200
    )


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    conn = sqlite3.connect(path)
    conn.execute("create table t(cover int, bpm real)")
    conn.execute("insert into t values (1, 128)")
    conn.commit()
    conn.close()
    other = Datasette([str(path)])
    page = asyncio.run(other.client.get("/other/t")).text
    assert "img" not in page and "musicdb.css" not in page and "128.0" in page


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="no database at"):
        serve.app(tmp_path / "none.db")


def test_a_taken_port_gives_the_next_free_one():
    first = serve.listen(18731)
    second = serve.listen(first.getsockname()[1])
    try:
        assert second.getsockname()[0] == "127.0.0.1" and second.getsockname()[1] > first.getsockname()[1]
    finally:
        first.close()
        second.close()


def test_no_free_port_is_said():
    with pytest.raises(BadInput, match="no free port"):
        serve.listen(65_535 + 1)


def test_the_server_answers_on_its_socket(library):
    import threading
    import urllib.request

    sock = serve.listen(18800)
    server = serve.server(library, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sock.getsockname()[1]}/my+lib/library.json?_shape=array", timeout=20) as answer:
            assert len(json.load(answer)) == 2
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()
    assert not thread.is_alive()


def test_assets_are_found_beside_an_installed_package_first(tmp_path, monkeypatch):
    package = tmp_path / "site" / "musicdb"
    (package / "_assets" / "datasette").mkdir(parents=True)
    (tmp_path / "site" / "datasette").mkdir()
    monkeypatch.setattr(assets, "__file__", str(package / "assets.py"))
    assert assets.path("datasette") == package / "_assets" / "datasette"
    with pytest.raises(FileNotFoundError, match="install musicdb again"):
        assets.path("notebooks")


def test_our_folder_does_not_hide_the_real_datasette():
    assert not list((ROOT / "datasette").rglob("__init__.py")) and not list((ROOT / "datasette").rglob("*.py"))
    assert "site-packages" in datasette.__file__


def test_fields_tell_who_agrees_and_who_does_not():
    row = {"title": "A", "bpm": 118.27, "duration_ms": 431999, "sources": '{"title": "local", "bpm": "rekordbox"}'}

    def claim(field, platform, value, type="text"):
        return {"field": field, "platform": platform, "value": value, "type": type}

    claims = [
        claim("title", "local", "A"),
        claim("title", "spotify", "A"),
        claim("title", "tidal", "B"),
        claim("bpm", "local", 118.3, "real"),
        claim("duration_ms", "tidal", 432001, "integer"),
        claim("genres", "local", '["Dub","House"]', "array"),
    ]
    found = {f["name"]: (f["whose"], f["agree"], f["others"]) for f in pages.fields(row, claims)}
    assert found == {
        "title": ("local", ["spotify"], [("tidal", "B")]),
        "bpm": ("rekordbox", ["local"], []),
        "duration_ms": (None, ["tidal"], []),
        "genres": (None, [], [("local", "Dub, House")]),
    }


# ---------- cells, one by one


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "0:00"), (431999, "7:12"), (59_499, "0:59"), (59_500, "1:00"), (3_600_000, "1:00:00"), (36_000_500, "10:00:00")]
)
def test_times_are_minutes_and_seconds(ms, shown):
    assert cells.clock(ms) == shown


def plain(column, value, row=None, table=None):
    return cells.render(column, value, row, table, cover_url=lambda i: f"/c/{i}", row_url=lambda t, i: f"/{t}/{i}")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bpm", "fast"),
        ("bpm", True),
        ("rating", 9),
        ("rating", "4"),
        ("duration_ms", "long"),
        ("duration_ms", -1),
        ("musical_key", "nonsense"),
        ("musical_key", 7),
        ("cover", "1"),
        ("platforms", 3),
        ("platforms", "[1, 2]"),
        ("platform", 7),
        ("metadata", "{broken}"),
        ("metadata", "[]"),
        ("created_at", "soon"),
        ("created_at", "2026-13-03T12:04:00Z"),
        ("title", "A"),
        ("anything", "text"),
        ("data", b"bytes"),
        ("bpm", None),
    ],
)
def test_an_odd_value_is_left_to_datasette(column, value):
    assert plain(column, value) is None


def test_values_look_like_music():
    assert plain("platform", "no<such>") == '<span class="chip p-other">no&lt;such&gt;</span>'
    assert plain("created_at", "2026-05-03T12:04:00Z") == (
        '<time datetime="2026-05-03T12:04:00Z" title="2026-05-03T12:04:00Z">3 May 2026 12:04</time>'
    )
    assert "★★★★☆" in plain("rating", 4)
    assert plain("artists", '["A & B", "C"]') == "A &amp; B, C"
    assert plain("image_id", {"value": 3, "label": "ab12"}, {"title": 'A "B"'}) == cells.cover("/c/3", 'Cover of A "B"')
    assert plain("said_by", '{"local": "<b>"}') == '<span class="said"><span class="chip p-local">file</span> &lt;b&gt;</span>'
    assert plain("title", "A", {"track_id": 7}) == '<a href="/tracks/7">A</a>'
