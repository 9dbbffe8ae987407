//! What is kept of each request until its experiment is summarised, and the clusters it falls into.

use std::ops::Range;
use std::time::Duration;

use super::latency::nanoseconds;
use crate::record::{Outcome, Record};
use crate::stats::{FEWEST_CLUSTERS, float};

/// Batches of each block where there are too few blocks to be the clusters.
const BATCHES: usize = 10;

/// A measured request that was not cut. 56 bytes, because a run has up to a million; what there is
/// none of is the largest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    /// The place of its block among the experiment's receipts.
    pub(super) block: u32,
    /// Its place in the block, by its send.
    sequence: u32,
    e2e_ns: u64,
    ttft_ns: u64,
    tpot_ns: u64,
    itl_mean_ns: u64,
    cost_nano_usd: u64,
    input_tokens: u32,
    output_tokens: u32,
}

impl Kept {
    /// `None` for a request that was cut: neither a success nor an error.
    pub(super) fn of(record: &Record, block: u32, cost_nano_usd: Option<u64>) -> Option<Self> {
        let completed = match record.outcome {
            Outcome::Completed => true,
            Outcome::Throttled | Outcome::TimedOut(_) | Outcome::Failed(_) => false,
            Outcome::Cut => return None,
        };
        let long = |value: Option<u64>| value.filter(|_| completed).unwrap_or(u64::MAX);
        let nanos = |time: Option<Duration>| long(time.map(nanoseconds));
        let short = |value: Option<u32>| value.filter(|_| completed).unwrap_or(u32::MAX);
        Some(Self {
            block,
            sequence: record.sequence,
            e2e_ns: nanos(Some(record.e2e())),
            ttft_ns: nanos(record.ttft()),
            tpot_ns: nanos(record.tpot()),
            itl_mean_ns: nanos(record.timeline.gap_mean()),
            cost_nano_usd: long(cost_nano_usd),
            input_tokens: short(record.usage.input_tokens),
            output_tokens: short(record.usage.output_tokens),
        })
    }

    /// Its answer arrived whole.
    pub(super) fn is_completed(&self) -> bool {
        self.e2e_ns != u64::MAX
    }

    /// Takes what it cost, which is known after its block.
    pub(super) fn charge(&mut self, cost_nano_usd: Option<u64>) {
        self.cost_nano_usd = cost_nano_usd.unwrap_or(u64::MAX);
    }

    /// Its place in the block, by its send.
    pub(super) fn sequence(&self) -> u32 {
        self.sequence
    }

    pub(super) fn e2e_ns(&self) -> Option<u64> {
        known(self.e2e_ns)
    }

    pub(super) fn ttft_ns(&self) -> Option<u64> {
        known(self.ttft_ns)
    }

    pub(super) fn tpot_ns(&self) -> Option<u64> {
        known(self.tpot_ns)
    }

    pub(super) fn itl_mean_ns(&self) -> Option<u64> {
        known(self.itl_mean_ns)
    }

    pub(super) fn cost_nano_usd(&self) -> Option<u64> {
        known(self.cost_nano_usd)
    }

    /// Tokens of the prompt and of the answer, where both were reported.
    pub(super) fn tokens(&self) -> Option<(u32, u32)> {
        let known = |tokens: u32| (tokens != u32::MAX).then_some(tokens);
        known(self.input_tokens).zip(known(self.output_tokens))
    }

    /// (output tokens - 1) / (last - first content): 1 / TPOT, which is known to the nanosecond.
    pub(super) fn generation_per_s(&self) -> Option<f64> {
        per_s(1, self.tpot_ns()?)
    }

    /// Output tokens / E2E.
    pub(super) fn end_to_end_per_s(&self) -> Option<f64> {
        per_s(self.tokens()?.1, self.e2e_ns()?)
    }
}

fn per_s(tokens: u32, nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| f64::from(tokens) * 1e9 / float(nanos))
}

fn known(value: u64) -> Option<u64> {
    (value != u64::MAX).then_some(value)
}

