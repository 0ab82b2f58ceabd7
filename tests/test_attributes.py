"""Attributes: any key by who says it, which counts, locks, order by key, undo; Spotify's audio features are there by data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from musicdb import attributes, history, links, truth
from musicdb.cli import cli
from musicdb.errors import BadInput
from musicdb.platforms import spotify
from musicdb.truth import merging

from .observing import observe


@pytest.fixture
def lib(db):
    """Track 1, of which Tidal and Spotify tell a popularity, and track 2."""
    for platform, popularity in (("tidal", 40), ("spotify", 9)):
        observe(db, platform, "a", "Peat", ["Rurik Vale"], duration_ms=200_000, isrc="ZZUND1297808", said={"popularity": popularity})
    observe(db, "local", "b", "Turf", ["Rurik Vale"])
    links.link(db)
    truth.resolve(db)
    assert db.value("select count(*) from library") == 2
    return db


def counts(db, track=1, key="popularity"):
    found = attributes.of(db, track, key)
    return (found[0].value, found[0].platform) if found else None


def test_what_counts_is_by_the_order_of_platforms_then_by_the_order_of_the_key(lib):
    assert counts(lib) == (40, "tidal")
    assert attributes.of(lib, 1, "popularity")[0].others == {"spotify": [9]}
    operation = attributes.prefer(lib, "popularity", ["spotify", "tidal"])
    assert counts(lib) == (9, "spotify") and attributes.prefer(lib, "popularity", ["spotify", "tidal"]) is None
    history.undo(lib, operation)
    assert counts(lib) == (40, "tidal")


def test_yours_counts_before_platforms_and_a_lock_before_yours(lib):
    attributes.lock(lib, 1, "popularity")
    attributes.put(lib, 1, "popularity", 77)
    assert counts(lib) == (40, "tidal")
    lib.execute("update platform_tracks set said = json_set(said, '$.popularity', 1) where platform = 'tidal'")
    assert counts(lib) == (40, "tidal")  # a lock keeps what it locked
    attributes.unlock(lib, 1, "popularity")
    assert counts(lib) == (77, "user")
    attributes.remove(lib, 1, "popularity")
    assert counts(lib) == (1, "tidal")  # the lock has left nothing that hides what is said now
    assert lib.value("select count(*) from track_attributes") == 0


def test_a_fact_on_a_selection_is_one_operation_that_undo_takes_back_and_redo_brings(lib):
    operation, n = attributes.put(lib, "select id from library", "energy", 7.5)
    assert n == 2 and counts(lib, 2, "energy") == (7.5, "user")
    assert attributes.put(lib, "all", "energy", 7.5) == (None, 0)
    assert attributes.put(lib, "all", "energy", 8, lock=True)[1] == 2
    history.undo(lib)
    assert counts(lib, 1, "energy") == (7.5, "user")
    history.undo(lib, operation)
    assert counts(lib, 1, "energy") is None and lib.value("select count(*) from track_attributes") == 0
    history.redo(lib, operation)
    assert counts(lib, 1, "energy") == (7.5, "user")


def test_only_one_fact_of_a_key_is_locked(lib):
    attributes.put(lib, 1, "mood", "dark", platform="spotify", lock=True)
    attributes.put(lib, 1, "mood", "light", platform="tidal", lock=True)
    assert lib.q("select platform from track_attributes where locked = 1") == [{"platform": "tidal"}]
    attributes.unlock(lib, 1, "mood")
    assert counts(lib, 1, "mood") == ("light", "tidal") and lib.value("select count(*) from track_attributes") == 2  # set, not only locked: they stay


def test_facts_follow_a_merge_come_apart_again_and_survive_a_rebuild(lib):
    attributes.put(lib, 2, "mood", "dark")
    merging.merge(lib, 1, [2])
    assert counts(lib, 1, "mood") == ("dark", "user") and counts(lib, 2, "mood") == ("dark", "user")  # 2 is part of 1 now
    truth.rebuild(lib)
    assert counts(lib, 1, "mood") == ("dark", "user")
    merging.split(lib, 2)
    assert counts(lib, 1, "mood") is None and counts(lib, 2, "mood") == ("dark", "user")


def test_facts_of_a_merged_track_are_taken_off_where_it_is_now(lib):
    attributes.put(lib, 2, "mood", "dark")
    merging.merge(lib, 1, [2])
    assert attributes.remove(lib, 1, "mood")[1] == 1 and counts(lib, 1, "mood") is None


def test_a_merged_track_is_no_track_of_its_own_and_its_word_gives_way_to_that_of_the_one_it_turned_out_to_be(lib):
    for track, energy in ((1, 7), (2, 5)):
        attributes.put(lib, track, "energy", energy)
        lib.execute("update track_attributes set updated_at = ? where track_id = ?", [f"2024-01-0{track}T00:00:00Z", track])
    merging.merge(lib, 1, [2])
    assert [(row.tracks, row.platforms) for row in attributes.keys(lib, "energy")] == [(1, "user")]
    assert counts(lib, 1, "energy") == (7, "user") and attributes.of(lib, 1, "energy")[0].others == {}
    attributes.lock(lib, 1, "popularity")
    assert [(row.tracks, row.locked) for row in attributes.keys(lib, "popularity")] == [(1, 1)]
    merging.split(lib, 2)
    assert counts(lib, 1, "energy") == (7, "user") and counts(lib, 2, "energy") == (5, "user")


def test_a_lock_of_a_merged_track_counts_and_leaves_nothing_when_it_is_taken_off(lib):
    attributes.lock(lib, 1, "popularity")
    attributes.put(lib, 2, "popularity", 77)
    merging.merge(lib, 2, [1])
    assert counts(lib, 2) == (40, "tidal")
    attributes.unlock(lib, 2, "popularity")
    lib.execute("update platform_tracks set said = json_set(said, '$.popularity', 1) where platform = 'tidal'")
    assert attributes.of(lib, 2, "popularity")[0].others == {"spotify": [9], "tidal": [1]}
    assert lib.value("select count(*) from track_attributes") == 1


def test_a_set_leaves_a_lock_where_it_is_and_says_what_it_holds(lib):
    attributes.put(lib, 1, "energy", 7, lock=True)
    attributes.lock(lib, 1, "popularity")
    attributes.put(lib, 1, "energy", 8)
    assert counts(lib, 1, "energy") == (8, "user") and attributes.of(lib, 1, "energy")[0].locked == 1
    assert attributes.put(lib, 1, "energy", 8) == (None, 0)
    path = str(lib.path)
    lib.close()
    done = CliRunner().invoke(cli, ["attributes", "set", "popularity", "50", "--where", "id = 1", "--db", path])
    assert done.exit_code == 0 and "1 of them keep another value, which is locked" in done.output


def test_spotifys_audio_features_are_facts_of_a_track_by_data(db):
    sample = json.loads((Path(__file__).parent / "payloads" / "spotify" / "spotify_track.json").read_text("utf-8"))
    assert ("track", "danceability") in spotify.CLAIMS
    db.executemany("insert into claim_paths (platform, level, field, path) values ('spotify', ?, ?, ?)", [(*key, path) for key, path in spotify.CLAIMS.items()])
    observe(db, "spotify", sample["id"], metadata=json.dumps(sample), said={"energy": 0.71})
    links.link(db)
    truth.resolve(db)
    found = {row.key: row.value for row in attributes.of(db, 1)}
    assert (found["danceability"], found["valence"], found["energy"], found["loudness"], found["tempo"]) == (0.64, 0.3, 0.71, -7.2, 124.53)
    db.execute("delete from claim_paths where field = 'valence'")  # data, not code
    assert "valence" not in {row.key for row in attributes.of(db, 1)}


@pytest.mark.parametrize("call, words", [
    (lambda db: attributes.put(db, 99, "mood", "x"), "no track 99"),
    (lambda db: attributes.put(db, 1, " ", "x"), "no name of a fact"),
    (lambda db: attributes.put(db, 1, "year", "x"), "year is a field"),
    (lambda db: attributes.put(db, 1, "mood", " "), "cannot be ' '"),
    (lambda db: attributes.put(db, 1, "mood", None), "cannot be None"),
    (lambda db: attributes.put(db, 1, "mood", ["x"]), "cannot be"),
    (lambda db: attributes.put(db, 1, "mo\0od", "x"), "no name of a fact"),
    (lambda db: attributes.put(db, 1, "mood", "x", platform="napster"), "no platform 'napster'"),
    (lambda db: attributes.prefer(db, "mood", ["napster"]), "no platform 'napster'"),
    (lambda db: attributes.of(db, "all"), "one track at a time"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_changed(lib, call, words):
    before = lib.value("select count(*) from operations")
    with pytest.raises(BadInput, match=words):
        call(lib)
    assert lib.value("select count(*) from operations") == before


@pytest.mark.parametrize("text, value", [("7", 7), ("-0.5", -0.5), ("007", "007"), ("1e5", "1e5"), ("true", "true"), ("12345678901234567890", "12345678901234567890"), ("1.0", 1.0)])
def test_what_is_a_number_can_be_compared_as_one(lib, text, value):
    attributes.put(lib, 1, "energy", text)
    assert (counts(lib, 1, "energy")[0], type(counts(lib, 1, "energy")[0])) == (value, type(value))


@pytest.mark.parametrize("text", ["=1+1", "'; drop table tracks --", "🎚️ élan", "{}", "a\nb", "x" * 5000])
def test_any_text_is_kept_as_it_is(lib, text):
    attributes.put(lib, 1, "note of mine", text)
    assert counts(lib, 1, "note of mine") == (text, "user")


def test_an_empty_library_has_no_facts(db):
    assert attributes.keys(db) == [] and attributes.put(db, "all", "mood", "x") == (None, 0)


def test_the_facts_of_one_track_are_looked_up(lib):
    plan = [row.detail for row in lib.q("explain query plan " + attributes.WINNERS, {"track": 1, "key": None})]
    assert not [line for line in plan if line.startswith(("SCAN k", "SCAN p", "SCAN t"))], plan


def test_the_commands_set_show_lock_prefer_and_take_back(lib):
    def run(*words, code=0):
        result = CliRunner().invoke(cli, ["attributes", *words, "--db", str(lib.path)])
        assert result.exit_code == code, result.output
        return result.output

    assert "popularity" in run("list") and "spotify 9" in run("show", "1")
    assert "set on 1 tracks" in run("set", "mood", "dark", "--where", "id = 1")
    assert "it is so already" in run("set", "mood", "dark", "--where", "id = 1")
    assert "locked on 1 tracks" in run("lock", "popularity", "--where", "1") and "(locked)" in run("show", "peat", "popularity")
    assert "unlocked on 1 tracks" in run("unlock", "popularity", "--where", "1")
    assert "popularity: spotify" in run("prefer", "popularity", "spotify")
    assert "taken off 1 tracks" in run("remove", "mood", "--where", "1")
    assert "is a field of a track" in run("set", "year", "1999", "--where", "1", code=2)
    assert "Missing option '--where'" in run("set", "mood", "x", code=2)
