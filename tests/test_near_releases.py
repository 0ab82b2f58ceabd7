"""Candidates of releases: what no exact key joined waits for a person, whose word stays and can be undone."""

import msgspec
import pytest

import musicdb
from musicdb import history
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
