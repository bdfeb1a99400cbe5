//! What may be taken away from a server: the database, the clients' manners; and a second server beside it.

use std::time::{Duration, Instant};

use data::submission::Dispute;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::postgres;
use crate::program::{
    Place, Program, UNLIMITED, all_is_there, ask, exchange, prepared, problem, receipt, run, submit, work,
};

/// Both answer at once, each to its own copy of one request.
async fn at_once(a: &Program, b: &Program, head: &str, body: &str) -> [(u16, Vec<u8>); 2] {
    let (one, two) = tokio::join!(ask(&a.address, head, body), ask(&b.address, head, body));
    [one.unwrap(), two.unwrap()]
}

/// Two programs on one database: one log, each proof of work once, one limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_database_are_one() {
    let Some(url) = postgres::database("two servers on one database") else { return };
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), url: Some(&url) };
    // Both make the database at once: one of them makes it, the other finds it.
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Program::start(place, &UNLIMITED));
        (Program::start(place, &UNLIMITED), other.join().unwrap())
    });
    let keys = [ask(&a.address, "GET /log/key", "").await, ask(&b.address, "GET /log/key", "").await];
    assert_eq!(keys[0], keys[1], "one log, one key");

    // A burst through both; challenges of one are good at the other.
    let senders: Vec<_> = (0..6_u8)
        .map(|who| {
            let addresses = [a.address.clone(), b.address.clone()];
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for number in 0..8 {
                    let from = usize::from(who) + number as usize;
                    let body = prepared(&addresses[from % 2], who, &run(who, number)).await.unwrap();
                    let (status, answer) =
                        ask(&addresses[(from + 1) % 2], "POST /api/v1/runs", &body).await.unwrap();
                    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
                    taken.push(receipt(&answer));
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for sender in senders {
        taken.extend(sender.await.unwrap());
    }
    let mut places: Vec<u64> = taken.iter().filter_map(|receipt| receipt.log_index).collect();
    places.sort_unstable();
    assert_eq!(places, (0..48).collect::<Vec<_>>(), "no place twice, none left out");
    for program in [&a, &b] {
        assert_eq!(all_is_there(&program.address, place, &taken).await, 48);
    }

    // One run sent to both at the same moment, and one proof of work spent at both.
    for number in 100..104 {
        let body = prepared(&a.address, 1, &run(1, number)).await.unwrap();
        let answers = at_once(&a, &b, "POST /api/v1/runs", &body).await;
        let mut statuses = answers.each_ref().map(|(status, _)| *status);
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{answers:?}");
    }
    for number in 0..4 {
        let result = taken[0].id.clone().unwrap();
        let text = serde_json::to_string(&Dispute { result, says: format!("doubt {number}") }).unwrap();
        let pow = work(&b.address, text.as_bytes()).await.unwrap();
        let body = json!({ "text": text, "pow": pow }).to_string();
        let answers = at_once(&a, &b, "POST /api/v1/disputes", &body).await;
        let mut statuses = answers.each_ref().map(|(status, _)| *status);
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403], "{answers:?}");
    }
    drop((a, b));

    // Nine an hour, three at once, whichever server is asked.
    let limited = ["--submissions-per-hour", "9", "--work", "1"];
    let (a, b) = (Program::start(place, &limited), Program::start(place, &limited));
    let programs = [&a.address, &b.address];
    let mut statuses = Vec::new();
    for number in 0..5_usize {
        let (status, _) = submit(programs[number % 2], 9, 200 + number as u32).await.unwrap();
        statuses.push(status);
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
}

/// The database goes away for ten seconds, without a word, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_and_comes_back() {
    let Some(mut database) = postgres::Server::start() else {
        return postgres::skipped("a database that goes away");
    };
    let url = database.database();
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), url: Some(&url) };
    let program = Program::start(place, &UNLIMITED);
    let address = &program.address;
    let mut taken = Vec::new();
    for number in 0..5 {
        let (status, answer) = submit(address, 1, number).await.unwrap();
        assert_eq!(status, 201);
        taken.push(receipt(&answer));
    }
    // Made while it was there, sent while it is not.
    let waiting = prepared(address, 1, &run(1, 50)).await.unwrap();
    database.stop();
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(10) {
        let (status, head, answer) = exchange(address, "POST /api/v1/runs", &waiting).await.unwrap();
        assert_eq!(status, 503, "{}", String::from_utf8_lossy(&answer));
        assert!(head.to_ascii_lowercase().contains("retry-after: "), "{head}");
        assert_eq!(problem(&answer)["type"], "/problems/not-ready");
        assert_eq!(ask(address, "GET /readyz", "").await.unwrap().0, 503);
        // What needs no database goes on, also the medians as they were.
        for path in
            ["/healthz", "/", "/api/v1/medians", "/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b"]
        {
            assert_eq!(ask(address, &format!("GET {path}"), "").await.unwrap().0, 200, "{path}");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    database.again();
    let back = Instant::now();
    // The server finds it by itself.
    let answer = loop {
        match ask(address, "POST /api/v1/runs", &waiting).await.unwrap() {
            (201, answer) => break answer,
            (status, answer) => assert_eq!(status, 503, "{}", String::from_utf8_lossy(&answer)),
        }
        assert!(back.elapsed() < Duration::from_secs(15), "it does not find its database again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    taken.push(receipt(&answer));
    assert_eq!(ask(address, "GET /readyz", "").await.unwrap().0, 200);
    assert_eq!(all_is_there(address, place, &taken).await, 6, "nothing that was refused was kept");
}

/// Connections that were opened and never asked, heads that drip, bodies that do not come: others are answered at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_and_slow_clients_hold_nobody_up() {
    let idle: usize = std::env::var("LLM_SPEED_IDLE").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(Place { dir: dir.path(), url: None }, &UNLIMITED);
    let address = &program.address;
    assert_eq!(ask(address, "GET /", "").await.unwrap().0, 200);
    let mut held = Vec::new();
    for number in 0..idle {
        let mut stream = TcpStream::connect(address).await.unwrap();
        match number % 3 {
            0 => {}
            1 => stream.write_all(b"GET / HTTP/1.1\r\nHost: te").await.unwrap(),
            _ => {
                let head = b"POST /api/v1/runs HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{";
                // Of slow bodies no more than handlers there are: the next is told to come back.
                if number < 300 {
                    stream.write_all(head).await.unwrap();
                }
            }
        }
        held.push(stream);
    }
    let mut times = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(ask(address, "GET /", "").await.unwrap().0, 200);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let median = data::timings::quantile(&times, 0.5).unwrap();
    println!("{idle} idle and slow connections: GET / in {median:.1} ms at the median");
    assert!(times.iter().all(|ms| *ms < 5000.0), "{times:?}");
    assert_eq!(submit(address, 1, 1).await.unwrap().0, 201, "submissions go on");
    // The deadline for a head is 15 s, for a handler 10 s; then the server closes, by itself.
    let mut closed = 0;
    let end = Instant::now() + Duration::from_secs(25);
    for mut stream in held.into_iter().rev() {
        let mut rest = Vec::new();
        let left = end.saturating_duration_since(Instant::now());
        let ended = tokio::time::timeout(left, stream.read_to_end(&mut rest)).await;
        closed += usize::from(ended.is_ok());
        let text = String::from_utf8_lossy(&rest);
        assert!(!text.contains(" 200 "), "{text}");
    }
    assert_eq!(closed, idle, "the server closes them");
}
