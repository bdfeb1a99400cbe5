export * from "./llm_speed.js";

/** Loads the module and its rows, once; await it before anything else. `from` is the folder that holds the files. */
export default function ready(from?: string | URL): Promise<void>;
