//! The server as a client sees it: through its router, and over real connections.

mod api;
mod assets;
mod client;
mod openapi;
mod rules;
mod schema;
mod wire;
