"""The flow is the architecture: who may import whom, and who may write which table."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import musicdb

ROOT = Path(musicdb.__file__).parent
LINES = 450

# What a package may import when it is imported; what a function imports in itself is not looked at.
GROUND = {"errors", "shapes", "units", "text"}
MAY_IMPORT = {
    "errors": set(),
    "shapes": set(),
    "units": set(),
    "text": set(),
    "worker": {"errors"},
    "secrets": {"errors"},
    "net": {"errors", "secrets", "shapes"},
    "platforms": GROUND | {"net", "secrets", "worker"},
    "diary": {"errors"},
    "schema": {"diary", "errors"},
}
ABOVE = {"widgets", "commands", "cli", "demo", "web", "lab", "datasette_plugin", "sqlite_utils_plugin"}  # the edges: nothing below imports them

OBSERVED = (
    "platforms platform_tracks platform_releases platform_playlists platform_playlist_items media_files collection_items collection_values "
    "observation_changes sync_checkpoints quarantine platform_images"
).split()
ALSO = {  # what is written elsewhere, and why
    ("collection/publishers.py", "platforms"),  # a platform by hand, which nothing imports: YouTube, SoundCloud
    ("schema.py", "platforms"),  # the rows of platforms are part of the schema
    ("images/artwork.py", "platform_images"),  # a picture that was only named has come
    ("links/matchfile.py", "quarantine"),  # a line of decisions that nobody can read
    ("reconciling/downloads.py", "media_files"),  # that a file was asked for
    ("targets/_tree.py", "platforms"),  # a folder of lists is a place like a platform
    ("targets/rekordbox.py", "sync_checkpoints"),  # which list of its database is which
    ("truth/upstream.py", "observation_changes"),  # a person has seen this change
    ("truth/upstream.py", "platform_tracks"),  # a person wants this one fetched again
}
WRITES = re.compile(rf"(?:insert (?:or \w+ )?into|update|delete from) ({'|'.join(OBSERVED)})\b", re.IGNORECASE)


@cache
def imports() -> dict[str, set[str]]:
    """module -> the modules of musicdb that it imports at its top, not for type checking only."""
    paths = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path for path in ROOT.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, path in paths.items():
        package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
        package = [] if name == "__init__" else package
        out = found.setdefault(name, set())
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.ImportFrom):
                continue
            module = (node.module or "").split(".") if node.module else []
            if node.level:
                module = package[: len(package) - node.level + 1] + module
            elif module[:1] == ["musicdb"]:
                module = module[1:]
            else:
                continue
            for alias in node.names:
                whole = ".".join([*module, alias.name])
                out.add(whole if whole in paths else ".".join(module))
        out.discard("")
        out.discard(name)
    return found


def first(name: str) -> str:
    return name.partition(".")[0]


def test_no_module_needs_one_that_needs_it():
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package):
    seen = {(name, other) for name, others in imports().items() if first(name) == package for other in others}
    wrong = {(name, other) for name, other in seen if first(other) not in MAY_IMPORT[package] | {package}}
    assert not wrong


def test_nothing_below_imports_the_edges():
    wrong = {(name, other) for name, others in imports().items() for other in others if first(other) in ABOVE and first(name) not in ABOVE}
    assert not wrong


def test_only_load_writes_what_platforms_said():
    writers = {
        (path.relative_to(ROOT).as_posix(), table)
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] != "load"
        for table in WRITES.findall(path.read_text("utf-8"))
    }
    assert {(path, table) for path, table in writers if path != "exports/library.py"} == ALSO  # that one writes into a copy


def test_no_file_is_a_long_read():
    long = {path.relative_to(ROOT).as_posix(): n for path in ROOT.rglob("*.py") if (n := path.read_text("utf-8").count("\n")) > LINES}
    assert long == {}
