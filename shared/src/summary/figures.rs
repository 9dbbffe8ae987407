//! What needs every request at once: intervals of shares and costs, and what pictures are made of.

use std::collections::BTreeMap;

use super::accumulate::rfc3339;
use super::kept::{Kept, Requests};
use super::{Bin, BlockFigures, BlockPlace, Histogram, Point, TransactionCost};
use crate::stats::{ClusteredSample, Gaps, Interval, float, share_interval};
use crate::store::Receipt;

/// At most so many points are kept for plots.
const POINTS: usize = 200;

/// Ranges of a histogram for each tenfold.
const BINS_PER_DECADE: i32 = 20;

const NANOS_PER_MS: f64 = 1e6;

/// The interval of the share of failed requests.
pub(super) fn error_rate_interval(requests: &Requests) -> Option<Interval> {
    let parts = requests.by_cluster().map(|kept| {
        let completed = completed(kept);
        (kept.len() as u64 - completed, kept.len() as u64)
    });
    share_interval(parts)
}

/// The interval of the cost of 10,000 transactions, US dollars. A cost is never negative.
pub(super) fn cost_interval(requests: &Requests) -> Option<Interval> {
    let costs = requests.clustered(Kept::cost_nano_usd);
    let for_10k = |nano_usd: u64| float(nano_usd) / 1e9 * 10_000.0;
    let costs = ClusteredSample::new(costs.map(|(cost, cluster)| (for_10k(cost), cluster)))?;
    let interval = costs.mean_interval()?;
    Some(Interval { low: interval.low.map(|low| low.max(0.0)), ..interval })
}

/// The figures of each block that sent something; `receipts` are those of the experiment's counted
/// blocks.
pub(super) fn blocks(
    requests: &Requests,
    receipts: &BTreeMap<BlockPlace, &Receipt>,
) -> Vec<BlockFigures> {
    let receipts: Vec<_> = receipts.iter().collect();
    let figures = |kept: &[Kept]| {
        let (&place, receipt) = *receipts.get(kept.first()?.block as usize)?;
        let completed = completed(kept);
        let (cost, transactions) = total(kept, Kept::cost_nano_usd);
        let cost = TransactionCost::mean(cost, transactions);
        Some(BlockFigures {
            place,
            began_at: rfc3339(receipt.window_start_unix_ns),
            completed,
            errors: kept.len() as u64 - completed,
            e2e_mean_ms: mean_ms(kept, Kept::e2e_ns),
            ttft_mean_ms: mean_ms(kept, Kept::ttft_ns),
            cost_per_10k_nano_usd: cost.map(|cost| cost.per_10k_transactions_nano_usd),
        })
    };
    requests.by_block().filter_map(figures).collect()
}

fn completed(kept: &[Kept]) -> u64 {
    kept.iter().filter(|kept| kept.is_completed()).count() as u64
}

/// The sum and the count of what requests have.
fn total(kept: &[Kept], of: impl Fn(&Kept) -> Option<u64>) -> (u128, u64) {
    let values = kept.iter().filter_map(of);
    values.fold((0, 0), |(sum, count), value| (sum + u128::from(value), count + 1))
}

fn mean_ms(kept: &[Kept], of: impl Fn(&Kept) -> Option<u64>) -> Option<f64> {
    let (sum, count) = total(kept, of);
    #[expect(clippy::cast_precision_loss, reason = "shown with far fewer digits")]
    (count > 0).then(|| sum as f64 / float(count) / NANOS_PER_MS)
}

/// Completed requests with their tokens, evenly spread over all in the order of their sends.
pub(super) fn points(requests: &Requests) -> Vec<Point> {
    let points: Vec<_> = requests.all().iter().filter_map(point).collect();
    let shown = points.len().min(POINTS);
    (0..shown).map(|place| points[place * points.len() / shown]).collect()
}

fn point(kept: &Kept) -> Option<Point> {
    let (input_tokens, output_tokens) = kept.tokens()?;
    let ms = |nanos: u64| float(nanos) / NANOS_PER_MS;
    let e2e_ms = ms(kept.e2e_ns()?);
    Some(Point { input_tokens, output_tokens, e2e_ms, ttft_ms: kept.ttft_ns().map(ms) })
}

/// How often nanoseconds were in each of ranges that widen by the twentieth root of ten; `None`
/// without any.
pub(super) fn histogram(nanos: impl IntoIterator<Item = u64>) -> Option<Histogram> {
    let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
    for nanos in nanos {
        *counts.entry(bin(float(nanos.max(1)) / NANOS_PER_MS)).or_default() += 1;
    }
    let bins = counts.into_iter().map(|(bin, count)| Bin {
        from_ms: edge_ms(bin),
        to_ms: edge_ms(bin + 1),
        count,
    });
    let bins: Vec<_> = bins.collect();
    (!bins.is_empty()).then_some(Histogram { bins })
}

/// The range that a latency is in: the last that begins at or below it.
fn bin(ms: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "from -120 to 270: nanoseconds as u64")]
    let near = (ms.log10() * f64::from(BINS_PER_DECADE)).floor() as i32;
    // Rounding may be off by one at an edge.
    if ms < edge_ms(near) {
        near - 1
    } else if ms >= edge_ms(near + 1) {
        near + 1
    } else {
        near
    }
}

fn edge_ms(bin: i32) -> f64 {
    10_f64.powf(f64::from(bin) / f64::from(BINS_PER_DECADE))
}

/// The gaps that the counted receipts tell; `None` where none has any.
pub(super) fn itl_histogram<'r>(receipts: impl Iterator<Item = &'r Receipt>) -> Option<Histogram> {
    let mut gaps = Gaps::default();
    for stored in receipts.filter_map(|receipt| receipt.gaps.as_ref()) {
        gaps.add(stored).ok()?;
    }
    let bins =
        gaps.by_range().into_iter().map(|(from_ms, to_ms, count)| Bin { from_ms, to_ms, count });
    (gaps.count() > 0).then(|| Histogram { bins: bins.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_lies_between_their_edges() {
        let nanos = [0, 1_000_000, 999_999, 10_000_000, 12_345_678, u64::MAX - 1];
        let histogram = histogram(nanos).unwrap();
        assert_eq!(histogram.bins.iter().map(|bin| bin.count).sum::<u64>(), 6);
        for nanos in &nanos[1..] {
            let ms = float(*nanos) / NANOS_PER_MS;
            let holds = histogram.bins.iter().filter(|bin| bin.from_ms <= ms && ms < bin.to_ms);
            assert_eq!(holds.count(), 1, "{ms}");
        }
        let starts: Vec<_> = histogram.bins.iter().map(|bin| bin.from_ms).collect();
        assert!(starts.contains(&1.0) && starts.contains(&10.0), "{starts:?}");
        assert!(starts.is_sorted());
    }
}
