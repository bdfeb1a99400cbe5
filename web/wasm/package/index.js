// Loads the module and the rows it answers from.
//
//   await ready();
//   estimate({ hardware: "rtx-3090", model: "llama-3.1-8b", quant: "q4_k_m" });

import init, { load } from "./llm_speed.js";

export * from "./llm_speed.js";

let loaded;

/** Loads everything once. `from` is the folder that holds the files; without it, the one this file came from. */
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
