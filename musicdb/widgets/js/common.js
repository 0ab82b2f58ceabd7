// The browser's side of the notebook screens: one module, six layouts (grid, cards, matrix, details, login, status).
// Everything that a person or a platform wrote arrives as text nodes; no markup is ever made from data.
// Keys stay inside: they are stopped here and JupyterLab is told to leave them alone, so that no key edits the notebook.

const make = (tag, props = {}, ...kids) => {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e[name] = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
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
  // A picture that gets its address while JupyterLab keeps the cell off the page is never laid out by Chromium: it is replaced by one that was born with it.
  put(img, url) { if (url) { const born = img.cloneNode(); born.src = url; img.replaceWith(born); } else img.replaceWith(blank(img.dataset.name, +img.getAttribute("width"))); }
  image(id, name, side, size = "thumbnail") {
    if (!id) return blank(name, side);
    const key = `${id}/${size}`, img = make("img", { class: "cover", alt: `Cover of ${name || "this"}`, width: side, height: side, decoding: "async", "data-name": name });
    if (this.urls.has(key)) {
      const url = this.urls.get(key);
      this.urls.delete(key); this.urls.set(key, url);
      if (!url) return blank(name, side);
      img.src = url;
    } else if (this.wanted.has(key)) this.wanted.get(key).push(img);
    else this.wanted.set(key, [img]);
    return img;
  }
  ask() {
    const bySize = {};
    for (const [key, images] of this.wanted) {
      if (images.asked) continue;
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
