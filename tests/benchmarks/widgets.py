"""python -m tests.benchmarks.widgets [tracks] [--db PATH] [--browser]: the list at 100,000 rows.

Prints: a screen of 200 rows against a grid of HBoxes (time, comm messages); the answer to a key (page, search, sort); with --browser also
the answer to a key as a person sees it, and what page turns 200 to 2,000 leave in the memory of the kernel and of the browser.
Goals: <= 1/50 of the HBox time, <= 3 messages, a key < 100 ms, growth < 10 % after garbage collection.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import comm
import ipywidgets
from PIL import Image

import musicdb
from musicdb import images, truth
from musicdb.widgets.base import pool

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


def rss(process: int | str = "self") -> int:
    """Resident memory of a process in bytes; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def screen(db) -> None:
    """CPU time of the thread that makes the screen, so that what else the machine does counts for neither side."""
    with Counted() as theirs:
        start = time.thread_time()
        box = hboxes(db)
        hbox = (time.thread_time() - start) * 1000
    took = []
    for n in range(6):
        with Counted() as ours:
            start = time.thread_time()
            grid = musicdb.Grid(db, "library", limit=200, name=f"screen {n}")
            took.append((time.thread_time() - start) * 1000)
            grid._send_covers(list(grid_covers(grid)), "thumbnail")
            grid._settle(grid.list.asked)
        pool(db, "settle").submit(int).result()
    ours_ms = statistics.median(took[1:])
    turns = []
    for n in range(1, 20):
        start = time.thread_time()
        grid.press({"do": "page", "offset": n * 200 % max(1, grid.list.total)})
        turns.append((time.thread_time() - start) * 1000)
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


def browser(path: Path, turns: int = 2000) -> None:
    """The same in real JupyterLab: what a person waits for, and what 2,000 page turns leave behind on both sides."""
    from playwright.sync_api import sync_playwright

    from ..lab_driver import FLAGS, Lab, Page, chromium, write

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as p:
        home = Path(folder)
        (home / "nb").mkdir()
        start = f"import musicdb, os\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\ndb = musicdb.open({str(path)!r})"
        write(home / "nb", "grid.ipynb", start, "g = musicdb.Grid(db)\ng")
        server = Lab(home / "nb", path, home)
        try:
            running = p.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = Page(running, server, "grid.ipynb")
            page.run()
            page.page.locator(".mdb .scroll").focus()
            cdp = page.page.context.new_cdp_session(page.page)
            cdp.send("HeapProfiler.enable")
            cdp.send("Performance.enable")
            kernel = int((home / "nb" / "pid").read_text())

            def held() -> dict[str, float]:
                """What is still held after garbage collection, of both sides."""
                page.page.wait_for_timeout(1000)  # covers on their way
                page.page.evaluate(COLLECT)
                for _ in range(3):
                    cdp.send("HeapProfiler.collectGarbage")
                    page.page.wait_for_timeout(100)
                seen = {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}
                return {
                    "JavaScript heap, MB": seen["JSHeapUsedSize"] / 1e6, "kernel, MB": rss(kernel) / 1e6,
                    "DOM nodes": seen["Nodes"], "event listeners": seen["JSEventListeners"],
                }  # fmt: skip

            def keys(name: str, n: int) -> None:
                page.page.wait_for_timeout(1000)
                before = burnt(kernel, server.server.process.pid)
                took = [pause(page.page.evaluate(ANSWER, KEY[name])) for _ in range(n)]
                page.page.wait_for_timeout(1000)
                after = burnt(kernel, server.server.process.pid)
                said(name, took)
                each = ", ".join(f"{who} {(after[who] - before[who]) * 1000 / n:.0f} ms" for who in after)
                print(f"    CPU a key, with covers and what follows: {each}")

            for name in KEY:
                keys(name, 40)
            page.page.evaluate(
                "() => { const find = document.querySelector('.mdb-grid input[type=search]'); find.value = ''; find.dispatchEvent(new Event('input')); }"
            )
            page.page.wait_for_timeout(1000)
            took, marks = [], {}
            for n in range(1, turns + 1):
                took.append(page.page.evaluate(ANSWER, KEY["page"]))
                if n in (200, turns):
                    marks[n] = held()
            said("page, 2,000", took)
            for name, now in marks[turns].items():
                before = marks[200][name]
                print(f"  {name}: {before:,.1f} at page turn 200, {now:,.1f} at {turns:,} ({now / before * 100 - 100:+.1f} %)")
            page.close()
            running.close()
        finally:
            server.stop()


def burnt(kernel: int, server: int) -> dict[str, float]:
    """Seconds of CPU that the kernel, the Jupyter server and the browser took so far, whatever else the machine does."""
    found: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))

    def ours(pid: int) -> bool:
        while pid in found and pid not in (kernel, server):
            if pid == os.getpid():
                return True
            pid = found[pid][0]
        return False

    browser = sum(cpu for pid, (_, cpu) in found.items() if pid != os.getpid() and ours(pid))
    return {"kernel": found[kernel][1], "server": found[server][1], "browser": browser}


def pause(took: float) -> float:
    """A quick typist's rest."""
    time.sleep(0.1)
    return took


def said(name: str, took: list[float]) -> None:
    took = sorted(took)
    print(
        f"  browser, from the key to the painted frame: {name:12} median {statistics.median(took):6.1f} ms, p95 {took[int(len(took) * 0.95)]:6.1f} ms"
    )


COLLECT = "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code: 'import gc; gc.collect()', silent: true}).done; }"
# From the key to the frame that shows the answer, by the browser's own clock; at the end of the list it goes back to its beginning.
ANSWER = """press => new Promise(done => {
  const grid = document.querySelector('.mdb-grid'), start = performance.now();
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => { const painted = new MessageChannel(); painted.port1.onmessage = () => done(performance.now() - start); painted.port2.postMessage(0); });
  });
  new Function('grid', 'seen', press)(grid, seen);
})"""
_KEY = "grid.querySelector('.scroll').dispatchEvent(new KeyboardEvent('keydown', {key: KEY, bubbles: true}));"
_ROWS = "seen.observe(grid.querySelector('.rows'), {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['aria-rowindex', 'aria-sort']});"
KEY = {
    "page": "seen.observe(grid.querySelector('.bar .num'), {childList: true, characterData: true, subtree: true});"
    + _KEY.replace("KEY", "grid.querySelectorAll('.foot button')[1].disabled ? 'Home' : 'PageDown'"),
    "search": _ROWS + "const find = grid.querySelector('input[type=search]'), words = 'ni nig night n ri river r wi w winter'.split(' ');"
    "find.focus(); find.value = words[(words.indexOf(find.value) + 1) % words.length]; find.dispatchEvent(new Event('input'));",
    "sort": _ROWS + "const some = [...grid.querySelectorAll('[role=columnheader] button')]; some[(grid.turn = (grid.turn || 0) + 1) % some.length].click();",
    "down": "seen.observe(grid.querySelector('.scroll'), {attributes: true, attributeFilter: ['aria-activedescendant']});" + _KEY.replace("KEY", "'ArrowDown'"),
    "select": "seen.observe(grid.querySelectorAll('.foot span')[0], {childList: true, characterData: true, subtree: true});" + _KEY.replace("KEY", "'x'"),
}  # fmt: skip


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
        if asked.browser or asked.only_browser:
            browser(path)


if __name__ == "__main__":
    main()
