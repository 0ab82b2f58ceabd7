"""The log, undo and redo: cells put back with their types, decisions taken back by new rows, and refusals that name what stands in the way."""

import json

import pytest

import musicdb
from musicdb import history, truth
from musicdb.errors import BadInput
from musicdb.history import CannotUndo
from musicdb.truth import merging
from tests.observing import observe
from tests.resilience import undo as resilience
from tests.test_truth import both, content, track


@pytest.fixture
def library(db):
    """Three tracks; the first known to three platforms that disagree on the year."""
    for platform, key, year in (("local", "a", 2005), ("tidal", "77", 2006), ("discogs", "r1/A1", 1997)):
        observe(db, platform, key, duration_ms=200_000, album="Dusk", said={"year": year, "genres": ["House"]})
    observe(db, "local", "b", title="Daybreak", said={"year": 1999, "genres": ["Dub"]})
    observe(db, "local", "c", title="Noon", artists=["Bob"])
    both(db)
    return db


def test_random_change_sets_are_undone_and_done_again_without_a_mismatch(tmp_path):
    done, rows, mismatches = resilience.run(tmp_path, 150, seed=5)
    assert (done >= 150, rows > 300, mismatches) == (True, True, [])


def test_an_undone_decision_is_a_new_row_and_the_track_is_as_before(library):
    before = content(library)
    first = truth.decide(library, 1, "year", 1969)
    truth.take(library, 1, ["year", "genres"], "tidal")
    history.undo(library)
    assert (track(library).year, library.value("select count(*) from decisions")) == (1969, 5)
    assert history.undo(library).undid == first.operation
    assert content(library) == before
    latest = library.execute("select field, value, platform from decisions order by id desc limit 1").fetchone()
    assert latest == ("year", None, None)


def test_redo_brings_it_again_and_undo_takes_it_back_once_more(library):
    done = truth.decide(library, [1, 2], "rating", 4)
    undone = history.undo(library)
    assert (track(library).rating, history.log(library)[1]["state"]) == (None, f"undone by {undone.operation}")
    history.redo(library)
    assert (track(library).rating, track(library, 2).rating) == (4, 4)
    assert history.undo(library).undid == done.operation
    history.redo(library, done.operation)
    assert track(library).rating == 4
    with pytest.raises(CannotUndo, match="was not undone"):
        history.redo(library, done.operation)


def test_a_later_decision_on_the_same_stands_in_the_way_and_is_named(library):
    first, second = truth.decide(library, 1, "year", 1969), truth.decide(library, [1, 2], "year", 1970)
    with pytest.raises(CannotUndo, match=f"operation {second.operation} .* decided year of track 1 since; take that back first"):
        history.undo(library, first.operation)
    history.undo(library, second.operation)
    history.undo(library, first.operation)
    assert track(library).year == 1997
    with pytest.raises(CannotUndo, match="taken back already"):
        history.undo(library, first.operation)


def test_a_later_change_of_the_same_cell_stands_in_the_way_another_does_not(db):
    with db.operation("tagging") as first:
        db.execute("insert into tags (id, name, description) values (1, 'deep', 'x')")
    with db.operation("tagging") as second:
        db.execute("update tags set description = 'low' where id = 1")
    with db.operation("tagging") as third:
        db.execute("update tags set grp = 'Mood' where id = 1")
    with pytest.raises(CannotUndo, match=rf"operation {second.id} \(tagging\) changed tags \[1\] since"):
        history.undo(db, first.id)
    history.undo(db, second.id)
    assert db.one("select name, grp, description from tags") == {"name": "deep", "grp": "Mood", "description": "x"}
    history.undo(db, third.id)
    history.undo(db, first.id)
    assert db.value("select count(*) from tags") == 0
    with pytest.raises(CannotUndo, match="nothing to undo"):
        history.undo(db)


def test_what_others_hung_on_a_row_since_is_not_deleted_with_it(library):
    with library.operation("tagging") as first:
        library.execute("insert into tags (id, name) values (1, 'deep')")
    with library.operation("tagging") as second:
        library.execute("insert into track_tags (track_id, tag_id) values (1, 1)")
    with pytest.raises(CannotUndo, match=rf"track_tags .* refers to tags 1; operation {second.id}"):
        history.undo(library, first.id)
    assert library.value("select count(*) from track_tags") == 1


