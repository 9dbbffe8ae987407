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
pub(super) const RED: RGBColor = RGBColor(190, 30, 20);
const WHITE: RGBColor = RGBColor(255, 255, 255);

/// Ours in the PNG; elsewhere whatever of these there is.
const FONT: &str = "DejaVu Sans, Verdana, Arial, sans-serif";
/// plotters writes font sizes divided by this.
const PLOTTERS_FONT_SCALE: f64 = 1.24;
/// Half the width of a mark, and of its ring.
pub(super) const RADIUS: i32 = 6;
pub(super) const RING: i32 = RADIUS + 5;

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
    fn corners(self, (x, y): Point) -> Vec<Point> {
        let r = RADIUS;
        match self {
            Self::Disc => vec![],
            Self::Square => {
                let r = r - 1;
                vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]
            }
            Self::Triangle => vec![(x, y - r - 1), (x + r, y + r - 2), (x - r, y + r - 2)],
            Self::Diamond => vec![(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)],
            Self::Wedge => vec![(x, y + r + 1), (x + r, y - r + 2), (x - r, y - r + 2)],
        }
    }
}

/// About how wide a text is in our font: its characters are 0.6 of their size on average.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX).saturating_mul(size * 62) / 100
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

    /// A mark, filled or hollow.
    pub(super) fn mark(
        &self,
        at: Point,
        shape: Shape,
        colour: RGBColor,
        filled: bool,
    ) -> Result<(), PlotError> {
        let inside: RGBAColor = if filled { colour.mix(0.9) } else { WHITE.mix(0.9) };
        let corners = shape.corners(at);
        if corners.is_empty() {
            self.draw(&Circle::new(at, RADIUS, inside.filled()))?;
            return self.draw(&Circle::new(at, RADIUS, colour.stroke_width(2)));
        }
        let outline = corners.iter().chain(corners.first()).copied().collect::<Vec<_>>();
        self.draw(&Polygon::new(corners, inside.filled()))?;
        self.draw(&PathElement::new(outline, colour.stroke_width(2)))
    }

    /// A ring around a mark.
    pub(super) fn ring(&self, at: Point) -> Result<(), PlotError> {
        self.draw(&Circle::new(at, RING, INK.stroke_width(2)))
    }

    fn draw<E>(&self, element: &E) -> Result<(), PlotError>
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, Point>,
        E: plotters::element::Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).map_err(|error| PlotError::Draw(error.to_string()))
    }
}
