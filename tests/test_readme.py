"""What the README says is true: its one-liners run on the demo, its commands and files exist, its table is fresh."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

import musicdb
from musicdb import demo, lab
from musicdb.cli import cli
from musicdb.commands import reference, screens

from . import pictures

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
ONE_LINERS = re.findall(r"^sqlite-utils .+$", README, re.M)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The demo made by the command, beside a database of the user's own: (the demo's database, what was said)."""
    folder = tmp_path_factory.mktemp("demo")
    own = folder / "own.db"
    with closing(musicdb.open(own)):
        pass
    before = own.read_bytes()
    result = CliRunner().invoke(cli, ["demo", "--dir", str(folder / "lib"), "--no-serve"], env={"MUSICDB_DB": str(own)})
    assert result.exit_code == 0, result.output
    assert own.read_bytes() == before
    (folder / "story").mkdir()
    for name in ("music.db", "spotify_export.zip"):
        shutil.copy(folder / "lib" / name, folder / "story" / name)
    return folder / "lib" / "music.db", result.stdout


@pytest.fixture(scope="module")
def library(made):
    return made[0]


def run(line: str, folder: Path) -> str:
    """Run a line as a shell would, with this environment's sqlite-utils; what goes to `> file` is written there."""
    words = shlex.split(line)
    words, target = (words[:-2], words[-1]) if words[-2] == ">" else (words, None)
    assert words[0] == "sqlite-utils"
    done = subprocess.run(
        [sys.executable, "-m", "sqlite_utils", *words[1:]], cwd=folder, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}
    )
    assert done.returncode == 0, done.stderr.decode()
    if target:
        (folder / target).write_bytes(done.stdout)
    return "" if target else done.stdout.decode()


def test_the_demo_says_what_it_found_and_how_to_go_on(made):
    path, text = made
    for platform in ("local: ", "rekordbox: ", "spotify: "):
        assert re.search(rf"^{platform}\d+ new", text, re.M), text
    assert re.search(r"^library: \d+ tracks", text, re.M)
    assert [line[:3] for line in text.splitlines() if re.match(r"\d\. ", line)] == ["1. ", "2. ", "3. "]
    assert f'musicdb serve --db "{path}"' in text and text.splitlines()[-1] == "your own music: musicdb import files FOLDER"


