// The page of a result: a reader's doubt, sent with proof of work. Nothing is fetched before it is sent.

import { send } from "/assets/proof.js";

const form = document.getElementById("dispute");
const [bar, sent] = [document.getElementById("work"), document.getElementById("sent")];
const button = form.querySelector("button");

form.hidden = false;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  bar.hidden = false;
  sent.textContent = "";
  try {
    const text = JSON.stringify({ result: form.dataset.result, says: form.elements.says.value.trim() });
    const { url } = JSON.parse(await send("/api/v1/disputes", text, bar));
    sent.textContent = sent.dataset.done;
    // The page as it is now, at the place of what was said; an address that differs in its fragment alone is no reload.
    history.replaceState(null, "", url);
    location.reload();
  } catch (error) {
    sent.textContent = error.message;
    button.disabled = false;
    bar.hidden = true;
  }
});
