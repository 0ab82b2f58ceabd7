"""Tags by the names of playlists: a rule is a row, an emoji or a word -> a tag; a list gives its tags to all its tracks.

What tracks have is the union of what all their lists give and what you gave them (view `track_mytags`): taking one list away takes away only
tags that no other list gives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from .. import tags
from ..errors import BadInput

if TYPE_CHECKING:
    from ..db import Database, Rows

TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")  # skin tones, and whether a sign is shown in colour
FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
TOKEN = re.compile(f"{FLAG}|[#*0-9]\u20e3|(?:[^\\w\\s]\u20e3?)(?:\u200d[^\\w\\s])*|\\w+(?:['’]\\w+)*")
RULES = """
select r.emoji, g.grp, g.name, r.tag_id,
  (select count(*) from playlist_tags as t where t.tag_id = r.tag_id and t.origin = 'name') as playlists
from tag_rules as r join tags as g on g.id = r.tag_id
order by g.grp collate nocase, g.name collate nocase, r.emoji
"""


def fold(sign: str) -> str:
    """An emoji without skin tone, or words in small letters with single spaces; pure. What a rule is stored and looked for as."""
    return " ".join(TONES.sub("", unicodedata.normalize("NFKC", sign)).casefold().split())


def tokens(name: str) -> list[str]:
    """The emojis and words of a name, folded; pure. A flag or a joined emoji (a family, a heart on fire) is one."""
    return [one for one in TOKEN.findall(fold(name)) if not one.isascii() or one[0].isalnum()]


def matching(name: str, rules: Iterable[str]) -> list[str]:
    """Those rules (folded) that stand in a name as whole emojis or words; pure."""
    have = tokens(name)
    text = f" {' '.join(have)} "
    return [rule for rule in rules if (wanted := tokens(rule)) and f" {' '.join(wanted)} " in text]


def rules(db: Database) -> Rows:
    """All rules: emoji (or word), grp, name, tag_id, playlists (how many names hold it)."""
    return db.q(RULES)


def add(db: Database, sign: str, tag: str, *, by: str | None = None) -> int:
    """Playlists with this emoji or word in their name give their tracks this tag ("Energy: high", made when new). Returns how many do."""
    key = fold(sign)
    if not tokens(key):
        raise BadInput(f"a rule needs an emoji or a word, not {sign!r}")
    with db.operation("rule", actor=by or "me", reason=f"{key} in a name gives {tag}"):
        db.execute("insert into tag_rules (emoji, tag_id) values (?, ?) on conflict do update set tag_id = excluded.tag_id", [key, tags.make(db, tag)])
        follow(db)
    return sum(bool(matching(row[0], [key])) for row in db.execute("select name from playlists where deleted_at is null"))


def drop(db: Database, sign: str, *, by: str | None = None) -> None:
    """Take a rule away, and the tags that only it gave."""
    key = fold(sign)
    with db.operation("rule", actor=by or "me", reason=f"{key} in a name gives nothing any more"):
        if not db.execute("delete from tag_rules where emoji = ?", [key]).rowcount:
            raise BadInput(f"there is no rule for {sign!r}; `musicdb playlists rules` lists them")
        follow(db)


def follow(db: Database, only: Iterable[int] | None = None) -> int:
    """Give each playlist the tags that its name says now; what you gave a list yourself stays. Returns how many rows changed."""
    known = {row.emoji: row.tag_id for row in rules(db)}
    which = "" if only is None else "and id in (select value from json_each(:ids))"
    ids = {"ids": None if only is None else msgspec.json.encode(list(only)).decode()}
    wanted = {(id, known[rule]) for id, name in db.execute(f"select id, name from playlists where deleted_at is null {which}", ids) for rule in matching(name, known)}
    which = which.replace("id in", "playlist_id in")
    sql = f"select playlist_id, tag_id, origin from playlist_tags where true {which}"
    have = {(row[0], row[1]): row[2] for row in db.execute(sql, ids)}
    new, old = wanted - have.keys(), {key for key, origin in have.items() if origin == "name"} - wanted
    if new or old:
        with db.operation("rule", reason="tags of playlists by their names"):
            db.executemany("insert into playlist_tags (playlist_id, tag_id, origin) values (?, ?, 'name')", sorted(new))
            db.executemany("delete from playlist_tags where playlist_id = ? and tag_id = ?", sorted(old))
    return len(new) + len(old)
