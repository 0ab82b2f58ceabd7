"""Real JupyterLab in Chromium, for the tests that only a browser can do: start it on a folder of notebooks, run, press keys, look."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from musicdb import lab

ARTIFACTS = Path(__file__).parent.parent / "artifacts"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info", "--js-flags=--expose-gc"]
SOURCES = "jupyterapp.shell.currentWidget.content.model.toJSON().cells.map(c => [c.cell_type, c.source])"
CLOSE = "async () => { const w = jupyterapp.shell.currentWidget; await w.sessionContext.shutdown(); w.dispose(); }"

# Text of the screens whose contrast with what lies behind it is under 4.5 (disabled buttons may be pale).
PALE = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return c.startsWith('color(srgb') ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { const layers = []; for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; } return layers.reduceRight((b, a) => over(a, b), [255, 255, 255, 1]); };
  const pale = [];
  for (const e of document.querySelectorAll('.mdb *, .mdb-screen *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.offsetParent || e.closest('[disabled], .blank, kbd, .fa')) continue;
    const back = ground(e), ink = over(parse(getComputedStyle(e).color), back), [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) pale.push(`${e.tagName} ${e.className} "${e.textContent.slice(0, 30)}" ${((a + .05) / (b + .05)).toFixed(2)}`);
  }
  return [...new Set(pale)].slice(0, 12);
}"""


# What a screen reader or the Tab key would stumble over in the screens: controls without a name, pictures without words, a forced order.
UNNAMED = """() => {
  const named = e => (e.getAttribute('aria-label') || e.textContent || e.title || [...(e.labels || [])].map(l => l.textContent).join('') || '').trim();
  const wrong = [];
  for (const e of document.querySelectorAll('.mdb :is(button, input, select, textarea, [tabindex="0"]), .mdb-screen :is(button, input, select, textarea)')) {
    if (!e.offsetParent) continue;
    if (!named(e)) wrong.push(`no name: ${e.outerHTML.slice(0, 120)}`);
    if (e.tabIndex > 0) wrong.push(`forced order: ${e.outerHTML.slice(0, 120)}`);
  }
  for (const e of document.querySelectorAll('.mdb img')) if (!e.alt) wrong.push(`no alt: ${e.outerHTML.slice(0, 120)}`);
  for (const e of document.querySelectorAll('.mdb [role=row]')) if (!e.closest('[role=grid]') || ![...e.children].every(c => ['gridcell', 'columnheader'].includes(c.getAttribute('role')))) wrong.push(`row: ${e.outerHTML.slice(0, 120)}`);
  for (const e of document.querySelectorAll('.mdb .status')) if (e.getAttribute('role') !== 'status') wrong.push('a status line that is not read out');
  return [...new Set(wrong)].slice(0, 12);
}"""


def chromium() -> str:
    """The path of a Chromium; skips (or fails, where it is required) without one."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        if os.environ.get("MUSICDB_REQUIRE_BROWSER"):
            pytest.fail("MUSICDB_REQUIRE_BROWSER is set and no Chromium was found")
        pytest.skip("no Chromium on the path: install one, e.g. `apt install chromium`")
    return found


def notebook(*cells: str) -> str:
    """A notebook of these code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.writes(made)


class Lab:
    """A running JupyterLab over `folder`, its kernels with MUSICDB_DB set to `database`."""

    def __init__(self, folder: Path, database: Path, home: Path):
        port = lab.free_port(18940)
        start = lab.command(database, folder, port, {**os.environ, "PYTHONWARNINGS": "ignore"})
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        ):
            start.environment[name] = str(home / name)
        self.token, self.address = start.environment["JUPYTER_TOKEN"], f"http://{lab.HOST}:{port}"
        arguments = [*start.arguments, "--LabApp.expose_app_in_browser=True"]
        self.server = lab.start("JupyterLab", arguments, start.environment, start.url, home / "lab.log")
        lab.wait_until_ready(self.server)

    def stop(self) -> None:
        asked = urllib.request.Request(f"{self.address}/api/shutdown", method="POST", headers={"Authorization": f"token {self.token}"})
        try:
            urllib.request.urlopen(asked, timeout=5).close()
            self.server.process.wait(8)
        except (OSError, subprocess.TimeoutExpired):
            self.server.stop()


class Page:
    """One notebook open in one browser page. `elsewhere`, `errors`, `dialogs`: requests to others, script errors, boxes that opened."""

    def __init__(self, browser, lab: Lab, name: str, *, width: int = 1280, height: int = 800, dark: bool = False):
        self.lab, self.name = lab, name
        # One JupyterLab page for all: its scripts are fetched, compiled and set up once; every notebook has a kernel of its own.
        found = [page for context in browser.contexts for page in context.pages if page.url.startswith(lab.address)]
        self.page = found[0] if found else browser.new_context().new_page()
        self.page.set_viewport_size({"width": width, "height": height})
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        own = (lab.address, "data:", "blob:", lab.address.replace("http", "ws"))
        self.heard = {
            "request": lambda r: r.url.startswith(own) or self.elsewhere.append(r.url),
            "pageerror": lambda e: self.errors.append(str(e)),
            "dialog": lambda d: (self.dialogs.append(d.message), d.accept()),
        }
        for event, what in self.heard.items():
            self.page.on(event, what)
        if found:
            self.page.evaluate("async path => { await jupyterapp.commands.execute('docmanager:open', {path}); }", name)
        else:
            self.page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}&reset", wait_until="domcontentloaded")
        self.idle()
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.evaluate("jupyterapp.shell.collapseLeft()")
        self.page.wait_for_function("dark => (document.body.dataset.jpThemeLight === 'false') === dark", arg=dark)

    def idle(self) -> None:
        self.page.wait_for_function(
            "name => window.jupyterapp && jupyterapp.shell.currentWidget?.context?.path === name && jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'",
            arg=self.name, timeout=60_000,
        )  # fmt: skip

    def run(self) -> None:
        """Run all cells; returns when they are done."""
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")

    def sources(self) -> list:
        """What the cells hold, to see that no key changed them."""
        return self.page.evaluate(SOURCES)

    def cell_errors(self) -> list[str]:
        """The errors that cells ended with."""
        return self.page.evaluate(
            "jupyterapp.shell.currentWidget.content.model.toJSON().cells.flatMap(c => (c.outputs || []).filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue))"
        )

    def said(self, within: str = "") -> str:
        """The status line of a screen."""
        return self.page.locator(f"{within} .mdb .status .text").last.inner_text()

    def shot(self, name: str) -> Path:
        """A picture for people to look at, in artifacts/ (git-ignored)."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        return ARTIFACTS / f"{name}.png"

    def top(self) -> None:
        self.page.evaluate("document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => e.scrollTop = 0)")

    def close(self) -> None:
        """End the kernel (it would take the memory) and put the notebook away as it was saved."""
        self.page.evaluate(CLOSE)
        for event, what in self.heard.items():
            self.page.remove_listener(event, what)


def until(condition, timeout_s: float = 10.0, every_s: float = 0.05):
    """Wait for condition() to be true; return what it returned."""
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        time.sleep(every_s)
    return found


def write(folder: Path, name: str, *cells: str) -> None:
    (folder / name).write_text(notebook(*cells), "utf-8")
    json.loads((folder / name).read_text("utf-8"))
