"""The screens in real JupyterLab: keys, threads, looks. What no test without a browser would find. Pictures go to artifacts/."""

from __future__ import annotations

import shutil
import time

import pytest

import musicdb
from musicdb import assets, demo, images
from musicdb.demo.discogs_account import DiscogsAccount
from musicdb.widgets import SCREENS

from .lab_driver import FLAGS, PALE, UNNAMED, Lab, Page, chromium, until, write
from .reviewable import reviewable
from .small import Small

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"window.pwned = 1; alert('pwned')\"><script>window.pwned = 2</script> \u202eevil\u202c שלום \U0001f9db"
OPEN = "import musicdb\ndb = musicdb.open({path!r})"
EVERY_KEY = [*"abcdefghijklmnopqrstuvwxyz0123456789", *"ABDJKLMUXY", "Delete", "Backspace", "Enter", "Shift+Enter", "Control+Enter", "Alt+Enter", "Control+s", "Control+z", "Shift+M"]  # fmt: skip


# Focus a place, and come back to it whenever a key led into an editor or nowhere: no key is pressed outside the screens.
STAY = """place => {
  const e = document.querySelectorAll(place), at = [...e].find(one => one.offsetParent) || e[0], back = () => at.isConnected ? at.focus() : document.querySelector(place)?.focus();
  window.stay?.abort();
  window.stay = new AbortController();
  const lost = e => !e || e === document.body || e.closest('.jp-Cell-inputArea');
  for (const event of ['focusin', 'focusout', 'keyup']) document.addEventListener(event, () => lost(document.activeElement) && back(), {signal: window.stay.signal});
  at.scrollIntoView();
  at.focus();
}"""


def with_discogs(path):
    """One album, a red cover from the file and a blue one from Discogs, years that differ; and a track with a hostile title."""
    small = Small(path)
    album = small.album("Drift")
    track = small.track("Nightfall", album, artist_credit="Ada", year=1999)
    small.image(
        "red",
        track=small.observe(
            track,
            title="Nightfall",
            artists=["Ada"],
            album="Drift",
            said={"title": "Nightfall", "artists": ["Ada"], "album": "Drift", "year": 1999},
        ),
    )
    release = small.release("discogs", "r1", title="Drift", album=album)
    small.observe(
        track,
        platform="discogs",
        release="r1",
        title="Nightfall",
        artists=["Ada"],
        said={"title": "Nightfall", "artists": ["Ada"], "year": 1997},
    )
    small.image("blue", release=release)
    nasty = small.track(HOSTILE, album, artist_credit=HOSTILE)
    small.observe(nasty, title=HOSTILE, artists=[HOSTILE], said={"title": HOSTILE, "artists": [HOSTILE]})
    long = small.track("y" * 10_000, album, artist_credit="z" * 3000)
    small.observe(long, title="y" * 10_000, artists=["z" * 3000], said={"title": "y" * 10_000, "artists": ["z" * 3000]})
    one = small.observe(None, platform="spotify", title=HOSTILE, artists=[HOSTILE], said={"title": HOSTILE})
    small.insert("track_links", platform_track_id=one, assigned_track_id=nasty, track_id=nasty, status="candidate", method="key", confidence=65, evidence=[{"part": "title", "sentence": HOSTILE}])  # fmt: skip
    small.db.execute("insert into trust (field, platform, rank) values ('cover', 'local', -1) on conflict do update set rank = -1")
    small.db.execute("insert into trust (field, platform, rank) values ('year', 'local', -1) on conflict do update set rank = -1")
    musicdb.truth.resolve(small.db)
    images.select(small.db)
    small.db.close()
    return track, nasty, long


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def folder(home):
    (home / "nb").mkdir()
    for path in assets.path("notebooks").glob("*.ipynb"):
        shutil.copy(path, home / "nb")
    return home / "nb"


@pytest.fixture(scope="module")
def running(home, folder):
    found = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    database = demo.run(home / "demo").inputs.database
    server = Lab(folder, database, home)
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=FLAGS)
        yield server, browser
        browser.close()
    server.stop()


@pytest.fixture
def show(running, folder):
    """show(name, *cells) writes a notebook (or takes the shipped one), opens it, runs it; afterwards nothing may have gone wrong."""
    server, browser = running
    pages = []

    def opened(name, *cells, **more):
        if cells:
            write(folder, name, *cells)
        page = Page(browser, server, name, **more)
        pages.append(page)
        page.run()
        return page

    yield opened
    for page in pages:
        found = (page.errors, page.dialogs, page.elsewhere, page.cell_errors())
        page.close()
        assert found == ([], [], [], [])


