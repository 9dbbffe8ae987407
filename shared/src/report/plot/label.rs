//! Where to put the numbers beside marks, so that they hide as little as possible.

use super::canvas::{Point, RADIUS};

/// Distances from the mark's centre to the label's, in the order of preference: near before far, the
/// right first.
const DISTANCES: [i32; 3] = [13, 20, 28];
const DIRECTIONS: [(i32, i32); 8] =
    [(10, 0), (0, -10), (-10, 0), (0, 10), (8, -7), (8, 7), (-8, -7), (-8, 7)];

/// An upright box in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Area {
    fn around((x, y): Point, width: i32, height: i32) -> Self {
        Self {
            from: (x - width / 2, y - height / 2),
            to: (x + width - width / 2, y + height - height / 2),
        }
    }

    /// Pixels in common.
    fn overlap(self, other: Self) -> i32 {
        let width = self.to.0.min(other.to.0) - self.from.0.max(other.from.0);
        let height = self.to.1.min(other.to.1) - self.from.1.max(other.from.1);
        width.max(0) * height.max(0)
    }

    fn size(self) -> i32 {
        (self.to.0 - self.from.0) * (self.to.1 - self.from.1)
    }
}

/// The centres of labels of these widths beside marks at these points, within `frame`.
///
/// Greedy in the order given: each takes the first place with the least overlap.
pub(super) fn place(marks: &[(Point, i32)], height: i32, frame: Area) -> Vec<Point> {
    let symbols: Vec<_> =
        marks.iter().map(|(at, _)| Area::around(*at, 2 * RADIUS + 2, 2 * RADIUS + 2)).collect();
    let mut taken: Vec<Area> = Vec::new();
    let mut centres = Vec::new();
    for &(at, width) in marks {
        let candidates = DISTANCES.iter().flat_map(|distance| {
            DIRECTIONS.map(|(dx, dy)| {
                let sideways = dx * (distance + (width - 8) / 2) / 10;
                (at.0 + sideways, at.1 + dy * distance / 10)
            })
        });
        let cost = |centre: &Point| {
            let label = Area::around(*centre, width, height);
            let hidden: i32 = symbols.iter().chain(&taken).map(|area| label.overlap(*area)).sum();
            hidden + 4 * (label.size() - label.overlap(frame))
        };
        let centre = candidates.min_by_key(cost).unwrap_or(at);
        taken.push(Area::around(centre, width, height));
        centres.push(centre);
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Area = Area { from: (0, 0), to: (400, 300) };

    #[test]
    fn a_lone_label_is_right_of_its_mark_and_inside_the_frame() {
        assert_eq!(place(&[((100, 100), 8)], 12, FRAME), [(113, 100)]);
        let [(x, _)] = place(&[((398, 100), 8)], 12, FRAME)[..] else { panic!() };
        assert!(x < 398);
    }

    #[test]
    fn labels_of_neighbours_do_not_touch() {
        let marks: Vec<_> = (0..6).map(|n| ((200 + 5 * n, 150 + 3 * n), 8)).collect();
        let centres = place(&marks, 12, FRAME);
        for (n, one) in centres.iter().enumerate() {
            for two in &centres[n + 1..] {
                assert_eq!(Area::around(*one, 8, 12).overlap(Area::around(*two, 8, 12)), 0);
            }
        }
    }
}