def test_the_demo_never_takes_a_folder_of_the_users_own(tmp_path):
    own = tmp_path / "music.db"
    with closing(musicdb.open(own)):
        pass
    before = own.read_bytes()
    for env in ({"MUSICDB_DB": str(own)}, {}):
        result = CliRunner().invoke(cli, ["demo", "--dir", str(tmp_path), "--no-serve"], env=env)
        assert result.exit_code == 2 and "--dir" in result.stderr, result.output
    assert own.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["music.db"]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_the_demo_serves_both_pages_until_ctrl_c_which_stops_both(library, tmp_path):
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    env = {**os.environ, **{name: str(tmp_path / name) for name in names}}
    taken = lab.free_port(screens.DATASETTE_PORT)  # the address is the next free one
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed a moment ago does not hold the port
        other.bind((lab.HOST, taken))
        other.listen()
        command = [sys.executable, "-m", "musicdb.cli", "demo", "--dir", str(library.parent)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        try:
            addresses = {}
            for line in process.stdout:
                if found := re.match(r"(Datasette|JupyterLab) +(http://127\.0\.0\.1:(\d+)/\S*)", line):
                    addresses[found[1]] = (found[2], int(found[3]))
                if line.startswith("Ctrl-C"):
                    assert "musicdb import files" in line
                    break
            assert set(addresses) == {"Datasette", "JupyterLab"}, process.stderr.read()
            assert addresses["Datasette"][1] != taken
            for address, _ in addresses.values():
                with urllib.request.urlopen(address, timeout=30) as answer:
                    assert answer.status == 200
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
            assert process.returncode == 0 and "Traceback" not in err, err
            for _, port in addresses.values():
                with pytest.raises(OSError), socket.create_connection((lab.HOST, port), timeout=1):
                    pass
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


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


def test_the_story_happens_as_it_is_told(library):
    seen = []
    told = pictures.told(README, library.parent.parent / "story", seen.append)
    assert pictures.timeless(told) == pictures.timeless(README), "run: python -m tests.pictures"
    assert [path.name for path in seen] == ["before.png", "after.png"]


def test_the_pictures_are_there_and_small():
    shown = re.findall(r"\]\((docs/pictures/[^)]+)\)", README)
    assert sorted(shown) == sorted(f"docs/pictures/{path.name}" for path in (ROOT / "docs" / "pictures").iterdir())
    assert all((ROOT / path).stat().st_size < pictures.LIMIT for path in shown)


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
    exec(compile(code.replace("/home/me/Music", music.as_posix()), "README.md", "exec"), names)
    names["db"].close()
    assert (tmp_path / "music.db").exists()


def test_what_the_story_promises_holds_a_year_and_several_imports_later(library):
    """One track on five platforms: cover from Discogs, genre from the file, year from Spotify; then a year with imports, and all is taken back."""
    from musicdb import history, images, links, load, tags, truth

    path = library.parent.parent / "year.db"
    shutil.copy(library, path)
    with closing(musicdb.open(path)) as db:
        track = 38

        def shows() -> dict:
            row = dict(db.one("select title, artist_credit, year, bpm, musical_key, rating, release_group_id from tracks where id = ?", [track]))
            return row | {"cover": images.get(db, track=track).data} | {r.field: (r.value, r.source) for r in truth.why(db, track)}

        def imported() -> None:
            links.link(db)
            truth.resolve(db)
            images.select(db)

        def whose(field: str) -> tuple:
            row = truth.why(db, track, field)[0]
            return row.value, row.source, row.because

        assert {p for (p,) in db.execute("select platform from claims where track_id = ?", [track])} >= {"local", "rekordbox", "spotify", "tidal", "discogs"}
        db.execute("update trust set rank = 0 where field = 'cover' and platform = 'spotify'")
        imported()
        before = shows()
        assert whose("cover")[1] == "spotify" and whose("year")[:2] == (2012, "discogs")

        covers = truth.take(db, track, "cover", "discogs").operation
        genres = truth.take(db, track, "genres", "local").operation
        years = truth.take(db, track, "year", "spotify", note="the year of the single").operation
        truth.lock(db, track, "musical_key")
        after = shows()
        assert after["cover"] != before["cover"]
        assert whose("cover")[1:] == ("discogs", "you decided to follow discogs")
        assert whose("genres") == (["Dub Techno"], "local", "you decided to follow local")
        assert whose("year") == (2014, "spotify", "you decided to follow spotify")
        why = truth.why(db, track, "year")[0]
        assert (why.note, why.others["discogs"], why.others["local"]) == ("the year of the single", [2012], [2022])
        assert {one["platform"] for one in why.evidence} == {"local", "rekordbox", "spotify", "tidal", "discogs"} and all(one["sentences"] for one in why.evidence)

        # A year goes by: it was long ago, other things were done, everything was imported again, some of it changed, some is gone.
        for table, column in (("operations", "completed_at"), ("operations", "created_at"), ("decisions", "decided_at"), ("changes", "at")):
            db.execute(f"update {table} set {column} = strftime('%Y-%m-%dT%H:%M:%SZ', {column}, '-1 year') where {column} is not null")
        for source, place in (("files", library.parent / "Music"), ("spotify", library.parent / "spotify_export.zip"), ("rekordbox", library.parent / "rekordbox.xml")):
            load.run(db, source, place, all=True)
            imported()
        tags.add(db, "select id from library where year < 2013", "Energy: peak")
        truth.decide(db, "select id from library where id <> 38 and rating = 5", "comment", "a favourite")
        db.execute("update platform_tracks set said = json_set(said, '$.year', 1999) where id in (select platform_track_id from track_links where track_id = ?) and platform = 'tidal'", [track])
        db.execute("update platform_tracks set missing_since = '2026-01-01T00:00:00Z' where id in (select platform_track_id from track_links where track_id = ?) and platform = 'spotify'", [track])
        imported()
        truth.rebuild(db)
        later = shows()
        assert {name: later[name] for name in ("year", "cover", "genres", "musical_key")} == {name: after[name] for name in ("year", "cover", "genres", "musical_key")}
        db.execute("update platform_tracks set missing_since = null where platform = 'spotify'")
        db.execute("update platform_tracks set said = json_set(said, '$.year', 2014) where id in (select platform_track_id from track_links where track_id = ?) and platform = 'tidal' and json_extract(said, '$.year') = 1999", [track])
        imported()

        for operation in (years, covers, genres):
            history.undo(db, operation)
        undone = shows()
        assert {name: undone[name] for name in ("year", "cover", "genres")} == {name: before[name] for name in ("year", "cover", "genres")}
        assert db.value("select count(*) from tracks where comment = 'a favourite'") > 0 and whose("musical_key")[2] == "you locked what rekordbox said"
        history.redo(db, years)
        assert whose("year")[:2] == (2014, "spotify")
