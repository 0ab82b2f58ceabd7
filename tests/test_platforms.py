"""Every platform file keeps the contract of musicdb/shapes.py. New files in musicdb/platforms are tested by being there.

A platform brings small fictional payloads as tests/payloads/<module>/<kind>*.json; each of their fields is taken away, set to
null, and given every wrong type: `rows` then works or raises PayloadError, nothing else.
"""

from __future__ import annotations

import copy
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from musicdb import shapes
from musicdb.errors import PayloadError
from musicdb.load import available

PAYLOADS = Path(__file__).parent / "payloads"
MODULES = available()
ROWS = {
    "track": (shapes.TrackRow, "external_id", "title"),
    "file": (shapes.FileRow, "external_id", "path", "root", "size_bytes", "mtime_ns"),
    "release": (shapes.ReleaseRow, "external_id", "title"),
    "playlist": (shapes.PlaylistRow, "external_id", "name"),
    "playlist_item": (shapes.PlaylistItemRow, "playlist_external_id", "position"),
    "listen": (shapes.ListenRow, "listened_at", "source_item"),
    "image": (shapes.ImageRow, "of", "external_id"),
    "collection_item": (shapes.CollectionItemRow, "release_external_id", "instance_id", "status"),
    "collection_value": (shapes.CollectionValueRow, "day"),
}
CLIENTS = "tidalapi spotipy discogs_client pyrekordbox sqlalchemy mutagen PIL httpx requests sqlite_utils datasette pandas".split()
OURS = "musicdb.db musicdb.load musicdb.links musicdb.truth musicdb.images".split()
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
WRONG = [None, True, 0, -1, 7, 2**70, 1.5, 1e308, float("nan"), "", " ", "x", "0", "a\0b", "\ud800", [], {}, [None], [7], {"a": None}]


def platform(name):
    return importlib.import_module(f"musicdb.platforms.{name}")


def samples(name):
    for path in sorted((PAYLOADS / name).glob("*.json")):
        kind = max((k for k in platform(name).PAYLOADS if path.stem == k or path.stem.startswith(k + "_")), key=len, default=None)
        yield pytest.param(name, kind, path, id=f"{name}-{path.stem}")


SAMPLES = [sample for name in MODULES for sample in samples(name)]


def checked(module, kind, payload):
    """The rows of a payload, each seen to be what shapes.py declares."""
    found = list(module.rows(kind, payload))
    for row in found:
        declared, *required = ROWS[row["row"]]
        assert row.keys() <= declared.__annotations__.keys(), f"undeclared: {row.keys() - declared.__annotations__.keys()}"
        assert all(row.get(key) not in (None, "") or key == "source_item" for key in required), (required, row)
        said = row.get("said", {})
        assert said.keys() <= shapes.Said.__annotations__.keys(), f"undeclared in said: {said.keys() - shapes.Said.__annotations__.keys()}"
        assert not [key for key, value in said.items() if value is None or value == "" or value == []], f"absent is not said: {said}"
        odd = json.dumps(row, default=repr, ensure_ascii=True)
        if "\\ud800" not in odd and "NaN" not in odd and str(2**70) not in odd:  # those `load` refuses at its door
            msgspec.convert(row, declared)
        for key in ("listened_at",):
            assert key not in row or UTC.fullmatch(row[key]), row
        for where, key in ((row, "added_at"), (row, "remote_updated_at"), (said, "added_at"), (said, "last_played_at"), (said, "release_date")):
            assert where.get(key) is None or UTC.fullmatch(where[key]) or DATE.fullmatch(where[key]), (key, where[key])
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_platform_file_has_what_the_contract_names(name):
    module = platform(name)
    assert isinstance(module.PLATFORM, str) and module.KIND in shapes.KINDS_OF_PLATFORM
    assert isinstance(module.ROWS_VERSION, int) and module.ROWS_VERSION >= 1
    assert module.PAYLOADS and all(isinstance(kind, str) for kind in module.PAYLOADS)
    assert callable(module.fetch) and callable(module.rows)
    for (level, field), path in getattr(module, "CLAIMS", {}).items():
        assert level in ("track", "release") and field.isidentifier() and path.startswith("$."), (level, field, path)
    for function in (module.fetch, module.rows):
        assert function.__doc__, f"{name}.{function.__name__} is not described"


