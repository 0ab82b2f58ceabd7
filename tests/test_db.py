"""The handle: threads, transactions, errors in words, results that print."""

import _thread
import contextlib
import gc
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import musicdb
from musicdb import checkpoints
from musicdb.connection import connect
from musicdb.errors import BadInput, DatabaseBusy, DatabaseError, DatabaseFull, NotOurDatabase
from musicdb.listens import layout


def test_it_works_from_any_thread(db):
    found, errors = [], []

    def work(n):
        try:
            with db.atomic():
                db.execute("insert into tags (name) values (?)", [f"t{n}"])
            found.append(db.value("select count(*) from tags"))
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert max(found) == 8


def test_a_thread_that_ended_leaves_no_connection_behind(db):
    own = len(db._all)
    for _ in range(5):
        thread = threading.Thread(target=db.value, args=["select 1"])
        thread.start()
        thread.join()
    gc.collect()
    assert len(db._all) == own
    assert db.value("select 1") == 1


CLOSED_UNDER_THEM = """
import sys, threading, time
import musicdb
from pathlib import Path

said = []
for n in range(20):
    db = musicdb.open(Path(sys.argv[1]) / f"{n}.db")

    def work():
        try:
            db.value("with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000000) select max(i) from n")
        except Exception as error:
            said.append(str(error))

    asked, over = threading.Event(), threading.Event()

    def idle():
        db.value("select 1")
        asked.set()
        over.wait()

    threads = [threading.Thread(target=work), threading.Thread(target=work), threading.Thread(target=idle)]
    for thread in threads:
        thread.start()
    asked.wait()
    time.sleep(0.01)
    db.close()
    over.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    left = [one.name for one in Path(sys.argv[1]).glob(f"{n}.db?*")]
    assert not left, left
assert len(said) == 40 and all("interrupted" in one or "was closed" in one for one in said), said
"""


