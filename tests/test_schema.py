"""The schema: what it holds, that it describes itself, and that a file is migrated safely."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

import musicdb
from musicdb import schema
from musicdb.errors import NewerSchema, NotOurDatabase

# The schema of the last release. A change of it is a migration: add a step, then note the new value here.
FINGERPRINT = "46866c3559d8b4df5860251d5add5a2f1d27ccb699754d510d27131ed9668dc6"

TABLES = """platforms platform_tracks platform_releases platform_playlists platform_playlist_items media_files collection_items collection_values listens_raw
observation_changes sync_checkpoints import_batches quarantine track_links release_links playlist_links decisions trust claim_paths tag_rules
track_ids tracks artists track_artists artist_aliases title_aliases release_groups releases release_artists release_items labels release_labels
track_labels genres track_genres tags track_tags playlist_tags track_attributes external_ids publishers release_publishers events
event_recordings images image_renditions image_links playlists playlist_items users config changes operations snapshots listens track_likes
track_metrics""".split()
VIEWS = """claims platform_values cues playlist_presence owned_everywhere review_queue stale missing_files orphan_files listening listen_artists
listen_genres listen_candidates spotify_tracks tidal_tracks discogs_releases rekordbox_tracks""".split()
ENTITIES = "tracks artists release_groups releases labels genres tags playlists events publishers".split()


def names(db, kind):
    return {r[0] for r in db.execute("select name from sqlite_master where type = ?", [kind])}


def columns(db, table):
    return {r[1] for r in db.execute(f"pragma table_xinfo({table})")}


def test_every_promised_table_and_view_is_there(db):
    assert set(TABLES) <= names(db, "table")
    assert set(VIEWS) <= names(db, "view")


def test_the_fingerprint_is_that_of_the_release(db):
    assert schema.fingerprint(db.conn) == FINGERPRINT, "the schema changed: add a migration, then update FINGERPRINT"


def test_every_view_answers_in_a_plain_sqlite_connection(db):
    db.conn.execute("pragma wal_checkpoint(truncate)")
    plain = sqlite3.connect(db.path)
    for view in names(db, "view"):
        plain.execute(f'select * from "{view}" limit 1').fetchall()
    plain.close()


def test_every_table_view_and_column_is_described(db):
    described = schema.descriptions()
    for name in names(db, "table") | names(db, "view"):
        if name.startswith(("sqlite_", "_sqlite")) or "_fts" in name:
            continue
        assert name in described, name
        text, known = described[name]
        assert len(text) > 10, name
        assert {c for c in columns(db, name) if not known.get(c)} == set(), name


def test_the_page_about_the_schema_is_fresh():
    page = Path(__file__).parent.parent / "docs" / "schema.md"
    assert page.read_text("utf-8") == schema.markdown(), "run `python -m musicdb.schema`"


def test_every_truth_entity_has_created_updated_deleted(db):
    for table in ENTITIES:
        assert {"created_at", "updated_at", "deleted_at"} <= columns(db, table), table


def test_every_foreign_key_has_an_index_to_follow_it_back(db):
    """Deleting or merging a parent must not scan its children. Small vocabularies may be scanned."""
    small = {"platforms", "users", "track_ids", "artist_ids", "release_group_ids", "label_ids", "genre_ids", "operations", "images"}
    for table in names(db, "table"):
        if table.startswith("sqlite_") or "_fts" in table or table == "tag_rules":  # a handful of rows
            continue
        leading = {r[1] for r in db.execute(f"pragma table_info({table})") if r[5] == 1}
        for index in db.execute(f"pragma index_list({table})").fetchall():
            leading.add(db.execute(f"pragma index_info({index[1]})").fetchone()[2])
        for key in db.execute(f"pragma foreign_key_list({table})").fetchall():
            if key[2] in small or key[3] in ("merged_into_id", "parent_id", "duplicate_of_id"):
                continue
            assert key[3] in leading, f"{table}.{key[3]}"


def test_listens_refer_to_no_library_table(db):
    for table in ("listens", "listens_raw"):
        assert {r[2] for r in db.execute(f"pragma foreign_key_list({table})")} <= {"users", "listens", "listens_raw"}


def test_no_custom_function_is_used_inside_the_schema(db):
    own = {"match_key", "similarity", "camelot", "key_name", "compatible_keys", "duration"}
    for (sql,) in db.execute("select sql from sqlite_master where sql is not null"):
        assert not own & set(re.findall(r"(\w+)\s*\(", sql)), sql


def test_search_folds_accents_and_follows_changes(db):
    with db.atomic():
        db.execute("insert into track_ids (track_uid) values ('a')")
        db.execute("insert into tracks (id, title, artist_credit) values (1, 'Café', 'Bjørk')")
    find = "select rowid from tracks_fts(?)"
    assert db.value(find, ["cafe"]) == 1
    db.execute("update tracks set title = 'Tea' where id = 1")
    assert (db.value(find, ["cafe"]), db.value(find, ["tea"])) == (None, 1)
    db.execute("delete from tracks")
    assert db.value(find, ["tea"]) is None
    db.execute("insert into tracks_fts (tracks_fts) values ('integrity-check')")


def test_a_hand_edit_of_a_resolved_column_becomes_a_decision(db):
    db.execute("insert into track_ids (track_uid) values ('u1')")
    db.execute("insert into tracks (id, title) values (1, 'One')")
    db.execute("update tracks set year = 1997, title = 'One' where id = 1")
    found = db.q("select entity, entity_key, field, value, decided_by from decisions")
    assert found == [{"entity": "track", "entity_key": "u1", "field": "year", "value": "1997", "decided_by": "unknown"}]
    with db.operation("resolve", mode="batch"):
        db.execute("update tracks set year = 1998 where id = 1")
    assert db.value("select count(*) from decisions") == 1


def test_a_changed_cell_is_logged_with_its_own_type_and_operation(db):
    db.execute("insert into track_ids (track_uid) values ('u1')")
    with db.operation("test", actor="me") as op:
        db.execute("insert into tracks (id, title) values (1, 'One')")
    db.execute("update tracks set bpm = 124.1 where id = 1")
    with db.operation("test", mode="batch"):
        db.execute("update tracks set bpm = 125 where id = 1")
    found = db.q("select op, entity_key, field, old, new, actor, operation_id from changes where field in ('title', 'bpm') order by id")
    assert [tuple(r.values()) for r in found] == [
        ("insert", "[1]", "title", None, "One", "me", op.id),
        ("cell", "[1]", "bpm", None, 124.1, "unknown", None),
    ]


def test_updated_at_follows_a_hand_edit(db):
    db.execute("insert into tags (name, updated_at) values ('deep', '2000-01-01T00:00:00Z')")
    db.execute("update tags set description = 'low' where name = 'deep'")
    assert db.value("select updated_at from tags") > "2020"


def test_triggers_that_transform_dropped_are_put_back(db):
    db.execute("drop trigger search_tracks_update")
    db.execute("drop view claims")
    assert {d[2] for d in schema.differences(db.conn)} == {"search_tracks_update", "claims"}
    with musicdb.open(db.path) as again:
        assert schema.differences(again.conn) == []


def test_a_newer_schema_is_refused_and_not_changed(db):
    db.execute("insert into _sqlite_migrations (migration_set, name, applied_at) values ('musicdb', 'm999_future', 'x')")
    db.close()
    before = db.path.read_bytes()
    with pytest.raises(NewerSchema, match=r"m999_future.*upgrade musicdb"):
        musicdb.open(db.path)
    assert db.path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "other.db"
    plain = sqlite3.connect(path)
    plain.execute("create table songs (id)")
    plain.close()
    with pytest.raises(NotOurDatabase, match="songs"):
        musicdb.open(path)


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A database as an earlier release left it, and a program that knows one step more."""
    path = tmp_path / "old.db"
    musicdb.open(path).close()
    steps = sqlite_utils.Migrations("musicdb")
    steps._migrations = [*schema.migrations._migrations]

    @steps()
    def m002_test_step(db):
        db.conn.execute("alter table tags add column emoji text")
        if broken:
            raise RuntimeError("power cut")

    broken = []
    monkeypatch.setattr(schema, "migrations", steps)
    schema.expected.cache_clear()
    yield path, broken
    schema.expected.cache_clear()


