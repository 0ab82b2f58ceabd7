"""Datasette shows a library, not a database: covers, chips, times, a home page; and a guard so that only this computer sees it."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from datasette import hookimpl
from datasette.utils import tilde_decode, tilde_encode
from datasette.utils.asgi import NotFound, Response

from . import assets, db, images, schema
from .web import cells, guard, pages

RENDITION = """
select i.sha256, r.mime_type
from images as i
join image_renditions as r on r.image_id = i.id and r.size = :size
where i.id = :id
"""
DATA = "select data from image_renditions where image_id = :id and size = :size"
CSS_PATH = "/-/musicdb.css"


def ours(datasette) -> set[str]:
    """Names of the attached databases that are musicdb's, as found at startup."""
    return getattr(datasette, "_musicdb_names", set())


@cache
def stylesheet() -> tuple[str, str]:
    """(the CSS, a short hash of it)."""
    text = (assets.path("datasette") / "static" / "musicdb.css").read_text("utf-8")
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]


@hookimpl
def startup(datasette):
    async def find():
        names = set()
        for name, database in datasette.databases.items():
            if (await database.execute("pragma application_id")).first()[0] == schema.APPLICATION_ID:
                names.add(name)
        datasette._musicdb_names = names

    return find


@hookimpl
def prepare_connection(conn):
    db.register(conn)


@hookimpl
def asgi_wrapper(datasette):
    config = datasette.plugin_config("musicdb") or {}
    return lambda app: guard.wrap(app, config.get("hosts") or ())


@hookimpl
def get_metadata(datasette, key):
    # Asked for by permission checks too, a hundred times a page: only these keys read descriptions.
    if key not in (None, "databases") or not ours(datasette):
        return {}
    told = schema.descriptions().items()
    tables = {name: {table: {"description": text, "columns": dict(columns)} for table, (text, columns) in told} for name in ours(datasette)}
    return {"databases": {name: {"tables": tables[name]} for name in tables}}


def cover_url(datasette, database: str, image_id: int, size: str = "small") -> str:
    return datasette.urls.path(f"/-/cover/{tilde_encode(datasette.databases[database].route)}/{image_id}/{size}")


@hookimpl(tryfirst=True)
def render_cell(row, value, column, table, database, datasette):
    if database in ours(datasette):
        return cells.render(
            column, value, row, table,
            cover_url=lambda image_id: cover_url(datasette, database, image_id),
            row_url=lambda of, row_id: f"{datasette.urls.table(database, of)}/{row_id}",
        )  # fmt: skip


@hookimpl
def extra_css_urls(datasette):
    return [datasette.urls.path(f"{CSS_PATH}?{stylesheet()[1]}")] if ours(datasette) else []


@hookimpl
def extra_template_vars(datasette):
    def of(name, page):
        async def read(database, *args, **options):
            return await page(datasette.get_database(database), *args, **options) if database in ours(datasette) else None

        return name, read

    return {
        **dict(of(f"musicdb_{page.__name__}", page) for page in (pages.home, pages.track, pages.album)),
        "musicdb_names": sorted(ours(datasette)),
        "musicdb_cover": lambda database, image_id, size="medium": cover_url(datasette, database, image_id, size),
        "cell": lambda column, value: cells.look(column, value) or value,
        "chip": cells.chip,
        "hue": lambda text: sum(str(text).encode()) % 12,
        "initials": lambda text: "".join(word[0] for word in re.findall(r"\w+", str(text))[:2]).upper(),
    }


async def css(request):
    text, digest = stylesheet()
    headers = {"etag": f'"{digest}"', "cache-control": "private, max-age=86400", "x-content-type-options": "nosniff"}
    if request.headers.get("if-none-match") == f'"{digest}"':
        return Response("", status=304, headers=headers)
    return Response(text, headers=headers, content_type="text/css; charset=utf-8")


async def cover(request, datasette):
    """A rendition of a picture: our own JPEG, never bytes as a stranger sent them."""
    try:
        database = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError:
        raise NotFound("No such database") from None
    if database.name not in ours(datasette):
        raise NotFound("No such database")
    await datasette.ensure_permissions(
        request.actor, [("view-table", (database.name, "image_renditions")), ("view-database", database.name), "view-instance"]
    )
    wanted = {"id": int(request.url_vars["image_id"]), "size": request.url_vars["size"]}
    found = (await database.execute(RENDITION, wanted)).first()
    if found is None or wanted["size"] not in images.SIZES or found["mime_type"] != images.MIME:
        raise NotFound("No such picture")
    etag = f'"{found["sha256"][:32]}-{wanted["size"]}"'
    headers = {
        "etag": etag,
        "cache-control": "private, max-age=3600",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'",
        "cross-origin-resource-policy": "same-origin",
    }
    if etag in [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]:
        return Response("", status=304, headers=headers)
    data = (await database.execute(DATA, wanted)).first()[0]
    return Response(data, headers=headers, content_type=images.MIME)


@hookimpl
def register_routes():
    return [
        (rf"^{CSS_PATH}$", css),
        (r"^/-/cover/(?P<database>[^/]+)/(?P<image_id>[0-9]{1,18})/(?P<size>[a-z]{1,16})$", cover),
    ]
