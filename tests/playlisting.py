"""A library with playlists at a made-up service, read through the real loader; and a target in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from musicdb import load
from musicdb.errors import SourceError
from musicdb.links import link
from musicdb.load import Load
from musicdb.playlists import targets
from musicdb.playlists.targets import Backup, Listed, Step
from musicdb.shapes import Complete, Page
from musicdb.truth import resolve


class Service:
    """The loader's view of a platform: what it has now."""

    PLATFORM, KIND, ROWS_VERSION = "tidal", "streaming", 1

    def __init__(self, platform: str = "tidal"):
        self.PLATFORM = platform
        self.lists: dict[str, dict[str, Any]] = {}
        self.of: dict[str, dict[str, Any]] = {}  # track -> what it says more

    def put(self, name: str, tracks: Iterable[str], **more: Any) -> None:
        """A list as it is now: its id is its first name."""
        self.lists[name] = {"tracks": list(tracks), "name": name, **more}

    def rows(self, kind: str, p: dict) -> Iterable[dict]:
        if kind == "track":
            yield {"row": "track", "external_id": p["id"], "title": p["title"], "artists": ["Band"], "duration_ms": 200_000, "isrc": p.get("isrc"), "said": {}}
        elif kind == "list":
            yield {"row": "playlist", "external_id": p["id"], "name": p["name"], "kind": p.get("kind", "playlist"), "parent_external_id": p.get("parent"), "owner": p.get("owner"),
                   "description": p.get("description")}  # fmt: skip
        else:
            yield {"row": "playlist_item", "playlist_external_id": p["list"], "position": p["position"], "track_external_id": p["track"]}

    def read(self, db, account: str = "") -> Any:
        """One import."""
        run = Load(db, self, None, account, load.user(db, None))
        return run.run(self.pages(), None)

    def pages(self) -> Iterable[Any]:
        ids = sorted({one for each in self.lists.values() for one in each["tracks"]})
        yield Page("track", [{"id": one, "title": f"Song {one.rstrip('*')}", **self.of.get(one, {})} for one in ids])
        yield Page("list", [{"id": id, **{k: v for k, v in one.items() if k != "tracks"}} for id, one in self.lists.items()])
        for id, one in self.lists.items():
            yield Page("item", [{"list": id, "position": n, "track": track} for n, track in enumerate(one["tracks"])])
            yield Complete("playlist_item", within=id, total=len(one["tracks"]))
        yield Complete("playlist")


def service(db, lists: Mapping[str, Sequence[str]], platform: str = "tidal", *, linked: bool = True) -> Service:
    """A service with these lists, imported and linked."""
    made = Service(platform)
    for name, tracks in lists.items():
        made.put(name, tracks)
    made.read(db)
    if linked:
        link(db)
        resolve(db)
    return made


class Memory:
    """A target that writes a dict; it counts what it was asked, and fails or is cut off where a test wants it."""

    def __init__(self, name: str = "tidal", lists: Mapping[str, Sequence[str]] | None = None, *, atomic: bool = False, platform: str | None = None, backups: bool = True):
        self.name, self.platform, self.place, self.atomic, self.backups = name, platform or name, "", atomic, backups
        self.state = {id: Listed(id, id, items=tuple(items)) for id, items in (lists or {}).items()}
        self.pending = dict(self.state)
        self.steps: list[Step] = []
        self.fails: set[str] = set()
        self.kill_at: int | None = None
        self.spoils = False
        self.restored = self.observed = 0

    def read(self):
        return dict(self.state)

    def backup(self):
        return Backup({"lists": {id: [one.name, list(one.items)] for id, one in self.state.items()}})

    def apply(self, step):
        if self.kill_at is not None and len(self.steps) == self.kill_at:
            raise KeyboardInterrupt
        if step.key in self.fails or step.name in self.fails:
            raise SourceError(f"{step.key or step.name} is refused")
        self.steps.append(step)
        made = {}
        if step.action in ("create", "folder"):
            id = f"made{len(self.pending)}"
            self.pending[id] = Listed(id, step.name, items=step.after, parent=step.parent, kind="folder" if step.action == "folder" else "playlist")
            made = {"id": id}
        elif step.action == "delete":
            del self.pending[step.list_id]
        elif step.action in ("rename", "describe", "place"):
            change = {"rename": {"name": step.name}, "describe": {"description": step.description}, "place": {"parent": step.parent}}[step.action]
            self.pending[step.list_id] = replace(self.pending[step.list_id], **change)
        elif step.action == "fill":
            assert self.pending[step.list_id].items == step.before == step.after[: len(step.before)]
            self.pending[step.list_id] = replace(self.pending[step.list_id], items=step.after)
        else:
            items = list(self.pending[step.list_id].items)
            assert tuple(items) == step.before, "a step says another list than there is"
            if step.at is not None:
                assert items.pop(step.at) == step.key
            if step.to is not None:
                items.insert(step.to, step.key)
            assert tuple(items) == step.after
            self.pending[step.list_id] = replace(self.pending[step.list_id], items=tuple(items))
        if not self.atomic:
            self.state = dict(self.pending)
        return made

    def commit(self):
        if self.spoils:
            self.pending = {id: replace(one, items=one.items[:-1]) for id, one in self.pending.items()}
        self.state = dict(self.pending)

    def verify(self, expected):
        return [f"{id} is not as expected" for id, items in expected.items() if list(self.state[id].items) != list(items)]

    def observe(self):
        self.observed += 1

    def restore(self, backup):
        if not self.backups:
            raise targets.CannotRestore("no backup is kept")
        self.restored += 1
        self.state = {id: Listed(id, name, items=tuple(items)) for id, (name, items) in backup["lists"].items()}
        self.pending = dict(self.state)

    def close(self):
        self.pending = dict(self.state)
