"""The command line: exit codes, one clear message, what each command says and leaves behind; bad input of every kind."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import musicdb
from musicdb import backup, schema, settings, sqllog
from musicdb.cli import cli
from musicdb.commands import base, home, importing, reference
from musicdb.errors import BadInput, DatabaseFull
from musicdb.terminal import in_a_line, in_json
from tests.small import Small

XML = """<?xml version="1.0" encoding="UTF-8"?>
<DJ_PLAYLISTS Version="1.0.0"><PRODUCT Name="rekordbox" Version="6.8.5" Company="AlphaTheta"/>
<COLLECTION Entries="2">
<TRACK TrackID="1" Name="Nightfall (Dub Mix)" Artist="Björk" Album="Post" TotalTime="312" Year="1995" AverageBpm="128.00" Tonality="8A"
 Rating="204" Location="file://localhost/Users/me/Music/night%20fall.mp3"><TEMPO Inizio="0.024" Bpm="128.00" Metro="4/4" Battito="1"/>
<POSITION_MARK Name="drop" Type="0" Start="60.5" Num="0" Red="40" Green="226" Blue="20"/></TRACK>
<TRACK TrackID="2" Name="Morning" Artist="夜明け" TotalTime="200" Location="file://localhost/Users/me/Music/m.mp3"/>
</COLLECTION>
<PLAYLISTS><NODE Type="0" Name="ROOT" Count="1"><NODE Name="Friday" Type="1" KeyType="0" Entries="3">
<TRACK Key="1"/><TRACK Key="2"/><TRACK Key="1"/></NODE></NODE></PLAYLISTS></DJ_PLAYLISTS>
"""
PROGRAM = [sys.executable, "-m", "musicdb.cli"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="resource limits and signals are POSIX")


@pytest.fixture
def lib(tmp_path):
    """The path of a database that is not there yet."""
    return tmp_path / "music.db"


@pytest.fixture
def xml(tmp_path):
    path = tmp_path / "collection.xml"
    path.write_text(XML, "utf-8")
    return path


def run(*arguments: object, db: Path | None = None, env: dict | None = None) -> Result:
    """Run `musicdb ...` in this process; every error must have become a message."""
    result = CliRunner().invoke(cli, [*map(str, arguments), *(["--db", str(db)] if db else [])], env=env, prog_name="musicdb")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output and "fault of musicdb" not in result.output, result.output
    return result


def good(*arguments: object, db: Path | None = None, env: dict | None = None) -> str:
    result = run(*arguments, db=db, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object, db: Path | None = None, code: int = 2, says: str = "") -> str:
    result = run(*arguments, db=db)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert re.search(says, result.stderr), result.stderr
    return result.stderr


def whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("pragma integrity_check").fetchone() == ("ok",)


def state(path: Path) -> dict:
    with closing(sqlite3.connect(path)) as conn:
        return backup.content(conn)


# ---- every command


ALL = list(reference.walk(cli, "musicdb"))


@pytest.mark.parametrize("name", [name for name, _ in ALL])
def test_every_command_has_help_with_an_example_and_takes_db(name):
    words = name.split()[1:]
    text = good(*words, "--help")
    assert "Example:\n" in text and "--db PATH" in text
    example = text.split("Example:\n")[1].split("\n\n")[0]
    assert all(line.strip().startswith("musicdb") for line in example.splitlines())


def test_every_option_says_what_it_does():
    for name, command in ALL:
        assert command.help, name
        for option in command.params:
            assert isinstance(option, click.Argument) or option.help, f"{name} {option.name}"


def test_examples_name_only_commands_and_options_that_exist():
    known = dict(ALL)
    for _, command in ALL:
        for line in inspect.cleandoc(command.help).partition("Example:\n")[2].splitlines():
            words = line.split()
            while words and " ".join(words) not in known:
                words.pop()
            named = known[" ".join(words)]
            rest = re.findall(r"--[\w-]+", line)
            assert words and set(rest) <= {opt for p in named.params for opt in (*p.opts, *p.secondary_opts)}, line


def test_the_page_of_commands_is_fresh():
    page = Path(__file__).parent.parent / "docs" / "commands.md"
    assert page.read_text("utf-8") == reference.markdown(), "run: python -m musicdb.commands.reference"


def test_help_imports_neither_sqlite_utils_nor_a_client():
    script = (
        "import sys\n"
        "from musicdb.cli import main\n"
        "sys.argv = ['musicdb', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "slow = 'sqlite_utils datasette httpx PIL tidalapi spotipy discogs_client pyrekordbox mutagen jupyterlab ipywidgets anywidget "
        "rapidfuzz requests tqdm msgspec xxhash'.split()\n"
        "print('IMPORTED', [name for name in slow if name in sys.modules])\n"
    )
    for words in (["--help"], ["import", "--help"], ["import", "rekordbox", "--help"], ["demo", "--help"], ["--version"]):
        out = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True).stdout
        assert out.splitlines()[-1] == "IMPORTED []", words


def test_the_version_is_that_of_the_package():
    assert good("--version") == f"musicdb {musicdb.__version__}\n"


# ---- which database


def test_db_goes_before_or_after_the_command_and_over_the_environment(tmp_path):
    one, two, three = (tmp_path / f"{n}.db" for n in ("one", "two", "three"))
    assert str(one) in good("--db", one, "init", env={"MUSICDB_DB": str(three)})
    assert str(two) in good("init", "--db", two, env={"MUSICDB_DB": str(three)})
    assert str(three) in good("init", env={"MUSICDB_DB": str(three)})
    assert str(two) in good("--db", one, "config", "--db", two)  # the nearer one counts
    assert str(two) in good("--db", one, "config", "show", "--db", two)


def test_the_default_is_a_file_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path / "deep" / "musicdb")
    assert good("init").startswith(str(tmp_path / "deep" / "musicdb" / "music.db"))


def test_settings_say_whose_word_they_are():
    got = settings.read({"MUSICDB_DB": "~/a.db", "MUSICDB_AUTO_BACKUP": "0", "MUSICDB_LOG_SQL": "1", "MUSICDB_BACKUP_DIR": ""})
    assert got.database == Path.home() / "a.db" and got.backup_dir == Path.home() / "backups"
    assert (got.auto_backup, got.log_sql) == ("never", "-")
    assert [one.origin for one in got.listing] == ["MUSICDB_DB", "default", "default", "MUSICDB_AUTO_BACKUP", "MUSICDB_LOG_SQL"]
    assert settings.read({"MUSICDB_DB": "a.db"}, "b.db").listing[0].origin == "--db"
    with pytest.raises(BadInput, match="MUSICDB_AUTO_BACKUP"):
        settings.read({"MUSICDB_AUTO_BACKUP": "sometimes"})
    with pytest.raises(BadInput, match="NUL"):
        settings.read({}, "a\0b")


# ---- the first word


def test_the_first_word_works_without_a_database_and_makes_none(lib):
    text = good(db=lib)
    assert "not there yet" in text and "musicdb demo" in text and "musicdb import files FOLDER" in text
    assert json.loads(good("--json", db=lib))["exists"] is False
    assert not lib.exists()


def test_the_first_word_counts_and_says_the_next_step(lib, xml):
    good("init", db=lib)
    assert "musicdb import files FOLDER" in good(db=lib)
    good("import", "rekordbox", xml, "--no-link", db=lib)
    text = good(db=lib)
    assert "rekordbox" in text and "1 playlists" in text and re.search(r"next +musicdb link", text)
    found = json.loads(good("--json", db=lib))
    assert found["platforms"] == [{"platform": "rekordbox", "tracks": 2, "linked": 0, "unlinked": 2, "missing": 0, "refused": 0}]


# ---- init, check, config


def test_init_makes_a_private_file_once(lib):
    assert "made" in good("init", db=lib)
    before = state(lib)
    assert "is there already" in good("init", db=lib)
    assert state(lib) == before and json.loads(good("init", "--json", db=lib))["created"] is False
    if os.name == "posix":
        assert lib.stat().st_mode & 0o777 == 0o600


def test_check_finds_nothing_wrong_with_a_good_database(lib, xml):
    good("import", "rekordbox", xml, "--no-link", db=lib)
    before = lib.read_bytes()
    found = json.loads(good("check", "--json", db=lib))
    assert found["ok"] and {one["name"] for one in found["checks"]} >= {"file", "references", "schema", "search", "history"}
    assert lib.read_bytes() == before
    assert "vacuumed" in good("check", "--vacuum", db=lib) and whole(lib)


DAMAGE = {
    "a trigger is gone": ("drop trigger search_tracks_update", "schema", "musicdb migrate"),
    "a view was changed": ("drop view library; create view library as select 1 as id", "schema", "musicdb migrate"),
    "an index is gone": ("drop index ix_track_title", "schema", "musicdb migrate"),
    "a reference leads nowhere": ("insert into tag_rules values ('x', 99)", "references", "--restore"),
    "the search index is stale": ("drop trigger search_artists_insert; insert into artist_ids (artist_uid) values ('u');"
                                  "insert into artists (id, name, name_norm) values (1, 'A', 'a')", "search", "rebuild-fts"),
    "a play of nothing": (
        "insert into listens_raw (user_id, platform, listened_at, payload, ingested_at) values (1, 'spotify', 't', '{}', 't');"
        "insert into listens (raw_id, user_id, platform, track_external_id, listened_at) values (1, 1, 'spotify', 'x', 't')",
        "listens", "musicdb import",
    ),
    "an id of nothing": ("insert into external_ids (entity_type, entity_id, scheme, value) values ('track', 7, 'isrc', 'x')",
                         "external ids", "musicdb resolve"),
    "an operation was cut off": ("insert into current_operation (one, mode) values (1, 'row')",
                                 "unfinished operation", "delete from current_operation"),
    "rows replaced by a stranger": ("insert into tags (id, name) values (1, 'a'); insert or replace into tags (id, name) values (1, 'b')",
                                    "history", "sqlite-utils"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_check_finds_and_names_the_cure(lib, what):
    sql, name, cure = DAMAGE[what]
    good("init", db=lib)
    with closing(sqlite3.connect(lib)) as conn:
        conn.executescript(sql)
    result = run("check", "--json", db=lib)
    bad = [one for one in json.loads(result.stdout)["checks"] if not one["ok"]]
    assert result.exit_code == 1 and name in [one["name"] for one in bad]
    assert any(cure in one["mend"] for one in bad), bad
    assert f"BAD  {name}" in run("check", db=lib).stdout


def test_what_check_recommends_mends(lib):
    good("init", db=lib)
    with closing(sqlite3.connect(lib)) as conn:
        conn.executescript(DAMAGE["the search index is stale"][0] + "; drop view library; drop index ix_track_title")
    for program in ("musicdb", "sqlite-utils"):
        mend = next(one["mend"] for one in json.loads(run("check", "--json", db=lib).stdout)["checks"] if not one["ok"])
        words = shlex.split(mend)
        assert words[0] == program
        if program == "musicdb":
            assert "put back: ix_track_title" in good(*words[1:], db=lib)
        else:
            subprocess.run([sys.executable, "-m", "sqlite_utils", *words[1:]], check=True, capture_output=True)
    assert json.loads(good("check", "--json", db=lib))["ok"]


def test_check_takes_a_busy_database_for_busy_and_not_for_broken(lib, monkeypatch):
    good("init", db=lib)
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: real(*args, **{**options, "timeout": 0.05}))
    with closing(real(lib, isolation_level=None)) as other:
        other.execute("begin immediate")
        refused("check", db=lib, code=1, says="another program is writing")
        other.execute("rollback")
    good("check", db=lib)


def test_check_takes_a_folder_that_cannot_be_written_for_that_and_not_for_broken(lib, monkeypatch):
    good("init", db=lib)

    def closed(*args, **kwargs):
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    monkeypatch.setattr(sqlite3, "connect", closed)
    refused("check", db=lib, code=1, says="not writable; copy it")
    refused("backup", db=lib, code=1, says="not writable; copy it")


def test_check_says_what_a_ruined_file_needs(lib):
    good("init", db=lib)
    data = bytearray(lib.read_bytes())
    for page in range(2, 20):
        data[page * 16384 : page * 16384 + 200] = b"\xff" * 200
    lib.write_bytes(data)
    result = run("check", db=lib)
    assert result.exit_code == 1 and "BAD" in result.stdout and "migrate --restore" in result.stdout
    lib.write_bytes(b"")
    refused("check", db=lib, says="empty")
    lib.write_bytes(b"hello" * 1000)
    assert "no SQLite database" in run("check", db=lib).stdout


def test_config_shows_sets_and_unsets(lib):
    text = good("config", db=lib, env={"MUSICDB_BACKUP_DIR": "/elsewhere"})
    assert re.search(r"MUSICDB_DB .*--db", text) and re.search(r"MUSICDB_BACKUP_DIR +\S*elsewhere +MUSICDB_BACKUP_DIR", text)
    assert not lib.exists()
    good("init", db=lib)
    for value, kind in (("12", "int"), ("1.5", "float"), ("true", "bool"), ('{"a": 1}', "json"), ("hi", "string"), ("{x", "string")):
        assert f"({kind})" in good("config", "set", "my.key", value, db=lib)
        assert json.loads(good("config", "--json", db=lib))["config"] == [
            {"key": "my.key", "value": value, "type": kind, "description": None}
        ]
    good("config", "unset", "my.key", db=lib)
    assert json.loads(good("config", "show", "--json", db=lib))["config"] == []
    refused("config", "unset", "my.key", db=lib, says="not set")
    refused("config", "set", "spotify_token", "x", db=lib, says="secrets")
    refused("config", "set", "1 2", "x", db=lib, says="letter")
    refused("config", "set", "n", "x", "--type", "int", db=lib, says="no int")


def test_a_setting_is_history_that_can_be_undone(lib):
    good("init", db=lib)
    good("config", "set", "k", "v", db=lib)
    with musicdb.open(lib) as db:
        row = db.one(
            "select c.field, c.new, o.type, o.actor from changes as c join operations as o on o.id = c.operation_id where c.field = 'value'"
        )
    assert row == {"field": "value", "new": "v", "type": "config", "actor": "user"}


# ---- backup, migrate


def test_backup_makes_verifies_and_thins(lib, tmp_path, monkeypatch):
    good("init", db=lib)
    made = json.loads(good("backup", "--json", db=lib))
    assert Path(made["backup"]).parent == tmp_path / "backups" and made["rows"] > 0
    chosen = tmp_path / "elsewhere" / "mine.db"
    assert str(chosen) in good("backup", chosen, db=lib)
    assert backup.verify(chosen).tables == backup.verify(made["backup"]).tables
    monkeypatch.setattr(backup.thin, "__defaults__", (2,))
    for _ in range(3):
        text = good("backup", db=lib)
    assert "1 old backups thinned out" in text
    assert good("backup", "--verify", db=lib).count("ok ") == len(backup.backups(tmp_path / "backups", lib)) <= 3
    chosen.write_bytes(chosen.read_bytes()[:-1])
    assert "BAD  " in (text := run("backup", "--verify", chosen, db=lib).stdout) and "damaged" in text
    refused("backup", chosen, db=lib, says="there already")
    good("backup", db=lib, env={"MUSICDB_BACKUP_DIR": str(tmp_path / "third")})
    assert len(list((tmp_path / "third").glob("*.db"))) == 1


def test_a_damaged_backup_is_named_among_the_whole_ones_and_never_restored(lib, tmp_path):
    good("init", db=lib)
    whole, bad = (Path(json.loads(good("backup", "--json", db=lib))["backup"]) for _ in range(2))
    data = bytearray(bad.read_bytes())
    data[len(data) // 2] ^= 1
    bad.write_bytes(data)
    result = run("backup", "--verify", "--json", db=lib)
    assert result.exit_code == 1
    assert {one["backup"]: one["ok"] for one in json.loads(result.stdout)} == {str(bad): False, str(whole): True}
    refused("migrate", "--restore", db=lib, code=1, says="--restore --from")
    assert "equals the backup" in good("migrate", "--restore", "--from", whole, db=lib)


def test_migrate_restore_says_what_is_lost_and_keeps_it(lib, tmp_path):
    good("init", db=lib)
    assert "up to date" in good("migrate", db=lib)
    refused("migrate", "--restore", db=lib, says="no backup of")
    good("config", "set", "before", "1", db=lib)
    with_before = state(lib)
    backup.create(lib, tmp_path / "backups", reason="before migration")
    good("config", "set", "after", "2", db=lib)
    good("config", "set", "before", "3", db=lib)
    text = good("migrate", "--restore", db=lib)
    assert re.search(r"lost +config: 1 added, 1 changed", text) and "restored" in text
    assert state(lib) == with_before
    kept = re.search(r"kept +(\S+)", text)[1]
    good("migrate", "--restore", "--from", kept, db=lib)
    assert {row["key"] for row in json.loads(good("config", "--json", db=lib))["config"]} == {"before", "after"}
    assert json.loads(good("migrate", "--restore", "--json", db=lib))["lost"]["config"] == {"added": 1, "changed": 1, "deleted": 0}
    assert "equals the backup" in good("migrate", "--restore", db=lib)


def test_an_older_schema_is_backed_up_before_it_is_migrated(lib, tmp_path, monkeypatch):
    good("init", db=lib)
    before = state(lib)

    def m999_more(db):
        """One more table."""
        db.conn.execute("create table more_of_it (id integer primary key)")

    monkeypatch.setattr(schema.migrations, "_migrations", list(schema.migrations._migrations))
    schema.migrations()(m999_more)
    schema.expected.cache_clear()
    try:
        result = run("migrate", db=lib)
        assert result.exit_code == 0 and "m999_more" in result.stdout and "backup before migration" in result.stderr
    finally:
        monkeypatch.undo()
        schema.expected.cache_clear()
    assert backup.newest(tmp_path / "backups", lib, reason="before migration").tables == before
    assert "newer" in refused("config", "show", db=lib, code=1) and "newer" in refused("migrate", db=lib, code=1)
    text = good("migrate", "--restore", db=lib)  # the older program puts the older database back
    assert "restored" in text and state(lib) == before
    good("config", db=lib)


def test_automatic_backups_follow_the_setting(lib, xml, tmp_path):
    good("import", "rekordbox", xml, "--no-link", db=lib)
    good("import", "rekordbox", xml, "--no-link", db=lib)
    assert not (tmp_path / "backups").exists()
    for _ in range(2):  # once a day
        good("import", "rekordbox", xml, "--no-link", db=lib, env={"MUSICDB_AUTO_BACKUP": "1"})
    assert [one.reason for one in backup.backups(tmp_path / "backups", lib)] == ["before import"]


# ---- import


def test_an_import_makes_the_database_and_a_second_changes_nothing(lib, xml):
    text = good("import", "rekordbox", xml, "--no-link", db=lib)
    assert "2 new" in text and "next: musicdb link" in text
    before = state(lib)
    again = json.loads(good("import", "rekordbox", xml, "--no-link", "--json", db=lib))
    assert (again["imports"][0]["new"], again["imports"][0]["changed"], again["imports"][0]["unchanged"]) == (0, 0, 2)
    after = state(lib)
    assert {table for table in after if after[table] != before[table]} <= {"operations", "sync_checkpoints", "snapshots"}


def test_files_without_a_path_are_those_of_last_time(lib, tmp_path):
    refused("import", "files", db=lib, says="which files.*musicdb import files")
    sound = Path(musicdb.__file__).parent / "demo" / "sounds" / "dub.mp3"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(sound, tmp_path / folder / "song.mp3")
    good("import", "files", tmp_path / "one", tmp_path / "two", "--no-link", db=lib)
    shutil.rmtree(tmp_path / "two")
    result = run("import", "files", "--no-link", "--json", db=lib)
    assert [one["source"] for one in json.loads(result.stdout)["imports"]] == [str(tmp_path / "one")]
    assert "two is not there now" in result.stderr
    shutil.rmtree(tmp_path / "one")
    assert "none of the folders" in run("import", "files", db=lib).stderr


def test_only_platforms_that_exist_are_offered():
    names = importing.platforms()
    assert names and "rekordbox" in names and not any(name.startswith("_") for name in names)
    assert set(names) <= set(good("import", "--help").split())
    refused("import", "winamp", says=r"there is no importer 'winamp'; there are .*rekordbox")


def test_a_path_in_place_of_a_platform_is_understood(tmp_path):
    refused("import", tmp_path, says=f"import files {re.escape(str(tmp_path))}")


# ---- bad input: exit code, the thing, the next step, no traceback, the database whole


def bomb() -> str:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "lol">{levels}]><DJ_PLAYLISTS Version="1.0.0">&e8;</DJ_PLAYLISTS>'


def make_bad(folder: Path) -> dict[str, tuple[str, Path]]:
    """{what: (platform, path)} of inputs that cannot be read."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("readme.txt", "nothing of Spotify")
    files = {
        "no zip": ("spotify", "data.zip", b"this is no zip archive" * 100),
        "half a zip": ("spotify", "half.zip", zipped.getvalue()[:60]),
        "another zip": ("spotify", "other.zip", zipped.getvalue()),
        "truncated JSON": ("spotify", "StreamingHistory0.json", b'[{"endTime": "2023-01-01 00:00", "artistName": "A", "trackName"'),
        "another JSON": ("spotify", "package.json", b'{"name": "x"}'),
        "empty JSON": ("spotify", "empty.json", b""),
        "entity bomb": ("rekordbox", "bomb.xml", bomb().encode()),
        "truncated XML": ("rekordbox", "cut.xml", XML.encode()[:700]),
        "another XML": ("rekordbox", "other.xml", b"<html><body/></html>"),
        "no XML": ("rekordbox", "no.xml", b"\x00\xff\xfe junk"),
        "empty XML": ("rekordbox", "empty.xml", b""),
        "a database": ("rekordbox", "master.db", b"SQLite format 3\0" + b"\0" * 4096),
    }
    made = {}
    for what, (platform, name, data) in files.items():
        (folder / what.replace(" ", "_")).mkdir()
        path = folder / what.replace(" ", "_") / name
        path.write_bytes(data)
        made[what] = (platform, path)
    (folder / "a folder").mkdir()
    return made | {
        "a missing path": ("rekordbox", folder / "none.xml"),
        "a missing export": ("spotify", folder / "none.zip"),
        "a folder where a file belongs": ("rekordbox", folder / "a folder"),
        "an empty folder": ("spotify", folder / "a folder"),
        "a file as a folder": ("spotify", made["no zip"][1] / "below"),
        "a name too long": ("rekordbox", folder / ("x" * 300)),
    }


