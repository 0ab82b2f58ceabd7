"""Tracks as a table, edited by other programs, and back: no text is lost, nothing is half done."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicdb import attributes, genres, history, images, links, tags, truth
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.exports import tables

from .observing import observe


@pytest.fixture
def lib(db):
    for n, (title, year) in enumerate([("Peat", 2012), ("=1+1", 2014), ("0012", 2015)]):
        observe(db, "spotify", f"s{n}", title, [f"Moss {n}"], said={"title": title, "artists": [f"Moss {n}"], "year": year, "genres": ["Techno"]})
    links.link(db)
    truth.resolve(db)
    return db


def edited(path, **cells):
    """Change cells of the first line of a CSV as a person would."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0] |= cells
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text):
    assert tables.text_of(tables.cell(text)) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_text_comes_back_from_a_file(tmp_path, texts):
    path = tmp_path / "a.csv"
    tables.write_csv(path, [{"track": n, "title": text} for n, text in enumerate(texts)], ("track", "title"))
    assert [row["title"] for row in tables.read(path)] == texts


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)), st.sampled_from(["genres", "label", "tags"]))
def test_any_list_of_names_comes_back(names, field):
    assert tables.value_of(tables.text_of(tables.cell(names)), field) == (names or None)


@pytest.mark.parametrize("text", ["1/2", "12:30", "2014-12-23", "50%", "$5", "May 5", "5 May 1997", "TRUE", "1.5E+3", "MAR1", "=1+1", "+49 30", "-3", "@here", "'quoted", "0012", "123456789012345678", "1e5", ""])
def test_a_spreadsheet_takes_no_cell_for_a_formula_or_a_number(text):
    assert tables.cell(text).startswith("'")


def test_what_was_not_edited_changes_nothing(lib, tmp_path):
    for path, write in ((tmp_path / "a.csv", tables.write_csv), (tmp_path / "a.json", tables.write_json)):
        write(path, tables.sheet(lib))
        assert tables.diff(lib, path) == []
    assert tables.diff(lib, tables.sheet(lib)) == []


def test_edits_are_decisions_of_one_operation_that_undo_takes_back(lib, tmp_path):
    path = tmp_path / "a.csv"
    tables.write_csv(path, tables.sheet(lib))
    edited(path, title="Turf", year="1999", bpm="128,5", genres="Techno; Dub")
    before = tables.sheet(lib)
    shown = {(row.track, row.field): (row.old, row.new) for row in tables.diff(lib, path)}
    assert shown == {(1, "title"): ("Peat", "Turf"), (1, "year"): (2012, 1999), (1, "bpm"): (None, 128.5), (1, "genres"): (["Techno"], ["Techno", "Dub"])}
    done = tables.apply(lib, path)
    after = tables.sheet(lib, 1)[0]
    assert (after.title, after.year, after.bpm, sorted(after.genres)) == ("Turf", 1999, 128.5, ["Dub", "Techno"])
    assert tables.diff(lib, path) == []
    history.undo(lib, done.operation)
    assert tables.sheet(lib) == before


def test_an_emptied_cell_is_empty_on_purpose(lib, tmp_path):
    tables.write_csv(tmp_path / "a.csv", tables.sheet(lib))
    edited(tmp_path / "a.csv", year="")
    tables.apply(lib, tmp_path / "a.csv")
    assert lib.value("select year from tracks where id = 1") is None


@pytest.mark.parametrize(
    "rows, words",
    [
        ([{"track": 1, "titel": "x"}], "no column 'titel'"),
        ([{"track": 1, "title": "x"}, {"track": 1, "title": "y"}], "track 1 stands on 2 lines"),
        ([{"track": 99, "title": "x"}], "there is no track 99"),
        ([{"track": "one", "title": "x"}], "'one' is no id of a track"),
        ([{"track": 1, "year": "last"}], "year cannot be 'last'"),
        ([{"track": 1, "title": "x"}, {"track": 2, "rating": "9"}], "rating cannot be 9"),
    ],
)
def test_what_cannot_be_is_listed_and_nothing_is_changed(lib, rows, words):
    before = tables.sheet(lib)
    with pytest.raises(BadInput, match=words):
        tables.apply(lib, rows)
    assert tables.sheet(lib) == before and lib.value("select count(*) from decisions") == 0


