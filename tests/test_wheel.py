"""What a wheel ships beside the code is what `assets` looks for, so that an installed musicdb needs no checkout."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

from musicdb import assets
from tests.serving import library  # noqa: F401

ROOT = Path(__file__).parent.parent


def test_a_wheel_ships_pages_notebooks_and_metadata_where_assets_looks():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["packages"] == ["musicdb"]
    assert built["force-include"] == {name: f"musicdb/_assets/{name}" for name in ("datasette", "notebooks", "metadata.yml")}
    for name in built["force-include"]:
        assert (ROOT / name).exists() and assets.path(name).exists()
    assert not (ROOT / "datasette" / "__init__.py").exists(), "it would stand in for the real datasette"


def test_an_installed_musicdb_serves_its_pages_far_from_any_checkout(library, tmp_path):  # noqa: F811
    """The files as a wheel lays them out, in a folder of their own, and a server started there."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(ROOT / "musicdb", site / "musicdb", ignore=shutil.ignore_patterns("__pycache__"))
    for name, place in built["force-include"].items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, site / place)
    shutil.copy(library, elsewhere / "music.db")
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1"}
    said = [sys.executable, "-c", "import musicdb; print(musicdb.__file__)"]
    assert subprocess.check_output(said, env=environment, cwd=elsewhere, text=True).startswith(str(site))
    command = [sys.executable, "-m", "musicdb.cli", "serve", "--db", "music.db", "--port", "19300", "--no-browser"]
    server = subprocess.Popen(command, env=environment, cwd=elsewhere, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines = iter(server.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        for path, wanted in (("/", "Recently added"), ("/music/tracks/1", "Nightfall"), ("/music/mixes_with", "What mixes with it"), ("/-/musicdb.css", "--accent")):
            with urllib.request.urlopen(address + path, timeout=30) as answer:
                assert answer.status == 200 and wanted in answer.read().decode(), path
    finally:
        server.terminate()
        server.communicate(timeout=30)
