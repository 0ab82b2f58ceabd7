const status = () => ({ draw() {}, key: () => false, keys: [], focus: null });
const LAYOUTS = { grid, cards, matrix, details, login, status };

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
  return () => { layout.close?.(); model.off("change:state", draw); model.off("change:status", showStatus); };
}

export default { render };
