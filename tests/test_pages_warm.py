"""What pages keep between two requests is what they would find: after any write, and for facets of any page of a table."""

import asyncio
import random
import sqlite3

import pytest

from musicdb.listens import layout
from musicdb.web import serve, warm
from musicdb.web.index import Builder, bits, flags
from tests.small import Small


@pytest.fixture
def small(tmp_path):
    small = Small(tmp_path / "music.db")
    albums = [small.album(f"Album {n}") for n in range(3)]
    for n in range(40):
        track = small.track(f"Track {n}", albums[n % 3], artist_credit=f"Artist {n % 7}" if n % 9 else None, year=1990 + n % 4 if n % 5 else None,
                            bpm=100 + n if n % 6 else None, musical_key=f"{n % 12 + 1}A", rating=n % 5 + 1)  # fmt: skip
        for platform in ("local", "spotify", "tidal")[: n % 3 + 1]:
            small.observe(track, platform)
    yield small
    small.db.close()


CHANGES = [
    "update tracks set year = 1990 + abs(random()) % 5 where id = {id}",
    "update tracks set artist_credit = 'Artist ' || (abs(random()) % 9), bpm = abs(random()) % 200 where id = {id}",
    "update tracks set deleted_at = iif(deleted_at is null, '2026-01-01T00:00:00Z', null) where id = {id}",
    "update track_links set status = iif(status = 'auto', 'rejected', 'auto') where id = {id}",
    "update platform_tracks set missing_since = iif(missing_since is null, '2026-01-01T00:00:00Z', null) where id = {id}",
    "insert or ignore into track_likes(track_id, platform, is_liked) values ({id}, 'user', 1)",
    "insert or ignore into tags(name) values ('tag ' || {id} % 3)",
    "insert or ignore into track_tags(track_id, tag_id) select {id}, min(id) from tags having count(*)",
]


def test_an_index_made_again_after_a_write_is_one_made_new(small):
    pick, again = random.Random(4), Builder()
    conn = sqlite3.connect(small.db.path)
    for _ in range(60):
        with small.db.atomic():
            small.db.execute(pick.choice(CHANGES).format(id=pick.randrange(40) + 1))
        old, new = again(conn), Builder()(conn)
        assert (old.ids, old.facets, old.tempos) == (new.ids, new.facets, new.tempos)
        for low, high in ((None, None), (110, 120.5), (None, 99), (1e9, None)):
            found = [id for id, bpm in conn.execute("select id, bpm from tracks where bpm is not null") if (low is None or bpm >= low) and (high is None or bpm <= high)]
            assert old.between("bpm", low, high) == bits((old.places.get(id) for id in found), len(old.ids))
    conn.close()


def test_what_did_not_change_is_not_made_again(small):
    again = Builder()
    conn = sqlite3.connect(small.db.path)
    first = again(conn)
    with small.db.atomic():
        small.db.execute("update tracks set rating = 5 - rating % 5 where id = 3")
    second = again(conn)
    assert second.facets["year"]["1991"] is first.facets["year"]["1991"] and second.facets["rating"] != first.facets["rating"]
    conn.close()


def test_flags_are_the_digits_of_a_set():
    assert flags(bits([0, 3, None], 5), 5) == bytes([1, 0, 0, 1, 0]) and flags(0, 0) == b""


def asked(small, *paths):
    served = serve.app(small.db.path)

    async def ask():
        return [(await served.client.get(path)) for path in paths]

    return [answer.json() for answer in asyncio.run(ask())]


@pytest.mark.parametrize("rest", ["_size=10", "_size=10&year__gt=1990", "_size=10&_sort=title", "_size=10&_sort_desc=rating&year__gt=1990", "_size=10&_where=bpm>105"])
def test_facets_count_the_same_on_every_page_of_a_table(small, rest):
    first = asked(small, f"/music/tracks.json?{rest}&_facet=rating&_facet=musical_key")[0]
    later = asked(small, f"/music/tracks.json?{rest}&_facet=rating&_facet=musical_key&_next={first['next']}")[0]
    assert first["rows"] != later["rows"] and len(later["rows"]) > 0
    count = lambda page: {name: [(one["value"], one["count"]) for one in facet["results"]] for name, facet in page["facet_results"].items()}  # noqa: E731
    assert count(first) == count(later) and sum(n for _, n in count(later)["rating"]) == first["filtered_table_rows_count"]


def test_a_facet_of_another_shape_is_left_alone():
    for sql, counted in (("select x as value, count(*) as count from (\n select * from a where b\n)\n", None), ("select 1", "from a "),
                         ("select x as value, count(*) as count from (\n select * from a where c\n)\n", "from a where b ")):  # fmt: skip
        assert warm.of_all_pages(sql, counted) == sql


def test_a_rule_for_one_table_is_obeyed_however_late_it_comes(small):
    served = serve.app(small.db.path)

    async def ask():
        before = (await served.client.get("/music/artists")).status_code
        served._metadata_local["databases"]["music"]["tables"]["artists"]["allow"] = False
        return before, (await served.client.get("/music/artists")).status_code, (await served.client.get("/music/tracks")).status_code

    assert asyncio.run(ask()) == (200, 403, 200)


def test_visitors_of_one_page_wait_for_one_answer(small):
    served, made = serve.app(small.db.path), []

    async def ask():
        await served.invoke_startup()
        memory = warm.of(served.get_database("music"))

        def make(conn):
            made.append(1)
            return conn.execute("select count(*) from tracks").fetchone()[0]

        return await asyncio.gather(*(memory.get("n", make) for _ in range(6)))

    assert asyncio.run(ask()) == [40] * 6 and len(made) == 1


def test_a_page_made_while_somebody_wrote_is_not_kept(small, monkeypatch):
    served, make = serve.app(small.db.path), Builder.__call__

    def written_meanwhile(self, conn):
        found = make(self, conn)
        monkeypatch.setattr(Builder, "__call__", make)
        with small.db.atomic():
            small.db.execute("update tracks set deleted_at = '2026-01-01T00:00:00Z' where id = 3")
        return found

    async def ask():
        return [(await served.client.get("/music/browse.json")).json()["total"] for _ in range(2)]

    monkeypatch.setattr(Builder, "__call__", written_meanwhile)
    assert asyncio.run(ask()) == [40, 39]


def test_a_write_to_the_listening_history_alone_shows_at_the_next_reload(small, tmp_path):
    small.db.close()
    layout.split(small.db.path, tmp_path / "listens.db")
    served = serve.app(small.db.path)

    async def ask():
        return (await served.client.get("/music.json?_shape=arrays&sql=select+count(*)+from+users+where+username='Eve'")).json()["rows"]

    async def around():
        before = await ask()
        with sqlite3.connect(tmp_path / "listens.db") as conn:
            conn.execute("insert into users (username) values ('Eve')")
        conn.close()
        return before, await ask()

    assert asyncio.run(around()) == ([[0]], [[1]])
