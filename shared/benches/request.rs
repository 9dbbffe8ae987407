//! Time and allocations of one request through the real client, over an in-memory connection, against
//! a server that answers at once.
//!
//! ```sh
//! cargo bench -p shared --bench request
//! ```
//!
//! The server's part is in the figures: reading the request's head, and copying the answer into the
//! connection. What a token takes is what 500 tokens take more than 50 do, for each.

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use shared::endpoint::bedrock::BedrockEndpoint;
use shared::endpoint::{Dial, Endpoint, Request, placeholder_config};
use shared::plan::{Api, Deadlines};
use shared::record::Outcome;
use simulator::scripted::{After, Framing, Script, converse, converse_stream, response};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const DEADLINE: Duration = Duration::from_mins(1);

const CONFIG: &str = "
version: 1
endpoints:
  - name: scripted
    kind: bedrock
    region: us-east-1
    model_id: m
    endpoint_url: http://127.0.0.1:9
    price: unknown
datasets: [{name: d, prompts: [Why?], max_tokens: 100}]
load: [{concurrency: 1}]
";

fn main() {
    divan::main();
}

/// `ConverseStream`: one frame for each token, each in a chunk of its own.
#[divan::bench(args = [1, 50, 500])]
fn streamed(bencher: Bencher<'_, '_>, tokens: u32) {
    ask(bencher, Api::ConverseStream, response(Framing::Chunks, &converse_stream(tokens)));
}

/// `Converse`: one document.
#[divan::bench(args = [50])]
fn whole(bencher: Bencher<'_, '_>, tokens: u32) {
    ask(bencher, Api::Converse, response(Framing::Length, &[converse(tokens)]));
}

/// Asks again and again over one connection.
fn ask(bencher: Bencher<'_, '_>, api: Api, answer: Vec<u8>) {
    let settings = shared::config::parse(CONFIG).expect("a good configuration");
    let mut spec = settings.endpoints[0].spec.clone();
    spec.api = api;
    let script = Arc::new(Script { pieces: vec![answer], after: After::Open });
    let dial = Dial::Memory(Arc::new(move || Ok(script.connect())));
    let deadlines =
        Deadlines { connect: DEADLINE, first_token: DEADLINE, stall: DEADLINE, request: DEADLINE };
    let slot = BedrockEndpoint::new(&spec, deadlines, &placeholder_config(), dial);
    let request = Request {
        system: None,
        text: "Why?".to_owned(),
        estimated_tokens: 1,
        max_tokens: 100,
        temperature: None,
        top_p: None,
        start: None,
    };
    let cut = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime takes no more than memory");
    bencher.bench_local(|| {
        let observation = runtime.block_on(slot.invoke(&request, &cut));
        assert_eq!(observation.outcome, Outcome::Completed, "{:?}", observation.error);
    });
}
