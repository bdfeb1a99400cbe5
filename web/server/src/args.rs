//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::commands::Command;

/// The pages and the API of llm-speed.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "llm-speed-server", version)]
pub struct Args {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787")]
    pub addr: SocketAddr,
    /// Where the database lies; it is made where there is none.
    #[arg(long, value_name = "DIR", default_value = "data-dir", global = true)]
    pub data_dir: PathBuf,
    /// A PostgreSQL database, postgres://user@host/name, instead of a file in the data directory. Several servers may
    /// share one.
    #[arg(long, value_name = "URL", env = "LLM_SPEED_DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Scheme and host under which people reach this server, such as <https://example.org>: link previews, snippets and the
    /// sitemap name it. Without it they name what a request was sent to, or nothing.
    #[arg(long, value_name = "ORIGIN", env = "LLM_SPEED_PUBLIC_URL")]
    pub public_url: Option<Origin>,
    /// Proxies in front of this server that write X-Forwarded-For: the client is that many entries from its right.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// Submissions that one network address may make in an hour; a third of them at once.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub submissions_per_hour: u32,
    /// Tries that the usual proof of work takes, at least; up to twice as many. More of them in an attack.
    #[arg(long, value_name = "TRIES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub work: u32,
    /// The id under which this server is registered at the identity service, so that people may sign in there and have a
    /// profile here. Without it there are none.
    #[arg(long, value_name = "ID", env = "LLM_SPEED_IDENTITY_CLIENT_ID")]
    pub identity_client_id: Option<String>,
    /// The identity service: where the device flow begins, as GitHub and its enterprise servers have it.
    #[arg(long, value_name = "URL", env = "LLM_SPEED_IDENTITY_URL", default_value = "https://github.com")]
    pub identity_url: Place,
    /// Where it tells whose a token is.
    #[arg(
        long,
        value_name = "URL",
        env = "LLM_SPEED_IDENTITY_USER_URL",
        default_value = "https://api.github.com/user"
    )]
    pub identity_user_url: Place,
    /// A folder with a signed manifest and what it names, as `manifest make` writes it: served under /update/, from where
    /// probes update themselves.
    #[arg(long, value_name = "DIR")]
    pub update_dir: Option<PathBuf>,
    /// Where figures for Prometheus are served, apart from the site; nowhere where not given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_addr: Option<SocketAddr>,
    /// The WASM package, as `cargo xtask wasm` builds it. Without it, every page is rendered by the server alone.
    #[arg(long, value_name = "DIR")]
    pub wasm_dir: Option<PathBuf>,
    /// One more origin that pages may fetch from, such as http://127.0.0.1:9000. May be repeated. For tests.
    #[arg(long, value_name = "ORIGIN")]
    pub connect_src: Vec<Origin>,
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A web origin: scheme, host and perhaps a port, nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As it is written in a policy.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        // Only what a host and a port are made of: a space or a semicolon would write policy of its own.
        let is_host = |host: &str| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
        };
        match host {
            Some(host) if is_host(host) => Ok(Origin(text.to_owned())),
            _ => Err(
                "an origin is http:// or https://, a host and perhaps a port, such as http://127.0.0.1:9000"
                    .into(),
            ),
        }
    }
}

/// An address that this server may ask: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// As it was given, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, with the port where one is named.
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let name = host.strip_prefix('[').map_or_else(
            || host.split(':').next().unwrap_or_default(),
            |rest| rest.split(']').next().unwrap_or_default(),
        );
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether a text is an address that a browser would open.
    pub fn is_web(text: &str) -> bool {
        (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = Place(text.trim_end_matches('/').to_owned());
        let is_plain = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\'));
        let is_safe = text.starts_with("https://") || (text.starts_with("http://") && place.is_loopback());
        if is_plain && is_safe && !place.host().is_empty() {
            return Ok(place);
        }
        Err("an address is https://, a host and perhaps a path; http:// is for this machine alone".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn origins_carry_nothing_else() {
        for text in ["http://127.0.0.1:9000", "https://example.org", "http://[::1]:80"] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
        for text in
            ["*", "https://", "ftp://a", "http://a/b", "http://a; script-src *", "http://a b", "'self'", ""]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for (text, host) in [
            ("https://github.com", "github.com"),
            ("https://git.example.org/api/v3/user/", "git.example.org"),
            ("http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("http://[::1]:80/user", "[::1]:80"),
            ("http://localhost", "localhost"),
        ] {
            let place = text.parse::<Place>().unwrap();
            assert_eq!((place.host(), place.as_str()), (host, text.trim_end_matches('/')));
        }
        for text in [
            "http://github.com",
            "http://127.0.0.1.example.org",
            "https://",
            "https://a b",
            "https://user@host",
            "https://a/?b",
            "github.com",
            "",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn flags_have_defaults_and_repeat() {
        let args = Args::parse_from(["llm-speed-server"]);
        assert_eq!(
            (args.addr.to_string().as_str(), args.wasm_dir, args.connect_src),
            ("127.0.0.1:8787", None, vec![])
        );
        let args = Args::parse_from([
            "x",
            "--connect-src",
            "http://a:1",
            "--connect-src",
            "http://b",
            "--addr",
            "[::1]:0",
        ]);
        assert_eq!(args.connect_src.len(), 2);
        assert!(Args::try_parse_from(["x", "--addr", "localhost"]).is_err());
    }
}
