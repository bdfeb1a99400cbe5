//! Figures for those who operate a server, in the text form that Prometheus reads, on a port of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;

/// Upper ends of the classes of time, in seconds.
const CLASSES_S: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Requests so far, by route and status.
#[derive(Debug, Default)]
pub struct Requests {
    by_route: Mutex<BTreeMap<(String, u16), Times>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Times {
    count: u64,
    sum_s: f64,
    up_to: [u64; CLASSES_S.len()],
}

impl Requests {
    /// Notes a request. Routes are the router's own, so there are as many as it has.
    pub fn note(&self, route: &str, status: u16, took: Duration) {
        let took_s = took.as_secs_f64();
        let mut all = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry((route.to_owned(), status)).or_default();
        times.count += 1;
        times.sum_s += took_s;
        for (class, count) in CLASSES_S.iter().zip(&mut times.up_to) {
            *count += u64::from(took_s <= *class);
        }
    }

    fn write(&self, text: &mut String) {
        let name = "llm_speed_request_seconds";
        let _ = writeln!(text, "# TYPE {name} histogram");
        let all = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), times) in &*all {
            let labels = format!("route=\"{route}\",status=\"{status}\"");
            for (class, count) in CLASSES_S.iter().zip(&times.up_to) {
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{class}\"}} {count}");
            }
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", times.count);
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", times.sum_s);
            let _ = writeln!(text, "{name}_count{{{labels}}} {}", times.count);
        }
    }
}

/// The routes of that port: `/metrics` and nothing else.
pub fn router(app: &App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app.clone())
}

async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::new();
    app.requests().write(&mut text);
    // A database that is away is a figure too.
    let up = match (app.store().counts().await, app.store().head().await) {
        (Ok(counts), Ok(head)) => {
            text.push_str("# TYPE llm_speed_results gauge\n");
            for (state, count) in counts {
                let _ = writeln!(text, "llm_speed_results{{state=\"{}\"}} {count}", state.name());
            }
            let _ =
                writeln!(text, "# TYPE llm_speed_log_size counter\nllm_speed_log_size {}", head.edge.size);
            1
        }
        _ => 0,
    };
    let _ = writeln!(text, "# TYPE llm_speed_database_up gauge\nllm_speed_database_up {up}");
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
