"""The handle: threads, transactions, errors in words, results that print."""

import gc
import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

import musicdb
from musicdb.errors import BadInput, DatabaseBusy, DatabaseError, DatabaseFull, NotOurDatabase


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
