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
    let parts = match plan.rounds {
        None => "the number of endpoints, datasets and loads",
        Some(_) => "the number of rounds, endpoints, datasets and loads",
    };
    let blocks = || plan.lanes.iter().flat_map(|lane| &lane.blocks);
    for block in blocks().filter(|block| block.requests.is_none()) {
        let (share, least) = (plan.reservation(block), plan.least(block).unwrap_or_default());
        if least > share {
            let planned = plan.blocks_planned();
            let all = blocks().filter_map(|block| plan.least(block)).max().unwrap_or(least);
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
                    "raise spend_limit to {}, or lower max_tokens, replicates, or {parts}",
                    usd(all.saturating_mul(planned))
                ),
            );
        }
    }
    let round: NanoUsd = blocks().map(|block| plan.reservation(block)).sum();
    let reserved = round.saturating_mul(plan.round_count().into());
    if let Some(instances) = plan.provisioned_at_most().filter(|&cost| cost > NanoUsd::ZERO)
        && instances.saturating_add(reserved) > limit
    {
        return refuse(
            format!(
                "the endpoints that are made for the run may cost {} until they expire, {} hours after \
                 its start, its requests {}, and its spend_limit is {}",
                usd(instances),
                plan.provisioned_for().as_secs() / 3600,
                usd(reserved),
                usd(limit)
            ),
            format!(
                "raise spend_limit to {}, or make the run shorter",
                usd(instances.saturating_add(reserved))
            ),
        );
    }
    if reserved > limit {
        return refuse(
            format!(
                "the run may cost {} (1.5 x the longest prompt, every answer to its limit), and \
                 its spend_limit is {}",
                usd(reserved),
                usd(limit)
            ),
            format!(
                "raise spend_limit to {}, or lower stop.requests, max_tokens, or {parts}",
                usd(reserved)
            ),
        );
    }
    Ok(())
}

/// Dollars, rounded up to the last digit shown, so that what is advised suffices.
fn usd(amount: NanoUsd) -> String {
    format!("${:.4}", NanoUsd(amount.0.div_ceil(100_000).saturating_mul(100_000)).as_usd())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::run::{Source, draft};

    async fn plan(stop: &str, limit: NanoUsd) -> Plan {
        let text = format!(
            "version: 1\nendpoints: [{{name: m, kind: bedrock, region: us-east-1, model_id: x, \
             price: {{input_per_1k_usd: 0.001, output_per_1k_usd: 0.002}}}}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 10}}]\n\
             load: [{{concurrency: 2}}]\nreplicates: 3\nstop: {stop}"
        );
        let source = Source::OneMachine(PathBuf::new());
        let plan = draft(&text, "r".parse().unwrap(), &source).await.unwrap().plan;
        Plan { spend_limit: Some(limit), ..plan }
    }

    fn refusal(plan: &Plan) -> String {
        refuse_what_the_limit_cannot_hold(plan).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_the_limit_cannot_hold_is_refused_with_the_mend() {
        // 60 requests of 89,000 nano-dollars and 6 warm-ups of 80,000: 5,820,000.
        insta::assert_snapshot!(
            refusal(&plan("{requests: 60}", NanoUsd(1_000_000)).await),
            @"the run may cost $0.0059 (1.5 x the longest prompt, every answer to its limit), and its spend_limit is $0.0010: raise spend_limit to $0.0059, or lower stop.requests, max_tokens, or the number of endpoints, datasets and loads"
        );
        refusal(&plan("{requests: 60}", NanoUsd(5_819_999)).await);
        let enough = plan("{requests: 60}", NanoUsd(5_820_000)).await;
        assert!(refuse_what_the_limit_cannot_hold(&enough).is_ok());
        let unlimited = Plan { spend_limit: None, ..enough };
        assert!(refuse_what_the_limit_cannot_hold(&unlimited).is_ok());
    }

    #[tokio::test]
    async fn a_share_that_does_not_fill_the_slots_is_refused() {
        // One request of each of two slots and two warm-ups: 338,000 for each of three blocks.
        insta::assert_snapshot!(
            refusal(&plan("{duration: 1m}", NanoUsd(300_000)).await),
            @"a block of m~d~c2 needs $0.0004 for one request of each slot and its warm-up, and its share is $0.0001 ($0.0003 for 3 blocks): raise spend_limit to $0.0011, or lower max_tokens, replicates, or the number of endpoints, datasets and loads"
        );
        refusal(&plan("{duration: 1m}", NanoUsd(1_013_999)).await);
        let enough = plan("{duration: 1m}", NanoUsd(1_014_000)).await;
        assert!(refuse_what_the_limit_cannot_hold(&enough).is_ok());
    }

    #[tokio::test]
    async fn what_has_no_price_cannot_be_limited() {
        let mut plan = plan("{requests: 60}", NanoUsd(1_000_000_000)).await;
        plan.endpoints[0].price = None;
        insta::assert_snapshot!(
            refusal(&plan),
            @"the price of endpoint m is not known: give its `price`, or leave spend_limit out"
        );
    }
}
