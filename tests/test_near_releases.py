"""Candidates of releases: what no exact key joined waits for a person, whose word stays and can be undone."""

import json

import msgspec
import pytest
from click.testing import CliRunner

import musicdb
from musicdb import collection, history
from musicdb.cli import cli
from musicdb.collection import linking
from musicdb.links import releases
from musicdb.truth import resolve


def released(db, platform, key, title, artist="Rurik Vale", **said):
    about = {"title": title, "album": title, "artists": [artist], "album_artists": [artist], **said}
    sql = "insert into platform_releases (platform, external_id, title, fetched_at, metadata_hash, said, metadata) values (?, ?, ?, ?, ?, ?, '{}')"
    return db.execute(sql, [platform, key, title, f"2024-01-01T00:00:{key[-2:]:0>2}Z", key, msgspec.json.encode(about).decode()]).lastrowid


@pytest.fixture
def db(tmp_path):
    with musicdb.open(tmp_path / "music.db") as db:
        released(db, "discogs", "11", "Peat", label="Undertow", catalogue_number="UNDA017", formats=["File", "FLAC"], year=2012, album_type="album", track_total=10)
        released(db, "spotify", "12", "Peat", label="Undertow", release_date="2012-04-03", year=2012, album_type="album", track_total=10)
        released(db, "discogs", "13", "Lower Deck", label="Terrazzo", formats=["Vinyl", "12\""], year=2020, album_type="ep", track_total=2)
        released(db, "spotify", "14", "Lower Deck", label="Terrazzo", release_date="2020-04-10", year=2020, album_type="single", track_total=2)
        released(db, "spotify", "15", "Heath", year=2020, album_type="album", track_total=9)
        resolve(db)
        releases.propose(db)
        yield db


WAITING = """
select r.external_id, l.method, l.release_id is not null as pressing, l.id from release_links as l join platform_releases as r on r.id = l.platform_release_id
where l.status = 'candidate' order by r.external_id
"""


def waiting(db):
    return [tuple(row.values())[:3] for row in db.q(WAITING)]


def test_a_pressing_that_may_be_the_same_and_albums_that_may_be_one_wait(db):
    assert waiting(db) == [("12", "match", 1), ("14", "album", 0)]
    evidence = msgspec.json.decode(db.value("select evidence from release_links where status = 'candidate' order by id"))
    assert {"part", "sentence"} == set(evidence[0])


def test_unchanged_data_writes_nothing(db):
    before = db.conn.total_changes
    done = releases.propose(db)
    assert (done.candidates, done.new, done.gone) == (2, 0, 0) and db.conn.total_changes == before


def test_accepting_one_joins_the_releases_and_undo_parts_them(db):
    target = db.value("select release_id from release_links where status = 'candidate' and release_id is not null")
    done = linking.same_release(db, "spotify/12", target)
    assert db.value("select count(distinct release_id) from release_links as l join platform_releases as r on r.id = l.platform_release_id "
                    "where r.external_id in ('11', '12') and l.status in ('auto', 'confirmed')") == 1  # fmt: skip
    assert ("12", "match", 1) not in waiting(db)
    history.undo(db, done.operation)
    assert ("12", "match", 1) in waiting(db)


def test_what_a_person_refused_is_not_proposed_again_until_undone(db):
    for number, row in enumerate(db.q(WAITING)):
        operation = releases.reject(db, row.id)
        assert len(waiting(db)) == 1 - number
    released(db, "tidal", "16", "Fen", year=2001)
    resolve(db)
    assert releases.propose(db).candidates == 0
    history.undo(db, operation)
    assert waiting(db) == [("14", "album", 0)]


def test_what_does_not_wait_is_refused(db):
    with pytest.raises(musicdb.errors.BadInput, match="no release waits"):
        releases.reject(db, 1)


# ---------- the review
@pytest.fixture
def shelved(db):
    db.execute("insert into collection_items (platform_release_id, status, platform, instance_id) select id, 'owned', 'discogs', 'c' || external_id from platform_releases where platform = 'discogs'")
    return db


