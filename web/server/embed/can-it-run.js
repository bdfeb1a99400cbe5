// <can-it-run device="rtx-3090" model="qwen3-30b-a3b" quant="q4_k_m" context="32k">: whether a model runs on a machine and
// how fast, in a frame from the site that this script came from. Nothing else is loaded and nothing is stored.

const SITE = new URL("/embed/", import.meta.url);

/** Attributes that go into the frame's address as they are: all that the site's own snippets write. */
const ASKED = ["quant", "context", "prompt", "cached", "kv", "kv_v", "streams", "runtime", "use", "min_tps"];

class CanItRun extends HTMLElement {
  static observedAttributes = ["device", "model", ...ASKED, "height"];

  connectedCallback() {
    if (!this.shadowRoot) {
      const frame = document.createElement("iframe");
      frame.loading = "lazy";
      // Properties rather than an attribute: a page's policy against inline styles lets them be.
      Object.assign(frame.style, { border: "0", width: "100%", display: "block" });
      this.attachShadow({ mode: "open" }).append(frame);
      this.style.display ||= "block";
    }
    this.show();
  }

  attributeChangedCallback() {
    if (this.shadowRoot) this.show();
  }

  show() {
    const frame = this.shadowRoot.firstElementChild;
    const [device, model] = [this.getAttribute("device"), this.getAttribute("model")];
    if (!device || !model) return frame.removeAttribute("src");
    const address = new URL(`${encodeURIComponent(device)}/${encodeURIComponent(model)}`, SITE);
    for (const name of ASKED) {
      if (this.hasAttribute(name)) address.searchParams.set(name, this.getAttribute(name));
    }
    frame.title = `${model}, ${device}`;
    frame.height = this.getAttribute("height") ?? "190";
    if (frame.src !== address.href) frame.src = address.href;
  }
}

customElements.get("can-it-run") ?? customElements.define("can-it-run", CanItRun);
