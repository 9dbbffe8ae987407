//! Two axes in their frame.

use plotters::style::Color;

use super::PlotError;
use super::axis::Axis;
use super::canvas::{Canvas, DARK_GREEN, FAINT, GREEN, GREY, INK, Lean, Point, text_width};
use super::label::Area;

/// What an axis is of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// What is measured, with its unit.
    pub(super) name: String,
    pub(super) axis: Axis,
    /// The largest value allowed, with its text.
    pub(super) limit: Option<(f64, String)>,
}

impl Scale {
    /// The name, with what is unusual about the scale.
    fn title(&self) -> String {
        let logarithmic = if self.axis.is_logarithmic() { ", logarithmic" } else { "" };
        format!("{}{logarithmic}", self.name)
    }

    fn shown_limit(&self) -> Option<(f64, &str)> {
        let shown = self.limit.as_ref().filter(|(limit, _)| self.axis.shows(*limit));
        shown.map(|(limit, text)| (*limit, text.as_str()))
    }

    /// Said where the limit is too far off to be drawn.
    pub(super) fn far_limit(&self) -> Option<String> {
        let far = self.limit.as_ref().filter(|(limit, _)| !self.axis.shows(*limit));
        far.map(|(_, text)| format!("Beyond the axis: {text}."))
    }
}

/// The axes in their frame.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) frame: Area,
    pub(super) x: &'a Scale,
    pub(super) y: &'a Scale,
}

impl View<'_> {
    /// Left, top, right, bottom.
    fn edges(&self) -> (i32, i32, i32, i32) {
        let Area { from: (left, top), to: (right, bottom) } = self.frame;
        (left, top, right, bottom)
    }

    /// Where a pair of values is.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        (self.x_at(x), self.y_at(y))
    }

    pub(super) fn x_at(&self, value: f64) -> i32 {
        across(self.frame, &self.x.axis, value)
    }

    fn y_at(&self, value: f64) -> i32 {
        let (_, top, _, bottom) = self.edges();
        bottom - part(bottom - top, self.y.axis.share(value))
    }

    /// Where the lines of the limits are: no text should be there.
    pub(super) fn limit_lines(&self) -> Vec<Area> {
        let (left, top, right, bottom) = self.edges();
        let x = self.x.shown_limit().map(|(limit, _)| self.x_at(limit));
        let y = self.y.shown_limit().map(|(limit, _)| self.y_at(limit));
        let x = x.map(|x| Area { from: (x - 2, top), to: (x + 2, bottom) });
        x.into_iter().chain(y.map(|y| Area { from: (left, y - 2), to: (right, y + 2) })).collect()
    }

    /// What is within both limits.
    pub(super) fn draw_region(&self, canvas: &Canvas<'_>) -> Result<(), PlotError> {
        let (left, top, right, bottom) = self.edges();
        if self.x.limit.is_none() && self.y.limit.is_none() {
            return Ok(());
        }
        let x = self.x.limit.as_ref().map_or(right, |(limit, _)| self.x_at(*limit));
        let y = self.y.limit.as_ref().map_or(top, |(limit, _)| self.y_at(*limit));
        canvas.rectangle((left, y), (x, bottom), GREEN.mix(0.13).filled())
    }

    pub(super) fn draw_axes(&self, canvas: &Canvas<'_>) -> Result<(), PlotError> {
        let (left, top, right, bottom) = self.edges();
        draw_x_axis(canvas, self.frame, self.x)?;
        for (tick, text) in self.y.axis.ticks() {
            let y = self.y_at(tick);
            canvas.line((left, y), (right, y), FAINT.stroke_width(1))?;
            canvas.text(&text, (left - 7, y), 12, INK, Lean::Right)?;
        }
        canvas.rectangle((left, top), (right, bottom), GREY.stroke_width(1))?;
        let middle = (left - 56, i32::midpoint(top, bottom));
        canvas.text(&self.y.title(), middle, 12, INK, Lean::Upwards)
    }

    /// The limits, that of y named at the side where `lean` has its text.
    pub(super) fn draw_limits(&self, canvas: &Canvas<'_>, lean: Lean) -> Result<(), PlotError> {
        let (left, _, right, _) = self.edges();
        draw_x_limit(canvas, self.frame, self.x, 0)?;
        if let Some((limit, text)) = self.y.shown_limit() {
            let y = self.y_at(limit);
            canvas.line((left, y), (right, y), GREEN.stroke_width(2))?;
            let x = if lean == Lean::Right { right - 5 } else { left + 5 };
            canvas.text(text, (x, y - 9), 11, DARK_GREEN, lean)?;
        }
        Ok(())
    }
}

/// The x axis below a frame, with its grid.
pub(super) fn draw_x_axis(
    canvas: &Canvas<'_>,
    frame: Area,
    scale: &Scale,
) -> Result<(), PlotError> {
    let Area { from: (left, top), to: (right, bottom) } = frame;
    let mut free_from = i32::MIN;
    for (tick, text) in scale.axis.ticks() {
        let x = across(frame, &scale.axis, tick);
        canvas.line((x, top), (x, bottom), FAINT.stroke_width(1))?;
        let half = text_width(&text, 12) / 2;
        if x - half > free_from {
            canvas.text(&text, (x, bottom + 7), 12, INK, Lean::Top)?;
            free_from = x + half + 6;
        }
    }
    canvas.text(&scale.title(), (i32::midpoint(left, right), bottom + 25), 12, INK, Lean::Top)
}

/// The limit of the x axis; the line begins `above` the frame, and so its name.
pub(super) fn draw_x_limit(
    canvas: &Canvas<'_>,
    frame: Area,
    scale: &Scale,
    above: i32,
) -> Result<(), PlotError> {
    let Area { from: (_, top), to: (right, bottom) } = frame;
    let Some((limit, text)) = scale.shown_limit() else { return Ok(()) };
    let x = across(frame, &scale.axis, limit);
    canvas.line((x, top - above), (x, bottom), GREEN.stroke_width(2))?;
    let fits = x + text_width(text, 11) + 12 < right;
    let (at, lean) = if fits { (x + 5, Lean::TopLeft) } else { (x - 5, Lean::TopRight) };
    let y = if above > 0 { top - above - 3 } else { top + 4 };
    canvas.text(text, (at, y), 11, DARK_GREEN, lean)
}

/// Where a value is on the x axis of a frame.
pub(super) fn across(frame: Area, axis: &Axis, value: f64) -> i32 {
    let Area { from: (left, _), to: (right, _) } = frame;
    left + part(right - left, axis.share(value))
}

fn part(length: i32, share: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a share of 0 to 1 of a few pixels")]
    let pixels = (f64::from(length) * share).round() as i32;
    pixels
}
