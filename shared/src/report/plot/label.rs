//! Where to put the numbers beside marks, so that they hide as little as possible.

use super::canvas::Point;

/// Distances from the mark's edge to the label's centre, in the order of preference: near before far,
/// above first, where no thread between marks runs.
const DISTANCES: [i32; 5] = [8, 14, 22, 34, 50];
/// From this distance on it takes a thread to see which mark a label is of.
const THREADED_FROM: i32 = 22;
const DIRECTIONS: [(i32, i32); 8] =
    [(0, -10), (10, 0), (-10, 0), (0, 10), (8, -7), (8, 7), (-8, -7), (-8, 7)];

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

/// A mark that wants a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Labelled {
    /// The centre of the mark.
    pub(super) at: Point,
    /// Half the width of the mark, its ring included.
    pub(super) radius: i32,
    /// The width of the label with the gaps around it.
    pub(super) width: i32,
}

/// A label in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) centre: Point,
    /// Where a thread to the mark begins, if it takes one.
    pub(super) thread: Option<Point>,
}

/// The places of labels beside these marks, within `frame` and clear of what is `taken`.
///
/// Greedy in the order given: each takes the first place with the least overlap.
pub(super) fn place(
    marks: &[Labelled],
    height: i32,
    frame: Area,
    mut taken: Vec<Area>,
) -> Vec<Placed> {
    let symbols: Vec<_> =
        marks.iter().map(|m| Area::around(m.at, 2 * m.radius + 2, 2 * m.radius + 2)).collect();
    let mut places = Vec::new();
    for &Labelled { at, radius, width } in marks {
        let candidates = DISTANCES.iter().flat_map(|&distance| {
            DIRECTIONS.map(|(dx, dy)| {
                let sideways = dx * (radius + distance + (width - 14) / 2) / 10;
                (distance, (at.0 + sideways, at.1 + dy * (radius + distance) / 10))
            })
        });
        let cost = |(_, centre): &(i32, Point)| {
            let label = Area::around(*centre, width, height);
            let hidden: i32 = symbols.iter().chain(&taken).map(|area| label.overlap(*area)).sum();
            hidden + 4 * (label.size() - label.overlap(frame))
        };
        let (distance, centre) = candidates.min_by_key(cost).unwrap_or((0, at));
        let label = Area::around(centre, width, height);
        let thread = (distance >= THREADED_FROM).then(|| {
            let Area { from: (left, top), to: (right, bottom) } = label;
            (at.0.clamp(left, right), at.1.clamp(top, bottom))
        });
        taken.push(label);
        places.push(Placed { centre, thread });
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Area = Area { from: (0, 0), to: (400, 300) };

    #[test]
    fn a_lone_label_is_above_its_mark_and_inside_the_frame() {
        let label = |x, y| {
            place(&[Labelled { at: (x, y), radius: 6, width: 8 }], 12, FRAME, Vec::new())[0].centre
        };
        assert_eq!(label(100, 100), (100, 86));
        assert!(label(100, 2).1 > 2);
        assert!(label(398, 2).0 < 398);
    }

    #[test]
    fn labels_of_neighbours_do_not_touch() {
        let marks: Vec<_> = (0..6)
            .map(|n| Labelled { at: (200 + 5 * n, 150 + 3 * n), radius: 6, width: 8 })
            .collect();
        let places = place(&marks, 12, FRAME, Vec::new());
        for (n, one) in places.iter().enumerate() {
            for two in &places[n + 1..] {
                assert_eq!(
                    Area::around(one.centre, 8, 12).overlap(Area::around(two.centre, 8, 12)),
                    0
                );
            }
        }
    }
}
