//! The little of an address that is needed: scheme, host, port, path before ours.

use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

use super::HttpError;

/// Where a server is: `http://127.0.0.1:8080/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands before every path, without a slash at its end.
    pub base: String,
}

impl Url {
    /// Reads an address; without a scheme it is plain HTTP, as people type `localhost:8080`.
    ///
    /// # Errors
    /// [`HttpError::BadUrl`] with the text.
    pub fn parse(text: &str) -> Result<Url, HttpError> {
        let bad = || HttpError::BadUrl(text.to_owned());
        let trimmed = text.trim();
        let (tls, rest) = match trimmed.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(bad()),
            None => (false, trimmed),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // Credentials in an address would end up in logs.
        if authority.is_empty() || authority.contains(['@', ' ', '?', '#']) || path.contains(['?', '#', ' '])
        {
            return Err(bad());
        }
        let default = if tls { 443 } else { 80 };
        let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(bad)?;
            (host, port.strip_prefix(':'))
        } else {
            match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            }
        };
        let port = port.map_or(Ok(default), str::parse).map_err(|_| bad())?;
        if host.is_empty() || port == 0 {
            return Err(bad());
        }
        Ok(Url { tls, host: host.to_owned(), port, base: path.trim_end_matches('/').to_owned() })
    }

    /// The same without a `/v1` at its end, which people copy along and which drivers add themselves.
    #[must_use]
    pub fn without_version(self) -> Url {
        let base = self.base.strip_suffix("/v1").unwrap_or(&self.base).to_owned();
        Url { base, ..self }
    }

    /// Host and port for a `Host` header and for sentences.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// The path of a resource below this address.
    pub fn path(&self, resource: &str) -> String {
        format!("{}{resource}", self.base)
    }

    /// The address of a folder below this one.
    pub fn below(&self, folder: &str) -> Url {
        Url { base: self.path(folder), ..self.clone() }
    }

    /// Whether what answers there runs on this machine: loopback, or an address that this host has itself. A name that
    /// leads nowhere, or to several machines, is elsewhere; a tunnel that ends on loopback cannot be told.
    pub fn is_here(&self) -> bool {
        if self.is_loopback() {
            return true;
        }
        let Ok(places) = (self.host.as_str(), self.port).to_socket_addrs() else { return false };
        let mut places = places.peekable();
        // A system binds no address but its own; nothing is sent for the answer.
        let is_own = |place: SocketAddr| UdpSocket::bind((place.ip(), 0)).is_ok();
        places.peek().is_some() && places.all(is_own)
    }

    /// Whether only this machine is reached: then nothing leaves it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        let url = Url::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.base.as_str(), url.tls), ("127.0.0.1", 8080, "", false));
        let url = Url::parse("https://openrouter.ai/api/v1/").unwrap();
        assert_eq!((url.authority().as_str(), url.port), ("openrouter.ai", 443));
        assert_eq!(url.path("/chat/completions"), "/api/v1/chat/completions");
        assert_eq!(Url::parse("localhost:11434").unwrap().authority(), "localhost:11434");
        let below = Url::parse("http://a:1/base/").unwrap().below("/api/v1");
        assert_eq!(below.path("/login"), "/base/api/v1/login");
        let six = Url::parse("http://[::1]:1234/v1").unwrap();
        assert_eq!((six.host.as_str(), six.authority().as_str()), ("::1", "[::1]:1234"));
        assert!(six.is_loopback() && !url.is_loopback());
    }

    /// Addresses of RFC 5737 and 3849 belong to nobody, so this host has none of them.
    #[test]
    fn this_machine_is_told_from_others() {
        let is_here = |text: &str| Url::parse(text).unwrap().is_here();
        for here in ["http://127.0.0.1:8000", "http://localhost:8000", "http://0.0.0.0:8000"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in ["http://192.0.2.7:8000", "http://[2001:db8::7]:8000", "http://gpu-box.invalid:8000"]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ftp://x", "http://", "http://host:port", "http://u:p@host", "http://host/a?b", "http://h:0"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