def test_candidates_are_listed_with_their_level_and_why(shelved):
    rows = collection.release_candidates(shelved)
    assert {(row.observed, row.level, row.release) for row in rows} == {("spotify/12", "release", "Peat"), ("spotify/14", "release group", "Lower Deck")}
    assert all("The titles are the same" in " ".join(row.signs) for row in rows)
    assert [row.observed for row in collection.release_candidates(shelved, level="release group")] == ["spotify/14"]
    assert [row.observed for row in collection.release_candidates(shelved, copy="discogs/c13")] == ["spotify/14"]
    for wrong in ({"level": "label"}, {"copy": "discogs/none"}):
        with pytest.raises(musicdb.errors.BadInput):
            collection.release_candidates(shelved, **wrong)


def test_an_album_in_another_pressing_is_one_album_and_two_releases_until_undone(db):
    def albums():
        sql = "select count(distinct coalesce(g.merged_into_id, g.id)), count(distinct e.id) from releases as e join release_groups as g on g.id = e.release_group_id where e.title = 'Lower Deck'"
        return tuple(db.execute(sql).fetchone())

    assert albums() == (2, 2)
    (row,) = collection.release_candidates(db, level="release group")
    done = collection.accept_release(db, row.link)
    assert albums() == (1, 2) and not collection.release_candidates(db, level="release group")
    releases.propose(db)
    resolve(db)
    assert albums() == (1, 2) and not collection.release_candidates(db, level="release group")
    history.undo(db, done.operation)
    assert albums() == (2, 2) and len(collection.release_candidates(db, level="release group")) == 1


def test_the_command_lists_explains_accepts_and_rejects(db):
    def ran(*words):
        result = CliRunner().invoke(cli, ["--db", str(db.path), "collection", *words], catch_exceptions=False)
        return result.exit_code, result.output

    _, listed = ran("matches", "--json")
    pressing, album = (next(row["link"] for row in json.loads(listed) if row["level"] == level) for level in collection.LEVELS)
    assert "that very pressing" in ran("matches", str(pressing))[1] and "another pressing" in ran("matches", str(album))[1]
    assert ran("same", str(pressing)) == (0, f"1 one with the other; 1 wait; musicdb undo {db.value('select max(id) from operations')} takes it back\n")
    assert ran("apart", str(album))[0] == 0 and "no release waits" in ran("matches")[1]
    assert ran("same", str(album))[0] == 2
    history.undo(db, db.value("select max(id) from operations where type = 'release link' and reason like '%another release%'"))
    assert len(collection.release_candidates(db)) == 1


def test_the_screens_answer_by_key(shelved):
    screen = musicdb.ReleaseReview(shelved)
    assert len(screen.state["cards"]) == 2 and [f["n"] for f in screen.state["filters"]] == [1, 1]
    card = next(card for card in screen.state["cards"] if "pressing" in str(card["b"]["meta"]) and "same album" not in str(card["b"]["meta"]))
    screen.press({"do": "why", "id": card["id"]})
    assert any("more" in card for card in screen.state["cards"])
    screen.press({"do": "accept", "id": card["id"]})
    assert len(screen.state["cards"]) == 1 and "u takes it back" in screen.said
    screen.press({"do": "undo"})
    assert len(screen.state["cards"]) == 2 and screen.last_error is None
    shelf = musicdb.Shelf(shelved)
    shelf.press({"do": "open", "id": "discogs/c13"})
    near = next(card for card in shelf.state["cards"] if str(card["id"]).startswith("release/"))
    shelf.press({"do": "unlink", "id": near["id"]})
    assert not [card for card in shelf.state["cards"] if str(card["id"]).startswith("release/")] and shelf.last_error is None
    shelf.press({"do": "undo"})
    near = next(card for card in shelf.state["cards"] if str(card["id"]).startswith("release/"))
    shelf.press({"do": "one", "id": near["id"]})
    assert "One from now on" in shelf.said and shelf.last_error is None
