// What the loader asks on the page about any model, in place of the site's main module.

import init, { load } from "./gguf.js";

export * from "./gguf.js";

/** Loads the module and the rows. */
export default async function ready() {
  const [answer] = await Promise.all([fetch("/wasm/llm_speed.rows"), init()]);
  if (!answer.ok) throw new Error(`/wasm/llm_speed.rows answered ${answer.status}`);
  load(new Uint8Array(await answer.arrayBuffer()));
}
