//! The browser doorway: the same estimate and the same page, as WebAssembly.
