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
