//! Who is asking, as far as a limit needs to know: a network address that is neither kept nor written down.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;

/// The other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// No connection at all, as in tests that ask without a network.
pub const NOWHERE: Peer = Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// The client's address behind `proxies` proxies of ours: each appends the address that it sees to `X-Forwarded-For`, so
/// what we may believe stands on the right, and what a client wrote itself on the left. A chain that is shorter than it
/// should be came past a proxy: then the peer is the client.
pub fn address(headers: &HeaderMap, peer: Peer, proxies: usize) -> IpAddr {
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    let believed = proxies.checked_sub(1).and_then(|before| entries.iter().rev().nth(before));
    believed.and_then(|entry| parse(entry)).unwrap_or(peer.0)
}

/// An address, perhaps in brackets and with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(entry, |(bare, _)| bare);
    bare.parse().ok().or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        let peer = Peer("10.0.0.1".parse().unwrap());
        let of = |lines: &[&str], proxies: usize| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            address(&headers, peer, proxies).to_string()
        };
        assert_eq!(of(&["1.1.1.1"], 0), "10.0.0.1", "nobody is trusted unless told");
        assert_eq!(of(&["6.6.6.6, 203.0.113.9"], 1), "203.0.113.9", "forged entries stand left");
        assert_eq!(of(&["6.6.6.6", "203.0.113.9, 10.0.0.2"], 2), "203.0.113.9", "lines are one list");
        assert_eq!(of(&["203.0.113.9"], 2), "10.0.0.1", "a chain too short");
        assert_eq!(of(&["nonsense"], 1), "10.0.0.1");
        assert_eq!(of(&[], 1), "10.0.0.1");
        assert_eq!(of(&["[2001:db8::1]:443"], 1), "2001:db8::1");
        assert_eq!(of(&["203.0.113.9:5000"], 1), "203.0.113.9");
    }
}
