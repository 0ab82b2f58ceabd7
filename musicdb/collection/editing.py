"""What you say of your copies: decisions over what the platform tells, each call one operation that can be undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from .. import units
from ..db import Row, Rows
from ..errors import BadInput
from .shelf import STATUSES, keys

if TYPE_CHECKING:
    from ..db import Database

CONDITIONS = (  # Goldmine, as Discogs writes them; the last three are of sleeves only
    "Mint (M)", "Near Mint (NM or M-)", "Very Good Plus (VG+)", "Very Good (VG)", "Good Plus (G+)", "Good (G)", "Fair (F)", "Poor (P)",
    "Generic", "No Cover", "Not Graded",
)  # fmt: skip
_SHORT = {c.partition(" (")[2].rstrip(")").lower(): c for c in CONDITIONS if "(" in c} | {c.lower(): c for c in CONDITIONS}
_SHORT |= {c.partition(" (")[0].lower(): c for c in CONDITIONS} | {"nm": CONDITIONS[1], "m-": CONDITIONS[1], "ex": CONDITIONS[1]}
FIELDS = (
    "status folder media_condition sleeve_condition rating notes purchase_date purchase_price currency sold_date sold_price value"
).split()
CHANGED = ["copy_key", "field", "old", "new"]
INSERT = "insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id) values ('copy', ?, ?, ?, ?, ?, ?)"
RELEASE = "select platform || '/' || external_id, title from platform_releases where {where}"


@dataclass
class Edited:
    """What an edit did. operation: its number for `undo`, None where nothing was to do; copies: keys; rows: copy_key, field, old, new."""

    operation: int | None
    copies: list[str]
    rows: Rows
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        head = f"{len(self.rows)} values changed" + (f" (operation {self.operation})" if self.operation else "")
        return "\n".join([head, *self.notes, *([repr(self.rows)] if self.rows else [])])


def edit(db: Database, copies: Any, *, note: str | None = None, by: str | None = None, **fields: Any) -> Edited:
    """Say what holds of one copy or of many, whatever the platform tells: it stays through every import.

    fields: those of FIELDS; None = empty on purpose; value: what it is worth today, in the currency it was bought in (each day's word is
    kept). Conditions may be short ("VG+"). Raises BadInput for an unknown copy or field, or a value that cannot be.
    """
    if not fields:
        raise BadInput(f"name at least one of {', '.join(FIELDS)}")
    said = {name: checked(name, value) for name, value in fields.items()}
    names = keys(db, copies)
    today = db.value("select date('now')")
    if "value" in said:
        said[f"value:{today}"] = said.pop("value")
    return _write(db, "edit copy", {name: {f: _json(v) for f, v in said.items()} for name in names}, note, by)


def clear(db: Database, copies: Any, fields: str | Iterable[str] | None = None, *, note: str | None = None, by: str | None = None) -> Edited:
    """Take back what you said of these fields, or of all: what the platform tells counts again."""
    wanted = set(FIELDS if fields is None else [fields] if isinstance(fields, str) else fields)
    for name in wanted:
        _known(name)
    rows = {}
    for key in keys(db, copies):
        have = db.execute("select field from copy_decisions where copy_key = ?", [key])
        rows[key] = dict.fromkeys(name for (name,) in have if name.partition(":")[0] in wanted)
    return _write(db, "clear copy", rows, note, by)


def sell(
    db: Database, copies: Any, price: float | None = None, *, currency: str | None = None, date: str | None = None,
    note: str | None = None, by: str | None = None,
) -> Edited:  # fmt: skip
    """Say that copies are sold: today, or on a date, at a price each."""
    fields: dict[str, Any] = {"status": "sold", "sold_date": date or db.value("select date('now')")}
    fields |= {"sold_price": price} if price is not None else {}
    fields |= {"currency": currency} if currency is not None else {}
    return edit(db, copies, note=note, by=by, **fields)


def add(db: Database, release: str | int, *, note: str | None = None, by: str | None = None, **fields: Any) -> Edited:
    """Put a further copy on the shelf by hand; `copies` of what it returns holds its key.

    release: "discogs/12345", or its id in platform_releases. fields: as for `edit`; status is owned unless said. Raises BadInput.
    """
    if isinstance(release, int):
        found = db.execute(RELEASE.format(where="id = ?"), [release]).fetchone()
    else:
        found = db.execute(RELEASE.format(where="platform = ? and external_id = ?"), release.partition("/")[::2]).fetchone()
    if found is None:
        raise BadInput(f"there is no release {release!r}; give one such as discogs/12345 that was imported (table platform_releases)")
    said = {name: _json(checked(name, value)) for name, value in fields.items() if value is not None}
    if "value" in said:
        said[f"value:{db.value('select date()')}"] = said.pop("value")
    key = f"user/{db.new_uid()}"
    return _write(db, "add copy", {key: {"release": _json(found[0])} | said}, note, by, what=f"{found[1]} put on the shelf")


def wish(db: Database, release: str | int, *, note: str | None = None, by: str | None = None, **fields: Any) -> Edited:
    """Want a release: `add` with the status wanted."""
    return add(db, release, note=note, by=by, **(fields | {"status": "wanted"}))


def remove(db: Database, copies: Any, *, note: str | None = None, by: str | None = None) -> Edited:
    """Take copies that you put there by hand off the shelf. Raises BadInput for those that a platform tells of."""
    names = keys(db, copies)
    if theirs := [name for name in names if not name.startswith("user/")]:
        raise BadInput(f"{', '.join(theirs[:5])}: {theirs[0].partition('/')[0]} says that you have it; take it out there, or say that it is sold")
    return _write(db, "remove copy", {name: dict.fromkeys(_latest(db, name)) for name in names}, note, by)


# ---------- writing


def _write(
    db: Database, kind: str, said: dict[str, dict[str, str | None]], note: str | None, by: str | None, what: str | None = None
) -> Edited:
    """Append what is new as one operation and tell what it changed."""
    rows = []
    for key, fields in said.items():
        have = _latest(db, key)
        rows += [(key, name, value) for name, value in fields.items() if have.get(name) != value]
    if not rows:
        return Edited(None, list(said), Rows([], CHANGED, db), ["nothing to do: it is so already"])
    shown = list(dict.fromkeys(name.partition(":")[0] for _, name, _ in rows if name != "release"))
    reason = what or f"{', '.join(shown)} of {_title(db, list(said))}"
    with db.operation(kind, mode="batch", actor=by or "me", reason=reason) as op:
        before = {key: _values(db, key) for key in said}
        db.executemany(INSERT, [(key, name, value, note, by or "me", op.id) for key, name, value in rows])
        op.summary("decisions", len(rows))
        after = {key: _values(db, key) for key in said}
        op.details = {"copies": len(said), "decisions": len(rows)}
    changed = [
        Row(copy_key=key, field=name, old=before[key].get(name), new=after[key].get(name))
        for key in said
        for name in shown
        if before[key].get(name) != after[key].get(name)
    ]
    return Edited(op.id, list(said), Rows(changed, CHANGED, db))


def _latest(db: Database, key: str) -> dict[str, str | None]:
    return dict(db.execute("select field, value from copy_decisions where copy_key = ?", [key]).fetchall())


def _values(db: Database, key: str) -> dict[str, Any]:
    row = db.one("select * from copies where copy_key = ?", [key])
    return {} if row is None else {name: row["worth" if name == "value" else name] for name in FIELDS}


def _title(db: Database, names: list[str]) -> str:
    if len(names) > 1:
        return f"{len(names):,} copies"
    row = db.one("select title, artists from copies where copy_key = ?", names)
    return f"{row.artists or 'unknown'} - {row.title}" if row else names[0]


# ---------- checking


def _known(name: str) -> None:
    if name not in FIELDS:
        raise BadInput(f"a copy has no field {name!r}; there are {', '.join(FIELDS)}")


def checked(name: str, value: Any) -> Any:
    """Return a value as it is kept; None stays None. Pure. Raises BadInput for an unknown field or what cannot be."""
    _known(name)
    if value is None:
        return None
    good: Any = None
    if name == "status":
        good = value if value in STATUSES else None
    elif name.endswith("_condition"):
        good = _SHORT.get(str(value).strip().lower())
    elif name == "rating":
        good = units.integer(value, 1, 5)
    elif name.endswith("_date"):
        good = (units.iso_date(value) or (None,))[0]
    elif name in ("purchase_price", "sold_price", "value"):
        good = _amount(value)
    elif name == "currency":
        code = str(value).strip().upper()
        good = code if len(code) == 3 and code.isascii() and code.isalpha() else None
    elif isinstance(value, str) and "\0" not in value:
        good = value.strip() or None
    if good is None:
        raise BadInput(f"{name} cannot be {value!r}; it is {WANTED[name]}")
    return good


def _amount(value: Any) -> float | None:
    try:
        number = float(str(value).strip().replace(",", ".")) if not isinstance(value, bool) else -1.0
    except ValueError:
        return None
    return round(number, 2) if 0 <= number < 1e9 else None


_A_DATE, _A_PRICE = "a date such as 2024, 2024-05 or 2024-05-12", "an amount such as 12.50"
WANTED = {
    "status": f"one of {', '.join(STATUSES)}", "folder": "a name", "notes": "text", "rating": "a whole number from 1 to 5",
    "media_condition": f"one of {', '.join(CONDITIONS[:8])}, or short: NM, VG+", "sleeve_condition": f"one of {', '.join(CONDITIONS)}, or short: NM, VG+",
    "purchase_date": _A_DATE, "sold_date": _A_DATE, "purchase_price": _A_PRICE, "sold_price": _A_PRICE, "value": _A_PRICE,
    "currency": "three letters such as EUR",
}  # fmt: skip


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
