"""Genres: words of platforms mean canonical ones, which make a tree; both are rows that a person may change."""

from __future__ import annotations

import pytest

from musicdb import history, links, truth

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
