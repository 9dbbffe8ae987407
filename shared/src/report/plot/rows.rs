//! A panel with a row for each experiment.

use plotters::style::Color;

use super::PlotError;
use super::canvas::{Canvas, GREY, INK, Lean, Point, Symbol, clipped, text_width};
use super::label::Area;
use super::sheet::{NOTE_ROW, draw_notes, pixels};
use super::view::{Scale, across, draw_x_axis, draw_x_limit};

const HEAD: i32 = 30;
const FOOT: i32 = 54;
const ROW: i32 = 20;
/// Above each endpoint's first row.
const GAP: i32 = 7;
/// The widest name of an endpoint.
const NAME: i32 = 240;
/// For the load after the name, at least.
const LEVEL: i32 = 42;
const SIZE: i32 = 12;
const TEXT_SIZE: i32 = 11;

/// A panel with a row for each experiment, the rows of an endpoint together.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) title: String,
    pub(super) x: Scale,
    pub(super) experiments: Vec<Row>,
    pub(super) notes: Vec<String>,
}

/// One experiment.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) endpoint: String,
    /// Its load.
    pub(super) level: String,
    pub(super) symbol: Symbol,
    /// The choice for its dataset: in stronger ink.
    pub(super) chosen: bool,
    pub(super) content: Content,
    /// Written to the right of the frame.
    pub(super) text: String,
}

/// What a row shows.
#[derive(Debug)]
pub(super) enum Content {
    /// A length from 0.
    Bar(f64),
    /// A mark, and the ends of its interval.
    Dot(f64, Option<(f64, f64)>),
    /// A mark, framed where it is the choice.
    Framed(f64),
    /// Shares in ranges, with the median and the 95th percentile.
    Heap(Vec<Share>, [f64; 2]),
    /// Why there is nothing.
    Nothing(&'static str),
}

/// How much of a heap is in a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) count: f64,
}

impl Rows {
    fn begins_endpoint(&self, place: usize) -> bool {
        let above = place.checked_sub(1).and_then(|above| self.experiments.get(above));
        above.map(|row| &row.endpoint) != self.experiments.get(place).map(|row| &row.endpoint)
    }

    fn frame_height(&self) -> i32 {
        let groups =
            (0..self.experiments.len()).filter(|&place| self.begins_endpoint(place)).count();
        pixels(self.experiments.len()) * ROW + pixels(groups) * GAP + GAP
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
        let names = self.experiments.iter().map(|row| text_width(&row.endpoint, SIZE).min(NAME));
        let names = left + 18 + names.max().unwrap_or(0);
        let texts = self.experiments.iter().map(|row| text_width(&row.text, TEXT_SIZE));
        let levels = self.experiments.iter().map(|row| text_width(&row.level, SIZE) + 20);
        let level = levels.max().unwrap_or(0).max(LEVEL);
        let frame = Area {
            from: (names + level, top + HEAD),
            to: (left + width - texts.max().unwrap_or(0) - 10, top + HEAD + self.frame_height()),
        };
        canvas.text(&clipped(&self.title, 14, width), (left, top + 7), 14, INK, Lean::TopLeft)?;
        draw_x_axis(canvas, frame, &self.x)?;
        draw_x_limit(canvas, frame, &self.x, HEAD / 2)?;
        let mut y = frame.from.1 + ROW / 2;
        for (place, row) in self.experiments.iter().enumerate() {
            if self.begins_endpoint(place) {
                y += GAP;
                let symbol = Symbol { radius: 5, filled: true, ..row.symbol };
                canvas.mark((left + 6, y), symbol)?;
                let name = clipped(&row.endpoint, SIZE, NAME);
                canvas.text(&name, (left + 17, y), SIZE, INK, Lean::Left)?;
            }
            canvas.text(&row.level, (names + level - 10, y), SIZE, GREY, Lean::Right)?;
            self.draw_row(canvas, frame, row, y)?;
            let ink = if row.chosen { INK } else { GREY };
            canvas.text(&row.text, (frame.to.0 + 8, y), TEXT_SIZE, ink, Lean::Left)?;
            y += ROW;
        }
        let ((left_edge, top_edge), (right_edge, bottom)) = (frame.from, frame.to);
        let line = GREY.stroke_width(1);
        canvas.line((left_edge, top_edge), (left_edge, bottom), line)?;
        canvas.line((left_edge, bottom), (right_edge, bottom), line)?;
        draw_notes(canvas, &self.notes, (left, frame.to.1 + FOOT - 10))
    }

