from __future__ import annotations

import os
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