def test_a_table_without_ids_or_with_broken_lines_is_refused_by_name(lib, tmp_path):
    (tmp_path / "a.csv").write_text("title\nx\n")
    with pytest.raises(BadInput, match="no column 'track'"):
        tables.diff(lib, tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("track,title\n1,x,y\n")
    with pytest.raises(BadInput, match="lines 2"):
        tables.diff(lib, tmp_path / "b.csv")


@pytest.mark.parametrize("text, words", [
    ("track,title,title\n1,x,y\n", "column 'title' more than once"), ("", "no column 'track'"), ("id,title\n1,x\n", "its columns are id, title"),
])  # fmt: skip
def test_a_header_that_is_none_is_refused_by_name(lib, tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadInput, match=words):
        tables.diff(lib, tmp_path / "a.csv")


@pytest.mark.parametrize("name, data, words", [
    ("a.xlsx", b"PK\x03\x04\xff\xfe", "save it as CSV UTF-8"), ("a.csv", "track;title\n1;x".encode("utf-16"), "save it as CSV UTF-8"),
    ("a.json", b"[" * 200_000, "is no JSON"), ("a.json", b'{"track": 1}', "no list of rows"), ("a.json", b"[1]", "no list of rows"),
])  # fmt: skip
def test_a_file_of_another_kind_is_refused_by_name(lib, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInput, match=words):
        tables.diff(lib, tmp_path / name)


@pytest.mark.parametrize("row", [
    {"track": True}, {"track": None}, {"track": 1.5}, {"track": 10**30}, {"track": "1; drop table tracks"}, {"track": -1}, {"track": [1]}, {"track": float("inf")},
    {"track": 1, "year": 10**400}, {"track": 1, "year": float("inf")}, {"track": 1, "genres": "[" * 100_000 + "]"}, {"track": 1, "title": ["x"]}, {"track": 1, "title": {"a": 1}},
    {"track": 1, "tags": {"a": 1}}, {"track": 1, "tags": [1]}, {"track": 1, "tags": [" "]}, {"track": 1, "bpm": "fast"}, {"track": 1, "genres": [[]]}, {"title": "x"},
])  # fmt: skip
def test_hostile_cells_are_refused_or_taken_as_text_and_never_half_done(lib, row):
    before = (tables.sheet(lib, fields=["title", "year"]), lib.value("select count(*) from operations"))
    try:
        tables.apply(lib, [row])
    except BadInput as refused:
        assert str(refused).startswith("nothing was changed") and (tables.sheet(lib, fields=["title", "year"]), lib.value("select count(*) from operations")) == before


def test_a_long_comment_comes_back(lib, tmp_path):
    truth.decide(lib, 1, "comment", "x" * 300_000)
    tables.write_csv(tmp_path / "a.csv", tables.sheet(lib))
    assert tables.diff(lib, tmp_path / "a.csv") == []


def test_a_formula_in_a_cell_is_text_here_and_guarded_when_it_goes_out_again(lib, tmp_path):
    (tmp_path / "a.csv").write_text('track,title\n1,"=HYPERLINK(""http://evil"")"\n')
    tables.apply(lib, tmp_path / "a.csv")
    tables.write_csv(tmp_path / "b.csv", tables.sheet(lib, 1, ["title"]))
    assert "'=HYPERLINK" in (tmp_path / "b.csv").read_text("utf-8-sig")
    assert lib.value("select title from tracks where id = 1") == '=HYPERLINK("http://evil")'


def test_tags_go_out_and_come_back_as_part_of_the_same_operation(lib, tmp_path):
    tags.add(lib, 1, "Energy: peak")
    tags.add(lib, [1, 2], "AC/DC")
    lib.execute("insert into tags (grp, name) values ('', 'a: b; c')")
    path = tmp_path / "a.csv"
    tables.write_csv(path, tables.sheet(lib))
    assert tables.diff(lib, path) == [] and tables.sheet(lib, 1)[0].tags == ["AC: DC", "Energy: peak"]
    edited(path, tags='["a: b; c", "energy: PEAK", "Mood: dark"]', year="1999")
    assert {row.field for row in tables.diff(lib, path)} == {"tags", "year"}
    done = tables.apply(lib, path)
    assert tables.sheet(lib, 1)[0].tags == ["a: b; c", "Energy: peak", "Mood: dark"] and lib.value("select year from tracks where id = 1") == 1999
    assert {row.field for row in done.rows} == {"year", "tags"}
    assert tables.apply(lib, tables.sheet(lib)).operation is None
    history.undo(lib, done.operation)
    assert tables.sheet(lib, 1)[0].tags == ["AC: DC", "Energy: peak"] and lib.value("select year from tracks where id = 1") == 2012
    history.redo(lib)
    edited(path, tags="")
    tables.apply(lib, path)
    assert tables.sheet(lib, 1)[0].tags is None


def test_a_table_saved_with_semicolons_is_read(lib, tmp_path):
    (tmp_path / "a.csv").write_text("track;title\n1;Turf\n", "utf-8-sig")
    assert [row.new for row in tables.diff(lib, tmp_path / "a.csv")] == ["Turf"]


def test_the_commands_show_then_do(lib, tmp_path):
    def run(*words):
        result = CliRunner().invoke(cli, [*words, "--db", str(lib.path)])
        assert result.exit_code == 0, result.output
        return result.output

    path = tmp_path / "a.csv"
    assert "1 rows" in run("export", "csv", str(path), "--where", "year = 2012")
    edited(path, title="Turf")
    assert "1 values would change" in run("import", "table", str(path))
    assert lib.value("select title from tracks where id = 1") == "Peat"
    assert "musicdb undo" in run("import", "table", str(path), "--yes")
    assert lib.value("select title from tracks where id = 1") == "Turf"
    run("export", "json", str(tmp_path / "t.json"), "--table", "platforms")
    assert {row["name"] for row in json.loads((tmp_path / "t.json").read_text())} >= {"spotify", "local"}
    run("export", "csv", str(tmp_path / "q.csv"), "--query", "select id, title from tracks")
    assert "'=1+1" in (tmp_path / "q.csv").read_text("utf-8-sig")


@pytest.mark.parametrize("query", ["delete from tracks", "update tracks set title = 'x'", "selec", "select no_such_column from tracks", "begin"])
def test_a_query_to_be_written_out_writes_nothing(lib, tmp_path, query):
    result = CliRunner().invoke(cli, ["export", "csv", str(tmp_path / "a.csv"), "--query", query, "--db", str(lib.path)])
    assert result.exit_code != 0 and "quer" in result.output and "Traceback" not in result.output
    assert {row.title for row in lib.q("select title from tracks")} == {"Peat", "=1+1", "0012"}
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("call", [
    lambda db, bad: truth.decide(db, 1, "title", bad), lambda db, bad: truth.decide(db, 1, "genres", [bad]), lambda db, bad: tags.add(db, 1, bad),
    lambda db, bad: attributes.put(db, 1, "k", bad), lambda db, bad: attributes.put(db, 1, bad, "v"), lambda db, bad: genres.add_rule(db, bad, "House"),
    lambda db, bad: tables.apply(db, [{"track": 1, "title": bad}]), lambda db, bad: tables.apply(db, [{"track": 1, "tags": [bad]}]),
])  # fmt: skip
@pytest.mark.parametrize("bad", ["a\0b", "\ud800"])
def test_what_sqlite_does_not_keep_as_text_is_refused_everywhere(lib, call, bad):
    before = lib.value("select count(*) from operations")
    with pytest.raises(BadInput):
        call(lib, bad)
    assert lib.value("select count(*) from operations") == before


@pytest.mark.parametrize("which", [10**30, -(10**30), True, 1.5, "select 99999999999999999999", [10**30]])
def test_a_track_that_cannot_be_is_refused_everywhere(lib, which):
    for call in (lambda: truth.decide(lib, which, "year", 1999), lambda: tags.add(lib, which, "x"), lambda: attributes.put(lib, which, "k", "v"),
                 lambda: tables.sheet(lib, which), lambda: images.choose_all(lib, which), lambda: truth.why(lib, which)):  # fmt: skip
        with pytest.raises(BadInput):
            call()
