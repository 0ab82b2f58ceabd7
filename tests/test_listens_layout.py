"""The diary in a file of its own: moved there and back, imported into, checked, backed up, undone, shown; and a library without it."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import check, contents, diary, history, load, schema
from musicdb.cli import cli
from musicdb.errors import BadInput, DatabaseError
from musicdb.exports import library
from musicdb.listens import flagging, layout, rollups, statistics

from .test_listens import export, heard, link, play, said, times


def diary_of(path):
    with closing(sqlite3.connect(path)) as conn:
        return {table: what for table, what in contents.content(conn).items() if table in diary.TABLES}


@pytest.fixture
def filled(tmp_path):
    """A library with plays of two persons and of a streaming service; closed."""
    path = tmp_path / "music.db"
    with musicdb.open(path) as db:
        heard(db, *range(1_700_000_000, 1_700_010_000, 1000))
        musicdb.listens.add(db, said(1_700_000_000), user="Ada")
        load.run(db, "spotify", export(tmp_path / "e", [play(at, f"Song {n % 5}") for n, at in enumerate(times(500))]))
        (tmp_path / "lfm.csv").write_text("uts,artist,album,track\n1600000000,Wren,,One\n1600000300,Wren,,Two\n")
        load.run(db, "lastfm", tmp_path / "lfm.csv", user="Ada")
        db.execute("update listens set duplicate_of_id = 1 where id = 3")
        rollups.refresh(db)
        db.execute("update listens set duplicate_of_id = 2 where id = 4")
    return path


VIEWS = "listening listening_by_month listening_by_hour listening_by_user listened_not_owned stale".split()


def seen(path, **options):
    with musicdb.open(path, **options) as db:
        rollups.refresh(db)
        return {view: sorted(map(repr, db.execute(f"select * from {view}").fetchall())) for view in VIEWS} | {
            "top": [dict(r) for r in statistics.top(db, "tracks")],
            "tables": {name: db.value(f"select count(*) from {name}") for name in (*diary.ONLY, "platform_tracks")},
        }


def test_the_diary_moves_into_a_file_and_back_and_nothing_differs(filled, tmp_path):
    views, before = seen(filled), diary_of(filled)
    moved = layout.split(filled, tmp_path / "listens.db")
    assert moved.rows["listens"] == 513 and before["listens"][0] == 513
    apart = diary_of(tmp_path / "listens.db")
    assert {t: apart[t] for t in diary.ONLY} == {t: before[t] for t in diary.ONLY}
    before.pop("listen_counted")  # which library the rollups are of: moving is an operation of it
    assert not set(diary.ONLY) & set(diary_of(filled)) and seen(filled) == views
    assert (tmp_path / "listens.db").stat().st_mode & 0o077 == 0
    assert [f for f in check.run(filled) if not f.ok] == []
    layout.join(filled)
    after = diary_of(filled)
    assert {t: after[t] for t in before if t != "sync_checkpoints"} == {t: before[t] for t in before if t != "sync_checkpoints"}
    assert after["sync_checkpoints"] == before["sync_checkpoints"] and seen(filled) == views
    assert [f for f in check.run(filled) if not f.ok] == []
    with musicdb.open(filled) as db:
        assert schema.differences(db.conn) == []


def test_no_listen_is_left_in_the_library_that_it_was_taken_out_of(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    data = filled.read_bytes() + (filled.with_name("music.db-wal").read_bytes() if filled.with_name("music.db-wal").exists() else b"")
    assert b"2023-11-14T22" not in data and b"trackdone" not in data and b"conn_country" not in data


def test_imports_go_on_in_either_layout_and_end_in_the_same_diary(tmp_path):
    plays = [play(at, f"Song {n % 9}") for n, at in enumerate(times(900))]
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    for path, options in ((one, {}), (two, {"listens": tmp_path / "listens.db"})):
        for n in (400, 900, 900):
            with musicdb.open(path, **options) as db:
                report = load.run(db, "spotify", export(tmp_path / f"e{n}", plays[:n]))
                heard(db, 1_700_000_000 + n, title=f"Once {n}{report.listens_new}")
    assert seen(one) == seen(two)
    with musicdb.open(two) as db:
        assert db.diary == "diary" and db.value("select count(*) from main.import_batches") == 0
        assert db.value("select count(*) from diary.import_batches where kind = 'play'") > 0
    layout.join(two)
    assert seen(one) == seen(two)


def test_what_an_import_of_listening_keeps_is_one_commit_of_one_file(tmp_path):
    """Plays, batch and checkpoint: where the listens file is put back to before, the next run brings all of it again."""
    (tmp_path / "lfm.csv").write_text("uts,artist,album,track\n1600000000,Wren,,One\n")
    path, away = tmp_path / "m.db", tmp_path / "listens.db"
    with musicdb.open(path, listens=away) as db:
        assert db.value("select count(*) from listens") == 0
    before = away.read_bytes()
    with musicdb.open(path) as db:
        load.run(db, "lastfm", tmp_path / "lfm.csv")
        assert db.value("select count(*) from diary.sync_checkpoints") > 0 and db.value("select count(*) from main.sync_checkpoints") == 0
    away.write_bytes(before)
    with musicdb.open(path) as db:
        assert load.run(db, "lastfm", tmp_path / "lfm.csv").listens_new == 1
        assert [f for f in check.run(path) if not f.ok] == []


def test_undo_and_the_ledger_reach_the_other_file(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    with musicdb.open(filled) as db:
        with db.operation("user", actor="user"):
            db.execute("insert into users (username) values ('Eve')")
        history.undo(db)
        assert db.value("select count(*) from users where username = 'Eve'") == 0
        history.redo(db)
        assert db.value("select count(*) from users where username = 'Eve'") == 1
        link(db, 1, None)
        assert "listens" in dir(db.t) and db.t.listens.count == 513


def test_merges_and_links_show_in_the_statistics_of_both_files(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    with musicdb.open(filled) as db:
        with db.operation("test", mode="batch"):
            db.execute("insert into track_ids (track_uid) values ('t1')")
            db.execute("insert into tracks (id, title, artist_credit) values (1, 'Ours', 'Us')")
        before = statistics.top(db, "tracks")[0].plays
        for (id,) in db.execute("select id from platform_tracks where platform = 'spotify'").fetchall():
            link(db, id, 1)
        top = statistics.top(db, "tracks")[0]
        assert (top.title, top.plays) == ("Ours", 500) and before == 100


@pytest.mark.parametrize("what", ["missing", "no diary", "listens in both", "split twice", "join twice", "target is there"])
def test_a_layout_that_cannot_be_is_told_with_the_next_step(filled, tmp_path, what):
    away = tmp_path / "listens.db"
    if what == "listens in both":
        with pytest.raises(BadInput, match="musicdb listens split"):
            musicdb.open(filled, listens=away)
        return
    if what == "join twice":
        with pytest.raises(BadInput, match="in it already"):
            layout.join(filled)
        return
    if what == "target is there":
        away.write_text("something")
        with pytest.raises(BadInput, match="is there already"):
            layout.split(filled, away)
        assert away.read_text() == "something" and seen(filled)["tables"]["listens"] == 513
        return
    layout.split(filled, away)
    if what == "split twice":
        with pytest.raises(BadInput, match="listens join"):
            layout.split(filled, tmp_path / "other.db")
    elif what == "missing":
        away.unlink()
        with pytest.raises(DatabaseError, match="put it back, or name its place with MUSICDB_LISTENS_DB"):
            musicdb.open(filled)
        assert [f.name for f in check.run(filled)] == ["listens"]
    else:
        with closing(sqlite3.connect(away)) as conn:
            conn.execute("pragma application_id = 5")
        with pytest.raises(DatabaseError, match="is no listening history"):
            musicdb.open(filled)


def test_a_move_that_fails_leaves_everything_as_it_was(filled, tmp_path, monkeypatch):
    before = seen(filled)
    monkeypatch.setattr(layout, "_same", lambda *args: (_ for _ in ()).throw(DatabaseError("differs")))
    with pytest.raises(DatabaseError, match="differs"):
        layout.split(filled, tmp_path / "listens.db")
    assert not (tmp_path / "listens.db").exists() and seen(filled) == before


def test_a_diary_that_was_moved_is_found_where_it_is_said_to_be(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    before = seen(filled)
    (tmp_path / "private").mkdir()
    away = (tmp_path / "listens.db").rename(tmp_path / "private" / "l.db")
    assert seen(filled, listens=away) == before


def run(*words, **env):
    done = CliRunner().invoke(cli, [str(w) for w in words], env=env)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_commands_work_in_both_layouts(filled, tmp_path):
    here = {"MUSICDB_DB": str(filled)}
    assert "513 listens" in run("listens", "split", **here) and "backup before join" in run("listens", "join", **here)
    layout.split(filled, tmp_path / "apart.db") if not (tmp_path / "apart.db").exists() else None
    assert "listening history" in run("backup", **here)
    assert run("backup", "--verify", **here).count("ok ") >= 4
    assert "BAD" not in run("check", "--vacuum", **here)
    assert "Night Ferry" in run("listens", "top", "tracks", "--since", "2023", **here)
    assert "is there already" in CliRunner().invoke(cli, ["listens", "add", "--artist", "Wren Ashby", "--title", "Night Ferry", "--at", "1700000000"], env=here).output
    assert "listen 514" in run("listens", "add", json.dumps(said(1_800_000_000)), **here)
    copy = next(path for path in (tmp_path / "backups").glob("apart-*.db"))
    assert "apart.db" in run("migrate", "--restore", "--from", copy, **here)
    with musicdb.open(filled) as db:
        assert db.value("select count(*) from listens") == 513


def test_a_rehearsal_writes_to_neither_file(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    before = seen(filled)
    source = export(tmp_path / "more", [play(at, "Another") for at in times(50, "2022-01-01T00:00:00")])
    assert "50 new plays" in run("import", "spotify", source, "--check", MUSICDB_DB=str(filled))
    assert seen(filled) == before


def test_sqlite_utils_sees_both_files(filled, tmp_path):
    layout.split(filled, tmp_path / "listens.db")
    done = subprocess.run([sys.executable, "-m", "sqlite_utils", str(filled), "select count(*) as n from listening where title = 'Night Ferry'"],
                          capture_output=True, text=True)  # fmt: skip
    assert json.loads(done.stdout) == [{"n": 9}], done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_datasette_shows_both_files_and_the_library_alone(filled, tmp_path, there):
    import asyncio

    from musicdb.web import serve

    layout.split(filled, tmp_path / "listens.db")
    if not there:
        (tmp_path / "listens.db").unlink()

    async def ask(*paths):
        app = serve.app(filled)
        await app.invoke_startup()
        return [await app.client.get(path, follow_redirects=True) for path in paths]

    plays, page, home = asyncio.run(ask("/music.json?sql=select+count(*)+as+n+from+listening&_shape=array", "/music/listening", "/"))
    assert plays.json() == [{"n": 511 if there else 0}]
    assert page.status_code == home.status_code == 200 and ("Night Ferry" in page.text) is there


# ---------- to share
@pytest.fixture
def private(tmp_path):
    """A library with files, listens and persons whose words must not be found in what is shared."""
    path = tmp_path / "music.db"
    with musicdb.open(path) as db:
        load.run(db, "spotify", export(tmp_path / "e", [play(at, f"Song {n % 5}") for n, at in enumerate(times(300))]), user="Penelope")
        with db.operation("test", mode="row"):
            db.execute("insert into track_ids (track_uid, origin) values ('t1', 'm3u//home/penelope/Music/secret.flac')")
            db.execute("insert into tracks (id, title, artist_credit) values (1, 'Shown', 'Us')")
            db.execute("insert into config (key, value) values ('music_folder', '/home/penelope/Music')")
            for platform, key in (("local", "a1"), ("m3u", "/home/penelope/Music/secret.flac")):
                db.execute("insert into platform_tracks (platform, external_id, title, match_key, said, metadata) values (?, ?, 'Shown', 'k', ?, ?)",
                           [platform, key, json.dumps({"path": "/home/penelope/Music/secret.flac", "play_count": 7, "bpm": 120}),
                            json.dumps({"Location": "file://localhost/home/penelope/Music/secret.flac"})])  # fmt: skip
            local = db.value("select id from platform_tracks where platform = 'local'")
            db.execute("insert into media_files (platform_track_id, path, path_hash, root) values (?, '/home/penelope/Music/secret.flac', 'h', '/home/penelope/Music')", [local])
        link(db, local, 1)
        link(db, local + 1, None)
        db.execute("insert into quarantine (platform, kind, item, payload, reason, at) values ('local', 'file', '/home/penelope/Music/bad.mp3', '{}', 'broken', 't')")
        db.execute("update operations set target = '/home/penelope/Music', details = '{\"source\": \"/home/penelope/Music\"}' where id = 1")
    return path


SECRET = [b"penelope", b"Penelope", b"secret.flac", b"bad.mp3", b"2020-01-01T0", b"trackdone", b"spotify:track", b'"play_count"']


@pytest.mark.parametrize("split", [False, True])
def test_nothing_private_is_left_in_any_byte_of_a_shared_library(private, tmp_path, split):
    assert all(word in private.read_bytes() + private.with_name("music.db").read_bytes() for word in (b"penelope", b"trackdone"))
    if split:
        layout.split(private, tmp_path / "listens.db")
    with musicdb.open(private) as db:
        done = library.write(db, tmp_path / "shared.db")
    data = (tmp_path / "shared.db").read_bytes()
    assert [word for word in SECRET if word in data] == []
    assert done.tracks == 1 and [f for f in check.run(tmp_path / "shared.db") if not f.ok] == []
    with musicdb.open(tmp_path / "shared.db") as db:
        assert db.value("select title from tracks") == "Shown" and db.value("select count(*) from listening") == 0
        assert db.value("select json_extract(said, '$.bpm') from platform_tracks where platform = 'local'") == 120
        assert db.q("select rowid from tracks_fts where tracks_fts match 'shown'")
        musicdb.listens.add(db, said(1_700_000_000))  # a database like any other
    assert sorted(p.name for p in tmp_path.iterdir() if "shared" in p.name and not p.name.endswith(("-wal", "-shm"))) == ["shared.db"]


@pytest.mark.parametrize("split", [False, True])
def test_only_what_is_named_is_left_out(private, tmp_path, split):
    if split:
        layout.split(private, tmp_path / "listens.db")
    run("export", "library", "--without", "paths,users", "-o", tmp_path / "s.db", MUSICDB_DB=str(private))
    with musicdb.open(tmp_path / "s.db") as db:
        assert db.value("select count(*) from listening") == 300 and db.value("select group_concat(username) from users") == "me"
    assert b"penelope" not in (tmp_path / "s.db").read_bytes().lower()


def test_a_path_that_would_be_left_stops_the_export(private, tmp_path, monkeypatch):
    monkeypatch.setitem(library.SQL, "paths", library.PATHS.replace("delete from media_files", "delete from media_files where 0"))
    with musicdb.open(private) as db, pytest.raises(DatabaseError, match="is named somewhere in it"):
        library.write(db, tmp_path / "shared.db")
    assert not list(tmp_path.glob("*shared*"))


@pytest.mark.parametrize("bad", [["cover"], []])
def test_an_unknown_part_or_a_target_that_is_there_is_refused(private, tmp_path, bad):
    with musicdb.open(private) as db:
        with pytest.raises(BadInput, match="listens, paths, users"):
            library.write(db, tmp_path / "s.db", without=bad)
        with pytest.raises(BadInput, match="is there already"):
            library.write(db, private)


@pytest.mark.parametrize("split", [False, True])
def test_a_log_read_again_in_another_zone_counts_once_in_either_layout(tmp_path, split):
    path = tmp_path / "music.db"
    with musicdb.open(path):
        pass
    if split:
        layout.split(path, tmp_path / "listens.db")
    (tmp_path / ".scrobbler.log").write_text("#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\nWren\t\tWinter\t1\t200\tL\t1705320000\t\nWren\t\tSummer\t1\t200\tL\t1721044800\t\n")
    with musicdb.open(path) as db:
        for zone in ("Asia/Tokyo", "Europe/Berlin"):
            load.run(db, "lastfm", tmp_path / ".scrobbler.log", time_zone=zone)
            flagging.mark(db)
        assert {at for (at,) in db.execute("select listened_at from listening")} == {"2024-01-15T11:00:00Z", "2024-07-15T10:00:00Z"}
        again = load.run(db, "lastfm", tmp_path / ".scrobbler.log")
        assert again.listens_new == 0 and any("Europe/Berlin, as said with an earlier import" in note for note in again.notes)
        operation = db.value("select max(id) from operations where type = 'plays'")
        history.undo(db, operation)
        assert db.value("select count(*) from listening") == 4
