// The loader: keeps a page answering while a person types.
//
// On input in form#query the address follows and WebAssembly renders #results for it, also when the server is gone.
// Without WebAssembly the server renders the region; without this script the form is an ordinary form.
// Markup and numbers are made by the Rust of web/page alone.

const form = document.querySelector("form#query");
const results = document.getElementById("results");

/** The WASM package, or the page's own module, once it runs; null where it cannot. */
const engine = import(form?.dataset.engine ?? "/wasm/index.js")
  .then((module) => module.default().then(() => module))
  .catch(() => null);

/** This page's address for what the form says now. Empty fields are left out; what no field owns is kept. */
function address() {
  const query = new URLSearchParams(location.search);
  for (const field of form.elements) query.delete(field.name);
  // Another question begins on its first page.
  for (const name of ["page", "after", "before"]) query.delete(name);
  for (const [name, value] of new FormData(form)) {
    if (value) query.append(name, value);
  }
  return at(query);
}

function at(query) {
  const search = query.toString();
  return location.pathname + (search && "?" + search);
}

/** Makes the fields say what the address says. */
function fill() {
  const query = new URLSearchParams(location.search);
  for (const field of document.querySelectorAll("form [name]")) field.value = query.get(field.name) ?? "";
}

/** Puts new results in place; what was folded or unfolded stays so, and the focus stays where it was. */
function swap(html) {
  const focused = document.activeElement;
  const held = focused !== results && results.contains(focused) ? key(focused) : null;
  const was = new Map(folds().map((fold) => [of(fold), fold.open]));
  results.innerHTML = html;
  if (location.pathname === "/") document.title = called();
  results.removeAttribute("aria-busy");
  for (const fold of folds()) fold.open = was.get(of(fold)) ?? fold.open;
  if (held) ([...results.querySelectorAll("a")].find((link) => key(link) === held) ?? results).focus();
}

const folds = () => [...results.querySelectorAll("details")];
/** What is folded: the details of a card, or a family. */
const of = (fold) => (fold.closest("li") ?? fold).querySelector("h2, h3")?.textContent;

/** What stays of a link: of the head of a column, whose address turns with each order, its family and its name. */
function key(link) {
  const group = link.closest(".family-rows thead") && link.closest(".family-rows");
  return group ? of(group) + link.textContent : link.getAttribute("href");
}

/** What the first page's window is called, as the server calls it: machine and site, or site and what it says. */
function called() {
  const words = [".machine h2", ".brand", "h1"].map((css) => document.querySelector(css)?.textContent);
  return words.filter(Boolean).slice(0, 2).join(" – ");
}

let turn = 0;

async function fetched() {
  return new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
}

/** What of the address the region of what people measured is about. */
function about() {
  const query = new URLSearchParams(location.search);
  return document.getElementById("measured")?.dataset.of?.split(" ").map((name) => query.get(name)).join();
}

let told = about();
let later;

function measured(page) {
  document.title = page.title;
  for (const id of ["measured", "ways"]) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id)?.replaceWith(fresh);
  }
}

/** What people measured is the server's to tell. */
function follow() {
  if (told === (told = about())) return;
  clearTimeout(later);
  later = setTimeout(() => fetched().then(measured, () => {}), 400);
}

/** What people measured on the page's machine or of its model, as lines, by the address that told it. */
const lines = new Map();

/** What is known of it now; where that is nothing yet, it is asked for, and the page follows when it comes. */
function medians() {
  const about = new URLSearchParams({ path: location.pathname });
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (/^(hardware|devices|memory_gib|power)$/.test(name)) about.append(name, value);
  }
  const url = "/medians.lines?" + about;
  if (!lines.has(url)) {
    lines.set(url, "");
    const told = (text) => text && (lines.set(url, text), render());
    fetch(url).then((answer) => answer.ok && answer.text().then(told), () => lines.delete(url));
  }
  return lines.get(url);
}

/** Renders #results for the address, here if we can, else by the server. A newer turn makes an older one void. */
async function render() {
  const mine = ++turn;
  const wasm = await engine;
  if (mine !== turn) return;
  const html = wasm?.renderResults(location.pathname, location.search.slice(1), wasm.estimate && medians());
  if (typeof html === "string") {
    swap(html);
    follow();
    // A model elsewhere is fetched first: what is on the page until then says so.
    if (await wasm.fetchModel?.(location.pathname, location.search.slice(1))) return render();
    return;
  }
  results.setAttribute("aria-busy", "true");
  try {
    const page = await fetched();
    if (mine !== turn) return;
    swap(page.getElementById("results").innerHTML);
    measured(page);
  } catch {
    // The server is gone and WebAssembly is missing: what is on the page stays, marked as busy.
  }
}

/** The field that the newest history entry belongs to: one entry per field that was changed, not one per key. */
let edited = null;

function go(url, field = null) {
  if (url === location.pathname + location.search) return;
  history[field && field === edited ? "replaceState" : "pushState"](null, "", url);
  edited = field;
  render();
}

/** Takes the reader to the answers, also when they are as they were: on a phone they stand below the form. */
function show() {
  results.focus({ preventScroll: true });
  results.scrollIntoView();
}

/** Reads files of this machine; they have no address, so the page's loses the one it had. */
async function open(files) {
  const wasm = await engine;
  if (!wasm || !files.length) return;
  const query = new URLSearchParams(location.search);
  query.delete("address");
  history.pushState(null, "", at(query));
  const reading = wasm.openFiles([...files]);
  fill();
  render();
  await reading;
  render();
}

/** A machine to suggest; it is never chosen by itself. */
async function suggest() {
  const place = document.getElementById("suggest");
  if (!place || location.search.includes("hardware=")) return;
  const html = await (await engine)?.renderSuggestion(location.pathname, location.search.slice(1));
  if (!html) return;
  place.innerHTML = html;
  place.hidden = false;
}

// A tip that covers something goes with Escape, until another place is pointed at.
for (const kind of ["keydown", "pointerover", "focusin"]) {
  addEventListener(kind, ({ key }) => document.body.classList.toggle("hushed", key === "Escape"));
}

if (form && results) {
  // Some tools that choose for a person tell of the change alone; what the address says already is passed over.
  for (const kind of ["input", "change"]) form.addEventListener(kind, (event) => go(address(), event.target));
  form.addEventListener("focusout", () => (edited = null));
  form.addEventListener("submit", (event) => {
    // The comparison's form grows with what it holds, so there the button asks the server.
    if (location.pathname === "/compare") return;
    event.preventDefault();
    go(address());
    show();
  });
  addEventListener("popstate", () => {
    edited = null;
    fill();
    render();
  });
  // A link that only changes this page's query (sorting, "the smallest change that makes it run") needs no load.
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || !link.search || link.hash) return;
    event.preventDefault();
    edited = null;
    go(link.pathname + link.search);
    fill();
    if (link.closest(".pager")) show();
  });
  suggest();
}

const file = document.getElementById("gguf-file");
if (file) {
  file.addEventListener("change", () => open(file.files));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files);
  });
  document.getElementById("gguf-address").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("address", new FormData(event.target).get("address").trim());
    go(at(query));
    fill();
  });
  // An address in the page's own is read at once.
  if (location.search.includes("address=")) render();
}
