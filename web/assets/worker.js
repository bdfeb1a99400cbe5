// Proof of work, beside the page: of a text its digest; of a challenge how long it may take here, then the proof.

import init, { digest, expectedMs, solve } from "/wasm/work.js";

onmessage = async ({ data: { text, challenge } }) => {
  try {
    await init();
    if (challenge === undefined) return postMessage({ digest: digest(text) });
    postMessage({ expectedMs: expectedMs(challenge) });
    postMessage({ pow: solve(challenge) });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