def test_every_bad_source_is_refused_by_name_and_changes_nothing(lib, tmp_path, xml):
    good("import", "rekordbox", xml, "--no-link", db=lib)
    before = state(lib)
    (tmp_path / "bad").mkdir()
    for what, (platform, path) in make_bad(tmp_path / "bad").items():
        said = refused("import", platform, path, db=lib, says=r"^musicdb: ")
        assert path.name[:100] in said or path.parent.name in said, (what, said)
        assert said.count("\n") == 1, (what, said)
    after = state(lib)
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= {"operations", "quarantine", "claim_paths"}  # the last: which fields an importer offers, noted before it reads
    assert whole(lib)


def test_a_bad_source_makes_no_library_entry(lib, tmp_path):
    refused("import", "rekordbox", tmp_path / "none.xml", db=lib, says="no such file")
    assert not lib.exists()


@pytest.mark.parametrize("command", ["check", "backup", "link", "resolve", "serve", "lab", "migrate"])
def test_a_missing_database_is_named_with_the_next_step(lib, command):
    refused(command, db=lib, says=rf"no database at {re.escape(str(lib))}.*musicdb")
    assert not lib.exists()


@pytest.mark.parametrize("command", [["init"], ["import", "rekordbox"], ["check"], ["config", "show"], []])
def test_an_unusable_database_path_is_named(tmp_path, xml, command):
    if command[:1] == ["import"]:
        command = [*command, xml]
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    for path in (tmp_path, blocked / "music.db"):
        result = run(*command, db=path)
        if path == tmp_path or command[:1] in (["init"], ["import"], ["check"]):
            assert result.exit_code in (1, 2) and str(path.parent) in result.stderr and not result.stdout, result.output
    result = run(*command, db=tmp_path / "nowhere" / "music.db")
    assert command in ([], ["config", "show"]) or (result.exit_code == 2 and "nowhere" in result.stderr), result.output
    assert not (tmp_path / "nowhere").exists()
    assert blocked.read_text() == "in the way"


