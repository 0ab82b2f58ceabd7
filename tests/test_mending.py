"""What other programs do to our tables is put back, and nothing of a person's is lost by it."""

import sqlite3
from contextlib import closing

import pytest
import sqlite_utils

import musicdb
from musicdb import mending, schema
from musicdb.errors import DatabaseError


@pytest.fixture
def filled(db):
    for n in range(3):
        id = db.execute("insert into track_ids (track_uid) values (?)", [f"u{n}"]).lastrowid
        db.execute("insert into tracks (id, title, deleted_at) values (?, ?, ?)", [id, f"Title {n}", "2026-01-01T00:00:00Z" if n == 2 else None])
        db.execute("insert into external_ids (entity_type, entity_id, scheme, value) values ('track', ?, 'isrc', ?)", [id, f"GB{n}"])
    return db


def transformed(db, **options):
    with closing(sqlite3.connect(db.path)) as plain:
        sqlite_utils.Database(plain, execute_plugins=False)["tracks"].transform(**options)


def rows(db):
    return db.q("select * from tracks order by id"), db.q("select * from external_ids order by entity_id"), db.value("select count(*) from changes")


def test_a_transformed_table_is_put_back_with_all_rows(filled):
    before = rows(filled)
    transformed(filled)
    assert "is_deleted" not in {r[1] for r in filled.execute("pragma table_xinfo(tracks)")}  # transform forgets generated columns
    assert "tracks" in mending.mend(filled.conn)
    assert schema.differences(filled.conn) == [] and rows(filled) == before
    assert filled.value("pragma foreign_keys") == 1 and filled.value("pragma integrity_check") == "ok"
    assert filled.value("select is_deleted from tracks where id = 3") == 1
    assert filled.value("select count(*) from tracks_fts where tracks_fts match 'title'") == 3
    filled.execute("update tracks set title = 'Other' where id = 1")
    assert filled.value("select count(*) from tracks_fts where tracks_fts match 'other'") == 1


def test_what_a_person_added_is_no_fault_and_stays(filled):
    filled.utils["tracks"].add_column("mood", str)
    filled.execute("create index my_moods on tracks (mood)")
    musicdb.open(filled.path).close()  # from now on the new column has a history too
    filled.execute("update tracks set mood = 'dark' where id = 1")
    assert schema.differences(filled.conn) == [] and filled.value("select new from changes where field = 'mood'") == "dark"
    transformed(filled)
    filled.execute("create trigger log_me after insert on tracks begin select 1; end")
    mending.mend(filled.conn)
    assert schema.differences(filled.conn) == [] and filled.value("select mood from tracks where id = 1") == "dark"
    assert {r[0] for r in filled.execute("select name from sqlite_master where name in ('my_moods', 'log_me')")} == {"my_moods", "log_me"}


def test_a_lost_index_and_a_lost_table_come_back(filled):
    filled.execute("drop index ix_track_title")
    filled.execute("drop table tag_rules")
    assert set(mending.mend(filled.conn)) >= {"ix_track_title", "tag_rules"} and schema.differences(filled.conn) == []


def test_rows_that_do_not_fit_any_more_leave_everything_as_it_is(filled):
    transformed(filled, types={"year": str})
    with closing(sqlite3.connect(filled.path)) as plain:
        plain.execute("update tracks set year = 'about 1997' where id = 1")
        plain.commit()
    before = schema.fingerprint(filled.conn)
    with pytest.raises(DatabaseError, match=r"tracks\.year.*--restore"):
        mending.mend(filled.conn)
    assert schema.fingerprint(filled.conn) == before and filled.value("select year from tracks where id = 1") == "about 1997"
    assert not filled.conn.in_transaction and filled.value("pragma foreign_keys") == 1


def test_opening_writes_nothing_where_only_a_table_or_an_index_differs(filled):
    transformed(filled)
    musicdb.open(filled.path).close()  # puts the triggers back
    filled.execute("drop index ix_track_title")
    before = filled.value("pragma schema_version")
    musicdb.open(filled.path).close()
    assert filled.value("pragma schema_version") == before
