//! How requests are sent, for how long, and when one is given up: `load`, `stop`, `deadlines`.

use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::check::{Checker, join};
use super::raw::{self, Field};
use super::{DEFAULT_REQUESTS, Stop};
use crate::plan::Deadlines;
use crate::units::Concurrency;

/// As many streams as one Lambda function can hold.
const MAX_CONCURRENCY: u32 = 900;
const MAX_REQUESTS: u32 = 1_000_000;

/// The concurrencies of all entries, each once, in their order.
pub(super) fn concurrencies(
    checker: &mut Checker<'_>,
    load: &Field<Vec<Spanned<raw::Load>>>,
) -> Vec<Concurrency> {
    let entries = load.as_ref().map_or(&[][..], |list| &list.value);
    if entries.is_empty() {
        checker.refuse(
            load.as_ref().map_or(Location::UNKNOWN, |list| list.referenced),
            "load",
            "there is no load to measure under",
            "say how many requests are kept in flight: `load: [{concurrency: [1, 4]}]`",
        );
    }
    let mut all = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("load[{index}]");
        let raw = &entry.value;
        checker.not_yet_fields(
            &path,
            &[("rate_per_minute", &raw.rate_per_minute), ("arrivals", &raw.arrivals)],
        );
        let path = join(&path, "concurrency");
        match &raw.concurrency {
            Some(Spanned { value: raw::OneOrMany::One(slots), referenced, .. }) => {
                push(checker, *slots, *referenced, &path, &mut all);
            }
            Some(Spanned { value: raw::OneOrMany::Many(list), .. }) if !list.is_empty() => {
                for (index, slots) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    push(checker, slots.value, slots.referenced, &path, &mut all);
                }
            }
            Some(_) => {
                let at = raw.concurrency.as_ref().map_or(entry.referenced, |list| list.referenced);
                checker.refuse(at, &path, "the list is empty", "write `concurrency: [1, 4]`");
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

/// When an experiment has been measured enough.
pub(super) fn stop(
    checker: &mut Checker<'_>,
    stop: &Field<raw::Stop>,
    concurrencies: &[Concurrency],
) -> Stop {
    let raw = stop.as_ref().map(|stop| &stop.value);
    let mut limits = Stop { requests: None, duration: None };
    let mut requests_at = Location::UNKNOWN;
    if let (Some(raw), Some(stop)) = (raw, stop) {
        checker.not_yet_fields("stop", &[("passes", &raw.passes)]);
        limits.requests = checker.count(&raw.requests, "stop.requests", &(1..=MAX_REQUESTS));
        limits.duration = checker.duration(&raw.duration, "stop.duration");
        requests_at = raw.requests.as_ref().map_or(stop.referenced, |field| field.referenced);
        if raw.requests.is_some() && limits.requests.is_none() {
            return limits;
        }
    }
    let is_given = raw.is_some_and(|raw| raw.requests.is_some() || raw.duration.is_some());
    if !is_given {
        limits.requests = Some(DEFAULT_REQUESTS);
    }
    let largest = concurrencies.iter().map(|c| u32::from(c.get())).max().unwrap_or(0);
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
