"""`musicdb serve`: Datasette over one library, on this computer only, with our templates, metadata and limits."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import assets
from ..errors import BadInput

HOST = "127.0.0.1"
PORT = 8001
# Explicit, so that a new default of Datasette changes nothing here.
SETTINGS = {
    "suggest_facets": False,  # 15 times the page time at 100k rows, 94 times of JSON
    "facet_time_limit_ms": 1500,  # at 200 ms a facet over a large table vanishes without a word
    "sql_time_limit_ms": 5000,
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


def app(path: str | os.PathLike[str]):
    """The Datasette object over a library file; `.client.get("/")` asks it without a server, `.app()` is its ASGI app."""
    from datasette.app import Datasette

    file = Path(path)
    if not file.is_file():
        raise BadInput(f"there is no database at {file}; `musicdb init` makes one")
    return Datasette([str(file)], metadata=metadata(file.stem), template_dir=str(assets.path("datasette") / "templates"), settings=SETTINGS)


def listen(port: int = PORT, tries: int = 50) -> socket.socket:
    """A socket bound to 127.0.0.1 on `port`, or on the next free one. Bound, not merely found free: nobody can take it meanwhile."""
    for candidate in range(port, port + tries):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows this option would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, candidate))
            sock.listen(128)
            return sock
        except OSError:
            sock.close()
        except OverflowError:
            sock.close()
            break
    raise BadInput(f"no free port from {port} to {port + tries - 1} on {HOST}; pass another --port")


def server(path: str | os.PathLike[str], sock: socket.socket):
    """A uvicorn server over the library; `server.run(sockets=[sock])` blocks until Ctrl-C or `should_exit = True`."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(app(path).app(), log_level="warning", lifespan="on", server_header=False))


def run(path: str | os.PathLike[str], port: int = PORT, ready: Callable[[str], object] | None = None) -> None:
    """Serve until Ctrl-C. ready(address) is called once the port is ours; its backlog already takes visitors."""
    sock = listen(port)
    try:
        running = server(path, sock)
        if ready:
            ready(f"http://{HOST}:{sock.getsockname()[1]}/")
        running.run(sockets=[sock])
    finally:
        sock.close()