@pytest.mark.parametrize("name", sorted(path.stem for path in assets.path("notebooks").glob("0*.ipynb")))
def test_every_notebook_runs_in_jupyterlab_and_asks_nobody_else(show, name):
    page = show(f"{name}.ipynb")
    page.page.locator(".mdb").first.wait_for(state="attached")
    page.top()
    assert page.page.locator("h1").first.is_visible()
    box = page.page.locator(".jp-MarkdownCell strong").first.bounding_box()
    assert box and box["y"] + box["height"] < 800 and box["x"] + box["width"] <= 1280, "what to do next stands on the first screen"
    assert page.page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('.jp-WindowedPanel-outer'))") <= 1
    page.shot(f"{name}-first-screen")
    assert page.page.evaluate(PALE) == []
    page.page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    assert page.page.evaluate(PALE) == []
    unnamed = page.page.evaluate(UNNAMED)
    for n in range(2, 5):
        unnamed += page.page.evaluate(UNNAMED)
        page.page.evaluate("document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => e.scrollTop += 620)")
        page.page.wait_for_timeout(250)
        page.shot(f"{name}-{n}-dark")
    assert unnamed == []
    if "listening" in name:  # drawn by JupyterLab itself: nothing was fetched from elsewhere, which `show` looks at
        assert page.page.locator(".vega-embed canvas").count() >= 3
    levels = page.page.locator(".mdb .status").evaluate_all("all => all.map(e => e.dataset.level)")
    assert levels and "error" not in levels
    page.page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")


def test_200_links_are_reviewed_by_keys_in_under_a_minute(show, home):
    path = home / "review.db"
    reviewable(path, 240)
    page = show("review.ipynb", OPEN.format(path=str(path)), "musicdb.LinkReview(db)")
    cards = page.page.locator(".mdb .cards")
    cards.wait_for()
    cards.click(position={"x": 500, "y": 3})
    before, pressed, begun = page.sources(), [], time.monotonic()
    for n in range(200):
        key = "r" if n in range(20, 25) or n % 17 == 16 else "a"
        card = page.page.locator(".mdb .card.at .first").first.inner_text()
        page.page.keyboard.press(key)
        pressed.append((card.removeprefix("Someone - "), key))
    with musicdb.open(path) as db:
        until(lambda: db.value("select count(*) from track_links where status = 'candidate'") == 40)
        took = time.monotonic() - begun
        rows = db.q(
            "select p.title, k.status from track_links as k join platform_tracks as p on p.id = k.platform_track_id where p.platform = 'spotify' and k.method = 'key'"
        )
        status = {row.title: row.status for row in rows if row.status in ("confirmed", "rejected")}
        assert status == {title: "confirmed" if key == "a" else "rejected" for title, key in pressed} and len(status) == 200
        print(f"200 links by key in {took:.1f} s")
        assert took < 60
        waits = db.value("select count(*) from track_links where status = 'candidate'")
        page.page.locator(".mdb .bar b", has_text="40 waiting").wait_for()
        page.page.keyboard.press("Shift+A")
        until(lambda: db.value("select count(*) from track_links where status = 'candidate'") < waits - 5)
        page.shot("review-after-group")
        page.page.keyboard.press("u")
        until(lambda: db.value("select count(*) from track_links where status = 'candidate'") == waits)
        page.page.keyboard.press("u")
        until(lambda: db.value("select count(*) from track_links where status = 'candidate'") == waits + 1)
    assert page.sources() == before


def test_a_cover_from_discogs_and_a_year_are_applied_and_undone(show, home):
    path = home / "truth.db"
    track, _, _ = with_discogs(path)
    page = show("truth.ipynb", OPEN.format(path=str(path)), f"musicdb.TruthEditor(db, {track})")
    box = page.page.locator(".mdb .scroll")
    box.wait_for()
    with musicdb.open(path) as db:
        before = images.get(db, track=track).data
        assert page.page.locator(".mdb thead th button").all_inner_texts() == ["discogs", "file"]
        box.focus()
        page.page.keyboard.press("Enter")  # the cover that Discogs has
        page.page.locator(".mdb .plan", has_text="cover").wait_for()
        cell = page.page.locator(".mdb .matrix tr", has_text="year").locator("td[role=gridcell]").first
        cell.click()
        page.page.locator(".mdb .plan ins", has_text="1997").wait_for()
        assert db.value("select year from tracks where id = ?", [track]) == 1999, "a preview changes nothing"
        page.shot("truth-preview")
        box.focus()
        page.page.keyboard.press("Shift+A")
        until(lambda: db.value("select year from tracks where id = ?", [track]) == 1997)
        assert images.get(db, track=track).data != before
        page.page.locator(".mdb .status", has_text="u takes it back").wait_for()
        page.shot("truth-applied")
        box.focus()
        page.page.keyboard.press("u")
        until(lambda: db.value("select year from tracks where id = ?", [track]) == 1999)
        assert images.get(db, track=track).data == before


