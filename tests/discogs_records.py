"""Records as Discogs tells of them, and a shelf of them: payloads made by hand, read through the real importer."""

from musicdb import links, load, truth
from musicdb.platforms import discogs
from musicdb.shapes import Complete, Page


def record(number, title="Slow Tide", *, artist="Ada Quell", label="Terrazzo", catno="TZC 1", tracks=("A1", "B1"), **more):
    """A release as `releases/{id}` gives it; tracks: positions, or (position, title) pairs."""
    lines = [(one, f"{title} {one}") if isinstance(one, str) else one for one in tracks]
    return {
        "id": number, "title": title, "artists": [{"name": artist}] if isinstance(artist, str) else artist,
        "labels": [{"name": label, "catno": catno, "entity_type_name": "Label"}],
        "formats": [{"name": "Vinyl", "qty": "1", "descriptions": ['12"', "EP"]}], "year": 1999,
        "tracklist": [{"position": place, "title": name, "type_": "track", "duration": "5:00"} for place, name in lines],
    } | more  # fmt: skip


def copy(number, instance, title="Slow Tide", *, folder="House", notes=(), **more):
    """A copy as `collection/folders/0/releases` gives it; notes: (field id, value)."""
    basic = {"id": number, "title": title, "artists": [{"name": "Ada Quell"}], "labels": [], "formats": [], "year": 1999} | more
    fields = [{"field_id": field, "value": value} for field, value in notes]
    item = {"id": number, "instance_id": instance, "rating": 0, "date_added": "2020-01-02T03:04:05-08:00", "basic_information": basic, "notes": fields}
    return {"external_id": str(number), "item": item, "folder": folder, "fields": {"4": "Price paid"}}


def want(number, title="Slow Tide"):
    return {"external_id": str(number), "username": "ada", "item": copy(number, 1, title)["item"]}


def import_records(db, monkeypatch, records=(), copies=(), wants=(), *, status="owned", resolve=True):
    """Import these as the account would tell them, link and resolve; return the report of `resolve`."""
    pages = [Page("collection_item", list(copies)), Page("want", list(wants))] if copies or wants else []
    ends = [Complete("collection_item", within="owned"), Complete("collection_item", within="wanted")] if copies or wants else []
    wanted = {w["external_id"] for w in wants} - {c["external_id"] for c in copies}
    pages += [Page("details", [
        {"external_id": str(r["id"]), "release": r, "status": "wanted" if str(r["id"]) in wanted else status, "pictures": False} for r in records
    ])]  # fmt: skip
    monkeypatch.setattr(discogs, "fetch", lambda *a, **k: iter([*pages, *ends]))
    load.run(db, "discogs", token={"token": "x"})
    links.link(db)
    return truth.resolve(db) if resolve else None