@POSIX
def test_a_folder_that_cannot_be_written(tmp_path, xml):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere: run as another user to try a read-only folder")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    refused("init", db=folder / "music.db", code=2, says="locked.*--db")
    assert list(folder.iterdir()) == []


def test_a_database_that_cannot_be_written_is_said_to_be_so(lib, xml, monkeypatch):
    good("init", db=lib)
    real = sqlite3.connect

    def read_only(name, *arguments, **options):  # what a read-only folder or medium does, also to root
        return real(str(name).replace("mode=rw", "mode=ro"), *arguments, **options)

    before = state(lib)
    monkeypatch.setattr(sqlite3, "connect", read_only)
    said = refused("import", "rekordbox", xml, "--no-link", db=lib, code=1, says="cannot be written")
    assert str(lib) in said and "--db" in said
    monkeypatch.undo()
    assert state(lib) == before and whole(lib)


@pytest.mark.parametrize("command", [["init"], ["check"], ["import", "rekordbox"], ["config", "set", "k", "v"], []])
def test_a_database_of_another_program_is_left_alone(lib, xml, command):
    with closing(sqlite3.connect(lib)) as conn:
        conn.execute("create table contacts(name)")
    before = lib.read_bytes()
    result = run(*command, *([xml] if command[:1] == ["import"] else []), db=lib)
    assert result.exit_code == 1 and "not a musicdb database" in result.output and "contacts" in result.output
    assert lib.read_bytes() == before
    lib.write_bytes(b"%PDF-1.7 something else entirely")
    result = run(*command, *([xml] if command[:1] == ["import"] else []), db=lib)
    assert result.exit_code == 1 and "SQLite" in result.output and lib.name in result.output
    assert lib.read_bytes() == b"%PDF-1.7 something else entirely"


