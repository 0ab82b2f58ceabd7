"""The pages in a real browser: nothing scrolls sideways on a phone, nothing is asked of another site, no stranger's script runs,
everything is reached by keyboard, and axe finds nothing serious. Screenshots stay in $MUSICDB_SCREENSHOTS where that is set."""

import os
import re
import shutil
import threading
from importlib.resources import files
from pathlib import Path

import pytest

from musicdb.web import serve

from .serving import HOSTILE, library  # noqa: F401  (the same small library, hostile strings included)
from .test_datasette import QUERIES

pytestmark = pytest.mark.browser
PAGES = ["/home", "/browse", "/browse?view=grid", "/browse/albums", "/browse/artists", "/browse/playlists", "/browse/records", "/browse/events", "/charts", "",
         "/tracks/1", "/tracks/2", "/release_groups/1", "/artists/1", "/platform_playlists/1", "/library", "/tracks", "/platform_tracks", "/platform_tracks/2",
         "/track_links", "/image_renditions", "/quarantine", "/listening", "/claims", "?sql=select+1+as+one", *(f"/{name}" for name in QUERIES)]  # fmt: skip
LOOKED_AT = [path for path in PAGES if path.lstrip("/") not in QUERIES] + ["/mixes_with", "/disagree"]


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


def watched(browser, address, width, scheme, **options):
    """(page, what went wrong): requests elsewhere, failed answers, errors on the console, dialogs."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)
    page, wrong = context.new_page(), []
    page.on("request", lambda request: request.url.startswith((address, "data:")) or wrong.append(("elsewhere", request.url)))
    page.on("response", lambda answer: answer.status < 400 or wrong.append((answer.status, answer.url)))
    page.on("dialog", lambda dialog: (wrong.append(("dialog", dialog.message)), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(("error", str(error))))
    page.on("console", lambda said: said.type in ("error", "warning") and wrong.append((said.type, said.text)))
    return page, wrong


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (390, "dark"), (1280, "light")])
def test_pages_fit_ask_nobody_and_run_no_script(browser, address, width, scheme):
    page, wrong = watched(browser, address, width, scheme)
    kept, too_wide = os.environ.get("MUSICDB_SCREENSHOTS"), {}
    for path in PAGES:
        page.goto(f"{address}/my+lib{path}", wait_until="load")
        if (found := page.evaluate("document.documentElement.scrollWidth")) > width:
            too_wide[path] = found
        if kept:
            Path(kept).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(kept) / f"{re.sub(r'[^a-z0-9]+', '-', path or 'ask').strip('-')}-{width}-{scheme}.png", full_page=True)
    assert (too_wide, wrong) == ({}, [])
    page.goto(f"{address}/my+lib/tracks/2")
    assert page.inner_text("h1") == " ".join(HOSTILE.split())
    ground, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark") and ground != ink
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (1280, "dark")])
def test_axe_finds_nothing_serious(browser, address, width, scheme):
    pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    axe = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
    page, _ = watched(browser, address, width, scheme, bypass_csp=True)  # axe is put into the page, which the page itself forbids
    found = {}
    for path in LOOKED_AT:
        page.goto(f"{address}/my+lib{path}", wait_until="load")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = {one["id"]: one["nodes"][0]["html"][:160] for one in result["violations"] if one["impact"] in ("serious", "critical")}
        if serious:
            found[path] = serious
    assert found == {}
    page.evaluate("document.querySelector('label').remove()")
    assert page.evaluate("axe.run(document)")["violations"], "axe looks"
    page.context.close()


def test_everything_is_reached_by_keyboard(browser, address):
    page, wrong = watched(browser, address, 1280, "light")
    for path in ("/home", "/browse", "/tracks/1", "/mixes_with"):
        page.goto(f"{address}/my+lib{path}")
        wanted = page.evaluate(
            "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter(e => e.checkVisibility()).length"
        )
        seen = set()
        for _ in range(wanted + 12):
            page.keyboard.press("Tab")
            at = page.evaluate("""() => { const e = document.activeElement; if (!e || e === document.body) return null;
                const all = [...document.querySelectorAll('*')]; return [all.indexOf(e), getComputedStyle(e).outlineStyle !== 'none']; }""")
            if at:
                assert at[1], f"{path}: focus cannot be seen"
                seen.add(at[0])
        assert len(seen) >= wanted, path
    assert wrong == []
    page.context.close()


def test_keys_move_open_and_explain(browser, address):
    page, wrong = watched(browser, address, 1280, "light")
    page.goto(f"{address}/my+lib/browse")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog#keys").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tracks/*")
    assert wrong == []
    page.context.close()


def test_the_search_finds_as_one_types_and_the_address_follows(browser, address):
    page, wrong = watched(browser, address, 1280, "light")
    page.goto(f"{address}/my+lib/browse")
    assert page.locator("ol.rows li").count() == 2
    page.locator("#find").press_sequentially("koji")
    page.locator("ol.rows li").nth(1).wait_for(state="detached")
    assert page.locator("ol.rows li").count() == 1 and page.url.endswith("?q=koji")
    page.reload()
    assert page.locator("ol.rows li").count() == 1
    page.get_by_role("link", name="Nightfall").first.click()
    assert "Dub Mix" in page.inner_text("h1")
    assert wrong == []
    page.context.close()


def test_a_cover_is_loaded(browser, address):
    page, wrong = watched(browser, address, 1280, "light")
    with page.expect_response("**/-/cover/**"):
        page.goto(f"{address}/")
    page.locator(".covers img").first.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.querySelector('.covers img').naturalWidth") == 300 and wrong == []
    page.context.close()


def test_the_pages_work_without_script(browser, address):
    page, _ = watched(browser, address, 390, "light", java_script_enabled=False)
    page.goto(f"{address}/my+lib/browse")
    page.locator("#find").fill("koji")
    page.get_by_role("button", name="Search").click()
    assert page.locator("ol.rows li").count() == 1 and page.locator(".facets li a").first.is_visible()
    page.context.close()
