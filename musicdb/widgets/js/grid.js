// ---------------------------------------------------------------- layouts: each returns { draw(state), key(event) -> handled, keys: [[key, what]] }

function grid(ui) {
  const { line, covers, el } = ui;
  let cur = 0, state = {}, goTo = null, drawnColumns = "", shaped = "", told, drawn = []; // drawn: what each row element shows
  const find = make("input", { type: "search", "aria-label": "Search and filter", placeholder: "Search   (bpm:120..128  key:8A  year:>1999  cover:none)" });
  const count = make("span", { class: "soft num", "aria-live": "polite" });
  const chooser = make("details", { class: "chooser" }, make("summary", {}, "Columns"));
  const chosen = make("span", { class: "soft" });
  const back = make("button", { type: "button", title: "Previous page (PageUp)", onclick: () => page(here() - state.limit, 0) }, "‹ previous");
  const on = make("button", { type: "button", title: "Next page (PageDown)", onclick: () => page(here() + state.limit, 0) }, "next ›");
  const none = make("button", { type: "button", onclick: () => line.say({ do: "none" }) }, "select none");
  const all = make("button", { type: "button", onclick: () => line.say({ do: "all" }) }, "select all found");
  // Rows are boxes with the same columns, not a table: a page is laid out row by row, and only rows in sight are (view.css).
  const head = make("div", { role: "row", class: "head" }), body = make("div", { role: "rowgroup" });
  const table = make("div", { class: "rows", role: "presentation" }, make("div", { role: "rowgroup", class: "top" }, head), body);
  const box = make("div", { class: "scroll", role: "grid", tabindex: "0", "aria-multiselectable": "true" }, table);
  const nth = (e) => [...body.children].indexOf(e.target.closest("[role=row]"));
  body.onclick = (e) => {
    const n = nth(e);
    if (!state.rows[n]) return;
    at(n);
    if (e.target.type === "checkbox") mark(n, e.target.checked); else if (e.ctrlKey || e.metaKey) mark(n);
  };
  body.ondblclick = (e) => { const row = state.rows[nth(e)]; if (row) line.say({ do: "open", id: row.id }); };
  el.append(make("div", { class: "bar" }, find, count, make("span", { class: "room" }), chooser), box, make("div", { class: "bar foot" }, back, on, chosen, all, none));
  find.oninput = () => line.say({ do: "search", text: find.value }, { latest: true }); // what is typed while one is answered goes as one
  let moving;
  const at = (n, quiet) => {
    body.children[cur]?.classList.remove("at");
    cur = Math.max(0, Math.min(n, state.rows.length - 1));
    const row = body.children[cur];
    if (!row || !state.rows.length) return;
    row.classList.add("at");
    box.setAttribute("aria-activedescendant", row.id);
    if (!box.clientHeight) return; // not on the page yet
    const above = row.offsetTop - head.offsetHeight, below = row.offsetTop + row.offsetHeight;
    if (above < box.scrollTop) box.scrollTop = above; else if (below > box.scrollTop + box.clientHeight) box.scrollTop = below - box.clientHeight;
    if (quiet) return;
    clearTimeout(moving);
    moving = setTimeout(() => { const row = state.rows[cur]; if (row && row.id !== told) line.say({ do: "at", id: (told = row.id) }, { latest: true }); }, 60);
  };
  let asked = null; // the page that was asked for and is not here yet: keys go on from it
  const here = () => asked ?? state.offset;
  const page = (offset, where) => {
    offset = Math.max(0, Math.min(offset, Math.floor(Math.max(0, state.total - 1) / state.limit) * state.limit));
    if (offset === here()) return at(where);
    goTo = where;
    asked = offset;
    line.say({ do: "page", offset }, { latest: true });
  };
  const step = (by) => {
    if (asked !== null) { goTo = Math.max(0, goTo + by); return; } // the page is on its way: begin there
    const n = cur + by;
    if (n >= state.rows.length && state.offset + state.rows.length < state.total) page(state.offset + state.limit, 0);
    else if (n < 0 && state.offset > 0) page(state.offset - state.limit, state.limit - 1);
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
    const e = body.children[n], row = state.rows[n];
    e.setAttribute("aria-selected", row.on ? "true" : "false");
    e.firstChild.firstChild.checked = !!row.on;
  };
  // Columns of text share the room by how long their words are; the others have their width by kind.
  const WIDTHS = { cover: 58, time: 60, bpm: 60, key: 60, stars: 84, chips: 142, moment: 146 };
  const widths = () => state.columns.map((c, i) => {
    const all = state.rows.map((row) => row.v[i]), some = all.filter((v) => v !== null && v !== ""), label = c.label.length * 7 + 22;
    if (c.kind === "cover" || c.kind === "chips") return [WIDTHS[c.kind], 0];
    if (WIDTHS[c.kind]) return [Math.max(WIDTHS[c.kind], label), 0];
    const long = all.map((v) => String(v ?? "").length).sort((a, b) => a - b)[Math.floor(all.length * 0.8)] || 0;
    if (some.length && some.every((v) => typeof v === "number")) return [Math.max(label, long * 8 + 14), 0];
    return [Math.max(72, Math.min(label, 130)), Math.max(4, Math.min(long, 30)) * (c.name === "title" ? 1.3 : 1)];
  });
  const shape = () => {
    const found = widths();
    table.style.setProperty("--columns", `34px ${found.map(([px, part]) => (part ? `minmax(${px}px, ${part}fr)` : `${px}px`)).join(" ")}`);
    table.style.minWidth = `${34 + found.reduce((sum, [px]) => sum + px, 0)}px`;
  };
  const line_of = (row, n) => make("div", { role: "row", id: `${ui.uid}-${n}` },
    make("div", { role: "gridcell", class: "tick" }, make("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${row.name || "row"}` })),
    state.columns.map((c, i) => make("div", { role: "gridcell", class: `k-${c.kind}` }, cell(c, row.v[i], row))));
  const cell = (column, value, row) => {
    if (column.kind === "cover") return covers.image(value, row.name, 44);
    if (value === null || value === undefined || value === "") return "";
    if (column.kind === "time") return make("span", { title: `${value} ms` }, clock(value));
    if (column.kind === "bpm") return make("span", { title: `${value} beats a minute` }, Number(value).toFixed(1));
    if (column.kind === "key") return make("span", { class: "key", title: keyName(value) || value }, value);
    if (column.kind === "stars") return make("span", { class: "stars", role: "img", "aria-label": `${value} of 5` }, "★".repeat(value) + "☆".repeat(5 - value));
    if (column.kind === "chips") {
      const names = String(value).split(" ").filter(Boolean), shown = names.length > 4 ? names.slice(0, 3) : names, rest = names.slice(shown.length);
      return [...shown.map((name) => chip(name, state.labels)), rest.length ? make("span", { class: "chip", title: rest.map((name) => (state.labels || {})[name] || name).join(", ") }, `+${rest.length}`) : null];
    }
    if (column.kind === "moment") return moment(value);
    return words(value, { title: String(value).slice(0, 400) });
  };
  const draw = (next) => {
    state = next;
    if (state.offset === asked || line.idle) asked = null;
    if (document.activeElement !== find && find.value !== state.query) find.value = state.query;
    told = state.at;
    const columns = JSON.stringify([state.columns, state.sort, state.desc, state.choices]);
    if (columns !== drawnColumns) {
      drawnColumns = columns;
      head.replaceChildren(make("div", { role: "columnheader", class: "tick", "aria-label": "Selected" }), ...state.columns.map((c) => {
        const now = state.sort === c.name ? (state.desc ? "descending" : "ascending") : "none";
        const label = make("button", { type: "button", tabindex: "-1", title: `Sort by ${c.label}`, onclick: () => line.say({ do: "sort", name: c.name }) }, c.label, now === "none" ? "" : state.desc ? " ▾" : " ▴");
        return make("div", { role: "columnheader", "aria-sort": now, class: `k-${c.kind}` }, c.sorts ? label : c.label);
      }));
      chooser.replaceChildren(chooser.firstChild, make("div", { class: "menu", role: "group", "aria-label": "Columns" }, state.choices.map((c) =>
        make("label", {}, make("input", { type: "checkbox", checked: c.on, onchange: (e) => line.say({ do: "columns", name: c.name, on: e.target.checked }) }), " ", c.label))));
    }
    const names = state.columns.map((c) => c.name).join();
    if (names !== shaped && state.rows.length) { shaped = names; drawn = []; shape(); }
    state.rows.forEach((row, n) => {
      const shows = JSON.stringify([row.id, row.name, row.v]);
      if (drawn[n] !== shows || n >= body.children.length) {
        drawn[n] = shows;
        const made = line_of(row, n);
        if (body.children[n]) body.children[n].replaceWith(made); else body.append(made);
      }
      body.children[n].setAttribute("aria-rowindex", state.offset + n + 2);
      dress(n);
    });
    drawn.length = state.rows.length;
    while (body.children.length > state.rows.length) body.lastChild.remove();
    if (!state.rows.length) body.replaceChildren(make("div", { role: "row", class: "none" }, make("div", { role: "gridcell", class: "soft" }, state.empty)));
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
      PageDown: () => page(here() + state.limit, 0), PageUp: () => page(here() - state.limit, 0), n: () => page(here() + state.limit, 0), p: () => page(here() - state.limit, 0),
      Home: () => page(0, 0), End: () => page(state.total, 1e9), " ": () => mark(cur), x: () => mark(cur), "/": () => { find.focus(); find.select(); }, Enter: () => state.rows[cur] && line.say({ do: "open", id: state.rows[cur].id }),
    }[k];
    if ((e.ctrlKey || e.metaKey) && k === "a") { line.say({ do: "all" }); return true; }
    if (!act || e.ctrlKey || e.metaKey || e.altKey || (e.target.tagName === "BUTTON" && (k === "Enter" || k === " "))) return false;
    act();
    return true;
  };
  return { draw, key, keys, focus: box };
}
