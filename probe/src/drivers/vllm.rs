//! vLLM's server: `/version`, `/tokenize`, usage with every chunk, and its prefix-cache counters in `/metrics`.

use serde::Deserialize;
use serde_json::json;

use crate::driver::{Absent, Driver, DriverError, Env, ModelRef, Options, Reply, Request, Runtime, Stream};
use crate::http::{Connection, Timeouts};
use crate::model_folder;
use crate::wire::openai::Dialect;
use crate::wire::server::{Server, ServerStream, TokenRoute};
use crate::wire::{ask, python};

/// vLLM.
pub struct Vllm;

impl Driver for Vllm {
    fn name(&self) -> &'static str {
        "vllm"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: &dyn std::fmt::Display| Absent {
            reason: python::absence(&reason.to_string(), &["vllm"], "vllm serve"),
            hint: "start `vllm serve MODEL` (`pip install vllm`)",
        };
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let url = options.address("http://127.0.0.1:8000").map_err(|error| absent(&error))?;
        let headers = ask::bearer(options.api_key.as_deref());
        let version: Version =
            ask::get(&url, &headers, Timeouts::QUICK, "/version").map_err(|error| absent(&error))?;
        Ok(Box::new(Server {
            url,
            headers,
            dialect: Dialect { usage_each_chunk: true, ..Dialect::LOCAL },
            version: version.version,
            tokens: Some(TokenRoute { resource: "/tokenize", text: "prompt", count: "count" }),
            context_flag: Some("--max-model-len"),
            streams_flag: Some("--max-num-seqs"),
            may_simplify: false,
            unlisted: None,
            is_service: false,
            version_in: None,
            stream,
        }))
    }

    fn on_disk(&self, env: Env) -> Vec<ModelRef> {
        let is_for_others =
            |model: &ModelRef| !model.folder.as_deref().is_some_and(model_folder::is_packed_for_mlx);
        model_folder::cached(env).into_iter().filter(is_for_others).collect()
    }
}

fn stream(server: &Server, model: &ModelRef) -> Box<dyn Stream> {
    Box::new(VllmStream {
        stream: server.open(model),
        server: server.clone(),
        before: None,
        speculates: false,
    })
}

struct VllmStream {
    stream: ServerStream,
    server: Server,
    /// The counters as they were when it got ready: asked for then, so that no stream begins later for it.
    before: Option<CacheCounters>,
    /// Whether it guesses tokens ahead: it has counters for that only then.
    speculates: bool,
}

/// Prefix-cache counters, in tokens since the server's start.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CacheCounters {
    queries: f64,
    hits: f64,
}

impl VllmStream {
    fn counters(&mut self) -> Option<CacheCounters> {
        let server = &self.server;
        let text = ask::get_text(&server.url, &server.headers, Timeouts::QUICK, "/metrics").ok()?;
        self.speculates = speculates(&text);
        parse_counters(&text)
    }
}

/// Whether there are counters of drafts.
fn speculates(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("vllm:spec_decode_num_draft"))
}

/// The sums of `vllm:prefix_cache_queries_total` and `…hits_total`; older versions put `gpu_` before `prefix`.
fn parse_counters(text: &str) -> Option<CacheCounters> {
    let sum = |name: &str| {
        let mut values = text.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let key = key.split('{').next()?.strip_prefix("vllm:")?;
            let key = key.strip_prefix("gpu_").unwrap_or(key);
            (key.strip_suffix("_total").unwrap_or(key) == name).then(|| value.parse::<f64>().ok()).flatten()
        });
        values.next().map(|first| first + values.sum::<f64>())
    };
    Some(CacheCounters { queries: sum("prefix_cache_queries")?, hits: sum("prefix_cache_hits")? })
}

impl Stream for VllmStream {
    fn connection(&mut self) -> &mut Connection {
        self.stream.connection()
    }

    fn get_ready(&mut self) {
        self.before = self.counters();
        self.stream.get_ready();
    }

    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        let before = match self.before.take() {
            Some(before) => Some(before),
            None => self.counters(),
        };
        let mut reply = self.stream.run(request)?;
        if self.speculates {
            reply.extras["speculative"] = json!(true);
        }
        // Usage tells cached tokens only when the server was started with a flag; its counters always do, as long as
        // this request was alone: then their queries grew by its prompt.
        if reply.timings.cached_tokens.is_none()
            && let (Some(before), Some(after)) = (before, self.counters())
        {
            let (queries, hits) = (after.queries - before.queries, after.hits - before.hits);
            reply.extras["prefix_cache"] = json!({"queries": queries, "hits": hits});
            if (queries - f64::from(reply.timings.prompt_tokens)).abs() < 1.5 {
                reply.timings.cached_tokens = Some(hits as u32);
            }
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_both_names() {
        let text = "# HELP vllm:prefix_cache_queries_total x\nvllm:prefix_cache_queries_total{engine=\"0\"} 560.0\n\
                    vllm:prefix_cache_queries_total{engine=\"1\"} 40.0\nvllm:prefix_cache_hits_total{engine=\"0\"} 256.0\n\
                    vllm:prefix_cache_queries_created{engine=\"0\"} 1.79e9\n";
        assert_eq!(parse_counters(text), Some(CacheCounters { queries: 600.0, hits: 256.0 }));
        let old = "vllm:gpu_prefix_cache_queries 100\nvllm:gpu_prefix_cache_hits 0\n";
        assert_eq!(parse_counters(old), Some(CacheCounters { queries: 100.0, hits: 0.0 }));
        assert_eq!(parse_counters("other 3"), None);
        let drafts = "# HELP vllm:spec_decode_num_drafts_total x\nvllm:spec_decode_num_drafts_total{engine=\"0\"} 0.0\n";
        assert!(speculates(drafts) && !speculates(text));
    }
}
