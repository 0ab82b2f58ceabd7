"""Commands that show: serve (Datasette), lab (JupyterLab), demo (both, on a fictional library)."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import webbrowser
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from musicdb import settings
from musicdb.commands import base
from musicdb.errors import BadInput

DATASETTE_PORT, LAB_PORT = 8001, 8888


@click.command(cls=base.Command)
@click.option("--port", type=click.IntRange(1, 65535), default=DATASETTE_PORT, show_default=True, help="Or the next free one.")
@click.option("--browser/--no-browser", default=False, help="Open the page in a browser.")
@click.option("--share", is_flag=True, help="For others too: asks for a token; hides listening, paths, prices and SQL.")
@click.option("--host", metavar="ADDRESS", help="With --share: the address to listen on, 0.0.0.0 for all of this machine's.")
@click.option("--token", metavar="TEXT", help="With --share: the token, at least 16 characters; else a new one is made.")
def serve(port: int, browser: bool, share: bool, host: str | None, token: str | None) -> None:
    """Look at the library in a browser (Datasette).

    Serves this machine only, until Ctrl-C. With --share, whoever has the address with its token sees the music, and nothing private.

    \b
    Example:
      musicdb serve
      musicdb serve --port 9000 --db ~/Music/music.db
      musicdb serve --share --host 0.0.0.0
    """
    import secrets

    from musicdb.web import serve as server

    if not share and (host or token):
        raise BadInput("--host and --token go with --share")
    if token is not None and not re.fullmatch(r"[A-Za-z0-9_.-]{16,200}", token):
        raise BadInput("a token has at least 16 letters, digits, '.', '_' or '-'")
    token = (token or secrets.token_urlsafe(24)) if share else None

    with base.database() as db:  # an older schema is migrated, dropped triggers put back, before anybody looks
        path = db.path

    def ready(address: str) -> None:
        address = f"{address}?token={token}" if token else address
        base.say(f"{path}: {address}   (Ctrl-C stops)")
        if token:
            base.say("shared: tracks, albums, artists, playlists and records; not listening, paths, prices, history or SQL")
        if browser:
            webbrowser.open(address)

    with stoppable():
        server.run(path, port, ready, host=host or server.HOST, share=token)


@click.command(cls=base.Command)
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where your copies of the notebooks are; else beside the database.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=LAB_PORT, show_default=True, help="Or the next free one.")
@click.option("--browser/--no-browser", default=True, help="Open JupyterLab in a browser.")
@click.option("--copy-only", is_flag=True, help="Only put the notebooks there; start nothing.")
def lab(folder: Path | None, port: int, browser: bool, copy_only: bool) -> None:
    """Work on the library in notebooks (JupyterLab).

    Serves this machine only, until Ctrl-C. The notebooks are copied to a folder of yours.
    An upgrade never overwrites one that you edited: the newer one is put beside it.

    \b
    Example:
      musicdb lab
      musicdb lab --dir ~/notebooks --no-browser
    """
    from musicdb import lab as labs

    path = base.database_path()
    if not copy_only:
        base.must_be_there(path)
    place = settings.absolute(folder) if folder else labs.notebooks_folder(path)
    if place.exists() and not place.is_dir():
        raise BadInput(f"{place} is a file; name a folder with --dir")
    for one in labs.copy_notebooks(place):
        if one.what == "kept":
            base.say(f"{one.path.name}: yours is kept as you edited it; the newer one is {one.beside.name if one.beside else ''}")
        elif one.what != "same":
            base.say(f"{one.path.name}: {one.what}")
    if copy_only:
        base.say(f"notebooks: {place}")
        return
    with stoppable(), started_lab(path, place, port, browser) as server:
        base.say(f"{place}: {server.url}   (Ctrl-C stops)")
        server.process.wait()
    raise base.Failure("JupyterLab ended by itself; start it again with `musicdb lab`")


@click.command(cls=base.Command)
@click.option(
    "--dir", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Where it is built; else a folder in your data folder."
)
@click.option("--no-serve", is_flag=True, help="Build it and stop.")
@click.option("--browser/--no-browser", default=False, help="Open both pages in a browser.")
def demo(folder: Path | None, no_serve: bool, browser: bool) -> None:
    """Build and show a fictional music library.

    It comes in through the real importers and is shown in Datasette and JupyterLab until Ctrl-C. It never touches your own database.

    \b
    Example:
      musicdb demo
      musicdb demo --dir /tmp/demo --no-serve
    """
    from musicdb import demo as demos

    place = settings.absolute(folder) if folder else settings.demo_folder()
    own = base.current().database
    if place / "music.db" == own and not (place / demos.MARKER).is_file():
        raise BadInput(f"{own} is your own database; name another folder with --dir")
    if place.exists() and not place.is_dir():
        raise BadInput(f"{place} is a file; name a folder with --dir")
    path = build_demo(place)
    own_music = "your own music: musicdb import files FOLDER"
    if no_serve:
        base.say(f'look at it: musicdb serve --db "{path}"   or   musicdb lab --db "{path}"')
        base.say(own_music)
        return
    show_demo(path, browser, own_music)


def build_demo(place: Path) -> Path:
    """Build the demo in the folder, say what it holds, return its database."""
    from musicdb import demo as demos

    with base.progress() as bar:

        def echo(line: str) -> None:
            bar.clear()
            base.say(line)

        report = demos.run(place, progress=bar, echo=echo)
    return report.inputs.database


def show_demo(path: Path, browser: bool, own_music: str) -> None:
    """Serve Datasette and JupyterLab until Ctrl-C, which ends both."""
    from musicdb import lab as labs
    from musicdb.web import serve as server

    place = labs.notebooks_folder(path)
    labs.copy_notebooks(place)
    with stoppable(), started_lab(path, place, LAB_PORT, browser) as notebook:

        def ready(address: str) -> None:
            base.say()
            base.say(f"Database    {path}")
            base.say(f"Datasette   {address}")
            base.say(f"JupyterLab  {notebook.url}")
            base.say(f"Ctrl-C stops both; {own_music}")
            if browser:
                webbrowser.open(address)

        server.run(path, DATASETTE_PORT, ready)


@contextmanager
def started_lab(path: Path, place: Path, port: int, browser: bool) -> Any:
    """A running JupyterLab, stopped at the end."""
    from musicdb import lab as labs

    start = labs.command(path, place, labs.free_port(port), os.environ, browser=False)
    handle, log = tempfile.mkstemp(prefix="musicdb-lab-", suffix=".log")
    os.close(handle)
    server = labs.start("JupyterLab", start.arguments, start.environment, start.url, Path(log))
    try:
        labs.wait_until_ready(server)
        if browser:
            webbrowser.open(server.url)
        yield server
    finally:
        impatient = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave it running
        server.stop()
        signal.signal(signal.SIGINT, impatient)
        with suppress(OSError):
            os.unlink(log)


@contextmanager
def stoppable() -> Any:
    """Until Ctrl-C, or a polite end from outside, which must stop the children too; both are a success."""

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]  # also a closed terminal
    before = [signal.signal(one, stop) for one in ends]
    try:
        yield
    except KeyboardInterrupt:
        base.say("\nstopped")
        raise click.exceptions.Exit(0) from None
    finally:
        for one, handler in zip(ends, before, strict=True):
            signal.signal(one, handler)
