//! Fields whose value is one of a few words.

use super::check::Checker;
use super::raw::Field;
use super::shape::nearest;
use crate::payload::{FORMATS, Payload};
use crate::plan::{Api, EndpointKind, LatencyMode, RetryOn, ServiceTier};
use crate::units::Arrivals;

/// The words of a field, each with what it means.
pub(super) type Words<T, const N: usize> = [(&'static str, T); N];

pub(super) const KINDS: Words<EndpointKind, 4> = [
    ("bedrock", EndpointKind::Bedrock),
    ("sagemaker", EndpointKind::Sagemaker),
    ("openai", EndpointKind::Openai),
    ("simulated", EndpointKind::Simulated),
];
pub(super) const BEDROCK_APIS: Words<Api, 4> = [
    ("converse_stream", Api::ConverseStream),
    ("converse", Api::Converse),
    ("invoke_stream", Api::InvokeStream),
    ("invoke", Api::Invoke),
];
pub(super) const SAGEMAKER_APIS: Words<Api, 2> =
    [("invoke_stream", Api::InvokeStream), ("invoke", Api::Invoke)];
pub(super) const OPENAI_APIS: Words<Api, 4> = [
    ("chat_stream", Api::ChatStream),
    ("chat", Api::Chat),
    ("completions_stream", Api::CompletionsStream),
    ("completions", Api::Completions),
];
pub(super) const PAYLOADS: Words<Payload, 17> = payloads();
pub(super) const LATENCY_MODES: Words<LatencyMode, 2> =
    [("standard", LatencyMode::Standard), ("optimized", LatencyMode::Optimized)];
pub(super) const SERVICE_TIERS: Words<ServiceTier, 3> = [
    ("default", ServiceTier::Default),
    ("flex", ServiceTier::Flex),
    ("priority", ServiceTier::Priority),
];
pub(super) const ARRIVALS: Words<Arrivals, 2> =
    [("constant", Arrivals::Constant), ("poisson", Arrivals::Poisson)];

pub(super) const RETRY_ON: Words<RetryOn, 3> = [
    ("throttled", RetryOn::Throttled),
    ("server", RetryOn::Server),
    ("connection", RetryOn::Connection),
];

const fn payloads() -> Words<Payload, 17> {
    let mut words = [("", Payload::OpenaiChat); 17];
    let mut index = 0;
    while index < words.len() {
        words[index] = (FORMATS[index].0, FORMATS[index].1);
        index += 1;
    }
    words
}

/// The operations of all kinds, each once.
pub(super) fn api_names() -> Vec<&'static str> {
    [names(&BEDROCK_APIS), names(&OPENAI_APIS)].concat()
}

/// The words alone.
pub(super) fn names<T, const N: usize>(words: &Words<T, N>) -> [&'static str; N] {
    words.each_ref().map(|(name, _)| *name)
}

/// What a field's word means, if it is given; `later` are words that are not yet supported.
pub(super) fn meaning<T: Copy, const N: usize>(
    checker: &mut Checker<'_>,
    field: &Field<String>,
    path: &str,
    words: &Words<T, N>,
    later: &[&str],
) -> Option<T> {
    let field = field.as_ref()?;
    let word = field.value.as_str();
    if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == word) {
        return Some(*meaning);
    }
    let supported = names(words).join(", ");
    let at = field.referenced;
    if later.contains(&word) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let meanwhile = format!("write one of: {supported}");
        checker.not_yet(at, path, &format!("`{name}: {word}`"), &meanwhile);
    } else {
        let mend = match nearest(word, names(words).into_iter()) {
            Some(nearest) => format!("did you mean `{nearest}`? supported: {supported}"),
            None => format!("write one of: {supported}"),
        };
        checker.refuse(at, path, format!("`{word}` is not known here"), mend);
    }
    None
}
