//! Published prices of SageMaker's instances for real-time inference, on demand.
//!
//! AWS has cut the prices of the largest since they were read: what a run is decided by should be given in
//! the configuration.

use super::REGION;
use crate::units::NanoUsd;

/// The price of an hour of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceRow {
    /// Such as `ml.g5.2xlarge`.
    pub instance_type: &'static str,
    /// For an hour of one.
    pub per_hour: NanoUsd,
}

/// Where the prices were read.
pub const INSTANCES_SOURCE: &str = "FMBench pricing.yml";

/// The month in which they were read, `YYYY-MM`.
pub const INSTANCES_DATE: &str = "2025-04";

/// The price of an instance in a region; `None` if the table does not have it.
pub fn instance(instance_type: &str, region: &str) -> Option<&'static InstanceRow> {
    let found = ROWS.iter().find(|row| row.instance_type == instance_type);
    found.filter(|_| region == REGION)
}

/// All instances.
pub fn instances() -> &'static [InstanceRow] {
    &ROWS
}

impl InstanceRow {
    /// Where the price comes from.
    pub fn source(&self) -> String {
        format!("{INSTANCES_SOURCE}, {REGION}, {INSTANCES_DATE}")
    }
}

/// In tenths of a thousandth of a dollar.
const fn row(instance_type: &'static str, per_hour: u64) -> InstanceRow {
    InstanceRow { instance_type, per_hour: NanoUsd(per_hour * 100_000) }
}

const ROWS: [InstanceRow; 31] = [
    row("ml.c5.2xlarge", 4_080),
    row("ml.c5.4xlarge", 8_160),
    row("ml.c5.xlarge", 2_040),
    row("ml.c7i.xlarge", 2_140),
    row("ml.g4dn.12xlarge", 48_900),
    row("ml.g4dn.16xlarge", 54_400),
    row("ml.g4dn.2xlarge", 9_400),
    row("ml.g4dn.4xlarge", 15_050),
    row("ml.g4dn.8xlarge", 27_200),
    row("ml.g4dn.xlarge", 7_364),
    row("ml.g5.12xlarge", 70_900),
    row("ml.g5.24xlarge", 101_800),
    row("ml.g5.2xlarge", 15_150),
    row("ml.g5.48xlarge", 203_600),
    row("ml.g5.4xlarge", 20_300),
    row("ml.g5.8xlarge", 30_600),
    row("ml.g5.xlarge", 14_084),
    row("ml.g6.12xlarge", 57_520),
    row("ml.g6.16xlarge", 42_460),
    row("ml.g6.24xlarge", 83_440),
    row("ml.g6.2xlarge", 12_220),
    row("ml.g6.48xlarge", 166_880),
    row("ml.inf2.24xlarge", 77_900),
    row("ml.inf2.48xlarge", 155_800),
    row("ml.inf2.8xlarge", 23_600),
    row("ml.inf2.xlarge", 9_900),
    row("ml.m5.xlarge", 2_300),
    row("ml.p3.2xlarge", 38_250),
    row("ml.p4d.24xlarge", 376_880),
    row("ml.p5.48xlarge", 1_130_680),
    row("ml.trn1.32xlarge", 284_970),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_costs_what_was_published() {
        let usd = |name| instance(name, REGION).map(|row| row.per_hour.as_usd());
        assert_eq!(usd("ml.g5.2xlarge"), Some(1.515));
        assert_eq!(usd("ml.p5.48xlarge"), Some(113.068));
        assert_eq!(usd("ml.g5.3xlarge"), None);
        assert_eq!(instance("ml.g5.2xlarge", "eu-west-1"), None);
        assert!(instances().iter().all(|row| row.per_hour > NanoUsd::ZERO));
    }
}
