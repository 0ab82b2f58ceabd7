"""The fictional person's records as Discogs tells them: collection, wantlist, releases, masters, prices, pictures.

Releases are pressings: sides and positions (A1, B2), matrix numbers, credits, artists with a number behind their name.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from .accounts import Account, Answer, Request, day, number, picture, slug
from .library import Record, Song, library

USER = "kestrel.lodin"
CAP = 100
PACE = 60  # requests a minute with a token
TWICE, YEARLESS = "UNDA014", "UNDA001"  # owned twice; a pressing whose year nobody knows
WANTED = ("UNDA039", "QNC 12", "TZC-051", "HRT 19", "NT 027", "AZ 98", "PB 19")
SINGERS = ("TT-0010", "HRT 08", "TT-0029", "PB 15R")  # what the DJ has of the other half of the shop
CONDITIONS = (
    "Mint (M)",
    "Near Mint (NM or M-)",
    "Very Good Plus (VG+)",
    "Very Good (VG)",
    "Good Plus (G+)",
    "Good (G)",
    "Fair (F)",
    "Poor (P)",
)
FIELDS = [
    {"id": 1, "name": "Media Condition", "type": "dropdown", "position": 1, "public": True, "options": list(CONDITIONS)},
    {
        "id": 2,
        "name": "Sleeve Condition",
        "type": "dropdown",
        "position": 2,
        "public": True,
        "options": [*CONDITIONS, "Generic", "No Cover"],
    },
    {"id": 3, "name": "Notes", "type": "textarea", "position": 3, "public": True, "lines": 3},
    {"id": 4, "name": "Crate", "type": "textarea", "position": 4, "public": False, "lines": 1},
    {"id": 5, "name": "Price paid", "type": "textarea", "position": 5, "public": False, "lines": 1},
    {"id": 6, "name": "Bought", "type": "textarea", "position": 6, "public": False, "lines": 1},
]
FOLDERS = {0: "All", 1: "Uncategorized", 3417: "Dub", 3418: "Home"}
NUMBERED = {"Low Pylon": 2, "Wren & Tallow": 3, "Espalier": 5, "Rurik Vale": 2}
GENRES = {"Indie Folk": "Folk, World, & Country", "Folk": "Folk, World, & Country", "Indie Rock": "Rock"}


@dataclass(frozen=True)
class Vinyl:
    """A pressing on Discogs. positions: of each of the record's songs."""

    id: int
    record: str
    positions: tuple[str, ...]

    def items(self) -> dict[str, str]:
        """'12345#A1' -> key of the song."""
        return {f"{self.id}#{place}": key for place, key in zip(self.positions, library().records[self.record].songs)}


@cache
def vinyls() -> dict[str, Vinyl]:
    """The pressings that the person owns or wants, by the record's code."""
    records = library().records
    owned = [r for r in records.values() if r.kind == "dub" and r.on("R") and r.code not in WANTED and r.code != "QNC T1"][:22]
    codes = [r.code for r in owned] + [c for c in SINGERS if c not in {r.code for r in owned}] + list(WANTED)
    return {c: Vinyl(random.Random(f"discogs {c}").randrange(40_000_000, 49_000_000), c, _positions(len(records[c].songs))) for c in codes}