def test_hostile_titles_are_text_and_no_script_runs(show, home):
    path = home / "hostile.db"
    track, nasty, long = with_discogs(path)
    cells = ["g = musicdb.Grid(db)\ng", f"musicdb.TrackDetails(db, {nasty})", "musicdb.LinkReview(db)", f"musicdb.TruthEditor(db, [{track}, {nasty}, {long}])", "t = musicdb.Tagger(db, g)\nt.add('<img src=x onerror=alert(1)>')\nt", "musicdb.HistoryPanel(db)", "db.q('select title, artist_credit from tracks')"]  # fmt: skip
    page = show("hostile.ipynb", OPEN.format(path=str(path)), *cells)
    page.page.locator(".mdb-details h3").wait_for(state="attached")
    assert page.page.locator(".mdb-details h3 bdi").first.text_content() == " ".join(HOSTILE.split())
    page.page.wait_for_timeout(500)
    assert page.page.evaluate("window.pwned") is None
    assert page.page.locator(".jp-OutputArea img[src='x']").count() == 0 and page.page.locator(".mdb script").count() == 0
    wide = page.page.evaluate("[...document.querySelectorAll('.mdb')].map(e => e.scrollWidth - e.clientWidth).filter(n => n > 1)")
    assert wide == [], "a long title widens no screen"
    page.top()
    page.shot("hostile")


def test_no_key_edits_the_notebook(show, home):
    path = home / "keys.db"
    reviewable(path, 12)
    names = list(SCREENS)
    more = {name: ", 1" for name in ("TruthEditor", "ImagePicker", "Tagger", "TrackDetails", "PlatformSearch")}
    page = show("keys.ipynb", OPEN.format(path=str(path)), *[f"musicdb.{name}(db{more.get(name, '')})" for name in names])
    page.page.locator(".mdb").nth(len(names) - 1).wait_for(state="attached")
    page.page.wait_for_timeout(300)
    before = page.sources()
    page.page.evaluate("jupyterapp.commands.execute('notebook:enter-command-mode')")
    places = [".mdb-grid .scroll", ".mdb-grid .foot button", ".mdb-cards .cards", ".mdb-matrix .scroll", ".mdb-screen .widget-button:not([disabled])", ".mdb-screen .widget-checkbox input", ".mdb-screen select", ".mdb-login button", ".mdb-details .detail"]  # fmt: skip
    for place in places:
        page.page.evaluate(STAY, place)
        assert page.page.evaluate("document.activeElement !== document.body"), place
        for key in EVERY_KEY:
            page.page.keyboard.press(key)
        assert page.sources() == before, place
    page.dialogs.clear()


def test_a_token_that_is_typed_is_in_no_saved_notebook_and_a_login_may_write_where_that_is_ticked(show, home, folder):
    start = "from musicdb import secrets\nfrom musicdb.demo.replay import Replay\nsecrets.use({place!r}, keyring=False)\nreplay = Replay()"
    cells = [
        OPEN.format(path=str(home / "login.db")),
        start.format(place=str(home / "logins")),
        "musicdb.Login(db, endpoints={name: replay.endpoint(name) for name in ('discogs', 'spotify')})",
    ]
    page = show("login.ipynb", *cells)
    page.page.locator(".mdb-login button", has_text="log in").first.click()
    field = page.page.locator(".mdb-login input[type=password]")
    field.wait_for()
    page.shot("login")
    field.fill(DiscogsAccount().token)
    field.press("Enter")
    page.page.locator(".mdb-login .status", has_text="Logged in to Discogs as kestrel.lodin").wait_for()
    assert page.page.locator(".mdb-login input[type=password]").count() == 0
    page.page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")
    page.page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    saved = until(lambda: _saved(folder))
    assert "kestrel.lodin" in saved and DiscogsAccount().token not in saved
    assert DiscogsAccount().token in (home / "logins" / "discogs.json").read_text("utf-8")
    page.page.locator(".mdb-login input[type=checkbox]").check()
    page.page.get_by_role("button", name="Log in to Spotify").click()
    client = page.page.get_by_label("Spotify Client ID")
    client.fill("client-of-a-person")
    page.shot("login-writes")
    client.press("Enter")
    page.page.locator(".mdb-login .step a[href*='playlist-modify-private']").wait_for()


