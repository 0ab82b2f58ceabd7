from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

import musicdb


@pytest.fixture
def db(tmp_path):
    """An empty database."""
    with musicdb.open(tmp_path / "music.db") as db:
        yield db


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data files, for tests against the real world; they skip where it is not."""
    path = os.environ.get("MUSICDB_REAL_DATA")
    if not path:
        pytest.skip("MUSICDB_REAL_DATA is not set: no folder of real data to read")
    return Path(path)


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path_factory):
    """No test touches the user's own database, settings or home."""
    home = tmp_path_factory.mktemp("home")
    for name in ("MUSICDB_DB", "MUSICDB_BACKUP_DIR", "MUSICDB_AUTO_BACKUP", "MUSICDB_LOG_SQL", "MUSICDB_LISTENS_DB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    from musicdb import secrets

    monkeypatch.setitem(secrets._place, "folder", home / "config" / "accounts")
    monkeypatch.setitem(secrets._place, "keyring", False)


@pytest.fixture(autouse=True)
def only_this_computer(monkeypatch):
    """A test that connects to anything but 127.0.0.1 fails: no test needs a network, and none may reach a real platform."""
    refused = []

    def guarded(connect):
        def checked(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "localhost", "::1"):
                refused.append(address)
                pytest.fail(f"a test connects to {address}: everything is to come from 127.0.0.1")
            return connect(self, address)

        return checked

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    yield
    assert not refused, f"connected to {refused} in another thread"


@pytest.fixture
def replay():
    """A server with the fictional accounts: replay.endpoint("spotify"), replay.spotify.login(), replay.fault(...), replay.log."""
    from musicdb.demo.replay import Replay

    with Replay() as replay:
        yield replay


@pytest.fixture
def no_waiting(monkeypatch):
    """Waits of `net.patient` take no time; the list holds how long each would have been, in steps of a second."""
    from musicdb import net

    slept: list[float] = []
    monkeypatch.setattr(net, "pause", slept.append)
    return slept
