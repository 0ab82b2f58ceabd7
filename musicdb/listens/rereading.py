"""A source with local times was read again in another time zone: each play is there twice, hours apart, and the later reading counts.

Plays are never changed, so that is a decision like a person's: `listens two` or `undo` takes it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..db import Database

READ_LOCALLY = """
select user_id, platform from main.sync_checkpoints where entity like 'note:time zone%'
union select user_id, platform from {diary}.sync_checkpoints where entity like 'note:time zone%'
"""
# The same payload but for the offset that an import was told.
TWICE = """
select json_array(json_array(u.username, n.platform, n.listened_at, n.track_external_id), json_array(u.username, o.platform, o.listened_at, o.track_external_id))
from listens as n
join listens_raw as r on r.id = n.raw_id
join users as u on u.id = n.user_id
join listens as o on o.platform = n.platform and o.track_external_id = n.track_external_id and o.user_id = n.user_id and o.id < n.id
  and o.listened_at <> n.listened_at and abs(julianday(o.listened_at) - julianday(n.listened_at)) <= 28.0 / 24
join listens_raw as s on s.id = o.raw_id
where n.id > :after and n.user_id = :user and n.platform = :platform and n.utc_offset_min is not o.utc_offset_min
  and json_remove(r.payload, '$.utc_offset_min', '$.utc_offset') = json_remove(s.payload, '$.utc_offset_min', '$.utc_offset')
"""
INSERT = """
insert into decisions (entity, entity_key, field, value, note, decided_by, operation_id)
select 'plays', :key, 'same', 'true', 'read again in another time zone', 'musicdb', :operation
where not exists (select 1 from decisions where entity = 'plays' and entity_key = :key and field = 'same')
"""


def settle(db: Database, after: int) -> int:
    """Decide that plays with ids over `after` are the older ones that say the same in another time zone; returns how many. In a transaction."""
    found = []
    for user, platform in db.execute(READ_LOCALLY.format(diary=db.diary)).fetchall():
        found += [key for (key,) in db.execute(TWICE, {"after": after, "user": user, "platform": platform})]
    if found:
        with db.operation("plays", mode="batch", actor="musicdb", reason=f"{len(found):,} plays were read again in another time zone") as op:
            db.executemany(INSERT, [{"key": key, "operation": op.id} for key in found])
            op.summary("decisions", len(found))
    return len(found)
