"""Who a file is: the one that was known at its path, a known one that was moved there, or a new one. Its sound decides, then its words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import xxhash

from .. import text
from ._files_tags import said_of


class Identities:
    """The identities of one scan. `of` answers at once where the answer cannot depend on files that were not read yet."""

    def __init__(self, walk: Any, known: Any, before: dict[str, tuple], roots: Sequence[str], is_gone: Callable[[str], bool]):
        self.known, self.is_gone = known, is_gone
        self.there = {*walk.seen}
        self.unread = {file.external_id for file in walk.todo if file.external_id}  # their paths are there; is it still them?
        self.walked = tuple(root.rstrip("/\\") + os.sep for root in roots if root not in walk.incomplete)
        self.taken = {row[0] for row in before.values()}
        self.hashes = {row[0]: row[5] for row in before.values()}
        self.by_hash: dict[str, list[tuple[str, str]]] = {}
        for path, row in before.items():
            if row[5] and row[0] not in self.there:
                self.by_hash.setdefault(row[5], []).append((path, row[0]))

    def of(self, file: Any, found: dict[str, Any], full_hash: Callable[[], str | None]) -> str | None:
        """The external id of a file that was read; None where that depends on others: see `settle`."""
        own, sound = file.external_id, found["window_hash"]
        if own and (not sound or self.hashes[own] in (None, sound)):
            return self._is(own)  # at its place with the same sound, whatever the tags say
        if own or any(key in self.unread for _, key in self.by_hash.get(sound, ())):
            return None
        return self._moved(file, found, full_hash) or self._new(file)

    def keep(self, file: Any) -> None:
        """A known file that cannot be read: it is there."""
        if file.external_id:
            self._is(file.external_id)

    def settle(self, later: Sequence[tuple[Any, dict[str, Any], Callable[[], str | None]]]) -> list[str]:
        """External ids of the files that `of` put off, once all the others were read: files that changed places, or took another's."""
        ids = [self._moved(*one) for one in later]
        for place, (file, found, _) in enumerate(later):
            if not ids[place]:
                own = file.external_id
                ids[place] = self._is(own) if own and own not in self.there and self._same_song(own, found | {"path": file.path}) else self._new(file)
        return ids

    def _is(self, key: str) -> str:
        self.there.add(key)
        self.taken.add(key)
        self.unread.discard(key)
        return key

    def _moved(self, file: Any, found: dict[str, Any], full_hash: Callable[[], str | None]) -> str | None:
        """The known file with this sound whose path holds it no more. Copies of one recording are told apart by all of their audio, then by path."""
        candidates = [
            (path, key)
            for path, key in self.by_hash.get(found["window_hash"], ())
            if key not in self.there and (key in self.unread or self._gone(path))
        ]
        if len(candidates) > 1:
            candidates = self._sure(candidates, found, full_hash)
        return self._is(max(candidates, key=lambda candidate: _alike(candidate[0], file.path))[1]) if candidates else None

    def _sure(self, candidates: list, found: dict[str, Any], full_hash: Callable[[], str | None]) -> list:
        """Those whose whole audio, where it is known, is this file's."""
        hashes = {key: self.known.audio_hash(key) for _, key in candidates}
        if not any(hashes.values()):
            return candidates
        if "audio_hash" not in found:
            answer = full_hash()
            if answer is None:
                return candidates
            found["audio_hash"] = answer
        same = [candidate for candidate in candidates if hashes[candidate[1]] == found["audio_hash"]]
        return same or [candidate for candidate in candidates if hashes[candidate[1]] is None]

    def _new(self, file: Any) -> str:
        first = key = xxhash.xxh3_64_hexdigest(os.fsencode(file.native))
        number = 1
        while key in self.taken:
            number += 1
            key = f"{first}-{number}"
        return self._is(key)

    def _same_song(self, key: str, found: dict[str, Any]) -> bool:
        """Whether other audio at a known path is the same piece (a better rip, an edit), as far as the tags tell; else it was replaced."""
        old, new = self.known.said(key), said_of(found)
        if not old.get("title") or not new.get("title"):
            return True
        codes = [(said.get("isrc"), said.get("ids", {}).get("mb_recording")) for said in (old, new)]
        return _key(old) == _key(new) or any(a and a == b for a, b in zip(*codes))

    def _gone(self, path: str) -> bool:
        """Whether a known path holds nothing any more. A folder that cannot be looked into says nothing."""
        if path.startswith(self.walked) or "\0" in path:  # looked at, and not met; or given up to another file
            return True
        return self.is_gone(path)


def _key(said: dict[str, Any]) -> str:
    return text.match_key(text.full_title(said.get("title"), said.get("version")), said.get("artists") or [])


def _alike(old: str, new: str) -> tuple[int, int, str]:
    """How many parts two paths share at the end, then at the start."""
    a, b = re.split(r"[/\\]", old), re.split(r"[/\\]", new)
    shared = (len([*takewhile(lambda pair: pair[0] == pair[1], zip(x, y))]) for x, y in ((a[::-1], b[::-1]), (a, b)))
    return *shared, old
