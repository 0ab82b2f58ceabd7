"""On the demo: every link from home answers, and every saved question has an answer, and an empty one that is no error."""

import asyncio
import html
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import yaml
from click.testing import CliRunner

from musicdb.cli import cli
from musicdb.web import serve

QUERIES = yaml.safe_load((Path(__file__).parent.parent / "metadata.yml").read_text("utf-8"))["databases"]["music"]["queries"]
ASKED = {  # of each question: values that have an answer, a column and something it must show there; values that have none
    "vinyl_no_file": ({}, "sides", "UNDA001", {"label": "zzz"}),
    "no_file": ({}, "platforms", "spotify", {"artist": "zzz"}),
    "not_in_rekordbox": ({}, "title", "Barley Dance", {"artist": "zzz"}),
    "liked_not_owned": ({}, "platforms", "spotify", {"artist": "zzz"}),
    "gone_from_service": ({}, "platform", "spotify", {"platform": "tidal"}),
    "mixes_with": ({"track": "{peat}"}, "musical_key", "3A", {"key": "8A", "bpm": "300"}),
    "unplayed_since": ({}, "title", "132 kV", {"stars": "6"}),
    "no_cues": ({}, "artist_credit", "Grid Orchard", {"artist": "zzz"}),
    "unanalysed": ({}, "title", "Barley Dance", {"artist": "zzz"}),
    "disagree": ({}, "title", "Peat", {"field": "nonsense"}),
    "same_isrc": ({}, "isrc", "ZZSUB1614392", {"isrc": "XX"}),
    "odd_lengths": ({"seconds": "1"}, "title", "", {"seconds": "10000"}),
    "one_platform": ({}, "platforms", "local", {"platform": "zzz"}),
    "without": ({}, "title", "Tin Roof", {"what": "title"}),
    "versions": ({"title": "Nine Fathoms"}, "version", "Dub Mix", {"title": "zzz"}),
    "top_month": ({"month": "2023-06"}, "plays", "", {"month": "1990-01"}),
    "plays_of": ({"track": "{played}"}, "platform", "spotify", {"track": "0"}),
    "most_played": ({"since": "2022-01", "until": "2022-12"}, "plays", "", {"since": "2090-01"}),
    "forgotten": ({}, "title", "Nine Fathoms", {"plays": "100000"}),
    "listened_not_owned": ({}, "platforms", "spotify", {"plays": "100000"}),
    "never_played": ({}, "title", "Façade", {"artist": "zzz"}),
    "value_by_label": ({}, "label", "Undertow Archive", {"label": "zzz"}),
    "wanted_in_playlist": ({}, "playlists", "Liked Songs", {"playlist": "zzz"}),
}
EACH = 2  # addresses of a kind that are asked
BOUND = 600


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    made = CliRunner().invoke(cli, ["demo", "--dir", str(folder / "demo"), "--no-serve"])
    assert made.exit_code == 0, made.output
    path = folder / "demo" / "music.db"
    with closing(sqlite3.connect(path)) as conn, conn:  # Spotify drops a track that is in a playlist
        conn.execute("""update platform_tracks set missing_since = '2026-05-01T00:00:00Z' where id = (
            select min(i.platform_track_id) from platform_playlist_items as i join platform_playlists as l on l.id = i.platform_playlist_id
            where l.platform = 'spotify' and l.kind = 'playlist')""")
    served = serve.app(path)
    loop = asyncio.new_event_loop()
    yield lambda address, **options: loop.run_until_complete(served.client.get(address, **options))
    for database in served.databases.values():
        database.close()
    served.executor.shutdown()
    loop.close()


def test_each_question_is_asked():
    assert set(ASKED) == set(QUERIES) and len(QUERIES) >= 20


@pytest.mark.parametrize("name", QUERIES)
def test_a_question_has_an_answer_and_an_empty_one(demo, name):
    values, column, shown, none = ASKED[name]
    peat = demo("/music.json", params={"sql": "select id from tracks where title = 'Peat' and version is null", "_shape": "array"}).json()[0]["id"]
    played = demo("/music/most_played.json", params={"_shape": "array"}).json()[0]["track_id"]
    values = {key: value.format(peat=peat, played=played) for key, value in values.items()}
    rows = demo(f"/music/{name}.json", params=values | {"_shape": "array"}).json()
    assert rows and any(shown in str(row[column]) for row in rows), rows[:3]
    assert demo(f"/music/{name}.json", params=none | {"_shape": "array"}).json() == []
    page, empty = demo(f"/music/{name}", params=values), demo(f"/music/{name}", params=none)
    assert page.status_code == empty.status_code == 200 and "message-error" not in page.text + empty.text
    assert "Nothing answers to this" in empty.text and "<h1>" + html.escape(QUERIES[name]["title"]) in page.text
    if "track_id" in rows[0]:
        assert demo(f"/music/{name}.m3u8", params=values).text.startswith("#EXTM3U")


def test_every_link_from_home_answers(demo):
    """Breadth first: of addresses that differ in numbers or values only, a few of each kind."""
    todo, seen, kinds, broken, asked = ["/"], {"/"}, {}, {}, []
    while todo and len(asked) < BOUND:
        path = todo.pop(0)
        asked.append(path)
        answer = demo(path, follow_redirects=True)
        if answer.status_code != 200:
            broken[path] = answer.status_code
        if "html" not in answer.headers.get("content-type", ""):
            continue
        for link in re.findall(r'(?:href|src|action)="([^"]+)"', answer.text):
            address = urldefrag(urljoin(f"http://localhost{path}", html.unescape(link)))[0]
            parts = urlsplit(address)
            found = parts.path + (f"?{parts.query}" if parts.query else "")
            if parts.netloc != "localhost" or found in seen or "_fts" in parts.path:  # the search index's own tables: hidden, with binary keys
                continue
            kind = re.sub(r"\d+", "0", parts.path), tuple(sorted(set(re.findall(r"(?:^|&)(\w+)=", parts.query))))
            kinds[kind] = kinds.get(kind, 0) + 1
            seen.add(found)
            if kinds[kind] <= EACH and (len(kind[1]) <= 1 or "sql" in kind[1]):  # facets of facets are without end
                todo.append(found)
    assert broken == {}
    assert len(asked) > 300
    visited = {kind[0] for kind in kinds}
    for path in ("/music/browse", "/music/browse/albums", "/music/charts", "/music/tracks/0", "/music/release_groups/0", "/music/artists/0", "/music/platform_playlists/0",
                 "/music/platform_releases/0", "/music/library", "/music/platform_tracks/0", "/-/cover/music/0/medium", "/music/mixes_with", "/music/charts.json"):  # fmt: skip
        assert path in visited, path
    assert "/music.m0u0" in visited and "/music/library.m0u0" in visited  # numbers are all 0 here: .m3u8 of a playlist and of a view


def test_the_json_of_a_page_is_json(demo):
    for path in ("/music/home.json", "/music/browse.json", "/music/charts.json", "/music/browse/records.json"):
        assert json.loads(demo(path).text)["sql"]