def large_xml(path: Path, n: int = 3000) -> Path:
    tracks = "".join(f'<TRACK TrackID="{i}" Name="Track {i} {"x" * 200}" Artist="A{i}" TotalTime="100"/>' for i in range(n))
    path.write_text(f'<?xml version="1.0"?><DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="{n}">{tracks}</COLLECTION></DJ_PLAYLISTS>')
    return path


def test_a_database_at_its_limit_of_pages_stays_whole(lib, tmp_path, monkeypatch):
    good("init", db=lib)
    real = musicdb.connection.register

    def limited(conn):
        real(conn)
        conn.execute(f"pragma max_page_count = {conn.execute('pragma page_count').fetchone()[0] + 5}")

    monkeypatch.setattr(musicdb.connection, "register", limited)
    refused("import", "rekordbox", large_xml(tmp_path / "large.xml"), "--no-link", db=lib, code=1, says="full")
    monkeypatch.undo()
    assert whole(lib)
    assert json.loads(good("check", "--json", db=lib))["ok"]
    assert (
        "3000 new" in good("import", "rekordbox", tmp_path / "large.xml", "--no-link", db=lib)
        or json.loads(good("--json", db=lib))["platforms"][0]["tracks"] == 3000
    )


@POSIX
def test_a_full_disk_stops_an_import_with_a_message_and_it_goes_on_afterwards(lib, tmp_path):
    import resource

    good("init", db=lib)
    source = large_xml(tmp_path / "large.xml")
    limit = lib.stat().st_size + 300_000

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    done = subprocess.run(
        [*PROGRAM, "import", "rekordbox", source, "--no-link", "--db", lib], capture_output=True, text=True, preexec_fn=full
    )
    assert done.returncode == 1 and "full" in done.stderr and str(lib) in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert whole(lib) and json.loads(good("check", "--json", db=lib))["ok"]
    good("import", "rekordbox", source, "--no-link", db=lib)
    assert json.loads(good("--json", db=lib))["platforms"][0]["tracks"] == 3000


