//! The panel of one dataset.

use plotters::style::Color;

use super::axis::Axis;
use super::canvas::{Canvas, FAINT, GREEN, GREY, INK, Lean, Point, RADIUS, RING, text_width};
use super::label::{Area, Labelled, place};
use super::{MARGIN, PlotError, WIDTH, axis_name, pixels, statistic, style};
use crate::decision::Criterion;
use crate::plan::LatencyMetric;
use crate::report::Report;
use crate::summary::{ExperimentSummary, milliseconds};
use crate::units::{Name, NanoUsd};
use crate::words::{self, exact_latency};

const HEAD: i32 = 34;
const PLOT: i32 = 360;
const FOOT: i32 = 58;
const NOTE_ROW: i32 = 17;
const LEFT: i32 = MARGIN + 70;
const LABEL_SIZE: i32 = 12;

/// One experiment with a price and a latency.
#[derive(Debug)]
struct Mark {
    endpoint: usize,
    seconds: f64,
    cost_usd: f64,
    label: String,
    qualifies: bool,
    chosen: bool,
}

/// What one dataset's panel shows.
#[derive(Debug)]
pub(super) struct Panel {
    title: String,
    x_name: String,
    marks: Vec<Mark>,
    /// The largest latency and price allowed.
    limit_s: Option<f64>,
    limit_usd: Option<f64>,
    /// The experiments that have no mark, in lines.
    notes: Vec<String>,
}

impl Panel {
    pub(super) fn new(report: &Report<'_>, dataset: &Name) -> Self {
        let statistic = statistic(report);
        let criteria = &report.plan.criteria;
        let limits = criteria
            .latency
            .iter()
            .filter(|c| c.metric == LatencyMetric::E2e && c.statistic == statistic)
            .map(|criterion| milliseconds(criterion.limit) / 1000.0);
        let mut marks = Vec::new();
        let mut absent: Vec<(&Name, Vec<String>)> = Vec::new();
        for experiment in report.summary.experiments.iter().filter(|e| e.dataset == *dataset) {
            let level = experiment.concurrency.to_string();
            match (mark(report, experiment), absent.last_mut()) {
                (Some(mark), _) => marks.push(mark),
                (None, Some((endpoint, levels))) if **endpoint == experiment.endpoint => {
                    levels.push(level);
                }
                (None, _) => absent.push((&experiment.endpoint, vec![level])),
            }
        }
        let absent: Vec<_> = absent
            .iter()
            .map(|(endpoint, levels)| format!("{endpoint} at {}", words::list(levels)))
            .collect();
        Self {
            title: dataset.to_string(),
            x_name: axis_name(statistic),
            marks,
            limit_s: limits.reduce(f64::min),
            limit_usd: criteria.cost_per_10k_transactions.map(NanoUsd::as_usd),
            notes: wrap("No data: ", &absent),
        }
    }

    pub(super) fn height(&self) -> i32 {
        HEAD + PLOT + FOOT + pixels(self.notes.len()) * NOTE_ROW
    }

    pub(super) fn draw(&self, canvas: &Canvas<'_>, top: i32) -> Result<(), PlotError> {
        let frame = Area { from: (LEFT, top + HEAD), to: (WIDTH - MARGIN, top + HEAD + PLOT) };
        canvas.text(&self.title, (LEFT, top + 8), 15, INK, Lean::TopLeft)?;
        let seconds: Vec<_> = self.marks.iter().map(|mark| mark.seconds).collect();
        let costs: Vec<_> = self.marks.iter().map(|mark| mark.cost_usd).collect();
        let view = View {
            frame,
            x: Axis::new(&seconds, self.limit_s),
            y: Axis::new(&costs, self.limit_usd),
        };
        if self.marks.is_empty() {
            let middle = (i32::midpoint(frame.from.0, frame.to.0), top + HEAD + PLOT / 2);
            canvas.rectangle(frame.from, frame.to, FAINT.stroke_width(1))?;
            canvas.text("no data", middle, 18, GREY, Lean::Centre)?;
        } else {
            self.draw_region(canvas, &view)?;
            self.draw_axes(canvas, &view)?;
            self.draw_limits(canvas, &view)?;
            self.draw_marks(canvas, &view)?;
        }
        for (row, note) in self.notes.iter().enumerate() {
            let y = frame.to.1 + FOOT - 8 + pixels(row) * NOTE_ROW;
            canvas.text(note, (LEFT, y), 12, GREY, Lean::TopLeft)?;
        }
        Ok(())
    }

    fn draw_region(&self, canvas: &Canvas<'_>, view: &View) -> Result<(), PlotError> {
        if self.limit_s.is_none() && self.limit_usd.is_none() {
            return Ok(());
        }
        let (left, top, right, bottom) = view.edges();
        let x = self.limit_s.map_or(right, |limit| view.x(limit));
        let y = self.limit_usd.map_or(top, |limit| view.y(limit));
        canvas.rectangle((left, y), (x, bottom), GREEN.mix(0.13).filled())
    }

