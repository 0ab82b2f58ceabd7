"""Observations and decisions put straight into the tables, as load and a person would."""

import json

from musicdb import text


def observe(db, platform, external_id, title="Nightfall", artists=("Ada",), **more):
    """Store one observation; path and audio_hash make it a file."""
    said = {"title": title, "artists": list(artists), **more.pop("said", {})}
    path, audio = more.pop("path", None), more.pop("audio_hash", None)
    row = {
        "platform": platform, "external_id": external_id, "title": title, "artists": json.dumps(list(artists)), "said": json.dumps(said),
        "match_key": text.match_key(text.full_title(title, said.get("version")), artists), **more,
    }  # fmt: skip
    one = db.execute(f"insert into platform_tracks ({', '.join(row)}) values ({', '.join('?' * len(row))})", [*row.values()]).lastrowid
    if path or audio:
        path = path or f"/music/{external_id}"
        db.execute("insert into media_files (platform_track_id, path, path_hash, audio_hash) values (?, ?, ?, ?)", [one, path, path, audio])
    return one


def decide(db, entity, key, field, value):
    stored = None if value is None else json.dumps(value)
    sql = "insert into decisions (entity, entity_key, field, value, decided_by) values (?, ?, ?, ?, 'me')"
    db.execute(sql, [entity, key, field, stored])


def uid(db, track):
    return db.value("select track_uid from track_ids where id = ?", [track])
