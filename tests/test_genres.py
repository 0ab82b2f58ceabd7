"""Genres: words of platforms mean canonical ones, which make a tree; both are rows that a person may change."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from musicdb import check, history, links, truth
from musicdb import genres as words
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.truth import wording

from .observing import observe


def genres(db, track=1):
    return {row.name for row in db.q("select g.name from track_genres x join genres g on g.id = x.genre_id where x.track_id = ?", [track])}


@pytest.fixture
def said(db):
    def made(*words, platform="spotify", id="a"):
        observe(db, platform, id, "Peat", ["Rurik Vale"], said={"title": "Peat", "artists": ["Rurik Vale"], "genres": list(words)})
        links.link(db)
        truth.resolve(db)
        return genres(db)

    return made


@pytest.mark.parametrize("word", ["tech-house", "House, Tech", "TECH HOUSE", "Techhouse", "Tech House"])
def test_other_words_for_a_genre_are_that_genre(db, said, word):
    assert said(word) == {"Tech House"}


def test_a_word_that_means_nothing_is_no_genre_and_an_unknown_one_is_its_own(db, said):
    assert said("Other", "Zeuhl of Kelp") == {"Zeuhl of Kelp"}
    assert [row.name for row in db.q("select * from unmapped_genres")] == ["Zeuhl of Kelp"]


def test_a_genre_in_use_stands_below_its_wider_ones(db, said):
    said("Tech House")
    assert db.value("select path from genre_tree where name = 'Tech House'").endswith("House > Tech House")
    above = "select tracks_below from genre_tree where name = 'House'"
    assert db.value(above) == 1


def test_a_rule_by_hand_counts_at_the_next_resolve_and_can_be_undone(db, said):
    assert said("Kelpcore") == {"Kelpcore"}
    with db.operation("genre rule") as op:
        db.execute("insert into genre_rules (said, genre) values ('kelp core', 'Techno'), ('Kelpcore', 'Techno')")
    truth.resolve(db)
    assert genres(db) == {"Techno"}
    history.undo(db, op.id)
    truth.resolve(db)
    assert genres(db) == {"Kelpcore"}


def test_a_place_in_the_tree_by_hand_moves_a_genre_and_a_second_resolve_writes_nothing(db, said):
    said("Kelpcore")
    db.execute("insert into genre_parents (genre, parent) values ('Kelpcore', 'Techno')")
    truth.resolve(db)
    assert "Techno > Kelpcore" in db.value("select path from genre_tree where name = 'Kelpcore'")
    assert not truth.resolve(db).rows


def test_two_words_of_one_platform_for_one_genre_are_one_row(db, said):
    assert said("tech-house", "House, Tech") == {"Tech House"}
    assert db.value("select count(*) from track_genres") == 1


def test_a_persons_own_word_stays_as_it_is(db, said):
    said("tech-house")
    truth.decide(db, 1, "genres", ["techhouse mine", "Other"])
    assert genres(db) == {"techhouse mine", "Other"}


def test_a_rebuild_gives_the_same_tree(db, said):
    said("Tech House", "Kelpcore")
    before = db.execute("select id, name, parent_id from genres order by id").fetchall()
    truth.rebuild(db)
    assert list(map(tuple, db.execute("select id, name, parent_id from genres order by id"))) == list(map(tuple, before))


# ---------- by hand, with undo


def test_a_rule_is_one_operation_that_brings_every_track_up_to_date_and_undo_takes_back(db, said):
    said("Kelp-Core")
    observe(db, "tidal", "t", "Turf", ["Rurik Vale"], said={"genres": ["kelp core"]})
    links.link(db)
    truth.resolve(db)
    before = genres(db)
    done = words.add_rule(db, "KELP CORE", "techno")
    assert genres(db) == genres(db, 2) == {"Techno"} and done.tracks == 2  # spelled as the tree has it
    assert words.add_rule(db, "kelp core", "Techno") == words.Changed(None)
    history.undo(db, done.operation)
    assert genres(db) == before and "Techno" not in genres(db, 2)
    assert not truth.resolve(db).rows  # undo has left nothing to be derived
    history.redo(db)
    assert genres(db) == genres(db, 2) == {"Techno"}


def test_a_word_may_mean_several_genres_or_none_at_all(db, said):
    said("Kelpcore")
    words.add_rule(db, "Kelpcore", "House")
    words.add_rule(db, "Kelpcore", "Techno")
    assert genres(db) == {"House", "Techno"} and words.means(db, "KELPCORE") == ["House", "Techno"]
    words.add_rule(db, "kelpcore", "")
    assert genres(db) == set() and words.means(db, "Kelpcore") == []
    words.add_rule(db, "Kelpcore", "House")
    assert genres(db) == {"House"}
    words.remove_rule(db, "kelpcore", "house")
    assert genres(db) == {"Kelpcore"} and words.means(db, "Kelpcore") == ["Kelpcore"]


def test_a_genre_is_moved_with_its_kinds_and_back_by_undo(db, said):
    said("Kelpcore", "Tech House")
    done = words.move(db, "kelpcore", "tech house")
    assert db.value("select path from genre_tree where name = 'Kelpcore'").endswith("House > Tech House > Kelpcore")
    assert [row.name for row in words.tree(db, "house")] == ["House", "Tech House", "Kelpcore"] and words.unmapped(db) == []
    assert words.move(db, "Kelpcore", "Tech House") == words.Changed(None)
    history.undo(db, done.operation)
    assert [row.name for row in words.unmapped(db)] == ["Kelpcore"] and db.value("select parent_id from genres where name = 'Kelpcore'") is None
    words.move(db, "Tech House", None)
    assert db.value("select path from genre_tree where name = 'Tech House'") == "Tech House"


@pytest.mark.parametrize("call, text", [
    (lambda db: words.move(db, "House", "Tech House"), "Tech House is a kind of House: it cannot be above it"),
    (lambda db: words.move(db, "House", "house"), "the same genre"),
    (lambda db: words.move(db, "Hous", None), "there is no genre 'Hous'; did you mean House"),
    (lambda db: words.move(db, "House", "zzzzzzz"), "there is no genre 'zzzzzzz'"),
    (lambda db: words.tree(db, "zzzzzzz"), "there is no genre 'zzzzzzz'"),
    (lambda db: words.add_rule(db, " ", "House"), "no word for a genre"),
    (lambda db: words.add_rule(db, "x" * 300, "House"), "no word for a genre"),
    (lambda db: words.remove_rule(db, "nobody says this"), "no rule says what"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(db, call, text):
    before = db.value("select count(*) from operations")
    with pytest.raises(BadInput, match=text):
        call(db)
    assert db.value("select count(*) from operations") == before


@pytest.mark.parametrize("word", ["'; drop table genres; --", "<b>x</b>", "ドリームポップ", "a\tb", "=1+1"])
def test_any_word_can_have_a_rule(db, said, word):
    said(word)
    words.add_rule(db, word, "House")
    assert genres(db) == {"House"}


def test_an_empty_library_has_a_tree_to_begin_with(db):
    assert words.tree(db) == [] == words.unmapped(db) and len(words.rules(db)) > 50
    assert words.add_rule(db, "Kelpcore", "House").tracks == 0


def test_trust_taken_back_by_undo_is_resolved_too(db):
    for platform, year in (("spotify", 2014), ("tidal", 2012)):
        observe(db, platform, "a", "Peat", ["Rurik Vale"], duration_ms=200_000, isrc="ZZUND1297808", said={"year": year})
    links.link(db)
    truth.resolve(db)
    with db.operation("trust") as op:
        db.execute("update trust set rank = 0 where field = 'year' and platform = 'spotify'")
    truth.resolve(db)
    assert db.value("select year from tracks where id = 1") == 2014
    history.undo(db, op.id)
    assert db.value("select year from tracks where id = 1") == 2012


def test_the_commands_show_the_tree_and_change_it(db, said):
    said("Kelpcore", "Tech House")

    def run(*arguments, code=0):
        result = CliRunner().invoke(cli, ["genres", *arguments, "--db", str(db.path)])
        assert result.exit_code == code, result.output
        return result.output

    assert "  Tech House  1" in run("tree") and "House  0 (1 with its kinds)" in run("tree", "house")
    assert "Kelpcore" in run("unmapped")
    assert "1 tracks have other genres now" in run("rule", "kelpcore", "Dub Techno") and "every genre in use has its place" in run("unmapped")
    assert "it is so already" in run("rule", "kelpcore", "Dub Techno") and "kelpcore" in run("rules", "Dub Techno")
    assert "Kelpcore" not in run("tree") and "other genres" in run("unrule", "kelpcore")
    assert "is a kind of House" in run("move", "Kelpcore", "--below", "House") and "is at the top" in run("move", "Kelpcore", "--top")
    assert "--below GENRE or --top" in run("move", "Kelpcore", code=2)
    assert "did you mean" in run("move", "Kelpcor", "--top", code=2)


def test_a_circle_made_by_hand_breaks_nothing_is_reported_and_can_be_mended(db, said):
    said("Tech House")
    db.execute("update genre_parents set parent = 'Tech House' where genre = 'House'")
    truth.resolve(db)
    assert genres(db) == {"Tech House"} and db.value("select count(*) from genre_ancestors") > 0
    found = [one for one in check.run(db.path) if one.name == "genres"]
    assert [(one.ok, "circle" in one.detail, "--top" in one.mend) for one in found] == [(False, True, True)]
    words.move(db, "House", None)
    assert not [one for one in check.run(db.path) if one.name == "genres"]
    assert [row.name for row in words.tree(db, "House")] == ["House", "Tech House"]


# ---------- only the tracks that say a word are looked at


@pytest.fixture
def many(db):
    """30 tracks: of each ten a word of its own, and of one of them both."""
    for n in range(30):
        said = [("Kelpcore", "Mossbeat", "House")[n // 10], *(["mossbeat"] if n == 3 else [])]
        observe(db, "spotify", f"s{n}", f"Peat {n}", ["Rurik Vale"], said={"title": f"Peat {n}", "artists": ["Rurik Vale"], "genres": said})
    links.link(db)
    truth.resolve(db)
    return db


CHANGES = {
    "a word nobody explained": (lambda db: words.add_rule(db, "KELPCORE", "Techno"), 10),
    "a second meaning": (lambda db: [words.add_rule(db, "Mossbeat", "Techno"), words.add_rule(db, "Mossbeat", "House")], 11),
    "what meant something means itself": (lambda db: [words.add_rule(db, "Kelpcore", "House"), words.remove_rule(db, "kelpcore")], 20),
    "what meant nothing means something": (lambda db: [words.add_rule(db, "Kelpcore", ""), words.add_rule(db, "Kelpcore", "Techno")], 30),
    "a genre moves": (lambda db: words.move(db, "Kelpcore", "Tech House"), 10),
    "a genre that is in the tree moves": (lambda db: words.move(db, "House", None), 10),
}


def everything(db):
    tables = {"track_genres": "track_id, genre_id, platform, weight", "genres": "id, name, parent_id", "tracks": "id, title, sources"}
    return {table: db.execute(f"select {columns} from {table} order by 1, 2, 3").fetchall() for table, columns in tables.items()}


@pytest.mark.parametrize("change, most", CHANGES.values(), ids=CHANGES)
def test_other_words_are_resolved_for_those_that_say_them_and_nothing_is_left(many, monkeypatch, change, most):
    looked_at, before = [], everything(many)
    monkeypatch.setattr(wording, "resolve", lambda *args, **more: looked_at.append(truth.resolve(*args, **more)))
    change(many)
    assert 0 < looked_at[-1].tracks <= most
    changed = everything(many)
    assert not truth.resolve(many).rows and many.value("select count(*) from resolved") == 30
    many.execute("delete from resolved")
    assert not truth.resolve(many).rows and everything(many) == changed
    last = many.value("select max(id) from operations where type in ('genre rule', 'genre tree')")
    first = many.value("select min(id) from operations where type in ('genre rule', 'genre tree')")
    for number in range(last, first - 1, -1):
        if many.value("select type from operations where id = ?", [number]) in ("genre rule", "genre tree"):
            history.undo(many, number)
    assert everything(many)["track_genres"] == before["track_genres"]
    many.execute("delete from resolved")
    assert not truth.resolve(many).rows


def test_a_track_that_waits_to_be_resolved_still_waits_after_other_words(many):
    many.execute("update platform_tracks set said = json_set(said, '$.year', 1971) where external_id = 's25'")
    words.add_rule(many, "Kelpcore", "Techno")
    assert many.value("select count(*) from tracks where year = 1971") == 0
    assert truth.resolve(many).tracks == 30 and many.value("select count(*) from tracks where year = 1971") == 1
