//! `fmgauge simulate`: how it ends, what its log holds then, and scripts.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use simulator::{FIXED_MODEL, Outcome, Truth};

use super::Desk;

/// Starts it with a model of fixed timing, on a free port: the process, and where it listens.
fn start(desk: &Desk, arguments: &[&str]) -> (Child, String) {
    let common = ["simulate", "--port", "0", "--fixed", "5ms,1ms,3", "--log", "truth.jsonl"];
    let mut process = desk
        .fmgauge(&[&common[..], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").expect("its address");
    (process, address.to_owned())
}

/// Asks on a connection of its own: all that came back.
fn ask(address: &str) -> String {
    let body = r#"{"messages": [{"role": "user", "content": [{"text": "hello"}]}]}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /model/{FIXED_MODEL}/converse HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn truths(desk: &Desk) -> Vec<Truth> {
    let log = desk.read("truth.jsonl");
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn it_ends_well_when_it_is_told_to_and_its_log_is_whole() {
    for by_input in [true, false] {
        let desk = Desk::new("");
        let arguments: &[&str] = if by_input { &["--until-eof"] } else { &[] };
        let (mut process, address) = start(&desk, arguments);
        for _ in 0..3 {
            assert!(ask(&address).starts_with("HTTP/1.1 200 OK"));
        }
        if by_input {
            drop(process.stdin.take());
        } else {
            let id = process.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        }
        assert_eq!(process.wait().unwrap().code(), Some(0));
        let truths = truths(&desk);
        assert_eq!(truths.len(), 3);
        for truth in truths {
            assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Ok, 3));
            assert!(truth.first_token_written_ns.unwrap() >= truth.received_ns + 5_000_000);
        }
    }
}

#[test]
fn what_a_script_says_happens() {
    let desk = Desk::new("");
    let script = "version: 1\nfaults: [{kind: error, status: 503, every: 2}]\n";
    fs::write(desk.path("faults.yml"), script).unwrap();
    let (mut process, address) = start(&desk, &["--script", "faults.yml", "--until-eof"]);
    for expected in ["200 OK", "503 Service Unavailable", "200 OK"] {
        let answer = ask(&address);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{answer}");
    }
    drop(process.stdin.take());
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let outcomes: Vec<_> = truths(&desk).iter().map(|truth| truth.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Status, Outcome::Ok]);
}

#[test]
fn a_script_that_is_wrong_is_refused_before_anything_listens() {
    let desk = Desk::new("");
    desk.write("faults.yml", "version: 1\nfaults: [{kind: stal}]\n");
    let done = desk.run(&["simulate", "--port", "0", "--script", "faults.yml"]);
    assert_eq!((done.code, &*done.stdout), (Some(2), ""));
    for part in ["faults.yml", "line 2, column 17", "did you mean `stall`?"] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
}
