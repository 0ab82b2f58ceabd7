// Search as you type, keys, and menus that close. All of it is comfort: every page works without.
const $ = (what, inside = document) => inside.querySelector(what);
const typing = () => /^(input|textarea|select)$/i.test(document.activeElement?.tagName || "");

// ---- search as you type: the results alone are fetched, and the address follows
const form = $("#typing"), results = $("#results");
let waiting = 0, asked = 0;
function ask() {
  const args = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) args.append(name, value);
  const address = form.getAttribute("action") + (String(args) ? "?" + args : "");
  const mine = ++asked;
  const part = address + (address.includes("?") ? "&" : "?") + "_part=1";
  fetch(part).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status))).then((text) => {
    if (mine !== asked) return; // a later question is on its way
    results.innerHTML = text; // our own template, escaped by the server
    fold();
    history.replaceState(null, "", address);
  }).catch(() => form.submit());
}
if (form && results) {
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 160); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); ask(); });
}

// ---- facets: beside the rows on a wide screen, folded above them on a phone
function fold() {
  const narrow = $(".narrow");
  if (narrow) narrow.open = matchMedia("(min-width: 900px)").matches;
}
fold();

// ---- keys
const keys = [["/", "search"], ["j", "next"], ["k", "previous"], ["Enter", "open"], ["g h", "home"], ["?", "this"], ["Esc", "close"]];
function help() {
  let box = $("#keys");
  if (!box) {
    box = document.createElement("dialog");
    box.id = "keys";
    box.setAttribute("aria-label", "Keys");
    const list = document.createElement("dl");
    for (const [key, what] of keys) {
      const name = document.createElement("dt"), said = document.createElement("dd");
      name.textContent = key;
      said.textContent = what;
      list.append(name, said);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => box.close());
    box.append(list, close);
    document.body.append(box);
  }
  box.open ? box.close() : box.showModal();
}
function step(by) {
  const items = [...document.querySelectorAll("a.item, .rows-and-columns td.col-title a")].filter((one) => one.offsetParent);
  if (!items.length) return;
  const at = items.indexOf(document.activeElement);
  const next = items[Math.min(Math.max(at + by, 0), items.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
let before = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing()) return document.activeElement.blur();
  if (typing()) return;
  const search = $("#find, #_search, input[type=search]");
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "?") help();
  else if (event.key === "h" && before === "g") location.href = $("a.brand")?.href || "/";
  before = event.key;
});
