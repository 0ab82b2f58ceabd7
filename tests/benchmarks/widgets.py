"""python -m tests.benchmarks.widgets [tracks] [--db PATH] [--browser]: the list at 100,000 rows.

Prints: a screen of 200 rows against a grid of HBoxes (time, comm messages); the answer to a key (page, search, sort); growth of kernel
memory from page turn 200 to 2,000; with --browser also the answer to a key as a person sees it and growth of the JavaScript heap.
Goals: <= 1/50 of the HBox time, <= 3 messages, a key < 100 ms, growth < 10 % after garbage collection.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import statistics
import tempfile
import time
from pathlib import Path

import comm
import ipywidgets
from PIL import Image

import musicdb
from musicdb import images, truth

from .truth import library


def build(path: Path, tracks: int) -> None:
    """A library of `tracks` tracks, with 600 covers shared among its albums."""
    with musicdb.open(path) as db:
        library(db, tracks)
        truth.resolve(db)
        with db.operation("covers", mode="batch"):
            ids = []
            for _ in range(600):
                out = io.BytesIO()
                Image.effect_noise((300, 300), 60).convert("RGB").save(out, "JPEG")
                ids.append(images.store(db, out.getvalue(), platform="local"))
            groups = [row[0] for row in db.execute("select id from release_groups")]
            db.executemany(
                "insert into image_links (image_id, release_group_id, platform, is_selected) values (?, ?, 'local', 1)",
                [(ids[g % 600], g) for g in groups],
            )
        db.execute("analyze")


class Counted:
    """Counts the comm messages that widgets send, and makes their JSON as a kernel would."""

    def __enter__(self):
        self.n, self.bytes = 0, 0
        real = self.real = comm.base_comm.BaseComm.publish_msg

        def publish(one, msg_type, data=None, metadata=None, buffers=None, **keys):
            self.n += 1
            self.bytes += len(json.dumps([msg_type, data, keys], default=str)) + sum(len(b) for b in buffers or ())

        self.patched = [cls for cls in (comm.base_comm.BaseComm, *comm.base_comm.BaseComm.__subclasses__()) if "publish_msg" in vars(cls)]
        self.saved = [cls.publish_msg for cls in self.patched]
        for cls in self.patched:
            cls.publish_msg = publish
        assert real
        return self

    def __exit__(self, *exc):
        for cls, saved in zip(self.patched, self.saved):
            cls.publish_msg = saved


def timed(work, rounds: int = 20, clock=time.perf_counter) -> list[float]:
    took = []
    for _ in range(rounds):
        start = clock()
        work()
        took.append((clock() - start) * 1000)
    return sorted(took)


def hboxes(db, rows: int = 200):
    """What one would write with ipywidgets alone: a row is an HBox of an image and labels."""
    found = db.q("select * from library order by artist_credit limit ?", [rows])
    boxes = []
    for row in found:
        picture = images.get(db, track=row.id, size="thumbnail")
        cells = [ipywidgets.Image(value=picture.data if picture else b"", width=44, height=44)]
        cells += [
            ipywidgets.Label(str(row[c] or ""))
            for c in ("title", "version", "artist_credit", "album", "year", "bpm", "musical_key", "duration_ms", "rating", "platforms")
        ]
        boxes.append(ipywidgets.HBox([ipywidgets.Checkbox(), *cells]))
    return ipywidgets.VBox(boxes)


def rss() -> int:
    """Resident memory of this process in bytes; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def screen(db) -> None:
    """CPU time, so that what else the machine does counts for neither side."""
    with Counted() as theirs:
        start = time.process_time()
        box = hboxes(db)
        hbox = (time.process_time() - start) * 1000
    took = []
    for n in range(6):
        with Counted() as ours:
            start = time.process_time()
            grid = musicdb.Grid(db, "library", limit=200, name=f"screen {n}")
            took.append((time.process_time() - start) * 1000)
            grid._send_covers(list(grid_covers(grid)), "thumbnail")
            grid._settle(True)
    ours_ms = statistics.median(took[1:])
    turns = []
    for n in range(1, 20):
        start = time.process_time()
        grid.press({"do": "page", "offset": n * 200 % max(1, grid.list.total)})
        turns.append((time.process_time() - start) * 1000)
    page = statistics.median(turns)
    print(f"a screen of 200 rows (CPU): HBox grid {hbox:,.0f} ms, {theirs.n:,} messages, {theirs.bytes / 1e6:.1f} MB; Grid {ours_ms:.1f} ms, {ours.n} messages, "
          f"{ours.bytes / 1e6:.2f} MB: 1/{hbox / ours_ms:,.0f} of the time; the next 200: {page:.1f} ms, 1/{hbox / page:,.0f}")  # fmt: skip
    del box


def grid_covers(grid) -> set[int]:
    place = [c["name"] for c in grid.state["columns"]].index("cover")
    return {row["v"][place] for row in grid.state["rows"] if row["v"][place]}


