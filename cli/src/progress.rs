//! Progress of a run: a live line for each lane on a terminal, else a plain line for each block.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use shared::block::{BlockRun, Observer};
use shared::plan::{BlockPlan, Lane, Plan};
use shared::record::{Phase, Record};
use shared::units::Name;

use crate::terminal::note;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Quiet,
    Plain,
    Live,
}

/// Shows how far each lane has come.
#[derive(Debug)]
pub(crate) struct Progress {
    style: Style,
    bars: MultiProgress,
    lanes: BTreeMap<Name, LaneProgress>,
}

#[derive(Debug)]
struct LaneProgress {
    bar: ProgressBar,
    sent: AtomicU64,
    errors: AtomicU64,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, quiet: bool) -> Self {
        let style = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Style::Quiet,
            (false, true) => Style::Live,
            (false, false) => Style::Plain,
        };
        let bars = MultiProgress::new();
        let width = plan.endpoints.iter().map(|e| e.name.as_str().len()).max().unwrap_or(0).min(30);
        let lane = |lane: &Lane| {
            let requests = lane.blocks.iter().map(|block| block.requests.map(u64::from)).sum();
            let bar = match style {
                Style::Live => bars.add(bar(requests)),
                Style::Quiet | Style::Plain => ProgressBar::hidden(),
            };
            bar.set_prefix(format!("{:width$.width$}", lane.endpoint.as_str()));
            let lane_progress =
                LaneProgress { bar, sent: AtomicU64::new(0), errors: AtomicU64::new(0) };
            (lane.endpoint.clone(), lane_progress)
        };
        let lanes = plan.lanes.iter().map(lane).collect();
        Self { style, bars, lanes }
    }

    pub(crate) fn block_ended(&self, lane: &Lane, block: &BlockPlan, run: &BlockRun) {
        let Some(progress) = self.lanes.get(&lane.endpoint) else { return };
        let known = match run {
            BlockRun::Measured(_) => "",
            BlockRun::AlreadyMeasured(_) => " had been measured before",
            BlockRun::Stopping => " was not begun",
            BlockRun::NoFunds { .. } => " was not begun: the spend limit has no room for it",
        };
        if matches!(run, BlockRun::AlreadyMeasured(_)) {
            progress.bar.inc(block.requests.map_or(0, u64::from));
        }
        if self.style == Style::Plain {
            let sent = progress.sent.load(Ordering::Relaxed);
            let errors = progress.errors.load(Ordering::Relaxed);
            note(&format!(
                "{} block {}{known}: lane has sent {sent} requests, {errors} errors",
                block.experiment, block.block
            ));
        }
    }

    /// A remark that does not disturb the live lines.
    pub(crate) fn remark(&self, text: &str) {
        self.bars.suspend(|| note(text));
    }

    /// Leaves the live lines as they are.
    pub(crate) fn finish(&self) {
        for lane in self.lanes.values() {
            lane.bar.abandon();
        }
    }
}

fn bar(requests: Option<u64>) -> ProgressBar {
    let (bar, template) = match requests {
        Some(requests) => {
            (ProgressBar::new(requests), "{prefix} {wide_bar} {pos}/{len} {msg} {elapsed}")
        }
        None => (ProgressBar::no_length(), "{prefix} {spinner} {pos} {msg} {elapsed}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Observer for Progress {
    fn recorded(&self, record: &Record) {
        let Some(lane) = self.lanes.get(&record.endpoint) else { return };
        if record.phase == Phase::Warmup {
            return;
        }
        lane.sent.fetch_add(1, Ordering::Relaxed);
        if record.outcome.error_class().is_some() {
            lane.errors.fetch_add(1, Ordering::Relaxed);
        }
        lane.bar.set_message(format!("{} errors", lane.errors.load(Ordering::Relaxed)));
        lane.bar.inc(1);
    }
}
