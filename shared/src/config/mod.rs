//! The configuration: from the user's text to checked [`Settings`].
//!
//! [`parse`] is a pure function of the text. It refuses what it does not know, and what it knows
//! but cannot measure yet; each error says where it is and how to mend it. The first error of
//! shape (not YAML, an unknown field, a value of another kind) ends the reading; otherwise all
//! errors of meaning are told at once.
//!
//! Nothing is read here but the text: files of prompts are opened by [`crate::dataset`], and
//! whether a run can be paid for or deployed is the plan's to say. JSON is YAML, so it works too.

#![expect(clippy::ref_option, reason = "checks take the fields as they were written")]

mod check;
mod criteria;
mod datasets;
mod endpoints;
mod error;
mod kinds;
mod load;
mod not_yet;
mod places;
mod prices;
mod raw;
pub mod reading;
mod report;
mod retries;
mod rounds;
mod schema;
mod served;
mod shape;
mod starter;
#[cfg(test)]
mod tests;
mod words;
mod workload;

use std::time::Duration;

use serde_saphyr::Location;

use self::check::Checker;
pub use self::error::{ConfigError, ConfigErrors};
pub use self::places::with_places;
use self::raw::Spanned;
pub use self::schema::schema;
pub use self::starter::{Starter, starter};
use crate::dataset::{DatasetSpec, MAX_TOKENS};
use crate::digest::sha256;
use crate::plan::{Criteria, Deadlines, EndpointSpec, Inference, Retries, Rounds, Workload, Zone};
use crate::units::{Arrivals, Concurrency, Name, NanoUsd, RatePerMinute};

/// The version of the configuration's language that is understood.
pub const VERSION: u32 = 1;
/// The seed when none is given: runs are repeatable without asking for it.
pub const DEFAULT_SEED: u64 = 1;
/// Measured requests of an experiment when neither a number nor a time is given, at least: more
/// where 50 for each slot of the largest load are more, so that endpoints can be compared.
pub const DEFAULT_REQUESTS: u32 = 100;
/// The most replicates when it is not said: as many as a comparison by pairs needs.
pub const DEFAULT_REPLICATES: u32 = 5;
/// Requests that warm each slot's connection when it is not said.
pub const DEFAULT_WARMUP_REQUESTS_PER_SLOT: u32 = 1;
/// The highest rate of an open loop: 10,000 requests a second.
pub const MAX_RATE_PER_MINUTE: u32 = 600_000;
/// The most measured requests of an experiment.
pub const MAX_REQUESTS: u32 = 1_000_000;
const MAX_REPLICATES: u32 = 100;
const MAX_WARMUPS: u32 = 100;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The version of the language, [`VERSION`].
    pub version: u32,
    /// What the user calls the run: one line of 1 to 100 characters.
    pub name: Option<String>,
    /// Everything random follows from it; [`DEFAULT_SEED`] when not given.
    pub seed: u64,
    /// What answers prompts, priced; at least one, with unique names.
    pub endpoints: Vec<EndpointSettings>,
    /// Where the prompts come from; at least one, with unique names.
    pub datasets: Vec<DatasetSettings>,
    /// The loads of endpoints without their own, each once, in the order of the text.
    pub loads: Vec<LoadSettings>,
    /// When an experiment has been measured enough.
    pub stop: Stop,
    /// The most replicates that the requests are spread over.
    pub replicates_at_most: u32,
    /// When everything is measured again; `None`: there is one round.
    pub rounds: Option<Rounds>,
    /// Requests that warm each slot's connection, in every block.
    pub warmup_requests_per_slot: u32,
    /// When a request is given up.
    pub deadlines: Deadlines,
    /// When a request that failed is sent again; `None` for never.
    pub retries: Option<Retries>,
    /// What must hold for an experiment to qualify.
    pub criteria: Criteria,
    /// How answers are sampled.
    pub inference: Inference,
    /// What has to be served.
    pub workload: Option<Workload>,
    /// The endpoint that is used today; one of `endpoints`.
    pub baseline: Option<Name>,
    /// The most that the run may cost; then every endpoint has a price.
    pub spend_limit: Option<NanoUsd>,
    /// The time zone in which the report tells hours of the day.
    pub time_zone: Zone,
    /// SHA-256 of the text, hexadecimal.
    pub text_sha256: String,
}

/// An endpoint, with what it is asked and how.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSettings {
    /// How it is called, and its price.
    pub spec: EndpointSpec,
    /// Its own loads; those of [`Settings`] without them.
    pub loads: Option<Vec<LoadSettings>>,
    /// The datasets that it is asked, each once; `None` for all.
    pub datasets: Option<Vec<Name>>,
}

/// A load as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadSettings {
    /// So many requests in flight; 1 to 1000.
    Closed(Concurrency),
    /// Requests that arrive at a rate.
    Open {
        /// So many a minute; 1 to [`MAX_RATE_PER_MINUTE`].
        rate_per_minute: RatePerMinute,
        /// How they are spread over time.
        arrivals: Arrivals,
        /// The most in flight; `None`: it follows from the rate and the answers' limit.
        max_streams: Option<Concurrency>,
    },
}

