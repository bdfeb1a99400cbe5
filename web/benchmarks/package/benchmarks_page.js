// What the loader asks on the benchmark page, in place of the site's main module.

import init, { load, renderResults } from "./benchmarks.js";

export { renderResults };

/** Loads the module and the table. A table that is too large for browsers is not sent: then the server renders. */
export default async function ready() {
  const [answer] = await Promise.all([fetch("/benchmarks.rows"), init()]);
  if (!answer.ok) throw new Error(`/benchmarks.rows answered ${answer.status}`);
  load(new Uint8Array(await answer.arrayBuffer()));
}

/** No machine is suggested here. */
export const renderSuggestion = () => "";
