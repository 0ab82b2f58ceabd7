"""Backups: equal to the source or none at all; a damaged one is noticed; restoring gives back what was there."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from musicdb import backup
from musicdb.errors import BadBackup, BadInput, DatabaseError, DatabaseFull


def fill(path: Path, n: int = 300) -> sqlite3.Connection:
    """A small database with the things that go wrong: WAL, blobs, text that is not UTF-8, a search index, a key of two columns."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("pragma journal_mode = wal")
    conn.execute("create table songs(id integer primary key, title text, cover, virt int generated always as (id * 2) virtual)")
    conn.execute("create table pairs(a text, b int, note text, primary key(a, b)) without rowid")
    conn.execute("create table places(at int not null, note text, disc text not null, primary key(disc, at)) without rowid")
    conn.execute("insert into places values (1, null, 'A')")  # of which SQLite 3.40 says in `quick_check` that a cell is empty
    conn.execute("create table free(x)")
    conn.execute("create virtual table songs_fts using fts5(title, content='songs', content_rowid='id')")
    conn.executemany("insert into songs(id, title, cover) values (?, ?, ?)", [(i, f"Är {i}", bytes([i % 256]) * 50) for i in range(n)])
    conn.execute("insert into songs(id, title) values (?, cast(x'ff41' as text))", [n])
    conn.execute("insert into pairs values ('ö', 1, null), ('ö', 2, '1')")
    conn.executemany("insert into free values (?)", [(1,), (1,), (1.0,), ("1",), (None,), (b"1",)])
    return conn


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "music.db"
    with closing(fill(path)) as conn:
        yield path, conn


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_a_backup_equals_its_source_with_rows_that_are_still_in_the_log(library, tmp_path):
    path, _ = library
    assert Path(f"{path}-wal").stat().st_size > 0
    made = backup.create(path, tmp_path / "backups")
    assert backup.verify(made.path) == made == backup.newest(tmp_path / "backups", path)
    assert backup.lost(made.path, path) == {}
    assert {table: rows for table, (rows, _) in made.tables.items()} == {"songs": 301, "pairs": 2, "places": 1, "free": 6}
    assert names(tmp_path / "backups") == [made.path.name, made.path.name + ".sha256"]
    if os.name == "posix":
        assert made.path.stat().st_mode & 0o777 == 0o600
        assert backup.sidecar(made.path).stat().st_mode & 0o777 == 0o600


def test_the_content_hash_tells_every_type_apart(tmp_path):
    hashes = set()
    for value in (None, 1, 1.0, "1", b"1", "", b""):
        with closing(sqlite3.connect(":memory:")) as conn:
            conn.execute("create table t(x)")
            conn.execute("insert into t values (?)", [value])
            hashes.add(backup.content(conn)["t"])
    assert len(hashes) == 7


def test_a_backup_is_one_moment_while_another_writes(library, tmp_path):
    path, _ = library
    script = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n"
        "while True:\n"
        "    c.execute('begin immediate')\n"
        "    c.execute('insert into free values (1)'); c.execute('insert into pairs values (?, random(), null)', ['w'])\n"
        "    c.execute('commit')\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    try:
        time.sleep(0.2)
        for _ in range(5):
            made = backup.create(path, tmp_path / "backups")
            backup.verify(made.path)
            assert made.tables["free"][0] - 6 == made.tables["pairs"][0] - 2  # both rows of a transaction, or none
    finally:
        writer.kill()
        writer.wait()


def test_every_flipped_bit_is_noticed(library, tmp_path):
    path, _ = library
    made = backup.create(path, tmp_path / "backups")
    whole, dice = made.path.read_bytes(), random.Random(7)
    for _ in range(200):
        place, bit = dice.randrange(len(whole)), 1 << dice.randrange(8)
        broken = bytearray(whole)
        broken[place] ^= bit
        made.path.write_bytes(broken)
        with pytest.raises(BadBackup):
            backup.verify(made.path, deep=False)
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        made.path.write_bytes(whole[:cut])
        with pytest.raises(BadBackup):
            backup.verify(made.path, deep=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"sha256": 1}', '{"tables": []}'])
def test_a_damaged_or_missing_sidecar_makes_it_no_backup(library, tmp_path, text):
    path, _ = library
    made = backup.create(path, tmp_path / "backups")
    backup.sidecar(made.path).write_text(text)
    with pytest.raises(BadBackup):
        backup.verify(made.path)
    assert backup.backups(tmp_path / "backups", path) == []
    backup.sidecar(made.path).unlink()
    with pytest.raises(BadBackup, match="cannot be told"):
        backup.verify(made.path)


def test_one_bit_of_the_sidecar_is_missed_too(library, tmp_path):
    made = backup.create(library[0], tmp_path / "backups", reason="by hand")
    side = backup.sidecar(made.path)
    side.write_text(side.read_text().replace("by hand", "by land"))
    with pytest.raises(BadBackup, match="damaged"):
        backup.read(made.path)


