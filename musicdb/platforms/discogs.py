"""Discogs: collection, wantlist and releases of an account, or the CSV export of a collection or wantlist without any account.

Payload kinds; what Discogs sent stands in it unchanged:

    collection_item  {"external_id": of the release, "item": as sent, "folder": its name, "fields": {field id: name}}: a copy
    want             {"external_id", "username", "item": as sent}: a wish
    details          {"external_id", "status": owned or wanted, "release": as sent by releases/{id}}
    csv              {"external_id", "status", "account", "copy": 1 for the first of a release, "line": {column: text}}
    value            {"external_id": day, "username", "value": as sent by collection/value}: what Discogs thinks the collection is worth
    release          as sent by releases/{id}                           \\
    basic            basic_information of a list, as sent                \\ what the kinds above say of a release or track:
    csv_release      the columns of a line that are about the release    / stored with it, never fetched by itself
    track            {"external_id", "release", "line": as sent, ...}   /

The lists come first and are useful at once; then one request a release for its details, as fast as Discogs allows, those owned first.
A run that stops goes on there: a release that has details is asked again only when it is due. A list's short form never replaces
details (SHORT), so reading the lists again changes nothing; numbers of the market and signed addresses are kept with the release
but are no change of it (ReleaseRow.stable). The copy keeps what its owner says of it: folder, conditions, rating, notes.

Copies are known by instance_id: one release can be owned twice. Tracks of releases that are only wanted are not in the library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from .. import net
from ..errors import LoginNeeded, PayloadError, Transient
from ..shapes import Complete, Note, Page, Refused, Row
from . import _discogs_copies as copies
from . import _discogs_csv as export
from . import _discogs_rows as parts

PLATFORM, KIND, ROWS_VERSION = "discogs", "collection", 2
PAYLOADS = ("collection_item", "want", "details", "csv", "value", "release", "basic", "csv_release", "track")
SHORT = ("csv_release", "basic")
CLAIMS = {
    ("track", "position"): "$.line.position",
    ("release", "data_quality"): "$.data_quality",
    ("release", "have"): "$.community.have",
    ("release", "want"): "$.community.want",
    ("release", "community_rating"): "$.community.rating.average",
    ("release", "lowest_price"): "$.lowest_price",
    ("release", "num_for_sale"): "$.num_for_sale",
}
LISTS = (("collection", "owned"), ("wantlist", "wanted"))
CSV_PAGE = 500
VALUED = "day of the collection's value"
IN_A_ROW = 3  # releases that fail one after the other: then it is not the release


# ---------- fetch
def fetch(
    source: Any, known: Any = None, *, account: str | None = None, all: bool = False, progress: Any = None,
    endpoint: str | None = None, token: Any = None, details: bool | int | None = True, pictures: int = 1, releases: Sequence[str] = (),
) -> Iterator:  # fmt: skip
    """Yield the lists of an account and then the details of its releases; or, with a source, the lines of a CSV export.

    details: False for the lists alone, a number for at most so many releases in this run. pictures: how many of each release to fetch.
    releases: ids of releases to fetch now, and nothing else. token: as `login` returns it, or the text.
    Raises UnknownSource for a file that is no export, LoginNeeded, RateLimited or Transient.
    """
    if source is not None:
        yield from _csv(Path(source).expanduser(), known, account or "")
        return
    run = _Run(_account(account, token, endpoint, progress), known, all, pictures)
    try:
        if releases:
            yield from run.details([str(one) for one in releases], len(releases))
            return
        yield from run.lists()
        yield from run.value()
        yield from run.bought()
        todo = run.todo()
        yield from run.details(todo, len(todo) if details is True or details is None else int(details))
        yield from run.gone()
        yield run.said()
    finally:
        run.api.close()


def _account(account: str | None, token: Any, endpoint: str | None, progress: Any = None) -> Any:
    from .. import secrets
    from . import _discogs_api

    login = token or secrets.get(PLATFORM, account or "")
    if not login:
        name = f" --account {account}" if account else ""
        raise LoginNeeded(
            f"nobody is logged in to Discogs: run `musicdb login discogs{name}`; or, without a login, give the CSV that discogs.com "
            "makes of your collection (Dashboard > Export Data): `musicdb import discogs collection.csv`"
        )
    return _discogs_api.Account(login, endpoint=endpoint, account=account, progress=progress)


class _Run:
    """One reading of an account."""

    def __init__(self, api: Any, known: Any, all: bool, pictures: int):
        self.api, self.known, self.all, self.pictures = api, known, all, pictures
        self.fetched = self.left = self.failed = 0
        self.user = ""
        self.skipped: list[str] = []
        self.reasons: list[str] = []

    # ---- lists
    def lists(self) -> Iterator:
        """Yield collection and wantlist, each of them resumable."""
        user = self.user = self.api.username or self.api.identity()
        for name, status in LISTS:
            get, wrap, instance = self._list(name, user)
            if self._unchanged(name, status, user, instance):
                self.skipped.append(name)
                continue
            kind = "collection_item" if name == "collection" else "want"
            total = yield from net.paged(
                get,
                kind=kind,
                scope=name,
                limit=self.api.most,
                known=self.known,
                wrap=wrap,
                key=lambda item: instance(item) or id(item),
                what=f"Discogs' {name}",
            )
            yield Complete("collection_item", within=status, total=total, scope=name)

    def _path(self, name: str, user: str) -> tuple[str, str]:
        from urllib.parse import quote

        user = quote(user, safe="")
        return (f"users/{user}/collection/folders/0/releases", "releases") if name == "collection" else (f"users/{user}/wants", "wants")

    def _list(self, name: str, user: str) -> tuple[Callable, Callable, Callable]:
        path, key = self._path(name, user)
        if name == "wantlist":
            get = self.api.page(path, key, "the wantlist")
            return (
                get,
                lambda item, place: {"external_id": _release_id(item), "username": user, "item": item},
                lambda item: _want(item, user),
            )
        names: dict[str, dict] = {}

        def wrap(item: Any, place: int) -> dict[str, Any]:
            if not names:
                names["folders"], names["fields"] = self._names(user, "folders"), self._names(user, "fields")
            folder = names["folders"].get(str(item.get("folder_id"))) if isinstance(item, dict) else None
            return {"external_id": _release_id(item), "item": item, "folder": folder, "fields": names["fields"]}

        # in the order in which they were added: what is new comes last and moves no other
        get = self.api.page(path, key, "the collection", sort="added", sort_order="asc")
        return get, wrap, lambda item: parts.number(item.get("instance_id")) if isinstance(item, dict) else None

    def _names(self, user: str, what: str) -> dict[str, str]:
        path = self._path("collection", user)[0].partition("/folders/")[0]
        found = self.api.ask(f"{path}/{what}", f"{what} of the collection").get(what)
        if not isinstance(found, list):
            raise Transient(f"Discogs did not say which {what} the collection has: run the same again later")
        return {str(one.get("id")): one["name"] for one in parts.dicts(found) if parts.plain(one.get("name"))}

    def _unchanged(self, name: str, status: str, user: str, instance: Callable) -> bool:
        """Whether a list that was read lately has as many items as then, and the newest is known: one request in place of many."""
        if not self.known.is_fresh(name):
            return False
        path, key = self._path(name, user)
        newest = {"sort": "added", "sort_order": "desc"} if name == "collection" else {}
        items, total = self.api.page(path, key, f"the {name}", **newest)(0, 1)
        mine = [one for one in self.known.copies(status, mine=True) if not one.startswith("export:")]
        return total == len(mine) and {instance(item) for item in items} <= set(mine)

    def value(self) -> Iterator:
        """Yield what Discogs thinks the collection is worth, once a day; nothing where it does not say so."""
        from ._discogs_api import NotThere

        day = time.strftime("%Y-%m-%d", time.gmtime())
        if not self.known.copies("owned", mine=True) or (self.known.recall(VALUED) == day and not self.all):
            return
        path = self._path("collection", self.user)[0].partition("/folders/")[0]
        self.known.remember(VALUED, day)
        try:
            said = self.api.ask(f"{path}/value", "value of the collection")
        except (NotThere, Transient):  # it is an extra: the lists are read, the details come
            return
        yield Page("value", [{"external_id": day, "username": self.user, "value": said}])

    # ---- what is on the shelf
    def bought(self) -> Iterator:
        """Yield the stored details of wishes that are owned now: their tracks come into the library without a request."""
        known = self.known.releases()
        for key in dict.fromkeys(self.known.copies("owned").values()):
            kind, _, in_library = known.get(key, (None, False, True))
            if kind == "release" and not in_library and (stored := self.known.payload(key)):
                yield Page("details", [{"external_id": key, "status": "owned", "release": stored, "pictures": False}])

    def gone(self) -> Iterator:
        """Tracks of records that left the shelf are gone; all others are there, whichever account or export told of them."""
        left = set(self.known.copies("owned", gone=True).values()) - set(self.known.copies("owned").values())
        if seen := self.known.tracks().keys() - self.known.tracks_of(left):
            yield Page("track", [], seen=sorted(seen))
        yield Complete("track")

    # ---- details
    def todo(self) -> list[str]:
        """Releases without details or due to be fetched again; those owned first."""
        known = self.known.releases()
        refused = {} if self.all else self.known.refused("details")
        mine = dict.fromkeys([*self.known.copies("owned").values(), *self.known.copies("wanted").values()])
        return [key for key in mine if key not in refused and (known[key][0] != "release" or known[key][1])]

    def details(self, todo: list[str], most: int) -> Iterator:
        """Yield releases one by one; one that cannot be read now is left for the next run."""
        owned = set(self.known.copies("owned").values())
        now, self.left = todo[: max(0, most)], len(todo)
        failures = 0
        for key in now:
            from ._discogs_api import NotThere

            try:
                release = self.api.ask(f"releases/{key}", f"release {key}")
            except NotThere:
                yield Refused("details", key, "Discogs has no such release any more (404); its entry in the list stays")
                self.left -= 1
                continue
            except Transient as error:
                failures, self.failed = failures + 1, self.failed + 1
                if failures >= IN_A_ROW:
                    raise
                self.reasons.append(str(error))
                continue
            failures = 0
            self.left -= 1
            if parts.number(release.get("id")) != key:
                yield Refused("details", key, f"asked for release {key}, Discogs answers with {release.get('id')!r}", release)
                continue
            payload = {"external_id": key, "status": "owned" if key in owned else "wanted", "release": release}
            images = self._images(key, release, payload)
            yield Page("details", [payload], scope="releases", total=len(now), images=images, renew=True)
            self.fetched += 1

    def _images(self, key: str, release: dict, payload: dict) -> dict[str, bytes]:
        """Fetch the first pictures while their addresses are good; what is there already is not fetched again."""
        wanted = [uri for _, uri in parts.images(release)[: max(0, self.pictures)]]
        stored = self.known.pictures(key)
        if stored and wanted and all(uri in stored for uri in wanted):
            return {}
        found, reasons = self.api.pictures(wanted)
        self.reasons += reasons
        if reasons and stored:
            payload["pictures"] = False  # those that are stored are better than an address that gives none
        return found

    def said(self) -> Note:
        """What a person should know of this run."""
        owned, wanted = (sum(not one.startswith("export:") for one in self.known.copies(status, mine=True)) for _, status in LISTS)
        words = [f"{owned} copies, {wanted} wishes", f"details of {self.fetched} releases fetched", f"{self.api.made} requests"]
        if self.left:
            words.append(f"{self.left} more have none yet or are due: run the same again")
        for name in self.skipped:
            words.append(f"the {name} is as long as when it was read last (--all reads it again)")
        if self.reasons:
            words.append(f"{len(self.reasons)} could not be read: {self.reasons[0]}")
        return Note("; ".join(words))


def _release_id(item: Any) -> str | None:
    basic = item.get("basic_information") if isinstance(item, dict) else None
    return parts.number(basic.get("id")) or parts.number(item.get("id")) if isinstance(basic, dict) else None


def _want(item: Any, user: str) -> str | None:
    return f"want:{user}:{_release_id(item)}" if _release_id(item) else None


def _csv(path: Path, known: Any, account: str) -> Iterator:
    lines, status = export.read(path)
    have: dict[str, int] = {}
    for instance, release in (known.copies(status, mine=True) if known else {}).items():
        if not instance.startswith("export:"):
            have[release] = have.get(release, 0) + 1
    found = list(export.payloads(lines, status, account, have))
    for start in range(0, len(found), CSV_PAGE):
        yield Page("csv", found[start : start + CSV_PAGE], total=len(found))
    if not lines:
        yield Note(f"{path.name} holds no records: nothing was marked as gone")
        return
    yield Complete("collection_item", within=f"export:{status}", total=len(found))
    yield Note(
        f"{len(lines)} records {status}" + (f", {len(lines) - len(found)} of them told by the account" if len(found) < len(lines) else "")
    )
    if known:
        yield Note("tracklists and covers come from the account: `musicdb login discogs`, then `musicdb import discogs`")


# ---------- rows
def rows(kind: str, payload: Any) -> Iterator[Row]:
    """Yield the rows of one payload: a release before its tracks, pictures and copies. Raises PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: an object expected, not {type(payload).__name__}")
    if kind == "collection_item":
        yield from copies.copy(payload)
    elif kind == "want":
        yield from copies.want(payload)
    elif kind == "value":
        yield copies.value(payload)
    elif kind == "details":
        yield from _details(payload)
    elif kind == "csv":
        yield from export.rows(payload)
    elif kind == "csv_release":
        yield export.release(payload)
    elif kind in ("release", "basic"):
        key = parts.number(payload.get("id"))
        if key is None:
            raise PayloadError("a release without id")
        yield parts.release(payload, kind, key)
    elif kind == "track":
        yield parts.track(payload, True)
    else:
        raise PayloadError(f"no such payload kind of Discogs: {kind!r}")