def _saved(folder):
    text = (folder / "login.ipynb").read_text("utf-8")
    return text if "widget-state+json" in text else None


def test_playlists_are_compared_approved_and_carried_out_by_keys(show, home):
    path = home / "playlists.db"
    shutil.copy(home / "demo" / "music.db", path)
    page = show("playlists.ipynb", OPEN.format(path=str(path)), "musicdb.PlaylistSync(db)")
    cards = page.page.locator(".mdb .cards")
    cards.wait_for()
    cards.focus()
    before = page.sources()
    page.page.keyboard.press("g")
    page.page.locator(".mdb .status", has_text="Nothing was changed yet").wait_for()
    page.shot("playlists-plan")
    with musicdb.open(path) as db:
        for key in "aar":
            page.page.keyboard.press(key)
            page.page.wait_for_timeout(150)
        until(lambda: [db.value("select count(*) from plan_operations where status = ?", [s]) for s in ("approved", "denied")] == [2, 1])
        page.page.keyboard.press("Shift+Y")  # the box that asks is answered with yes
        page.page.locator(".mdb .status", has_text="2 steps done").wait_for()
        assert db.value("select count(*) from playlists where deleted_at is null") == 2
        page.page.locator(".mdb .cards").focus()
        page.page.keyboard.press("u")
        until(lambda: db.value("select count(*) from playlists where deleted_at is null") == 0)
    assert page.sources() == before and len(page.dialogs) == 1
    page.dialogs.clear()


def test_the_shelf_is_used_by_keys_on_a_narrow_screen(show, home):
    path = home / "shelf.db"
    shutil.copy(home / "demo" / "music.db", path)
    page = show("shelf.ipynb", OPEN.format(path=str(path)), "musicdb.Shelf(db)", width=390)
    page.page.locator(".mdb .tiles .card").first.wait_for()
    page.page.locator(".mdb .cards").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Enter")
    field = page.page.locator(".mdb select[data-field=media_condition]")
    field.wait_for()
    page.shot("shelf-record-390")
    with musicdb.open(path) as db:
        was = field.input_value()
        field.select_option("Poor (P)")
        until(lambda: db.value("select count(*) from decisions where entity = 'copy' and field = 'media_condition'") == 1)
        page.page.locator(".mdb .status", has_text="Kept through every import").wait_for()
        page.page.locator(".mdb .cards").focus()
        page.page.keyboard.press("u")
        page.page.locator(".mdb .status", has_text="Taken back").wait_for()
        assert field.input_value() == was
    page.page.keyboard.press("b")
    page.page.locator(".mdb .tiles .card.at").wait_for()
    wide = page.page.evaluate("[...document.querySelectorAll('.mdb')].map(e => e.scrollWidth - e.clientWidth).filter(n => n > 1)")
    assert wide == []


def test_two_at_once_a_busy_kernel_and_a_restart(show, home):
    path = home / "busy.db"
    reviewable(path, 300)
    work = "def slow(progress):\n    import time\n    for n in range(600):\n        progress(n, 600, 'step')\n        time.sleep(.05)\n\npanel = musicdb.ImportPanel(db)\npanel.go.on_click(lambda _: None)\npanel.work('slow thing', slow)\npanel"
    page = show("busy.ipynb", OPEN.format(path=str(path)), "g = musicdb.Grid(db, limit=20)\ng", work)
    count = page.page.locator(".mdb-grid .bar .num")
    count.wait_for()
    page.page.locator(".mdb-grid .scroll").focus()
    page.page.locator(".mdb-status progress:visible").first.wait_for()
    page.page.keyboard.press("PageDown")
    page.page.keyboard.press("PageDown")
    page.page.locator(".mdb-grid .bar .num", has_text="41–60 of 300").wait_for()
    assert page.page.locator(".mdb-status progress:visible").count() == 1, "the list answers while the work goes on"
    page.page.locator(".mdb-status button:visible", has_text="Stop").click()
    page.page.locator(".mdb-status .status", has_text="Stopped: slow thing").wait_for()
    page.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.idle()
    page.page.wait_for_timeout(300)
    page.idle()
    page.run()
    page.page.locator(".mdb-grid .bar .num", has_text="1–20 of 300").wait_for()
    page.page.locator(".mdb-grid .scroll").focus()
    page.page.keyboard.press("End")
    page.page.locator(".mdb-grid .bar .num", has_text="281–300 of 300").wait_for()