impl LoadSettings {
    /// Requests in flight of a closed loop.
    pub fn concurrency(&self) -> Option<Concurrency> {
        match self {
            Self::Closed(concurrency) => Some(*concurrency),
            Self::Open { .. } => None,
        }
    }
}

/// A dataset that has not been read yet, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSettings {
    /// The dataset; a file's path is relative to the configuration's folder.
    pub spec: DatasetSpec,
    /// The line where it is defined, from 1.
    pub line: u32,
    /// The column where it is defined, from 1.
    pub column: u32,
}

/// When an experiment has been measured enough in a round: at the first of those that are given;
/// at least one is, and not both of `requests` and `passes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// After so many measured requests, over all replicates; no fewer than the largest closed load.
    pub requests: Option<u32>,
    /// Nothing was given: `requests` is the default. Open loops then take 50 s, if that is longer.
    pub is_default: bool,
    /// After each prompt was sent so many times, over all replicates.
    pub passes: Option<u32>,
    /// After so long, over all replicates.
    pub duration: Option<Duration>,
}

impl Settings {
    /// The loads of an endpoint.
    pub fn loads_of<'a>(&'a self, endpoint: &'a EndpointSettings) -> &'a [LoadSettings] {
        endpoint.loads.as_ref().unwrap_or(&self.loads)
    }

    /// The datasets of an endpoint, in the configuration's order.
    pub fn datasets_of<'a>(
        &'a self,
        endpoint: &'a EndpointSettings,
    ) -> impl Iterator<Item = &'a DatasetSettings> {
        let own = endpoint.datasets.as_ref();
        let is_asked = move |name: &Name| own.is_none_or(|own| own.contains(name));
        self.datasets.iter().filter(move |dataset| is_asked(&dataset.spec.name))
    }
}

/// Reads and checks a configuration.
///
/// # Errors
///
/// The first error of shape, or else all errors of meaning.
pub fn parse(text: &str) -> Result<Settings, ConfigErrors> {
    let mut checker = Checker::new(text);
    let raw = shape::read::<Option<raw::Raw>>(text).map_err(|error| ConfigErrors::from(*error))?;
    let Some(raw) = raw else {
        let mend = "begin with `version: 1`, then give `endpoints`, `datasets` and `load`";
        checker.refuse(Location::UNKNOWN, "", "the configuration is empty", mend);
        return Err(checker.into_errors());
    };
    let settings = check(&mut checker, &raw, text);
    checker.finish(settings)
}

/// Everything of it, with what is wrong left out: complete only if the checker has no errors.
fn check(checker: &mut Checker<'_>, raw: &raw::Raw, text: &str) -> Settings {
    check_version(checker, &raw.version);
    checker.not_yet_fields("", &[("quota_share", &raw.quota_share), ("keep", &raw.keep)]);
    let defaults = Defaults::check(checker, raw.defaults.as_ref().map(|field| &field.value));
    let endpoints = endpoints::check(checker, raw, &defaults.region);
    let datasets = datasets::check(checker, raw, &defaults.max_tokens);
    let specs: Vec<&EndpointSpec> = endpoints.iter().map(|endpoint| &endpoint.spec).collect();
    check_each_is_asked(checker, raw);
    let loads = load::loads(checker, raw);
    load::check_streams(checker, raw, &datasets);
    let all_loads = endpoints.iter().filter_map(|endpoint| endpoint.loads.as_ref());
    let slots = all_loads.flatten().chain(&loads).filter_map(LoadSettings::concurrency);
    let largest_load = slots.map(|slots| u32::from(slots.get())).max().unwrap_or(0);
    let warmup = raw.warmup.as_ref().and_then(|field| field.value.requests_per_slot.clone());
    Settings {
        version: VERSION,
        name: check_title(checker, &raw.name),
        seed: raw.seed.as_ref().map_or(DEFAULT_SEED, |field| field.value),
        datasets,
        stop: load::stop(checker, &raw.stop, largest_load),
        loads,
        replicates_at_most: checker
            .count(&raw.replicates, "replicates", &(1..=MAX_REPLICATES))
            .unwrap_or(DEFAULT_REPLICATES),
        rounds: rounds::rounds(checker, &raw.rounds),
        warmup_requests_per_slot: checker
            .count(&warmup, "warmup.requests_per_slot", &(0..=MAX_WARMUPS))
            .unwrap_or(DEFAULT_WARMUP_REQUESTS_PER_SLOT),
        deadlines: load::deadlines(checker, &raw.deadlines),
        retries: retries::check(checker, &raw.retries),
        criteria: criteria::check(checker, &raw.criteria, &specs),
        inference: check_inference(checker, &raw.inference),
        workload: workload::workload(checker, &raw.workload),
        baseline: check_baseline(checker, &raw.baseline, raw),
        spend_limit: workload::spend_limit(checker, &raw.spend_limit, &specs),
        time_zone: report::time_zone(checker, &raw.report),
        text_sha256: sha256(text),
        endpoints,
    }
}

