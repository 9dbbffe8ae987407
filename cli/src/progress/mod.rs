//! Progress of a run: live lines on a terminal, else a plain line for each block and minute.

mod figures;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use shared::block::{BlockRun, Observer};
use shared::plan::{BlockPlan, Lane, Plan};
use shared::price::Price;
use shared::record::Record;
use shared::run::News;
use shared::units::{Name, NanoUsd};
use tokio::time::Instant;

use self::figures::Figures;
pub(crate) use self::figures::short;
use crate::terminal::note;

/// How often live lines are drawn anew.
const LIVE_EVERY: Duration = Duration::from_millis(250);

/// How often the whole is told where there is no terminal: a log should not be flooded.
const PLAIN_EVERY: Duration = Duration::from_mins(1);

/// The widest name of an endpoint that is shown whole: lines fit into 80 columns.
const NAME_WIDTH: usize = 22;

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
    total: ProgressBar,
    spend_limit: Option<NanoUsd>,
    begun: Instant,
    rounds: u32,
    stage: Mutex<Stage>,
    /// The run waits for credentials.
    signed_out: AtomicBool,
    lanes: BTreeMap<Name, LaneProgress>,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// A round is being measured.
    Round(u32),
    /// A round will begin at that time.
    WaitFor(u32, Instant),
}

#[derive(Debug)]
struct LaneProgress {
    bar: ProgressBar,
    price: Option<Price>,
    figures: Mutex<Figures>,
}

