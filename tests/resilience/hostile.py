"""Figure 9. python -m tests.resilience.hostile [pages] [seed]: hostile strings in every text of the database, and everything that shows text.

A library of every importer is filled; then in each table most texts, also those inside JSON, become markup, terminal codes, paths, formulas,
marks of other formats. Looked at: every page that is reached from the home page, every table, view and query (as many as `pages`, 0 for all), as
HTML with a parser and a part of them in Chromium; the same pages asked under another Host; every screen in JupyterLab; every command that
prints; every export. A script that runs, a tag that a title made, a foreign request, an answer of 500, a code that reaches the terminal, a formula in a CSV, a broken
XML or a file outside its folder is a fault. Exits 1 then.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sqlite3
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from click.testing import CliRunner

import musicdb
from musicdb.cli import cli
from musicdb.web import serve
from musicdb.widgets import SCREENS
from tests import lab_driver
from tests.resilience import library

STRINGS = [
    '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>',
    '" onmouseover="window.pwned=3" onfocus=window.pwned=4 autofocus x="',
    "'><svg onload=window.pwned=5></svg><a href='javascript:window.pwned=6'>x</a>",
    "</script></style></title></textarea><script>window.pwned=7</script>",
    "javascript:window.pwned=8",
    "{{ 7919*7907 }}{% for x in y %}${7919*7907}",
    "\x1b]0;pwned\x07\x1b[2J\x1b[1Afaked\r\nline\x9b2J\u202egpj.exe\u202c\u2028",
    "../../../../tmp/pwned", "..\\..\\pwned", "/tmp/pwned", "C:\\pwned", "CON", "..", "a/b:c*?",
    "=cmd|'/C calc'!A1", "@SUM(1)", "+1+1", "-2+3", "\t=1", "\r=1",
    "]]><!-- &x; <!ENTITY", "line\n#EXTINF:1,pwned\n/etc/passwd", "'; drop table tracks; --", 'a" b', "\ufeff\u200b\u0301", "\U0001f9db\u200d",
    "W" * 4000,
]  # fmt: skip
# Made by musicdb itself, of few words, or with a meaning that a query needs: no stranger's text comes there.
OURS = re.compile(
    r"(_at|_date|_precision|^date|platform|kind|status|sha256|mime|uid|operation|type|method|role|match_key|level|field|actor|direction|scope|source|winner|currency)$"
)
TABLES_LEFT = re.compile(r"sqlite|_fts|_migrations|^platforms$|^claim_paths|^trust$|^settings|^image_renditions$|^images$|current_operation|^schema")
CODES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")


# ---------- the database
def poison(path: Path, pick: random.Random) -> int:
    """Give most texts another value, past every importer and trigger. Returns how many."""
    done = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        triggers = conn.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
        for name, _ in triggers:
            conn.execute(f'drop trigger "{name}"')
        for (table,) in conn.execute("select name from sqlite_master where type = 'table' and sql not like 'create virtual%'").fetchall():
            if TABLES_LEFT.search(table):
                continue
            about = conn.execute(f'pragma table_info("{table}")').fetchall()
            key = ", ".join(f'"{row[1]}"' for row in about if row[5]) or "rowid"
            where = f"({key}) = ({', '.join('?' * (key.count(',') + 1))})"
            for column in (row[1] for row in about if row[2] == "TEXT" and not OURS.search(row[1])):
                for value, *row in conn.execute(f'select "{column}", {key} from "{table}" where typeof("{column}") = \'text\'').fetchall():
                    if pick.random() < 0.3:
                        continue
                    try:
                        conn.execute(f'update "{table}" set "{column}" = ? where {where}', (changed(value, pick), *row))
                        done += 1
                    except sqlite3.IntegrityError:
                        pass  # a word that the table allows no other for, or one that is taken
        for table in ("tracks_fts", "platform_tracks_fts"):
            if conn.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone():
                conn.execute(f"insert into {table} ({table}) values ('rebuild')")
        for _, sql in triggers:
            conn.execute(sql)
    return done


def changed(value: str, pick: random.Random) -> str:
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    return json.dumps(inside(found, pick)) if isinstance(found, (dict, list)) else pick.choice(STRINGS)


def inside(value: Any, pick: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: inside(one, pick) for key, one in value.items()}
    if isinstance(value, list):
        return [inside(one, pick) for one in value]
    return pick.choice(STRINGS) if isinstance(value, str) and pick.random() < 0.7 else value


# ---------- pages
class Reader(HTMLParser):
    """The links of a page, and what no title may make."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.bad: list[str] = []
        self.script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.script = tag == "script"
        for name, value in attributes:
            if name.startswith("on") or "pwned" in name or (re.match(r"\s*(javascript|vbscript|data:text)", value or "", re.I) and name in ("href", "src", "action")):
                self.bad.append(f"<{tag} {name}={value!r:.60}>")
            if name == "href" and tag == "a" and value:
                self.links.append(value)

    def handle_endtag(self, tag: str) -> None:
        self.script = False

    def handle_data(self, data: str) -> None:
        if "62615533" in data:
            self.bad.append("a title was run as a template")
        if self.script and "pwned" in data:
            self.bad.append("a title in a script")


