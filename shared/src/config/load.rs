//! How requests are sent, for how long, and when one is given up: `load`, `stop`, `deadlines`.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_saphyr::Location;

use super::check::{Checker, join};
use super::raw::{self, Field, OneOrMany, Spanned};
use super::words::{ARRIVALS, meaning};
use super::{
    DEFAULT_REQUESTS, DatasetSettings, LoadSettings, MAX_RATE_PER_MINUTE, MAX_REQUESTS, Stop,
};
use crate::dataset::DatasetSource;
use crate::plan::{Deadlines, MAX_STREAMS, assumed_request_time, streams_needed};
use crate::units::{Concurrency, RatePerMinute};

type RawLoads = Spanned<Vec<Spanned<raw::Load>>>;

/// How many streams there can be.
const STREAMS: RangeInclusive<u32> = 1..=MAX_STREAMS as u32;

/// The loads of the top level's entries, each once, in their order. They are for endpoints without
/// their own; where there is no such endpoint they must not be given.
pub(super) fn loads(checker: &mut Checker<'_>, raw: &raw::Raw) -> Vec<LoadSettings> {
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

/// The loads of a list of entries, each once, in their order.
pub(super) fn of_entries(
    checker: &mut Checker<'_>,
    load: &RawLoads,
    list_path: &str,
) -> Vec<LoadSettings> {
    if load.value.is_empty() {
        no_load(checker, load.referenced, list_path);
    }
    let mut all = Vec::new();
    for (index, entry) in load.value.iter().enumerate() {
        let path = format!("{list_path}[{index}]");
        match (&entry.value.concurrency, &entry.value.rate_per_minute) {
            (Some(concurrency), None) => {
                refuse_what_is_of_rates(checker, &entry.value, &path);
                closed(checker, concurrency, &path, &mut all);
            }
            (None, Some(rates)) => open(checker, &entry.value, rates, &path, &mut all),
            (Some(_), Some(rates)) => checker.refuse(
                rates.referenced,
                &join(&path, "rate_per_minute"),
                "`concurrency` and `rate_per_minute` both say how requests are sent",
                "make two loads of them: `load: [{concurrency: 4}, {rate_per_minute: 120}]`",
            ),
            (None, None) => checker.refuse(
                entry.referenced,
                &path,
                "it is not said how many requests are kept in flight, or how many arrive",
                "write `concurrency: [1, 4]`, or `rate_per_minute: [60, 120]`",
            ),
        }
    }
    all
}

fn refuse_what_is_of_rates(checker: &mut Checker<'_>, entry: &raw::Load, path: &str) {
    let arrivals = entry.arrivals.as_ref().map(|field| field.referenced);
    let streams = entry.max_streams.as_ref().map(|field| field.referenced);
    for (name, at) in [("arrivals", arrivals), ("max_streams", streams)] {
        let Some(at) = at else { continue };
        checker.refuse(
            at,
            &join(path, name),
            format!("`{name}` belongs to `rate_per_minute`"),
            "remove it: `concurrency` sends the next request when one ends",
        );
    }
}

/// The numbers of a field, each with its place and path.
fn each(
    checker: &mut Checker<'_>,
    field: &Spanned<OneOrMany<i64>>,
    path: &str,
    mend: &str,
) -> Vec<(i64, Location, String)> {
    match &field.value {
        OneOrMany::One(number) => vec![(*number, field.referenced, path.to_owned())],
        OneOrMany::Many(list) => {
            if list.is_empty() {
                checker.refuse(field.referenced, path, "the list is empty", mend);
            }
            let numbers = list.iter().enumerate();
            let number = |(index, number): (usize, &Spanned<i64>)| {
                (number.value, number.referenced, format!("{path}[{index}]"))
            };
            numbers.map(number).collect()
        }
    }
}

fn closed(
    checker: &mut Checker<'_>,
    field: &Spanned<OneOrMany<i64>>,
    entry_path: &str,
    all: &mut Vec<LoadSettings>,
) {
    let path = join(entry_path, "concurrency");
    for (slots, at, path) in each(checker, field, &path, "write `concurrency: [1, 4]`") {
        let slots = checker.integer(slots, at, &path, &STREAMS);
        let load = slots.and_then(concurrency).map(LoadSettings::Closed);
        all.extend(load.filter(|load| !all.contains(load)));
    }
}

fn concurrency(slots: u32) -> Option<Concurrency> {
    u16::try_from(slots).ok().and_then(Concurrency::new)
}

fn open(
    checker: &mut Checker<'_>,
    entry: &raw::Load,
    field: &Spanned<OneOrMany<i64>>,
    entry_path: &str,
    all: &mut Vec<LoadSettings>,
) {
    let arrivals = join(entry_path, "arrivals");
    let arrivals = meaning(checker, &entry.arrivals, &arrivals, &ARRIVALS, &[]).unwrap_or_default();
    let streams = checker.count(&entry.max_streams, &join(entry_path, "max_streams"), &STREAMS);
    let max_streams = streams.and_then(concurrency);
    let path = join(entry_path, "rate_per_minute");
    for (rate, at, path) in each(checker, field, &path, "write `rate_per_minute: [60, 120]`") {
        let rate = checker.integer(rate, at, &path, &(1..=MAX_RATE_PER_MINUTE));
        let Some(rate_per_minute) = rate.and_then(RatePerMinute::new) else { continue };
        let load = LoadSettings::Open { rate_per_minute, arrivals, max_streams };
        let is_same = |other: &LoadSettings| match other {
            LoadSettings::Closed(_) => false,
            LoadSettings::Open { rate_per_minute: other, arrivals: others, .. } => {
                (*other, *others) == (rate_per_minute, arrivals)
            }
        };
        if all.iter().any(|other| is_same(other) && *other != load) {
            checker.refuse(
                at,
                &path,
                format!("a rate of {rate_per_minute} is given twice, with different `max_streams`"),
                "keep one of the two",
            );
        } else if !all.contains(&load) {
            all.push(load);
        }
    }
}

/// Refuses rates that more streams would carry than there can be, where it is not said how many
/// there are.
pub(super) fn check_streams(
    checker: &mut Checker<'_>,
    raw: &raw::Raw,
    datasets: &[DatasetSettings],
) {
    // Limits that are drawn are known when they have been drawn.
    let is_known = |dataset: &&DatasetSettings| match &dataset.spec.source {
        DatasetSource::Files { .. } | DatasetSource::Inline(_) => true,
        DatasetSource::Synthetic(synthetic) => synthetic.output_tokens.is_none(),
    };
    let known = datasets.iter().filter(is_known);
    let longest = known.map(|dataset| dataset.spec.max_tokens).max().unwrap_or(0);
    let each_takes = assumed_request_time(longest);
    let own = raw.endpoints().iter().enumerate().filter_map(|(index, endpoint)| {
        Some((format!("endpoints[{index}].load"), endpoint.value.load.as_ref()?))
    });
    let top = raw.load.as_ref().map(|load| ("load".to_owned(), load));
    for (path, load) in top.into_iter().chain(own) {
        for (index, entry) in load.value.iter().enumerate() {
            let Some(rates) = &entry.value.rate_per_minute else { continue };
            if entry.value.max_streams.is_some() {
                continue;
            }
            let path = format!("{path}[{index}].rate_per_minute");
            let rates = match &rates.value {
                OneOrMany::One(rate) => vec![(*rate, rates.referenced)],
                OneOrMany::Many(list) => list.iter().map(|r| (r.value, r.referenced)).collect(),
            };
            for (rate, at) in rates {
                let rate = u32::try_from(rate).ok().filter(|rate| *rate <= MAX_RATE_PER_MINUTE);
                let Some(rate) = rate.and_then(RatePerMinute::new) else { continue };
                let streams = streams_needed(rate, each_takes);
                if streams > u64::from(MAX_STREAMS) {
                    checker.refuse(
                        at,
                        &path,
                        format!(
                            "{rate} a minute keep {streams} requests in flight if each takes {} \
                             (1 s, then 50 tokens a second to `max_tokens`); {MAX_STREAMS} is the most",
                            humantime::format_duration(each_takes)
                        ),
                        "lower the rate or `max_tokens`; or, if requests take less, say how many \
                         are enough: `max_streams: 200`",
                    );
                }
            }
        }
    }
}

/// When an experiment has been measured enough. `largest` is the largest load.
pub(super) fn stop(checker: &mut Checker<'_>, stop: &Field<raw::Stop>, largest: u32) -> Stop {
    let mut limits = Stop { requests: None, passes: None, duration: None, is_default: false };
    let mut requests_at = Location::UNKNOWN;
    let mut is_given = false;
    if let Some(Spanned { value: raw, referenced: at, .. }) = stop {
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
        limits.is_default = true;
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
