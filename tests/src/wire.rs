//! The library's clients, asked over an in-memory connection, under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use shared::endpoint::{
    BedrockEndpoint, Dial, OpenAiEndpoint, Request, SageMakerEndpoint, Slot, placeholder_config,
};
use shared::payload::Payload;
use shared::plan::{Api, Deadlines};
use shared::record::{ErrorDetail, Observation, Outcome, Usage};
use simulator::scripted::Script;
use tokio_util::sync::CancellationToken;

/// Each deadline of a request.
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

/// What an answer comes to, without its times: the same however its bytes arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// How it ended.
    pub outcome: Outcome,
    /// What was said of a failure.
    pub error: Option<ErrorDetail>,
    /// Content events.
    pub content_events: u32,
    /// Tokens as the answer counted them.
    pub usage: Usage,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
    /// HTTP status.
    pub status: Option<u16>,
}

impl From<Observation> for Heard {
    fn from(observation: Observation) -> Self {
        Self {
            outcome: observation.outcome,
            error: observation.error,
            content_events: observation.timeline.content_events,
            usage: observation.usage,
            stop_reason: observation.served.stop_reason,
            status: observation.served.status,
        }
    }
}

/// What is spoken with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// An operation of Bedrock's own.
    Converse(Api),
    /// A Bedrock model's own body; streamed or not.
    Native(Payload, bool),
    /// A container's body, through SageMaker; streamed or not.
    Container(Payload, bool),
    /// OpenAI's HTTP.
    Server(Api),
}

impl From<Api> for Spoken {
    fn from(api: Api) -> Self {
        Self::Converse(api)
    }
}

/// One slot's way to a server that keeps to a script.
///
/// # Panics
///
/// Where the configuration in here is not acceptable.
pub fn endpoint(spoken: impl Into<Spoken>, script: Script) -> Box<dyn Slot> {
    let settings = shared::config::parse(CONFIG).expect("a good configuration");
    let mut spec = settings.endpoints[0].spec.clone();
    let script = Arc::new(script);
    let dial = Dial::Memory(Arc::new(move || Ok(script.connect())));
    let deadlines =
        Deadlines { connect: DEADLINE, first_token: DEADLINE, stall: DEADLINE, request: DEADLINE };
    let invoke = |streamed| if streamed { Api::InvokeStream } else { Api::Invoke };
    let aws = placeholder_config();
    match spoken.into() {
        Spoken::Converse(api) => {
            spec.api = api;
            Box::new(BedrockEndpoint::new(&spec, deadlines, &aws, dial))
        }
        Spoken::Native(payload, streamed) => {
            (spec.api, spec.payload) = (invoke(streamed), Some(payload));
            Box::new(BedrockEndpoint::new(&spec, deadlines, &aws, dial))
        }
        Spoken::Container(payload, streamed) => {
            (spec.api, spec.payload) = (invoke(streamed), Some(payload));
            Box::new(SageMakerEndpoint::new(&spec, deadlines, &aws, dial))
        }
        Spoken::Server(api) => {
            spec.api = api;
            if matches!(api, Api::CompletionsStream | Api::Completions) {
                spec.payload = Some(Payload::OpenaiCompletions);
            }
            let endpoint = OpenAiEndpoint::new(&spec, deadlines, None, dial);
            Box::new(endpoint.expect("the address is one"))
        }
    }
}

/// A request.
pub fn request() -> Request {
    Request {
        system: None,
        text: "Why?".to_owned(),
        estimated_tokens: 1,
        max_tokens: 100,
        temperature: None,
        top_p: None,
        start: None,
    }
}

/// Asks once, with a runtime and a connection of its own. What was sent is waited for until a deadline
/// of the request ends it.
///
/// # Panics
///
/// Where nothing ends it, or times are not in the order in which things happen.
pub fn ask(spoken: impl Into<Spoken>, script: Script) -> Heard {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let observation = runtime.expect("a runtime takes no more than memory").block_on(async {
        let (slot, request, cut) = (endpoint(spoken, script), request(), CancellationToken::new());
        let asked = tokio::time::timeout(3 * DEADLINE, slot.invoke(&request, &cut));
        asked.await.expect("a request ends by its deadlines")
    });
    let timeline = &observation.timeline;
    let seen = [
        timeline.headers,
        timeline.first_event,
        timeline.first_content,
        timeline.first_text,
        timeline.last_content,
        Some(timeline.end),
    ];
    let seen: Vec<Duration> = seen.into_iter().flatten().collect();
    assert!(seen.is_sorted(), "{timeline:?}");
    observation.into()
}
