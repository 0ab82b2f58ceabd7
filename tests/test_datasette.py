# ruff: noqa: F811  (fixtures are asked for by their name)
"""Datasette over a small library: every page answers, looks right, and answers only to this computer."""

import asyncio
import html
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import datasette
import pytest
import yaml
from datasette.app import Datasette
from PIL import Image

from musicdb import assets, schema
from musicdb.errors import BadInput
from musicdb.web import serve
from tests.serving import HOSTILE, get, lib, library, tables  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent


# ---------- every page


def test_the_homes_table_and_view_pages_answer(get, tables):
    assert len(tables) > 70
    paths = ["/", lib(), *(lib(f"/{name}") for name in tables)]
    assert {path: get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_every_table_and_view_answers_as_json(get, tables):
    paths = [lib(f"/{name}.json?_size=5") for name in tables if "_fts" not in name]
    assert {path: get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


QUERIES = yaml.safe_load((ROOT / "metadata.yml").read_text("utf-8"))["databases"]["music"]["queries"]


def test_facets_name_columns_that_lead_an_index(get, library):
    conn = sqlite3.connect(library)
    tables = yaml.safe_load((ROOT / "metadata.yml").read_text("utf-8"))["databases"]["music"]["tables"]
    names = {row[0] for row in conn.execute("select name from sqlite_master where type in ('table', 'view') and name not like '%_fts%' and name not like 'sqlite%'")}
    told = get.app.metadata("databases")["my lib"]["tables"]
    assert all(told[name]["title"] and told[name]["title"] != name and told[name]["description"] for name in names - {"_sqlite_migrations"})
    assert names - tables.keys() == {"_sqlite_migrations"} - tables.keys(), "what is new has a title in metadata.yml, or is hidden there"
    for table, settings in tables.items():
        if table.startswith("sqlite_"):
            continue
        assert conn.execute("select 1 from sqlite_master where name = ?", [table]).fetchone(), table
        columns = [row[1] for row in conn.execute(f"pragma table_xinfo({table})")]
        for name in ("label_column", "sort", "sort_desc"):
            assert settings.get(name) is None or settings[name] in columns, (table, settings)
        indexes = conn.execute(f"pragma index_list({table})").fetchall()
        leading = {conn.execute(f"pragma index_info({row[1]})").fetchone()[2] for row in indexes}
        assert set(settings.get("facets", [])) <= leading, table
    conn.close()


def test_every_table_and_column_is_described(get, library):
    told = get.app.metadata("databases")["my lib"]["tables"]
    with closing(sqlite3.connect(library)) as conn:
        names = [row[0] for row in conn.execute("select name from sqlite_master where type in ('table', 'view') and name not glob '*_fts*' and name not glob '*sqlite_*'")]
        columns = {(name, row[1]) for name in names for row in conn.execute(f"pragma table_xinfo({name})")}
    assert columns - {(name, column) for name in names for column, text in told[name]["columns"].items() if text} == set()
    assert told["tracks"]["title"] == "Tracks" and told["tracks"]["columns"]["bpm"] == schema.descriptions()["tracks"][1]["bpm"]
    page = get(lib("/tracks")).text
    assert schema.descriptions()["tracks"][0].split(".")[0] in page and "What the columns mean" in page


def test_what_keeps_the_library_running_is_hidden_from_the_list_of_tables(get):
    listed = {one["name"] for one in get(lib(".json")).json()["tables"] if not one["hidden"]}
    assert not [name for name in listed if "_fts" in name or (name.endswith("_ids") and name != "external_ids") or "rollup" in name or name.startswith(("sqlite_", "_", "listen_"))]
    assert {"tracks", "platform_tracks", "playlists"} <= listed and not {"resolved", "disagreements", "import_batches", "sync_checkpoints"} & listed


def test_technical_columns_stand_behind(get):
    front, every = get(lib("/platform_tracks")).text, get(lib("/platform_tracks?_all=1")).text
    assert 'class="col-metadata_hash"' not in front and 'class="col-title"' in front and "more columns</a>" in front
    assert 'class="col-metadata_hash"' in every and "more columns</a>" not in every
    assert 'class="col-match_key"' in get(lib("/platform_tracks?_col=match_key")).text
    assert ">metadata hash<" in get(lib("/platform_tracks/1")).text and "metadata_hash" in get(lib("/platform_tracks.json?_shape=array")).json()[0]


def test_a_picture_that_sql_brings_is_shown(get):
    page = get(lib(), params={"sql": "select data as picture from image_renditions where size = 'thumbnail' limit 1"})
    assert 'src="data:image/jpeg;base64,' in page.text and "img-src 'self' data:" in page.headers["content-security-policy"]


def test_a_question_says_how_to_ask_it_in_a_terminal(get):
    page = html.unescape(get(lib("/versions?title=Night")).text)
    assert "sqlite-utils query " in page and "-p title Night -t" in page


# ---------- how it looks


def test_the_home_page_shows_totals_covers_and_what_waits(get):
    page = get("/").text
    assert re.search(r"<b>2</b> tracks", page) and "Recently added" in page and "<b>1</b> thing that could not be read" in page
    assert 'loading="lazy"' in page and "/-/cover/my+lib/1/medium" in page
    assert get(lib("/home")).status_code == 200


def test_questions_stand_in_groups(get):
    page = get(lib()).text
    groups = {query["group"] for query in QUERIES.values()}
    assert groups == {"Own", "Mix", "Put right", "Listen", "Collect"} and all(f"<h2>{group}</h2>" in page for group in groups)
    assert all(query["title"] in page for query in QUERIES.values()) and "compatible_keys" in page


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
    assert "What platforms say of tracks 1<" in page and '<th scope="row" title=' in page and "<b>1</b> track links" in page
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
        text = text.replace("https://datasette.io/", "").replace('<script {% if url.module %}type="module" {% endif %}src="{{ url.url }}"', "")
        assert "http://" not in text and "https://" not in text and "<script" not in text and " onclick" not in text and " style=" not in text, path
        assert not re.search(r"\burl\(|@import", text), path


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