def test_restoring_gives_back_what_was_there_while_another_reads(library, tmp_path):
    path, conn = library
    made = backup.create(path, tmp_path / "backups")
    conn.execute("update songs set title = 'changed' where id < 10")
    conn.execute("delete from songs where id = 20")
    conn.execute("insert into pairs values ('new', 1, null)")
    assert backup.lost(made.path, path) == {
        "songs": {"added": 0, "changed": 10, "deleted": 1},
        "pairs": {"added": 1, "changed": 0, "deleted": 0},
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        assert reader.execute("select count(*) from pairs").fetchone() == (3,)
        backup.restore(made.path, path)
        assert reader.execute("select count(*) from pairs").fetchone() == (3,)  # its own moment, undisturbed
        reader.execute("commit")
        assert reader.execute("select count(*) from pairs").fetchone() == (2,)
    assert backup.lost(made.path, path) == {}
    assert conn.execute("pragma journal_mode").fetchone() == ("wal",)


def test_restoring_over_a_ruined_file_keeps_the_ruin(library, tmp_path):
    path, conn = library
    made = backup.create(path, tmp_path / "backups")
    conn.close()
    path.write_bytes(b"no database " * 500)
    Path(f"{path}-wal").write_bytes(b"stale log")
    backup.restore(made.path, path)
    assert backup.lost(made.path, path) == {}
    kept = [name for name in names(tmp_path) if ".broken-" in name]
    assert (tmp_path / min(kept)).read_bytes().startswith(b"no database")
    assert not Path(f"{path}-wal").exists() or b"stale" not in Path(f"{path}-wal").read_bytes()


def test_restoring_a_damaged_backup_touches_nothing(library, tmp_path):
    path, conn = library
    made = backup.create(path, tmp_path / "backups")
    conn.execute("insert into free values ('later')")
    made.path.write_bytes(made.path.read_bytes()[:-1])
    before = conn.execute("select count(*) from free").fetchone()
    with pytest.raises(BadBackup, match="damaged"):
        backup.restore(made.path, path)
    assert conn.execute("select count(*) from free").fetchone() == before


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize("limit", [1, 4096, 20_000, 60_000])
def test_a_full_disk_leaves_nothing_that_looks_like_a_backup(library, tmp_path, limit):
    path, _ = library
    script = (
        "import resource, sys\n"
        "from musicdb import backup, errors\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
        "try: backup.create(sys.argv[1], sys.argv[2])\n"
        "except errors.DatabaseFull as error: print('FULL', error)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path), str(tmp_path / "backups"), str(limit)], capture_output=True, text=True)
    if run.stdout.startswith("FULL"):
        assert names(tmp_path / "backups") == []
    else:  # large enough after all
        assert run.returncode == 0, run.stderr
        assert limit == 60_000 and backup.newest(tmp_path / "backups", path)
    assert run.stderr == ""


def test_every_failing_write_is_reported_and_leaves_nothing(library, tmp_path, monkeypatch):
    path, _ = library

    def failing(name, at):
        real, calls = getattr(os, name), [0]

        def step(*arguments, **options):
            calls[0] += 1
            if calls[0] == at:
                raise OSError(28, "No space left on device")
            return real(*arguments, **options)

        return step

    failures = 0
    for name, times in (("open", 3), ("fsync", 3), ("replace", 2)):
        for at in range(1, times + 1):
            folder = tmp_path / f"{name}{at}"
            with monkeypatch.context() as patch:
                patch.setattr(os, name, failing(name, at))
                try:
                    backup.create(path, folder)
                except (DatabaseError, BadInput) as error:
                    failures += 1
                    assert "No space left" in str(error) or isinstance(error, DatabaseFull)
                    assert backup.backups(folder, path) == []
                    assert [one for one in names(folder) if one.endswith(".db") and not backup.sidecar(folder / one).exists()] == []
    assert failures >= 6


def test_the_newest_ten_stay_and_one_a_month(library, tmp_path):
    path, _ = library
    folder = tmp_path / "backups"
    made = backup.create(path, folder)
    for month in range(1, 13):
        for day in (3, 17, 28):
            one = folder / f"music-2025{month:02}{day:02}T120000Z.db"
            one.write_bytes(b"")
            backup._write_sidecar(replace(made, path=one, created_at=f"2025-{month:02}-{day:02}T12:00:00Z"))
    other = folder / "other-20250103T120000Z.db"
    other.write_bytes(b"of another database")
    backup.thin(folder, path)
    kept = [one.path.name for one in backup.backups(folder, path)]
    assert kept[0] == made.path.name
    assert kept[1:10] == [f"music-2025{m}T120000Z.db" for m in ("1228", "1217", "1203", "1128", "1117", "1103", "1028", "1017", "1003")]
    assert kept[10:] == [f"music-2025{month:02}28T120000Z.db" for month in range(9, 0, -1)]
    assert other.exists()


def test_two_databases_of_one_name_share_a_folder_and_never_a_backup(library, tmp_path):
    path, _ = library
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / path.name
    fill(other, 3).close()
    mine, theirs = backup.create(path, tmp_path / "all"), backup.create(other, tmp_path / "all")
    assert backup.backups(tmp_path / "all", path) == [mine] and backup.newest(tmp_path / "all", other) == theirs
    backup.thin(tmp_path / "all", other, keep=0)
    assert mine.path.exists()
    moved = tmp_path / "moved" / path.name
    moved.parent.mkdir()
    other.rename(moved)
    assert theirs in backup.backups(tmp_path / "all", moved)


def test_unusable_targets_are_named(library, tmp_path):
    path, _ = library
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for target in (blocked, blocked / "deeper", blocked / "deeper.db"):
        with pytest.raises(BadInput, match="file"):
            backup.create(path, target)
    taken = tmp_path / "taken.db"
    taken.write_text("precious")
    with pytest.raises(BadInput, match="there already"):
        backup.create(path, taken)
    assert taken.read_text() == "precious"
    with pytest.raises(BadInput, match="no database"):
        backup.create(tmp_path / "none.db", tmp_path / "backups")
    zero = tmp_path / "zero.db"
    zero.touch()
    with pytest.raises(BadBackup):
        backup.verify(zero)


def test_a_source_that_is_no_database_is_no_backup(tmp_path):
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"junk" * 5000)
    with pytest.raises(DatabaseError, match=r"junk\.db"):
        backup.create(junk, tmp_path / "backups")
    assert names(tmp_path / "backups") == []
