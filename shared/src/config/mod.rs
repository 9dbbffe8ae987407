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
mod load;
mod not_yet;
mod prices;
mod raw;
mod shape;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use self::check::Checker;
pub use self::error::{ConfigError, ConfigErrors};
use crate::dataset::DatasetSource;
use crate::digest::sha256;
use crate::plan::{Criteria, Deadlines, EndpointSpec, Inference};
use crate::units::{Concurrency, Name};

/// The version of the configuration's language that is understood.
pub const VERSION: u32 = 1;
/// The seed when none is given: runs are repeatable without asking for it.
pub const DEFAULT_SEED: u64 = 1;
/// Measured requests of an experiment when neither a number nor a time is given.
pub const DEFAULT_REQUESTS: u32 = 100;
/// The most replicates when it is not said: as many as a comparison by pairs needs.
pub const DEFAULT_REPLICATES: u32 = 5;
/// Requests that warm each slot's connection when it is not said.
pub const DEFAULT_WARMUP_REQUESTS_PER_SLOT: u32 = 1;

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
    pub endpoints: Vec<EndpointSpec>,
    /// Where the prompts come from; at least one, with unique names.
    pub datasets: Vec<DatasetSettings>,
    /// The loads, each once, in the order of the text; 1 to 900.
    pub concurrencies: Vec<Concurrency>,
    /// When an experiment has been measured enough.
    pub stop: Stop,
    /// The most replicates that the requests are spread over.
    pub replicates_at_most: u32,
    /// Requests that warm each slot's connection, in every block.
    pub warmup_requests_per_slot: u32,
    /// When a request is given up.
    pub deadlines: Deadlines,
    /// What must hold for an experiment to qualify.
    pub criteria: Criteria,
    /// How answers are sampled.
    pub inference: Inference,
    /// SHA-256 of the text, hexadecimal.
    pub text_sha256: String,
}

/// A dataset that has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSettings {
    /// What the user calls it.
    pub name: Name,
    /// Where its prompts come from; a file's path is relative to the configuration's folder.
    pub source: DatasetSource,
    /// The limit of an answer, in tokens.
    pub max_tokens: u32,
    /// The line where it is defined, from 1.
    pub line: u32,
    /// The column where it is defined, from 1.
    pub column: u32,
}

/// When an experiment has been measured enough in a round: at the first of the two; at least one
/// is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// After so many measured requests, over all replicates; no fewer than the largest load.
    pub requests: Option<u32>,
    /// After so long, over all replicates.
    pub duration: Option<Duration>,
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
    checker.not_yet_fields(
        "",
        &[
            ("rounds", &raw.rounds),
            ("quota_share", &raw.quota_share),
            ("workload", &raw.workload),
            ("baseline", &raw.baseline),
            ("spend_limit", &raw.spend_limit),
            ("keep", &raw.keep),
            ("report", &raw.report),
        ],
    );
    let defaults = Defaults::check(checker, raw.defaults.as_ref().map(|field| &field.value));
    let endpoints = endpoints::check(checker, &raw.endpoints, &defaults.region);
    let datasets = datasets::check(checker, &raw.datasets, &defaults.max_tokens);
    let concurrencies = load::concurrencies(checker, &raw.load);
    let warmup = raw.warmup.as_ref().and_then(|field| field.value.requests_per_slot.clone());
    Settings {
        version: VERSION,
        name: check_title(checker, &raw.name),
        seed: raw.seed.as_ref().map_or(DEFAULT_SEED, |field| field.value),
        endpoints,
        datasets,
        stop: load::stop(checker, &raw.stop, &concurrencies),
        concurrencies,
        replicates_at_most: checker
            .count(&raw.replicates, "replicates", &(1..=100))
            .unwrap_or(DEFAULT_REPLICATES),
        warmup_requests_per_slot: checker
            .count(&warmup, "warmup.requests_per_slot", &(0..=100))
            .unwrap_or(DEFAULT_WARMUP_REQUESTS_PER_SLOT),
        deadlines: load::deadlines(checker, &raw.deadlines),
        criteria: criteria::check(checker, &raw.criteria),
        inference: check_inference(checker, &raw.inference),
        text_sha256: sha256(text),
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
        let range = 1..=datasets::MAX_TOKENS;
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

fn check_inference(checker: &mut Checker<'_>, field: &raw::Field<raw::Inference>) -> Inference {
    let Some(Spanned { value: raw, .. }) = field else { return Inference::default() };
    checker.not_yet_fields("inference", &[("system", &raw.system)]);
    Inference {
        temperature: checker.number(&raw.temperature, "inference.temperature", &(0.0..=2.0)),
        top_p: checker.number(&raw.top_p, "inference.top_p", &(0.0..=1.0)),
        system: None,
    }
}