def _details(p: dict) -> Iterator[Row]:
    release, status = p.get("release"), p.get("status")
    key = parts.number(release.get("id")) if isinstance(release, dict) else None
    if key is None or status not in ("owned", "wanted"):
        raise PayloadError("details without a release and its id, or of no known status")
    yield parts.release(release, "release", key)
    for track in parts.tracks(release, key):
        yield parts.track(track, status == "owned")
    if p.get("pictures") is not False:
        yield from parts.pictures(release, key)


# ---------- login and search
def login(ask: Callable[..., str], show: Callable[[str], object], *, endpoint: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Ask for a personal token, see whose it is, and return what is to be kept. Raises LoginNeeded where Discogs refuses it."""
    show('Discogs: open https://www.discogs.com/settings/developers in your browser, press "Generate new token", and copy the token.')
    token = ask("Discogs token: ", secret=True).strip()
    if not token:
        raise LoginNeeded("no token given: nothing was changed")
    with closing(_account(None, {"token": token}, endpoint, progress)) as api:
        try:
            name = api.identity()
        except LoginNeeded:
            raise LoginNeeded("Discogs does not accept this token: copy it once more, all of it, without blanks") from None
    show(f"Discogs: logged in as {name}")
    return {"token": token, "username": name} | ({"endpoint": endpoint} if endpoint else {})


def search(
    query: str, *, token: Any = None, endpoint: str | None = None, account: str | None = None, limit: int = 10
) -> list[dict[str, Any]]:
    """Return releases that a text finds: [{"external_id", "title", "artists", "year", "cover_url", "payload"}], best first.

    To attach one: load.run(db, "discogs", releases=[external_id]). Raises LoginNeeded, RateLimited or Transient.
    """
    if not query.strip():
        return []
    with closing(_account(account, token, endpoint)) as api:
        asked = {"q": query, "type": "release", "per_page": max(1, min(limit, 100)), "page": 1}
        found = api.ask("database/search", f"result for {query[:60]!r}", **asked)
    hits = []
    for hit in parts.dicts(found.get("results"))[:limit]:
        key = parts.number(hit.get("id"))
        artist, dash, title = (parts.plain(hit.get("title")) or "").partition(" - ")
        if key is None or not artist:
            continue
        names = [name for one in artist.split(", ") if (name := parts.artist_name(one))] if dash else []
        year = hit.get("year")
        hits.append({
            "external_id": key,
            "title": title if dash else artist,
            "artists": names,
            "year": int(year) if str(year).isdecimal() and 1000 <= int(year) <= 2999 else None,
            "cover_url": parts.plain(hit.get("cover_image")) or parts.plain(hit.get("thumb")),
            "payload": hit,
        })  # fmt: skip
    return hits