    fn draw_row(
        &self,
        canvas: &Canvas<'_>,
        frame: Area,
        row: &Row,
        y: i32,
    ) -> Result<(), PlotError> {
        let x = |value: f64| across(frame, &self.x.axis, value);
        let colour = row.symbol.colour;
        match &row.content {
            Content::Bar(value) => {
                let (from, to) = ((frame.from.0, y - 7), (x(*value).max(frame.from.0 + 1), y + 7));
                canvas.rectangle(from, to, colour.mix(0.8).filled())?;
                if row.chosen { canvas.rectangle(from, to, INK.stroke_width(2)) } else { Ok(()) }
            }
            Content::Dot(value, interval) => {
                if let Some((low, high)) = *interval {
                    let line = colour.stroke_width(2);
                    canvas.line((x(low), y), (x(high), y), line)?;
                    for end in [x(low), x(high)] {
                        canvas.line((end, y - 4), (end, y + 4), line)?;
                    }
                }
                canvas.mark((x(*value), y), row.symbol)
            }
            Content::Framed(value) => {
                canvas.mark((x(*value), y), row.symbol)?;
                let (from, to) = ((x(*value) - 9, y - 9), (x(*value) + 9, y + 9));
                if row.chosen { canvas.rectangle(from, to, INK.stroke_width(2)) } else { Ok(()) }
            }
            Content::Heap(shares, [median, p95]) => {
                let heap = heap(shares, x, frame, y + ROW / 2 - 1);
                canvas.polygon(heap, colour.mix(0.5).filled())?;
                canvas.mark((x(*median), y + 3), Symbol { radius: 4, ..row.symbol })?;
                let p95 = x(*p95);
                canvas.line((p95, y - 5), (p95, y + ROW / 2 - 1), INK.stroke_width(2))
            }
            Content::Nothing(why) => {
                canvas.text(why, (frame.from.0 + 6, y), TEXT_SIZE, GREY, Lean::Left)
            }
        }
    }
}

/// Pixels of one step of a heap's outline.
const STEP: i32 = 6;

/// The outline of a heap that stands on `base`: in steps, the highest as high as the row.
fn heap(shares: &[Share], x: impl Fn(f64) -> i32, frame: Area, base: i32) -> Vec<Point> {
    let (left, right) = (frame.from.0, frame.to.0);
    let steps = usize::try_from((right - left) / STEP).unwrap_or(0) + 1;
    let mut heights = vec![0.0; steps];
    let step_of = |at: i32| usize::try_from((at - left) / STEP).unwrap_or(0).min(steps - 1);
    for share in shares {
        // At least a pixel wide, and each step has as much of it as it has of its pixels: what
        // ends and what begins within a step fill it together.
        let from = x(share.from);
        let to = x(share.to).max(from + 1);
        let each = share.count / f64::from(to - from);
        for at in from..to {
            heights[step_of(at)] += each;
        }
    }
    let highest = heights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut outline = Vec::new();
    for (step, height) in heights.into_iter().enumerate().filter(|(_, height)| *height > 0.0) {
        let from = left + pixels(step) * STEP;
        #[expect(clippy::cast_possible_truncation, reason = "at most the height of a row")]
        let y = base - ((height / highest * f64::from(ROW - 3)).round() as i32).max(1);
        match outline.last() {
            None => outline.push((from, base)),
            Some(&(end, _)) if end < from => outline.extend([(end, base), (from, base)]),
            Some(_) => {}
        }
        outline.extend([(from, y), ((from + STEP).min(right), y)]);
    }
    outline.extend(outline.last().map(|&(end, _)| (end, base)));
    outline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bins_that_meet_within_a_step_are_two_bars() {
        let share = |from: f64, to: f64, count: f64| Share { from, to, count };
        let frame = Area { from: (0, 0), to: (600, 20) };
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        let outline = |shares: &[Share]| heap(shares, |value| value as i32, frame, 20);
        // They meet in the middle of the step from 126 to 132.
        let both = outline(&[share(102.0, 129.0, 102.0), share(129.0, 156.0, 276.0)]);
        let height = |at: i32| both.iter().find(|(x, y)| *x == at && *y < 20).map(|(_, y)| 20 - y);
        assert_eq!([108, 120, 138, 150].map(height), [6, 6, 17, 17].map(Some));
        // The step where they meet ends at 132: it is between them.
        let met = both.iter().filter(|(x, _)| *x == 132).map(|(_, y)| 20 - y);
        assert_eq!(met.collect::<Vec<_>>(), [12, 17]);
        // A bin without width stands on its step.
        let thin = outline(&[share(300.0, 300.0, 1.0)]);
        assert_eq!(thin, [(300, 20), (300, 3), (306, 3), (306, 20)]);
    }
}