@contextmanager
def served(path: Path) -> Iterator[str]:
    sock = serve.listen(18960)
    server = serve.server(path, sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()


def asked(url: str, **headers: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), error.read().decode("utf-8", "replace")


def pages(address: str, path: Path, count: int, pick: random.Random) -> tuple[list[str], list[str]]:
    """(urls that were asked, faults)"""
    base = f"{address}/{quote(path.stem)}"
    with musicdb.open(path) as db:
        tables = [row[0] for row in db.execute("select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite%'")]
    todo = [f"{address}/", f"{base}/home", *(f"{base}/{quote(name)}" for name in tables)]
    seen, bad, shapes = dict.fromkeys(todo), [], {}
    asked_of = []
    while todo and (not count or len(asked_of) < count):
        url = todo.pop(0)
        asked_of.append(url)
        status, kind, text = asked(url)
        if status >= 500:
            bad.append(f"{url}: {status}")
        if asked(url, Host="evil.example")[0] != 403:
            bad.append(f"{url}: answered to another Host")
        if kind != "text/html":
            if "<script>window" in text and kind not in ("application/json", "text/plain", "text/csv", "application/xml", "audio/x-mpegurl"):
                bad.append(f"{url}: {kind} with markup")
            continue
        page = Reader()
        page.feed(text)
        bad += [f"{url}: {fault}" for fault in page.bad]
        pick.shuffle(page.links)
        for link in page.links:
            found = urljoin(url, link).split("#")[0]
            shape = re.sub(r"\d+|=[^&]*", "", urlsplit(found).path + "?" + urlsplit(found).query)
            if found.startswith(address) and found not in seen and shapes.get(shape, 0) < 3:
                shapes[shape] = shapes.get(shape, 0) + 1
                seen[found] = None
                todo.append(found)
    return asked_of, bad


def browsed(address: str, urls: list[str]) -> list[str]:
    """What a browser did at these pages that it should not."""
    from playwright.sync_api import Error, sync_playwright

    bad = []
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=lab_driver.chromium(), args=lab_driver.FLAGS)
        page = browser.new_page()
        page.on("dialog", lambda d: (bad.append(f"{page.url}: dialog {d.message}"), d.dismiss()))
        page.on("request", lambda r: r.url.startswith((address, "data:")) or bad.append(f"{page.url}: asks {r.url:.80}"))
        for url in urls:
            try:
                page.goto(url, wait_until="load")
            except Error as error:
                if "Download is starting" not in str(error) and "ERR_ABORTED" not in str(error):
                    bad.append(f"{url}: {error}")
                continue
            page.evaluate("document.querySelectorAll('*').forEach(e => { e.dispatchEvent(new MouseEvent('mouseover')); })")
            if page.evaluate("window.pwned") is not None:
                bad.append(f"{url}: a script ran ({page.evaluate('window.pwned')})")
        browser.close()
    return bad


def notebooks(path: Path, root: Path) -> list[str]:
    """The same for every screen in JupyterLab, and for what `db.q` shows."""
    from playwright.sync_api import sync_playwright

    with musicdb.open(path) as db:
        track = db.value("select id from tracks order by id")
    of_track = ("TrackDetails", "TruthEditor", "ImagePicker", "Tagger", "PlatformSearch")
    cells = [f"musicdb.{name}(db{f', [{track}, {track + 1}]' if name in of_track else ''})" for name in SCREENS]
    cells = [cell.replace(f"[{track}, {track + 1}]", str(track)) if "Details" in cell or "Search" in cell else cell for cell in cells]
    books, home = root / "books", root / "home"
    books.mkdir()
    home.mkdir()
    lab_driver.write(books, "all.ipynb", f"import musicdb\ndb = musicdb.open({str(path)!r})", *cells, "db.q('select * from tracks limit 50')", "db.q('select * from platform_values limit 200')")
    running = lab_driver.Lab(books, path, home)
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=lab_driver.chromium(), args=lab_driver.FLAGS)
            page = lab_driver.Page(browser, running, "all.ipynb", height=3000)
            page.run()
            page.idle()
            for at in range(0, 40):
                page.page.evaluate("at => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => e.scrollTop = at * 600)", at)
                page.page.wait_for_timeout(100)
            bad = [f"notebook: {what}" for what in [*page.cell_errors(), *page.dialogs, *(f"asks {url:.80}" for url in page.elsewhere)]]
            if (ran := page.page.evaluate("window.pwned")) is not None:
                bad.append(f"notebook: a script ran ({ran})")
            if made := page.page.evaluate("document.querySelectorAll(\".jp-OutputArea img[src='x'], .jp-OutputArea svg[onload], .mdb script\").length"):
                bad.append(f"notebook: {made} tags that titles made")
            page.close()
            browser.close()
    finally:
        running.stop()
    return bad


