"""python -m tests.resilience.steps [steps] [seed]: a person and several platforms at work, rebuilt every 25 steps: content and ids stay equal.

Steps: merge, split, decide, follow, lock, clear, accept, reject, import again (changed, new, gone, back), a direct edit, covers chosen one by one
and by rule, pictures of one's own, further facts, tags, rules and places of genres, an edited table, undo, redo. Some are taken back at once, and
all must be as it was.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import musicdb
from musicdb import attributes, genres, history, images, links, tags, truth
from musicdb.errors import BadInput
from musicdb.exports import tables
from musicdb.truth import deriving, merging
from tests.observing import observe

PLATFORMS = "local rekordbox tidal spotify discogs".split()
TITLES = [f"{a}{b}" for a in ("Night", "Day", "Moon", "Rain") for b in ("fall", "break", "light")]
ARTISTS = ["Ada", "Bob", "Eve", "Ada feat. Eve", "Bob; Cy", "The Larks", "Dj Zed"]
ALBUMS = ["Dusk", "Dawn", "Dusk (Deluxe Edition)", None]
TABLES = """tracks track_artists track_genres track_labels external_ids artists labels genres release_groups track_links track_ids artist_ids
label_ids genre_ids release_group_ids decisions image_links releases release_items release_artists release_labels release_links track_attributes track_tags tags genre_rules genre_parents trust""".split()
GROWS = {name for name in TABLES if name.endswith("_ids") and name != "external_ids"} | {"decisions"}  # by an undo too
PICTURES = 12
SKIPPED = {"created_at", "updated_at", "operation_id"}


def content(db) -> dict[str, list]:
    """Everything that linking and resolving make, and every id."""
    found = {}
    for table in TABLES:
        names = [r[1] for r in db.execute(f"pragma table_info({table})") if r[1] not in SKIPPED]
        if table in ("track_links", "image_links"):
            names.remove("id")
        found[table] = sorted(db.execute(f"select {', '.join(names)} from {table}").fetchall(), key=repr)
    return found


class Life:
    """Random steps on one database."""

    def __init__(self, db, seed: int):
        self.db, self.pick, self.n = db, random.Random(seed), 0
        self.made: Counter[str] = Counter()
        self.wrong: list[str] = []
        for n in range(PICTURES):  # every third is the one before it, smaller
            drawing = random.Random(1000 * seed + n - (n % 3 == 2)).getrandbits(64)
            dhash, side = f"{drawing:016x}", 300 if n % 3 == 2 else 500 + 10 * n
            db.execute("insert into images (sha256, platform, mime_type, width, height, dhash, tint) values (?, 'local', 'image/jpeg', ?, ?, ?, ?)",
                       [images.sha256(self.picture(n)), side, side if n % 4 else side * 2, dhash, "7f" * 27])  # fmt: skip
        for _ in range(30):
            self.new()
        self.linked()

    def linked(self) -> None:
        links.link(self.db)
        truth.resolve(self.db)
        images.select(self.db)

    @staticmethod
    def picture(n: int) -> bytes:
        """What stands for the bytes of a stored picture: it is known by their hash, and never decoded."""
        return b"picture %d" % n

    def said(self) -> dict:
        pick = self.pick
        said = {"year": pick.randrange(1990, 1996), "bpm": pick.choice([120, 128, 64]), "genres": pick.sample(["House", "Dub", "Techno", "house"], 2),
                "label": pick.choice(["Moon", "Sun", "moon"]), "catalogue_number": f"MN {pick.randrange(4)}", "track_no": pick.randrange(1, 9), "rating": pick.randrange(1, 6), "musical_key": pick.choice(["8A", "1B"]),
                "ids": {"mb_artist": pick.choice("abc") * 36, "mb_release_group": pick.choice("xyz") * 36}}  # fmt: skip
        return {key: value for key, value in said.items() if pick.random() < 0.6}

    def new(self) -> None:
        pick, self.n = self.pick, self.n + 1
        platform, album, said = pick.choice(PLATFORMS), pick.choice(ALBUMS), self.said()
        one = observe(self.db, platform, f"x{self.n}", title=pick.choice(TITLES), artists=[pick.choice(ARTISTS)], album=album,
                duration_ms=pick.choice([200_000, 201_000, 320_000, None]), release_external_id=self.release(platform, album), said=said)  # fmt: skip
        if pick.random() < 0.5:
            self.db.execute("insert into platform_images (platform_track_id, image_id) values (?, ?)", [one, pick.randrange(PICTURES) + 1])

    def release(self, platform: str, album: str | None) -> str | None:
        """The release there of this album; some have a catalogue number, which files may have too."""
        pick = self.pick
        if platform in ("local", "rekordbox") or album is None or pick.random() < 0.2:
            return None
        key = f"{album} {pick.randrange(3)}"
        said = {"title": album, "artists": [pick.choice(ARTISTS)], "year": pick.randrange(1990, 1996), "label": "Moon", "catalogue_number": f"MN {pick.randrange(4)}"}
        self.db.execute("insert or ignore into platform_releases (platform, external_id, title, said, metadata_hash) values (?, ?, ?, ?, ?)",
                        [platform, key, album, json.dumps(said), key])  # fmt: skip
        return key

    def one(self, sql: str, *params):
        rows = self.db.execute(sql, params).fetchall()
        return self.pick.choice(rows) if rows else None

    def track(self) -> int:
        return self.one("select id from track_ids")[0]

    def step(self) -> str:
        name = self.pick.choice(STEPS)
        try:
            getattr(self, name)()
            self.made[name] += 1
        except (BadInput, history.CannotUndo) as refused:
            self.made[f"{name}, refused"] += 1
            assert str(refused)
        return name

    def merge(self) -> None:
        merging.merge(self.db, self.track(), [self.track()])

    def merge_names(self) -> None:
        kind, table = self.pick.choice([("artist", "artists"), ("genre", "genres"), ("label", "labels"), ("release_group", "release_groups")])
        one, other = self.one(f"select id from {table}"), self.one(f"select id from {table}")
        if one and other:
            merging.merge(self.db, one[0], [other[0]], kind=kind)

    def split_names(self) -> None:
        kind, table = self.pick.choice([("artist", "artists"), ("genre", "genres"), ("label", "labels"), ("release_group", "release_groups")])
        one = self.one(f"select id from {table} where merged_into_id is not null")
        if one:
            merging.split(self.db, one[0], kind=kind)

    def split(self) -> None:
        one = self.one("select id from tracks where merged_into_id is not null")
        merging.split(self.db, one[0] if one else self.track())

    def split_off(self) -> None:
        one, track = self.one("select platform_track_id, track_id from track_links where status in ('auto', 'confirmed')")
        merging.split(self.db, track, [one])

    def decide(self) -> None:
        field, value = self.pick.choice([("year", 1980), ("title", "Other"), ("genres", ["Disco", "House"]), ("artists", ["Eve", "Bob"]), ("rating", None),
                                         ("label", "Star"), ("album", "Best"), ("bpm", 99.5), ("artist_credit", "Ada & Eve")])  # fmt: skip
        truth.decide(self.db, [self.track(), self.track()], field, value)

    def take(self) -> None:
        truth.take(self.db, [self.track(), self.track()], self.pick.sample(["year", "genres", "artists", "album", "title"], 2), self.pick.choice(PLATFORMS))

    def lock(self) -> None:
        truth.lock(self.db, self.track(), [self.pick.choice(["year", "artists", "bpm", "genres"])])

    def unlock(self) -> None:
        truth.unlock(self.db, "all", ["year", "artists"])

    def clear(self) -> None:
        truth.clear(self.db, self.track(), ["year", "genres", "artists", "title", "album"])

    def accept(self, yes: bool = True) -> None:
        found = self.one("select k.platform_track_id, i.track_uid from track_links as k join track_ids as i on i.id = k.assigned_track_id "
                         + ("where k.status = 'candidate'" if yes else ""))  # fmt: skip
        if not found:
            return
        key = self.db.value("select platform || '/' || external_id from platform_tracks where id = ?", [found[0]])
        field, value = ("track", json.dumps(found[1])) if yes else (f"not:{found[1]}", "1")
        with self.db.operation("accept" if yes else "reject", mode="batch", actor="me") as op:
            self.db.execute("insert into decisions (entity, entity_key, field, value, decided_by, operation_id) values ('link', ?, ?, ?, 'me', ?)",
                            [key, field, value, op.id])  # fmt: skip
            deriving.follow(self.db, [("link", key, field)])
        self.linked()

    def reject(self) -> None:
        self.accept(False)

    def changed(self) -> None:
        (one,) = self.one("select id from platform_tracks")
        self.db.execute("update platform_tracks set said = json_patch(said, ?) where id = ?", [json.dumps(self.said()), one])
        self.linked()

    def imported(self) -> None:
        self.new()
        self.linked()

    def vanished(self) -> None:
        (one,) = self.one("select id from platform_tracks")
        self.db.execute("update platform_tracks set missing_since = iif(missing_since is null, '2026-01-01T00:00:00Z', null) where id = ?", [one])
        self.linked()

    def edited(self) -> None:
        column, value = self.pick.choice([("year", 1955), ("title", "By Hand"), ("artist_credit", "Zoe feat. Ada"), ("rating", 2)])
        self.db.execute(f"update tracks set {column} = ? where id = ?", [value, self.one("select id from tracks where merged_into_id is null")[0]])
        self.resolved()

    def resolved(self) -> None:
        """As `musicdb resolve` does."""
        truth.resolve(self.db)
        images.select(self.db)

    def undo(self) -> None:
        history.undo(self.db)
        self.resolved()

    def redo(self) -> None:
        history.redo(self.db)


    def cover(self) -> None:
        album = self.one("select id from release_groups")
        target = {"album": album[0]} if album and self.pick.random() < 0.5 else {"track": self.track()}
        match self.pick.randrange(4):
            case 0:
                images.choose(self.db, **target, platform=self.pick.choice(PLATFORMS))
            case 1:
                images.choose(self.db, **target)
            case 2:
                images.add(self.db, **target, picture=self.picture(self.pick.randrange(PICTURES)), show=self.pick.random() < 0.3)
            case _:
                images.choose(self.db, **target, image=self.pick.randrange(PICTURES) + 1)

    def cover_by_rule(self) -> None:
        some = "all" if self.pick.random() < 0.3 else [self.track(), self.track()]
        images.choose_all(self.db, some, self.pick.choice(["largest", "larger", "trust"]), whole=self.pick.random() < 0.7, again=self.pick.random() < 0.3)

    def attribute(self) -> None:
        some, key = [self.track(), self.track()], self.pick.choice(["mood", "year of mine", "track_no"])
        match self.pick.randrange(5):
            case 0:
                attributes.remove(self.db, some, key)
            case 1:
                attributes.lock(self.db, some, key)
            case 2:
                attributes.unlock(self.db, some, key)
            case 3:
                attributes.prefer(self.db, key, self.pick.sample(PLATFORMS, 2))
            case _:
                attributes.put(self.db, some, key, self.pick.choice(["dark", "7", 7.5]), platform=self.pick.choice(["user", "tidal"]), lock=self.pick.random() < 0.2)

    def tag(self) -> None:
        some, text = [self.track(), self.track()], self.pick.choice(["Energy: peak", "Energy: low", "dub"])
        if self.pick.random() < 0.3:
            tags.remove(self.db, some, tags.find(self.db, text))
        else:
            tags.add(self.db, some, text)

    def genre_rule(self) -> None:
        word, genre = self.pick.choice(["House", "Dub", "Techno", "Disco"]), self.pick.choice(["Techno", "Acid House", "Dub Techno", "Kelpcore", ""])
        match self.pick.randrange(4):
            case 0:
                genres.remove_rule(self.db, word)
            case 1:
                genres.move(self.db, word, genre or None)
            case _:
                genres.add_rule(self.db, word, genre)

    def table(self) -> None:
        one = self.one("select id from library")
        rows = tables.sheet(self.db, [one[0]])
        rows[0] |= {"year": self.pick.choice([1970, rows[0]["year"]]), "tags": self.pick.choice([["dub"], ["dub", "Mood: high"], None]), "genres": self.pick.choice([["Disco"], rows[0]["genres"]])}
        tables.apply(self.db, rows)

    def and_back(self) -> None:
        """Do one thing and take it back: all is as it was."""
        name = self.pick.choice(BACK)
        self.resolved()  # a direct edit before may wait for it
        before, last = content(self.db), self.db.value("select max(id) from operations")
        getattr(self, name)()
        done = [n for (n,) in self.db.execute("select id from operations where id > ? and (exists (select 1 from decisions where operation_id = operations.id)"
                                              " or exists (select 1 from changes where operation_id = operations.id and op <> 'batch'))", [last])]  # fmt: skip
        for operation in reversed(done):
            history.undo(self.db, operation)
        after = content(self.db)
        for found in (before, after):  # an id of an artist or album keeps who said it first, which an undo does not turn back
            found["external_ids"] = [row[:4] if row[0] in ("artist", "release_group") else row for row in found["external_ids"]]
        self.wrong += [f"{name} and back, {t}: {[r for r in before[t] if r not in after[t]][:3]} became {[r for r in after[t] if r not in before[t]][:3]}"
                       for t in TABLES if t not in GROWS and before[t] != after[t]]  # fmt: skip


BACK = "cover cover_by_rule attribute tag genre_rule table decide take lock clear merge".split()
STEPS = """merge merge split split_off decide decide take take lock unlock clear accept reject changed changed imported vanished edited undo undo
redo merge_names split_names cover cover cover_by_rule attribute tag genre_rule table and_back and_back""".split()


def run(folder: Path, steps: int, seed: int = 1, every: int = 25) -> tuple[int, list[str], Counter]:
    """Return (rebuilds, differences, how often each step was made)."""
    wrong, rebuilds = [], 0
    numbers = iter(range(10**9))
    with musicdb.open(folder / f"steps-{seed}.db", uid=lambda: f"uid-{next(numbers)}") as db:
        life = Life(db, seed)
        for n in range(1, steps + 1):
            life.step()
            wrong += [f"step {n}, {fault}" for fault in life.wrong]
            life.wrong.clear()
            if n % every == 0:
                before = content(db)
                truth.rebuild(db)
                after = content(db)
                rebuilds += 1
                wrong += [f"step {n}, {t}: {[r for r in before[t] if r not in after[t]][:3]} became {[r for r in after[t] if r not in before[t]][:3]}"
                          for t in TABLES if before[t] != after[t]]  # fmt: skip
                if db.value("select count(*) from current_operation") or db.execute("pragma foreign_key_check").fetchall():
                    wrong.append(f"step {n}: an operation is left open, or a foreign key is broken")
                if again := truth.resolve(db).rows:
                    wrong.append(f"step {n}: a second resolve still writes {again}")
    return rebuilds, wrong, life.made


def main() -> int:
    steps, seed = (int(a) for a in (sys.argv[1:] + ["500", "1"][len(sys.argv) - 1 :])[:2])
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rebuilds, wrong, made = run(Path(folder), steps, seed)
    print(f"{steps} steps, {rebuilds} rebuilds, {len(wrong)} differences, {time.perf_counter() - started:.0f} s")
    print(", ".join(f"{name} {n}" for name, n in sorted(made.items())))
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