/// The requests of an experiment in the order of their sends, and their clusters: blocks where there
/// are at least five, else ten consecutive batches of each block.
#[derive(Debug)]
pub(super) struct Requests {
    kept: Vec<Kept>,
    clusters: Vec<Range<usize>>,
    blocks: Vec<Range<usize>>,
}

impl Requests {
    pub(super) fn new(mut kept: Vec<Kept>) -> Self {
        kept.sort_unstable();
        let mut blocks: Vec<Range<usize>> = Vec::new();
        for block in kept.chunk_by(|one, two| one.block == two.block) {
            let start = blocks.last().map_or(0, |block| block.end);
            blocks.push(start..start + block.len());
        }
        let clusters = if blocks.len() >= FEWEST_CLUSTERS as usize {
            blocks.clone()
        } else {
            blocks.iter().flat_map(batches).filter(|batch| !batch.is_empty()).collect()
        };
        Self { kept, clusters, blocks }
    }

    /// How many clusters there are; 0 where they are too few for an interval.
    pub(super) fn clusters(&self) -> u32 {
        let clusters = u32::try_from(self.clusters.len()).unwrap_or(u32::MAX);
        if clusters >= FEWEST_CLUSTERS { clusters } else { 0 }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Kept] {
        &self.kept
    }

    /// The requests of each block.
    pub(super) fn by_block(&self) -> impl Iterator<Item = &[Kept]> {
        self.blocks.iter().filter_map(|block| self.kept.get(block.clone()))
    }

    /// The requests of each cluster.
    pub(super) fn by_cluster(&self) -> impl Iterator<Item = &[Kept]> {
        self.clusters.iter().filter_map(|cluster| self.kept.get(cluster.clone()))
    }

    /// What requests have, each with the number of its cluster.
    pub(super) fn clustered<T>(
        &self,
        of: impl Fn(&Kept) -> Option<T> + Copy,
    ) -> impl Iterator<Item = (T, u32)> {
        (0..).zip(self.by_cluster()).flat_map(move |(cluster, kept)| {
            kept.iter().filter_map(move |kept| Some((of(kept)?, cluster)))
        })
    }
}

fn batches(block: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let (start, length) = (block.start, block.len());
    let edge = move |batch: usize| start + length * batch / BATCHES;
    (0..BATCHES).map(move |batch| edge(batch)..edge(batch + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};

    fn requests(replicates: u32) -> Requests {
        let run = Run::replicated(&[MISTRAL], &["chat"], &[1], replicates);
        let measured = run.records.iter().filter(|r| r.phase == crate::record::Phase::Measured);
        Requests::new(measured.filter_map(|r| Kept::of(r, r.block - 1, None)).rev().collect())
    }

    #[test]
    fn five_blocks_are_clusters_and_fewer_give_ten_batches_each() {
        assert_eq!((requests(5).clusters(), requests(4).clusters()), (5, 40));
        assert_eq!(requests(5).by_cluster().map(<[Kept]>::len).collect::<Vec<_>>(), [10; 5]);
        assert_eq!(requests(4).by_cluster().map(<[Kept]>::len).collect::<Vec<_>>(), [1; 40]);
    }

    #[test]
    fn requests_without_answers_keep_their_place_in_a_cluster() {
        let mut kept = requests(5).all().to_vec();
        kept[3] = Kept { e2e_ns: u64::MAX, ..kept[3] };
        let requests = Requests::new(kept);
        assert_eq!(requests.by_cluster().next().unwrap().len(), 10);
        assert_eq!(
            requests.clustered(Kept::e2e_ns).filter(|(_, cluster)| *cluster == 0).count(),
            9
        );
    }

    #[test]
    fn too_few_requests_make_no_clusters() {
        let kept = requests(1).all()[..4].to_vec();
        assert_eq!(Requests::new(kept).clusters(), 0);
        assert_eq!(Requests::new(Vec::new()).clusters(), 0);
    }

    /// A run of a million requests is summarised in one Lambda function.
    #[test]
    fn little_is_kept() {
        assert_eq!(size_of::<Kept>(), 56);
    }
}
