//! The least that measures: the SDK's client in a loop, one task for each stream.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseStreamOutput, InferenceConfiguration, Message,
};
use shared::calibration::{ErrorStats, Truth};
use simulator::FIXED_MODEL;
use tokio::sync::Barrier;

use crate::side::{Figures, cpu, peak_mb, truths};

/// A request as the loop saw it.
struct Seen {
    id: String,
    sent: Instant,
    ttft: Duration,
    e2e: Duration,
}

pub(crate) fn run(
    url: &str,
    log: &Path,
    streams: u16,
    tokens: u32,
    lasting: Duration,
) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(looped(url, log, streams, tokens, lasting))
}

async fn looped(
    url: &str,
    log: &Path,
    streams: u16,
    tokens: u32,
    lasting: Duration,
) -> Result<Figures> {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "a bench"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(url)
        .build();
    let client = Client::from_conf(config);
    let ready = Arc::new(Barrier::new(usize::from(streams) + 1));
    let slots: Vec<_> = (0..streams)
        .map(|_| {
            let (client, ready) = (client.clone(), Arc::clone(&ready));
            tokio::spawn(async move {
                // Opens the connection.
                ask(&client, 1).await?;
                ready.wait().await;
                let until = Instant::now() + lasting;
                let mut seen = Vec::new();
                while Instant::now() < until {
                    seen.push(ask(&client, tokens).await?);
                }
                anyhow::Ok(seen)
            })
        })
        .collect();
    ready.wait().await;
    let (begun, used) = (Instant::now(), cpu());
    let mut seen = Vec::new();
    for slot in slots {
        seen.extend(slot.await??);
    }
    let used = cpu().saturating_sub(used);
    // Before the truth is in memory, too.
    let peak_mb = peak_mb()?;
    let truths = truths(log, seen.len() + usize::from(streams))?;
    let truths: HashMap<&str, &Truth> =
        truths.iter().map(|truth| (truth.request_id.as_str(), truth)).collect();
    let (mut ttft, mut e2e, mut in_flight) = (Vec::new(), Vec::new(), 0.0);
    let mut in_window = 0_u32;
    for request in &seen {
        let truth = truths.get(request.id.as_str()).context("the server knows it")?;
        let first = truth.first_token_written_ns.context("it wrote a token")?;
        let late = |seen: Duration, ns: u64| seen.as_secs_f64() * 1e3 - ns as f64 / 1e6;
        ttft.push(late(request.ttft, first - truth.received_ns));
        e2e.push(late(request.e2e, truth.ended_ns - truth.received_ns));
        let end = (request.sent + request.e2e).min(begun + lasting);
        in_flight += end.saturating_duration_since(request.sent.max(begun)).as_secs_f64();
        in_window += u32::from(request.sent + request.e2e <= begun + lasting);
    }
    let requests = seen.len() as f64;
    Ok(Figures {
        requests: seen.len() as u64,
        requests_per_s: f64::from(in_window) / lasting.as_secs_f64(),
        cpu_s_per_1000: used.as_secs_f64() / requests * 1e3,
        peak_mb,
        in_flight: in_flight / lasting.as_secs_f64() / f64::from(streams),
        ttft: ErrorStats::of(ttft),
        e2e: ErrorStats::of(e2e),
        verdict: String::new(),
    })
}

async fn ask(client: &Client, tokens: u32) -> Result<Seen> {
    let message = Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text("Tell me of the clouds over the sea.".to_owned()))
        .build()?;
    let limit = InferenceConfiguration::builder().max_tokens(i32::try_from(tokens)?).build();
    let request = client.converse_stream().model_id(FIXED_MODEL).messages(message);
    let sent = Instant::now();
    let mut output = request.inference_config(limit).send().await?;
    let id = output.request_id().context("every answer has an id")?.to_owned();
    let mut first = None;
    loop {
        match output.stream.recv().await? {
            Some(ConverseStreamOutput::ContentBlockDelta(_)) => {
                first.get_or_insert_with(|| sent.elapsed());
            }
            Some(_) => {}
            None => break,
        }
    }
    let Some(ttft) = first else { bail!("an answer without a token") };
    Ok(Seen { id, sent, ttft, e2e: sent.elapsed() })
}
