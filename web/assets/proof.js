// Sending a text with the proof of work that the server asks for.

/** Sends the text; the server's answer. A refusal throws its sentence. The bar fills while the work is done. */
export async function send(address, text, bar) {
  const worker = new Worker("/assets/worker.js", { type: "module" });
  try {
    const { digest } = await told(worker, { text }, bar);
    const challenge = await read(await fetch(`/api/v1/challenge?digest=${digest}`));
    const pow = JSON.parse((await told(worker, { challenge }, bar)).pow);
    const headers = { "Content-Type": "application/json" };
    return await read(await fetch(address, { method: "POST", headers, body: JSON.stringify({ text, pow }) }));
  } finally {
    worker.terminate();
  }
}

/** The answer's text; a refusal throws the server's sentence. */
async function read(answer) {
  const text = await answer.text();
  if (answer.ok) return text;
  let detail = `${answer.status}`;
  try {
    detail = JSON.parse(text).detail ?? detail;
  } catch {
    // A proxy's own page: its status has to do.
  }
  throw new Error(detail);
}

/** What the worker makes of a message. */
function told(worker, message, bar) {
  return new Promise((resolve, reject) => {
    let clock = 0;
    const end = (settle, value) => (clearInterval(clock), settle(value));
    worker.onmessage = ({ data }) => {
      if (data.error) end(reject, new Error(data.error));
      else if (data.expectedMs === undefined) end(resolve, data);
      else {
        const start = performance.now();
        clock = setInterval(() => (bar.value = Math.min(0.99, (performance.now() - start) / data.expectedMs)), 50);
      }
    };
    worker.onerror = () => end(reject, new Error(bar.dataset.failed));
    worker.postMessage(message);
  });
}
