"""What words for a genre mean, and what is a kind of what: rows of genre_rules and genre_parents, read as two cells once a run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from .. import text

if TYPE_CHECKING:
    from ..db import Database
    from .entities import Entities

# Only what differs is written; the names of the tree are those of genre_parents.
WANTED = """
select g.id, p.id as parent
from genres as g
left join genre_parents as k on k.genre = g.name
left join genres as p on p.name = k.parent and p.deleted_at is null and p.merged_into_id is null
where g.parent_id is not p.id
"""


SAID = """
select (select json_group_array(json_array(genre, parent)) from genre_parents), (select json_group_array(json_array(said, genre)) from genre_rules)
"""


def said(db: Database) -> tuple[str, str]:
    """The tree and the rules as JSON lists of pairs: all that the words depend on."""
    return db.execute(SAID).fetchone()


def words(db: Database) -> Words:
    """The words as they are now."""
    return of(*said(db))


@lru_cache(maxsize=2)
def of(parents: str, rules: str) -> Words:
    """The words that `said` gave."""
    return Words(msgspec.json.decode(parents), msgspec.json.decode(rules))


class Words:
    """words("House, Tech") -> ["Tech House"]; words("Other") -> []; a word that nobody explained is a genre of its own."""

    def __init__(self, parents: list[tuple[str, str | None]], rules: list[tuple[str, str]]):
        self.parent = dict(parents)
        self.means: dict[str, list[str]] = {text.norm(name): [name] for name in self.parent}
        said: dict[str, list[str]] = {}
        for word, genre in rules:
            said.setdefault(text.norm(word), []).extend([genre] if genre else [])
        self.means |= said

    def __call__(self, word: str) -> list[str]:
        return self.means.get(text.norm(word), [word])

    def wider(self, genre: str) -> list[str]:
        """The genres above one, nearest first."""
        found: list[str] = []
        above = self.parent.get(genre)
        while above and above not in found:
            found.append(above)
            above = self.parent.get(above)
        return found


def known(words: Words, genres: Entities, said: str, own: bool) -> list[int]:
    """Ids of the genres that a word means, all wider ones known as well. own: a person's own word, which is taken as it stands."""
    found = []
    for name in [said] if own else words(said):
        if (id := genres.get(name)) is not None:
            found.append(id)
            for above in words.wider(genres.name[id]):
                genres.get(above)
    return found


def is_other_tree(db: Database) -> bool:
    """Whether genres.parent_id is not what genre_parents says."""
    return db.value(f"select exists ({WANTED})") == 1


def tree(db: Database) -> int:
    """Bring genres.parent_id up to date; returns how many changed."""
    rows = [(parent, id) for id, parent in db.execute(WANTED).fetchall()]
    db.executemany("update genres set parent_id = ? where id = ?", rows)
    return len(rows)
