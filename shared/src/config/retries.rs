//! Whether failed requests are sent again: `retries`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::check::Checker;
use super::raw::{self, Field, Spanned};
use super::words::{RETRY_ON, meaning};
use crate::plan::{Retries, RetryOn};

/// How often a request may be sent again.
pub(super) const MOST: RangeInclusive<u32> = 1..=10;

/// The first wait where it is not given.
const BACKOFF: Duration = Duration::from_millis(500);

/// After which failures, where it is not given.
const ON: [RetryOn; 2] = [RetryOn::Throttled, RetryOn::Server];

/// The retries, if they are asked for.
pub(super) fn check(checker: &mut Checker<'_>, field: &Field<raw::Retries>) -> Option<Retries> {
    let Spanned { value: raw, referenced: at, .. } = field.as_ref()?;
    let most = checker.count(&raw.most, "retries.most", &MOST);
    if raw.most.is_none() {
        checker.refuse(
            *at,
            "retries.most",
            "it is not said how often a request may be sent again",
            "write `retries: {most: 3}`, or remove it: then no request is",
        );
    }
    let backoff = checker.duration(&raw.backoff, "retries.backoff").unwrap_or(BACKOFF);
    let on = match &raw.on {
        None => ON.to_vec(),
        Some(list) => {
            if list.value.is_empty() {
                checker.refuse(
                    list.referenced,
                    "retries.on",
                    "the list is empty",
                    "name failures: `on: [throttled, server]`; or remove `retries`",
                );
            }
            let mut on = Vec::new();
            for (index, word) in list.value.iter().enumerate() {
                let path = format!("retries.on[{index}]");
                let word = Some(word.clone());
                let known = meaning(checker, &word, &path, &RETRY_ON, &[]);
                on.extend(known.filter(|known| !on.contains(known)));
            }
            on
        }
    };
    Some(Retries { most: most?, backoff, on })
}
