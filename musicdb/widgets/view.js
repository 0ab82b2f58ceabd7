// The browser's side of the notebook screens: one module, five layouts (grid, cards, matrix, details, status).
// Everything that a person or a platform wrote arrives as text nodes; no markup is ever made from data.
// Keys stay inside: they are stopped here and JupyterLab is told to leave them alone, so that no key edits the notebook.

const make = (tag, props = {}, ...kids) => {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e[name] = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...kids.flat().filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return e;
};
const words = (text, extra = {}) => make("bdi", { dir: "auto", ...extra }, String(text ?? ""));
const marked = (parts) => (typeof parts === "string" ? [words(parts)] : (parts || []).map(([text, differs]) => (differs ? make("mark", {}, words(text)) : words(text))));
const clock = (ms) => {
  const s = Math.round(ms / 1000), two = (n) => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
};
const KEYS = "Abm B Ebm Gb Bbm Db Fm Ab Cm Eb Gm Bb Dm F Am C Em G Bm D Gbm A Dbm E".split(" ");
const keyName = (camelot) => KEYS[(parseInt(camelot) - 1) * 2 + (camelot.endsWith("B") ? 1 : 0)];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const moment = (iso) => {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)/.exec(iso);
  return m ? make("time", { datetime: iso, title: iso }, `${+m[3]} ${MONTHS[m[2] - 1]} ${m[1]} ${m[4]}`) : words(iso);
};
const chip = (name, labels, won) => make("span", { class: `chip p-${/^[a-z0-9]+$/.test(name) ? name : "other"}${won ? " won" : ""}` }, (labels && labels[name]) || name);
const blank = (name, side) => {
  const text = String(name || "?"), sum = [...text].slice(0, 60).reduce((n, c) => (n * 31 + c.codePointAt(0)) % 9973, 7);
  const initials = text.split(/\s+/).filter(Boolean).slice(0, 2).map((w) => [...w][0]).join("").toUpperCase();
  return make("span", { class: `blank hue-${sum % 12}`, "aria-hidden": "true", style: `width:${side}px;height:${side}px` }, initials);
};

// Pictures by id and size, asked for in one message, kept as blob addresses; the least recently used go first.
class Covers {
  constructor(model) {
    this.model = model; this.urls = new Map(); this.wanted = new Map(); this.limit = 400;
    model.on("msg:custom", (message, buffers) => message.do === "covers" && this.arrived(message, buffers));
  }
  arrived({ ids, size }, buffers) {
    ids.forEach((id, n) => {
      const data = buffers[n], key = `${id}/${size}`;
      if (!this.urls.has(key)) this.urls.set(key, data && data.byteLength ? URL.createObjectURL(new Blob([data], { type: "image/jpeg" })) : null);
      for (const img of this.wanted.get(key) || []) this.put(img, this.urls.get(key));
      this.wanted.delete(key);
    });
    while (this.urls.size > this.limit) {
      const [key, url] = this.urls.entries().next().value;
      this.urls.delete(key);
      if (url) URL.revokeObjectURL(url);
    }
  }
  put(img, url) { if (url) img.src = url; else img.replaceWith(blank(img.dataset.name, img.width)); }
  image(id, name, side, size = "thumbnail") {
    if (!id) return blank(name, side);
    const key = `${id}/${size}`, img = make("img", { class: "cover", alt: `Cover of ${name || "this"}`, width: side, height: side, decoding: "async", "data-name": name });
    if (this.urls.has(key)) {
      const url = this.urls.get(key);
      this.urls.delete(key); this.urls.set(key, url);
      if (!url) return blank(name, side);
      img.src = url;
    } else this.wanted.set(key, [...(this.wanted.get(key) || []), img]);
    return img;
  }
  ask() {
    const bySize = {};
    for (const [key, images] of this.wanted) {
      if (images.asked || !images.some((img) => img.isConnected)) { if (!images.asked) this.wanted.delete(key); continue; }
      images.asked = true;
      const [id, size] = key.split("/");
      (bySize[size] ||= []).push(+id);
    }
    for (const [size, ids] of Object.entries(bySize)) this.model.send({ do: "covers", ids, size });
  }
}

