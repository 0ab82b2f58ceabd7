"""The user's copies of the notebooks, and the servers that `lab` and `demo` start and stop."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import musicdb
from musicdb import assets, lab
from musicdb.errors import BadInput, MusicdbError


def notebook(*cells: str, outputs: bool = False) -> bytes:
    made = [
        {"cell_type": "code", "source": cell, "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}] if outputs else [],
         "execution_count": 1 if outputs else None, "metadata": {}, "id": f"c{n}"}
        for n, cell in enumerate(cells)
    ]  # fmt: skip
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def shipped(tmp_path):
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "01-import.ipynb").write_bytes(notebook("one"))
    return folder


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "mine"


def what(copied) -> dict[str, str]:
    return {one.path.name: one.what for one in copied}


def test_notebooks_come_once_and_stay(shipped, mine):
    assert what(lab.copy_notebooks(mine, shipped)) == {"01-import.ipynb": "new"}
    assert what(lab.copy_notebooks(mine, shipped)) == {"01-import.ipynb": "same"}
    assert (mine / "01-import.ipynb").read_bytes() == notebook("one")


def test_an_upgrade_replaces_a_notebook_that_was_only_run(shipped, mine):
    lab.copy_notebooks(mine, shipped)
    (mine / "01-import.ipynb").write_bytes(notebook("one", outputs=True))
    (shipped / "01-import.ipynb").write_bytes(notebook("two"))
    assert what(lab.copy_notebooks(mine, shipped)) == {"01-import.ipynb": "upgraded"}
    assert (mine / "01-import.ipynb").read_bytes() == notebook("two")


@pytest.mark.parametrize("edited", [notebook("mine"), notebook("one", "and mine"), b"", b"no notebook", notebook("two", "mine")])
def test_an_upgrade_never_overwrites_an_edited_notebook(shipped, mine, edited):
    lab.copy_notebooks(mine, shipped)
    (mine / "01-import.ipynb").write_bytes(edited)
    assert what(lab.copy_notebooks(mine, shipped)) == {"01-import.ipynb": "same"}  # nothing newer to offer
    (shipped / "01-import.ipynb").write_bytes(notebook("two"))
    for _ in range(3):
        (one,) = lab.copy_notebooks(mine, shipped)
        assert one.what == "kept" and one.beside.read_bytes() == notebook("two")
        assert (mine / "01-import.ipynb").read_bytes() == edited
    assert len(list(mine.glob("*.ipynb"))) == 2
    one.beside.write_bytes(notebook("two", "edited too"))
    lab.copy_notebooks(mine, shipped)
    assert one.beside.read_bytes() == notebook("two", "edited too")


def test_a_lost_or_damaged_memory_counts_everything_as_edited(shipped, mine):
    lab.copy_notebooks(mine, shipped)
    for text in ("", "[]", "{", None):
        (mine / lab.MANIFEST).write_text(text) if text is not None else (mine / lab.MANIFEST).unlink()
        (shipped / "01-import.ipynb").write_bytes(notebook(f"two {text}"))
        assert what(lab.copy_notebooks(mine, shipped)) == {"01-import.ipynb": "kept"}
        assert (mine / "01-import.ipynb").read_bytes() == notebook("one")


def test_a_persons_own_notebook_is_not_looked_at(shipped, mine):
    mine.mkdir()
    (mine / "my own.ipynb").write_bytes(b"mine")
    lab.copy_notebooks(mine, shipped)
    assert (mine / "my own.ipynb").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_is_named(shipped, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"file.*--dir"):
        lab.copy_notebooks(tmp_path / "file" / "below", shipped)


def test_a_taken_port_is_passed_over():
    with socket.socket() as one:
        one.bind((lab.HOST, 0))
        one.listen()
        port = one.getsockname()[1]
        assert lab.free_port(port) > port


def test_jupyterlab_runs_this_python_on_this_machine_only_and_hides_its_token(tmp_path):
    start = lab.command(tmp_path / "music.db", tmp_path / "nb", 9999, {"PATH": "x", "JUPYTER_PATH": "/own"})
    assert start.arguments[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in start.arguments and "--ServerApp.port=9999" in start.arguments
    token = start.environment["JUPYTER_TOKEN"]
    assert len(token) >= 32 and token in start.url and not any(token in word for word in start.arguments) and token not in repr(start)
    first, own = start.environment["JUPYTER_PATH"].split(os.pathsep)
    spec = json.loads((Path(first) / "kernels" / "python3" / "kernel.json").read_text())
    assert own == "/own" and spec["argv"][0] == sys.executable
    assert start.environment["MUSICDB_DB"] == str(tmp_path / "music.db")


def test_a_server_that_fails_says_its_last_words(tmp_path):
    url = f"http://{lab.HOST}:{lab.free_port(18950)}/"
    server = lab.start("It", [sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], os.environ, url, tmp_path / "log")
    with pytest.raises(MusicdbError, match="It did not start: no such thing"):
        lab.wait_until_ready(server)
    server.stop()


def test_a_server_that_will_not_end_is_ended(tmp_path):
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    server = lab.start("It", [sys.executable, "-c", script], os.environ, "http://127.0.0.1:1/", tmp_path / "log")
    until = time.monotonic() + 10
    while "up" not in (tmp_path / "log").read_text() and time.monotonic() < until:
        time.sleep(0.02)
    server.stop(patience_s=0.3)
    assert server.process.poll() is not None


def test_the_shipped_notebooks_are_copied_by_the_command(tmp_path):
    with musicdb.open(tmp_path / "music.db"):
        pass
    command = [sys.executable, "-m", "musicdb.cli", "lab", "--copy-only", "--db", str(tmp_path / "music.db")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = sorted(path.name for path in assets.path("notebooks").glob("*.ipynb"))
    assert names and sorted(path.name for path in (tmp_path / "notebooks").glob("*.ipynb")) == names
    assert str(tmp_path / "notebooks") in out


@pytest.mark.skipif(os.name != "posix", reason="sends SIGTERM")
def test_lab_serves_until_it_is_stopped_and_leaves_nobody_behind(tmp_path):
    with musicdb.open(tmp_path / "music.db"):
        pass
    home = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    command = [
        sys.executable,
        "-m",
        "musicdb.cli",
        "lab",
        "--no-browser",
        "--port",
        str(lab.free_port(18900)),
        "--db",
        str(tmp_path / "music.db"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **home})
    try:
        address = None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S+", line):
                address = found[0]
                break
        assert address, process.stderr.read()
        api = re.sub(r"/lab.*\?", "/api/kernelspecs?", address)
        with urllib.request.urlopen(api, timeout=10) as answer:
            spec = json.load(answer)["kernelspecs"]["python3"]["spec"]
        assert spec["argv"][0] == sys.executable
        port = int(re.search(r":(\d+)/", address)[1])
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0 and "Traceback" not in err, err
        with pytest.raises(OSError), socket.create_connection((lab.HOST, port), timeout=1):
            pass
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        shutil.rmtree(tmp_path, ignore_errors=True)