def keys(db) -> None:
    grid = musicdb.Grid(db, name="keys")

    def say(what: str, work) -> None:
        took, cpu = timed(work), timed(work, clock=time.thread_time)
        print(
            f"  {what:32} median {statistics.median(took):6.1f} ms, p95 {took[18]:6.1f} ms; CPU of its own median {statistics.median(cpu):6.1f} ms"
        )

    print(f"a key at {grid.state['total']:,} rows:")
    say("next page (50 rows)", lambda: grid.press({"do": "page", "offset": grid.offset + 50}))
    say("last page", lambda: grid.press({"do": "page", "offset": grid.list.total - 30 - grid.offset % 2}))
    words = iter("n ni nig nigh night nightf w wi win wint winte winter r ri riv river s so son song".split() * 3)
    say("a letter more in the search", lambda: grid.press({"do": "search", "text": next(words)}))
    say("search cleared", lambda: grid.press({"do": "search", "text": ""}))
    say("bpm:120..128 key:8A", lambda: grid.press({"do": "search", "text": "bpm:120..128 key:8A"}))
    grid.press({"do": "search", "text": ""})
    names = iter(["year", "bpm", "title", "album", "musical_key"] * 10)
    say("another order", lambda: grid.press({"do": "sort", "name": next(names)}))
    say("select a row", lambda: grid.press({"do": "select", "ids": [grid.state["rows"][3]["id"]], "on": True}))


def memory(db) -> None:
    grid = musicdb.Grid(db, name="memory")
    covers = lambda: grid._send_covers(list(grid_covers(grid)), "thumbnail")  # noqa: E731
    marks = {}
    for n in range(1, 2001):
        grid.press({"do": "page", "offset": n * 50 % grid.list.total})
        covers()
        if n in (200, 2000):
            gc.collect()
            marks[n] = rss()
    print(
        f"kernel memory: {marks[200] / 1e6:.1f} MB at page turn 200, {marks[2000] / 1e6:.1f} MB at 2,000 ({marks[2000] / marks[200] * 100 - 100:+.1f} %)"
    )


def browser(path: Path, turns: int = 2000) -> None:
    """The same in real JupyterLab."""
    from playwright.sync_api import sync_playwright

    from ..lab_driver import FLAGS, Lab, Page, chromium, write

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as p:
        home = Path(folder)
        (home / "nb").mkdir()
        write(home / "nb", "grid.ipynb", f"import musicdb, gc\ndb = musicdb.open({str(path)!r})", "g = musicdb.Grid(db)\ng")
        server = Lab(home / "nb", path, home)
        try:
            running = p.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = Page(running, server, "grid.ipynb")
            page.run()
            page.page.locator(".mdb .scroll").focus()
            cdp = page.page.context.new_cdp_session(page.page)
            cdp.send("HeapProfiler.enable")

            def heap() -> int:
                for _ in range(3):
                    cdp.send("HeapProfiler.collectGarbage")
                return page.page.evaluate("performance.memory.usedJSHeapSize")

            took, marks = [], {}
            for n in range(1, turns + 1):
                took.append(page.page.evaluate(TURN))
                if n in (200, turns):
                    page.page.wait_for_timeout(500)
                    marks[n] = heap()
            took.sort()
            print(
                f"browser: a page turn to its rows on the screen: median {statistics.median(took):.1f} ms, p95 {took[int(len(took) * 0.95)]:.1f} ms"
            )
            print(
                f"browser: JavaScript heap {marks[200] / 1e6:.1f} MB at page turn 200, {marks[turns] / 1e6:.1f} MB at {turns:,} ({marks[turns] / marks[200] * 100 - 100:+.1f} %)"
            )
            page.close()
            running.close()
        finally:
            server.stop()


# From the key to the new rows, by the browser's own clock; at the end of the list it goes back to its beginning.
TURN = """() => new Promise(done => {
  const box = document.querySelector('.mdb .scroll'), count = document.querySelector('.mdb-grid .bar .num'), before = count.textContent, start = performance.now();
  const seen = new MutationObserver(() => { if (count.textContent !== before) { seen.disconnect(); done(performance.now() - start); } });
  seen.observe(count, {childList: true, characterData: true, subtree: true});
  const last = document.querySelectorAll('.mdb-grid .foot button')[1].disabled;
  box.dispatchEvent(new KeyboardEvent('keydown', {key: last ? 'Home' : 'PageDown', bubbles: true}));
})"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tracks", nargs="?", type=int, default=100_000)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--only-browser", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = asked.db or Path(folder) / "music.db"
        if not path.exists():
            build(path, asked.tracks)
        if not asked.only_browser:
            with musicdb.open(path) as db:
                screen(db)
                keys(db)
                memory(db)
        if asked.browser or asked.only_browser:
            browser(path)


if __name__ == "__main__":
    main()
