# ruff: noqa: F811  (fixtures are asked for by their name)
"""The pages: each shows what there is, has the JSON and the SQL of it beside it, and follows what a notebook writes."""

import asyncio
import json
import random
import sqlite3
import threading
import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from datasette.utils import MultiParams

import musicdb
from musicdb.web import browse, charts, functions, serve, shaping, walls, warm
from musicdb.web.index import Builder
from musicdb.web.reading import Reader
from tests.serving import HOSTILE, get, lib, library  # noqa: F401
from tests.small import Small

PAGES = ["/home", "/browse", "/browse?view=grid", "/browse/albums", "/browse/artists", "/browse/playlists", "/browse/records", "/browse/events",
         "/charts", "/tracks/1", "/tracks/2", "/release_groups/1", "/release_groups/2", "/artists/1", "/platform_playlists/1"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_its_json_and_its_sql(get, path):
    page = get(lib(path))
    assert page.status_code == 200 and "The SQL of this page" in page.text
    name, _, args = path.partition("?")
    body = get(lib(f"{name}.json") + (f"?{args}" if args else "")).json()
    assert body["sql"] and all(set(one) == {"what", "sql", "params"} for one in body["sql"])
    for one in body["sql"]:
        params = {"sql": one["sql"], "_shape": "array", **one["params"]}
        assert get(lib(".json"), params=params).status_code == 200, one["what"]


@pytest.mark.parametrize("path", ["/tracks/999", "/release_groups/999", "/artists/999", "/playlists/1", "/platform_releases/9", "/events/1"])
def test_what_is_not_there_is_not_found(get, path):
    assert get(lib(path)).status_code == 404 and get(lib(path + ".json")).status_code == 404


def test_hostile_names_stay_text_on_every_page(get):
    seen = 0
    for path in [*PAGES, f"/browse?{urllib.parse.urlencode({'q': HOSTILE, 'genre': HOSTILE, 'platform': HOSTILE, 'sort': HOSTILE})}",
                 f"/browse/albums?{urllib.parse.urlencode({'q': HOSTILE, 'offset': HOSTILE, 'sort': HOSTILE})}"]:  # fmt: skip
        page = get(lib(path)).text
        assert "<script>alert" not in page and "<img src=x" not in page and "49" not in page.split("{{ 7*7 }}")[0][-20:], path
        seen += "&lt;script&gt;alert(1)" in page
    assert seen > 8


def test_the_empty_library_says_what_to_do(tmp_path):
    with musicdb.open(tmp_path / "new.db"):
        pass
    served = serve.app(tmp_path / "new.db")
    ask = lambda path: asyncio.run(served.client.get(path))  # noqa: E731
    assert "musicdb import files ~/Music" in ask("/").text
    for path in ("/new/browse", "/new/browse/albums", "/new/browse/records", "/new/browse/events", "/new/charts", "/new/browse.json", "/new/charts.json"):
        assert ask(path).status_code == 200, path


# ---------- records, playlists of one's own, events


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A record of two sides, one of them a file; a folder, a list and a smart list of one's own; an event."""
    path = tmp_path_factory.mktemp("shelf") / "music.db"
    small = Small(path)
    album = small.album("Long Player")
    one, two = small.track("Side One", album, bpm=124, musical_key="8A", artist_credit="A"), small.track("Side Two", album, bpm=126, musical_key="9A", artist_credit="A")
    release = small.release("discogs", "r1", "Long Player")
    small.db.execute("update platform_releases set said = ? where id = ?", [json.dumps({"artists": ["A"], "label": "L", "catalogue_number": "L 1", "year": 1999}), release])
    small.observe(one, "discogs", release="r1", said={"position": "A1", "disc_no": 1, "track_no": 1}, title="Side One")
    small.observe(two, "discogs", release="r1", said={"position": "B1", "disc_no": 1, "track_no": 2}, title="Side Two")
    file = small.observe(one, "local", said={"title": "Side One"})
    small.insert("media_files", platform_track_id=file, path="/music/one.flac", path_hash="x", format="FLAC")
    small.insert("collection_items", platform_release_id=release, status="owned", platform="discogs", instance_id="1", media_condition="Mint (M)", purchase_price=12.5, currency="EUR")
    folder = small.insert("playlists", name="Crate", kind="folder")
    small.insert("playlists", name="Sunday", parent_id=folder)
    small.insert("playlist_items", playlist_id=2, sort_key="a", track_id=two)
    small.insert("playlist_items", playlist_id=2, sort_key="b", track_id=one)
    small.insert("playlists", name="Fast", kind="smart", query="select id as track_id from tracks where bpm > 125")
    event = small.insert("events", name="Night", start_date="2026-05-01", location="Harbour")
    small.insert("event_recordings", event_id=event, track_id=two, stage="Floor", position=1, set_time="23:10")
    small.db.close()
    served = serve.app(path)
    loop = asyncio.new_event_loop()
    yield lambda path, **options: loop.run_until_complete(served.client.get(path, **options))
    for database in served.databases.values():
        database.close()
    loop.close()


def test_a_record_says_which_side_is_a_file(shelf):
    body = shelf("/music/platform_releases/1.json").json()
    assert [(one["place"], one["has_file"]) for one in body["sides"]] == [("A1", 1), ("B1", 0)] and body["files"] == 1
    page = shelf("/music/platform_releases/1").text
    assert "L 1" in page and "Mint (M)" in page and "12.50 EUR" in page and page.count("to rip") == 1
    assert [row["title"] for row in shelf("/music/browse/records.json?q=L+1").json()["rows"]] == ["Long Player"]


def test_your_playlists_show_their_order_and_a_smart_one_its_answer(shelf):
    assert [row["title"] for row in shelf("/music/playlists/2.json").json()["tracks"]] == ["Side Two", "Side One"]
    assert [row["title"] for row in shelf("/music/playlists/3.json").json()["tracks"]] == ["Side Two"]
    assert '/music/playlists/2">Sunday' in shelf("/music/playlists/1").text
    assert {row["title"] for row in shelf("/music/browse/playlists.json").json()["rows"]} == {"Sunday", "Fast"}


def test_an_event_shows_its_sets(shelf):
    page = shelf("/music/events/1").text
    assert "Harbour" in page and "<h2>Floor</h2>" in page and "23:10" in page and "/music/tracks/2" in page
    assert "/music/events/1" in shelf("/music/tracks/2").text


def test_tracks_of_a_question_can_be_taken_along(shelf):
    sql = "select track_id from playlist_items order by sort_key"
    lines = shelf("/music.m3u8", params={"sql": sql}).text.splitlines()
    assert lines[0] == "#EXTM3U" and lines[-1] == "/music/one.flac" and lines[-2].endswith(",A - Side One")  # Side Two has no file
    answer = shelf("/music.xml", params={"sql": sql})
    tree = ET.fromstring(answer.text)
    assert answer.headers["content-disposition"].endswith('.xml"')
    assert [track.get("Name") for track in tree.iter("TRACK") if track.get("Name")] == ["Side One"]
    assert shelf("/music/library.m3u8").status_code == 200 and "Rekordbox XML" in shelf("/music/library").text
    assert "m3u8" not in shelf("/music", params={"sql": "select 1 as x"}).text


# ---------- browsing


def test_browsing_finds_what_its_sql_finds(library):
    conn = sqlite3.connect(library)
    index = Builder()(conn)
    pick = random.Random(5)
    values = {name: list(found) for name, found in index.facets.items() if found}
    for _ in range(150):
        args = {name: pick.sample(found, 1) for name, found in values.items() if pick.random() < 0.25}
        args |= {"sort": [pick.choice(list(browse.SORTS))]}
        if pick.random() < 0.3:
            args |= {"bpm_from": ["100"], "years_to": [str(pick.randrange(1995, 2005))]}
        if pick.random() < 0.3:
            args["not"] = [pick.choice(values["platform"])]
        if pick.random() < 0.3:
            args["q"] = [pick.choice(["night", "koji", "sc", "zz", '"', "ōno night"])]
        want = browse.asked(MultiParams(args))
        page = browse.browse(Reader(conn), index, want)
        sql, params = browse.sql(want)
        assert [row["id"] for row in page["rows"]] == [row[0] for row in conn.execute(sql, params)], args
        for facet in page["facets"]:
            for one in facet["values"][:3]:
                narrower = browse.asked(MultiParams({**args, facet["name"]: [*args.get(facet["name"], []), one["value"]]}))
                assert browse.matching(Reader(conn), index, narrower).bit_count() == one["count"]
    conn.close()


@pytest.mark.parametrize("args", [{"q": ["\0"]}, {"q": ['"' * 300]}, {"bpm_from": ["nan"]}, {"bpm_from": ["1e400"]}, {"offset": ["-5"]}, {"offset": ["99999999999999"]},
                                  {"year": ["x"]}, {"owned": ["nobody"]}, {"sort": ["drop table"]}, {"rating": ["9"]}, {"not": ["x"] * 20}])  # fmt: skip
def test_odd_addresses_find_something_or_nothing(get, args):
    answer = get(lib(f"/browse?{urllib.parse.urlencode(args, doseq=True)}"))
    assert answer.status_code == 200 and "Error" not in answer.text


def test_search_as_you_type_gets_the_results_alone(get):
    part = get(lib("/browse?q=koji&_part=1")).text
    assert "Nightfall" in part and "<html" not in part and "<header" not in part


def test_a_list_of_fifty_with_covers_weighs_less_than_60_kb(tmp_path):
    small = Small(tmp_path / "music.db")
    album = small.album("An album with a usual name")
    for n in range(60):
        track = small.track(f"A track with a usual name {n}", album, artist_credit="An artist of usual length", bpm=120 + n, musical_key="8A", year=2000, duration_ms=300000)
        for platform in ("local", "spotify", "tidal", "rekordbox"):
            small.observe(track, platform)
    small.image((1, 2, 3), 1)
    musicdb.images.select(small.db)
    small.db.close()
    page = asyncio.run(serve.app(tmp_path / "music.db").client.get("/music/browse"))
    assert page.text.count('loading="lazy"') == 50 and len(page.content) < 60_000


# ---------- what is kept, and what a writer changes


def test_what_a_notebook_writes_shows_at_once(tmp_path):
    small = Small(tmp_path / "music.db")
    small.track("Before", artist_credit="A")
    served = serve.app(tmp_path / "music.db")
    loop = asyncio.new_event_loop()
    ask = lambda path: loop.run_until_complete(served.client.get(path)).text  # noqa: E731
    paths = ("/music/browse", "/music/tracks/1", "/music/tracks", "/music/versions?title=")
    for _ in range(2):
        assert all("Before" in ask(path) for path in paths)
    with small.db.atomic():
        small.db.execute("update tracks set title = 'After' where id = 1")
    assert all("After" in ask(path) for path in paths)
    small.db.close()
    loop.close()


def test_an_answer_is_kept_until_somebody_writes(tmp_path):
    small = Small(tmp_path / "music.db")
    served = serve.app(tmp_path / "music.db")
    asked = []

    async def three_times():
        await served.invoke_startup()
        database = served.get_database("music")
        memory = warm.of(database)

        def make(conn):
            asked.append(1)
            return conn.execute("select count(*) from tracks").fetchone()[0]

        first = await memory.get("n", make), await memory.get("n", make)
        again = await database.execute("select count(*) as n from tracks"), await database.execute("select count(*) as n from tracks")
        assert again[0] is again[1] and (await database.execute("select random()")).rows[0][0] != (await database.execute("select random()")).rows[0][0]
        small.track("New")
        return *first, await memory.get("n", make)

    assert asyncio.run(three_times()) == (0, 0, 1) and len(asked) == 2
    small.db.close()


@pytest.mark.parametrize("path", ["/", "/music/library", "/music/tracks/1.json"])
def test_a_locked_library_says_so(tmp_path, path, monkeypatch):
    small = Small(tmp_path / "music.db")
    small.track("A")
    small.db.execute("pragma journal_mode = delete")
    small.db.close()
    writer = sqlite3.connect(tmp_path / "music.db", isolation_level=None)
    writer.execute("begin exclusive")
    served = serve.app(tmp_path / "music.db")
    monkeypatch.setattr(sqlite3, "connect", _impatient(sqlite3.connect))
    answer = asyncio.run(served.client.get(path))
    writer.execute("rollback")
    writer.close()
    assert answer.status_code == 503 and "Another program is writing" in answer.text and "Traceback" not in answer.text
    assert answer.headers["retry-after"] == "3"


def _impatient(connect):
    def connected(*args, **options):
        return connect(*args, **{**options, "timeout": 0.05})

    return connected


def test_a_library_that_is_migrated_under_the_server_says_so(tmp_path):
    small = Small(tmp_path / "music.db")
    small.track("A")
    small.db.close()
    served = serve.app(tmp_path / "music.db")
    assert asyncio.run(served.client.get("/music/tracks/1")).status_code == 200
    with sqlite3.connect(tmp_path / "music.db") as conn:
        conn.execute("drop view claims")
    conn.close()
    answer = asyncio.run(served.client.get("/music/tracks/1"))
    assert answer.status_code == 503 and "migrated" in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize("end", ["", ".json"])
def test_a_view_that_takes_too_long_says_what_to_do(tmp_path, end):
    small = Small(tmp_path / "music.db")
    small.db.execute("create view slow as with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n")
    small.db.close()
    served = serve.app(tmp_path / "music.db")
    served._settings["sql_time_limit_ms"] = served.sql_time_limit_ms = 20
    answer = asyncio.run(served.client.get(f"/music/slow{end}"))
    assert answer.status_code == 503 and "Filter it first" in answer.text and "sql_time_limit_ms" not in answer.text


# ---------- SQL functions, charts


@pytest.mark.parametrize("one", functions.FUNCTIONS, ids=lambda one: one.example)
def test_a_function_gives_what_its_example_says(get, one):
    answer = get(lib(".json"), params={"sql": f"select {one.example} as answer", "_shape": "array"}).json()
    assert answer == [{"answer": one.answer}]


def test_every_function_of_ours_is_documented():
    made = []
    conn = sqlite3.connect(":memory:")

    class Seen:
        def create_function(self, name, *rest, **options):
            made.append(name)

        def execute(self, sql):
            return conn.execute(sql)

    musicdb.connection.register(Seen())
    assert set(made) == {one.example.split("(")[0] for one in functions.FUNCTIONS}
    conn.close()


def test_months_without_plays_are_months():
    rows = [{"month": "2023-11", "n": 3}, {"month": "2024-02", "n": 1}]
    assert [(one["label"], one["n"]) for one in charts.months(rows)] == [("2023-11", 3), ("2023-12", 0), ("2024-01", 0), ("2024-02", 1)]
    assert charts.months([]) == [] and shaping.plays([])["n"] == 0
    bars = charts.bars(charts.months(rows), 100, 30)
    assert [one["h"] for one in bars] == [30, 0, 0, 10] and all(0 <= one["x"] <= 100 and one["y"] + one["h"] == 30 for one in bars)


def test_the_overlap_counts_each_track_once(library):
    conn = sqlite3.connect(library)
    index = Builder()(conn)
    assert sum(one["n"] for one in charts.overlap(index)["sets"]) == 2 == len(index.ids)
    for one in charts.overlap(index)["sets"]:  # and its link finds them
        assert browse.browse(Reader(conn), index, browse.asked(MultiParams(one["args"])))["total"] == one["n"]
    conn.close()


def test_cues_are_drawn_where_they_are():
    cue = {"platform": "rekordbox", "platform_track_id": 1, "type": "hot_cue", "num": 1, "start_ms": 50_000, "length_ms": None, "name": "x", "color": "#28e214"}
    lane = shaping.lanes([cue, {**cue, "num": None, "start_ms": 75_000, "length_ms": 5_000, "color": "red;x"}, {**cue, "start_ms": "soon"}], 100_000)[0]
    assert [(one["x"], one["width"], one["pad"], one["color"]) for one in lane["cues"]] == [(500.0, 0.0, "B", "#28e214"), (750.0, 50.0, None, None)]


def test_a_wall_is_found_by_what_is_typed(library):
    conn = sqlite3.connect(library)
    assert [row["title"] for row in walls.wall(Reader(conn), "albums", "night")["rows"]] == ["Nightfall"]
    for kind in walls.WALLS:
        for text in ("%", "_", "'", '"', "\0", "a*", "(", "NEAR"):
            walls.wall(Reader(conn), kind, text)
    assert walls.wall(Reader(conn), "sheds") is None
    conn.close()


def test_many_visitors_at_once_are_answered(get, library):
    sock = serve.listen(18840)
    server = serve.server(library, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    import urllib.request

    statuses = []

    def visit(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{sock.getsockname()[1]}{path}", timeout=30) as answer:
            statuses.append(answer.status)

    visitors = [threading.Thread(target=visit, args=[lib(path)]) for path in PAGES * 3]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()
    server.should_exit = True
    thread.join(20)
    sock.close()
    assert statuses == [200] * len(visitors)
