export * from "./llm_speed.js";

/**
 * Loads the module and its rows, once; await it before anything else. `from` is the folder that holds the files; without it, the
 * one that this file came from.
 *
 *     await ready();
 *     estimate({ hardware: "rtx-3090", model: "llama-3.1-8b", quant: "q4_k_m" });
 */
export default function ready(from?: string | URL): Promise<void>;
