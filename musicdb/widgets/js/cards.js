function cards(ui) {
  const { line, covers, el } = ui;
  let state = {}, cur = 0, wanted = null, heldAt = null;
  const gone = new Map(); // cards that were acted upon and that the kernel has not answered yet
  const top = make("div", { class: "bar" }), list = make("div", { class: "cards", tabindex: "0", role: "list" }), foot = make("div", { class: "bar foot" });
  el.append(top, list, foot);
  const find = make("input", { type: "search", "aria-label": "Search", placeholder: "Search" });
  let typing;
  find.oninput = () => { clearTimeout(typing); typing = setTimeout(() => line.say({ do: "search", text: find.value }, { latest: true }), 150); };
  const field = (card, f) => {
    const props = { "aria-label": f.label, "data-field": f.name, onchange: (e) => line.say({ do: "edit", id: card.id, field: f.name, value: e.target.value }) };
    const entry = f.options ? make("select", props, f.options.map((o) => make("option", { value: o, selected: o === f.value }, o || "–"))) : make("input", { type: "text", value: f.value, ...props });
    return make("label", { class: "field" }, make("span", { class: "soft" }, f.label), entry);
  };
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
    make("div", { class: "about" }, (one.lines || []).map((parts, n) => make("div", { class: n ? "soft" : "first" }, marked(parts))), make("div", { class: "chips" }, (one.chips || []).map((c) => chip(c.name ?? c, state.labels, c.won)), (one.meta || []).map((m) => (m && m.length ? make("span", { class: "soft num" }, typeof m === "string" ? moment(m) : marked(m)) : null)))));
  const button = (action, card) => make("button", { type: "button", class: action.strong ? "strong" : null, title: action.key ? `Key: ${action.key}` : null, disabled: action.off, onclick: () => act(action, card) }, action.key ? make("kbd", { "aria-hidden": "true" }, action.key) : null, action.label);
  const paint = () => {
    const now = shown();
    cur = Math.max(0, Math.min(cur, now.length - 1));
    const focused = el.contains(document.activeElement) && !["INPUT", "SELECT"].includes(document.activeElement.tagName), searching = document.activeElement === find;
    if (!searching && state.search !== undefined && find.value !== state.search) find.value = state.search;
    top.replaceChildren(...[state.search === undefined ? null : find, make("b", { class: "num", "aria-live": "polite" }, state.heading || ""), ...(state.filters || []).map((f) => make("button", { type: "button", class: f.on ? "pill on" : "pill", "aria-pressed": f.on ? "true" : "false", onclick: () => line.say({ do: "filter", name: f.name }) }, words(f.label), make("span", { class: "num" }, ` ${f.n}`))), make("span", { class: "room" }), make("span", { class: "soft num" }, state.counts || "")].filter(Boolean));
    if (searching && find.isConnected) find.focus();
    list.className = `cards ${state.layout || ""}`;
    list.setAttribute("aria-label", state.title || "");
    list.replaceChildren(...now.map((card, n) => make("div", { class: `card ${n === cur ? "at" : ""} ${card.tone || ""}`, role: "listitem", tabindex: "-1", id: `${ui.uid}-${n}`, "aria-current": n === cur ? "true" : null, ondblclick: () => { const a = (card.actions || state.actions || []).find((one) => one.key === "Enter"); if (a) act(a, card); }, onclick: (e) => { if (!["BUTTON", "INPUT", "SELECT", "OPTION"].includes(e.target.tagName)) { cur = n; paint(); tell(); } } },
      side(card.a, state.side || 44), card.b ? side(card.b, state.side || 44) : null,
      card.score !== undefined ? make("span", { class: "score num", title: "how sure, 0 to 100" }, String(card.score)) : null,
      (card.signs || []).length ? make("div", { class: "signs" }, card.signs.map((s) => make("span", { class: s[1] ? "differs" : null }, words(s[0])))) : null,
      card.more && n === cur ? make("div", { class: "more" }, card.more.map((line) => make("div", {}, marked(line)))) : null,
      card.fields ? make("div", { class: "fields" }, card.fields.map((f) => field(card, f))) : null,
      n === cur || state.everywhere ? make("div", { class: "acts" }, (card.actions || state.actions || []).filter((a) => a.on === "card").map((a) => button(a, card))) : null)));
    if (!now.length) list.replaceChildren(make("p", { class: "empty" }, line.idle ? state.empty || "Nothing here." : "…"));
    foot.replaceChildren(...(state.actions || []).filter((a) => a.on !== "card" && a.label).map((a) => button(a, null)));
    const row = list.children[cur];
    if (focused) (row && row.id ? row : list).focus({ preventScroll: true }); // a card that is at hand has the focus, so it is read out
    if (row && row.id && list.clientHeight) { const a = row.offsetTop - 4, b = row.offsetTop + row.offsetHeight + 4; if (a < list.scrollTop) list.scrollTop = a; else if (b > list.scrollTop + list.clientHeight) list.scrollTop = b - list.clientHeight; }
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
  const answered = () => { if (line.idle && gone.size) { gone.clear(); paint(); } };
  line.model.on("change:seen", answered);
  const key = (e) => {
    if (e.target === find && ["Escape", "Enter", "ArrowDown"].includes(e.key)) { list.focus(); return true; }
    if ((e.target.tagName === "INPUT" && e.target.type !== "checkbox") || e.target.tagName === "SELECT") return false;
    if (e.key === "/" && state.search !== undefined) { find.focus(); find.select(); return true; }
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
  return { draw, key, get keys() { return [["j / k  ↓ ↑", "next, previous"], ...(state.actions || []).filter((a) => a.key).map((a) => [a.key, a.help || a.label])]; }, focus: list, close: () => line.model.off("change:seen", answered) };
}
