//! How requests are sent, for how long, and when one is given up: `load`, `stop`, `deadlines`.

use std::time::Duration;

use serde_saphyr::Location;

use super::check::{Checker, join};
use super::raw::{self, Field, Spanned};
use super::{DEFAULT_REQUESTS, MAX_REQUESTS, Stop};
use crate::plan::Deadlines;
use crate::units::Concurrency;

/// As many streams as one Lambda function can hold.
pub(super) const MAX_CONCURRENCY: u32 = 900;

/// The concurrencies of the top level's entries, each once, in their order. They are for endpoints
/// without their own; where there is no such endpoint they must not be given.
pub(super) fn concurrencies(checker: &mut Checker<'_>, raw: &raw::Raw) -> Vec<Concurrency> {
    let endpoints = raw.endpoints();
    let is_needed =
        endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.value.load.is_none());
    match &raw.load {
        Some(load) if is_needed => return of_entries(checker, load, "load"),
        Some(load) => checker.refuse(
            load.referenced,
            "load",
            "every endpoint has a load of its own, so this is used by none",
            "remove it, or the `load` of an endpoint",
        ),
        None if is_needed => no_load(checker, Location::UNKNOWN, "load"),
        None => {}
    }
    Vec::new()
}

fn no_load(checker: &mut Checker<'_>, at: Location, path: &str) {
    let mend = "say how many requests are kept in flight: `load: [{concurrency: [1, 4]}]`";
    checker.refuse(at, path, "there is no load to measure under", mend);
}

/// The concurrencies of a list of entries, each once, in their order.
pub(super) fn of_entries(
    checker: &mut Checker<'_>,
    load: &Spanned<Vec<Spanned<raw::Load>>>,
    list_path: &str,
) -> Vec<Concurrency> {
    if load.value.is_empty() {
        no_load(checker, load.referenced, list_path);
    }
    let mut all = Vec::new();
    for (index, entry) in load.value.iter().enumerate() {
        let path = format!("{list_path}[{index}]");
        let raw = &entry.value;
        checker.not_yet_fields(
            &path,
            &[("rate_per_minute", &raw.rate_per_minute), ("arrivals", &raw.arrivals)],
        );
        let path = join(&path, "concurrency");
        match &raw.concurrency {
            Some(Spanned { value: raw::OneOrMany::One(slots), referenced }) => {
                push(checker, *slots, *referenced, &path, &mut all);
            }
            Some(Spanned { value: raw::OneOrMany::Many(list), .. }) if !list.is_empty() => {
                for (index, slots) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    push(checker, slots.value, slots.referenced, &path, &mut all);
                }
            }
            Some(list) => {
                let mend = "write `concurrency: [1, 4]`";
                checker.refuse(list.referenced, &path, "the list is empty", mend);
            }
            None if raw.rate_per_minute.is_some() || raw.arrivals.is_some() => {}
            None => checker.refuse(
                entry.referenced,
                &path,
                "it is not said how many requests are kept in flight",
                "write `concurrency: [1, 4]`",
            ),
        }
    }
    all
}

fn push(
    checker: &mut Checker<'_>,
    slots: i64,
    at: Location,
    path: &str,
    all: &mut Vec<Concurrency>,
) {
    let slots = checker.integer(slots, at, path, &(1..=MAX_CONCURRENCY));
    let concurrency = slots.and_then(|slots| u16::try_from(slots).ok()).and_then(Concurrency::new);
    if let Some(concurrency) = concurrency
        && !all.contains(&concurrency)
    {
        all.push(concurrency);
    }
}

/// When an experiment has been measured enough. `largest` is the largest load.
pub(super) fn stop(checker: &mut Checker<'_>, stop: &Field<raw::Stop>, largest: u32) -> Stop {
    let mut limits = Stop { requests: None, passes: None, duration: None };
    let mut requests_at = Location::UNKNOWN;
    let mut is_given = false;
    if let Some(Spanned { value: raw, referenced: at }) = stop {
        limits.requests = checker.count(&raw.requests, "stop.requests", &(1..=MAX_REQUESTS));
        limits.passes = checker.count(&raw.passes, "stop.passes", &(1..=MAX_REQUESTS));
        limits.duration = checker.duration(&raw.duration, "stop.duration");
        requests_at = raw.requests.as_ref().map_or(*at, |field| field.referenced);
        if let (Some(_), Some(passes)) = (&raw.requests, &raw.passes) {
            checker.refuse(
                passes.referenced,
                "stop.passes",
                "`requests` and `passes` both say how many requests are sent",
                "keep one of the two; a pass sends each prompt of a dataset once",
            );
        }
        is_given = raw.requests.is_some() || raw.passes.is_some() || raw.duration.is_some();
        if raw.requests.is_some() && limits.requests.is_none() {
            return limits;
        }
    }
    if !is_given {
        // Five replicates of ten for each slot, so that endpoints can be compared.
        limits.requests = Some(DEFAULT_REQUESTS.max(largest.saturating_mul(50)).min(MAX_REQUESTS));
    }
    if let Some(requests) = limits.requests.filter(|requests| *requests < largest) {
        let default = if is_given { "" } else { " (the default)" };
        checker.refuse(
            requests_at,
            "stop.requests",
            format!("{requests} requests{default} cannot fill {largest} slots"),
            format!("write `stop: {{requests: {}}}` or more: 10 per slot", largest * 10),
        );
    }
    limits
}

/// The deadlines, the defaults for those that are not given.
pub(super) fn deadlines(checker: &mut Checker<'_>, field: &Field<raw::Deadlines>) -> Deadlines {
    let default = Deadlines::default();
    let Some(Spanned { value: raw, .. }) = field else { return default };
    let mut read = |name: &str, field: &Field<String>, default: Duration| {
        checker.duration(field, &join("deadlines", name)).unwrap_or(default)
    };
    let deadlines = Deadlines {
        connect: read("connect", &raw.connect, default.connect),
        first_token: read("first_token", &raw.first_token, default.first_token),
        stall: read("stall", &raw.stall, default.stall),
        request: read("request", &raw.request, default.request),
    };
    if deadlines.request < deadlines.first_token {
        let at = raw.request.as_ref().or(raw.first_token.as_ref());
        let show = humantime::format_duration;
        checker.refuse(
            at.map_or(Location::UNKNOWN, |field| field.referenced),
            "deadlines.request",
            format!(
                "the whole request may take {}, its first token {}",
                show(deadlines.request),
                show(deadlines.first_token)
            ),
            "let `request` be at least as long as `first_token`; give both",
        );
    }
    deadlines
}
