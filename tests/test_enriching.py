"""What was heard: its status, what is ignored, and what the library's growth or a person makes of it."""

import importlib
import json

import pytest

import musicdb
from musicdb import history, links
from musicdb.listens import enriching

from .observing import observe


def heard(db, title, artist, at):
    return musicdb.listens.add(db, {"listened_at": at, "track_metadata": {"artist_name": artist, "track_name": title}})


@pytest.fixture
def db(tmp_path):
    with musicdb.open(tmp_path / "music.db") as db:
        observe(db, "local", "a", "Copper Rain", ["Ada Lumen"], duration_ms=200_000)
        observe(db, "local", "b", "Wandering Eternally", ["Ada Lumen"], duration_ms=200_000)
        for n, title in enumerate(("Copper Rain", "Wandering Eternaly", "Silver Snow", "Silver Snow")):
            heard(db, title, "Ada Lumen", 1_700_000_000 + 1000 * n)
        links.link(db)
        musicdb.truth.resolve(db)
        yield db


def status(db):
    return {row.title: row.enrich_status for row in db.q("select title, enrich_status from listening")}


def test_each_listen_says_how_far_it_is_matched_why_and_when(db):
    assert status(db) == {"Copper Rain": "matched", "Wandering Eternaly": "ambiguous", "Silver Snow": "unmatched"}
    row = db.one("select * from listening where title = 'Copper Rain'")
    assert (row.match_reason, row.match_confidence) == ("key", 70) and row.last_enriched_at
    assert db.value("select count(*) from listen_candidates") == 1


def test_what_is_not_matched_is_shown_most_played_first_and_no_play_is_lost(db):
    assert [(row.title, row.plays, row.enrich_status) for row in enriching.unmatched(db)] == [
        ("Silver Snow", 2, "unmatched"), ("Wandering Eternaly", 1, "ambiguous")]  # fmt: skip
    assert db.value("select count(*) from listening") == 4


def test_ignoring_is_a_decision_that_undo_takes_back(db):
    one = enriching.unmatched(db)[0].platform_track_id
    operation = enriching.ignore(db, one)
    assert status(db)["Silver Snow"] == "ignored"
    assert [row.title for row in enriching.unmatched(db)] == ["Wandering Eternaly"]
    assert [row.title for row in enriching.unmatched(db, status="ignored")] == ["Silver Snow"]
    assert enriching.ignore(db, one) is None
    links.link(db)
    assert status(db)["Silver Snow"] == "ignored"
    history.undo(db, operation)
    assert status(db)["Silver Snow"] == "unmatched"
    history.redo(db)
    enriching.heed(db, [one])
    assert status(db)["Silver Snow"] == "unmatched"


def test_what_is_ignored_leaves_the_queue_and_comes_back_with_undo(db):
    assert len(links.waiting(db)) == 1 == db.value("select count(*) from review_queue")
    operation = enriching.ignore(db, db.value("select platform_track_id from review_queue"))
    assert links.waiting(db) == [] and db.value("select count(*) from review_queue") == 0
    history.undo(db, operation)
    assert len(links.waiting(db)) == 1


def test_what_is_ignored_is_matched_all_the_same_when_it_comes_into_the_library(db):
    enriching.ignore(db, enriching.unmatched(db)[0].platform_track_id)
    observe(db, "local", "c", "Silver Snow", ["Ada Lumen"], duration_ms=180_000)
    links.link(db)
    assert status(db)["Silver Snow"] == "matched"


def test_a_confirmation_with_its_alias_matches_what_is_heard_later(db):
    link = db.one("select k.id, k.track_id from track_links as k join platform_tracks as p on p.id = k.platform_track_id where p.title = 'Wandering Eternaly'")
    links.accept(db, link.id)
    aliases = importlib.import_module("musicdb.links.aliases")
    aliases.keep_alias(db, "title", link.track_id, "Wandering Eternaly")
    assert status(db)["Wandering Eternaly"] == "matched"
    heard(db, "Wandering Eternaly", "ADA LUMEN", 1_700_900_000)
    links.link(db)
    assert {row.enrich_status for row in db.q("select enrich_status from listening where title = 'Wandering Eternaly'")} == {"matched"}


def test_what_is_no_observation_or_status_is_refused(db):
    with pytest.raises(musicdb.errors.BadInput, match="platform_track_id"):
        enriching.ignore(db, [1, 999])
    with pytest.raises(musicdb.errors.BadInput, match="no status lost"):
        enriching.unmatched(db, status="lost")
    assert json.loads(db.value("select json_group_array(entity) from decisions")) == []
