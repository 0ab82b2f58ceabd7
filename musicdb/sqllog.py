"""A log of SQL statements in which no value of the database appears.

SQLite's trace expands bound values into the text, so every literal is masked before a line is written.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from musicdb.errors import BadInput

# Comments and quoted names are taken as they are, so that an apostrophe inside them opens no literal.
TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<name>"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`)"""
    r"""|(?P<value>[xX]?'(?:[^']|'')*'?|(?<![\w.$])[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)(?![\w]))""",
    re.DOTALL,
)
LONGEST = 2000  # characters of one statement in the log


def mask(sql: str) -> str:
    """Return the statement with every literal replaced by `?` and comments left out: no value of a row survives.

    Lists of masked values shrink to one `?, ...`.
    """
    text = TOKEN.sub(lambda found: found["name"] or ("?" if found["value"] else ""), sql)
    text = re.sub(r"\?(?:\s*,\s*\?){3,}", "?, ...", " ".join(text.split()))
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


class Log:
    """What `db.open(log_sql=...)` calls with each statement: a line with the time, the thread and the masked statement.

    target: "-" for standard error, or a file (made 0600, appended to). Raises BadInput when it cannot be written.
    """

    def __init__(self, target: str):
        self.stream: TextIO = sys.stderr
        self.own = target != "-"
        if self.own:
            try:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
                self.stream = open(target, "a", encoding="utf-8", buffering=1)
            except OSError as error:
                raise BadInput(f"MUSICDB_LOG_SQL: {target} cannot be written: {error.strerror}") from error

    def __call__(self, sql: str) -> None:
        text = mask(sql)
        if text and not self.stream.closed:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            self.stream.write(f"{stamp} [{threading.current_thread().name}] {text}\n")

    def close(self) -> None:
        if self.own:
            self.stream.close()