    fn draw_limits(&self, canvas: &Canvas<'_>, view: &View) -> Result<(), PlotError> {
        let (left, top, right, bottom) = view.edges();
        let line = GREEN.stroke_width(1);
        if let Some(limit) = self.limit_s.filter(|&limit| view.x.shows(limit)) {
            let x = view.x(limit);
            canvas.line((x, top), (x, bottom), line)?;
            let text = format!("limit {}", exact_latency(limit * 1000.0));
            let fits = x + text_width(&text, 11) + 12 < right;
            let (at, lean) = if fits { (x + 5, Lean::TopLeft) } else { (x - 5, Lean::TopRight) };
            canvas.text(&text, (at, top + 4), 11, GREEN, lean)?;
        }
        if let Some(limit) = self.limit_usd.filter(|&limit| view.y.shows(limit)) {
            let y = view.y(limit);
            canvas.line((left, y), (right, y), line)?;
            let text = format!("limit {}", Criterion::CostPer10kTransactions.limit_words(limit));
            canvas.text(&text, (right - 5, y - 9), 11, GREEN, Lean::Right)?;
        }
        Ok(())
    }

    fn draw_axes(&self, canvas: &Canvas<'_>, view: &View) -> Result<(), PlotError> {
        let (left, top, right, bottom) = view.edges();
        let grid = FAINT.stroke_width(1);
        for (tick, text) in view.x.ticks() {
            let x = view.x(tick);
            canvas.line((x, top), (x, bottom), grid)?;
            canvas.text(&text, (x, bottom + 7), 12, INK, Lean::Top)?;
        }
        for (tick, text) in view.y.ticks() {
            let y = view.y(tick);
            canvas.line((left, y), (right, y), grid)?;
            canvas.text(&text, (left - 8, y), 12, INK, Lean::Right)?;
        }
        canvas.rectangle((left, top), (right, bottom), GREY.stroke_width(1))?;
        let scale = |axis: Axis| if axis.is_logarithmic() { ", logarithmic" } else { "" };
        let x_name = format!("{}{}", self.x_name, scale(view.x));
        canvas.text(&x_name, (i32::midpoint(left, right), bottom + 26), 13, INK, Lean::Top)?;
        let y_name = format!("USD per 10,000 transactions{}", scale(view.y));
        let middle = (MARGIN + 6, i32::midpoint(top, bottom));
        canvas.text(&y_name, middle, 13, INK, Lean::Upwards)
    }

    fn draw_marks(&self, canvas: &Canvas<'_>, view: &View) -> Result<(), PlotError> {
        let points: Vec<Point> =
            self.marks.iter().map(|mark| (view.x(mark.seconds), view.y(mark.cost_usd))).collect();
        // A thread through each endpoint's concurrencies, below all marks.
        let marked = || self.marks.iter().zip(&points);
        for ((one, from), (two, to)) in marked().zip(marked().skip(1)) {
            if one.endpoint == two.endpoint {
                let (colour, _) = style(one.endpoint);
                canvas.line(*from, *to, colour.mix(0.55).stroke_width(1))?;
            }
        }
        for (mark, &at) in marked() {
            let (colour, shape) = style(mark.endpoint);
            canvas.mark(at, shape, colour, mark.qualifies)?;
        }
        for (_, &at) in marked().filter(|(mark, _)| mark.chosen) {
            canvas.ring(at)?;
        }
        let labelled = marked().map(|(mark, &at)| Labelled {
            at,
            radius: if mark.chosen { RING } else { RADIUS },
            // With a gap, so that 1 and 2 beside each other are not 12.
            width: text_width(&mark.label, LABEL_SIZE) + 6,
        });
        let centres = place(&labelled.collect::<Vec<_>>(), LABEL_SIZE, view.frame);
        for (mark, centre) in self.marks.iter().zip(centres) {
            canvas.text(&mark.label, centre, LABEL_SIZE, INK, Lean::Centre)?;
        }
        Ok(())
    }
}

/// The axes in their frame.
#[derive(Debug)]
struct View {
    frame: Area,
    x: Axis,
    y: Axis,
}

impl View {
    /// Left, top, right, bottom.
    fn edges(&self) -> (i32, i32, i32, i32) {
        let Area { from: (left, top), to: (right, bottom) } = self.frame;
        (left, top, right, bottom)
    }

    fn x(&self, seconds: f64) -> i32 {
        let (left, _, right, _) = self.edges();
        left + part(right - left, self.x.share(seconds))
    }

    fn y(&self, cost_usd: f64) -> i32 {
        let (_, top, _, bottom) = self.edges();
        bottom - part(bottom - top, self.y.share(cost_usd))
    }
}

fn part(length: i32, share: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a share of 0 to 1 of a few pixels")]
    let pixels = (f64::from(length) * share).round() as i32;
    pixels
}

fn mark(report: &Report<'_>, experiment: &ExperimentSummary) -> Option<Mark> {
    let id = &experiment.experiment;
    let ms = experiment.e2e.as_ref()?.statistic_ms(statistic(report));
    let judged = report.decision.judgement(id);
    Some(Mark {
        endpoint: report.plan.endpoints.iter().position(|e| e.name == experiment.endpoint)?,
        seconds: ms / 1000.0,
        cost_usd: experiment.cost?.per_10k_transactions_nano_usd.as_usd(),
        label: experiment.concurrency.to_string(),
        qualifies: judged.is_some_and(|judged| judged.qualifies),
        chosen: report.decision.is_chosen(id),
    })
}

/// The items after a heading, in lines that fit the panel; nothing for no items.
fn wrap(heading: &str, items: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let item = if place + 1 < items.len() { format!("{item}, ") } else { item.clone() };
        match lines.last_mut() {
            None => lines.push(format!("{heading}{item}")),
            Some(line) if text_width(&(line.clone() + &item), 12) < WIDTH - LEFT - MARGIN => {
                *line += &item;
            }
            Some(_) => lines.push(item),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}
