//! The server as a client sees it: through its router, and over real connections.

mod assets;
mod client;
mod rules;
mod wire;
