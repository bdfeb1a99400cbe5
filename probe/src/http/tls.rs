//! The handshake of TLS, over a socket that waits in short pieces.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::HttpError;
use super::connection::{Socket, Timeouts, is_wait};
use crate::interrupt;

/// Encrypts a connection; the handshake is done now, not inside the first request.
///
/// # Errors
/// When the two do not agree, or not in the time for connecting.
pub(super) fn open(host: &str, tcp: TcpStream, timeouts: Timeouts) -> Result<Socket, HttpError> {
    let begun = Instant::now();
    let failed = |error: &dyn std::fmt::Display| HttpError::Tls(error.to_string());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(|error| failed(&error))?;
    let mut stream = StreamOwned::new(session, tcp);
    // One wait at the socket is short: a server far away, or a busy one,
    // takes several.
    while stream.conn.is_handshaking() {
        let Err(error) = stream.conn.complete_io(&mut stream.sock) else { continue };
        if !is_wait(&error) {
            return Err(failed(&error));
        }
        if interrupt::requested() {
            return Err(HttpError::Interrupted);
        }
        if timeouts.until.is_some_and(|until| Instant::now() >= until) {
            return Err(HttpError::OutOfTime);
        }
        if begun.elapsed() >= timeouts.connect {
            return Err(HttpError::Stalled { doing: "agreeing on encryption", limit: timeouts.connect });
        }
    }
    Ok(Socket::Tls(Box::new(stream)))
}
