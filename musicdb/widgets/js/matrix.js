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
    const now = body.rows[r]; if (now && box.clientHeight) { const a = now.offsetTop - 40, b = now.offsetTop + now.offsetHeight; if (a < box.scrollTop) box.scrollTop = a; else if (b > box.scrollTop + box.clientHeight) box.scrollTop = b - box.clientHeight; }
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
