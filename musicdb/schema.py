"""The schema: migrations, views, triggers, search index, and a line about every table and column.

The tables are in `sql/m001_*.sql` (frozen once released; a later migration adds its own step), the views in `sql/views.sql`. Triggers are
generated from the tables. Views and triggers hold no data, so every migration makes them again; `fingerprint` tells whether a file
has exactly the expected ones (`transform` of sqlite-utils, for one, drops triggers without a word).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

from sqlite_utils import Database as UtilsDatabase
from sqlite_utils import Migrations

from . import diary
from .errors import NewerSchema, NotOurDatabase

APPLICATION_ID = 0x6D757364  # "musd"
PAGE_SIZE = 16384  # a third off count(*) and a quarter off the file at 100k tracks with JSON
migrations = Migrations("musicdb")

# name, title, kind, priority (lower is trusted more), freshness in hours, colour of its chip
PLATFORMS = [
    ("user", "You", "person", 0, None, "#c2410c"),
    ("tidal", "Tidal", "streaming", 10, 24, "#0f766e"),
    ("discogs", "Discogs", "collection", 20, 168, "#57534e"),
    ("spotify", "Spotify", "streaming", 30, 24, "#15803d"),
    ("local", "Files", "files", 40, None, "#1d4ed8"),
    ("rekordbox", "Rekordbox", "dj", 50, None, "#6d28d9"),
    ("traktor", "Traktor", "dj", 60, None, "#b45309"),
    ("itunes", "iTunes", "files", 70, None, "#be185d"),
    ("m3u", "M3U", "files", 80, None, "#475569"),
    ("listenbrainz", "ListenBrainz", "history", 90, 24, "#a16207"),
    ("lastfm", "Last.fm", "history", 91, 24, "#b91c1c"),
    ("maloja", "Maloja", "history", 92, None, "#0e7490"),
    ("koito", "Koito", "history", 93, None, "#4d7c0f"),
]
# What a platform knows best: the DJ software measured tempo and key, the record database catalogued label and year.
TRUST = {
    "bpm": ["rekordbox", "traktor", "local", "tidal", "spotify"],
    "musical_key": ["rekordbox", "traktor", "local", "tidal", "spotify"],
    "rating": ["rekordbox", "traktor", "local", "itunes"],
    "label": ["discogs", "local", "tidal", "spotify", "rekordbox"],
    "catalogue_number": ["discogs", "local"],
    "year": ["discogs", "tidal", "spotify", "local", "rekordbox"],
    "genres": ["discogs", "local", "rekordbox", "tidal", "spotify"],
    "duration_ms": ["local", "rekordbox", "tidal", "spotify", "discogs"],
    "cover": ["discogs", "local", "tidal", "spotify", "rekordbox"],
}
# Tables whose changed cells go to `changes`. Observations and append-only tables do not.
LEDGER = """artists artist_aliases title_aliases release_groups releases release_artists release_items labels release_labels
track_labels genres genre_parents genre_rules track_genres tags track_tags playlist_tags tag_rules track_attributes external_ids publishers release_publishers events
event_recordings image_links playlists playlist_items playlist_links tracks users config trust claim_paths platforms""".split()
# Columns of `tracks` that `resolve` fills: a hand edit of one is a decision, so that the next resolve keeps it.
RESOLVED = "title version artist_credit duration_ms release_date year bpm musical_key rating catalogue_number comment".split()
# Tables with rows that `resolve` derives, and their column with the track (of external_ids also other things; that costs no more than a look).
DERIVED = {"tracks": "id", "track_artists": "track_id", "track_genres": "track_id", "track_labels": "track_id", "external_ids": "entity_id"}
PUT_OFF = "ix_l_track"  # entries come in no order: with a page of it written for every other play a long import took twice the time
SEARCH = {"tracks": ["title", "version", "artist_credit"], "artists": ["name", "sort_name"], "release_groups": ["title"]}
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"


def _sql(name: str) -> str:
    return (resources.files("musicdb") / "sql" / name).read_text("utf-8")


def statements(script: str) -> Iterator[str]:
    """Yield the complete statements of a script, each with the comments inside it (SQLite keeps those: the schema explains itself)."""
    part = ""
    for line in script.splitlines(keepends=True):
        if not part and (not line.strip() or line.startswith("--")):
            continue
        part += line
        if sqlite3.complete_statement(part):
            yield part.strip().rstrip(";")
            part = ""


def genres() -> tuple[list[tuple[str, str | None]], list[tuple[str, str]]]:
    """The tree that a new database starts with: (genre, parent) and (word, genre it means), read from `sql/genres.txt`."""
    parents: list[tuple[str, str | None]] = []
    rules: list[tuple[str, str]] = []
    way: list[str] = []
    for line in _sql("genres.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, words = line.strip().partition(" <- ")
            rules += [(word.strip(), "" if name == "-" else name) for word in words.split(";") if word.strip()]
            if name != "-":
                depth = (len(line) - len(line.lstrip())) // 2
                way[depth:] = [name]
                parents.append((name, way[depth - 1] if depth else None))
    return parents, rules


@migrations()
def m001_tables(db: UtilsDatabase) -> None:
    """All tables, the search index and the vocabulary."""
    for name in ("m001_observed.sql", "m001_truth.sql"):
        for statement in statements(_sql(name)):
            db.conn.execute(statement)
    for table, columns in SEARCH.items():
        # The words stay in the table itself; accents do not matter to a search. In [ ]: so sqlite-utils and Datasette find the index.
        db.conn.execute(
            f"create virtual table {table}_fts using fts5({', '.join(columns)}, content=[{table}], content_rowid='id', "
            "tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
        )
    db.conn.executemany(
        "insert into platforms (name, title, kind, priority, freshness_hours, color) values (?, ?, ?, ?, ?, ?)", PLATFORMS
    )
    ranks = [(field, platform, rank) for field, names in TRUST.items() for rank, platform in enumerate(names, 1)]
    db.conn.executemany("insert into trust (field, platform, rank) values (?, ?, ?)", ranks)
    parents, rules = genres()
    db.conn.executemany("insert into genre_parents (genre, parent) values (?, ?)", parents)
    db.conn.executemany("insert into genre_rules (said, genre) values (?, ?)", rules)
    db.conn.execute("insert into users (username) values ('me')")
    db.conn.execute(f"pragma application_id = {APPLICATION_ID}")


@migrations()
def m002_resolved(db: UtilsDatabase) -> None:
    """Of what each track was resolved; no row = not yet, or edited since."""
    for statement in statements(_sql("m002_resolved.sql")):
        db.conn.execute(statement)


def _triggers(conn: sqlite3.Connection) -> Iterator[str]:
    """Yield `create trigger` statements for the search index, the undo ledger, updated_at, hand edits and what is to be resolved again."""
    for table, columns in SEARCH.items():
        # Only a change of the words themselves touches the index: the usual triggers made unrelated updates 25 times slower.
        new, old = (", ".join(f"{which}.{c}" for c in columns) for which in ("new", "old"))
        names = ", ".join(columns)
        insert = f"insert into {table}_fts (rowid, {names}) values (new.id, {new});"
        delete = f"insert into {table}_fts ({table}_fts, rowid, {names}) values ('delete', old.id, {old});"
        differs = " or ".join(f"old.{c} is not new.{c}" for c in columns)
        yield f"create trigger search_{table}_insert after insert on {table} begin {insert} end"
        yield f"create trigger search_{table}_delete after delete on {table} begin {delete} end"
        yield f"create trigger search_{table}_update after update of {names} on {table} when {differs} begin {delete} {insert} end"
    context = "(select operation_id from current_operation), coalesce((select actor from current_operation), 'unknown')"
    wanted = "(select mode from current_operation) is not 'batch'"
    for table in LEDGER:
        info = [r for r in conn.execute(f"pragma table_xinfo({table})") if r[6] == 0]  # no generated columns
        columns = [r[1] for r in info if r[1] != "updated_at"]
        keys = [r[1] for r in sorted(info, key=lambda r: r[5]) if r[5]]
        key = {which: "json_array(" + ", ".join(f"{which}.{c}" for c in keys) + ")" for which in ("old", "new")}
        into = "insert into changes (at, operation_id, actor, op, entity, entity_key, field, old, new)"

        def cells(op: str, which: str, *, into=into, table=table, columns=columns, key=key) -> str:
            old = {c: "null" if op == "insert" else f"old.{c}" for c in columns}
            new = {c: "null" if op == "delete" else f"new.{c}" for c in columns}
            # + takes the type of a column away: in a union with numbers the texts '1' and '1.0' would count as equal.
            rows = " union all ".join(f"select '{c}' as field, {old[c]} as old, {new[c]} as new" for c in columns)
            return f"{into} select {NOW}, {context}, '{op}', '{table}', {key[which]}, c.field, c.old, c.new from ({rows}) as c where +c.old is not +c.new;"

        yield f"create trigger log_{table}_insert after insert on {table} when {wanted} begin {cells('insert', 'new')} end"
        yield f"create trigger log_{table}_delete after delete on {table} when {wanted} begin {cells('delete', 'old')} end"
        rekey = f"{into} select {NOW}, {context}, 'rekey', '{table}', {key['new']}, null, {key['old']}, {key['new']} where {key['old']} <> {key['new']};"
        yield f"create trigger log_{table}_update after update on {table} when {wanted} begin {rekey} {cells('cell', 'new')} end"
        if any(r[1] == "updated_at" for r in info):
            where = " and ".join(f"{c} = new.{c}" for c in keys)
            yield (
                f"create trigger touch_{table} after update on {table} when {wanted} and new.updated_at is old.updated_at "
                f"begin update {table} set updated_at = {NOW} where {where} and updated_at is not {NOW}; end"
            )
    for table, column in DERIVED.items():  # an edit that `resolve` did not make: it looks at the track again
        for event, which in (("insert", "new"), ("update", "new"), ("delete", "old")):
            if (table, event) not in (("tracks", "insert"), ("tracks", "delete")):
                yield (
                    f"create trigger stale_{table}_{event} after {event} on {table} when {wanted} "
                    f"begin delete from resolved where track_id = {which}.{column}; end"
                )
    for table in ("genre_rules", "genre_parents"):  # a direct edit may concern any track; our own operations know which
        for event in ("insert", "update", "delete"):
            yield (
                f"create trigger stale_{table}_{event} after {event} on {table} when not exists (select 1 from current_operation) "
                "begin delete from resolved; end"
            )
    yield (
        "create trigger decide_genres_parent after update of parent_id on genres when old.parent_id is not new.parent_id "
        "and not exists (select 1 from current_operation) begin insert into genre_parents (genre, parent) "
        "values (new.name, (select name from genres where id = new.parent_id)) "
        "on conflict (genre) do update set parent = excluded.parent; end"
    )
    # What was changed of the diary is counted anew. New plays need no trigger: their ids are beyond those that were counted.
    mark = "insert or ignore into listen_stale values ({0}.user_id, substr({0}.listened_at, 1, 7));"
    yield f"create trigger stale_listens_update after update on listens begin {mark.format('old')} {mark.format('new')} end"
    again = "update listen_counted set last_id = old.id - 1 where last_id = old.id;"  # SQLite gives the last id again
    yield f"create trigger stale_listens_delete after delete on listens begin {mark.format('old')} {again} end"
    for column in RESOLVED:
        yield (
            f"create trigger decide_tracks_{column} after update of {column} on tracks when old.{column} is not new.{column} "
            "and not exists (select 1 from current_operation) begin insert into decisions (entity, entity_key, field, value, note, decided_by) "
            f"select 'track', track_uid, '{column}', json_quote(new.{column}), 'edited in the table', 'unknown' from track_ids where id = new.id; end"
        )


def _objects(conn: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = conn.execute("select type, name, sql from sqlite_master where name not like 'sqlite~_%' escape '~' and name not like '~_%' escape '~'")
    shadow = re.compile(rf"({'|'.join(SEARCH)})_fts_(data|idx|docsize|config|content)$")
    return sorted((t, n, s or "") for t, n, s in rows if not shadow.match(n))


def _plain(sql: str) -> str:
    return " ".join(sql.split())


def fingerprint(conn: sqlite3.Connection) -> str:
    """Hash of all tables, views, indexes and triggers of this file that are ours (a person's own extra objects change it too)."""
    return hashlib.sha256(repr([(t, n, _plain(s)) for t, n, s in _objects(conn)]).encode()).hexdigest()


@cache
def expected() -> dict[tuple[str, str], str]:
    """(type, name) -> SQL of every object that a current database has."""
    conn = sqlite3.connect(":memory:")
    try:
        migrate(UtilsDatabase(conn, execute_plugins=False))
        return {(t, n): s for t, n, s in _objects(conn)}
    finally:
        conn.close()


def differences(conn: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """(what, type, name) for each of our objects that is missing or changed in this file. Columns that a person added are no fault."""
    have = {(t, n): s for t, n, s in _objects(conn)}
    made = expected() | {("trigger", s.split()[2]): s.replace("create trigger", "CREATE TRIGGER", 1) for s in _triggers(conn)}  # of this file's columns
    if diary.is_split(conn):
        made = {key: sql for key, sql in made.items() if not objects().of_diary(*key, sql)}
    return [("missing" if key not in have else "changed", *key) for key, sql in made.items() if not _is_as_made(key[0], have.get(key), sql)]


@cache
def objects() -> diary.Objects:
    """What the schema makes, sorted by where it lies when the diary has a file of its own."""
    triggers = [s.replace("CREATE TRIGGER", "create trigger", 1) for (kind, _), s in expected().items() if kind == "trigger"]
    return diary.Objects(statements(_sql("m001_observed.sql")), statements(_sql("views.sql")), triggers)


def _is_as_made(kind: str, have: str | None, made: str) -> bool:
    if have is None:
        return False
    have, made = _plain(have), _plain(made)
    if have == made or kind != "table":
        return have == made
    head, _, tail = made.rpartition(")")  # `alter table add column` writes before the last bracket
    added = have.removeprefix(head.rstrip()).removesuffix(")" + tail).lstrip()
    return have.startswith(head.rstrip()) and have.endswith(")" + tail) and added.startswith(",")


def is_own_trigger(conn: sqlite3.Connection, name: str) -> bool:
    """Whether a trigger is one that we make, or made in an earlier version; a person's own `log_me` is not."""
    tables = "|".join(re.escape(table) for (table,) in conn.execute("select name from sqlite_master where type = 'table'"))
    return bool(re.match(rf"(search|log|touch|decide|stale)_({tables})(_|$)", name))


def refresh(conn: sqlite3.Connection) -> None:
    """Make views and triggers again, in one transaction. They hold no data. A person's own stay."""
    views = list(statements(_sql("views.sql")))
    own = {v.split()[2] for v in views}
    conn.execute("savepoint refresh_schema")
    try:
        for kind, name in conn.execute("select type, name from sqlite_master where type in ('view', 'trigger')").fetchall():
            if (kind == "view" and name in own) or (kind == "trigger" and is_own_trigger(conn, name)):
                conn.execute(f'drop {kind} if exists main."{name}"')
        elsewhere = objects().of_diary if diary.is_split(conn) else lambda *_: False
        made = [("view", s) for s in views] + [("trigger", s) for s in _triggers(conn)]
        for statement in [s for kind, s in made if not elsewhere(kind, s.split()[2], s)] + _put_off(conn):
            conn.execute(statement)
    except BaseException:
        conn.execute("rollback to refresh_schema")
        raise
    finally:
        conn.execute("release refresh_schema")


@contextmanager
def without_triggers(conn: sqlite3.Connection, tables: Iterable[str]) -> Iterator[None]:
    """Within a transaction: take our triggers off these tables, and put them back as they were, the search index made again.

    For what a batch writes in bulk, which they would look at row by row and not log. Where it fails, the caller's rollback restores them.
    """
    asked = set(tables)
    found = conn.execute("select name, tbl_name, sql from sqlite_master where type = 'trigger'").fetchall()
    mine = [(name, sql) for name, table, sql in found if table in asked and is_own_trigger(conn, name)]
    for name, _ in mine:
        conn.execute(f'drop trigger "{name}"')
    yield
    for _, sql in mine:
        conn.execute(sql)
    for table in asked & SEARCH.keys():
        fill_search(conn, table)


def fill_search(conn: sqlite3.Connection, table: str) -> None:
    """Make the search index of a table anew, in one piece: of several, a small write later would now and then join large ones."""
    for command in ("rebuild", "optimize"):
        conn.execute(f"insert into {table}_fts ({table}_fts) values (?)", [command])


def _put_off(conn: sqlite3.Connection) -> list[str]:
    """The index that a long import does without until its end, where it was cut off."""
    there = conn.execute("select 1 from sqlite_master where name = ?", [PUT_OFF]).fetchone()
    return [] if there or diary.is_split(conn) else [s for s in statements(_sql("m001_observed.sql")) if s.split()[2] == PUT_OFF]


def state(conn: sqlite3.Connection) -> str:
    """'empty', 'current' or 'behind'. Raises NotOurDatabase, NewerSchema."""
    tables = {r[0] for r in conn.execute("select name from sqlite_master where type = 'table'")}
    if conn.execute("pragma application_id").fetchone()[0] != APPLICATION_ID:
        if not tables:
            return "empty"
        raise NotOurDatabase(f"this SQLite file is not a musicdb database (its tables: {', '.join(sorted(tables)[:5])}); choose another --db")
    names = [m.name for m in migrations._migrations]
    applied = [r[0] for r in conn.execute("select name from _sqlite_migrations where migration_set = 'musicdb' order by id")]
    newer = [name for name in applied if name not in names]
    if newer:
        raise NewerSchema(f"this database was written by a newer musicdb (it has {newer[-1]}, this program knows {names[-1]}); upgrade musicdb")
    return "current" if len(applied) == len(names) else "behind"


def migrate(db: UtilsDatabase, backup: Callable[[], object] | None = None, *, stop_before: str | None = None) -> list[str]:
    """Bring a database up to date; return the names of the steps applied. `backup` is called before an existing file is changed."""
    conn = db.conn
    before = state(conn)
    if before == "current":
        return []
    if before == "behind" and backup:
        backup()
    if before == "empty":
        conn.execute(f"pragma page_size = {PAGE_SIZE}")
    pending = [m.name for m in migrations.pending(db)]
    # `transform` of a table that others cascade to fails with foreign keys on; they are checked before the commit instead.
    conn.execute("pragma foreign_keys = off")
    try:
        conn.execute("begin immediate")
        try:
            migrations.apply(db, stop_before=stop_before)
            refresh(conn)
            broken = conn.execute("pragma foreign_key_check").fetchall()
            if broken:
                raise sqlite3.IntegrityError(f"the migration would break {len(broken)} foreign keys, first in {broken[0][0]}")
            conn.execute("commit")
        except BaseException:
            if conn.in_transaction:
                conn.execute("rollback")
            raise
    finally:
        conn.execute("pragma foreign_keys = on")
    return pending


@cache
def descriptions() -> dict[str, tuple[str, dict[str, str]]]:
    """{table or view: (what it is, {column: what it holds})}, read from the comments in the SQL."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for name in ("m001_observed.sql", "m001_truth.sql", "m002_resolved.sql", "views.sql"):
        for statement in statements(_sql(name)):
            head = re.match(r"create (?:table|view) (\w+) (?:\(|as) -- (.+)", statement)
            if head:
                columns = re.findall(r"^  (\w+) ?[^\n]*?,? -- (.+)$", statement.split("\n", 1)[1], re.M)
                found[head[1]] = (head[2], dict(columns) if "table" in statement[:12] else {})
    shared = {column: text for _, columns in found.values() for column, text in columns.items()}
    shared |= VIEW_COLUMNS
    conn = sqlite3.connect(":memory:")
    try:
        migrate(UtilsDatabase(conn, execute_plugins=False))
        for view, (_, columns) in found.items():
            if not columns:
                columns |= {r[1]: shared.get(r[1], "") for r in conn.execute(f"pragma table_info({view})")}
    finally:
        conn.close()
    return found


VIEW_COLUMNS = {
    line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in _sql("view_columns.txt").splitlines() if ": " in line
}  # columns that only views have


def markdown() -> str:
    """The schema as a page: what `docs/schema.md` holds."""
    lines = ["# The schema", "", "Generated by `python -m musicdb.schema`; a test keeps it fresh.", ""]
    for name, (text, columns) in descriptions().items():
        lines += [f"## {name}", "", text, "", "| column | holds |", "|---|---|", *(f"| `{c}` | {d} |" for c, d in columns.items()), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    Path("docs").mkdir(exist_ok=True)
    Path("docs/schema.md").write_text(markdown(), "utf-8")
