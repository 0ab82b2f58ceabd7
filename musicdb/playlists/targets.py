"""Where playlists can be written: what a target must do, and how it is found.

A target is `musicdb/targets/<name>.py` with `open(db, place="", **options) -> Target`. It knows only its own ids; which track and which
playlist an id is, is the business of `planning` and of `playlist_links`. It is never asked to erase and rebuild a list.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ..errors import BadInput, SourceError


@dataclass(frozen=True, slots=True)
class Listed:
    """One playlist or folder as it is: items are ids of tracks at the target, in order, repeats included."""

    id: str
    name: str
    kind: str = "playlist"  # playlist, folder, smart, liked
    description: str | None = None
    parent: str | None = None  # id of its folder
    items: tuple[str, ...] = ()
    version: str | None = None  # etag, snapshot id: what a write is made against
    writable: bool = True  # False: another's list, a smart list


FLAT = frozenset({"spotify"})  # services whose folders no program can write: where a list lies is no matter of theirs
State = Mapping[str, Listed]  # id -> list


@dataclass(frozen=True, slots=True)
class Step:
    """One write. Places count from 0 and hold at the moment of the step: `before` is the list then, `after` the list when it is done.

    action: folder, create (name, description, parent, items: after), rename (name), describe (description), place (parent), add (key, to),
    remove (key, at), move (key, at, to), fill (the list holds `before`, the first of `after`; only where a target is not atomic), delete, like (key), unlike (key), tag (key, tag), untag (key, tag), rate (key, value), cues (key, value).
    A step says what changes only.
    """

    action: str
    list_id: str | None = None
    key: str | None = None
    at: int | None = None
    to: int | None = None
    name: str | None = None
    description: str | None = None
    parent: str | None = None
    tag: str | None = None  # "Group: name"
    value: Mapping[str, Any] | None = None  # {"rating": stars or null}, {"cues": [...]}
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    operation: int | None = None  # row of plan_operations


@dataclass(slots=True)
class Backup:
    """What `restore` needs; `details` is stored with the plan as JSON."""

    details: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Target(Protocol):
    """A place that playlists are written to, opened for one plan.

    platform: whose ids its tracks have (tidal, spotify, rekordbox; local for files). name, place: what plans and links call it.
    atomic: steps count only after `commit` (a database file); else each step counts when it was applied (a web service).
    """

    name: str
    platform: str
    place: str
    atomic: bool

    def read(self) -> State:
        """All lists as they are now. Raises SourceError where it cannot be read: nothing is concluded from that."""

    def backup(self) -> Backup:
        """A verified copy of what a write may change. Raises SourceError where it may not be written now (it is running, locked)."""

    def apply(self, step: Step) -> dict[str, Any]:
        """Carry out one step; {"id": ...} for a list that was made, {"version": ...} where it changed. Raises SourceError or BadInput: this
        step failed, the others of the list are skipped. A step that is done already (a run was cut off) changes nothing."""

    def commit(self) -> None:
        """Make all steps count at once (atomic), or nothing to do."""

    def verify(self, expected: Mapping[str, Sequence[str]]) -> list[str]:
        """Read again and compare: sentences about lists (id -> items) that are not as expected; none where all is well."""

    def observe(self) -> None:
        """Import what is there now (`load.run` of its platform), so that the observed tables agree; nothing where it has no importer."""

    def restore(self, backup: Mapping[str, Any]) -> None:
        """Put the backup (its `details`) back. A target without one raises BadInput, and inverse steps are applied instead."""

    def close(self) -> None:
        """Let go of files and connections; steps that were not committed are dropped."""


class CannotRestore(SourceError):
    """A target that keeps no backup: inverse steps take its writes back."""


def names() -> list[str]:
    """Targets there are, by name, without importing them."""
    try:
        package = importlib.import_module("musicdb.targets")
    except ModuleNotFoundError:
        return []
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


_made: dict[str, Any] = {}


def register(name: str, opener: Any) -> None:
    """Add a target of one's own: opener(db, place="", **options) -> Target."""
    _made[name] = opener


def find(db: Any, name: str, place: str = "", **options: Any) -> Target:
    """Open a target. Raises BadInput naming those there are."""
    if name in _made:
        return _made[name](db, place, **options)
    if name not in names():
        raise BadInput(f"there is no target {name!r}; there are {', '.join([*names(), *_made]) or 'none yet'}")
    return importlib.import_module(f"musicdb.targets.{name}").open(db, place, **options)
