"""Datasette shows a library, not a database: pages, covers, chips, times, charts; and a guard so that only who may sees it."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing

from datasette import hookimpl
from datasette.utils import tilde_encode
from datasette.utils.asgi import Response
from datasette.views.base import DatasetteError
from jinja2 import FileSystemLoader

from . import assets, connection, schema
from .web import cells, feeds, guard, share, site, split, warm
from .web.functions import FUNCTIONS
from .web.split import canned_queries  # noqa: F401 - a hook

BUSY = ("database is locked", "database table is locked", "database schema is locked", "disk i/o error")
MOVED = ("no such table", "no such column", "no such view", "no such index")


def ours(datasette) -> set[str]:
    """Names of the attached databases that are musicdb's. Looked at once; a database does not change its kind."""
    found = getattr(datasette, "musicdb_names", None)
    if found is None:
        found = {name for name, one in datasette.databases.items() if one.path and is_ours(str(one.path))}
        datasette.musicdb_names = found
    return found


def is_ours(path: str) -> bool:
    """Whether a file is a library of ours. Its head says so, even where a writer has locked it; a new one may have it in its log yet."""
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(72)[68:], "big") == schema.APPLICATION_ID:
                return True
    except OSError:
        return False
    try:
        with closing(sqlite3.connect(path, timeout=2)) as conn:
            return conn.execute("pragma application_id").fetchone()[0] == schema.APPLICATION_ID
    except sqlite3.Error:
        return False


def has_templates(datasette) -> bool:
    """Whether the pages are ours throughout (`musicdb serve`), not Datasette's own with our cells."""
    return datasette.template_dir == str(assets.path("datasette") / "templates")


@hookimpl
def startup(datasette):
    for name in ours(datasette):
        warm.of(datasette.databases[name])
    if ours(datasette):
        warm.answer_once(datasette)


@hookimpl
def prepare_connection(conn):
    connection.register(conn)
    conn.execute("pragma cache_size = -65536")  # KiB; a page reads from a library of a gigabyte here and there
    split.bring(conn)


@hookimpl
def prepare_jinja2_environment(env, datasette):
    env.loader.loaders.append(FileSystemLoader(str(assets.path("datasette") / "templates")))


@hookimpl
def asgi_wrapper(datasette):
    config = datasette.plugin_config("musicdb") or {}
    return lambda app: guard.wrap(app, config.get("hosts") or (), config.get("share"), has_templates(datasette))


@hookimpl
def permission_allowed(datasette, action, resource):
    return share.may(action, resource) if share.is_shared(datasette) else None


@hookimpl
def get_metadata(datasette, key):
    # Asked for by permission checks too, a hundred times a page: only these keys read descriptions.
    if key not in (None, "databases") or not ours(datasette):
        return {}
    told = schema.descriptions().items()
    tables = {table: {"title": table.strip("_").replace("_", " ").capitalize(), "description": text, "columns": dict(columns)} for table, (text, columns) in told}
    return {"databases": {name: {"tables": tables} for name in ours(datasette)}}


@hookimpl(tryfirst=True)
def render_cell(row, value, column, table, database, datasette):
    if database in ours(datasette):
        return cells.render(
            column, value, row, table,
            cover_url=lambda image_id: site.cover_url(datasette, database, image_id),
            row_url=lambda of, row_id: f"{datasette.urls.table(database, of)}/{row_id}",
        )  # fmt: skip


@hookimpl
def extra_css_urls(datasette):
    return [datasette.urls.path(f"/-/musicdb.css?{site.text('musicdb.css')[1]}")] if ours(datasette) else []


@hookimpl
def extra_js_urls(datasette):
    return [{"url": datasette.urls.path(f"/-/musicdb.js?{site.text('musicdb.js')[1]}"), "module": True}] if has_templates(datasette) else []


@hookimpl
def extra_template_vars(datasette):
    names = sorted(ours(datasette))
    return {
        "musicdb_names": names,
        "musicdb_shared": share.is_shared(datasette),
        "musicdb_cover": lambda database, image_id, size="medium": site.cover_url(datasette, database, image_id, size),
        "cell": lambda column, value: cells.look(column, value) or ("" if value is None else value),
        "technical": cells.BEHIND,
        "behind": lambda columns, args: cells.behind((one["name"] for one in columns), args),
        "table_body": lambda rows, without: cells.body((((one["column"], one["value"], one["value_type"] != "none") for one in row) for row in rows), without),
        "query_body": lambda columns, rows: cells.body(((column, value, value != "&nbsp;") for column, value in zip(columns, row, strict=True)) for row in rows),
        "chip": cells.chip,
        "chips": cells.chips,
        "clock": cells.clock,
        "hour": cells.hour,
        "hue": lambda text: sum(str(text).encode()) % 12,
        "initials": lambda text: "".join(word[0] for word in re.findall(r"\w+", str(text))[:2]).upper(),
        "one_liner": lambda database, sql, params=None: one_liner(str(datasette.databases[database].path or database), sql, params or {}),
        "sql_functions": FUNCTIONS,
        "platform_name": lambda name: cells.PLATFORMS.get(name, name),
    }


def one_liner(path: str, sql: str, params: dict[str, str]) -> str:
    """The same question for a terminal: `sqlite-utils query ...`."""
    words = ["sqlite-utils", "query", path, sql.strip(), *(word for name, value in params.items() for word in ("-p", name, str(value))), "-t"]
    return shlex.join(words)


@hookimpl
def handle_exception(datasette, request, exception):
    """A locked or migrating library is no fault of the page: say what is going on, and to come again."""
    slow = isinstance(exception, DatasetteError) and exception.title == "SQL Interrupted"
    if not (slow or isinstance(exception, sqlite3.OperationalError | sqlite3.DatabaseError)) or not ours(datasette):
        return None
    said = str(exception).lower()
    if slow:
        what = "This asks more of the library than a page waits for. Filter it first (by a track, a platform, a field), or ask in a notebook."
    elif any(word in said for word in BUSY):
        what = "Another program is writing the whole library right now (an import, a migration or a repair). Reload in a moment."
    elif "interrupted" in said:
        what = "This took too long and was stopped. Narrow it down, or ask in a notebook."
    elif any(word in said for word in MOVED):
        what = f"The library changed under this page ({exception}): it is being migrated, or needs to be. Stop the server and start `musicdb serve` again."
    elif "malformed" in said or "not a database" in said:
        what = "The file is damaged. `musicdb check` says how far; `musicdb backup restore` puts a backup back."
    else:
        return None

    async def say():
        if request.path.endswith(".json"):
            return Response.json({"ok": False, "error": what, "status": 503}, status=503, headers={"retry-after": "3"})
        body = await datasette.render_template("musicdb/wait.html", {"what": what, "title": "Not just now"}, request=request)
        return Response.html(body, status=503, headers={"retry-after": "3"})

    return say


@hookimpl
def register_output_renderer(datasette):
    return [feeds.M3U8, feeds.XML]


@hookimpl
def register_routes(datasette):
    return site.routes(sorted(tilde_encode(datasette.databases[name].route) for name in ours(datasette)))
