"""The notebooks in a folder of the user's, and the JupyterLab that opens them: this environment's kernel, on 127.0.0.1 only.

An upgrade brings a newer notebook in place of one that was only run, and beside one that was edited: what a person typed is never
overwritten. `.musicdb-notebooks.json` in the folder remembers what was shipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from musicdb import assets
from musicdb.errors import BadInput, MusicdbError

MANIFEST = ".musicdb-notebooks.json"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Copied:
    """What became of one notebook: new, same, upgraded, or kept (it was edited; the newer one lies beside it under `beside`)."""

    path: Path
    what: Literal["new", "same", "upgraded", "kept"]
    beside: Path | None = None


@dataclass
class Server:
    """A running child process that answers at `url`; `stop` ends it."""

    name: str
    url: str
    process: subprocess.Popen
    log: Path | None = None

    def stop(self, patience_s: float = 8.0) -> None:
        """Ask it to end, wait, and end it by force where it does not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class Command:
    """How to start JupyterLab: its arguments, its environment, the address that it will answer at."""

    arguments: list[str]
    environment: dict[str, str] = field(repr=False)  # holds the token
    url: str = field(repr=False)


def notebooks_folder(database: str | Path) -> Path:
    """Where the notebooks of a database go: the folder `notebooks` beside it."""
    return Path(database).parent / "notebooks"


def copy_notebooks(folder: str | Path, shipped: str | Path | None = None) -> list[Copied]:
    """Copy the shipped notebooks into the folder, keeping every one that a person edited. Raises BadInput for an unusable folder."""
    folder, source = Path(folder), Path(shipped) if shipped else assets.path("notebooks")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = _manifest(folder)
        done = [_copy(one, folder, known) for one in sorted(source.glob("*.ipynb"))]
        _write(folder / MANIFEST, json.dumps(known, indent=1).encode())
    except OSError as error:
        raise BadInput(f"{folder}: the notebooks cannot be put there: {error.strerror}; name another folder with --dir") from error
    return done


def _copy(source: Path, folder: Path, known: dict[str, str]) -> Copied:
    target, data = folder / source.name, source.read_bytes()
    ours = cells_hash(data)
    if not target.exists():
        _write(target, data)
        known[source.name] = ours
        return Copied(target, "new")
    theirs = cells_hash(target.read_bytes())
    if theirs == ours:
        known[source.name] = ours
        return Copied(target, "same")
    if theirs == known.get(source.name):  # as it was shipped, at most run
        _write(target, data)
        known[source.name] = ours
        return Copied(target, "upgraded")
    if known.get(source.name) == ours:  # edited, and nothing newer to offer
        return Copied(target, "same")
    beside = _beside(target, ours)
    if not beside.exists():
        _write(beside, data)
    return Copied(target, "kept", beside)


def _beside(target: Path, content: str) -> Path:
    return target.with_name(f"{target.stem}.new-{content[:6]}{target.suffix}")


def cells_hash(notebook: bytes) -> str:
    """SHA-256 over the kinds and sources of the cells: running a notebook does not change it, typing does.

    A file that is no notebook is hashed as it is.
    """
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return hashlib.sha256(notebook).hexdigest()
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _manifest(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # then every differing notebook counts as edited, which is the safe side
    return {str(name): str(content) for name, content in found.items()} if isinstance(found, dict) else {}


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody on this machine listens to. Raises MusicdbError where 100 are taken."""
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            if os.name == "posix":  # a port that was closed a moment ago is free; on Windows the option would mean another thing
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise MusicdbError(f"no free port from {first} to {first + 99}; name one with --port")


def command(database: str | Path, folder: str | Path, port: int, environ: Mapping[str, str], *, browser: bool = False) -> Command:
    """Return how to start JupyterLab on the folder, with the Python that runs this and MUSICDB_DB set to the database."""
    folder, token = Path(folder), secrets.token_urlsafe(24)
    environment = dict(environ)
    environment["MUSICDB_DB"] = str(Path(database).absolute())
    environment["JUPYTER_TOKEN"] = token  # not an argument: those are seen by everybody on the machine
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(quiet(folder)), environ.get("JUPYTER_CONFIG_PATH")]))
    environment["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(kernel(folder)), environ.get("JUPYTER_PATH")]))
    arguments = [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder.absolute()}", f"--ServerApp.open_browser={browser}", "--Application.log_level=WARN",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container everybody is root
        arguments.append("--allow-root")
    names = sorted(path.name for path in folder.glob("0*.ipynb"))
    place = f"lab/tree/{names[0]}" if names else "lab"
    return Command(arguments, environment, f"http://{HOST}:{port}/{place}?token={token}")


def kernel(folder: Path) -> Path:
    """Make a kernel that is this very Python, found before any other of the name; return the folder for JUPYTER_PATH."""
    place = folder / ".kernel"
    spec = {
        "argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (musicdb)", "language": "python", "metadata": {"debugger": True},
    }  # fmt: skip
    target = place / "kernels" / "python3"
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "kernel.json", json.dumps(spec, indent=1).encode())
    return place


def quiet(folder: Path) -> Path:
    """Switch off the box that asks for news from jupyter.org; return the folder for JUPYTER_CONFIG_PATH."""
    place = folder / ".kernel" / "config"
    target = place / "labconfig"
    target.mkdir(parents=True, exist_ok=True)
    content = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    _write(target / "page_config.json", json.dumps(content, indent=1).encode())
    return place


def start(name: str, arguments: list[str], environment: Mapping[str, str], url: str, log: Path) -> Server:
    """Start a server apart from this terminal's Ctrl-C (whoever starts it stops it) with its words going to the log file."""
    with open(log, "wb") as out:
        apart = {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(arguments, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out, **apart)
    return Server(name, url, process, log)


def wait_until_ready(server: Server, timeout_s: float = 60.0) -> None:
    """Return when the server's port answers. Raises MusicdbError with its last words when it ends or takes too long."""
    host, port = server.url.split("//", 1)[1].split("/", 1)[0].rsplit(":", 1)
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise MusicdbError(f"{server.name} did not start: {_last_words(server)}")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise MusicdbError(f"{server.name} did not answer within {timeout_s:.0f} s: {_last_words(server)}")


def _last_words(server: Server) -> str:
    text = server.log.read_text("utf-8", "replace").strip() if server.log and server.log.exists() else ""
    return " / ".join(text.splitlines()[-3:]) or "it said nothing"
