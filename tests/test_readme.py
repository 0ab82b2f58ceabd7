"""What the README says is true: its one-liners run on the demo, its commands and files exist, its table is fresh."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

import musicdb
from musicdb import demo
from musicdb.cli import cli
from musicdb.commands import reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
ONE_LINERS = re.findall(r"^sqlite-utils .+$", README, re.M)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return demo.run(tmp_path_factory.mktemp("demo") / "lib").inputs.database


def run(line: str, folder: Path) -> str:
    """Run a line as a shell would, with this environment's sqlite-utils; what goes to `> file` is written there."""
    words = shlex.split(line)
    words, target = (words[:-2], words[-1]) if words[-2] == ">" else (words, None)
    assert words[0] == "sqlite-utils"
    done = subprocess.run([sys.executable, "-m", "sqlite_utils", *words[1:]], cwd=folder, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr.decode()
    if target:
        (folder / target).write_bytes(done.stdout)
    return "" if target else done.stdout.decode()


def test_there_are_six_one_liners():
    assert len(ONE_LINERS) == 6


def test_the_one_liners_answer_on_the_demo(library):
    folder = library.parent
    said = [run(line, folder) for line in ONE_LINERS[:4]]
    for line, text in zip(ONE_LINERS, said, strict=False):
        assert len(text.splitlines()) >= 3, (line, text)  # a head, a rule and at least one row
    assert "Göteborg" in said[2]
    assert "local" in said[3] and "rekordbox" in said[3]
    run(ONE_LINERS[4], folder)
    assert (folder / "cover.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_a_year_corrected_by_hand_outlives_the_next_import(library):
    line = ONE_LINERS[5]
    assert json.loads(run(line, library.parent)) == [{"rows_affected": 1}]
    with closing(musicdb.open(library)) as db:
        year = "select year, json_extract(sources, '$.year') as whose from tracks where id = 1"
        musicdb.truth.resolve(db)
        musicdb.load.run(db, "files", library.parent / "Music", all=True)
        musicdb.links.link(db)
        musicdb.truth.resolve(db)
        assert db.one(year) == {"year": 1997, "whose": "user"}


def test_the_table_of_commands_is_fresh():
    assert reference.with_overview(README) == README, "run: python -m musicdb.commands.reference"


def test_every_musicdb_command_in_the_readme_exists():
    known = {name for name, _ in reference.walk(cli, "musicdb")}
    shown = set(re.findall(r"(?:^|`|run |bin/)(musicdb(?: [a-z]+)+)", README, re.M))
    assert len(shown) >= 10
    for words in shown:
        parts = words.split()
        assert any(" ".join(parts[:n]) in known for n in range(2, len(parts) + 1)), words


def test_the_two_commands_are_there_each_three_ways():
    for tail in ("musicdb demo", "pytest"):
        assert f"\nuv run {tail}\n" in README
        assert f"\npython3 -m pip install uv && python3 -m uv run {tail}\n" in README
    assert "\npython3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/musicdb demo\n" in README


def test_links_into_the_repository_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).is_file(), target


def test_the_licences_are_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "MIT" and "MIT" in README
    assert re.search(r"mutagen.*GPL-2\.0-or-later", README) and any(one.startswith("mutagen") for one in project["dependencies"])


def test_the_changelog_has_this_version():
    assert f"## {musicdb.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_python_example_runs(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.+?)```", README, re.S)[1]
    music = tmp_path / "Music"
    music.mkdir()
    (music / "a.mp3").write_bytes((Path(demo.__file__).parent / "sounds" / "dub.mp3").read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(code.replace("/home/me/Music", music.as_posix()), "README.md", "exec"), names)  # noqa: S102
    names["db"].close()
    assert (tmp_path / "music.db").exists()
