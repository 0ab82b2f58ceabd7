"""Pictures that platforms only name: fetched once, by address, and a failing one is no failure."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from musicdb import images
from musicdb.images import artwork


def jpeg(color, side=80):
    out = io.BytesIO()
    Image.new("RGB", (side, side), color).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def site():
    """A server of pictures: {path: bytes or status}; remembers what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            found = self.server.pictures.get(self.path, 404)
            if isinstance(found, bytes) and self.headers.get("If-None-Match") == f'"{len(found)}"':
                found = 304
            self.send_response(found if isinstance(found, int) else 200)
            if isinstance(found, bytes):
                self.send_header("ETag", f'"{len(found)}"')
                self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            if isinstance(found, bytes):
                self.wfile.write(found)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.pictures = [], {}
    server.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def named(db):
    """Three tracks of one album share an address, one has another."""
    for key, url in (("a", "one"), ("b", "one"), ("c", "one"), ("d", "two")):
        id = db.execute("insert into platform_tracks (platform, external_id, title, match_key) values ('spotify', ?, ?, ?)", [key, key, key]).lastrowid
        db.execute("insert into platform_images (platform_track_id, source_url) values (?, ?)", [id, f"https://pictures.example/{url}"])
    return db


def fetch(db, site, **options):
    site.asked.clear()
    return artwork.fetch(db, allow=[site.host], rewrite={"https://pictures.example": f"http://{site.host}"}, **options)


def test_each_address_is_asked_once_and_serves_all_who_name_it(named, site):
    site.pictures = {"/one": jpeg("red"), "/two": jpeg("blue")}
    report = fetch(named, site)
    assert (report.fetched, sorted(site.asked)) == (2, ["/one", "/two"])
    assert named.value("select count(*) from platform_images where image_id is not null") == 4
    assert named.value("select count(*) from images") == 2
    assert named.one("select platform, source_url from images order by id") == {"platform": "spotify", "source_url": "https://pictures.example/one"}


def test_a_second_run_asks_for_nothing_and_again_costs_no_bytes(named, site):
    site.pictures = {"/one": jpeg("red"), "/two": jpeg("blue")}
    fetch(named, site)
    assert (fetch(named, site).fetched, site.asked) == (0, [])
    report = fetch(named, site, again=True)
    assert (report.unchanged, report.fetched, len(site.asked)) == (2, 0, 2)
    site.pictures["/two"] = jpeg("green", 90)
    assert fetch(named, site, again=True).fetched == 1
    assert named.value("select count(*) from images") == 3


def test_what_is_gone_or_no_picture_is_noted_and_not_asked_for_again(named, site):
    site.pictures = {"/one": b"<html>gone</html>"}
    report = fetch(named, site)
    assert (report.failed, report.fetched) == (2, 0)
    assert any("no picture" in note for note in report.notes)
    assert named.value("select count(*) from platform_images where error is not null") == 4
    assert (fetch(named, site).failed, site.asked) == (0, [])
    site.pictures = {"/one": jpeg("red"), "/two": jpeg("red")}
    assert fetch(named, site, again=True).fetched == 2
    assert named.value("select count(*) from platform_images where error is null and image_id = 1") == 4


def test_a_passing_fault_is_tried_again_by_the_next_run(named, site):
    site.pictures = {"/one": 503, "/two": jpeg("blue")}
    assert fetch(named, site).failed == 1
    site.pictures["/one"] = jpeg("red")
    assert (fetch(named, site).fetched, site.asked) == (1, ["/one"])


def test_a_private_address_is_refused(named, site):
    report = artwork.fetch(named, rewrite={"https://pictures.example": f"http://{site.host}"})
    assert (report.failed, site.asked) == (2, [])
    assert "not fetched" in named.value("select error from platform_images limit 1")


def test_a_server_that_asks_to_wait_ends_the_run_and_the_rest_comes_later(named, site):
    site.pictures = {"/one": 429, "/two": 429}
    report = fetch(named, site)
    assert "wait for the next run" in report.notes[0]
    assert named.value("select count(*) from platform_images where error is not null") == 0


def test_a_fetched_picture_becomes_the_cover(named, site):
    site.pictures = {"/one": jpeg("red"), "/two": jpeg("blue")}
    uid = named.execute("insert into track_ids (track_uid) values ('u')").lastrowid
    named.execute("insert into tracks (id, title) values (?, 'a')", [uid])
    named.execute(
        "insert into track_links (platform_track_id, auto_track_id, assigned_track_id, track_id, status, method, confidence) values (1, ?, ?, ?, 'auto', 'new', 100)",
        [uid] * 3,
    )
    fetch(named, site)
    images.select(named)
    assert images.get(named, track=uid).width == 80
