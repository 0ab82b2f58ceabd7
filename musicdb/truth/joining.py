"""Which release an observed one is: a person's word, the link that it has, what it was made from, an exact key, or a new release."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from rapidfuzz import fuzz

from .. import text
from ..matching import releases as matcher
from . import editions
from .editions import Source

if TYPE_CHECKING:
    from ..db import Database

ALIKE = 65  # of 100: titles of one record as two services write them
BY_ID = """
select e.entity_id from external_ids as e join releases as r on r.id = e.entity_id and r.deleted_at is null
where e.entity_type = 'release' and e.scheme = ? and e.value = ? order by e.entity_id
"""
BY_NUMBER = """
select x.release_id, x.cat_id
from labels as l
join release_labels as x on x.label_id = ifnull(l.merged_into_id, l.id) and x.cat_id <> ''
join releases as r on r.id = x.release_id and r.deleted_at is null
where l.name_norm = ?
order by x.release_id
"""
LINKS = """
select platform_release_id, id, release_id, status, metadata_hash from release_links
where status in ('auto', 'confirmed') and platform_release_id in (select value from json_each(?))
"""
THERE = """
select distinct r.platform from release_links as l join platform_releases as r on r.id = l.platform_release_id
where l.release_id = ? and l.status in ('auto', 'confirmed')
"""
DECIDED = """
select entity_key, field, value from decisions as d
where entity = 'release_link' and id = (select max(id) from decisions where entity = d.entity and entity_key = d.entity_key and field = d.field)
"""
ALSO = """
select e.id, r.platform, r.said
from releases as e
join release_links as l on l.release_id = e.id and l.status in ('auto', 'confirmed')
join platform_releases as r on r.id = l.platform_release_id
where e.title_norm = ? and e.deleted_at is null
order by e.id limit 10
"""
SENTENCES = {
    "id": "{0} names this very release",
    "barcode": "same barcode {1}",
    "catno": "same label and catalogue number {1}",
    "person": "a person said so",
    "new": "like no other release",
}


class Joining:
    """The links of releases, as they are and as they become. `changed`: rows that `write` has to write."""

    def __init__(self, db: Database):
        self.db = db
        self.links: dict[int, tuple] = {}  # platform_releases.id -> id, release, status, metadata_hash
        self.changed: dict[int, dict[str, Any]] = {}
        self.made: dict[int, tuple[str, str]] = {}  # new releases: uid, origin
        self.titles: dict[int, str] = {}
        self.members: dict[int, set[str]] = {}  # release -> platforms
        self.keyed: dict[tuple[str, str], list[int]] = defaultdict(list)  # of this run
        self.maybe: list[dict[str, Any]] = []  # links that wait for a person
        self.titled: dict[str, list[tuple[int, str, str]]] = defaultdict(list)  # of this run: title -> release, platform, what it says
        self.said: dict[str, dict[str, str | None]] = defaultdict(dict)
        for key, field, value in db.execute(DECIDED):
            self.said[key][field] = value
        self.origins: dict[str, int | None] = {}
        self._next: int | None = None

    def load(self, observed: set[int]) -> None:
        """Read the links of these rows of platform_releases."""
        asked = msgspec.json.encode(sorted(observed - self.links.keys())).decode()
        self.links |= {row[0]: row[1:] for row in self.db.execute(LINKS, [asked])}

    def release_of(self, observed: int) -> int | None:
        link = self.links.get(observed)
        return link and link[1]

    def by_origin(self, origin: str) -> int | None:
        """The release that was made from this, of this run or before."""
        if origin not in self.origins:
            self.origins[origin] = self.db.value("select id from releases where origin = ? order by id", [origin])
        return self.origins[origin]

    def observed(self, id: int, source: Source, metadata_hash: str | None) -> set[int]:
        """Give an observed release its release; return those that it touches: the one that it is and the one that it was."""
        key = f"{source.platform}/{source.key}"
        said = self.said.get(key, {})
        link = self.links.get(id)
        chosen = self._uid(said.get("release"))
        barred = {r for field, value in said.items() if field.startswith("not:") and value and (r := self._uid(msgspec.json.encode(field[4:]).decode())) is not None}
        if chosen is not None:
            found, method, sure, detail, status = chosen, "person", 100, "", "confirmed"
        elif link and link[2] == "auto" and link[1] not in barred:
            found, method, sure, detail, status = link[1], None, None, "", "auto"
        else:
            found, method, sure, detail = self._find(source, key, barred)
            status = "auto"
        before = link and link[1]
        if link is None or (before, link[2], link[3]) != (found, status, metadata_hash):
            row = {"id": link and link[0], "observed": id, "release": found, "status": status, "hash": metadata_hash, "method": method, "sure": sure}
            if method:
                row["evidence"] = msgspec.json.encode([{"part": method, "sentence": SENTENCES[method].format(source.platform, detail)}]).decode()
            self.changed[id] = row
            if method == "new" and link is None:
                self._propose(id, found, source)
            self.links[id] = (link and link[0], found, status, metadata_hash)
            self._platforms(found).add(source.platform)
        self._note(found, source)
        return {r for r in (before, found) if r is not None}

    def _propose(self, observed: int, own: int, source: Source) -> None:
        """Note releases of the same title that a new one may be, as the matcher sees it; a person says so, or nobody does."""
        title = text.norm(source.said.title or source.title)
        mine = msgspec.json.decode(source.sent) | {"platform": source.platform}
        near = {release: (platform, said) for release, platform, said in [*self.db.execute(ALSO, [title]), *self.titled[title][:10]]}
        for release, (platform, said) in near.items():
            if release != own and platform != source.platform:
                found = matcher.compare(msgspec.json.decode(said or "{}") | {"platform": platform}, mine)
                if found.verdict != "different":
                    evidence = msgspec.json.encode(found.evidence).decode()
                    self.maybe.append({"observed": observed, "release": release, "sure": round(found.confidence), "evidence": evidence})
        self.titled[title].append((own, source.platform, source.sent))

    def tagged(self, source: Source, stored: int | None) -> int:
        """The release of an album of files: the one it had, what it was made before, what its ids or number name, or a new one."""
        origin = f"local/{source.key}"
        found = stored if stored is not None else self.by_origin(origin)
        if found is None:
            found = self._by_keys(source, set())[0]
        if found is None:
            found = self._new(origin)
        self._note(found, source)
        return found

    def word_for(self, release: int, sources: list[Source]) -> str:
        """What tells a release from one that is alike: where it comes from; with its number, where it has one."""
        number = next((n for s in sources if (n := s.said.catalogue_number)), None)
        origin = f"{sources[0].platform}/{sources[0].key}"
        return f"{number}, {origin}" if number else origin

    # ---- finding

    def _find(self, source: Source, key: str, barred: set[int]) -> tuple[int, str, int, str]:
        own = self.by_origin(key)
        if own is not None and own not in barred:
            return own, "new", 100, ""
        found, method, detail = self._by_keys(source, barred)
        if found is not None:
            return found, method, 100 if method == "id" else 97, detail
        return self._new(key), "new", 100, ""

    def _by_keys(self, source: Source, barred: set[int]) -> tuple[int | None, str, str]:
        for scheme, value in editions.keys(source):
            streaming = scheme == "barcode" and source.kind == "streaming"
            for release in [*self.keyed[scheme, value], *(id for (id,) in self.db.execute(BY_ID, [scheme, value]))]:
                if release not in barred and self._fits(release, source, streaming, sure=scheme != "barcode"):
                    return release, "barcode" if scheme == "barcode" else "id", value
        for name, number, _ in editions._labels([source]):
            norm, label = editions.number_norm(number), text.norm(name)
            if len(norm) < 3:
                continue
            stored = [id for id, cat in self.db.execute(BY_NUMBER, [label]) if editions.number_norm(cat) == norm]
            for release in [*self.keyed[label, norm], *stored]:
                if release not in barred and self._fits(release, source, False):
                    return release, "catno", number
        return None, "", ""

    def _fits(self, release: int, source: Source, streaming: bool, sure: bool = False) -> bool:
        """Whether nothing speaks against it: another release of the same platform there, or a title that is another's."""
        if source.platform in self._platforms(release) and not streaming:
            return False
        if sure:
            return True
        theirs = self.titles.get(release) or self.db.value("select title_norm from releases where id = ?", [release]) or ""
        mine = text.norm(text.split_album(source.said.title or source.title)[0])
        return fuzz.token_set_ratio(mine, theirs) >= ALIKE

    def _platforms(self, release: int) -> set[str]:
        if release not in self.members:
            self.members[release] = {platform for (platform,) in self.db.execute(THERE, [release])}
        return self.members[release]

    def _note(self, release: int, source: Source) -> None:
        """Remember what names a release, for those that come later in this run."""
        self.titles.setdefault(release, text.norm(source.said.title or source.title))
        for key in editions.keys(source):
            if release not in self.keyed[key]:
                self.keyed[key].append(release)
        for name, number, _ in editions._labels([source]):
            if norm := editions.number_norm(number):
                found = self.keyed[text.norm(name), norm]
                if release not in found:
                    found.append(release)

    def _new(self, origin: str) -> int:
        if self._next is None:
            self._next = (self.db.value("select max(id) from releases") or 0) + 1
        id, self._next = self._next, self._next + 1
        self.made[id] = (self.db.new_uid(), origin)
        self.origins[origin] = id
        return id

    def _uid(self, value: str | None) -> int | None:
        uid = msgspec.json.decode(value) if value else None
        return self.db.value("select id from releases where release_uid = ?", [uid]) if uid else None

    # ---- writing

    def write(self) -> int:
        """Write the links that changed; return how many. The releases must be there."""
        rows = list(self.changed.values())
        fresh = [row for row in rows if row["id"] is None]
        self.db.executemany(
            "insert into release_links (platform_release_id, release_id, status, method, confidence, evidence, metadata_hash) "
            "values (:observed, :release, :status, :method, :sure, :evidence, :hash)", fresh
        )  # fmt: skip
        self.db.executemany(
            "insert into release_links (platform_release_id, release_id, status, method, confidence, evidence) "
            "values (:observed, :release, 'candidate', 'match', :sure, :evidence)", self.maybe
        )  # fmt: skip
        same = [row | {"evidence": row.get("evidence")} for row in rows if row["id"] is not None]
        self.db.executemany(
            "update release_links set release_id = :release, status = :status, metadata_hash = :hash, method = coalesce(:method, method), "
            "confidence = coalesce(:sure, confidence), evidence = coalesce(:evidence, evidence) where id = :id", same
        )  # fmt: skip
        # the album is that of the release
        asked = msgspec.json.encode([row["observed"] for row in rows]).decode()
        sql = """
        update release_links set release_group_id = (select release_group_id from releases where id = release_id)
        where platform_release_id in (select value from json_each(?)) and status in ('auto', 'confirmed')
        """
        self.db.execute(sql, [asked])
        return len(rows) + len(self.maybe)