@POSIX
def test_ctrl_c_says_that_what_was_read_is_stored(lib, tmp_path):
    source = large_xml(tmp_path / "large.xml", 60_000)
    process = subprocess.Popen(
        [*PROGRAM, "import", "rekordbox", source, "--no-link", "--db", lib], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job has it ignored
    )  # fmt: skip
    log = Path(f"{lib}-wal")
    while process.poll() is None and not (log.exists() and log.stat().st_size > 1_000_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == base.INTERRUPTED and "stored" in err and "Traceback" not in err, err
    assert whole(lib)


def test_misuse_is_exit_2(lib):
    for words in (["nope"], ["--nope"], ["import"], ["config", "set", "k"], ["migrate", "--from", "x"], ["--json", "check"]):
        result = run(*words)
        assert result.exit_code == 2, (words, result.output)
    refused("init", "--db", "", says="empty path")


def test_an_unforeseen_error_is_one_message_and_a_traceback_only_on_request(lib, monkeypatch):
    def broken(here):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(home, "look", broken)
    result = CliRunner().invoke(cli, ["--db", str(lib)])
    assert result.exit_code == 1 and "fault of musicdb" in result.stderr and "test_cli.py:" in result.stderr
    assert isinstance(CliRunner().invoke(cli, ["--db", str(lib)], env={"MUSICDB_DEBUG": "1"}).exception, ZeroDivisionError)


def test_every_error_of_ours_becomes_its_exit_code():
    errors = importlib.import_module("musicdb.errors")
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(kinds) > 10
    for kind in kinds:
        message, code = base.explain(kind("what went wrong"))
        assert (message, code) == ("what went wrong", 2 if issubclass(kind, BadInput) else 1)
    assert base.explain(OSError(28, "No space left on device", "x.db")) == ("x.db: the disk is full; make room and try again", 1)
    assert issubclass(DatabaseFull, errors.MusicdbError)


def test_a_number_that_no_database_holds_is_a_slip_of_the_pen(lib):
    good("init", db=lib)
    for command in (["undo"], ["events", "show"], ["ids", "list", "artist"], ["sync", "--approve"]):
        result = run(*command, "99999999999999999999", db=lib)
        assert (result.exit_code, result.stdout) == (2, "") and "nothing has it" in result.stderr


# ---- the log, the plugin, output


def test_logged_sql_holds_no_values(lib, xml, tmp_path):
    log = tmp_path / "logs" / "sql.log"
    good("import", "rekordbox", xml, "--no-link", db=lib, env={"MUSICDB_LOG_SQL": str(log)})
    text = log.read_text()
    assert "insert into platform_tracks" in text and text.count("\n") > 20
    for secret in ("Nightfall", "Björk", "夜明け", "128", "60.5", "Friday", "night"):
        assert not re.search(rf"\b{secret}", text), secret
    if os.name == "posix":
        assert log.stat().st_mode & 0o777 == 0o600
    result = run("config", "show", db=lib, env={"MUSICDB_LOG_SQL": "1"})
    assert "select key, value" in result.stderr and "select" not in result.stdout


@pytest.mark.parametrize(
    ("sql", "masked"),
    [
        ("select * from t where a='it''s' and b=12.5 and c=x'00ff'", "select * from t where a=? and b=? and c=?"),
        ("insert into \"it's\" values (1,2,3,4,'x')", 'insert into "it\'s" values (?, ...)'),
        ("select 1 -- don't\n, -2e5", "select ? , ?"),
        ("select t2.x3 from t2 /* it's */ limit 5", "select t2.x3 from t2 limit ?"),
        ("select 'never closed", "select ?"),
        ("-- only a comment", ""),
    ],
)
def test_masking(sql, masked):
    assert sqllog.mask(sql) == masked


def test_the_group_is_mounted_in_sqlite_utils_with_the_sql_functions(lib):
    tool = [sys.executable, "-m", "sqlite_utils"]
    done = subprocess.run([*tool, "musicdb", "init", "--db", lib], capture_output=True, text=True)
    assert (done.returncode, "made" in done.stdout) == (0, True), done.stderr
    done = subprocess.run([*tool, "musicdb", "check", "--db", lib.with_name("none.db")], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("musicdb: there is no database") and "Traceback" not in done.stderr
    sql = "select camelot('Am') as a, compatible_keys('8A') as b, match_key('X (Dub Mix)') <> match_key('X') as c"
    done = subprocess.run([*tool, "query", lib, sql], capture_output=True, text=True)
    assert json.loads(done.stdout) == [{"a": "8A", "b": '["8A","7A","9A","8B"]', "c": 1}], done.stderr


def test_the_plugin_turns_recursive_triggers_on_for_our_files_only(lib, tmp_path):
    from musicdb import sqlite_utils_plugin

    good("init", db=lib)
    for path, expected in ((lib, 1), (tmp_path / "other.db", 0)):
        with closing(sqlite3.connect(path)) as conn:
            sqlite_utils_plugin.prepare_connection(conn)
            assert conn.execute("pragma recursive_triggers").fetchone()[0] == expected
            assert conn.execute("select camelot('Cm')").fetchone() == ("5A",)


def test_references_hold_in_sqlite_utils(lib, xml):
    good("import", "rekordbox", xml, db=lib)
    program = [sys.executable, "-m", "sqlite_utils"]
    stray = subprocess.run([*program, "insert", str(lib), "tracks", "-"], input='{"id": 99999, "title": "x"}', capture_output=True, text=True)
    assert stray.returncode == 1 and "FOREIGN KEY" in stray.stderr
    assert subprocess.run([*program, str(lib), "delete from tracks where id = 1"], capture_output=True).returncode == 0
    found = json.loads(run("check", "--json", db=lib).stdout)["checks"]
    assert next(one["ok"] for one in found if one["name"] == "references")


def test_a_replace_through_sqlite_utils_leaves_its_trace(lib):
    good("init", db=lib)
    for name in ("a", "b"):
        sql = f"insert or replace into tags (id, name) values (1, '{name}')"
        subprocess.run([sys.executable, "-m", "sqlite_utils", "query", lib, sql], check=True, capture_output=True)
    assert json.loads(good("check", "--json", db=lib))["ok"]


def test_titles_in_any_script_reach_a_terminal_of_another(lib, xml):
    good("import", "rekordbox", xml, "--no-link", db=lib)
    good("config", "set", "motto", "夜明け", db=lib)
    done = subprocess.run([*PROGRAM, "config", "--db", lib], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"motto" in done.stdout, done.stderr


def test_output_into_a_closed_pipe_ends_quietly(lib):
    good("init", db=lib)
    process = subprocess.Popen([*PROGRAM, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()


def test_a_title_cannot_command_the_terminal(tmp_path):
    small = Small(tmp_path / "codes.db")
    small.track("\x1b]0;owned\x07\x1b[2Jfaked\rline\u202e\x9b", artist_credit="one\ntwo")
    small.db.close()
    run = partial(CliRunner().invoke, cli, color=True)
    for command in (["why", "1"], ["why", "1", "--json"], ["export", "matches"], ["why", "\x1b[2J"]):
        done = run(["--db", str(tmp_path / "codes.db"), *command])
        assert not set("\x1b\x07\r\u202e\x9b") & set(done.output), command
    said = run(["--db", str(tmp_path / "codes.db"), "why", "1"]).output
    assert r"\x1b]0;owned\x07\x1b[2Jfaked\rline\u202e\x9b" in said
    assert json.loads(in_json(json.dumps("\u202e\u2028é", ensure_ascii=False))) == "\u202e\u2028é"
    assert in_a_line("a\nb\tc") == r"a\nb c"
