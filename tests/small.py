"""A small library written straight into the tables: four tracks, two albums, three platforms, hostile strings where wanted."""

import io
import json

from PIL import Image

import musicdb


def picture(colour, side=700):
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "JPEG")
    return out.getvalue()


class Small:
    """Rows by hand: `track`, `album`, `observe`, `image` return ids."""

    def __init__(self, path):
        self.db = musicdb.open(path)

    def identity(self, kind):
        return self.db.execute(f"insert into {kind}_ids({kind}_uid) values (?)", [self.db.new_uid()]).lastrowid

    def insert(self, table, **values):
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        values = [json.dumps(v) if isinstance(v, dict | list) else v for v in values.values()]
        return self.db.execute(f"insert into {table}({names}) values ({marks})", values).lastrowid

    def album(self, title):
        return self.insert("release_groups", id=self.identity("release_group"), title=title, title_norm=title.lower(), year=1997)

    def track(self, title, album=None, **more):
        return self.insert("tracks", id=self.identity("track"), title=title, release_group_id=album, **more)

    def observe(self, track, platform="local", release=None, said=None, **more):
        n = self.db.value("select count(*) from platform_tracks") + 1
        more = {"title": f"observed {n}", "artists": ["Someone"], "match_key": f"key {n}", "fetched_at": "2026-05-03T12:04:00Z"} | more
        observed = self.insert("platform_tracks", platform=platform, external_id=f"e{n}", release_external_id=release,
                               said=said or {}, metadata=more.pop("metadata", {"raw": n}), **more)  # fmt: skip
        if track is not None:
            self.insert("track_links", platform_track_id=observed, auto_track_id=track, assigned_track_id=track, track_id=track,
                        status="auto", method="key", confidence=97, evidence=[{"sign": "title", "sentence": "same title"}])  # fmt: skip
        return observed

    def release(self, platform, external_id, title="A release", album=None):
        release = self.insert("platform_releases", platform=platform, external_id=external_id, title=title)
        if album is not None:
            self.insert("release_links", platform_release_id=release, release_group_id=album, status="auto", method="key", confidence=90)
        return release

    def image(self, colour, track=None, release=None, side=700, position=0, role="cover"):
        image = musicdb.images.store(self.db, picture(colour, side), platform="local")
        self.insert("platform_images", platform_track_id=track, platform_release_id=release, image_id=image, position=position, role=role)
        return image

    def decide(self, kind, entity, value=None, platform=None):
        uid = self.db.value(f"select {kind}_uid from {kind}_ids where id = ?", [entity])
        value = None if value is None else json.dumps(value)
        self.insert("decisions", entity=kind, entity_key=uid, field="cover", value=value, platform=platform, decided_by="test")
