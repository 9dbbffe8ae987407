//! What DynamoDB answers only under load, replayed: the test stack never does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::{self, JoinHandle};

use aws_config::SdkConfig;
use serde_json::{Value, json};
use shared::store::dynamodb::DynamoDbStore;
use shared::store::{Claim, RecordStore, cloud};

use super::{RESERVATION, a_block, meta};
use crate::ministack::config_for;

/// Answers one request after the other, each on a connection of its own, and ends with the
/// operations that were asked for, and what they were asked with.
fn replay(answers: Vec<(u16, Value)>) -> (DynamoDbStore, JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config: SdkConfig = config_for(listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        answers.into_iter().map(|(status, body)| answer(&listener, status, &body)).collect()
    });
    (cloud::connect(&config, "table", "bucket").0, server)
}

fn operations(server: JoinHandle<Vec<(String, Value)>>) -> Vec<String> {
    server.join().unwrap().into_iter().map(|(operation, _)| operation).collect()
}

fn answer(listener: &TcpListener, status: u16, body: &Value) -> (String, Value) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let (mut operation, mut length, mut line) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => operation = value.trim().replace("DynamoDB_20120810.", ""),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
        line.clear();
    }
    let mut asked = vec![0; length];
    reader.read_exact(&mut asked).unwrap();
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes()).unwrap();
    (operation, serde_json::from_slice(&asked).unwrap())
}

fn error(name: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "replayed"})
}

fn cancelled(reasons: [&str; 2]) -> Value {
    let mut cancelled = error("TransactionCanceledException");
    cancelled["CancellationReasons"] = reasons.map(|code| json!({"Code": code})).into();
    cancelled
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_sent_again_under_the_same_token() {
    let nothing = || (200, json!({}));
    let lost = (500, error("InternalServerError"));
    let (store, server) = replay(vec![nothing(), nothing(), lost, nothing()]);
    assert_eq!(store.claim(&a_block(), RESERVATION, None).await.unwrap(), Claim::Attempt(1));
    let asked = server.join().unwrap();
    let [_, _, (first, claim), (second, again)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("TransactWriteItems", "TransactWriteItems"));
    assert!(claim["ClientRequestToken"].is_string());
    assert_eq!(claim, again, "DynamoDB does it once");
}

#[tokio::test]
async fn a_claim_that_meets_another_reads_again_and_tries_again() {
    let block = json!({"Item": {
        "experiment": {"S": "a~b~c1"}, "round": {"N": "1"}, "block": {"N": "1"},
        "attempt": {"N": "1"}, "reservation": {"N": "7"}, "of_a_later_fmgauge": {"L": []},
    }});
    let spend = json!({"Item": {
        "limit": {"N": "9000000"}, "reserved": {"N": "7"}, "spent": {"N": "0"}, "left": {"N": "8"},
    }});
    // The two reads are sent at once, and may come in any order: each is answered alike.
    for [first, second] in [["TransactionConflict", "None"], ["None", "ConditionalCheckFailed"]] {
        let mut both = block["Item"].as_object().unwrap().clone();
        both.extend(spend["Item"].as_object().unwrap().clone());
        let read = || (200, json!({"Item": both}));
        let conflict = (400, cancelled([first, second]));
        let done = (200, json!({}));
        let (store, server) = replay(vec![read(), read(), conflict, read(), read(), done]);
        assert_eq!(store.claim(&a_block(), RESERVATION, None).await.unwrap(), Claim::Attempt(2));
        let asked = server.join().unwrap();
        assert_ne!(asked[2].1["ClientRequestToken"], asked[5].1["ClientRequestToken"]);
    }
}

#[tokio::test]
async fn creating_a_run_waits_for_others_to_decide() {
    let run = meta("r", "2026-11-22T10:00:00Z");
    let conflict = (400, cancelled(["TransactionConflict", "None"]));
    let (store, server) = replay(vec![conflict.clone(), (200, json!({}))]);
    assert!(store.create_run(&run).await.unwrap());
    assert_eq!(operations(server), ["TransactWriteItems"; 2]);

    let taken = (400, cancelled(["ConditionalCheckFailed", "None"]));
    let (store, server) = replay(vec![conflict, taken]);
    assert!(!store.create_run(&run).await.unwrap());
    assert_eq!(operations(server), ["TransactWriteItems"; 2]);
}

#[tokio::test]
async fn keys_that_a_batch_left_are_asked_for_again() {
    let entry =
        |id: &str| json!({"pk": {"S": "RUNS"}, "run_id": {"S": id}, "name": {"NULL": true}});
    let item = |id: &str| {
        json!({
            "run_id": {"S": id}, "name": {"NULL": true}, "owner": {"S": "host"},
            "config_sha256": {"S": "00"}, "status": {"S": "running"}, "stopping": {"BOOL": false},
            "started_at": {"S": "2026"}, "ended_at": {"NULL": true},
        })
    };
    let left = json!({"pk": {"S": "RUN#a"}, "sk": {"S": "META"}});
    let (store, server) = replay(vec![
        (200, json!({"Items": [entry("a"), entry("b")]})),
        (
            200,
            json!({
                "Responses": {"table": [item("b")]},
                "UnprocessedKeys": {"table": {"Keys": [left]}},
            }),
        ),
        (200, json!({"Responses": {"table": [item("a")]}, "UnprocessedKeys": {}})),
    ]);
    let runs = store.runs().await.unwrap();
    assert_eq!(runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(operations(server), ["Query", "BatchGetItem", "BatchGetItem"]);
}
