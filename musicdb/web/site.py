"""The pages as Datasette routes: what to read, which template, JSON beside it. `share` decides what strangers may see."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from urllib.parse import urlencode

import msgspec
from datasette.utils import tilde_decode, tilde_encode
from datasette.utils.asgi import NotFound, Response

from .. import assets, images
from . import browse, charts, index, pages, share, shelves, walls, warm
from .reading import Reader

ROWS = {  # the table whose rows have a page: (template, what reads it)
    "tracks": ("track", pages.track),
    "release_groups": ("album", shelves.album),
    "artists": ("artist", shelves.artist),
    "playlists": ("playlist", shelves.playlist),
    "platform_playlists": ("playlist", shelves.platform_playlist),
    "platform_releases": ("record", shelves.record),
    "events": ("event", shelves.event),
}
STATIC = {"musicdb.css": "text/css; charset=utf-8", "musicdb.js": "text/javascript; charset=utf-8"}
RENDITION = """
select i.sha256, r.mime_type
from images as i
join image_renditions as r on r.image_id = i.id and r.size = :size
where i.id = :id
"""
DATA = "select data from image_renditions where image_id = :id and size = :size"


def routes(names: list[str]) -> list[tuple]:
    """Routes of the databases of these names (as they stand in addresses); the home page is `/` where there is one library."""
    if not names:
        return []
    database = f"(?P<database>{'|'.join(map(re.escape, names))})"
    found = [
        (rf"^/{database}/browse(?P<format>\.json)?$", library),
        (rf"^/{database}/browse/(?P<kind>{'|'.join(walls.WALLS)})(?P<format>\.json)?$", wall),
        (rf"^/{database}/charts(?P<format>\.json)?$", chart),
        (rf"^/{database}/home(?P<format>\.json)?$", home),
        (rf"^/{database}/(?P<table>{'|'.join(ROWS)})/(?P<id>[0-9]{{1,18}})(?P<format>\.json)?$", row),
        (rf"^/-/cover/{database}/(?P<id>[0-9]{{1,18}})/(?P<size>[a-z]{{1,16}})$", cover),
        *((rf"^/-/(?P<name>{re.escape(name)})$", static) for name in STATIC),
    ]
    return [(r"^/(?P<database>)(?P<format>\.json)?$", home), *found] if len(names) == 1 else found


# ---------- what all pages share


def database_of(datasette, request):
    """The database of an address; the only one of ours for the home page."""
    route = request.url_vars["database"]
    if not route:
        return datasette.get_database(next(iter(datasette.musicdb_names)))
    try:
        return datasette.get_database(route=tilde_decode(route))
    except KeyError:
        raise NotFound("No such library") from None


async def allowed(datasette, request, database, *tables: str) -> None:
    """Raises Forbidden where the visitor may not see one of the tables."""
    for table in tables:
        await datasette.ensure_permissions(request.actor, [("view-table", (database.name, table)), ("view-database", database.name), "view-instance"])


async def read(datasette, database, key, make):
    """make(reader) with the SQL it asked, kept while nobody writes. Returns (page, asked)."""
    shared = share.is_shared(datasette)

    def ask(conn):
        reader = Reader(conn, shared)
        return make(reader), reader.asked

    return await warm.of(database).get((*key, shared), ask)


async def library_index(database) -> index.Index:
    memory = warm.of(database)
    return await memory.get("index", memory.lasting.setdefault("index", index.Builder()))


async def answer(datasette, request, database, template: str, page: dict, asked: list[dict]):
    """The page as HTML or JSON; in JSON with the SQL that it was made of, but for strangers."""
    shared = share.is_shared(datasette)
    may_ask = not shared and await datasette.permission_allowed(request.actor, "execute-sql", resource=database.name, default=True)
    if request.url_vars.get("format"):
        body = {**page, "sql": asked} if may_ask else page
        return Response(msgspec.json.encode(body, enc_hook=str).decode(), content_type="application/json; charset=utf-8")
    args = urlencode([(name, value) for name in request.args for value in request.args.getlist(name)])
    here = datasette.urls.path(request.path)
    context = {
        "page": page,
        "database": database.name,
        "name": database.name,
        "shared": shared,
        "asked": [{**one, "url": sql_url(datasette, database, one)} for one in asked] if may_ask else [],
        "json_url": f"{here if here != '/' else '/'}.json" + (f"?{args}" if args else ""),
        "args": args,
    }
    return Response.html(await datasette.render_template(f"musicdb/{template}.html", context, request=request))


def sql_url(datasette, database, one: dict) -> str:
    """Where Datasette runs a query of a page."""
    return f"{datasette.urls.database(database.name)}?{urlencode({'sql': one['sql'], **one['params']})}"


# ---------- the pages


async def home(datasette, request):
    database = database_of(datasette, request)
    await allowed(datasette, request, database, "tracks")
    page, asked = await read(datasette, database, ("home",), pages.home)
    if not request.url_vars.get("format"):
        page = {**page, "questions": await questions(datasette, request, database)}
    return await answer(datasette, request, database, "home", page, asked)


async def questions(datasette, request, database) -> list[dict]:
    """Saved questions that stand in a group and that this visitor may ask: {name, title, group}."""
    known = await datasette.get_canned_queries(database.name, request.actor)
    return [{"name": name, "title": one.get("title") or name, "group": one["group"]} for name, one in known.items() if one.get("group")
            and await datasette.permission_allowed(request.actor, "view-query", resource=(database.name, name), default=True)]  # fmt: skip


async def row(datasette, request):
    """The page of one track, album, artist, playlist, record or event."""
    database, table, id = database_of(datasette, request), request.url_vars["table"], int(request.url_vars["id"])
    await allowed(datasette, request, database, table)
    template, make = ROWS[table]
    page, asked = await read(datasette, database, (table, id), lambda reader: make(reader, id))
    if page is None:
        raise NotFound(f"There is no {template} {id} in this library")
    return await answer(datasette, request, database, template, {**page, "table": table}, asked)


async def library(datasette, request):
    """Search, facets, list and cover wall. `_part=1`: the results alone, for search as you type."""
    database = database_of(datasette, request)
    await allowed(datasette, request, database, "tracks")
    want = browse.asked(request.args)
    everything = await library_index(database)
    key = ("browse", everything, repr(want))
    page, asked = await read(datasette, database, key, lambda reader: browse.browse(reader, everything, want))
    base = browse.chosen(want)

    def address(**changes) -> str:
        """This page with other arguments; None takes one away."""
        args = {name: values for name, values in {**base, **{name: value for name, value in changes.items()}}.items() if values}
        return datasette.urls.path(request.path) + (f"?{urlencode(args, doseq=True)}" if args else "")

    def toggled(facet: str, value: str) -> str:
        values = base.get(facet, [])
        return address(**{facet: [one for one in values if one != value] if value in values else [*values, value]})

    links = {"toggled": toggled, "address": address, "want": want, "sorts": browse.SORTS, "facet_titles": browse.FACETS, "base": base}
    if request.url_vars.get("format"):
        return await answer(datasette, request, database, "browse", page, asked)
    template = "_results" if request.args.get("_part") else "browse"
    return await answer(datasette, request, database, template, {**page, **links}, asked)


async def wall(datasette, request):
    database, kind = database_of(datasette, request), request.url_vars["kind"]
    await allowed(datasette, request, database, "tracks")
    q, sort = (request.args.get("q") or "")[:200], request.args.get("sort") or ""
    offset = request.args.get("offset") or "0"
    offset = min(int(offset), 10_000_000) if offset.isdecimal() else 0
    page, asked = await read(datasette, database, ("wall", kind, q, offset, sort), lambda reader: walls.wall(reader, kind, q, offset, sort))
    return await answer(datasette, request, database, "wall", page, asked)


async def chart(datasette, request):
    database = database_of(datasette, request)
    await allowed(datasette, request, database, "tracks")
    everything = await library_index(database)
    page, asked = await read(datasette, database, ("charts", everything), lambda reader: charts.every(reader, everything))
    return await answer(datasette, request, database, "charts", page, asked)


# ---------- pictures and files


@cache
def text(name: str) -> tuple[str, str]:
    """(a file of datasette/static, a short hash of it)."""
    found = (assets.path("datasette") / "static" / name).read_text("utf-8")
    return found, hashlib.sha256(found.encode()).hexdigest()[:12]


async def static(request):
    body, digest = text(request.url_vars["name"])
    headers = {"etag": f'"{digest}"', "cache-control": "private, max-age=86400", "x-content-type-options": "nosniff"}
    if request.headers.get("if-none-match") == f'"{digest}"':
        return Response("", status=304, headers=headers)
    return Response(body, headers=headers, content_type=STATIC[request.url_vars["name"]])


def cover_url(datasette, database: str, image_id: int, size: str = "small") -> str:
    return datasette.urls.path(f"/-/cover/{tilde_encode(datasette.databases[database].route)}/{image_id}/{size}")


async def cover(request, datasette):
    """A rendition of a picture: our own JPEG, never bytes as a stranger sent them."""
    database = database_of(datasette, request)
    await allowed(datasette, request, database, "image_renditions")
    wanted = {"id": int(request.url_vars["id"]), "size": request.url_vars["size"]}
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
