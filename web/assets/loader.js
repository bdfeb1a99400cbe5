// The loader: keeps a page answering while a person types.
//
// On input in form#query the address follows, WebAssembly renders #results for the new query, and the region is swapped;
// no round trip, so it goes on when the server is gone. Where WebAssembly is missing, the same region is taken from the
// page that the server renders; where this script is missing, the form is an ordinary form.
// No markup is made here and nothing is computed here: both are the Rust of web/page, in browser and server alike.

const form = document.querySelector("form#query");

/** The WASM package once it runs, or null where it cannot. */
const engine = import("/wasm/llm_speed.js")
  .then((module) => module.default().then(() => module))
  .catch(() => null);

/** The page's address for what the form says now; empty fields are left out, so that links stay short. */
function address() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value !== "" && typeof value === "string") query.append(name, value);
  }
  const search = query.toString();
  return location.pathname + (search && "?" + search);
}

/** Makes the form say what the address says: after the back button. */
function fillForm() {
  const query = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name) continue;
    const values = query.getAll(field.name);
    if (field.type === "checkbox" || field.type === "radio") {
      field.checked = values.length ? values.includes(field.value) : field.defaultChecked;
    } else if (field instanceof HTMLSelectElement) {
      for (const option of field.options) {
        option.selected = values.length ? values.includes(option.value) : option.defaultSelected;
      }
    } else {
      field.value = values.length ? values[0] : "";
    }
  }
}

/** Puts new results in place; what was unfolded stays unfolded, and the focus stays where it was. */
function swap(html) {
  const region = document.getElementById("results");
  const open = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  const focus = region.contains(document.activeElement) && document.activeElement.id;
  region.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focus) document.getElementById(focus)?.focus();
  region.removeAttribute("aria-busy");
}

let turn = 0;

/** Renders #results for the address, here if we can, else by the server. A newer turn makes an older one void. */
async function render() {
  const mine = ++turn;
  const wasm = await engine;
  if (mine !== turn) return;
  const html = wasm?.renderResults(location.pathname, location.search.slice(1));
  if (typeof html === "string") return swap(html);

  document.getElementById("results").setAttribute("aria-busy", "true");
  try {
    const text = await (await fetch(location.href)).text();
    const region = new DOMParser().parseFromString(text, "text/html").getElementById("results");
    if (mine === turn && region) swap(region.innerHTML);
  } catch {
    // The server is gone and WebAssembly is missing: what is on the page stays, marked as old.
  }
}

/** The field that the newest history entry belongs to: one entry per field that was changed, not one per key. */
let edited = null;

function follow(field) {
  const url = address();
  if (url === location.pathname + location.search) return;
  history[field && field === edited ? "replaceState" : "pushState"](null, "", url);
  edited = field;
  render();
}

if (form && document.getElementById("results")) {
  form.addEventListener("input", (event) => follow(event.target));
  form.addEventListener("focusout", () => (edited = null));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    follow(null);
  });
  addEventListener("popstate", () => {
    edited = null;
    fillForm();
    render();
  });
  // A link that only changes the query of this page (sorting, "the smallest change that makes it run") needs no load.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || link.target || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || !link.search || link.hash) return;
    event.preventDefault();
    edited = null;
    history.pushState(null, "", link.href);
    fillForm();
    render();
  });
}
