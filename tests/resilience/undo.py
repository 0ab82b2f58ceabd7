"""python -m tests.resilience.undo [change sets] [seed]: random changes of every table of the ledger, undone; then every cell is compared.

A change set is 1 to 8 statements in one operation (or without one: a direct edit): inserts, updates, deletes with their cascades, replaced
rows, changed keys, with values of every type. Some sets are stacked and undone newest first, done again, and undone again.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import musicdb
from musicdb import history, schema

IGNORED = {"updated_at"}
LEFT_OUT = {"users"}  # the only row of `users` stands for everything else
VALUES = ["", "a", "A", "ä", "夜", "a\0b", " ", "1", "1.0", "null", "'", '"', "x" * 300]
NUMBERS = [0, 1, -1, 2, 3, 7, 2**53 + 1, 2**62, -(2**40)]
REALS = [0.1, 1 / 3, 1e-300, -2.5, 128.0, 1e17]


class Changer:
    """Makes random statements that may fail; what fails is not part of the set."""

    def __init__(self, db: musicdb.db.Database, seed: int):
        self.db, self.pick = db, random.Random(seed)
        self.tables = [t for t in schema.LEDGER if t not in LEFT_OUT]
        self.info = {t: [r for r in db.execute(f"pragma table_xinfo({t})") if r[6] == 0] for t in self.tables}
        self.parents = {t: {r[3]: (r[2], r[4] or "id") for r in db.execute(f"pragma foreign_key_list({t})")} for t in self.tables}
        for kind in ("track", "artist", "release_group", "label", "genre"):
            db.executemany(f"insert into {kind}_ids ({kind}_uid) values (?)", [(db.new_uid(),) for _ in range(12)])
        for colour in range(4):
            db.execute("insert into images (sha256, mime_type) values (?, 'image/jpeg')", [f"{colour:064x}"])

    def value(self, table: str, column: tuple):
        name, type = column[1], column[2].upper()
        pick = self.pick
        if name in self.parents[table]:
            parent, key = self.parents[table][name]
            rows = self.db.execute(f"select {key} from {parent}").fetchall()
            return pick.choice(rows)[0] if rows and pick.random() < 0.95 else None
        if column[3] == 0 and pick.random() < 0.2:
            return None
        if type in ("INT", "INTEGER"):
            return pick.choice([0, 1, 1, 2, 3, 4, 5, *NUMBERS])
        return pick.choice(REALS) if type == "REAL" else pick.choice(VALUES) + str(pick.randrange(6)) if pick.random() < 0.8 else pick.choice(VALUES)

    def statement(self) -> tuple[str, list]:
        pick, table = self.pick, self.pick.choice(self.tables)
        columns = self.info[table]
        kind = pick.choice("insert insert insert update update update delete replace rekey".split())
        keys = [c[1] for c in columns if c[5]]
        if kind in ("insert", "replace"):
            chosen = [c for c in columns if c[3] or (c[5] and not self.auto(table)) or c[1] in self.parents[table] or pick.random() < 0.6]
            chosen = [c for c in chosen if c[1] != "updated_at"]
            verb = "insert" if kind == "insert" else "insert or replace"
            names = ", ".join(f'"{c[1]}"' for c in chosen)
            return f"{verb} into {table} ({names}) values ({', '.join('?' * len(chosen))})", [self.value(table, c) for c in chosen]
        rows = self.db.execute(f"select {', '.join(keys)} from {table}").fetchall()
        if not rows:
            return "select 1", []
        key = pick.choice(rows)
        where = " and ".join(f'"{k}" is ?' for k in keys)
        if kind == "delete":
            return f"delete from {table} where {where}", [*key]
        wanted = [c for c in columns if (c[5] > 0 if kind == "rekey" else c[5] == 0) and c[1] != "updated_at"] or columns[:1]
        sets = pick.sample(wanted, min(len(wanted), pick.randrange(1, 4)))
        if kind == "update" and pick.random() < 0.15:
            where, key = "1", ()
        return f"update {table} set " + ", ".join(f'"{c[1]}" = ?' for c in sets) + f" where {where}", [*(self.value(table, c) for c in sets), *key]

    def auto(self, table: str) -> bool:
        keys = [c for c in self.info[table] if c[5]]
        return len(keys) == 1 and keys[0][2].upper() == "INTEGER" and keys[0][1] not in self.parents[table]

    def change(self) -> int:
        """Make one change set of statements that hold together; return how many did."""
        n = 0
        for _ in range(self.pick.randrange(1, 9)):
            sql, values = self.statement()
            try:
                with self.db.atomic():
                    self.db.execute(sql, values)
                n += 1
            except sqlite3.Error:
                continue
        return n


def content(db) -> dict[str, list]:
    """Every cell of the ledger's tables, with its type."""
    found = {}
    for table in schema.LEDGER:
        names = [r[1] for r in db.execute(f"pragma table_xinfo({table})") if r[6] == 0 and r[1] not in IGNORED]
        rows = db.execute(f"select {', '.join(map(chr(34).__add__, (n + chr(34) for n in names)))} from {table}").fetchall()
        found[table] = sorted(rows, key=repr)
    return found


def difference(one: dict, other: dict) -> str:
    """Where two contents differ, for the report."""
    return "; ".join(f"{t}: {[r for r in one[t] if r not in other[t]][:2]} / {[r for r in other[t] if r not in one[t]][:2]}" for t in one if repr(one[t]) != repr(other[t]))


def run(folder: Path, sets: int, seed: int = 1) -> tuple[int, int, list[str]]:
    """Return (change sets undone, rows put back, mismatches: where what was before and what is differ)."""
    done = rows = 0
    mismatches: list[str] = []
    # These rows are made up, so what is derived of them is not what they hold: it is left out here, and tested by `steps`.
    with musicdb.open(folder / "undo.db") as db, patch.object(history.deriving, "everywhere", lambda *_: set()):
        changer = Changer(db, seed)
        for _ in range(40):  # something to change
            with db.operation("filling", mode="batch"):
                changer.change()
        while done < sets:
            states, operations = [content(db)], []
            for _ in range(changer.pick.choice([1, 1, 1, 3])):
                with db.operation("test") as op:
                    changer.change()
                if db.value("select count(*) from changes where operation_id = ?", [op.id]):
                    operations.append(op.id)
                    states.append(content(db))
            again = len(operations) > 1
            for which in ("undo", "redo", "undo") if again else ("undo",):
                order = operations if which == "redo" else operations[::-1]
                for place, one in enumerate(order):
                    undone = getattr(history, which)(db, one)
                    rows += undone.rows
                    want = states[place + 1] if which == "redo" else states[-2 - place]
                    if wrong := difference(want, content(db)):
                        mismatches.append(f"{which} of operation {one}: {wrong}")
            done += len(operations)
            if changer.pick.random() < 0.5:  # go on from somewhere else
                changer.change()
    return done, rows, mismatches


def main() -> int:
    sets, seed = (int(a) for a in (sys.argv[1:] + ["10000", "1"][len(sys.argv) - 1 :])[:2])
    started, done, rows, mismatches = time.perf_counter(), 0, 0, []
    while done < sets:  # a fresh database now and then: other rows, other keys
        with tempfile.TemporaryDirectory() as folder:
            some, back, wrong = run(Path(folder), min(500, sets - done), seed)
        done, rows, seed = done + some, rows + back, seed + 1
        mismatches += wrong
    print(f"figure 3: {done:,} random change sets undone, {rows:,} rows put back, {len(mismatches)} mismatches, {time.perf_counter() - started:.0f} s")
    print("\n".join(mismatches[:20]))
    return 1 if mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
