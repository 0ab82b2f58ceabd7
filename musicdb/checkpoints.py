"""Checkpoints that nobody waits for: a thread of its own folds the write-ahead log into the file, once a handle has written enough and pauses.

SQLite would do it in the commit that finds the log long, so one small operation in fifty took ten times as long. It still does where somebody
writes without a pause (`LIMIT`), and whoever closes the file last folds in the rest: the log has an end, whatever happens here.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .db import Database

# In rows, with those of triggers, which lie on about as many pages (a merge: 70): how long the log is, SQLite tells only who folds it in.
SOME = 2000
QUIET_S = 0.1  # without a commit; beside one who writes it would slow that one down, where cores or a disk are few
LONGEST_S = 10  # that who closes the handle waits for one
LIMIT = 16000  # pages of 16 KiB, 256 MiB: from here on the one who commits folds the log in, as SQLite does at 1000 by default
KEPT = LIMIT * 16384  # bytes: what a large import leaves of the file of the log when that begins anew; cutting it takes time, so not below LIMIT


class Checkpoints:
    """Counts what one handle writes."""

    def __init__(self) -> None:
        self._lock, self._folding = threading.Lock(), threading.Lock()
        self._rows = 0
        self.thread: threading.Thread | None = None  # the newest; one at a time

    def committed(self, db: Database, rows: int) -> None:
        """To be called after each commit of so many rows. Never fails, never waits."""
        with self._lock:
            self._rows += rows
            if self._rows < SOME or (self.thread is not None and self.thread.is_alive()):
                return
            # No daemon: one that the end of the process overtakes within SQLite could crash it. It holds the process up for one checkpoint.
            self.thread = threading.Thread(target=self._work, args=(db,), name="musicdb checkpoint")
            with contextlib.suppress(RuntimeError):  # no more threads, or the process is ending: LIMIT holds
                self.thread.start()

    def _work(self, db: Database) -> None:
        seen = 0
        while seen != self._rows and not db.is_closed:
            seen = self._rows
            time.sleep(QUIET_S)
        with self._lock:
            self._rows = 0
        # Busy, a full disk: nothing is lost, the log only stays longer, and what is wrong meets the next commit too.
        with self._folding, contextlib.suppress(sqlite3.Error, OSError):
            if not db.is_closed:
                fold(db.path, db.diary_path)

    def wait(self) -> None:
        """Wait for one that runs: it is not told to stop as other threads are, since who is does not fold the log in where it closes last."""
        if self._folding.acquire(timeout=LONGEST_S):
            self._folding.release()


def fold(path: Path, diary_path: Path | None) -> None:
    """Fold in what nobody reads any more; waits for nobody."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as conn:
        if diary_path is not None:
            conn.execute("attach ? as diary", [f"{diary_path.absolute().as_uri()}?mode=rw"])
        conn.execute("pragma wal_checkpoint(passive)").fetchall()
