//! What bounds a deployed run: its spend limit, the time of a function, DynamoDB's rate, and an endpoint
//! that throttles.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use shared::run::Conclusion;
use shared::store::{BlockEnd, RecordStore, RunStatus};
use simulator::{Simulator, SimulatorConfig};

use super::proxy::Proxy;
use super::stack::Stack;
use super::taken::{Taken, request_ids};
use super::{by_request_id, config_of_one, run_id, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_spend_limit_hit_in_the_middle_is_never_exceeded() {
    let stack = Stack::up();
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    // Where time ends blocks, each may spend a fourth of the limit: some 9 requests of 6 microdollars.
    let rest = "load: [{concurrency: [1, 2]}]\nstop: {duration: 3s}\nreplicates: 2\n\
                spend_limit: {per_run_usd: 0.0002}";
    let uri = stack.put_config("limited", &config_of_one(&simulator.url(), rest)).await;
    let ended =
        stack.execute("run_state_machine", &json!({"config_uri": uri, "run_id": "limited"}));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let conclusion: Conclusion = serde_json::from_value(ended.output).unwrap();
    assert!(conclusion.spent_by_bound_usd <= 0.0002, "{conclusion:?}");
    assert!(conclusion.completed_requests > 0);
    let taken = Taken::from(&stack.stores(), &run_id("limited")).await;
    let cut_short = |block: &&shared::store::BlockState| {
        block.receipt.as_ref().is_some_and(|receipt| receipt.ended == BlockEnd::SpendLimit)
    };
    let shortened = taken.blocks.iter().filter(cut_short).count();
    assert!(shortened > 0, "{:?}", taken.blocks);
    let report = String::from_utf8(taken.file("report.md").to_vec()).unwrap();
    let told = report.lines().find(|line| line.contains("spend limit"));
    println!("{shortened} blocks shortened; {told:?}");
    assert!(told.is_some(), "{report}");
}

/// The runner's process is stopped dead, as one that hangs; Lambda ends it at its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_hangs_is_timed_out_and_its_block_is_measured_again() {
    let stack = Stack::up_with(&["--env", "SFN_WAIT_SCALE=0.1", "--parameter", "RunnerTimeout=60"]);
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let rest = "load: [{concurrency: 1}]\nstop: {requests: 20}\nreplicates: 1\n\
                deadlines: {request: 10s, first_token: 5s}";
    let uri = stack.put_config("hangs", &config_of_one(&simulator.url(), rest)).await;
    let execution = stack.start(&json!({"config_uri": uri, "run_id": "hangs"}));
    until("the first answers", Duration::from_millis(5), || {
        (simulator.truth().len() > 2).then_some(())
    });
    let stopped = Command::new("kill").arg("-STOP").args(stack.runners()).status().unwrap();
    assert!(stopped.success());
    let ended = stack.wait(&execution);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let taken = Taken::from(&stack.stores(), &run_id("hangs")).await;
    let [block] = &taken.blocks[..] else { panic!("{:?}", taken.blocks) };
    assert_eq!((block.attempt, block.receipt.as_ref().unwrap().attempt), (2, 2));
    let summary = taken.summary().summary;
    assert_eq!(summary.experiments[0].requests.completed, 20);
}

/// A proxy answers every third request as DynamoDB does above the table's rate. All that the functions
/// send to AWS goes by proxies, which judge it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_throttles_loses_nothing() {
    let port = free_port().to_string();
    let mut proxy = Proxy::before(&port, 3);
    let mut s3 = Proxy::before(&port, 0);
    let fast = "SFN_WAIT_SCALE=0.1";
    let dynamodb = format!("AWS_ENDPOINT_URL_DYNAMODB={}", proxy.url);
    let files = format!("AWS_ENDPOINT_URL_S3={}", s3.url);
    let environment = ["--env", fast, "--env", &dynamodb, "--env", &files, "--port", &port];
    let stack = Stack::up_with(&environment);
    let simulator = Simulator::spawn_thread(SimulatorConfig::default()).unwrap();
    let mut bedrock = Proxy::before(simulator.url().rsplit(':').next().unwrap(), 0);
    let rest = "load: [{concurrency: 2}]\nstop: {requests: 60}\nreplicates: 3";
    let uri = stack.put_config("slow", &config_of_one(&bedrock.url, rest)).await;
    let ended = stack.execute("run_state_machine", &json!({"config_uri": uri, "run_id": "slow"}));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let taken = Taken::from(&stack.stores(), &run_id("slow")).await;
    assert_eq!(taken.summary().summary.experiments[0].requests.completed, 60);
    assert!(taken.uncounted.is_empty(), "no block was given up for it");
    let truth = by_request_id(simulator.truth());
    assert!(request_ids(&taken.counted) == truth.into_keys().collect(), "records differ");
    let (refused, asked) = proxy.end();
    println!("{refused} requests to DynamoDB were refused; asked for: {asked:?}");
    assert!(refused > 5, "{refused}");
    let expected = ["GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"];
    assert!(expected.iter().all(|operation| asked.contains(*operation)), "{asked:?}");
    let (_, asked) = s3.end();
    assert!(["GetObject", "PutObject"].iter().all(|one| asked.contains(*one)), "{asked:?}");
    let (_, asked) = bedrock.end();
    assert_eq!(asked, ["ConverseStream".to_owned()].into());
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// That the lane's later blocks are left out is shown by `command::throttled`: the emulator goes on with
/// the items of a map after one has failed, where AWS stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_gives_up_while_its_endpoint_throttles() {
    let stack = Stack::up();
    let limit = simulator::Limit {
        requests_per_minute: Some(6),
        burst: Duration::from_secs(10),
        ..simulator::Limit::default()
    };
    let limited = SimulatorConfig { limits: vec![limit], ..Default::default() };
    let simulator = Simulator::spawn_thread(limited).unwrap();
    let rest = "load: [{concurrency: 1}]\nstop: {duration: 5m}\nreplicates: 1\n";
    let uri = stack.put_config("throttled", &config_of_one(&simulator.url(), rest)).await;
    let ended =
        stack.execute("run_state_machine", &json!({"config_uri": uri, "run_id": "throttled"}));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let conclusion: Conclusion = serde_json::from_value(ended.output).unwrap();
    assert_eq!((conclusion.status, conclusion.unfinished_blocks), (RunStatus::Incomplete, 1));
    let blocks = stack.stores().records.blocks(&run_id("throttled")).await.unwrap();
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(block.receipt.as_ref().unwrap().ended, BlockEnd::Throttled);
    let taken = Taken::from(&stack.stores(), &run_id("throttled")).await;
    let report = String::from_utf8(taken.file("report.md").to_vec()).unwrap();
    assert!(report.contains("gave up after a minute in which nearly every request was throttled"));
}
