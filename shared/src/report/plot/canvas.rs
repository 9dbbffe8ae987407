//! Texts, lines and marks in pixels, on plotters' SVG.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, Rectangle, SVGBackend,
    Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBAColor, RGBColor, ShapeStyle};

use super::PlotError;

pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
pub(super) const GREY: RGBColor = RGBColor(95, 95, 95);
pub(super) const FAINT: RGBColor = RGBColor(225, 225, 225);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
/// Of texts about limits: darker than the lines, to be read when small.
pub(super) const DARK_GREEN: RGBColor = RGBColor(0, 105, 76);
pub(super) const RED: RGBColor = RGBColor(190, 30, 20);
const WHITE: RGBColor = RGBColor(255, 255, 255);

/// Ours in the PNG; elsewhere whatever of these there is.
const FONT: &str = "DejaVu Sans, Verdana, Arial, sans-serif";
/// plotters writes font sizes divided by this.
const PLOTTERS_FONT_SCALE: f64 = 1.24;
/// Half the width of a mark, unless its size says something.
pub(super) const RADIUS: i32 = 6;
/// How much wider the ring around a mark is.
pub(super) const RING: i32 = 5;
/// Marks up to this radius are drawn without an outline.
const DOT: i32 = 3;

/// A point in pixels, from the top left.
pub(super) type Point = (i32, i32);

/// Which part of a text its point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    TopLeft,
    TopRight,
    Left,
    Right,
    Centre,
    Top,
    /// Centred and turned to read upwards.
    Upwards,
}

/// The shapes of marks; each can be hollow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    Wedge,
}

impl Shape {
    pub(super) const ALL: [Self; 5] =
        [Self::Disc, Self::Square, Self::Triangle, Self::Diamond, Self::Wedge];

    /// The corners around a centre; none for what is round.
    fn corners(self, (x, y): Point, r: i32) -> Vec<Point> {
        match self {
            Self::Disc => vec![],
            Self::Square => {
                let r = if r > DOT { r - 1 } else { r };
                vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
            }
            Self::Triangle => vec![(x, y - r - 1), (x + r, y + r - 2), (x - r, y + r - 2)],
            Self::Diamond => vec![(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)],
            Self::Wedge => vec![(x, y + r + 1), (x + r, y - r + 2), (x - r, y - r + 2)],
        }
    }
}

/// How a mark looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) shape: Shape,
    pub(super) colour: RGBColor,
    /// Half its width.
    pub(super) radius: i32,
    pub(super) filled: bool,
}

/// About how wide a text is in our font: its characters are 0.6 of their size on average.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX).saturating_mul(size * 62) / 100
}

/// A text that is no wider than `width`: its end gives way to an ellipsis.
pub(super) fn clipped(text: &str, size: i32, width: i32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && text_width(&short, size) + size > width {
        short.pop();
    }
    short + "…"
}

/// What is drawn on.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    /// A white page.
    pub(super) fn new(text: &'a mut String, width: i32, height: i32) -> Result<Self, PlotError> {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let canvas = Self { area: SVGBackend::with_string(text, size).into_drawing_area() };
        canvas.rectangle((0, 0), (width, height), WHITE.filled())?;
        Ok(canvas)
    }

    /// Writes the end of the SVG.
    pub(super) fn finish(self) -> Result<(), PlotError> {
        self.area.present().map_err(|error| PlotError::Draw(error.to_string()))
    }

    pub(super) fn text(
        &self,
        text: &str,
        at: Point,
        size: i32,
        colour: RGBColor,
        lean: Lean,
    ) -> Result<(), PlotError> {
        let (horizontal, vertical) = match lean {
            Lean::TopLeft => (HPos::Left, VPos::Top),
            Lean::TopRight => (HPos::Right, VPos::Top),
            Lean::Left => (HPos::Left, VPos::Center),
            Lean::Right => (HPos::Right, VPos::Center),
            Lean::Centre | Lean::Upwards => (HPos::Center, VPos::Center),
            Lean::Top => (HPos::Center, VPos::Top),
        };
        let mut font = (FONT, f64::from(size) * PLOTTERS_FONT_SCALE).into_font();
        if lean == Lean::Upwards {
            font = font.transform(FontTransform::Rotate270);
        }
        let style = font.color(&colour).pos(Pos::new(horizontal, vertical));
        self.draw(&Text::new(text.to_owned(), at, style))
    }

    pub(super) fn line(&self, from: Point, to: Point, style: ShapeStyle) -> Result<(), PlotError> {
        self.draw(&PathElement::new(vec![from, to], style))
    }

    pub(super) fn rectangle(
        &self,
        from: Point,
        to: Point,
        style: impl Into<ShapeStyle>,
    ) -> Result<(), PlotError> {
        self.draw(&Rectangle::new([from, to], style))
    }

    /// A line through points; nothing for fewer than two.
    pub(super) fn path(&self, points: Vec<Point>, style: ShapeStyle) -> Result<(), PlotError> {
        if points.len() < 2 { Ok(()) } else { self.draw(&PathElement::new(points, style)) }
    }

    /// An area between corners.
    pub(super) fn polygon(&self, corners: Vec<Point>, style: ShapeStyle) -> Result<(), PlotError> {
        self.draw(&Polygon::new(corners, style))
    }

    /// A mark, filled or hollow.
    pub(super) fn mark(&self, at: Point, symbol: Symbol) -> Result<(), PlotError> {
        let Symbol { shape, colour, radius, filled } = symbol;
        let is_dot = radius <= DOT;
        let inside: RGBAColor = match (is_dot, filled) {
            (true, _) => colour.mix(0.6),
            (false, true) => colour.mix(0.85),
            (false, false) => WHITE.mix(0.85),
        };
        let corners = shape.corners(at, radius);
        if corners.is_empty() {
            self.draw(&Circle::new(at, radius, inside.filled()))?;
        } else {
            self.polygon(corners.clone(), inside.filled())?;
        }
        if is_dot {
            return Ok(());
        }
        let line = colour.stroke_width(2);
        match corners.first() {
            None => self.draw(&Circle::new(at, radius, line)),
            Some(&first) => self.path(corners.into_iter().chain([first]).collect(), line),
        }
    }

    /// A ring around a mark of that radius.
    pub(super) fn ring(&self, at: Point, radius: i32) -> Result<(), PlotError> {
        self.draw(&Circle::new(at, radius + RING, INK.stroke_width(2)))
    }

    fn draw<E>(&self, element: &E) -> Result<(), PlotError>
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, Point>,
        E: plotters::element::Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).map_err(|error| PlotError::Draw(error.to_string()))
    }
}
