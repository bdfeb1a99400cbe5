//! The same over real connections: deadlines, bounds, the end.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use server::representation::{Representation, TEXT};
use server::{Ended, Limits, under_rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connected::{Running, exchange, read};

/// Beyond what the system keeps between two ends of a connection: most of it waits in the server until it is read.
const LARGE_BYTES: usize = 32 << 20;

/// Made once and before anything is timed: its tag takes seconds, unoptimised.
static LARGE: LazyLock<Representation> = LazyLock::new(|| Representation::new(TEXT, vec![b'x'; LARGE_BYTES]));

/// Starts a server with one route that answers at once, one that takes `slow`, and one whose answer is large.
async fn start(limits: Limits, slow: Duration) -> Running {
    let routes = Router::new()
        .route("/quick", get(async || Representation::new(TEXT, "quick")))
        .route("/large", get(async || LARGE.clone()))
        .route(
            "/slow",
            get(async move || {
                tokio::time::sleep(slow).await;
                Representation::new(TEXT, "slow but whole")
            }),
        );
    Running::start(&[], limits, |app, limits| under_rules(routes, app, limits)).await
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn it_answers_and_stops() {
    let running = start(Limits::default(), Duration::ZERO).await;
    let answer = exchange(running.addr, request("/quick").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nquick"), "{answer}");
    running.stop.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), Ended::Drained);
    assert!(TcpStream::connect(running.addr).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_it_stops() {
    let running = start(Limits::default(), Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    // Without "close": the server must end a connection that would have lived on.
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    // One that never asks must not hold the end up.
    let silent = TcpStream::connect(running.addr).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert!(read(&mut stream).await.ends_with("slow but whole"));
    let ended = tokio::time::timeout(Duration::from_secs(5), running.ended).await;
    assert_eq!(ended.expect("long before the silent one's deadline").unwrap(), Ended::Drained);
    drop(silent);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut() {
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let running = start(limits, Duration::from_secs(9)).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    stream.write_all(request("/slow").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), Ended::Cut);
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let limits = Limits { head: Duration::from_millis(300), ..Limits::default() };
    let running = start(limits, Duration::ZERO).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    stream.write_all(b"GET /quick HTTP/1.1\r\nHost: te").await.unwrap();
    let answer = read(&mut stream).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    // A connection that says nothing at all is closed as well.
    let mut silent = TcpStream::connect(running.addr).await.unwrap();
    assert!(!read(&mut silent).await.contains("200 OK"));
}

#[tokio::test]
async fn a_head_beyond_the_bound_and_nonsense_are_refused() {
    let running = start(Limits::default(), Duration::ZERO).await;
    let long = format!("GET /quick HTTP/1.1\r\nHost: test\r\nX-Long: {}\r\n\r\n", "a".repeat(40 * 1024));
    let answer = exchange(running.addr, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = exchange(running.addr, b"NONSENSE\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(exchange(running.addr, request("/quick").as_bytes()).await.ends_with("quick"), "it goes on");
}

#[tokio::test]
async fn beyond_the_bound_connections_wait_their_turn() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let running = start(limits, Duration::ZERO).await;
    let first = TcpStream::connect(running.addr).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = TcpStream::connect(running.addr).await.unwrap();
    second.write_all(request("/quick").as_bytes()).await.unwrap();
    let mut byte = [0; 1];
    let early = tokio::time::timeout(Duration::from_millis(200), second.read(&mut byte)).await;
    assert!(early.is_err(), "answered while the only place was taken");
    drop(first);
    assert!(read(&mut second).await.ends_with("quick"));
}

/// Asks for the large answer and reads pieces of it, with a pause behind each, for so long; then the rest at once. How much
/// there was.
async fn sip(addr: SocketAddr, piece: usize, pause: Duration, so_long: Duration) -> usize {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request("/large").as_bytes()).await.unwrap();
    let (mut buffer, mut all, begun) = (vec![0; piece], 0, Instant::now());
    while begun.elapsed() < so_long {
        match stream.read(&mut buffer).await {
            // A connection that was cut ends in a reset, or in nothing.
            Ok(0) | Err(_) => return all,
            Ok(read) => all += read,
        }
        tokio::time::sleep(pause).await;
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    all + rest.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_let_go() {
    LazyLock::force(&LARGE);
    let limits = Limits { reading: Duration::from_millis(500), connections: 1, ..Limits::default() };
    let running = start(limits, Duration::ZERO).await;
    let mut deaf = TcpStream::connect(running.addr).await.unwrap();
    deaf.write_all(request("/large").as_bytes()).await.unwrap();
    let begun = Instant::now();
    // The only place is free again once the server gave up on the one that does not read.
    assert!(exchange(running.addr, request("/quick").as_bytes()).await.ends_with("quick"));
    assert!(begun.elapsed() >= Duration::from_millis(400), "it was given its time: {:?}", begun.elapsed());
    let mut rest = Vec::new();
    let _ = deaf.read_to_end(&mut rest).await;
    assert!(rest.len() < LARGE_BYTES, "all of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_has_all_of_it_and_one_that_drips_has_not() {
    LazyLock::force(&LARGE);
    let limits = Limits { reading: Duration::from_secs(2), ..Limits::default() };
    let running = start(limits, Duration::ZERO).await;
    // Together longer than the time for one piece: it is not the whole answer that has to be read within it.
    let steady = sip(running.addr, 256 << 10, Duration::from_millis(20), Duration::from_secs(60));
    // Every pause is short, and it would take hours.
    let dripping = sip(running.addr, 64, Duration::from_millis(50), Duration::from_secs(6));
    let (steady, dripping) = tokio::join!(steady, dripping);
    assert!(steady > LARGE_BYTES, "{steady} with its head");
    assert!(dripping < LARGE_BYTES, "{dripping}");
}
