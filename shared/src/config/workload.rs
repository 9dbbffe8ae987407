//! What has to be served, and what the run may cost: `workload`, `spend_limit`.

use super::check::Checker;
use super::raw::{self, Field, Spanned};
use crate::dataset::MAX_TOKENS;
use crate::plan::{EndpointSpec, Workload};
use crate::units::NanoUsd;

/// More transactions a minute than anybody has.
const MAX_PER_MINUTE: f64 = 1e9;

/// What has to be served, if it is given.
pub(super) fn workload(
    checker: &mut Checker<'_>,
    field: &Field<raw::Workload>,
) -> Option<Workload> {
    let Spanned { value: raw, referenced: at, .. } = field.as_ref()?;
    let path = "workload.requests_per_minute";
    let requests_per_minute = match &raw.requests_per_minute {
        None => {
            let problem = "it is not said how many transactions there are";
            checker.refuse(*at, path, problem, "give `requests_per_minute: 300`");
            None
        }
        Some(field) if field.value > 0.0 && field.value <= MAX_PER_MINUTE => Some(field.value),
        Some(field) => {
            checker.refuse(
                field.referenced,
                path,
                format!("{} is not a number of transactions a minute", field.value),
                "write a number above 0, such as 300",
            );
            None
        }
    };
    let tokens = 1..=MAX_TOKENS;
    let prompt_tokens = checker.count(&raw.prompt_tokens, "workload.prompt_tokens", &tokens);
    let output_tokens = checker.count(&raw.output_tokens, "workload.output_tokens", &tokens);
    let headroom = checker.share(&raw.headroom, "workload.headroom", "capacity").unwrap_or(0.0);
    if let Some(field) = raw.headroom.as_ref().filter(|_| headroom >= 1.0) {
        let problem = "with all capacity kept free, nothing can be served";
        checker.refuse(field.referenced, "workload.headroom", problem, "write a share such as 20%");
    }
    Some(Workload {
        requests_per_minute: requests_per_minute?,
        prompt_tokens,
        output_tokens,
        headroom,
    })
}

/// The most that the run may cost, if it is given.
pub(super) fn spend_limit(
    checker: &mut Checker<'_>,
    field: &Field<raw::SpendLimit>,
    endpoints: &[&EndpointSpec],
) -> Option<NanoUsd> {
    let Spanned { value: raw, referenced: at, .. } = field.as_ref()?;
    if let Some(unpriced) = endpoints.iter().find(|endpoint| endpoint.price.is_none()) {
        checker.refuse(
            *at,
            "spend_limit",
            format!("the price of endpoint {} is unknown, so no limit can hold it", unpriced.name),
            "give its price, or leave out the limit",
        );
    }
    let path = "spend_limit.per_run_usd";
    if raw.per_run_usd.is_none() {
        let problem = "it is not said what the run may cost";
        checker.refuse(*at, path, problem, "give `per_run_usd: 25`");
    }
    checker.amount(&raw.per_run_usd, path)
}