# ---------- commands
def commands(path: Path, root: Path) -> tuple[int, list[str]]:
    """Run what prints or writes; (how many ran, faults)."""
    with musicdb.open(path) as db:
        one: Callable[[str], str] = lambda sql: str(db.value(sql) or 1)  # noqa: E731
        track, playlist = one("select min(id) from tracks"), one("select name from platform_playlists where name like '%pwned%'")
        copy, event = one("select min(id) from collection_items"), one("select min(id) from events")
    out = root / "out"
    out.mkdir()
    with_arguments: dict[str, list[list[str]]] = {
        "why": [[track], [track, "title"]], "log": [[], ["--all", "--limit", "500"], ["--track", track]], "status": [[], ["--all"]],
        "playlists show": [[playlist], [playlist, "--csv"]], "playlists history": [[playlist]], "playlists diff": [[playlist, "1", "2"]],
        "playlists changes": [["spotify", "1", "2"]], "playlists restore": [[playlist, "--at", "1", "--dry-run"]], "playlists likes": [["--dry-run"]],
        "collection list": [[], ["--limit", "500"]], "collection show": [[copy]], "events show": [[event]],
        "listens top": [["artists"], ["tracks"], ["albums"]], "sync": [["--plan", "--dry-run"], ["--check"]],
        "download": [["--check"]], "config show": [[]], "import table": [[str(out / "tracks.csv")]],
        "export matches": [[str(out / "matches.jsonl")]], "export m3u": [[str(out / "lists" / "in")], [str(out / "lists" / "spotify"), "--of", "spotify"]],
        "export rekordbox-xml": [[str(out / "all.xml")], [str(out / "spotify.xml"), "--of", "spotify"]],
        "export playlists": [[str(out / "lists.json")], [str(out / "spotify.json"), "--of", "spotify"]],
        "export csv": [[str(out / "tracks.csv")], [str(out / "platform.csv"), "--table", "platform_tracks"]],
        "export json": [[str(out / "tracks.json")]], "export library": [["-o", str(out / "shared.db")]],
        **{name: [[]] for name in ("review", "inspect", "reconcile", "playlists smart", "playlists rules", "playlists plans", "collection rip", "collection buy",
           "collection dig", "collection value", "collection releases", "events list", "listens same", "listens unmatched", "check", "link", "resolve", "rebuild")},
    }  # fmt: skip
    bad, ran = [], 0
    for name in sorted(with_arguments, key=lambda name: (name in ("link", "resolve", "rebuild"), name == "import table")):
        for arguments in with_arguments[name]:
            done = CliRunner().invoke(cli, ["--db", str(path), *name.split(), *arguments], color=True)  # color: click keeps the codes
            ran += 1
            if done.exception and not isinstance(done.exception, SystemExit):
                bad.append(f"musicdb {name}: {done.exception!r:.200}")
            if found := CODES.search(re.sub(r"\x1b\[\d*(;\d+)*m", "", done.output)):
                bad.append(f"musicdb {name} {arguments}: {found[0]!r} reaches the terminal: {done.output[max(0, found.start() - 40) : found.end() + 20]!r}")
    return ran, bad + written(out, root)


def written(out: Path, root: Path) -> list[str]:
    """What is wrong with the files that exports left."""
    bad = [f"{path} is outside" for place in (Path("/tmp"), root, root.parent, Path.cwd()) for path in place.glob("*pwned*")]
    for path in sorted(out.rglob("*")):
        if any(name in ("", ".", "..", "CON") or CODES.search(name) or len(name.encode()) > 255 or name.endswith((" ", ".")) or set(name) & set('<>:"\\|?*') for name in path.relative_to(out).parts):
            bad.append(f"export: a name that not every system has: {path.relative_to(out)!s:.80}")
        if path.suffix == ".xml":
            ET.parse(path)
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                cells = [cell for row in csv.reader(file) for cell in row if FORMULA.match(cell) and not NUMBER.fullmatch(cell)]
            bad += [f"export: {path.name} has a formula: {cell!r:.60}" for cell in cells[:3]]
        elif path.suffix == ".m3u8":
            lines = path.read_text("utf-8").splitlines()
            bad += [f"export: {path.name} has a line of its own: {line!r:.60}" for line in lines if line in ("/etc/passwd", "#EXTINF:1,pwned")]
    return bad


def main(count: int, seed: int) -> int:
    pick = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "hostile.db"
        inputs = library.make(root / "in")
        with musicdb.open(path) as db:
            for _, run in library.sources(inputs):
                run(db)
            library.derive(db)
        texts = poison(path, pick)
        with served(path) as address:
            urls, bad = pages(address, path, count, pick)
            looked_at = urls if not count else pick.sample(urls, min(len(urls), max(10, count // 3)))
            bad += browsed(address, looked_at)
        bad += notebooks(path, root)
        ran, wrong = commands(path, root)
        bad += wrong
    print(*bad, sep="\n")
    print(
        f"figure 9: {texts} hostile texts; {len(urls)} pages, each under another Host too, {len(looked_at)} of them in a browser, {len(SCREENS)} screens, "
        f"{ran} commands (seed {seed}): {len(bad)} scripts, codes, paths or errors"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
