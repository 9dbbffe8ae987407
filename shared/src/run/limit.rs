//! Refuses a run that its spend limit cannot hold.

use super::RunError;
use crate::plan::Plan;
use crate::units::NanoUsd;

/// Refuses a plan whose spend limit cannot hold it by our bound: blocks of so many requests all
/// together, blocks that only time ends one request of each slot and its warm-up.
pub(super) fn refuse_what_the_limit_cannot_hold(plan: &Plan) -> Result<(), RunError> {
    let Some(limit) = plan.spend_limit else { return Ok(()) };
    let refuse = |what: String, mend: String| Err(RunError::OverSpendLimit { what, mend });
    if let Some(endpoint) = plan.endpoints.iter().find(|endpoint| endpoint.price.is_none()) {
        return refuse(
            format!("the price of endpoint {} is not known", endpoint.name),
            "give its `price`, or leave spend_limit out".to_owned(),
        );
    }
    let blocks = || plan.lanes.iter().flat_map(|lane| &lane.blocks);
    for block in blocks().filter(|block| block.requests.is_none()) {
        let (share, least) = (plan.reservation(block), plan.least(block).unwrap_or_default());
        if least > share {
            let planned = plan.blocks_planned();
            return refuse(
                format!(
                    "a block of {} needs {} for one request of each slot and its warm-up, and its \
                     share is {} ({} for {planned} blocks)",
                    block.experiment,
                    usd(least),
                    usd(share),
                    usd(limit)
                ),
                format!(
                    "raise spend_limit to {}, or lower max_tokens, replicates, or the number of \
                     endpoints, datasets and loads",
                    usd(most(blocks().filter_map(|block| plan.least(block)))
                        .saturating_mul(planned))
                ),
            );
        }
    }
    let reserved: NanoUsd = blocks().map(|block| plan.reservation(block)).sum();
    if reserved > limit {
        return refuse(
            format!(
                "the run may cost {} (1.5 x the longest prompt, every answer to its limit), and \
                 its spend_limit is {}",
                usd(reserved),
                usd(limit)
            ),
            format!(
                "raise spend_limit to {}, or lower stop.requests, max_tokens, or the number of \
                 endpoints, datasets and loads",
                usd(reserved)
            ),
        );
    }
    Ok(())
}

fn most(amounts: impl Iterator<Item = NanoUsd>) -> NanoUsd {
    amounts.max().unwrap_or_default()
}

/// Dollars, rounded up to the last digit shown, so that what is advised suffices.
fn usd(amount: NanoUsd) -> String {
    format!("${:.4}", NanoUsd(amount.0.div_ceil(100_000).saturating_mul(100_000)).as_usd())
}
