// ---------------------------------------------------------------- layouts: each returns { draw(state), key(event) -> handled, keys: [[key, what]] }

function grid(ui) {
  const { line, covers, el } = ui;
  let cur = 0, state = {}, goTo = null, drawnColumns = "";
  const find = make("input", { type: "search", "aria-label": "Search and filter", placeholder: "Search   (bpm:120..128  key:8A  year:>1999  cover:none)" });
  const count = make("span", { class: "soft num", "aria-live": "polite" });
  const chooser = make("details", { class: "chooser" }, make("summary", {}, "Columns"));
  const chosen = make("span", { class: "soft" });
  const back = make("button", { type: "button", title: "Previous page (PageUp)", onclick: () => page(here() - state.limit, 0) }, "‹ previous");
  const on = make("button", { type: "button", title: "Next page (PageDown)", onclick: () => page(here() + state.limit, 0) }, "next ›");
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
    if (!box.clientHeight) return; // not on the page yet
    if (above < box.scrollTop) box.scrollTop = above; else if (below > box.scrollTop + box.clientHeight) box.scrollTop = below - box.clientHeight;
    if (quiet) return;
    clearTimeout(moving);
    moving = setTimeout(() => state.rows[cur] && line.say({ do: "at", id: state.rows[cur].id }, { latest: true }), 60);
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
    if (state.offset === asked || line.idle) asked = null;
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