/// Refuses datasets that no endpoint is asked.
fn check_each_is_asked(checker: &mut Checker<'_>, raw: &raw::Raw) {
    let lists = raw.endpoints().iter().map(|endpoint| endpoint.value.datasets.as_ref());
    let Some(lists) = lists.collect::<Option<Vec<_>>>().filter(|lists| !lists.is_empty()) else {
        return; // some endpoint is asked all
    };
    let known = raw::names(raw.datasets(), |dataset| &dataset.name);
    let asked = || lists.iter().flat_map(|list| &list.value).map(|asked| asked.value.as_str());
    if asked().any(|asked| !known.contains(&asked)) {
        return; // a slip, which has been told, may mean any of them
    }
    for (index, dataset) in raw.datasets().iter().enumerate() {
        let Some(name) = &dataset.value.name else { continue };
        if !asked().any(|asked| asked == name.value) {
            checker.refuse(
                name.referenced,
                &format!("datasets[{index}]"),
                "no endpoint is asked this dataset",
                "name it in the `datasets` of an endpoint, or remove it",
            );
        }
    }
}

/// What holds for all endpoints and datasets that do not say otherwise.
struct Defaults {
    region: Given<String>,
    max_tokens: Given<u32>,
}

/// A value that may be given elsewhere.
#[derive(Clone)]
enum Given<T> {
    Absent,
    /// It is given, and wrong, which has been told.
    Refused,
    Value(T),
}

impl Defaults {
    fn check(checker: &mut Checker<'_>, raw: Option<&raw::Defaults>) -> Self {
        let Some(raw) = raw else {
            return Self { region: Given::Absent, max_tokens: Given::Absent };
        };
        let region = endpoints::check_region(checker, &raw.region, "defaults.region");
        let range = 1..=MAX_TOKENS;
        let max_tokens = checker.count(&raw.max_tokens, "defaults.max_tokens", &range);
        Self {
            region: Given::new(raw.region.is_some(), region),
            max_tokens: Given::new(raw.max_tokens.is_some(), max_tokens),
        }
    }
}

impl<T> Given<T> {
    fn new(is_given: bool, checked: Option<T>) -> Self {
        match checked {
            Some(value) => Self::Value(value),
            None if is_given => Self::Refused,
            None => Self::Absent,
        }
    }
}

fn check_version(checker: &mut Checker<'_>, version: &raw::Field<i64>) {
    match version {
        None => checker.refuse(
            Location::UNKNOWN,
            "version",
            "it is not said for which version of the language this is written",
            "begin with `version: 1`",
        ),
        Some(Spanned { value, referenced, .. }) if *value != i64::from(VERSION) => {
            checker.refuse(
                *referenced,
                "version",
                format!("version {value} is not known to this fmgauge"),
                "write `version: 1`",
            );
        }
        Some(_) => {}
    }
}

/// What the run is called: any text of one line.
fn check_title(checker: &mut Checker<'_>, field: &raw::Field<String>) -> Option<String> {
    let Spanned { value: title, referenced, .. } = field.as_ref()?;
    let length = title.chars().count();
    if !(1..=100).contains(&length) || title.trim() != title || title.chars().any(char::is_control)
    {
        checker.refuse(
            *referenced,
            "name",
            "this is not one line of 1 to 100 characters without spaces around it",
            "write a short title, such as support-chat",
        );
        return None;
    }
    Some(title.clone())
}

/// The endpoint that is used today, if it is named.
fn check_baseline(
    checker: &mut Checker<'_>,
    field: &raw::Field<String>,
    raw: &raw::Raw,
) -> Option<Name> {
    let Spanned { value: name, referenced, .. } = field.as_ref()?;
    let known: Vec<&str> = raw::names(raw.endpoints(), |endpoint| &endpoint.name);
    if known.contains(&name.as_str()) {
        return name.parse().ok(); // if it is none, that has been told
    }
    let mend = match shape::nearest(name, known.into_iter()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "write the name of the endpoint that you use today".to_owned(),
    };
    checker.refuse(*referenced, "baseline", format!("there is no endpoint `{name}`"), mend);
    None
}

fn check_inference(checker: &mut Checker<'_>, field: &raw::Field<raw::Inference>) -> Inference {
    let Some(Spanned { value: raw, .. }) = field else { return Inference::default() };
    if let Some(system) = raw.system.as_ref().filter(|system| system.value.trim().is_empty()) {
        checker.refuse(
            system.referenced,
            "inference.system",
            "this text is empty",
            "write what the model is told before every prompt, or remove it",
        );
    }
    Inference {
        temperature: checker.number(&raw.temperature, "inference.temperature", &(0.0..=2.0)),
        top_p: checker.number(&raw.top_p, "inference.top_p", &(0.0..=1.0)),
        system: raw.system.as_ref().map(|system| system.value.clone()),
    }
}