def test_an_existing_file_is_backed_up_before_it_is_migrated(older):
    path, _ = older
    kept = []
    with musicdb.open(path, backup=lambda p: kept.append(shutil.copy(p, p.with_suffix(".bak")))) as db:
        assert "emoji" in columns(db, "tags")
    assert len(kept) == 1
    plain = sqlite3.connect(kept[0])
    assert "emoji" not in {r[1] for r in plain.execute("pragma table_info(tags)")}
    plain.close()


def test_a_failing_step_leaves_the_file_as_it_was(older):
    path, broken = older
    broken.append(True)
    with pytest.raises(RuntimeError, match="power cut"):
        musicdb.open(path, backup=lambda p: None)
    with musicdb.open(path, migrate=False) as db:
        assert "emoji" not in columns(db, "tags")
        assert schema.state(db.conn) == "behind"


def test_what_is_written_in_bulk_leaves_the_search_index_in_one_piece(db):
    pieces = "select count(distinct segid) from tracks_fts_idx"
    db.execute("insert into tracks_fts (tracks_fts, rank) values ('hashsize', 1000)")  # a piece of every few rows
    with db.operation("import", mode="batch"), schema.without_triggers(db.conn, ["tracks"]):
        db.executemany("insert into track_ids (id, track_uid) values (?, ?)", [(n, f"t{n}") for n in range(1, 501)])
        db.executemany("insert into tracks (id, title) values (?, ?)", [(n, f"title {n} word{n % 7}") for n in range(1, 501)])
    assert db.value(pieces) == 1
    assert db.value("select count(*) from tracks_fts('word3')") == 72  # 3, 10, ... 500
    db.execute("insert into tracks_fts (tracks_fts) values ('rebuild')")
    assert db.value(pieces) > 1
