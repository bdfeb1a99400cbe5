// Loads the module and its rows; index.d.ts shows how.

import init, { load } from "./llm_speed.js";

export * from "./llm_speed.js";

let loaded;

export default function ready(from = import.meta.url) {
  loaded ??= Promise.all([init({ module_or_path: new URL("llm_speed_bg.wasm", from) }), rows(new URL("llm_speed.rows", from))])
    .then(([, bytes]) => load(bytes));
  return loaded;
}

async function rows(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: it belongs beside llm_speed_bg.wasm`);
  return new Uint8Array(await answer.arrayBuffer());
}
