//! A panel of marks between two axes.

use plotters::style::Color;

use super::PlotError;
use super::canvas::{
    Canvas, FAINT, GREY, INK, Lean, Point, RADIUS, RING, Shape, Symbol, clipped, text_width,
};
use super::label::{Area, Labelled, place};
use super::sheet::{NOTE_ROW, draw_notes, pixels};
use super::view::{Scale, View};
use crate::stats::Interval;

const HEAD: i32 = 30;
const FOOT: i32 = 56;
const LEFT: i32 = 72;
const EMPTY: i32 = 120;
const LABEL_SIZE: i32 = 12;
/// How far an arrow reaches beyond its mark.
const ARROW: i32 = 14;
/// The widest name beside the frame.
const NAME: i32 = 230;
/// Between the frame and a name beside it: room for the thread to the name.
const GUTTER: i32 = 34;
/// The most room that a name beside the frame takes up.
const NAME_ROW: i32 = 16;

/// A panel of marks between two axes.
#[derive(Debug)]
pub(super) struct Scatter {
    pub(super) title: String,
    pub(super) x: Scale,
    pub(super) y: Scale,
    /// What is within both limits is shaded.
    pub(super) shaded: bool,
    pub(super) series: Vec<Series>,
    /// The height of the frame.
    pub(super) frame: i32,
    /// What has no mark, and what else must be said.
    pub(super) notes: Vec<String>,
}

/// Marks of the same kind.
#[derive(Debug)]
pub(super) struct Series {
    /// How its marks look; each can differ in size and filling.
    pub(super) symbol: Symbol,
    pub(super) marks: Vec<Mark>,
    /// A thread runs through the marks.
    pub(super) threaded: bool,
    /// Written to the right of the frame, with a thread to the last mark.
    pub(super) name: Option<String>,
}

/// One mark.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) at: (f64, f64),
    pub(super) radius: i32,
    pub(super) filled: bool,
    pub(super) ringed: bool,
    /// Written beside it.
    pub(super) label: String,
    /// The ends of a bar through it, along y; an unknown one is an arrow.
    pub(super) interval: Option<Interval>,
}

impl Mark {
    /// A filled mark of the usual size.
    pub(super) fn new(at: (f64, f64)) -> Self {
        let label = String::new();
        Self { at, radius: RADIUS, filled: true, ringed: false, label, interval: None }
    }
}

impl Series {
    fn symbol(&self, mark: &Mark) -> Symbol {
        Symbol { radius: mark.radius, filled: mark.filled, ..self.symbol }
    }
}

impl Scatter {
    fn marks(&self) -> impl Iterator<Item = (&Series, &Mark)> {
        self.series.iter().flat_map(|series| series.marks.iter().map(move |mark| (series, mark)))
    }

    /// An empty frame is low: it has but a few words to hold.
    fn frame_height(&self) -> i32 {
        if self.marks().next().is_none() { self.frame.min(EMPTY) } else { self.frame }
    }

