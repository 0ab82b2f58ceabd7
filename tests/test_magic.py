"""What a notebook can do with SQL: cells of it, tables whose ids lead to the pages, charts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import musicdb
from musicdb import charts, magic
from musicdb.errors import BadInput
from musicdb.web import serve

from .small import Small


@pytest.fixture
def db(tmp_path):
    small = Small(tmp_path / "music.db")
    album = small.album("Drift")
    for title, year, bpm in (("Nightfall", 1997, 128.0), ("Tide", 2001, 122.5), ("<b>Bold</b>", 2001, None)):
        small.track(title, album, artist_credit="Ada", year=year, bpm=bpm, duration_ms=431_000)
    yield small.db
    small.db.close()


# ---------- %%sql


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "musicdb")
        yield shell
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


def test_a_cell_of_sql_takes_the_variables_of_the_notebook(shell, db):
    shell.user_ns |= {"db": db, "year": 2000, "titles": ["Tide", "Nightfall"], "folder": Path("/a b")}
    rows = shell.run_cell_magic("sql", "", "select title, :folder as folder from tracks where year > :year order by id")
    assert [tuple(row.values()) for row in rows] == [("Tide", str(Path("/a b"))), ("<b>Bold</b>", str(Path("/a b")))]
    assert "<table class='mdb-rows'>" in rows._repr_html_()
    rows = shell.run_cell_magic("sql", "db", "select count(*) as n from tracks where title in (select value from json_each(:titles))")
    assert rows[0].n == 2


@pytest.mark.parametrize(
    "line, cell, words",
    [
        ("", "select :nothing", "no variable 'nothing' in this notebook"),
        ("", "select titel from tracks", "no such column: titel"),
        ("", "select 1; select 2", "one statement"),
        ("other", "select 1", "no open database called 'other'"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_no_traceback(shell, db, line, cell, words):
    shell.user_ns["db"] = db
    with pytest.raises(UsageError, match=words):
        shell.run_cell_magic("sql", line, cell)


def test_a_change_by_hand_is_counted_and_kept_as_a_decision(db):
    assert magic.sql({"db": db}, "", "update tracks set year = 1998 where title = 'Tide'") == "1 rows changed"
    assert db.q("select field, value from decisions") == [{"field": "year", "value": "1998"}]


# ---------- tables


def test_an_open_database_says_what_is_in_it_and_what_to_do(db, tmp_path):
    assert "<b>3 tracks</b>, 1 album." in db._repr_html_() and str(db.path) in db._repr_html_()
    with musicdb.open(tmp_path / "<b>.db") as empty:
        assert "begin with the notebook 01-import" in empty._repr_html_() and "&lt;b&gt;.db" in empty._repr_html_()


def test_values_look_as_on_the_pages_and_text_stays_text(db):
    html = db.q("select title, bpm, duration_ms from tracks")._repr_html_()
    assert "&lt;b&gt;Bold" in html and "<b>" not in html and "7:11" in html and "128.0" in html
    assert "<a " not in html, "nobody serves it"


def test_text_stands_left_numbers_right_and_what_platforms_say_is_written_as_people_write(db):
    said = '{"discogs": ["Low Pylon", "<b>Salt</b>"], "local": "[\\"Ember\\"]", "tidal": null}'
    html = db.q("select 'x' as title, 3 as plays, ? as said_by, '2026-05-03T12:04:00Z' as last_seen", [said])._repr_html_()
    assert "<td>x</td>" in html and "<td class='r'>3</td>" in html and "<th scope='col' class='r'>plays</th>" in html
    assert (
        "discogs</span> Low Pylon, &lt;b&gt;Salt&lt;/b&gt;</span>" in html
        and "file</span> Ember</span>" in html
        and "tidal</span> –</span>" in html
    )
    assert ">3 May 2026 12:04</time>" in html


@pytest.fixture
def served(db):
    sock = serve.listen(18950)
    here = f"http://{serve.HOST}:{sock.getsockname()[1]}/"
    server = serve.server(db.path, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    with serve.marked(db.path, here):
        yield here
        server.should_exit = True
        thread.join(10)
        sock.close()
    assert not serve.mark(db.path).exists()


def test_a_cell_leaves_no_transaction_open(db):
    for cell in ("begin", "begin immediate", "savepoint one"):
        with pytest.raises(BadInput, match="a step of its own"):
            magic.sql({"db": db}, "", cell)
        assert not db.conn.in_transaction


def test_ids_and_titles_lead_to_the_pages_while_somebody_serves_them(db, served):
    serve._asked.clear()
    track = db.value("select id from tracks where title = 'Tide'")
    page = f'<a href="{served}music/tracks/{track}">'
    assert db.q("select id, title from tracks where title = 'Tide'")._repr_html_().count(page) == 2
    html = db.q("select id as track_id, title, album, release_group_id from library where id = :id", {"id": track})._repr_html_()
    assert html.count(page) == 2 and html.count(f'<a href="{served}music/release_groups/') == 2
    assert "<a " not in db.q("select count(*) as id from platform_tracks")._repr_html_()


def test_an_old_mark_or_another_program_on_the_port_makes_no_links(db, tmp_path):
    serve._asked.clear()
    for text in ("http://127.0.0.1:9/", "http://192.0.2.1:80/", "nonsense", "http://127.0.0.1:99999999/"):
        serve.mark(db.path).write_text(text)
        serve._asked.clear()
        assert serve.address(db.path) is None


def test_the_pages_of_another_database_are_not_ours(db, served, tmp_path):
    with musicdb.open(tmp_path / "other.db") as other:
        serve.mark(other.path).write_text(served)
        assert serve.address(other.path) is None


# ---------- charts

ROWS = [{"year": 1997, "tracks": 3, "genre": "Dub"}, {"year": 1998, "tracks": None, "genre": "<script>"}]


def test_a_chart_is_a_description_that_jupyterlab_draws_without_asking_anybody():
    data, about = charts.bar(ROWS, "year", "tracks", title="Tracks by year")._repr_mimebundle_()
    spec = data[charts.MIME]
    assert spec["data"]["values"] == [{"year": 1997, "tracks": 3}, {"year": 1998, "tracks": None}]
    assert spec["mark"]["type"] == "bar" and spec["encoding"]["x"] == spec["encoding"]["x"] | {"field": "year", "type": "ordinal"}
    assert "url" not in str(spec["data"]) and about[charts.MIME]["embed_options"]["actions"] is False
    assert data["text/plain"] == "<chart: Tracks by year, 2 values>"


def test_lines_over_days_are_time_and_heat_maps_are_two_columns_and_a_number():
    days = [{"day": "2026-01-02", "plays": 2, "platform": "spotify"}, {"day": "2026-01-03", "plays": 1.5, "platform": "tidal"}]
    found = charts.line(days, "day", "plays", color="platform").spec["encoding"]
    assert (found["x"]["type"], found["color"]["field"]) == ("temporal", "platform")
    found = charts.heat([{"hour": 1, "weekday": "Mon", "plays": 4}], "hour", "weekday", "plays").spec
    assert found["mark"]["type"] == "rect" and found["encoding"]["color"]["field"] == "plays"
    assert found["encoding"]["x"]["sort"] == "ascending" and found["encoding"]["y"]["sort"] is None, "numbers by size, words as they come"
    assert charts.bar([], "x", "y").spec["data"]["values"] == []


@pytest.mark.parametrize(
    "rows, words",
    [
        ([{"a": 1}], "no column 'year'.*there are a"),
        ([{"year": 1, "tracks": "many"}], "has to be a number"),
        ([{"year": 1, "tracks": 1}] * 5001, "group them"),
    ],
)
def test_what_cannot_be_drawn_is_said(rows, words):
    with pytest.raises(BadInput, match=words):
        charts.bar(rows, "year", "tracks")
