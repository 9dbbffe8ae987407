//! Every fault of the simulator against a whole block of the real client, alone and all mixed,
//! streaming and not: it ends in time, and each request on the wire is one record under its own
//! class.
//!
//! In memory under a paused clock, where stalls of seconds take no time; over sockets what only a
//! kernel does: refusing and resetting.

mod joined;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shared::endpoint::{Dial, placeholder_config};
use shared::plan::Api;
use shared::run::Connections;
use simulator::{
    Fault, Limit, Outage, Part, Profile, ScriptedFault, Simulator, SimulatorConfig, When,
};
use tokio::time::Instant;

use self::joined::{Counted, Joined};
use super::local::LocalRun;
use super::ways::{WAYS, Way, containers};
use super::{profile, truths};

pub(super) const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";
const SLOTS: u32 = 4;
const REQUESTS: u32 = 80;

/// What the kernel is tried by: it makes no difference to it what is said.
const KERNEL: [Api; 3] = [Api::ConverseStream, Api::Converse, Api::ChatStream];

const COMPLETED: Counted = ("completed", None);
const THROTTLED: Counted = ("throttled", Some("throttled"));
const SERVER: Counted = ("failed", Some("server"));
const MODEL_ERROR: Counted = ("failed", Some("model_error"));
const CONNECTION: Counted = ("failed", Some("connection"));
const PROTOCOL: Counted = ("failed", Some("protocol"));
const FIRST_TOKEN: Counted = ("timed_out", Some("deadline_first_token"));
const STALL: Counted = ("timed_out", Some("deadline_stall"));
const REQUEST: Counted = ("timed_out", Some("deadline_request"));

/// Deadlines for a paused clock.
const PAUSED: &str = "{connect: 1s, first_token: 2s, stall: 1s, request: 8s}";

/// Deadlines for a real one, which a busy machine does not miss by itself.
const REAL: &str = "{connect: 20s, first_token: 20s, stall: 4s, request: 40s}";

fn config(way: Way, url: &str, deadlines: &str) -> String {
    let endpoint = way.endpoint(url);
    format!(
        "
version: 1
endpoints: [{endpoint}]
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 50}}]
load: [{{concurrency: {SLOTS}}}]
stop: {{requests: {REQUESTS}}}
replicates: 1
deadlines: {deadlines}
"
    )
}

/// A server whose model takes 50 ms to its first token and 5 ms to each of 19 others.
fn serving(faults: Vec<ScriptedFault>) -> SimulatorConfig {
    let model = profile(MODEL, Duration::from_millis(5), 20.0);
    let profiles = vec![Profile { base: Duration::from_millis(50), ..model }];
    let containers = containers();
    SimulatorConfig { profiles, containers, script: faults, ..SimulatorConfig::default() }
}

fn share(share: f64, fault: Fault) -> ScriptedFault {
    ScriptedFault { model_id: None, when: When::Share(share), fault }
}

/// Measures a block against a server in memory.
async fn in_memory(way: Way, config_of_server: SimulatorConfig) -> Joined {
    let simulator = Arc::new(Simulator::start(config_of_server).await.unwrap());
    let dialled = Arc::clone(&simulator);
    let dial = Dial::Memory(Arc::new(move || dialled.dial()));
    let connections = Connections::new(placeholder_config()).unwrap().with_dial(dial.clone());
    let connections = connections.with_simulator_in_memory(dial, placeholder_config());
    let config = config(way, "http://simulator.invalid", PAUSED);
    let run = LocalRun::plan(&config).await.in_virtual_time();
    let begun = Instant::now();
    let measured = run.measure(&connections).await;
    // Every request at its longest, the warm-up's first.
    let longest = run.plan_of().deadlines.request * (REQUESTS / SLOTS + 1);
    assert!(begun.elapsed() <= longest, "{:?}", begun.elapsed());
    // A paused clock moves only when the server has seen every client leave.
    tokio::time::sleep(Duration::from_millis(1)).await;
    Joined::new(&run, &measured, &simulator.truth(), way, REQUESTS as usize).await
}