    pub(super) fn height(&self) -> i32 {
        HEAD + self.frame_height() + FOOT + pixels(self.notes.len()) * NOTE_ROW
    }

    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        (left, top): Point,
        width: i32,
    ) -> Result<(), PlotError> {
        let names = self.series.iter().filter_map(|series| series.name.as_ref());
        let names = names.map(|name| text_width(name, LABEL_SIZE).min(NAME) + GUTTER);
        let gutter = names.max().unwrap_or(0);
        let frame = Area {
            from: (left + LEFT, top + HEAD),
            to: (left + width - 8 - gutter, top + HEAD + self.frame_height()),
        };
        canvas.text(&clipped(&self.title, 14, width), (left, top + 7), 14, INK, Lean::TopLeft)?;
        let view = View { frame, x: &self.x, y: &self.y };
        if self.marks().next().is_none() {
            let middle =
                (i32::midpoint(frame.from.0, frame.to.0), i32::midpoint(frame.from.1, frame.to.1));
            canvas.rectangle(frame.from, frame.to, FAINT.stroke_width(1))?;
            canvas.text("no data", middle, 18, GREY, Lean::Centre)?;
        } else {
            if self.shaded {
                view.draw_region(canvas)?;
            }
            view.draw_axes(canvas)?;
            // The best marks are at the bottom left of what is shaded.
            view.draw_limits(canvas, if self.shaded { Lean::Right } else { Lean::Left })?;
            self.draw_marks(canvas, &view)?;
            self.draw_labels(canvas, &view)?;
            self.draw_names(canvas, &view)?;
        }
        draw_notes(canvas, &self.notes, (frame.from.0, frame.to.1 + FOOT - 10))
    }

    fn draw_marks(&self, canvas: &Canvas<'_>, view: &View<'_>) -> Result<(), PlotError> {
        for series in self.series.iter().filter(|series| series.threaded) {
            let thread = series.marks.iter().map(|mark| view.at(mark.at.0, mark.at.1)).collect();
            canvas.path(thread, series.symbol.colour.mix(0.55).stroke_width(2))?;
        }
        for (series, mark) in self.marks() {
            let Some(interval) = mark.interval else { continue };
            let line = series.symbol.colour.stroke_width(2);
            let (x, y) = view.at(mark.at.0, mark.at.1);
            // To where the end is, or as long as an arrow and with its head's corners so far back.
            let end = |value: Option<f64>, up: i32| {
                let tip = y - up * (mark.radius + ARROW);
                let arrow = (tip.clamp(view.frame.from.1, view.frame.to.1), up * 5);
                value.map_or(arrow, |value| (view.at(mark.at.0, value).1, 0))
            };
            let ends = [end(interval.low, -1), end(interval.high, 1)];
            canvas.path(ends.iter().map(|(y, _)| (x, *y)).collect(), line)?;
            for (y, back) in ends {
                canvas.path(vec![(x - 4, y + back), (x, y), (x + 4, y + back)], line)?;
            }
        }
        // Large ones first, so that they do not hide small ones.
        let mut marks: Vec<_> = self.marks().collect();
        marks.sort_by_key(|(_, mark)| std::cmp::Reverse(mark.radius));
        for (series, mark) in marks {
            let at = view.at(mark.at.0, mark.at.1);
            canvas.mark(at, series.symbol(mark))?;
            if mark.ringed {
                canvas.ring(at, mark.radius)?;
            }
        }
        Ok(())
    }

    fn draw_labels(&self, canvas: &Canvas<'_>, view: &View<'_>) -> Result<(), PlotError> {
        let mut marks: Vec<_> = self.marks().map(|(_, mark)| mark).collect();
        // The longest first: they are the hardest to place.
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.label.chars().count()));
        let labelled = marks.iter().map(|mark| Labelled {
            at: view.at(mark.at.0, mark.at.1),
            radius: mark.radius + if mark.ringed { RING } else { 0 },
            // With a gap, so that 1 and 2 beside each other are not 12.
            width: if mark.label.is_empty() { 0 } else { text_width(&mark.label, LABEL_SIZE) + 6 },
        });
        let labelled: Vec<_> = labelled.collect();
        let places = place(&labelled, LABEL_SIZE + 2, view.frame, view.limit_lines());
        for (mark, label) in marks.iter().zip(places) {
            if mark.label.is_empty() {
                continue;
            }
            if let Some(from) = label.thread {
                canvas.line(from, view.at(mark.at.0, mark.at.1), GREY.mix(0.6).stroke_width(1))?;
            }
            canvas.text(&mark.label, label.centre, LABEL_SIZE, INK, Lean::Centre)?;
        }
        Ok(())
    }

    /// The names beside the frame, pushed apart until none is upon another.
    fn draw_names(&self, canvas: &Canvas<'_>, view: &View<'_>) -> Result<(), PlotError> {
        let named = self.series.iter().filter_map(|series| {
            let last = series.marks.last()?;
            Some((view.at(last.at.0, last.at.1), last.radius, series, series.name.as_ref()?))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|((_, y), ..)| *y);
        let (top, bottom) = (view.frame.from.1, view.frame.to.1);
        let row = NAME_ROW.min((bottom - top) / pixels(named.len()).max(1));
        let mut ys: Vec<i32> = Vec::new();
        for ((_, y), ..) in &named {
            ys.push(ys.last().map_or(*y, |above| (above + row).max(*y)));
        }
        let mut lowest = bottom;
        for y in ys.iter_mut().rev() {
            *y = lowest.min(*y);
            lowest = *y - row;
        }
        let right = view.frame.to.0;
        for (((x, from), radius, series, name), y) in named.into_iter().zip(ys) {
            let thread = vec![(x + radius + 2, from), (right, from), (right + GUTTER - 16, y)];
            canvas.path(thread, series.symbol.colour.mix(0.45).stroke_width(1))?;
            let symbol = Symbol { radius: 4, ..series.symbol };
            canvas.mark((right + GUTTER - 12, y), symbol)?;
            let name = clipped(name, LABEL_SIZE, NAME);
            canvas.text(&name, (right + GUTTER - 3, y), LABEL_SIZE, INK, Lean::Left)?;
        }
        Ok(())
    }
}

/// The shape and colour of the n-th of several kinds.
pub(super) fn symbol(place: usize) -> Symbol {
    Symbol {
        shape: Shape::ALL[place % Shape::ALL.len()],
        colour: super::COLOURS[place % super::COLOURS.len()],
        radius: RADIUS,
        filled: true,
    }
}