def _positions(count: int) -> tuple[str, ...]:
    """Sides of about three songs; two songs are an A and a B side."""
    if count <= 2:
        return tuple("AB"[:count])
    sides = 2 if count <= 6 else 4
    each = -(-count // sides)
    return tuple(f"{'ABCD'[n // each]}{n % each + 1}" for n in range(count))


class DiscogsAccount(Account):
    """lists: collection (instances), wants. Each instance is as the API says it, in the order in which it was added."""

    name = "discogs"

    def __init__(self) -> None:
        super().__init__()
        self.base, self.remaining = "", PACE
        owned = [v for code, v in vinyls().items() if code not in WANTED]
        self.lists["collection"] = [self._instance(v, n) for n, v in enumerate([*owned, vinyls()[TWICE]])]
        self.lists["wants"] = [self._want(vinyls()[c]) for c in WANTED]

    def login(self) -> dict[str, Any]:
        """The login as `musicdb login discogs` would keep it."""
        return {"token": self.token, "username": USER}

    def error(self, status: int, words: str) -> dict[str, Any]:
        return {"message": words}

    def _instance(self, vinyl: Vinyl, n: int) -> dict[str, Any]:
        rng = random.Random(f"instance {vinyl.record} {n}")
        good = rng.choice((1, 1, 2, 2, 2, 3, 4))
        notes = [
            {"field_id": 1, "value": CONDITIONS[good]},
            {"field_id": 2, "value": rng.choice((CONDITIONS[good], CONDITIONS[min(good + 1, 6)], "Generic"))},
        ]
        if rng.random() < 0.4:
            notes.append(
                {
                    "field_id": 3,
                    "value": rng.choice(("from the shop that closed", "clicks on A1", "signed", "<i>loan to M.</i>", "warped, plays fine")),
                }
            )
        if rng.random() < 0.7:
            notes.append({"field_id": 4, "value": f"{rng.choice('ABC')}{rng.randint(1, 9)}"})
        pay, added = random.Random(f"paid {vinyl.record} {n}"), day(f"{vinyl.record} {n}")
        if pay.random() < 0.75:  # what was a present, or bought long ago, has no price
            paid = round(pay.uniform(3, 42) * 2) / 2
            notes.append({"field_id": 5, "value": f"{paid:.2f} €".replace(".", pay.choice(".,"))})
            notes.append({"field_id": 6, "value": f"{added - timedelta(days=pay.randrange(90)):%Y-%m-%d}"})
        folder = 3417 if library().records[vinyl.record].genre in ("Dub Techno", "Minimal Techno") else 3418 if n % 5 == 0 else 1
        return {
            "id": vinyl.id, "instance_id": 700_000_000 + n * 917, "date_added": f"{added:%Y-%m-%dT%H:%M:%S}-07:00",
            "rating": rng.choice((0, 0, 3, 4, 5)), "folder_id": folder, "notes": notes, "basic_information": basic(library().records[vinyl.record]),
        }  # fmt: skip

    def _want(self, vinyl: Vinyl) -> dict[str, Any]:
        rng = random.Random(f"want {vinyl.record}")
        return {
            "id": vinyl.id, "rating": 0, "notes": rng.choice(("", "", "first pressing only")), "resource_url": f"/users/{USER}/wants/{vinyl.id}",
            "date_added": f"{day(f'want {vinyl.record}'):%Y-%m-%dT%H:%M:%S}-07:00", "basic_information": basic(library().records[vinyl.record]),
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        self.base = request.base
        if request.path.startswith("images/"):
            return self._picture(request)
        shown = request.query.get("token") or (request.headers.get("authorization") or "").removeprefix("Discogs token=")
        if self.checks_token and shown != self.token:
            return self.refuse(401, "You must authenticate to access this resource.")
        answer = self._below(request, request.path)
        answer.payload = self._addresses(answer.payload)
        answer.headers |= {
            "X-Discogs-Ratelimit": str(PACE),
            "X-Discogs-Ratelimit-Used": str(PACE - self.remaining),
            "X-Discogs-Ratelimit-Remaining": str(self.remaining),
        }
        return answer

    def _below(self, request: Request, path: str) -> Answer:
        parts = path.split("/")
        if path == "oauth/identity":
            return Answer({"id": 9_417_042, "username": USER, "resource_url": f"/users/{USER}", "consumer_name": "musicdb"})
        if parts[:2] == ["users", USER]:
            return self._of_user(request, "/".join(parts[2:]))
        if parts[0] in ("releases", "masters", "marketplace") and len(parts) >= 2:
            wanted = parts[-1] if parts[0] == "marketplace" else parts[1]
            pick = master_id if parts[0] == "masters" else lambda v: v.id
            vinyl = next((v for v in vinyls().values() if str(pick(v)) == wanted), None)
            if vinyl is None:
                return self.refuse(404, "Release not found." if parts[0] != "masters" else "Master Release not found.")
            return Answer(
                {"releases": release, "masters": master, "marketplace": stats if parts[1] == "stats" else prices}[parts[0]](vinyl)
            )
        if path == "database/search":
            asked = (
                " ".join(request.query.get(k, "") for k in ("q", "artist", "release_title", "track", "title", "catno", "barcode"))
                .lower()
                .split()
            )
            hits = [v for v in vinyls().values() if all(w in _words(v) for w in asked)]
            return self._page(request, "results", [_hit(v) for v in hits])
        return self.refuse(404, "The requested resource was not found.")

    def _of_user(self, request: Request, path: str) -> Answer:
        collection = self.lists["collection"]
        if path == "":
            links = {
                "collection_folders_url": "/collection/folders",
                "collection_fields_url": "/collection/fields",
                "wantlist_url": "/wants",
            }
            sizes = {"num_collection": len(collection), "num_wantlist": len(self.lists["wants"])}
            me = {"id": 9_417_042, "username": USER, "resource_url": f"/users/{USER}"}
            return Answer(me | sizes | {k: f"/users/{USER}{v}" for k, v in links.items()})
        if path == "collection/folders":
            sizes = {id: sum(id in (0, i["folder_id"]) for i in collection) for id in FOLDERS}
            return Answer(
                {
                    "folders": [
                        {"id": id, "name": name, "count": sizes[id], "resource_url": f"/users/{USER}/{path}/{id}"}
                        for id, name in FOLDERS.items()
                    ]
                }
            )
        if path == "collection/fields":
            return Answer({"fields": FIELDS})
        if path == "collection/value":
            return Answer({"minimum": "€262.50", "median": "€512.00", "maximum": "€1,061.25"})
        if found := re.fullmatch(r"collection/folders/(\d+)/releases", path):
            folder = int(found[1])
            return self._page(request, "releases", [i for i in collection if i is None or folder in (0, i["folder_id"])])
        if path == "wants":
            return self._page(request, "wants", self.lists["wants"])
        return self.refuse(404, "The requested resource was not found.")

    def _page(self, request: Request, name: str, items: list) -> Answer:
        size, page = max(1, min(number(request, "per_page", 50), CAP)), number(request, "page", 1)
        pages = max(1, -(-len(items) // size))
        if not 1 <= page <= pages:
            return self.refuse(404, f"Page {page} is outside of valid range")
        urls = (
            {"next": f"/{request.path}?page={page + 1}&per_page={size}", "last": f"/{request.path}?page={pages}&per_page={size}"}
            if page < pages
            else {}
        )
        return Answer(
            {
                "pagination": {"page": page, "pages": pages, "per_page": size, "items": len(items), "urls": urls},
                name: items[(page - 1) * size : page * size],
            }
        )

    def _addresses(self, value: Any, key: str = "") -> Any:
        """Discogs' payloads hold absolute addresses: they are made here, so that none leads off this computer."""
        if isinstance(value, dict):
            return {k: self._addresses(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._addresses(v, key) for v in value]
        mine = (
            isinstance(value, str)
            and value.startswith("/")
            and (key.endswith("_url") or key in ("uri", "uri150", "thumb", "cover_image", "next", "last"))
        )
        return self.base + value if mine else value

    def _picture(self, request: Request) -> Answer:
        code = request.path.split("/")[1].partition(".")[0]
        record = next((r for r in library().records.values() if slug(r.code) == code), None)
        return (
            Answer(picture(record.code), 200, {"ETag": f'"{code}"'}, "image/jpeg")
            if record
            else self.refuse(404, "The requested resource was not found.")
        )


def artist(name: str, join: str = "", role: str = "", tracks: str = "") -> dict[str, Any]:
    id = random.Random(f"discogs artist {name}").randrange(5_000_000, 12_000_000)
    shown = f"{name} ({NUMBERED[name]})" if name in NUMBERED else "Various" if name == "Various Artists" else name
    return {"name": shown, "anv": "", "join": join, "role": role, "tracks": tracks, "id": id, "resource_url": f"/artists/{id}"}


def _credit(name: str) -> list[dict[str, Any]]:
    first, join, second = name.partition(" vs. ")
    return [artist(first, "vs."), artist(second)] if join else [artist(name)]


@cache
def basic(record: Record) -> dict[str, Any]:
    """basic_information of collection and wantlist."""
    vinyl = vinyls()[record.code]
    qty = "2" if max(vinyl.positions)[0] > "B" else "1"
    descriptions = [
        '12"',
        {"album": "LP", "compilation": "LP"}.get(record.type, "EP"),
        *(["Album"] if record.type == "album" else []),
        "33 ⅓ RPM",
    ]
    label = random.Random(f"discogs label {record.label}").randrange(100_000, 999_999)
    return {
        "id": vinyl.id, "master_id": master_id(vinyl), "master_url": f"/masters/{master_id(vinyl)}" if master_id(vinyl) else None,
        "resource_url": f"/releases/{vinyl.id}", "title": record.title, "year": 0 if record.code == YEARLESS else record.year,
        "formats": [{"name": "Vinyl", "qty": qty, "descriptions": descriptions}], "artists": _credit(record.artist),
        "labels": [{"name": record.label or "Not On Label", "catno": record.code, "entity_type": "1", "entity_type_name": "Label", "id": label, "resource_url": f"/labels/{label}"}],
        "thumb": f"/images/{slug(record.code)}.jpg?sig=t", "cover_image": f"/images/{slug(record.code)}.jpg?sig=c",
        "genres": [GENRES.get(record.genre, "Electronic")], "styles": [record.genre],
    }  # fmt: skip


def master_id(vinyl: Vinyl) -> int:
    """0 where a release has no master: singles."""
    return 0 if len(vinyl.positions) <= 2 else vinyl.id // 10


@cache
def release(vinyl: Vinyl) -> dict[str, Any]:
    """releases/{id}: everything, with tracklist, credits, identifiers, pictures."""
    record, songs = library().records[vinyl.record], library().songs
    rng = random.Random(f"discogs release {vinyl.record}")
    tracklist, credits = [], []
    for place, key in zip(vinyl.positions, record.songs):
        song = songs[key]
        if place[-1] == "1" and record.code in ("UNDA022", "QNC 3"):
            tracklist.append(
                {"position": "", "type_": "heading", "title": f"{'This' if place[0] in 'AC' else 'That'} Side", "duration": ""}
            )
        tracklist.append(_line(song, place, record))
        credits += [artist(n, role=r, tracks=place) for n, r in ((song.featured, "Featuring"), (song.remixer, "Remix")) if n]
    released = {
        0: f"{record.year}",
        1: f"{record.year}-{rng.randint(1, 12):02}-00",
        2: f"{record.year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
    }[rng.randrange(3)]
    unknown = record.code == YEARLESS
    images = [{"type": kind, "uri": f"/images/{slug(record.code)}.jpg?sig=x", "resource_url": f"/images/{slug(record.code)}.jpg?sig=x",
               "uri150": f"/images/{slug(record.code)}.jpg?sig=y", "width": 640, "height": 640} for kind in ("primary", "secondary")]  # fmt: skip
    return {
        **{k: v for k, v in basic(record).items() if k not in ("cover_image",)}, "status": "Accepted", "uri": f"https://www.discogs.com/release/{vinyl.id}",
        "artists_sort": record.artist, "country": rng.choice(("UK", "Germany", "Norway", "Europe")), "released": "" if unknown else released,
        "notes": "Mastered with care." if rng.random() < 0.5 else "", "data_quality": "Needs Vote", "tracklist": tracklist, "images": images,
        "extraartists": [*credits, artist("Mirja Lundokka", role="Mastered By")], "companies": [], "series": [], "videos": [],
        "identifiers": [{"type": "Barcode", "value": "".join(rng.choices("0123456789", k=13))}, {"type": "Matrix / Runout", "value": f"{record.code}-A1", "description": "Side A"}],
        "community": {"have": rng.randrange(20, 900), "want": rng.randrange(5, 900), "rating": {"count": rng.randrange(1, 90), "average": round(rng.uniform(3, 5), 2)}},
        "lowest_price": round(rng.uniform(4, 40), 2), "num_for_sale": rng.randrange(12), "estimated_weight": 230, "format_quantity": 1,
        "date_added": f"{record.year}-06-01T10:00:00-07:00", "date_changed": "2024-03-02T04:11:59-08:00",
    }  # fmt: skip


def _line(song: Song, place: str, record: Record) -> dict[str, Any]:
    found = {
        "position": place,
        "type_": "track",
        "title": song.full_title,
        "duration": f"{int(song.seconds) // 60}:{int(song.seconds) % 60:02}",
    }
    if song.artist != record.artist:
        found["artists"] = _credit(song.artist)
    extra = [artist(n, role=r) for n, r in ((song.featured, "Featuring"), (song.remixer, "Remix")) if n]
    return found | ({"extraartists": extra} if extra else {})


def master(vinyl: Vinyl) -> dict[str, Any]:
    whole = release(vinyl)
    same = {k: whole[k] for k in ("title", "year", "artists", "genres", "styles", "images", "tracklist", "videos", "data_quality")}
    return same | {
        "id": master_id(vinyl),
        "main_release": vinyl.id,
        "main_release_url": f"/releases/{vinyl.id}",
        "resource_url": f"/masters/{master_id(vinyl)}",
    }


def stats(vinyl: Vinyl) -> dict[str, Any]:
    whole = release(vinyl)
    lowest = {"currency": "EUR", "value": whole["lowest_price"]} if whole["num_for_sale"] else None
    return {"lowest_price": lowest, "num_for_sale": whole["num_for_sale"], "blocked_from_sale": False}


def prices(vinyl: Vinyl) -> dict[str, Any]:
    """marketplace/price_suggestions/{id}"""
    top = release(vinyl)["lowest_price"] * 2.5
    return {name: {"currency": "EUR", "value": round(top * 0.8**n, 2)} for n, name in enumerate(CONDITIONS)}


def _words(vinyl: Vinyl) -> str:
    record = library().records[vinyl.record]
    return " ".join(
        [record.title, record.artist, record.code, record.label, *(library().songs[k].full_title for k in record.songs)]
    ).lower()


def _hit(vinyl: Vinyl) -> dict[str, Any]:
    record, said = library().records[vinyl.record], basic(library().records[vinyl.record])
    return {
        "id": vinyl.id, "type": "release", "title": f"{record.artist} - {record.title}", "year": str(record.year), "country": "UK", "catno": record.code,
        "format": ["Vinyl", *said["formats"][0]["descriptions"]], "label": [record.label], "genre": said["genres"], "style": said["styles"], "barcode": [],
        "thumb": said["thumb"], "cover_image": said["cover_image"], "resource_url": said["resource_url"], "uri": f"/release/{vinyl.id}",
        "master_id": said["master_id"], "community": {"have": 12, "want": 30},
    }  # fmt: skip