/// Measures a block against a server over sockets, on a thread of its own.
async fn over_sockets(way: Way, config_of_server: SimulatorConfig) -> Joined {
    let connections = Connections::new(placeholder_config()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let simulator = SimulatorConfig { truth_log: Some(log.clone()), ..config_of_server };
    let simulator = Simulator::spawn_thread(simulator).unwrap();
    let connections = connections.with_simulator(simulator.url(), placeholder_config());
    let run = LocalRun::plan(&config(way, &simulator.url(), REAL)).await;
    let measured = run.measure(&connections).await;
    simulator.shutdown().unwrap();
    let truth = truths(&std::fs::read_to_string(log).unwrap());
    Joined::new(&run, &measured, &truth, way, REQUESTS as usize).await
}

/// Each fault, and what it is counted as, streaming and not.
fn faults() -> Vec<(Fault, Counted, Counted)> {
    let status = |status, code: &str| Fault::Status {
        status,
        code: code.to_owned(),
        message: "Simulated.".to_owned(),
    };
    let exception = |after_tokens| Fault::StreamException {
        after_tokens,
        exception: "modelStreamErrorException".to_owned(),
        message: "Simulated.".to_owned(),
    };
    let (short, long) = (Duration::from_millis(400), Duration::from_secs(3));
    let pause = |after_tokens, lasts| Fault::Pause { after_tokens, lasts };
    let corrupt = |after_tokens, part| Fault::Corrupt { after_tokens, part };
    vec![
        (status(429, "ThrottlingException"), THROTTLED, THROTTLED),
        (status(500, "InternalServerException"), SERVER, SERVER),
        (status(503, "ServiceUnavailableException"), SERVER, SERVER),
        (exception(0), MODEL_ERROR, MODEL_ERROR),
        (exception(10), MODEL_ERROR, MODEL_ERROR),
        (Fault::StallBeforeFirst, FIRST_TOKEN, STALL),
        (Fault::StallAfter { tokens: 3 }, STALL, STALL),
        (pause(0, short), COMPLETED, COMPLETED),
        (pause(3, short), COMPLETED, COMPLETED),
        // Where an answer comes whole, nobody sees its pauses.
        (pause(3, long), STALL, COMPLETED),
        (Fault::SlowHeaders, FIRST_TOKEN, REQUEST),
        (Fault::LateHeaders { by: short }, COMPLETED, COMPLETED),
        (Fault::LateHeaders { by: long }, FIRST_TOKEN, COMPLETED),
        (Fault::Truncate { after_tokens: 0 }, CONNECTION, CONNECTION),
        (Fault::Truncate { after_tokens: 10 }, CONNECTION, CONNECTION),
        (Fault::Reset, CONNECTION, CONNECTION),
        (Fault::ResetAfter { tokens: 0 }, CONNECTION, CONNECTION),
        (Fault::ResetAfter { tokens: 10 }, CONNECTION, CONNECTION),
        (corrupt(0, Part::Prelude), PROTOCOL, PROTOCOL),
        (corrupt(5, Part::Prelude), PROTOCOL, PROTOCOL),
        (corrupt(5, Part::Payload), PROTOCOL, PROTOCOL),
        (corrupt(50, Part::Payload), PROTOCOL, PROTOCOL),
        (Fault::Endless, REQUEST, REQUEST),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_fault_alone_is_counted_as_what_it_is() {
    for (fault, streamed, whole) in faults() {
        for way in WAYS {
            let counted = if way.is_streamed() { streamed } else { whole };
            let joined = in_memory(way, serving(vec![share(0.2, fault.clone())])).await;
            assert_eq!(joined.refused, 0, "{fault:?}");
            // About a fifth of 80, and the warm-ups among them.
            let others = joined.count(COMPLETED);
            if counted == COMPLETED {
                assert_eq!(joined.ends.len(), 1, "{fault:?} by {way:?}: {:?}", joined.ends);
                let slowest = joined.summary.e2e.as_ref().unwrap().max_ms;
                assert!(slowest > 500.0, "{fault:?} by {way:?}: it was met: {slowest} ms");
            } else {
                assert!((5..30).contains(&joined.count(counted)), "{fault:?} by {way:?}");
                assert_eq!(joined.failed(), joined.count(counted), "{fault:?}: {:?}", joined.ends);
                assert!(others > 40, "{fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_faults_mixed_are_told_apart() {
    for way in WAYS {
        let script = faults().into_iter().map(|(fault, ..)| share(0.03, fault)).collect();
        let limit = Limit {
            requests_per_minute: Some(600),
            burst: Duration::from_secs(1),
            ..Limit::default()
        };
        let outage = |begins| Outage {
            begins: Duration::from_secs(begins),
            lasts: Duration::from_millis(250),
        };
        let config = SimulatorConfig {
            limits: vec![limit],
            outages: (1..60).map(outage).collect(),
            ..serving(script)
        };
        let joined = in_memory(way, config).await;
        assert!(joined.ends.len() >= 6, "{:?}", joined.ends);
        assert!(joined.refused > 0 && joined.count(COMPLETED) > 0, "{:?}", joined.ends);
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_by_requests_is_throttling() {
    for way in WAYS {
        // 20 a second, and five at once.
        let limit = Limit {
            requests_per_minute: Some(1_200),
            burst: Duration::from_millis(250),
            ..Limit::default()
        };
        let config = SimulatorConfig { limits: vec![limit], ..serving(Vec::new()) };
        let joined = in_memory(way, config).await;
        assert!(joined.count(THROTTLED) >= 10, "{:?}", joined.ends);
        assert_eq!(joined.failed(), joined.count(THROTTLED));
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_by_reserved_tokens_is_throttling() {
    for way in WAYS {
        // What is reserved for an answer is 50 tokens, what it takes is 20.
        let limit = Limit { tokens_per_minute: Some(2_000), ..Limit::default() };
        let config = SimulatorConfig { limits: vec![limit], ..serving(Vec::new()) };
        let joined = in_memory(way, config).await;
        assert!(joined.count(THROTTLED) >= 10, "{:?}", joined.ends);
        assert!(joined.count(COMPLETED) >= 40, "{:?}", joined.ends);
        assert_eq!(joined.failed(), joined.count(THROTTLED));
    }
}

#[tokio::test(start_paused = true)]
async fn refused_connections_are_listed_apart() {
    for way in WAYS {
        // Whoever is reset while nothing listens is refused.
        let outage = Outage { begins: Duration::from_secs(1), lasts: Duration::from_secs(2) };
        let config =
            SimulatorConfig { outages: vec![outage], ..serving(vec![share(0.1, Fault::Reset)]) };
        let joined = in_memory(way, config).await;
        assert!(joined.refused > 0, "{:?}", joined.ends);
        assert_eq!(joined.failed(), joined.count(CONNECTION));
    }
}

/// One stall that never ends, where there is no other fault.
#[tokio::test(start_paused = true)]
async fn one_stall_is_one_record() {
    for way in WAYS {
        let fault = Fault::StallAfter { tokens: 3 };
        let when = When::Numbers(vec![u64::from(SLOTS) + 3]);
        let joined =
            in_memory(way, serving(vec![ScriptedFault { model_id: None, when, fault }])).await;
        assert_eq!((joined.count(STALL), joined.failed(), joined.refused), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_kernel_that_refuses_is_listed_apart() {
    for way in WAYS.into_iter().filter(|way| KERNEL.contains(&way.api)) {
        // Each slot tries ten times a second, twenty times in all.
        let outage = Outage { begins: Duration::ZERO, lasts: Duration::from_millis(1_500) };
        let config = SimulatorConfig { outages: vec![outage], ..serving(Vec::new()) };
        let joined = over_sockets(way, config).await;
        assert!(joined.refused >= 4, "{:?}", joined.ends);
        assert_eq!(joined.failed(), 0);
    }
}

#[tokio::test]
async fn what_breaks_a_socket_is_told_apart() {
    for way in WAYS.into_iter().filter(|way| KERNEL.contains(&way.api)) {
        let breaks = |counted| [CONNECTION, PROTOCOL].contains(&counted);
        let script = faults()
            .into_iter()
            .filter(|(fault, streamed, _)| {
                breaks(*streamed) || matches!(fault, Fault::StallAfter { .. })
            })
            .map(|(fault, ..)| share(0.04, fault))
            .collect();
        let joined = over_sockets(way, serving(script)).await;
        let all: BTreeSet<Counted> = joined.ends.keys().copied().collect();
        assert_eq!(all, BTreeSet::from([COMPLETED, CONNECTION, PROTOCOL, STALL]));
        assert_eq!(joined.refused, 0);
    }
}