// What the person did, one message at a time and in order; the kernel answers each by raising `seen`.
class Line {
  constructor(model) {
    this.model = model; this.out = []; this.flying = null;
    model.on("change:seen", () => { if (this.flying !== null && model.get("seen") >= this.flying) { clearTimeout(this.timer); this.flying = null; this.next(); } });
  }
  say(content, { latest = false, buffers = [] } = {}) {
    if (latest) this.out = this.out.filter(([one]) => one.do !== content.do);
    this.out.push([content, buffers]);
    this.next();
  }
  next() {
    if (this.flying !== null || !this.out.length) return;
    const [content, buffers] = this.out.shift();
    this.flying = Math.max(this.model.get("seen"), this.last || 0) + 1;
    this.last = this.flying;
    this.model.send({ ...content, n: this.flying }, undefined, buffers);
    this.timer = setTimeout(() => this.silent && this.silent(), 15000);
  }
  get idle() { return this.flying === null && !this.out.length; }
}
const shared = new WeakMap();
const partsOf = (model) => { if (!shared.has(model)) shared.set(model, { covers: new Covers(model), line: new Line(model) }); return shared.get(model); };

// ---------------------------------------------------------------- layouts: each returns { draw(state), key(event) -> handled, keys: [[key, what]] }

function grid(ui) {
  const { line, covers, el } = ui;
  let cur = 0, state = {}, goTo = null, drawnColumns = "";
  const find = make("input", { type: "search", "aria-label": "Search and filter", placeholder: "Search   (bpm:120..128  key:8A  year:>1999  cover:none)" });
  const count = make("span", { class: "soft num", "aria-live": "polite" });
  const chooser = make("details", { class: "chooser" }, make("summary", {}, "Columns"));
  const chosen = make("span", { class: "soft" });
  const back = make("button", { type: "button", title: "Previous page (PageUp)", onclick: () => page(state.offset - state.limit, 0) }, "‹ previous");
  const on = make("button", { type: "button", title: "Next page (PageDown)", onclick: () => page(state.offset + state.limit, 0) }, "next ›");
  const none = make("button", { type: "button", onclick: () => line.say({ do: "none" }) }, "select none");
  const all = make("button", { type: "button", onclick: () => line.say({ do: "all" }) }, "select all found");
  const head = make("tr", { role: "row" }), body = make("tbody");
  const table = make("table", { class: "rows", role: "presentation" }, make("thead", {}, head), body);
  const box = make("div", { class: "scroll", role: "grid", tabindex: "0", "aria-multiselectable": "true" }, table);
  el.append(make("div", { class: "bar" }, find, count, make("span", { class: "room" }), chooser), box, make("div", { class: "bar foot" }, back, on, chosen, all, none));
  let typing;
  find.oninput = () => { clearTimeout(typing); typing = setTimeout(() => line.say({ do: "search", text: find.value }, { latest: true }), 120); };
  let moving;
  const at = (n, quiet) => {
    cur = Math.max(0, Math.min(n, body.rows.length - 1));
    [...body.rows].forEach((row, i) => row.classList.toggle("at", i === cur));
    const row = body.rows[cur];
    if (!row) return;
    box.setAttribute("aria-activedescendant", row.id);
    const above = row.offsetTop - head.offsetHeight, below = row.offsetTop + row.offsetHeight;
    if (above < box.scrollTop) box.scrollTop = above; else if (below > box.scrollTop + box.clientHeight) box.scrollTop = below - box.clientHeight;
    if (quiet) return;
    clearTimeout(moving);
    moving = setTimeout(() => state.rows[cur] && line.say({ do: "at", id: state.rows[cur].id }, { latest: true }), 60);
  };
  const page = (offset, where) => {
    offset = Math.max(0, Math.min(offset, Math.floor(Math.max(0, state.total - 1) / state.limit) * state.limit));
    if (offset === state.offset) return at(where);
    goTo = where;
    line.say({ do: "page", offset }, { latest: true });
  };
  const step = (by) => {
    const n = cur + by;
    if (n >= state.rows.length && state.offset + state.rows.length < state.total) page(state.offset + state.limit, 0);
    else if (n < 0 && state.offset > 0) page(state.offset - state.limit, 1e9);
    else at(n);
  };
  const mark = (n, value) => {
    const row = state.rows[n];
    if (!row || row.id === null) return;
    row.on = value ?? !row.on;
    dress(n);
    line.say({ do: "select", ids: [row.id], on: row.on });
  };
  const dress = (n) => {
    const tr = body.rows[n], row = state.rows[n];
    tr.setAttribute("aria-selected", row.on ? "true" : "false");
    tr.firstChild.firstChild.checked = !!row.on;
  };
  const cell = (column, value, row) => {
    if (column.kind === "cover") return covers.image(value, row.name, 44);
    if (value === null || value === undefined || value === "") return "";
    if (column.kind === "time") return make("span", { title: `${value} ms` }, clock(value));
    if (column.kind === "bpm") return make("span", { title: `${value} beats a minute` }, Number(value).toFixed(1));
    if (column.kind === "key") return make("span", { class: "key", title: keyName(value) || value }, value);
    if (column.kind === "stars") return make("span", { class: "stars", role: "img", "aria-label": `${value} of 5` }, "★".repeat(value) + "☆".repeat(5 - value));
    if (column.kind === "chips") return String(value).split(" ").filter(Boolean).map((name) => chip(name, state.labels));
    if (column.kind === "moment") return moment(value);
    return words(value, { title: String(value).slice(0, 400) });
  };
  const draw = (next) => {
    state = next;
    if (document.activeElement !== find && find.value !== state.query) find.value = state.query;
    const shape = JSON.stringify([state.columns, state.sort, state.desc, state.choices]);
    if (shape !== drawnColumns) {
      drawnColumns = shape;
      head.replaceChildren(make("th", { scope: "col", class: "tick", "aria-label": "Selected" }), ...state.columns.map((c) => {
        const now = state.sort === c.name ? (state.desc ? "descending" : "ascending") : "none";
        const label = make("button", { type: "button", tabindex: "-1", title: `Sort by ${c.label}`, onclick: () => line.say({ do: "sort", name: c.name }) }, c.label, now === "none" ? "" : state.desc ? " ▾" : " ▴");
        return make("th", { scope: "col", role: "columnheader", "aria-sort": now, class: `k-${c.kind}` }, c.sorts ? label : c.label);
      }));
      chooser.replaceChildren(chooser.firstChild, make("div", { class: "menu", role: "group", "aria-label": "Columns" }, state.choices.map((c) =>
        make("label", {}, make("input", { type: "checkbox", checked: c.on, onchange: (e) => line.say({ do: "columns", name: c.name, on: e.target.checked }) }), " ", c.label))));
    }
    body.replaceChildren(...state.rows.map((row, n) => make("tr", { role: "row", id: `${ui.uid}-${n}`, "aria-rowindex": state.offset + n + 2, onclick: (e) => { at(n); if (e.ctrlKey || e.metaKey) mark(n); }, ondblclick: () => line.say({ do: "open", id: row.id }) },
      make("td", { role: "gridcell", class: "tick" }, make("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${row.name || "row"}`, onclick: (e) => { e.stopPropagation(); at(n); mark(n, e.target.checked); } })),
      ...state.columns.map((c, i) => make("td", { role: "gridcell", class: `k-${c.kind}` }, cell(c, row.v[i], row))))));
    state.rows.forEach((row, n) => dress(n));
    if (!state.rows.length) body.replaceChildren(make("tr", { role: "row" }, make("td", { role: "gridcell", colspan: state.columns.length + 1, class: "soft" }, state.empty)));
    box.setAttribute("aria-rowcount", state.total + 1);
    box.setAttribute("aria-label", state.title);
    const n = (x) => x.toLocaleString("en");
    count.textContent = state.total ? `${n(state.offset + 1)}–${n(state.offset + state.rows.length)} of ${n(state.total)}` : "nothing found";
    chosen.textContent = state.selected ? `${n(state.selected)} selected` : "";
    none.hidden = !state.selected; all.hidden = !state.total;
    back.disabled = state.offset === 0; on.disabled = state.offset + state.rows.length >= state.total;
    if (goTo !== null) { box.scrollTop = 0; at(goTo); goTo = null; }
    else at(Math.max(0, state.rows.findIndex((row) => row.id === state.at)), true);
  };
  const keys = [["j / k  ↓ ↑", "next, previous"], ["space or x", "select the row"], ["Shift+↓ ↑", "select on the way"], ["PageDown / PageUp", "turn the page"], ["Home / End", "first, last page"], ["Ctrl+A", "select all found"], ["Enter", "open"], ["/", "search"], ["Esc", "back to the rows"]];
  const key = (e) => {
    if (e.target === find) {
      if (e.key === "Escape" || e.key === "Enter" || e.key === "ArrowDown") { box.focus(); return true; }
      return false;
    }
    if (e.target.closest(".chooser")) return false;
    const k = e.key, act = {
      j: () => step(1), ArrowDown: () => { if (e.shiftKey) mark(cur, true); step(1); if (e.shiftKey) mark(cur, true); }, k: () => step(-1), ArrowUp: () => { if (e.shiftKey) mark(cur, true); step(-1); if (e.shiftKey) mark(cur, true); },
      PageDown: () => page(state.offset + state.limit, 0), PageUp: () => page(state.offset - state.limit, 0), n: () => page(state.offset + state.limit, 0), p: () => page(state.offset - state.limit, 0),
      Home: () => page(0, 0), End: () => page(state.total, 1e9), " ": () => mark(cur), x: () => mark(cur), "/": () => { find.focus(); find.select(); }, Enter: () => state.rows[cur] && line.say({ do: "open", id: state.rows[cur].id }),
    }[k];
    if ((e.ctrlKey || e.metaKey) && k === "a") { line.say({ do: "all" }); return true; }
    if (!act || e.ctrlKey || e.metaKey || e.altKey || (e.target.tagName === "BUTTON" && (k === "Enter" || k === " "))) return false;
    act();
    return true;
  };
  return { draw, key, keys, focus: box };
}

function cards(ui) {
  const { line, covers, el } = ui;
  let state = {}, cur = 0, wanted = null, heldAt = null;
  const gone = new Map(); // cards that were acted upon and that the kernel has not answered yet
  const top = make("div", { class: "bar" }), list = make("div", { class: "cards", tabindex: "0", role: "list" }), foot = make("div", { class: "bar foot" });
  el.append(top, list, foot);
  const shown = () => state.cards.filter((card) => !gone.has(card.id));
  const act = (action, card) => {
    if (action.on === "card" && !card) return;
    if (action.ask && !confirm(action.ask)) return;
    const values = {};
    if (action.field) values[action.field] = list.querySelector(`[data-field="${action.field}"]`)?.value ?? "";
    if (action.takes && card) gone.set(card.id, line.last || 0);
    if (action.file) return pick(action, card);
    line.say({ do: action.do, ...(action.with || {}), ...values, ...(action.on === "card" ? { id: card.id } : {}) });
    paint();
  };
  const pick = (action, card) => {
    const input = make("input", { type: "file", accept: action.file });
    input.onchange = async () => { if (input.files[0]) line.say({ do: action.do, name: input.files[0].name, ...(card ? { id: card.id } : {}) }, { buffers: [await input.files[0].arrayBuffer()] }); };
    input.click();
  };
  const side = (one, big) => make("div", { class: "side" }, one.cover === undefined ? null : covers.image(one.cover, one.name, big, big > 64 ? "medium" : "thumbnail"),
    make("div", { class: "about" }, (one.lines || []).map((parts, n) => make("div", { class: n ? "soft" : "first" }, marked(parts))), make("div", { class: "chips" }, (one.chips || []).map((c) => chip(c.name ?? c, state.labels, c.won)), (one.meta || []).map((m) => make("span", { class: "soft num" }, marked(m))))));
  const button = (action, card) => make("button", { type: "button", class: action.strong ? "strong" : null, title: action.key ? `Key: ${action.key}` : null, disabled: action.off, onclick: () => act(action, card) }, action.key ? make("kbd", { "aria-hidden": "true" }, action.key) : null, action.label);
  const paint = () => {
    const now = shown();
    cur = Math.max(0, Math.min(cur, now.length - 1));
    const focused = el.contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
    top.replaceChildren(...[make("b", { class: "num", "aria-live": "polite" }, state.heading || ""), ...(state.filters || []).map((f) => make("button", { type: "button", class: f.on ? "pill on" : "pill", "aria-pressed": f.on ? "true" : "false", onclick: () => line.say({ do: "filter", name: f.name }) }, words(f.label), make("span", { class: "num" }, ` ${f.n}`))), make("span", { class: "room" }), make("span", { class: "soft num" }, state.counts || "")]);
    list.className = `cards ${state.layout || ""}`;
    list.setAttribute("aria-label", state.title || "");
    list.replaceChildren(...now.map((card, n) => make("div", { class: `card ${n === cur ? "at" : ""} ${card.tone || ""}`, role: "listitem", id: `${ui.uid}-${n}`, "aria-current": n === cur ? "true" : null, onclick: (e) => { if (e.target.tagName !== "BUTTON" && e.target.tagName !== "INPUT") { cur = n; paint(); tell(); } } },
      side(card.a, state.side || 44), card.b ? side(card.b, state.side || 44) : null,
      card.score !== undefined ? make("span", { class: "score num", title: "how sure, 0 to 100" }, String(card.score)) : null,
      (card.signs || []).length ? make("div", { class: "signs" }, card.signs.map((s) => make("span", { class: s[1] ? "differs" : null }, words(s[0])))) : null,
      card.more && n === cur ? make("div", { class: "more" }, card.more.map((line) => make("div", {}, marked(line)))) : null,
      n === cur || state.everywhere ? make("div", { class: "acts" }, (card.actions || state.actions || []).filter((a) => a.on === "card").map((a) => button(a, card))) : null)));
    if (!now.length) list.replaceChildren(make("p", { class: "empty" }, line.idle ? state.empty || "Nothing here." : "…"));
    if (now.length) list.setAttribute("aria-activedescendant", `${ui.uid}-${cur}`); else list.removeAttribute("aria-activedescendant");
    foot.replaceChildren(...(state.actions || []).filter((a) => a.on !== "card" && a.label).map((a) => button(a, null)));
    if (focused) list.focus({ preventScroll: true });
    const row = list.children[cur];
    if (row && row.id) { const a = row.offsetTop - 4, b = row.offsetTop + row.offsetHeight + 4; if (a < list.scrollTop) list.scrollTop = a; else if (b > list.scrollTop + list.clientHeight) list.scrollTop = b - list.clientHeight; }
    covers.ask();
  };
  const tell = () => { const card = shown()[cur]; if (state.follows && card) { clearTimeout(wanted); wanted = setTimeout(() => line.say({ do: "at", id: card.id }, { latest: true }), 60); } };
  const draw = (next) => {
    const before = shown.call && state.cards ? shown()[cur]?.id : heldAt;
    state = next;
    if (line.idle || line.flying === null) gone.clear();
    if (state.focus !== undefined && state.focus !== null) { const n = shown().findIndex((c) => c.id === state.focus); if (n >= 0) cur = n; }
    else { const n = shown().findIndex((c) => c.id === before); if (n >= 0) cur = n; }
    paint();
  };
  line.model.on("change:seen", () => { if (line.idle && gone.size) { gone.clear(); paint(); } });
  const key = (e) => {
    if (e.target.tagName === "INPUT" && e.target.type !== "checkbox") return false;
    if (e.ctrlKey || e.metaKey || e.altKey) return false;
    const wide = state.layout === "tiles", move = (by) => { const n = shown().length; cur = Math.max(0, Math.min(cur + by, n - 1)); paint(); tell(); return true; };
    if (e.target.tagName === "BUTTON" && (e.key === "Enter" || e.key === " ")) return false;
    if (e.key === "j" || e.key === "ArrowDown" || (wide && e.key === "ArrowRight")) return move(1);
    if (e.key === "k" || e.key === "ArrowUp" || (wide && e.key === "ArrowLeft")) return move(-1);
    if (e.key === "Home") return move(-1e9);
    if (e.key === "End") return move(1e9);
    const card = shown()[cur], action = [...((card && card.actions) || []), ...(state.actions || [])].find((a) => a.key === e.key && !a.off);
    if (!action) return false;
    act(action, card);
    return true;
  };
  return { draw, key, get keys() { return [["j / k  ↓ ↑", "next, previous"], ...(state.actions || []).filter((a) => a.key).map((a) => [a.key, a.help || a.label])]; }, focus: list };
}

function matrix(ui) {
  const { line, covers, el } = ui;
  let state = {}, r = 0, c = 0;
  const top = make("div", { class: "bar" }), body = make("tbody"), head = make("tr"), plan = make("div", { class: "plan", "aria-live": "polite" }), foot = make("div", { class: "bar foot" });
  const box = make("div", { class: "scroll", tabindex: "0", role: "grid" }, make("table", { class: "matrix" }, make("thead", {}, head), body));
  el.append(top, box, plan, foot);
  const say = (what, field, platform) => line.say({ do: what, field, platform });
  const shownValue = (field, value, id) => (field.kind === "cover" ? covers.image(value, field.alt, id ? 84 : 64, "small") : marked(value));
  const paint = () => {
    r = Math.max(0, Math.min(r, state.fields.length - 1)); c = Math.max(0, Math.min(c, state.platforms.length - 1));
    head.replaceChildren(make("th", { scope: "col" }, "field"), make("th", { scope: "col" }, "now"), ...state.platforms.map((p) => make("th", { scope: "col" }, make("button", { type: "button", tabindex: "-1", title: `Take everything from ${p.label} (t)`, onclick: () => say("take_all", null, p.name) }, chip(p.name, state.labels)))), make("th", { scope: "col" }, "own value"));
    body.replaceChildren(...state.fields.map((f, i) => make("tr", {}, make("th", { scope: "row" }, f.label),
      make("td", { class: "now" }, shownValue(f, f.now.value, 1), " ", f.now.whose ? chip(f.now.whose, state.labels, true) : null, f.now.locked ? make("span", { class: "lock", role: "img", "aria-label": "locked by you", title: "locked: stays whatever platforms say" }, "🔒") : null),
      ...state.platforms.map((p, n) => { const v = f.said[p.name]; const at = i === r && n === c;
        return make("td", { role: "gridcell", id: `${ui.uid}-${i}-${n}`, class: `${at ? "at" : ""} ${v && v.picked ? "picked" : ""} ${v && v.same ? "same" : ""}`, "aria-selected": v && v.picked ? "true" : "false", onclick: () => { r = i; c = n; if (v) say("pick", f.name, p.name); else paint(); } }, v ? [make("span", { class: "radio", "aria-hidden": "true" }, v.picked ? "◉" : "○"), shownValue(f, v.value)] : make("span", { class: "soft" }, "–")); }),
      make("td", { class: "own" }, f.kind === "cover" ? null : make("input", { type: "text", "aria-label": `Own value for ${f.label}`, value: f.own ?? "", "data-field": f.name, onchange: (e) => line.say({ do: "own", field: f.name, text: e.target.value }) })))));
    box.setAttribute("aria-activedescendant", `${ui.uid}-${r}-${c}`);
    box.setAttribute("aria-label", state.title);
    const now = body.rows[r]; if (now) { const a = now.offsetTop - 40, b = now.offsetTop + now.offsetHeight; if (a < box.scrollTop) box.scrollTop = a; else if (b > box.scrollTop + box.clientHeight) box.scrollTop = b - box.clientHeight; }
    covers.ask();
  };
  const draw = (next) => {
    state = next;
    const busy = el.contains(document.activeElement) && document.activeElement.dataset.field;
    top.replaceChildren(make("b", { dir: "auto" }, state.heading || ""), make("span", { class: "room" }), make("span", { class: "soft" }, state.hint || ""));
    plan.replaceChildren(...(state.plan || []).map((one) => make("div", {}, make("span", { class: "soft" }, one.what, " "), make("del", {}, marked(one.old)), " → ", make("ins", {}, marked(one.new)), one.note ? make("span", { class: "soft" }, ` ${one.note}`) : null)));
    foot.replaceChildren(...(state.actions || []).map((a) => make("button", { type: "button", class: a.strong ? "strong" : null, disabled: a.off, onclick: () => line.say({ do: a.do }) }, a.key ? make("kbd", { "aria-hidden": "true" }, a.key) : null, a.label)));
    if (!state.fields || !state.fields.length) { head.replaceChildren(); body.replaceChildren(make("tr", {}, make("td", { class: "empty" }, state.empty || ""))); return; }
    paint();
    if (busy) el.querySelector(`input[data-field="${CSS.escape(busy)}"]`)?.focus();
  };
  const key = (e) => {
    if (e.target.tagName === "INPUT") { if (e.key === "Escape" || e.key === "Enter") { box.focus(); return true; } return false; }
    if (e.ctrlKey || e.metaKey || e.altKey || !state.fields || !state.fields.length) return false;
    if (e.target.tagName === "BUTTON" && (e.key === "Enter" || e.key === " ")) return false;
    const move = (dr, dc) => { r += dr; c += dc; paint(); return true; }, f = state.fields[r], p = state.platforms[c];
    if (e.key === "j" || e.key === "ArrowDown") return move(1, 0);
    if (e.key === "k" || e.key === "ArrowUp") return move(-1, 0);
    if (e.key === "l" || e.key === "ArrowRight") return move(0, 1);
    if (e.key === "h" || e.key === "ArrowLeft") return move(0, -1);
    if ((e.key === "Enter" || e.key === " ") && p && f.said[p.name]) { say("pick", f.name, p.name); return true; }
    if (e.key === "t" && p) { say("take_all", null, p.name); return true; }
    if (e.key === "x") { say("lock", f.name, null); return true; }
    if (e.key === "c") { say("clear", f.name, null); return true; }
    if (e.key === "e") { el.querySelector(`input[data-field="${CSS.escape(f.name)}"]`)?.focus(); return true; }
    const action = (state.actions || []).find((a) => a.key === e.key && !a.off);
    if (action) { line.say({ do: action.do }); return true; }
    return false;
  };
  const keys = [["arrows, h j k l", "move"], ["Enter or space", "take this value"], ["t", "take all from this platform"], ["e", "write an own value"], ["x", "lock or unlock"], ["c", "let the rules choose again"], ["A", "apply"], ["u", "undo the last"]];
  return { draw, key, keys, focus: box };
}

function details(ui) {
  const { covers, el, line } = ui;
  const body = make("div", { class: "detail", tabindex: "0" });
  el.append(body);
  const draw = (state) => {
    if (!state.title) { body.replaceChildren(make("p", { class: "empty" }, state.empty || "")); return; }
    body.replaceChildren(make("div", { class: "lead" }, covers.image(state.cover, state.name, 160, "medium"),
      make("div", {}, make("h3", {}, words(state.title), state.version ? make("span", { class: "soft" }, " ", words(state.version)) : null), make("p", {}, words(state.artists)), make("p", { class: "soft" }, (state.facts || []).flatMap((f, n) => [n ? " · " : "", words(f)])), make("p", {}, (state.platforms || []).flatMap((p) => [chip(p, state.labels), " "]), (state.tags || []).map((t) => make("span", { class: "tag" }, words(t)))))),
      make("table", { class: "claims" }, make("thead", {}, make("tr", {}, ["field", "value", "whose", "others say"].map((x) => make("th", { scope: "col" }, x)))), make("tbody", {}, (state.fields || []).map((f) => make("tr", {}, make("th", { scope: "row" }, f.label), make("td", {}, words(f.value)), make("td", {}, f.whose ? chip(f.whose, state.labels, true) : "", f.locked ? make("span", { class: "lock", role: "img", "aria-label": "decided by you", title: "decided by you" }, "🔒") : ""), make("td", {}, f.others.flatMap((o) => [chip(o.platform, state.labels), " ", ...marked(o.value), "  "]), f.agree.length ? make("span", { class: "soft" }, "same: ", f.agree.join(", ")) : ""))))),
      ...(state.links || []).map((l) => make("div", { class: "link" }, chip(l.platform, state.labels), " ", words(l.title), " ", make("span", { class: "soft" }, `${l.status} ${l.confidence} · `, words(l.signs.join(" "))))));
    covers.ask();
  };
  return { draw, key: () => false, keys: [], focus: body };
}

const status = () => ({ draw() {}, key: () => false, keys: [], focus: null });
const LAYOUTS = { grid, cards, matrix, details, status };

// ---------------------------------------------------------------- around every layout: status line, keys, help

let serial = 0;
const shield = (node) => {
  if (node.dataset.lmSuppressShortcuts) return;
  node.dataset.lmSuppressShortcuts = "true";
  node.addEventListener("keydown", (e) => e.stopPropagation());
};

function render({ model, el }) {
  const { covers, line } = partsOf(model);
  const root = make("div", { class: `mdb mdb-${model.get("kind")}` }), main = make("div", { class: "main" });
  const ui = { model, covers, line, el: main, uid: `mdb${++serial}` };
  const layout = LAYOUTS[model.get("kind")](ui);
  const text = make("span", { class: "text" }), bar = make("progress", { "aria-label": "Progress" }), stop = make("button", { type: "button", onclick: () => model.send({ do: "cancel" }) }, "Stop");
  const live = make("div", { class: "status", role: "status", "aria-live": "polite" }, bar, text, stop);
  const help = make("dialog", { class: "keys", "aria-label": "Keys" });
  const ask = make("button", { type: "button", class: "ask", title: "Show the keys", onclick: () => toggle() }, make("kbd", {}, "?"), " keys");
  const toggle = () => {
    if (help.open) return help.close();
    help.replaceChildren(make("dl", {}, layout.keys.flatMap(([k, what]) => [make("dt", {}, make("kbd", {}, k)), make("dd", {}, what)])), make("button", { type: "button", onclick: () => help.close() }, "close"));
    help.show();
  };
  root.append(main, make("div", { class: "line" }, live, layout.focus && model.get("kind") !== "details" ? ask : null), help);
  el.append(root);
  shield(root);
  root.addEventListener("keydown", (e) => {
    if (e.key === "?" && !(e.target.tagName === "INPUT" && e.target.type !== "checkbox")) { toggle(); e.preventDefault(); return; }
    if (e.key === "Escape" && help.open) { help.close(); e.preventDefault(); return; }
    if (layout.key(e)) e.preventDefault();
  });
  const arm = (tries) => { const screen = el.closest(".mdb-screen"); if (screen) shield(screen); else if (tries) setTimeout(() => arm(tries - 1), 50); };
  arm(40);
  const showStatus = () => {
    const s = model.get("status") || {};
    text.textContent = s.text || "";
    live.dataset.level = s.level || "";
    bar.hidden = stop.hidden = !s.busy;
    if (s.busy && s.total) { bar.max = s.total; bar.value = s.done || 0; } else bar.removeAttribute("value");
  };
  const draw = () => { layout.draw(model.get("state") || {}); covers.ask(); };
  line.silent = () => { text.textContent = "The kernel does not answer. It may be busy with a cell; if it was restarted, run this cell again."; live.dataset.level = "error"; };
  model.on("change:state", draw);
  model.on("change:status", showStatus);
  draw();
  showStatus();
  requestAnimationFrame(() => covers.ask());
  return () => { model.off("change:state", draw); model.off("change:status", showStatus); };
}

export default { render };
