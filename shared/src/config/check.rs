//! Collects all errors of meaning, and the checks that several sections share.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_saphyr::Location;

use super::error::{ConfigError, ConfigErrors};
use super::not_yet;
use super::raw::{Field, Spanned, Unread};
use crate::units::{Name, NanoUsd};

/// The longest duration that can be given where nothing else is said.
const LONGEST: Duration = Duration::from_hours(24);

/// The errors found so far. A check that refuses returns `None` and leaves an error.
#[derive(Debug)]
pub struct Checker<'a> {
    text: &'a str,
    errors: Vec<ConfigError>,
}

impl<'a> Checker<'a> {
    /// No errors yet in this text.
    pub fn new(text: &'a str) -> Self {
        Self { text, errors: Vec::new() }
    }

    /// `value` if nothing was refused; all errors otherwise.
    pub fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.into_errors()) }
    }

    pub(super) fn into_errors(self) -> ConfigErrors {
        ConfigErrors::new(self.errors)
    }

    /// Leaves an error: the place, its path, what is wrong, and what to write instead.
    pub fn refuse(
        &mut self,
        at: Location,
        path: &str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let error = ConfigError::new(self.text, at, path.to_owned(), problem.into(), mend.into());
        self.errors.push(error);
    }

    /// Leaves an error about the text as a whole.
    pub fn refuse_whole(&mut self, path: &str, problem: &str, mend: &str) {
        self.refuse(Location::UNKNOWN, path, problem, mend);
    }

    /// Refuses a value that is part of the language and not supported yet.
    pub(super) fn not_yet(&mut self, at: Location, path: &str, what: &str, meanwhile: &str) {
        self.refuse(at, path, format!("{what} is not yet supported"), meanwhile);
    }

    /// Refuses those of a section's fields that are given.
    pub(super) fn not_yet_fields(&mut self, section_path: &str, fields: &[(&str, &Unread)]) {
        for (name, field) in fields {
            let Some(field) = field else { continue };
            let section = not_yet::section(section_path);
            let meanwhile = not_yet::meanwhile(section, name).unwrap_or("leave it out");
            self.not_yet(
                field.referenced,
                &join(section_path, name),
                &format!("`{name}`"),
                meanwhile,
            );
        }
    }

    /// A whole number within a range.
    pub fn integer(
        &mut self,
        number: i64,
        at: Location,
        path: &str,
        range: &RangeInclusive<u32>,
    ) -> Option<u32> {
        let checked = u32::try_from(number).ok().filter(|number| range.contains(number));
        if checked.is_none() {
            let (low, high) = (range.start(), range.end());
            let problem = if number < i64::from(*low) {
                format!("{number} is too small")
            } else {
                format!("{number} is too large")
            };
            self.refuse(at, path, problem, format!("write a whole number from {low} to {high}"));
        }
        checked
    }

    /// A whole number within a range, if it is given.
    pub fn count(
        &mut self,
        field: &Field<i64>,
        path: &str,
        range: &RangeInclusive<u32>,
    ) -> Option<u32> {
        let field = field.as_ref()?;
        self.integer(field.value, field.referenced, path, range)
    }

    /// A number within a range, if it is given.
    pub fn number(
        &mut self,
        field: &Field<f64>,
        path: &str,
        range: &RangeInclusive<f64>,
    ) -> Option<f64> {
        let field = field.as_ref()?;
        if range.contains(&field.value) {
            return Some(field.value);
        }
        let (low, high) = (range.start(), range.end());
        self.refuse(
            field.referenced,
            path,
            format!("{} is outside of {low} to {high}", field.value),
            format!("write a number from {low} to {high}"),
        );
        None
    }

    /// An amount of dollars that is more than nothing, if it is given.
    pub(super) fn amount(&mut self, field: &Field<f64>, path: &str) -> Option<NanoUsd> {
        let field = field.as_ref()?;
        let amount = NanoUsd::from_usd(field.value).filter(|amount| *amount > NanoUsd::ZERO);
        if amount.is_none() {
            self.refuse(
                field.referenced,
                path,
                format!("{} is not an amount of US dollars above 0", field.value),
                "write a positive number of US dollars, such as 50 or 12.5",
            );
        }
        amount
    }

    /// A share of a whole, `1%` or `0.01`, if it is given: 0 to 1.
    pub fn share(&mut self, field: &Field<String>, path: &str, of: &str) -> Option<f64> {
        let field = field.as_ref()?;
        let text = field.value.trim();
        let percent = text.strip_suffix('%');
        let number = percent.unwrap_or(text).trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let (problem, mend) = match (number, percent.is_some()) {
            (Some(number), true) if (0.0..=100.0).contains(&number) => return Some(number / 100.0),
            // A bare 1 is more likely meant as 1% than as the whole.
            (Some(number), false) if (0.0..1.0).contains(&number) => return Some(number),
            (Some(number), false) if (1.0..=100.0).contains(&number) => (
                format!("`{text}` could be {number}% or a share"),
                format!("write `{number}%`, or a share below 1 such as 0.01"),
            ),
            (Some(_), _) => (
                format!("`{text}` is outside of 0% to 100%"),
                format!("write a share of {of}, such as 1% or 0.01"),
            ),
            (None, _) => (
                format!("`{text}` is not a share of {of}"),
                "write one such as 1% or 0.01".to_owned(),
            ),
        };
        self.refuse(field.referenced, path, problem, mend);
        None
    }

    /// A duration above zero and up to 24 hours, if it is given.
    pub fn duration(&mut self, field: &Field<String>, path: &str) -> Option<Duration> {
        self.duration_up_to(field, path, LONGEST)
    }

    /// A duration above zero and up to so many whole hours, if it is given.
    pub(super) fn duration_up_to(
        &mut self,
        field: &Field<String>,
        path: &str,
        longest: Duration,
    ) -> Option<Duration> {
        let field = field.as_ref()?;
        let problem = match humantime::parse_duration(&field.value) {
            Ok(Duration::ZERO) => "a duration of zero leaves no time for anything".to_owned(),
            Ok(duration) if duration > longest => {
                format!("`{}` is longer than {} hours", field.value, longest.as_secs() / 3600)
            }
            Ok(duration) => return Some(duration),
            Err(_) => format!("`{}` is not a duration", field.value),
        };
        self.refuse(
            field.referenced,
            path,
            problem,
            "write a number and its unit: 800ms, 5s, 2m or 1h",
        );
        None
    }

    /// The name of an item, which no item before it has.
    pub(super) fn name(
        &mut self,
        field: &Field<String>,
        item: Location,
        item_path: &str,
        before: &mut Vec<Name>,
    ) -> Option<Name> {
        let path = join(item_path, "name");
        let Some(Spanned { value, referenced: at, .. }) = field else {
            self.refuse(item, &path, "it has no name", "give it one: `name: mine`");
            return None;
        };
        let name = match value.parse::<Name>() {
            Ok(name) => name,
            Err(error) => {
                self.refuse(
                    *at,
                    &path,
                    error.to_string(),
                    "write a name such as mistral-7b or chat_1-500",
                );
                return None;
            }
        };
        if before.contains(&name) {
            self.refuse(
                *at,
                &path,
                format!("`{name}` is already the name of another one"),
                "names are unique: choose another",
            );
            return None;
        }
        before.push(name.clone());
        Some(name)
    }
}

/// The path of a section's field.
pub fn join(section_path: &str, field: &str) -> String {
    if section_path.is_empty() { field.to_owned() } else { format!("{section_path}.{field}") }
}
