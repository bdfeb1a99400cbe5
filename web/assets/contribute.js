// The contribute page: what is pasted or dropped is read here; nothing leaves before "send".

import { send as sendText } from "/assets/proof.js";

const form = document.getElementById("contribute");
const results = document.getElementById("results");
const file = document.getElementById("contribute-file");

const engine = Promise.all([
  import("/wasm/contribute.js").then((module) => module.default().then(() => module)),
  fetch("/wasm/llm_speed.rows").then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject())),
]).then(([module, rows]) => (module.load(new Uint8Array(rows)), module)).catch(() => null);

/** Bytes, since a file may have any encoding. */
let pasted = new Uint8Array();

/** The field that keeps what a button picked. */
const kept = (name) => form.querySelector(`[type=hidden][name="${name}"]`);

/** The form's fields but the text. */
function fields() {
  const data = new FormData(form);
  data.delete("text");
  return new URLSearchParams(data).toString();
}

async function preview() {
  const wasm = await engine;
  const html = wasm?.preview(pasted, fields());
  if (typeof html !== "string") return;
  results.innerHTML = html;
  const send = document.getElementById("send");
  if (!send) return;
  send.hidden = false;
  document.getElementById("without").hidden = true;
  send.addEventListener("click", () => submit(wasm, send));
}

async function submit(wasm, send) {
  const [bar, sent] = [document.getElementById("work"), document.getElementById("sent")];
  send.disabled = true;
  bar.hidden = false;
  sent.textContent = "";
  try {
    const text = wasm.submission(pasted, fields());
    results.innerHTML = wasm.receipt(await sendText("/api/v1/pastes", text, bar));
    results.focus();
  } catch (error) {
    sent.textContent = error.message;
    send.disabled = false;
    bar.hidden = true;
  }
}

function take(bytes) {
  for (const field of form.querySelectorAll("[type=hidden]")) field.remove();
  pasted = bytes;
  preview();
}

const read = async ([file]) => file && take(new Uint8Array(await file.arrayBuffer()));

form.addEventListener("input", ({ target }) => {
  if (target === file) return;
  if (target.name === "text") return take(new TextEncoder().encode(target.value));
  // What was picked is what the field could mean before.
  kept(target.name + "_is")?.remove();
  preview();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  // A button among the results picks a run or a device; what was picked before stays.
  const { name, value } = event.submitter ?? {};
  if (name) {
    const field = kept(name) ?? form.appendChild(document.createElement("input"));
    Object.assign(field, { type: "hidden", name, value });
  }
  if ((await engine) === null) return form.submit();
  preview();
});
file.addEventListener("change", () => read(file.files));
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => {
    // Text that is dragged into a field is the field's.
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    read(event.dataTransfer.files);
  });
}
// Without the engine no file can be read: then the text is the server's to read.
engine.then((wasm) => (document.getElementById("contribute-drop").hidden = !wasm));
// What the server has read already keeps what was picked.
pasted = new TextEncoder().encode(form.elements.text.value);
if (pasted.length) preview();