def test_a_row_whose_parent_is_gone_cannot_come_back(library):
    library.execute("insert into tags (id, name) values (1, 'deep')")
    library.execute("insert into track_tags (track_id, tag_id) values (1, 1)")
    with library.operation("tagging") as first:
        library.execute("delete from track_tags")
    with library.operation("tagging") as second:
        library.execute("delete from tags")
    with pytest.raises(CannotUndo, match=rf"which is gone; operation {second.id}"):
        history.undo(library, first.id)
    history.undo(library, second.id)
    history.undo(library, first.id)
    assert library.value("select count(*) from track_tags") == 1


def test_a_direct_edit_is_in_the_log_and_can_be_taken_back(library):
    before = content(library)
    library.execute("update tracks set year = 1950, title = 'Night Fall' where id = 1")
    both(library)
    assert (track(library).year, track(library).title_norm) == (1950, "night fall")
    row = history.log(library)[0]
    assert (row["type"], row["actor"], row["what"]) == ("edit", "unknown", "tracks [1]: title,year")
    undone = history.undo(library)
    assert (undone.undid, undone.decisions) == (row["operation"], 2)
    assert content(library) == before
    history.redo(library)
    assert (track(library).year, track(library).title) == (1950, "Night Fall")


def test_text_bytes_and_numbers_come_back_as_they_were(db):
    db.execute("insert into config (key, value) values ('k', ?)", ["a\0b 夜"])
    db.execute("insert into publishers (id, name, platform) values (1, 'x', 'local')")
    with db.operation("test"):
        db.execute("delete from config where key = 'k'")
        db.execute("update publishers set name = ?", ["\0"])
    history.undo(db)
    assert db.value("select value from config where key = 'k'") == "a\0b 夜"
    assert db.value("select name from publishers") == "x"


def test_an_import_and_an_unknown_operation_cannot_be_taken_back(library):
    resolved = library.value("select id from operations where type = 'resolve'")
    with pytest.raises(CannotUndo, match="decided nothing"):
        history.undo(library, resolved)
    for strange in (999, "999", "x", "edit:77", -1):
        with pytest.raises(BadInput, match="there is no"):
            history.undo(library, strange)
    with pytest.raises(CannotUndo, match="nothing to undo"):
        history.undo(library)
    with pytest.raises(CannotUndo, match="nothing was undone"):
        history.redo(library)


def test_the_log_says_what_who_and_whether_it_can_be_undone(library):
    truth.take(library, "select id from tracks", "genres", "local", by="ada")
    row = history.log(library)[0]
    assert (row["type"], row["actor"], row["what"], row["decisions"], row["state"]) == ("take", "ada", "genres of 2 tracks from local", 2, "")
    assert [r["type"] for r in history.log(library, track=3)] == []
    assert {r["type"] for r in history.log(library, everything=True)} >= {"take", "resolve"}


def test_undo_of_a_merge_and_of_a_split_restores_exactly(library):
    observe(library, "tidal", "88", title="Dusk Song", artists=["Zed"], album="Other", said={"genres": ["Electro"]})
    both(library)
    before = content(library)
    merging.merge(library, 1, [2, 3], choose={"year": 2})
    assert (track(library).year, library.value("select count(*) from library")) == (1999, 2)
    history.undo(library)
    assert content(library) == before
    merging.split(library, 1, [1])
    assert library.value("select count(*) from library") == 5
    history.undo(library)
    assert content(library) == before
    history.redo(library)
    assert (library.value("select count(*) from library"), track(library, 5).year) == (5, 2005)


def test_a_name_that_only_an_undone_decision_needed_is_gone_and_keeps_its_identity(library):
    before = content(library)
    truth.decide(library, 1, "artists", ["Someone New"])
    identity = library.value("select id from artists where name = 'Someone New'")
    history.undo(library)
    after = content(library)
    assert {t: rows for t, rows in after.items() if not t.endswith("_ids")} == {t: rows for t, rows in before.items() if not t.endswith("_ids")}
    history.redo(library)
    assert library.value("select id from artists where name = 'Someone New'") == identity


def test_what_is_undone_is_one_operation_with_its_details(library):
    truth.decide(library, [1, 2, 3], "rating", 3)
    undone = history.undo(library, by="ada")
    row = library.one("select type, actor, details from operations where id = ?", [undone.operation])
    assert (row.type, row.actor, json.loads(row.details)["decisions"]) == ("undo", "ada", 3)
    assert library.value("select count(*) from current_operation") == 0


def test_undo_works_in_a_file_opened_again(tmp_path):
    path = tmp_path / "music.db"
    with musicdb.open(path) as db:
        observe(db, "local", "a", said={"year": 2000})
        both(db)
        truth.decide(db, 1, "year", 1990)
    with musicdb.open(path) as db:
        history.undo(db)
        assert track(db).year == 2000
