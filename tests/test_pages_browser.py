"""The pages in a real browser: nothing scrolls sideways on a phone, nothing is asked of another site, no stranger's script runs."""

import os
import shutil
import threading

import pytest

from musicdb.web import serve

from .serving import HOSTILE, library  # noqa: F401  (the same small library, hostile strings included)
from .test_datasette import QUERIES

pytestmark = pytest.mark.browser
PAGES = ["", "/library", "/tracks", "/tracks/1", "/tracks/2", "/release_groups/1", "/platform_tracks", "/platform_tracks/2", "/track_links",
         "/image_renditions", "/quarantine", "/listening", "/claims", *(f"/{name}" for name in QUERIES)]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        if os.environ.get("MUSICDB_REQUIRE_BROWSER"):
            pytest.fail("MUSICDB_REQUIRE_BROWSER is set and no Chromium was found")
        pytest.skip("no Chromium on the path: install one, e.g. `apt install chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        running = p.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(library):  # noqa: F811
    sock = serve.listen(18900)
    server = serve.server(library, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    sock.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_pages_fit_ask_nobody_and_run_no_script(browser, address, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    elsewhere, dialogs, broken = [], [], []
    page.on("request", lambda request: request.url.startswith((address, "data:")) or elsewhere.append(request.url))
    page.on("response", lambda answer: answer.status < 400 or broken.append((answer.status, answer.url)))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: broken.append(str(error)))
    too_wide = {}
    for path in PAGES:
        page.goto(f"{address}/my+lib{path}", wait_until="load")
        if (found := page.evaluate("document.documentElement.scrollWidth")) > width:
            too_wide[path] = found
    assert (too_wide, elsewhere, dialogs, broken) == ({}, [], [], [])
    page.goto(f"{address}/my+lib/tracks/2")
    assert page.inner_text("h1") == " ".join(HOSTILE.split())
    ground, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark") and ground != ink
    context.close()


def test_a_cover_is_loaded_and_the_search_finds(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/")
    page.wait_for_function("document.querySelector('.covers img').naturalWidth == 300")
    page.get_by_label("Search tracks").fill("koji nightfall")
    page.keyboard.press("Enter")
    page.wait_for_url("**/library?_search=**")
    assert page.locator(".rows-and-columns tbody tr").count() == 1
    page.get_by_role("link", name="Nightfall").first.click()
    assert "Dub Mix" in page.inner_text("h1")
    page.close()
