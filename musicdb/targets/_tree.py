"""What targets have in common that keep lists and folders by ids of their own (M3U lists, folders of copies, Rekordbox XML): steps change them
in memory, `write` puts what differs where it belongs, all of it old or new. Lists of others are read and never written.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import xxhash

from ..errors import BadInput
from ..playlists.targets import Backup, CannotRestore, Listed, State, Step

MADE = "select p.created_at from plan_operations as o join plans as p on p.id = o.plan_id where o.id = ?"


@dataclass
class Kept:
    """A list or folder as it is, or shall be. id: ours, never its name; parent: id of the folder it lies in; where: its place now."""

    id: str
    name: str
    kind: str = "playlist"
    parent: str | None = None
    items: list[str] = field(default_factory=list)
    ours: bool = True
    where: Any = None


class Tree:
    """A target, see `playlists.targets.Target`. What is there is told by `load`; `write` makes it what `self.lists` says."""

    name = platform = title = ""
    atomic = True
    what = ""  # how it is called in sentences

    def __init__(self, db: Any, place: str):
        self.db, self.place = db, place
        if not db.value("select 1 from platforms where name = ?", [self.name]):  # links to its lists name it
            with db.operation("setup", mode="batch"):
                db.execute("insert into platforms (name, title, kind) values (?, ?, 'files')", [self.name, self.title or self.name.title()])
        self._forget()

    def _forget(self) -> None:
        self.lists: dict[str, Kept] | None = None
        self.was: dict[str, Kept] = {}

    # ---- of each kind
    def load(self) -> dict[str, Kept]:
        """Lists and folders by id. Raises SourceError where it cannot be read: nothing is concluded from that."""
        raise NotImplementedError

    def write(self) -> None:
        """Make it what `self.lists` says; `self.was` says what it is. All or nothing. Raises SourceError."""
        raise NotImplementedError

    def known(self, keys: Sequence[str]) -> Any:
        """Raises NotLinked for a track that cannot be put into a list here."""
        raise NotImplementedError

    # ---- the protocol
    def opened(self) -> dict[str, Kept]:
        if self.lists is None:
            self.lists = self.load()
            self.was = {id: replace(one, items=list(one.items)) for id, one in self.lists.items()}
        return self.lists

    def read(self) -> State:
        self._forget()
        return {one.id: Listed(one.id, one.name, one.kind, None, one.parent, tuple(one.items), writable=one.ours) for one in self.opened().values()}

    def backup(self) -> Backup:
        return Backup({"lists": {one.id: [one.name, one.kind, one.parent, one.items] for one in self.opened().values() if one.ours}})

    def apply(self, step: Step) -> dict[str, Any]:
        lists = self.opened()
        if step.parent is not None and (step.parent not in lists or lists[step.parent].kind != "folder"):
            raise BadInput(f"{self.what} has no folder {step.parent!r} any more; make a new plan")
        if step.action in ("folder", "create"):
            if not (step.name or "").strip():
                raise BadInput("a playlist needs a name")
            one = Kept(self._new_id(step), str(step.name), "folder" if step.action == "folder" else "playlist", step.parent, list(step.after))
            if one.id not in lists:  # else a run that was cut off has made it
                self.known(one.items)
                lists[one.id] = one
            return {"id": one.id}
        found = lists.get(step.list_id or "")
        if found is None:
            if step.action == "delete":
                return {}
            raise BadInput(f"{self.what} has no list {step.list_id!r} any more; make a new plan")
        if not found.ours:
            raise BadInput(f"{self.what}: {found.name!r} is another's: it is not written")
        self._change(lists, found, step)
        return {}

    def _new_id(self, step: Step) -> str:
        """The same for the same step, so that a run that was cut off knows its lists; another one in another database."""
        if not step.operation:
            return f"musicdb-{secrets.token_hex(8)}"
        made = f"{self.db.value(MADE, [step.operation])}/{step.operation}"
        return f"musicdb-{xxhash.xxh3_64_hexdigest(made.encode())}"

    def _change(self, lists: dict[str, Kept], one: Kept, step: Step) -> None:
        match step.action:
            case "rename":
                one.name = step.name or one.name
            case "describe":
                pass  # these have no description
            case "place":
                if one.id in above(lists, step.parent):
                    raise BadInput(f"folder {one.name!r} cannot lie in itself")
                one.parent = step.parent
            case "add" | "remove" | "move":
                if one.items == list(step.after):
                    return
                if one.items != list(step.before):
                    raise BadInput(f"{one.name!r} has changed since; make a new plan")
                self.known([step.key or ""] if step.action == "add" else [])
                one.items = list(step.after)
            case "delete":
                if held := [other.name for other in lists.values() if other.parent == one.id]:
                    raise BadInput(f"folder {one.name!r} still holds {', '.join(map(repr, held[:5]))}: it is not deleted")
                del lists[one.id]
            case _:
                raise BadInput(f"{self.name} knows no {step.action!r}")

    def changed(self) -> bool:
        """Whether there is something to write."""
        return {id: _said(one) for id, one in self.opened().items()} != {id: _said(one) for id, one in self.was.items()}

    def commit(self) -> None:
        try:
            if self.changed():
                self.write()
        finally:
            self._forget()

    def verify(self, expected: Mapping[str, Sequence[str]]) -> list[str]:
        now = self.read()
        return [f"{self.what}: list {id!r} is not as it was to be" for id, items in expected.items() if id not in now or list(now[id].items) != list(items)]

    def observe(self) -> None:
        """Nothing: these lists are read when they are planned for."""

    def restore(self, backup: Mapping[str, Any]) -> None:
        if not backup:
            raise CannotRestore("there is no backup of this write")
        self._forget()
        lists = self.opened()
        for id in [one.id for one in lists.values() if one.ours and one.id not in backup["lists"]]:
            del lists[id]
        for id, (name, kind, parent, items) in backup["lists"].items():
            one = lists.setdefault(id, Kept(id, name))
            one.name, one.kind, one.parent, one.items = name, kind, parent, list(items)
        self.commit()

    def close(self) -> None:
        self._forget()


def _said(one: Kept) -> tuple:
    return one.name, one.kind, one.parent, tuple(one.items)


def above(lists: Mapping[str, Kept], id: str | None) -> list[str]:
    """The folder `id` and those it lies in, innermost first."""
    found: list[str] = []
    while id is not None and id in lists and id not in found:
        found.append(id)
        id = lists[id].parent
    return found


def from_the_top(lists: Mapping[str, Kept]) -> Iterable[Kept]:
    """Folders before what they hold, else in their order."""
    return sorted(lists.values(), key=lambda one: len(above(lists, one.parent)))
