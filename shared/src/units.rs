//! Newtypes for what must not be swapped: names, identifiers, loads and money.
//!
//! Each constructor states its invariant. Durations are `std::time::Duration` inside; where one is
//! serialised, the field's name carries the unit (see [`nanos`]).

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};

/// The sign between the parts of an [`ExperimentId`]; no [`Name`] may hold it.
const EXPERIMENT_SEPARATOR: char = '~';

/// Why a name or an identifier was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or more than 64 characters.
    #[error("a name has 1 to 64 characters, this one has {0}")]
    Length(usize),
    /// A character that is not allowed, or not allowed in first place.
    #[error(
        "{0:?} is not allowed in a name: use letters, digits, '.', '_' and '-', and start with a letter or digit"
    )]
    Character(char),
}

fn check_name(text: &str) -> Result<(), NameError> {
    let length = text.chars().count();
    if length == 0 || length > 64 {
        return Err(NameError::Length(length));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(c) = text.chars().find(|&c| !allowed(c)) {
        return Err(NameError::Character(c));
    }
    match text.chars().next() {
        Some(c) if !c.is_ascii_alphanumeric() => Err(NameError::Character(c)),
        _ => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                check_name(&text).map(|()| Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name_type! {
    /// What the user calls an endpoint or a dataset: 1 to 64 of `A-Z a-z 0-9 . _ -`, the first a
    /// letter or digit. So it fits into every key, path and column.
    Name
}

name_type! {
    /// One run of one configuration; the same alphabet as a [`Name`].
    RunId
}

/// Endpoint x dataset x load, as one readable key: `mistral-7b~chat~c4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExperimentId(String);

impl ExperimentId {
    /// The identifier of a closed loop at `concurrency`.
    pub fn closed(endpoint: &Name, dataset: &Name, concurrency: Concurrency) -> Self {
        let sep = EXPERIMENT_SEPARATOR;
        Self(format!("{endpoint}{sep}{dataset}{sep}c{concurrency}"))
    }

    /// The identifier of an open loop at `rate`: `mistral-7b~chat~r120`, and of a Poisson process
    /// `mistral-7b~chat~r120-poisson`.
    pub fn open(endpoint: &Name, dataset: &Name, rate: RatePerMinute, arrivals: Arrivals) -> Self {
        let sep = EXPERIMENT_SEPARATOR;
        let arrivals = match arrivals {
            Arrivals::Constant => "",
            Arrivals::Poisson => "-poisson",
        };
        Self(format!("{endpoint}{sep}{dataset}{sep}r{rate}{arrivals}"))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ExperimentId {
    /// Takes any text: an identifier that names no experiment is found out by the plan.
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Requests kept in flight by a closed loop; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Concurrency(NonZeroU16);

impl Concurrency {
    /// One at a time.
    pub const ONE: Self = Self(NonZeroU16::MIN);

    /// `None` for 0.
    pub fn new(slots: u16) -> Option<Self> {
        NonZeroU16::new(slots).map(Self)
    }

    /// The number of slots.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Requests that an open loop sends in a minute, whether or not earlier ones have been answered; at
/// least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RatePerMinute(NonZeroU32);

impl RatePerMinute {
    /// `None` for 0.
    pub fn new(per_minute: u32) -> Option<Self> {
        NonZeroU32::new(per_minute).map(Self)
    }

    /// Requests in a minute.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for RatePerMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the requests of an open loop are spread over time.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Constant,
    /// At random, independent of each other, as those of many users are: a Poisson process.
    Poisson,
}

/// An amount of money in billionths of a US dollar. Sums are exact.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars, to the nearest nano-dollar; `None` when negative, not finite or above 1e9 USD.
    pub fn from_usd(usd: f64) -> Option<Self> {
        let nano = (usd * 1e9).round();
        if !(0.0..=1e18).contains(&nano) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked on the line above"
        )]
        Some(Self(nano as u64))
    }

    /// In dollars, for showing.
    #[expect(clippy::cast_precision_loss, reason = "shown with far fewer digits")]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `count` times this, or the largest amount there is.
    #[must_use]
    pub fn saturating_mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl std::iter::Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

/// `#[serde(with = "nanos")]`: a `Duration` as an integer of nanoseconds.
pub mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes nanoseconds; durations end at 584 years.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Reads nanoseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }

    /// The same for an optional duration; an absent field is `None` with `#[serde(default)]`.
    pub mod option {
        use super::{Deserialize, Deserializer, Duration, Serializer};

        /// Writes nanoseconds or null.
        pub fn serialize<S: Serializer>(
            value: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// Reads nanoseconds or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Duration>, D::Error> {
            Option::<u64>::deserialize(deserializer).map(|nanos| nanos.map(Duration::from_nanos))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_every_key() {
        for good in ["a", "mistral-7b", "en_1-500", "llama3.1-8b", "7b"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".", "a b", "a#b", "a~b", "a/b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn money_is_rounded_to_nano_dollars_and_bounded() {
        assert_eq!(NanoUsd::from_usd(0.000_15), Some(NanoUsd(150_000)));
        assert_eq!(NanoUsd::from_usd(-1.0), None);
        assert_eq!(NanoUsd::from_usd(f64::NAN), None);
        assert_eq!(NanoUsd::from_usd(1e10), None);
    }
}
