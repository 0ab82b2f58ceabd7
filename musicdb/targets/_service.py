"""What writing to a streaming service has in common: single add, remove and move calls against the state that was read, never a rebuilt list.

Places in a list count what is no music (videos, episodes) too: `at` and `to` of a step, which do not, are turned into the service's own.
Nothing was tried on the real services; what they do is known from their clients and documentation, and played back by `demo.replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import net
from ..errors import BadInput, RateLimited, Transient
from ..platforms._account import Nothing
from ..playlists.targets import Backup, CannotRestore, Listed, State, Step
from ..shapes import Complete, Page

LONGEST_WAIT_S = 60.0
AT_ONCE = 50  # tracks that a call adds


class Service:
    """A target, see `playlists.targets.Target`. `module` is the platform's importer, whose reading is used."""

    name = platform = ""
    atomic = False
    module: Any = None

    def __init__(self, db: Any, place: str, api: Any, reading: Callable[[Any], Any]):
        self.db, self.place, self.api, self.reading = db, place, api, reading
        self.raw: dict[str, list[str | None]] = {}  # list -> all its places; None: no music
        self.heads: dict[str, dict[str, Any]] = {}  # list -> its PlaylistRow

    # ---- of each service
    def is_mine(self, row: Mapping[str, Any]) -> bool:
        """Whether a list may be written by this login."""
        raise NotImplementedError

    def add(self, list_id: str, keys: Sequence[str], place: int) -> None:
        """Put up to AT_ONCE tracks to a place, in one call."""
        raise NotImplementedError

    def remove(self, list_id: str, key: str, place: int) -> None:
        raise NotImplementedError

    def move(self, list_id: str, place: int, to: int) -> None:
        """Take the item at `place` out and put it to `to`, counted without it."""
        raise NotImplementedError

    def make(self, step: Step) -> str:
        raise NotImplementedError

    def head(self, step: Step) -> None:
        """rename, describe, place, delete, like, unlike."""
        raise NotImplementedError

    # ---- the protocol
    def read(self) -> State:
        self.raw, self.heads, total = {}, {}, {}
        places: dict[str, dict[int, str | None]] = {}
        for item in self.reading(Nothing()):
            if isinstance(item, Complete) and item.of == "playlist_item":
                total[item.within] = item.total
            for payload in item.payloads if isinstance(item, Page) else ():
                for row in self.module.rows(item.kind, payload):
                    if row["row"] == "playlist":
                        self.heads[row["external_id"]] = row
                    elif row["row"] == "playlist_item":
                        places.setdefault(row["playlist_external_id"], {})[row["position"]] = row.get("track_external_id")
        for key in self.heads:
            found = places.get(key, {})
            n = max([*(at + 1 for at in found), total.get(key) or 0])
            self.raw[key] = [found.get(at) for at in range(n)]
        return {
            key: Listed(
                key, row["name"], row.get("kind", "playlist"), row.get("description"), row.get("parent_external_id"), self._music(key),
                row.get("remote_version"), row.get("kind", "playlist") in ("liked", "folder") or (key in total and self.is_mine(row)),
            )
            for key, row in self.heads.items()
        }  # fmt: skip

    def _music(self, list_id: str) -> tuple[str, ...]:
        return tuple(key for key in self.raw[list_id] if key is not None)

    def _place(self, list_id: str, at: int) -> int:
        """The service's place of the at-th piece of music; behind the last one for a place past the end."""
        where = [n for n, key in enumerate(self.raw[list_id]) if key is not None]
        return where[at] if at < len(where) else len(self.raw[list_id])

    def backup(self) -> Backup:
        if not self.heads:
            self.read()
        return Backup({"lists": {key: list(self._music(key)) for key in self.heads}})

    def apply(self, step: Step) -> dict[str, Any]:
        if not self.heads:
            self.read()
        if step.action in ("create", "folder"):
            return {"id": self._made(step)}
        id = step.list_id or ""
        if step.action not in ("add", "remove", "move", "fill"):
            if step.action == "delete" and id not in self.heads:
                return {}  # an earlier run did it
            self.head(step)
            return {}
        if id not in self.raw:
            raise BadInput(f"{self.name} has no list {id!r} any more; make a new plan")
        if step.action == "fill":
            return self._fill(id, step.after)
        now = self._music(id)
        if now == tuple(step.after):
            return {}
        if step.before and now != tuple(step.before):
            raise BadInput(f"{self.name}'s {self.heads[id]['name']!r} has changed since; make a new plan")
        raw = self.raw[id]
        if step.action == "add":
            to = self._place(id, len(now) if step.to is None else step.to)
            self.add(id, [step.key or ""], to)
            raw.insert(to, step.key)
            return {}
        at = self._place(id, step.at or 0)
        if at >= len(raw) or raw[at] != step.key:
            raise BadInput(f"place {step.at} of {self.heads[id]['name']!r} does not hold {step.key}; make a new plan")
        if step.action == "remove":
            self.remove(id, step.key or "", at)
            raw.pop(at)
            return {}
        raw.pop(at)
        to = self._place(id, step.to or 0)
        raw.insert(at, step.key)
        self.move(id, at, to)
        raw.insert(to, raw.pop(at))
        return {}

    def _made(self, step: Step) -> str:
        if not (step.name or "").strip():
            raise BadInput("a playlist needs a name")
        id = self.make(step)
        self.heads[id], self.raw[id] = {"name": step.name, "kind": "folder" if step.action == "folder" else "playlist"}, []
        if step.action == "create":
            self._fill(id, step.after)
        return id

    def _fill(self, list_id: str, wanted: Sequence[str]) -> dict[str, Any]:
        """Put the rest of its tracks into a list that holds the first ones: many a call, so that a cut leaves the first of them."""
        now = self._music(list_id)
        if now != tuple(wanted[: len(now)]) or len(now) != len(self.raw[list_id]):
            raise BadInput(f"{self.name}'s {self.heads[list_id]['name']!r} has changed since; make a new plan")
        for at in range(len(now), len(wanted), AT_ONCE):
            self.add(list_id, wanted[at : at + AT_ONCE], at)
            self.raw[list_id] += wanted[at : at + AT_ONCE]
        return {}

    def commit(self) -> None:
        """Nothing: each step counted at once."""

    def verify(self, expected: Mapping[str, Sequence[str]]) -> list[str]:
        now = self.read()
        return [f"{self.name}'s list {now[id].name if id in now else id!r} is not as it was to be" for id, items in expected.items()
                if id not in now or list(now[id].items) != list(items)]  # fmt: skip

    def observe(self) -> None:
        from .. import load

        load.run(
            self.db,
            self.platform,
            None,
            account=self.place or None,
            token=self.api.login if not self.api.stored else None,
            endpoint=self.api.base or None,
        )

    def restore(self, backup: Mapping[str, Any]) -> None:
        raise CannotRestore(f"{self.name} keeps no backup: what was written is taken back step by step")

    def close(self) -> None:
        self.api.close()

    def once(self, call: Callable[[], Any]) -> Any:
        """Call; where the service asks to wait, wait and call once more: it has not done it. Anything unclear is raised, never tried twice."""
        try:
            return call()
        except RateLimited as error:
            if error.wait_s > LONGEST_WAIT_S:
                raise
            net.pause(error.wait_s)
            return call()

    def moved_on(self, list_id: str) -> Transient:
        return Transient(
            f"{self.name}'s {self.heads[list_id]['name']!r} was changed by another program meanwhile: nothing of this step was done; make a new plan"
        )
