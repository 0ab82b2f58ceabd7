"""Genres: what platforms' words mean, and what is a kind of what. Both are rows that a person may change; each change is one operation for undo.

`tree` and `unmapped` show what is there; `add_rule`, `remove_rule` and `move` change it and bring the tracks up to date that say such a word
(all, which takes as long as a first resolve, where it meant no genre until now). progress: called with (done, total, what).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import text, units
from .db import Rows
from .errors import BadInput
from .truth import genre_words, wording
from .truth.resolving import Progress

if TYPE_CHECKING:
    from .db import Database

LONGEST = 200  # characters of a name
TREE = """
select id, name, parent_id, depth, path, tracks, tracks_below
from genre_tree
where (:all or tracks_below > 0) and (:below is null or path = :below or substr(path, 1, length(:below) + 3) = :below || ' > ')
order by path
"""
UNMAPPED = "select id, name, tracks, platforms from unmapped_genres order by tracks desc, name"
RULES = "select said, genre from genre_rules where (:genre is null or genre = :genre) order by genre collate nocase, said collate nocase"


@dataclass(frozen=True)
class Changed:
    """What a change did. operation: its number for `undo`, None where it was so already; tracks: how many have other genres now."""

    operation: int | None
    tracks: int = 0


def tree(db: Database, below: str | None = None, *, unused: bool = False) -> Rows:
    """The genres of the library with their place: id, name, parent_id, depth, path, tracks, tracks_below (with all that is a kind of it).

    below: only a genre and its kinds. unused: those of no track too. Raises BadInput for an unknown genre.
    """
    path = db.value("select path from genre_tree where name = ?", [_known(db, below)]) if below is not None else None
    if below is not None and path is None:
        return Rows([], "id name parent_id depth path tracks tracks_below".split(), db)
    return db.q(TREE, {"below": path, "all": unused})


def unmapped(db: Database) -> Rows:
    """Genres in use without a place in the tree and a rule, most used first: id, name, tracks, platforms."""
    return db.q(UNMAPPED)


def rules(db: Database, genre: str | None = None) -> Rows:
    """What words mean: said, genre ('' = no genre at all). genre: only words for this one."""
    return db.q(RULES, {"genre": genre})


def means(db: Database, word: str) -> list[str]:
    """The genres that a platform's word means: [] where it means none, the word itself where nobody explained it."""
    return genre_words.words(db)(word)


def add_rule(db: Database, said: str, genre: str, *, by: str | None = None, progress: Progress | None = None) -> Changed:
    """From now on a word means this genre ('' = none at all); a word may mean several. Case, accents and dashes do not matter.

    The genre need not be known. Raises BadInput for a word that cannot be.
    """
    said, genre = _name(said), _name(genre) if genre.strip() else ""
    genre = _spelled(db, genre) if genre else ""
    same = [(word, means) for word, means in db.execute("select said, genre from genre_rules") if text.norm(word) == text.norm(said)]
    if any(means == genre for _, means in same):
        return Changed(None)
    with db.operation("genre rule", actor=by or "me", reason=f"{said} means {genre or 'no genre'}") as op:
        before = genre_words.said(db)
        if not genre:  # none at all, and no other
            db.executemany("delete from genre_rules where said = ? and genre = ?", same)
        else:
            db.executemany("delete from genre_rules where said = ? and genre = ''", [(word,) for word, means in same if means == ""])
        db.execute("insert into genre_rules (said, genre) values (?, ?)", [said, genre])
        return Changed(op.id, wording.follow(db, before, progress))


def remove_rule(db: Database, said: str, genre: str | None = None, *, by: str | None = None, progress: Progress | None = None) -> Changed:
    """A word does not mean this genre any more (without a genre: none of those that it means). Raises BadInput where there is no such rule."""
    same = [(word, means) for word, means in db.execute("select said, genre from genre_rules") if text.norm(word) == text.norm(said)]
    gone = [pair for pair in same if genre is None or text.norm(pair[1]) == text.norm(genre)]
    if not gone:
        raise BadInput(f"no rule says what {said!r} means" + (f" as {genre!r}" if genre and same else "") + "; see musicdb genres rules")
    with db.operation("genre rule", actor=by or "me", reason=f"{said} means {', '.join(means or 'no genre' for _, means in gone)} no more") as op:
        before = genre_words.said(db)
        db.executemany("delete from genre_rules where said = ? and genre = ?", gone)
        return Changed(op.id, wording.follow(db, before, progress))


def move(db: Database, genre: str, parent: str | None, *, by: str | None = None, progress: Progress | None = None) -> Changed:
    """Put a genre below a wider one, or at the top (None). Its kinds go with it. Raises BadInput for an unknown genre, and for a circle."""
    genre = _known(db, genre)
    parent = _known(db, parent) if parent is not None else None
    words = genre_words.words(db)
    if parent is not None and genre in (parent, *words.wider(parent)):
        raise BadInput(f"{parent} is {'the same genre' if parent == genre else f'a kind of {genre}'}: it cannot be above it")
    if genre in words.parent and words.parent[genre] == parent:
        return Changed(None)
    with db.operation("genre tree", actor=by or "me", reason=f"{genre} is {f'a kind of {parent}' if parent else 'at the top'}") as op:
        before = genre_words.said(db)
        if parent is not None:  # what is above must be in the tree itself
            db.execute("insert into genre_parents (genre, parent) values (?, null) on conflict do nothing", [parent])
        db.execute("insert into genre_parents (genre, parent) values (?, ?) on conflict (genre) do update set parent = excluded.parent", [genre, parent])
        return Changed(op.id, wording.follow(db, before, progress))


def _name(name: str) -> str:
    """A word as it is stored. Raises BadInput."""
    found = " ".join(name.split()) if isinstance(name, str) else ""
    if not text.norm(found) or len(found) > LONGEST or not units.is_storable(found):
        raise BadInput(f"{name!r} is no word for a genre: it is text of 1 to {LONGEST} characters, not all of it blanks")
    return found


def _all(db: Database) -> dict[str, str]:
    """Normalised name -> name as written, of every genre in the tree or in use."""
    found = {text.norm(name): name for (name,) in db.execute("select name from genres where merged_into_id is null and deleted_at is null order by id desc")}
    return found | {text.norm(name): name for (name,) in db.execute("select genre from genre_parents")}


def _spelled(db: Database, genre: str) -> str:
    """A genre as it is written here, if it is known; else as given."""
    return _all(db).get(text.norm(genre), genre)


def _known(db: Database, genre: str) -> str:
    """Raises BadInput for an unknown genre, with near names."""
    known = _all(db)
    if (found := known.get(text.norm(_name(genre)))) is not None:
        return found
    from rapidfuzz import fuzz, process

    near = [name for name, _, _ in process.extract(genre, list(known.values()), scorer=fuzz.ratio, limit=3, score_cutoff=60)]
    raise BadInput(f"there is no genre {genre!r}" + (f"; did you mean {', '.join(near)}?" if near else "; musicdb genres tree shows those there are"))
