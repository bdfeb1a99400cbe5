// The loader: keeps a page answering while a person types.
//
// On input in form#query the address follows, WebAssembly renders #results for the new query, and the region is swapped;
// no round trip, so it goes on when the server is gone. Where WebAssembly is missing, the same region is taken from the
// page that the server renders; where this script is missing, the form is an ordinary form.
// No markup is made here and nothing is computed here: both are the Rust of web/page, in browser and server alike.

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
  query.delete("page"); // Another question begins on its first page.
  for (const [name, value] of new FormData(form)) {
    if (value) query.append(name, value);
  }
  return at(query);
}

function at(query) {
  const search = query.toString();
  return location.pathname + (search && "?" + search);
}

/** Makes the fields say what the address says. An empty value is each field's default, in lists too. */
function fill() {
  const query = new URLSearchParams(location.search);
  for (const field of document.querySelectorAll("form [name]")) field.value = query.get(field.name) ?? "";
}

/** Puts new results in place; what was unfolded stays unfolded, and the focus stays where it was. */
function swap(html) {
  const held = results.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = [...results.querySelectorAll("li")].map((card) => card.querySelector("details[open]") && title(card));
  results.innerHTML = html;
  results.removeAttribute("aria-busy");
  for (const card of results.querySelectorAll("li")) {
    if (open.includes(title(card))) card.querySelector("details")?.setAttribute("open", "");
  }
  const again = held && [...results.querySelectorAll("a")].find((link) => link.getAttribute("href") === held);
  if (again) again.focus();
  else if (held) results.focus();
}

const title = (card) => card.querySelector("h3")?.textContent;

let turn = 0;

/** This page as the server renders it now. */
async function fetched() {
  return new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
}

/** Puts in place what was measured. */
function measured(page) {
  const fresh = page.getElementById("measured");
  if (fresh) document.getElementById("measured")?.replaceWith(fresh);
}

/** What the address says of these names. */
function named(names) {
  const query = new URLSearchParams(location.search);
  return names.map((name) => query.get(name) ?? "").join();
}

/** The names that what was measured depends on, and what they said when it was read. */
const about = document.getElementById("measured")?.dataset.of?.split(" ") ?? [];
let told = named(about);
let follows = 0;

/** What people measured is the server's to tell. Where it is about what the address names, it follows a little later;
    with the server gone it stays as it was, and its heading says what it is about. */
function follow() {
  const now = named(about);
  if (now === told) return;
  told = now;
  clearTimeout(follows);
  follows = setTimeout(async () => {
    const page = await fetched().catch(() => null);
    if (page && named(about) === now) measured(page);
  }, 400);
}

/** Renders #results for the address, here if we can, else by the server. A newer turn makes an older one void. */
async function render() {
  const mine = ++turn;
  const wasm = await engine;
  if (mine !== turn) return;
  const html = wasm?.renderResults(location.pathname, location.search.slice(1));
  if (typeof html === "string") {
    swap(html);
    follow();
    // A model elsewhere is fetched first: what is on the page until then says so.
    if (await wasm.fetchModel(location.pathname, location.search.slice(1))) return render();
    return;
  }
  results.setAttribute("aria-busy", "true");
  try {
    const page = await fetched();
    const region = mine === turn && page.getElementById("results");
    if (region) swap(region.innerHTML);
    if (region) measured(page);
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

/** A machine to suggest, where the address names none and the page has a place for it. It is never chosen by itself. */
async function suggest() {
  const place = document.getElementById("suggest");
  if (!place || location.search.includes("hardware=")) return;
  const html = await (await engine)?.renderSuggestion(location.pathname, location.search.slice(1));
  if (!html) return;
  place.innerHTML = html;
  place.hidden = false;
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
  });
  // An address in the page's own is read at once.
  if (location.search.includes("address=")) render();
}
