"""`%load_ext musicdb`: a cell of SQL in a notebook.

    %load_ext musicdb

    %%sql
    select title, year from tracks where year = :year      -- :year is the notebook's variable

The result is as that of `db.q`: rows, shown as a table with covers. The database is the notebook's `db`; another one is named on the
first line (`%%sql other`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .db import Database, Rows
from .errors import BadInput, MusicdbError


class Variables(dict):
    """The notebook's variables as SQLite takes them. A list or tuple becomes JSON, for `in (select value from json_each(:ids))`."""

    def __init__(self, names: Mapping[str, Any]):
        super().__init__()
        self.names = names

    def __missing__(self, name: str) -> Any:
        if name not in self.names:
            raise BadInput(f"there is no variable {name!r} in this notebook for :{name}; set it in a cell above")
        value = self.names[name]
        if isinstance(value, list | tuple | set):
            return json.dumps(list(value))
        return str(value) if isinstance(value, PurePath) else value


def sql(names: Mapping[str, Any], line: str, cell: str) -> Rows | str:
    """Run one statement with the variables of a notebook. Raises BadInput for what cannot be run, saying why."""
    which = line.strip() or "db"
    db = names.get(which)
    if not isinstance(db, Database):
        raise BadInput(f'there is no open database called {which!r} in this notebook; run `{which} = musicdb.open("music.db")` above')
    before = db.conn.in_transaction
    try:
        cursor = db.execute(cell, Variables(names))
    except sqlite3.Error as error:
        raise BadInput(f"SQLite says: {error}") from None
    if db.conn.in_transaction and not before:  # what any later cell or screen writes would wait in it, and be lost
        db.execute("rollback")
        raise BadInput("a cell is a step of its own, stored at once; for several as one write Python: with db.atomic(): db.execute(...)")
    if cursor.description is None:
        return f"{max(0, cursor.rowcount):,} rows changed"
    return db.rows(cursor, cell)


def load_ipython_extension(shell: Any) -> None:
    """Add %%sql to a notebook."""
    from IPython.core.error import UsageError

    def run(line: str, cell: str) -> Rows | str:
        try:
            return sql(shell.user_ns, line, cell)
        except MusicdbError as error:
            raise UsageError(str(error)) from None  # one line in place of a traceback

    run.__doc__ = __doc__
    shell.register_magic_function(run, "cell", "sql")
