//! The client against silence, cuts and odd framings.

mod common;

use std::time::{Duration, Instant};

use common::{End, Script, Server};
use probe::http::{Connection, HttpError, Timeouts, Url};

fn connect(server: &Server, idle_ms: u64) -> Connection {
    let limit = Duration::from_millis(idle_ms);
    let timeouts = Timeouts { connect: limit, first_byte: limit, idle: limit, until: None };
    Connection::new(Url::parse(&server.url).unwrap(), Vec::new(), timeouts)
}

#[test]
fn a_stall_is_noticed_and_named() {
    let server = Server::start(|_| Script::events(1, &["a"]).ending(End::Hang));
    let mut connection = connect(&server, 300);
    let start = Instant::now();
    let error = connection.get("/").unwrap().body.read_all(1000).unwrap_err();
    assert!(matches!(error, HttpError::Stalled { doing: "reading the answer", .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn pieces_are_stamped_when_they_arrive() {
    let server = Server::start(|_| Script::events(60, &["a", "b", "c"]));
    let mut connection = connect(&server, 2000);
    let mut response = connection.get("/").unwrap();
    let (mut bytes, mut stamps) = (Vec::new(), Vec::new());
    while let Some(arrived) = response.body.read(&mut bytes).unwrap() {
        // Slow work here does not move the next stamp's piece, only the moment we look at it.
        stamps.push((arrived - response.sent).as_millis());
    }
    assert_eq!(bytes, b"data: a\n\ndata: b\n\ndata: c\n\n");
    assert_eq!(stamps.len(), 3);
    for (stamp, expected) in stamps.iter().zip([60, 120, 180]) {
        assert!((expected..expected + 40).contains(stamp), "{stamps:?}");
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::start(|asked| Script::json(&format!("{{\"asked\":\"{}\"}}", asked.line)));
    let mut connection = connect(&server, 2000);
    for path in ["/a", "/b", "/c"] {
        let body = connection.get(path).unwrap().body.read_all(1000).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), format!("{{\"asked\":\"GET {path}\"}}"));
    }
}

#[test]
fn a_connection_that_the_server_closed_is_opened_again() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /cut" => Script::json("{}").ending(End::Cut),
        _ => Script::json("{}"),
    });
    let mut connection = connect(&server, 2000);
    assert!(connection.get("/ok").unwrap().body.read_all(100).is_ok());
    assert!(connection.get("/cut").unwrap().body.read_all(100).is_err());
    assert!(connection.get("/ok").unwrap().body.read_all(100).is_ok());
}

#[test]
fn nobody_there_is_an_absence() {
    let url = Url::parse("http://127.0.0.1:9").unwrap();
    let error = Connection::new(url, Vec::new(), Timeouts::QUICK).get("/").err().unwrap();
    assert_eq!(error.to_string(), "nothing listens at 127.0.0.1:9");
}

#[test]
fn a_server_that_hangs_up_just_as_it_is_asked_is_asked_again() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        // The first connection answers once, then closes upon the second request without a word.
        for answers in [1, 2] {
            let (mut stream, _) = listener.accept().unwrap();
            for turn in 0..2 {
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).unwrap_or(0) == 0 || turn >= answers {
                    break;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
            }
        }
    });
    let mut connection = Connection::new(url, Vec::new(), Timeouts::QUICK);
    for _ in 0..2 {
        assert_eq!(connection.get("/").unwrap().body.read_all(100).unwrap(), b"{}");
    }
}

/// A server that takes longer over its first words than one wait at the socket lasts: its words count, not the wait.
#[test]
fn a_slow_handshake_is_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::sleep(Duration::from_millis(600));
            // An alert: handshake_failure.
            let _ = std::io::Write::write_all(&mut stream, &[0x15, 3, 3, 0, 2, 2, 40]);
            std::thread::sleep(Duration::from_secs(5));
        }
    });
    let open = |connect_ms| {
        let timeouts = Timeouts { connect: Duration::from_millis(connect_ms), ..Timeouts::PATIENT };
        Connection::new(Url::parse(&url).unwrap(), Vec::new(), timeouts).open().unwrap_err()
    };
    let told = open(5000);
    assert!(matches!(&told, HttpError::Tls(words) if words.contains("alert")), "{told}");
    assert!(matches!(open(300), HttpError::Stalled { doing: "agreeing on encryption", .. }));
}

/// Cut after it had worked on a request, and gone: that is no idle connection, nor a place where nobody ever listened.
#[test]
fn a_server_that_breaks_down_over_a_request_is_not_asked_again() {
    use std::io::{Read, Write};
    // After so many milliseconds; on a connection that has served, or a fresh one; asked so often.
    for (work_ms, has_served, asked) in [(0, false, 1), (1500, true, 1), (0, true, 1)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            if has_served {
                assert!(stream.read(&mut buffer).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
            }
            assert!(stream.read(&mut buffer).unwrap() > 0);
            std::thread::sleep(Duration::from_millis(work_ms));
            // First the door, then the connection: nobody is found afterwards.
            let kept = (work_ms > 0).then(|| listener.try_clone().unwrap());
            drop(listener);
            drop(stream);
            let Some(kept) = kept else { return 1 };
            kept.set_nonblocking(true).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            1 + kept.accept().into_iter().count()
        });
        let limit = Duration::from_secs(5);
        let timeouts = Timeouts { connect: limit, first_byte: limit, idle: limit, until: None };
        let mut connection = Connection::new(Url::parse(&url).unwrap(), Vec::new(), timeouts);
        connection.open().unwrap();
        if has_served {
            connection.get("/").unwrap().body.read_all(100).unwrap();
        }
        let error = connection.post("/", b"{}").err().unwrap();
        assert!(matches!(error, HttpError::Cut { .. }), "{work_ms} ms, {has_served}: {error}");
        assert_eq!(server.join().unwrap(), asked);
    }
}
