"""What Discogs says of copies and wishes, as rows. Pure. Source: Discogs API v2, discogs.com/developers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import PayloadError
from ..shapes import CollectionItemRow, CollectionValueRow, Row
from ..units import iso_date, stars, utc
from . import _discogs_rows as parts

_PRICE = re.compile(r"\d[\d.,’' \u00a0]*")
_CURRENCY = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "CHF": "CHF", "eur": "EUR", "usd": "USD", "gbp": "GBP"}
FIELDS = {"1": "Media Condition", "2": "Sleeve Condition", "3": "Notes"}  # those that every collection begins with


def copy(p: dict) -> Iterator[Row]:
    """A copy: {"external_id": of the release, "item": as sent, "folder": its name, "fields": {id: name}}."""
    item, basic, key = _item(p)
    instance = parts.number(item.get("instance_id"))
    if instance is None:
        raise PayloadError(f"a copy of release {key} without instance_id")
    names = FIELDS | {str(k): v for k, v in p["fields"].items() if parts.plain(v)} if isinstance(p.get("fields"), dict) else FIELDS
    fields = {names.get(str(one.get("field_id")), str(one.get("field_id"))): parts.plain(one.get("value")) for one in parts.dicts(item.get("notes"))}
    fields = {name: value for name, value in fields.items() if value}
    yield parts.release(basic, "basic", key)
    kept = {k: v for k, v in item.items() if k not in ("basic_information", "resource_url")}
    row: CollectionItemRow = {
        "row": "collection_item",
        "release_external_id": key,
        "instance_id": instance,
        "status": "owned",
        "folder": parts.plain(p.get("folder")),
        "rating": stars(item.get("rating"), "5"),
        "added_at": utc(item.get("date_added")),
        "metadata": {"item": kept, "folder": p.get("folder"), "fields": fields},
    }
    yield row | own_fields(fields)


def want(p: dict) -> Iterator[Row]:
    """A wish: {"external_id": of the release, "username", "item": as sent}."""
    item, basic, key = _item(p)
    yield parts.release(basic, "basic", key)
    row: CollectionItemRow = {
        "row": "collection_item",
        "release_external_id": key,
        "instance_id": f"want:{parts.plain(p.get('username')) or ''}:{key}",
        "status": "wanted",
        "rating": stars(item.get("rating"), "5"),
        "notes": parts.plain(item.get("notes")),
        "added_at": utc(item.get("date_added")),
        "metadata": {"item": {k: v for k, v in item.items() if k not in ("basic_information", "resource_url")}},
    }
    yield row


def _item(p: dict) -> tuple[dict, dict, str]:
    item = p.get("item")
    basic = item.get("basic_information") if isinstance(item, dict) else None
    if not isinstance(basic, dict):
        raise PayloadError("an item of the list without basic_information")
    key = parts.number(basic.get("id")) or parts.number(item.get("id"))
    if key is None:
        raise PayloadError("an item of the list without a release id")
    return item, basic, key


def own_fields(fields: dict[str, str]) -> CollectionItemRow:
    """Return the columns that custom fields of a collection fill, by the fields' names."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        low = name.lower()
        if "condition" in low and ("sleeve" in low or "cover" in low or "jacket" in low):
            found.setdefault("sleeve_condition", value)
        elif "condition" in low:
            found.setdefault("media_condition", value)
        elif low in ("notes", "note", "comments", "comment"):
            found.setdefault("notes", value)
        elif re.search(r"price|paid|cost|preis|bezahlt|prix", low) and "purchase_price" not in found:
            amount, currency = price(value)
            if amount is not None:
                found |= {"purchase_price": amount, "currency": currency}
        elif re.search(r"(bought|purchase|acquired|kauf|achat)", low) and (date := iso_date(value)):
            found.setdefault("purchase_date", date[0])
    return found


def value(p: dict) -> CollectionValueRow:
    """What the collection is worth: {"external_id": day, "value": {"minimum": "€148.50", "median", "maximum"}}. Raises PayloadError."""
    day, said = iso_date(p.get("external_id")), p.get("value")
    if not isinstance(said, dict) or day is None or day[1] != "day":
        raise PayloadError("the value of a collection without amounts or day")
    found = {name: price(str(said.get(name) or "")) for name in ("minimum", "median", "maximum")}
    if all(amount is None for amount, _ in found.values()):
        raise PayloadError("the value of a collection without amounts")
    currency = next((code for _, code in found.values() if code), None)
    amounts = {name: amount for name, (amount, _) in found.items()}
    return {"row": "collection_value", "day": day[0], "minimum": amounts["minimum"], "median": amounts["median"], "maximum": amounts["maximum"], "currency": currency}


def price(value: str) -> tuple[float | None, str | None]:
    """ "12,50 €" -> (12.5, "EUR"); (None, None) where there is no number."""
    found = _PRICE.search(value)
    if not found:
        return None, None
    digits = re.sub(r"[’' \u00a0]", "", found[0]).rstrip(".,")
    whole, _, cents = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", digits).groups("")
    whole = re.sub(r"[.,]", "", whole) or "0"
    if len(whole) > 9:
        return None, None
    code = re.search(r"\b[A-Z]{3}\b", value)
    return float(f"{whole}.{cents or 0}"), code[0] if code else next((c for sign, c in _CURRENCY.items() if sign in value.lower()), None)
