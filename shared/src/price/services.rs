//! What the AWS services cost that carry a deployed run: a small dated price list, and what a run
//! uses of them.
//!
//! Counted is what grows with a run: the function that measures, state transitions, the table's
//! reads and writes, the bucket's requests. Left out are planning and summarising (seconds of a
//! function each), the free tiers, logs, and storage.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::NanoUsd;

/// Where the prices were read, and when: on demand, us-east-1.
pub const SOURCE: &str = "AWS price list, us-east-1, 2026-07";

/// Memory of the function that measures where the template's default is kept, MB.
pub const RUNNER_MEMORY_MB: u32 = 1769;

/// Bytes of a record as it is packed, as far as an estimate needs them.
pub(crate) const RECORD_BYTES: u64 = 150;

// All in pico-dollars, so that sums are exact.
const LAMBDA_GB_SECOND_X86: u128 = 16_666_700;
const LAMBDA_REQUEST: u128 = 200_000;
const TRANSITION: u128 = 25_000_000;
const WRITE_UNIT: u128 = 625_000;
const READ_UNIT: u128 = 125_000;
const S3_PUT: u128 = 5_000_000;
const S3_GET: u128 = 400_000;

/// How often a worker reads its block and its run (2 strongly consistent reads), in seconds.
const STANDING_EVERY_S: u64 = 2;

/// What a run uses of the services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    invocations: u64,
    running: Duration,
    transitions: u64,
    write_units: u64,
    read_units: u64,
    puts: u64,
    gets: u64,
}

/// What the services cost that carried a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCosts {
    /// Lambda: the function that measures.
    pub lambda_nano_usd: NanoUsd,
    /// Step Functions: state transitions.
    pub step_functions_nano_usd: NanoUsd,
    /// DynamoDB: reads and writes.
    pub dynamodb_nano_usd: NanoUsd,
    /// S3: requests.
    pub s3_nano_usd: NanoUsd,
}

impl ServiceCosts {
    /// All of them together.
    pub fn total(&self) -> NanoUsd {
        let Self { lambda_nano_usd, step_functions_nano_usd, dynamodb_nano_usd, s3_nano_usd } =
            *self;
        [lambda_nano_usd, step_functions_nano_usd, dynamodb_nano_usd, s3_nano_usd].into_iter().sum()
    }
}

impl Use {
    /// What every run with so many lanes and rounds uses, before its first block: planning, the
    /// lanes' executions, reports, finishing. The begin and the end of an execution count as
    /// transitions.
    pub fn of_run(lanes: usize, rounds: u32) -> Self {
        let lanes = u64::try_from(lanes).unwrap_or_default();
        let rounds = u64::from(rounds);
        let later = rounds.saturating_sub(1);
        Self {
            // run: Plan, IsDue, RunRound, HasMoreRounds, Finish, and RefreshReport, NextRound, IsDue,
            // WaitForRound, RunRound and HasMoreRounds for each later round; finish: Summarize,
            // IsRun, Notify; each lane in a round: RunLane.
            transitions: 7 + 6 * later + 5 + 3 * lanes * rounds,
            // META, RUNS and SPEND in one transaction, and the status at the end.
            write_units: 2 * 3 + 1,
            // The plan's files; lanes and the report's files in each round.
            puts: 3 + (1 + 12) * rounds,
            gets: 4 + 2 * later,
            ..Self::default()
        }
    }

    /// One more block: its attempts, how long they ran together, and the chunks and bytes of its
    /// records. A chunk is an item of its own, written in whole kilobytes.
    pub fn add_block(&mut self, attempts: u32, running: Duration, chunks: u64, bytes: u64) {
        let attempts = u64::from(attempts);
        let seconds = running.as_secs() + u64::from(running.subsec_nanos() > 0);
        self.invocations += attempts;
        self.running += running;
        // RunBlock in each attempt; IsThrottled, BlockDone.
        self.transitions += attempts + 2;
        // Claim and receipt: two items each, at twice the price in a transaction.
        self.write_units += attempts * 2 * 2 * 2 + bytes / 1024 + chunks;
        // Claim and receipt read both items; so do the looks at the standing. Then the records.
        self.read_units += attempts * 2 * 2 + 2 * seconds / STANDING_EVERY_S + bytes.div_ceil(4096);
        // The plan and the prompts.
        self.gets += attempts * 2;
    }

    /// What that costs with a function of so much memory.
    pub fn costs(&self, runner_memory_mb: u32) -> ServiceCosts {
        let milliseconds = self.running.as_millis();
        // Of pico-dollars: GB x s = MB / 1024 x ms / 1000.
        let running =
            milliseconds * u128::from(runner_memory_mb) * LAMBDA_GB_SECOND_X86 / 1024 / 1000;
        let of = |count: u64, price: u128| u128::from(count) * price;
        ServiceCosts {
            lambda_nano_usd: nano(running + of(self.invocations, LAMBDA_REQUEST)),
            step_functions_nano_usd: nano(of(self.transitions, TRANSITION)),
            dynamodb_nano_usd: nano(
                of(self.write_units, WRITE_UNIT) + of(self.read_units, READ_UNIT),
            ),
            s3_nano_usd: nano(of(self.puts, S3_PUT) + of(self.gets, S3_GET)),
        }
    }
}

fn nano(pico_usd: u128) -> NanoUsd {
    NanoUsd(u64::try_from(pico_usd.div_ceil(1000)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_costs_what_the_price_list_says() {
        let mut used = Use::of_run(2, 1);
        for _ in 0..10 {
            used.add_block(1, Duration::from_mins(1), 60, 40_000);
        }
        let costs = used.costs(1024);
        // 600 GB-s at $0.0000166667, and 10 requests at $0.0000002.
        assert_eq!(costs.lambda_nano_usd, NanoUsd(10_000_020 + 2_000));
        // 7 of run, 5 of finish, 3 of each lane, 3 of each of 10 blocks, at $0.025 for 1,000.
        assert_eq!(costs.step_functions_nano_usd, NanoUsd(48 * 25_000));
        let day = Use::of_run(2, 24).transitions - Use::of_run(2, 1).transitions;
        assert_eq!(day, 23 * (6 + 3 * 2));
        // 7 of the run; 8 of claim and receipt, 60 chunks and their 39 whole kilobytes in each block.
        let (writes, reads) = (7 + 10 * 107, 10 * (4 + 60 + 10));
        assert_eq!(costs.dynamodb_nano_usd, NanoUsd(writes * 625 + reads * 125));
        assert_eq!(costs.s3_nano_usd, NanoUsd(16 * 5_000 + 24 * 400));
        let parts = [
            costs.lambda_nano_usd,
            costs.step_functions_nano_usd,
            costs.dynamodb_nano_usd,
            costs.s3_nano_usd,
        ];
        assert_eq!(costs.total(), parts.into_iter().sum());
    }

    #[test]
    fn half_the_memory_costs_half_as_much_time() {
        let used = Use { running: Duration::from_secs(1000), ..Use::default() };
        let lambda = |memory| used.costs(memory).lambda_nano_usd.0;
        assert_eq!(lambda(1024), 16_666_700);
        assert_eq!(lambda(512) * 2, lambda(1024));
    }
}