impl LaneProgress {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    pub(crate) fn new(plan: &Plan, quiet: bool) -> Self {
        let style = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Style::Quiet,
            (false, true) => Style::Live,
            (false, false) => Style::Plain,
        };
        let bars = MultiProgress::new();
        let names = plan.endpoints.iter().map(|e| e.name.as_str().len());
        let width = names.max().unwrap_or(0).min(NAME_WIDTH);
        let begun = Instant::now();
        let lane = |lane: &Lane| {
            let figures = Figures::new(lane, begun);
            let bar = match style {
                Style::Live => bars.add(bar(figures.requests())),
                Style::Quiet | Style::Plain => ProgressBar::hidden(),
            };
            bar.set_prefix(format!("{:width$.width$}", lane.endpoint.as_str()));
            let price = plan.endpoint(&lane.endpoint).and_then(|endpoint| endpoint.price.clone());
            (lane.endpoint.clone(), LaneProgress { bar, price, figures: Mutex::new(figures) })
        };
        let lanes = plan.lanes.iter().map(lane).collect();
        let total = match style {
            Style::Live => bars.add(ProgressBar::no_length().with_style(line("{msg}"))),
            Style::Quiet | Style::Plain => ProgressBar::hidden(),
        };
        Self {
            style,
            bars,
            total,
            spend_limit: plan.spend_limit,
            begun,
            rounds: plan.round_count(),
            stage: Mutex::new(Stage::Round(1)),
            signed_out: AtomicBool::new(false),
            lanes,
        }
    }

    /// Draws until it is dropped.
    pub(crate) async fn draw(&self) -> Infallible {
        let every = match self.style {
            Style::Quiet => std::future::pending().await,
            Style::Plain => PLAIN_EVERY,
            Style::Live => LIVE_EVERY,
        };
        loop {
            tokio::time::sleep(every).await;
            let total = self.refresh(Instant::now());
            let is_waiting = matches!(*self.stage(), Stage::WaitFor(..));
            if self.style == Style::Plain && !is_waiting {
                note(&total);
            }
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A round begins: what lanes have done counts from here.
    pub(crate) fn begin_round(&self, plan: &Plan, round: u32) {
        *self.stage() = Stage::Round(round);
        let now = Instant::now();
        for lane in &plan.lanes {
            if let Some(progress) = self.lanes.get(&lane.endpoint) {
                progress.figures().next_round(lane, now);
            }
        }
        if self.style == Style::Plain && self.rounds > 1 {
            note(&format!("round {round} of {} begins", self.rounds));
        }
    }

    /// A round begins after `time`.
    pub(crate) fn wait(&self, round: u32, time: Duration) {
        let until = Instant::now() + time;
        let before = std::mem::replace(&mut *self.stage(), Stage::WaitFor(round, until));
        if self.style == Style::Plain && matches!(before, Stage::Round(_)) {
            note(&self.waiting(round, time));
        }
    }

    fn waiting(&self, round: u32, time: Duration) -> String {
        format!("round {round} of {} begins in {}", self.rounds, short(time))
    }

    /// Brings the lines up to date; returns the last one.
    fn refresh(&self, now: Instant) -> String {
        for lane in self.lanes.values() {
            let mut figures = lane.figures();
            lane.bar.set_position(figures.done());
            lane.bar.set_message(figures.words(now));
        }
        let total = self.total(now);
        self.total.set_message(total.clone());
        total
    }

    /// All lanes together: `round 2 of 24: 120 of 240 requests, 8.1/s, 2 errors, $0.0123 of $25, 41 s left`.
    fn total(&self, now: Instant) -> String {
        let (mut done, mut errors, mut rate) = (0, 0, 0.0);
        let mut planned = Some(0);
        let mut cost = NanoUsd::ZERO;
        let mut left: Option<Duration> = None;
        for lane in self.lanes.values() {
            let mut figures = lane.figures();
            done += figures.done();
            errors += figures.errors();
            rate += figures.rate(now);
            cost = cost.saturating_add(figures.spent());
            planned = planned.zip(figures.requests()).map(|(sum, requests)| sum + requests);
            left = left.max(figures.left(now));
        }
        let planned = planned.map_or_else(String::new, |planned| format!(" of {planned}"));
        let limit =
            self.spend_limit.map_or_else(String::new, |limit| format!(" of ${}", limit.as_usd()));
        let left = left.filter(|left| !left.is_zero());
        let left = left.map_or_else(String::new, |left| format!(", {} left", short(left)));
        let cost = cost.as_usd();
        let round = match *self.stage() {
            Stage::WaitFor(round, until) => {
                let next = self.waiting(round, until.saturating_duration_since(now));
                return format!("{next}; ${cost:.4}{limit} so far");
            }
            Stage::Round(_) if self.rounds == 1 => String::new(),
            Stage::Round(round) => format!("round {round} of {}: ", self.rounds),
        };
        let signed_out = self.signed_out.load(Ordering::Relaxed);
        let round = if signed_out { format!("{round}no credentials: ") } else { round };
        format!(
            "{round}{done}{planned} requests, {rate:.1}/s, {errors} errors, ${cost:.4}{limit}{left}"
        )
    }

    pub(crate) fn block_ended(&self, lane: &Lane, block: &BlockPlan, run: &BlockRun) {
        let Some(progress) = self.lanes.get(&lane.endpoint) else { return };
        let known = match run {
            BlockRun::Measured(_) => "",
            BlockRun::AlreadyMeasured(_) => " had been measured before",
            BlockRun::Stopping => " was not begun",
            BlockRun::NoFunds { .. } => " was not begun: the spend limit has no room for it",
        };
        let mut figures = progress.figures();
        match run {
            BlockRun::Measured(receipt) => figures.settle(block, receipt, false),
            BlockRun::AlreadyMeasured(receipt) => figures.settle(block, receipt, true),
            BlockRun::Stopping | BlockRun::NoFunds { .. } => {}
        }
        if self.style == Style::Plain {
            let (sent, errors) = (figures.sent(), figures.errors());
            note(&format!(
                "{} block {}{known}: lane has sent {sent} requests, {errors} errors",
                block.experiment, block.block
            ));
        }
    }

    /// What has become of a run that others measure.
    pub(crate) fn tell(&self, plan: &Plan, news: News) {
        match news {
            News::Round(round) => self.begin_round(plan, round),
            News::Recorded { record, was_before } => self.add(&record, was_before),
            News::Block(key, run) => {
                let of_endpoint = |lane: &&Lane| {
                    lane.blocks.iter().any(|block| block.experiment == key.experiment)
                };
                let lane = plan.lanes.iter().find(of_endpoint);
                let block = plan.block_in_round(&key.experiment, key.block, key.round);
                if let (Some(lane), Some(block)) = (lane, block) {
                    self.block_ended(lane, &block, &run);
                }
            }
            News::Next(_) => {}
        }
    }

    fn add(&self, record: &Record, was_before: bool) {
        if let Some(lane) = self.lanes.get(&record.endpoint) {
            lane.figures().record(record, lane.price.as_ref(), Instant::now(), was_before);
        }
    }

    /// A block was given up, and is measured anew.
    pub(crate) fn block_given_up(&self, lane: &Lane) {
        if let Some(progress) = self.lanes.get(&lane.endpoint) {
            progress.figures().give_up();
        }
    }

    /// The run waits for credentials, or has some again.
    pub(crate) fn wait_for_credentials(&self, waits: bool) {
        self.signed_out.store(waits, Ordering::Relaxed);
    }

    /// A remark that does not disturb the live lines.
    pub(crate) fn remark(&self, text: &str) {
        self.bars.suspend(|| note(text));
    }

    /// Leaves the live lines as they are.
    pub(crate) fn finish(&self) {
        let now = Instant::now();
        self.refresh(now);
        for lane in self.lanes.values() {
            lane.bar.abandon();
        }
        let took = short(now.duration_since(self.begun));
        self.total.abandon_with_message(format!("{} in {took}", self.total(now)));
    }
}

fn bar(requests: Option<u64>) -> ProgressBar {
    match requests {
        Some(requests) => {
            ProgressBar::new(requests).with_style(line("{prefix} {wide_bar} {pos:>5}/{len} {msg}"))
        }
        None => ProgressBar::no_length().with_style(line("{prefix} {spinner} {pos:>5} {msg}")),
    }
}

fn line(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for Progress {
    fn recorded(&self, record: &Record) {
        self.add(record, false);
    }
}
