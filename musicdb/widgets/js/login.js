// Accounts, and the login that is going on. What is typed goes out as a message and is wiped from the field at once.
function login(ui) {
  const { line, el } = ui;
  let asked = null;
  const writes = new Set(); // platforms whose next login may write
  const body = make("tbody"), table = make("table", { class: "accounts" }, body), step = make("div", { class: "step", "aria-live": "polite" });
  const name = make("input", { type: "text", "aria-label": "Account name", placeholder: "a name, where you have several", size: "30", autocomplete: "off" });
  const hint = make("p", { class: "soft hint" });
  el.append(table, make("label", { class: "bar account" }, "New login as ", name), step, hint);
  const linked = (text) => text.split(/(https?:\/\/\S+[^\s.,;)])/).map((part, n) => (n % 2 ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : words(part)));
  const draw = (state) => {
    const busy = !!state.step;
    body.replaceChildren(...(state.rows || []).map((row) => make("tr", { class: row.platform === state.wanted ? "at" : null },
      make("th", { scope: "row" }, row.title),
      make("td", {}, row.in ? ["logged in", row.who ? [" as ", words(row.who)] : "", row.account ? make("span", { class: "soft" }, " (", words(row.account), ")") : ""] : make("span", { class: "soft" }, "not logged in"), row.note ? make("div", { class: "warn" }, words(row.note)) : null),
      make("td", { class: "acts" },
        make("button", { type: "button", class: row.in ? null : "strong", disabled: busy, "aria-label": `Log in to ${row.title}`, onclick: () => { line.say({ do: "log_in", platform: row.platform, account: name.value.trim() || row.account, write: writes.has(row.platform) }); name.value = ""; } }, row.in ? "log in again" : "log in"),
        row.writes ? make("label", {}, make("input", { type: "checkbox", disabled: busy, checked: writes.has(row.platform), "aria-label": `The login to ${row.title} may write`, onchange: (e) => writes[e.target.checked ? "add" : "delete"](row.platform) }), " may write what I approve") : null,
        row.in ? make("button", { type: "button", disabled: busy, "aria-label": `Log out of ${row.title}${row.account ? `, ${row.account}` : ""}`, onclick: () => line.say({ do: "log_out", platform: row.platform, account: row.account }) }, "log out") : null))));
    hint.textContent = state.hint || "";
    if (!state.step) { asked = null; step.replaceChildren(); step.hidden = true; return; }
    step.hidden = false;
    if (asked === `${state.step.n}/${state.step.lines.length}`) return; // what is being typed stays
    asked = `${state.step.n}/${state.step.lines.length}`;
    const field = state.step.prompt ? make("input", { type: state.step.secret ? "password" : "text", "aria-label": state.step.prompt, autocomplete: "off", spellcheck: "false" }) : null;
    const send = () => { const text = field.value; field.value = ""; line.say({ do: "answer", number: state.step.n, text }); };
    if (field) field.onkeydown = (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } };
    step.replaceChildren(make("b", {}, state.step.title, state.step.account ? [" as ", words(state.step.account)] : ""), ...state.step.lines.map((text) => make("div", { class: /^\s/.test(text) ? "in" : null }, linked(text))),
      field ? make("label", { class: "ask-for" }, make("span", {}, words(state.step.prompt)), make("span", { class: "bar" }, field, make("button", { type: "button", class: "strong", onclick: send }, "continue"))) : null,
      make("button", { type: "button", onclick: () => line.model.send({ do: "cancel" }) }, "cancel"));
    field?.focus();
  };
  return { draw, key: () => false, keys: [], focus: null };
}