def test_to_close_it_ends_what_runs_on_other_threads_and_not_the_process(tmp_path):
    ran = subprocess.run([sys.executable, "-W", "error", "-c", CLOSED_UNDER_THEM, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_to_release_one_thread_leaves_the_others(db):
    asked, over, found = threading.Event(), threading.Event(), []

    def other():
        before = db.conn
        asked.set()
        over.wait()
        found.append(db.conn is before)

    thread = threading.Thread(target=other)
    thread.start()
    asked.wait()
    db.release()
    over.set()
    thread.join()
    assert found == [True]


def test_pragmas_of_every_connection(db):
    assert db.value("pragma journal_size_limit") == checkpoints.KEPT == db.value("pragma wal_autocheckpoint") * 16384
    assert [db.value(f"pragma {p}") for p in ("journal_mode", "foreign_keys", "busy_timeout", "recursive_triggers", "page_size")] == ["wal", 1, 30000, 1, 16384]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
def test_a_new_file_is_for_its_owner_only(db):
    assert stat.S_IMODE(db.path.stat().st_mode) == 0o600


def test_atomic_nests_and_rolls_back_the_inner_part_only(db):
    with db.atomic():
        db.execute("insert into tags (name) values ('kept')")
        with pytest.raises(ZeroDivisionError), db.atomic():
            db.execute("insert into tags (name) values ('lost')")
            1 / 0  # noqa: B018
    assert [r.name for r in db.q("select name from tags")] == ["kept"]
    assert not db.conn.in_transaction


def test_an_interrupt_while_it_waits_for_the_lock_leaves_no_transaction_open(db):
    other = sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    clocks = [threading.Timer(0.2, _thread.interrupt_main), threading.Timer(0.5, lambda: other.execute("commit"))]
    for clock in clocks:
        clock.start()
    with pytest.raises(KeyboardInterrupt), db.operation("edit"):
        pytest.fail("it was interrupted before")
    for clock in clocks:
        clock.join()
    assert not db.conn.in_transaction
    other.execute("begin immediate")  # nobody holds the lock
    other.close()


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill sends no Ctrl-C there; what answers it is the same")
@pytest.mark.parametrize("how", ["q", "ask"])
def test_ctrl_c_ends_a_query_that_takes_long(db, how):
    import datasette  # noqa: F401  which has SQLite's callbacks tell of each error that they meet
    before = signal.getsignal(signal.SIGINT)
    clock = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    clock.start()
    with pytest.raises(KeyboardInterrupt):
        getattr(db, how)("with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000) select max(i) from n")
    clock.join()
    assert db.value("pragma query_only") == 0 and len(db.q("select 1")) == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_an_operation_that_fails_leaves_nothing(db):
    with pytest.raises(ZeroDivisionError), db.operation("test"):
        db.execute("insert into tags (name) values ('lost')")
        1 / 0  # noqa: B018
    assert [db.value(f"select count(*) from {t}") for t in ("tags", "operations", "changes", "current_operation")] == [0, 0, 0, 0]


def test_an_operation_keeps_its_details(db):
    with db.operation("test", actor="me", reason="because") as op:
        op.details["n"] = 3
    row = db.one("select type, status, actor, reason, details from operations")
    assert tuple(row.values()) == ("test", "completed", "me", "because", '{"n":3}')


def test_writers_take_the_lock_at_once_and_lose_nothing(tmp_path):
    path = tmp_path / "music.db"
    musicdb.open(path).close()
    code = (
        "import sys, musicdb\ndb = musicdb.open(sys.argv[1])\n"
        "for i in range(50):\n"
        "    with db.atomic():\n"
        "        n = db.value('select count(*) from tags')\n"
        "        db.execute('insert into tags (name) values (?)', [f'{sys.argv[2]}-{n}'])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(3)]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    with musicdb.open(path) as db:
        assert db.value("select count(*) from tags") == 150


def test_rows_print_as_a_table_and_as_html_with_everything_escaped(db):
    rows = db.q("select 1 as id, '<img src=x onerror=alert(1)>' as title, null as year")
    assert str(rows).splitlines()[0].split() == ["id", "title", "year"]
    assert "<img src=x" not in rows._repr_html_()
    assert "&lt;img src=x" in rows._repr_html_()
    assert rows[0].title.startswith("<img")
    assert repr(db.q("select 1 where 0")) == "(no rows)"


def test_tables_complete_by_name(db):
    assert {"tracks", "claims"} <= set(dir(db.t))
    assert db.t.platforms.get("local")["title"] == "Files"
    with pytest.raises(AttributeError, match="nonsense"):
        db.t.nonsense  # noqa: B018


def test_sql_functions(db):
    assert db.value("select camelot('A minor')") == "8A"
    assert db.value("select match_key('Nightfall (Dub Mix)') = match_key('Nightfall')") == 0
    assert db.value("select similarity('Hyperballad', 'Hyper-ballad')") > 90
    assert db.value("select '7A' in (select value from json_each(compatible_keys('8A')))") == 1


def test_a_closed_handle_says_so(tmp_path):
    db = musicdb.open(tmp_path / "music.db")
    db.close()
    with pytest.raises(DatabaseError, match="was closed"):
        db.q("select 1")


@pytest.mark.parametrize("make, error, words", [
    (lambda p: p.mkdir(), BadInput, "is a folder"),
    (lambda p: p.write_bytes(b"ID3" * 500), NotOurDatabase, "is not a SQLite database"),
], ids=["folder", "no database"])
def test_what_is_no_database_is_refused_by_name(tmp_path, make, error, words):
    path = tmp_path / "x.db"
    make(path)
    with pytest.raises(error, match=words) as e:
        musicdb.open(path)
    assert str(path) in str(e.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such devices")
@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/dev/null"), lambda p: os.mkfifo(p)], ids=["device", "pipe"])
def test_a_device_is_no_database_and_no_full_disk(tmp_path, make):
    make(tmp_path / "x.db")
    with pytest.raises(BadInput, match="is no file"):
        musicdb.open(tmp_path / "x.db")


def test_a_file_that_cannot_be_opened_is_one_error_and_nothing_after_it(tmp_path):
    with pytest.raises(DatabaseError, match="unable to open"):
        connect(tmp_path / "gone.db")
    gc.collect()  # an error while a half-made connection goes would be told here


def test_a_closed_handle_does_not_touch_its_file_again(tmp_path):
    db = musicdb.open(tmp_path / "a.db")
    db.close()
    (tmp_path / "a.db").unlink()
    with pytest.raises(DatabaseError, match="was closed"):
        db.value("select 1")


def test_a_missing_file_is_only_made_when_asked(tmp_path):
    with pytest.raises(BadInput, match="musicdb init"):
        musicdb.open(tmp_path / "none.db", create=False)
    with pytest.raises(BadInput, match="no folder"):
        musicdb.open(tmp_path / "no" / "music.db")


def test_a_damaged_file_says_what_to_do(tmp_path):
    path = tmp_path / "music.db"
    musicdb.open(path).close()
    data = bytearray(path.read_bytes())
    data[100:16384] = b"\xff" * (16384 - 100)
    path.write_bytes(data)
    with pytest.raises(DatabaseError, match=r"damaged.*musicdb check"):
        musicdb.open(path)


def test_a_full_disk_is_named_and_nothing_of_the_step_is_kept(db):
    db.execute(f"pragma max_page_count = {db.value('pragma page_count')}")
    with pytest.raises(DatabaseFull, match="free some room"), db.atomic():
        db.execute("insert into tags (name) values ('first')")
        for n in range(2000):
            db.execute("insert into tags (name, description) values (?, ?)", [str(n), "x" * 1000])
    assert db.value("select count(*) from tags") == 0
    assert db.value("pragma integrity_check") == "ok"


def test_a_long_lock_of_another_program_is_named(db):
    db.execute("pragma busy_timeout = 50")
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(DatabaseBusy, match="another program"), db.atomic():
        pass
    other.execute("rollback")
    other.close()


def note(db, n):
    with db.atomic():
        db.execute("insert into config (key, value) values (?, 'x')", [f"note {n}"])


def in_the_file_alone(db, folder):
    """Notes that are in the database file itself, without its log."""
    copy = folder / "alone.db"
    shutil.copy(db.path, copy)
    with contextlib.closing(sqlite3.connect(copy)) as conn:
        return conn.execute("select count(*) from config where key like 'note %'").fetchone()[0]


def test_a_thread_of_its_own_folds_the_log_in_once_nobody_writes(db, tmp_path, monkeypatch):
    folded, fold, n = [], checkpoints.fold, 0
    monkeypatch.setattr(checkpoints, "SOME", 40)
    monkeypatch.setattr(checkpoints, "fold", lambda *paths: folded.append(threading.current_thread()) or fold(*paths))
    before = db.conn.total_changes
    while db.conn.total_changes < before + 40:
        assert db.checkpoints.thread is None
        note(db, n := n + 1)
    db.checkpoints.thread.join()
    assert in_the_file_alone(db, tmp_path) == n > 3
    assert folded == [db.checkpoints.thread] != [threading.current_thread()]
    gc.collect()
    assert len(db._all) == 1


def test_the_log_has_an_end_while_somebody_writes_without_a_pause(tmp_path, monkeypatch):
    monkeypatch.setattr(musicdb.connection, "WAL", ("pragma wal_autocheckpoint = 1000",))
    most, pages, text = 0, 0, "x" * 100_000
    with musicdb.open(tmp_path / "music.db") as db:
        for n in range(1500):
            with db.atomic():
                db.execute("insert into config (key, value) values (?, ?)", [f"note {n}", text])
            pages += 7
            most = max(most, Path(f"{db.path}-wal").stat().st_size // 16384)
    assert 500 < most < 3000 < pages


def test_the_log_of_a_large_write_is_cut_when_it_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(musicdb.connection, "WAL", ("pragma journal_size_limit = 1000000",))
    with musicdb.open(tmp_path / "music.db") as db:
        with db.atomic():
            db.execute("insert into config (key, value) values ('large', ?)", ["x" * 20_000_000])
        log = Path(f"{db.path}-wal")
        assert log.stat().st_size > 20_000_000
        db.execute("pragma wal_checkpoint(passive)")
        note(db, 1)
        assert log.stat().st_size == 1_000_000


def test_a_checkpoint_that_fails_hurts_nobody(db, monkeypatch):
    def fails(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(checkpoints, "fold", fails)
    monkeypatch.setattr(checkpoints, "SOME", 1)
    note(db, 1)
    db.checkpoints.thread.join()
    note(db, 2)
    db.checkpoints.thread.join()
    monkeypatch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("can't start new thread")))
    note(db, 3)
    note(db, 4)
    assert db.value("select count(*) from config where key like 'note %'") == 4


def test_a_closed_handle_folds_its_log_in_whatever_its_thread_is_at(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SOME", 20)
    for n in range(10):
        with musicdb.open(tmp_path / f"{n}.db") as db:
            for i in range(20 + n):
                note(db, i)
            if n % 2:
                time.sleep(checkpoints.QUIET_S + 0.002 * (n - 4))
            thread = db.checkpoints.thread
        thread.join(10)
        assert not thread.is_alive()
        assert [one.name for one in tmp_path.glob(f"{n}.db*")] == [f"{n}.db"]


def test_the_log_of_a_diary_of_its_own_is_folded_in_too(tmp_path):
    with musicdb.open(tmp_path / "music.db"):
        pass
    layout.split(tmp_path / "music.db", tmp_path / "listens.db")
    with musicdb.open(tmp_path / "music.db") as db:
        with db.atomic():
            db.execute("insert into users (username) values ('somebody')")
        checkpoints.fold(db.path, db.diary_path)
        shutil.copy(tmp_path / "listens.db", tmp_path / "alone.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "alone.db")) as conn:
        assert conn.execute("select count(*) from users where username = 'somebody'").fetchone() == (1,)
