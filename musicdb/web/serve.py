"""`musicdb serve`: Datasette over one library, on this computer only, with our templates, metadata and limits."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import assets
from ..errors import BadInput

HOST = "127.0.0.1"
PORT = 8001
KEPT_S = 5.0  # how long an answer of `address` counts
_asked: dict[str, tuple[float, str | None]] = {}
# Explicit, so that a new default of Datasette changes nothing here.
SETTINGS = {
    "suggest_facets": False,  # 15 times the page time at 100k rows, 94 times of JSON
    "facet_time_limit_ms": 3000,  # at 200 ms a facet over a large table vanishes without a word
    "sql_time_limit_ms": 10_000,  # the first answer after a write, on a busy computer; later ones are kept
    "default_page_size": 50,
    "default_facet_size": 12,
    "max_returned_rows": 2000,
    "truncate_cells_html": 160,
    "default_cache_ttl": 0,  # an import shows at the next reload
    "allow_download": False,  # the page of a running WAL database is not the library: use `musicdb backup`
}


def metadata(name: str) -> dict[str, Any]:
    """metadata.yml, which is written for a database called `music`, for one called `name`."""
    from datasette.utils import parse_metadata

    found = parse_metadata(assets.path("metadata.yml").read_text("utf-8"))
    databases = found.get("databases", {})
    if "music" in databases:
        databases[name] = databases.pop("music")
    return found


def app(path: str | os.PathLike[str], share: str | None = None):
    """The Datasette object over a library file; `.client.get("/")` asks it without a server, `.app()` is its ASGI app.

    share: a token; strangers who bring it see the music and nothing private (`web.share`), and ask no SQL of their own.
    """
    from datasette.app import Datasette

    file = Path(path)
    if not file.is_file():
        raise BadInput(f"there is no database at {file}; `musicdb init` makes one")
    told, settings = metadata(file.stem), dict(SETTINGS)
    if share:
        told.setdefault("plugins", {})["musicdb"] = {"share": share}
        settings["default_allow_sql"] = False
    return Datasette([str(file)], metadata=told, template_dir=str(assets.path("datasette") / "templates"), settings=settings)


def listen(port: int = PORT, tries: int = 50, host: str = HOST) -> socket.socket:
    """A socket bound to this computer on `port`, or on the next free one. Bound, not merely found free: nobody can take it meanwhile."""
    for candidate in range(port, port + tries):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows this option would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(128)
            return sock
        except OSError:
            sock.close()
        except OverflowError:
            sock.close()
            break
    raise BadInput(f"no free port from {port} to {port + tries - 1} on {host}; pass another --port, or a --host of this computer")


def server(path: str | os.PathLike[str], sock: socket.socket, share: str | None = None):
    """A uvicorn server over the library; `server.run(sockets=[sock])` blocks until Ctrl-C or `should_exit = True`."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(app(path, share).app(), log_level="warning", lifespan="on", server_header=False))


def mark(path: str | os.PathLike[str]) -> Path:
    """The file beside a database that holds the address at which it is served."""
    return Path(f"{os.fspath(path)}-served")


def address(path: str | os.PathLike[str]) -> str | None:
    """The address of the pages of a database ("http://127.0.0.1:8001/music") while somebody serves it, else None. Asks that server."""
    found = _asked.get(str(path))
    if found is None or found[0] < time.monotonic():
        found = _asked[str(path)] = (time.monotonic() + KEPT_S, _alive(Path(path)))
    return found[1]


def _alive(path: Path) -> str | None:
    try:
        port = int(mark(path).read_text("ascii").strip().removeprefix(f"http://{HOST}:").rstrip("/"))
        asked = HTTPConnection(HOST, port, timeout=0.5)
        try:
            asked.request("GET", "/-/databases.json")
            served = json.loads(asked.getresponse().read(1 << 16))
        finally:
            asked.close()
        name = next(one["name"] for one in served if one["path"] and Path(one["path"]).samefile(path))
    except (OSError, ValueError, HTTPException, KeyError, TypeError, StopIteration):  # no mark, an old one, another program on that port
        return None
    return f"http://{HOST}:{port}/{quote(name, safe='')}"


def run(
    path: str | os.PathLike[str], port: int = PORT, ready: Callable[[str], object] | None = None, *, host: str = HOST, share: str | None = None
) -> None:
    """Serve until Ctrl-C. ready(address) is called once the port is ours; its backlog already takes visitors.

    host: another address of this computer, for a shared library only: without a token nobody but this computer is answered.
    """
    if host != HOST and not share:
        raise BadInput(f"{host} is open to others: add --share, which asks for a token and hides what is private")
    sock = listen(port, host=host)
    try:
        running = server(path, sock, share)
        here = f"http://{sock.getsockname()[0]}:{sock.getsockname()[1]}/"
        with marked(path, here) if not share else nullcontext():
            if ready:
                ready(here)
            running.run(sockets=[sock])
    finally:
        sock.close()


@contextmanager
def marked(path: str | os.PathLike[str], here: str) -> Iterator[None]:
    """Note beside the database where it is served, for links in notebooks; a folder that takes no file has no links."""
    with suppress(OSError):
        mark(path).write_text(here, "ascii")
    try:
        yield
    finally:
        with suppress(OSError):
            if mark(path).read_text("ascii") == here:  # not that of another server since
                mark(path).unlink()