@pytest.mark.parametrize("name", MODULES)
def test_a_platform_file_has_a_sample_of_each_payload_kind(name):
    kinds = {sample.values[1] for sample in SAMPLES if sample.values[0] == name}
    assert None not in kinds, "a sample of a kind that PAYLOADS does not name"
    assert kinds == set(platform(name).PAYLOADS)


def test_importing_a_platform_file_loads_no_client_and_no_database():
    code = "import sys, importlib\nbefore = set()\n"
    for name in MODULES:
        code += f"importlib.import_module('musicdb.platforms.{name}')\n"
        code += f"loaded = [m for m in {CLIENTS + OURS!r} if m in sys.modules and m not in before]\n"
        code += f"assert not loaded, ('{name}', loaded)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-1000:]


@pytest.mark.parametrize("name, kind, path", SAMPLES)
def test_rows_are_declared_and_the_same_each_time(name, kind, path):
    payload = json.loads(path.read_text("utf-8"))
    before = copy.deepcopy(payload)
    found = checked(platform(name), kind, payload)
    assert found, "a sample that gives no row"
    assert payload == before, "rows() changed its payload"
    assert list(platform(name).rows(kind, payload)) == found


@pytest.mark.parametrize("name, kind, path", SAMPLES)
def test_what_is_stored_gives_the_same_track_again(name, kind, path):
    # a newer ROWS_VERSION derives `said` from the stored payload, without the page around it
    for row in platform(name).rows(kind, json.loads(path.read_text("utf-8"))):
        if row["row"] in ("track", "release") and "metadata" in row:
            again = [r for r in platform(name).rows(row.get("kind", kind), row["metadata"]) if r["row"] == row["row"]]
            assert [r["said"] for r in again if r["external_id"] == row["external_id"]] == [row["said"]]


@pytest.mark.parametrize("name, kind, path", SAMPLES)
def test_no_field_can_break_rows(name, kind, path):
    module = platform(name)
    payload = json.loads(path.read_text("utf-8"))
    for mutant in mutants(payload):
        try:
            checked(module, kind, mutant)
        except PayloadError:
            pass


@pytest.mark.parametrize("name", MODULES)
def test_what_is_no_payload_is_refused(name):
    for wrong in WRONG:
        for kind in (*platform(name).PAYLOADS, "no such kind"):
            try:
                checked(platform(name), kind, wrong)
            except PayloadError:
                pass


def mutants(payload):
    """The payload with an unknown field more, and with each field gone, null, or of a wrong type; deep ones too."""
    yield {**payload, "field of next year": {"deep": [1, None]}}
    for way in ways(payload):
        for wrong in WRONG:
            yield changed(payload, way, lambda holder, key, wrong=wrong: holder.__setitem__(key, wrong))
        yield changed(payload, way, lambda holder, key: holder.__delitem__(key))


def ways(value, so_far=()):
    keys = value.keys() if isinstance(value, dict) else range(min(3, len(value))) if isinstance(value, list) else ()
    for key in keys:
        yield (*so_far, key)
        yield from ways(value[key], (*so_far, key))


def changed(payload, way, change):
    mutant = holder = copy.deepcopy(payload)
    for key in way[:-1]:
        holder = holder[key]
    change(holder, way[-1])
    return mutant


def test_a_platform_is_called_the_same_in_words_and_in_the_database():
    from musicdb import schema, shapes

    assert {name: shapes.title(name) for name, *_ in schema.PLATFORMS} == {name: called for name, called, *_ in schema.PLATFORMS}
