//! The server as a client sees it: through its router, and over real connections.

mod api;
mod assets;
mod benchmarks;
#[path = "../support/both.rs"]
mod both;
mod client;
mod clock;
mod connected;
mod counted;
mod crash;
mod embed;
mod estimate;
#[path = "../support/faketime.rs"]
mod faketime;
mod faults;
mod full;
mod gate;
mod hostile;
mod leaderboard;
mod login;
mod map;
mod measured;
mod openapi;
mod operate;
#[path = "../support/pages.rs"]
mod page_list;
mod pages;
#[path = "../support/postgres.rs"]
mod postgres;
mod program;
mod raw;
mod restored;
mod results;
mod rules;
#[path = "../support/sample.rs"]
mod sample;
mod schema;
mod stored;
mod submit;
mod tables;
mod unchecked;
mod wire;
