// Proof of work, beside the page: first how long it may take here, then the proof.

import init, { expectedMs, solve } from "/wasm/work.js";

onmessage = async ({ data: challenge }) => {
  try {
    await init();
    postMessage({ expectedMs: expectedMs(challenge) });
    postMessage({ pow: solve(challenge) });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
