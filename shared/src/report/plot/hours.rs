//! `hours`: median E2E by hour of the day.

use plotters::style::RGBColor;

use super::canvas::{Shape, Symbol};
use super::heat::{Heat, HeatRow};
use super::scatter::symbol;
use super::sheet::{Panel, Sheet};
use super::{levels_by_endpoint, load_words};
use crate::report::{Report, in_use};
use crate::summary::{ExperimentSummary, HoursSummary};
use crate::units::Name;
use crate::words::latency;

/// Colours reach their full strength at a difference between these, so that noise is not painted
/// like a swing, nor one bad hour pales all others.
const LEAST: f64 = 1.1;
const MOST: f64 = 2.0;
/// From the fastest to the slowest: blue and vermilion, which people with any colour vision can
/// tell apart, and grey between them.
const FAST: RGBColor = RGBColor(0, 114, 178);
const SLOW: RGBColor = RGBColor(213, 94, 0);
const MIDDLE: RGBColor = RGBColor(238, 238, 238);
/// The strongest share of a colour: what is written on it must be read.
const STRONGEST: f64 = 0.85;
/// Below this, panels show milliseconds.
const SECONDS_FROM_MS: f64 = 100.0;

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let hours = report.summary.hours.as_ref();
    let zone = hours.map_or("UTC".to_owned(), |hours| hours.time_zone.to_string());
    let scale = scale(report);
    let caption = vec![
        format!(
            "Median E2E of each hour of the day ({zone}), coloured by how it differs from that of \
             all hours, which is on the right."
        ),
        format!(
            "The number after each name: {}. Colours show what was measured; whether it is more \
             than chance is in the table.",
            load_words(report)
        ),
    ];
    let panels = report
        .plan
        .datasets
        .iter()
        .filter_map(|dataset| panel(report, hours?, &dataset.name, scale));
    Sheet {
        title: "Latency by hour of the day",
        caption,
        legend: legend(scale),
        columns: 1,
        panels: panels.map(Panel::Heat).collect(),
    }
}

/// The ratio at which colours are strongest: that of the hour that differs most.
fn scale(report: &Report<'_>) -> f64 {
    let ratios = report.plan.datasets.iter().flat_map(|dataset| {
        in_use(report, &dataset.name).into_iter().flat_map(ratios).collect::<Vec<_>>()
    });
    ratios.map(|ratio| ratio.max(1.0 / ratio)).fold(LEAST, f64::max).min(MOST)
}

fn ratios(experiment: &ExperimentSummary) -> impl Iterator<Item = f64> {
    let medians = experiment.hours.iter().filter_map(|hour| Some(hour.e2e.as_ref()?.p50_ms));
    let own = own_median(experiment);
    medians.filter_map(move |median| Some(median / own?)).filter(|ratio| *ratio > 0.0)
}

fn own_median(experiment: &ExperimentSummary) -> Option<f64> {
    experiment.e2e.as_ref().map(|e2e| e2e.p50_ms).filter(|ms| *ms > 0.0)
}

fn legend(scale: f64) -> Vec<(Symbol, String)> {
    let percent = |ratio: f64| format!("{:.0} %", (ratio - 1.0).abs() * 100.0);
    let half = scale.sqrt();
    let marks = [
        (1.0 / scale, format!("{} faster or more", percent(1.0 / scale))),
        (1.0 / half, format!("{} faster", percent(1.0 / half))),
        (1.0, "its median".to_owned()),
        (half, format!("{} slower", percent(half))),
        (scale, format!("{} slower or more", percent(scale))),
    ];
    let mark = |(ratio, text): (f64, String)| {
        let colour = colour(ratio, scale);
        (Symbol { shape: Shape::Square, colour, radius: 8, filled: true }, text)
    };
    marks.into_iter().map(mark).collect()
}

/// The colour of a median, by its ratio to that of all hours.
fn colour(ratio: f64, scale: f64) -> RGBColor {
    let share = (ratio.ln() / scale.ln()).clamp(-1.0, 1.0);
    let end = if share < 0.0 { FAST } else { SLOW };
    let share = share.abs() * STRONGEST;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
    let mix =
        |from: u8, to: u8| (f64::from(from) * (1.0 - share) + f64::from(to) * share).round() as u8;
    RGBColor(mix(MIDDLE.0, end.0), mix(MIDDLE.1, end.1), mix(MIDDLE.2, end.2))
}

fn panel(report: &Report<'_>, hours: &HoursSummary, dataset: &Name, scale: f64) -> Option<Heat> {
    let experiments = in_use(report, dataset);
    let all = experiments.iter().flat_map(|experiment| &experiment.hours);
    let lowest = all.filter_map(|hour| Some(hour.e2e.as_ref()?.p50_ms)).reduce(f64::min)?;
    let unit = if lowest < SECONDS_FROM_MS { Unit::Milliseconds } else { Unit::Seconds };
    let places = levels_by_endpoint(report, dataset);
    let row = |experiment: &&ExperimentSummary| {
        let place = places.iter().find(|(_, name, _)| **name == experiment.endpoint);
        HeatRow {
            endpoint: experiment.endpoint.to_string(),
            level: experiment.load.mark(),
            symbol: symbol(place.map_or(0, |place| place.0)),
            chosen: report.decision.is_chosen(&experiment.experiment),
            cells: cells(hours, experiment, scale, unit),
            text: own_median(experiment).map(latency).unwrap_or_default(),
        }
    };
    Some(Heat {
        title: format!("{dataset}: median E2E ({})", unit.name()),
        columns: hours.hours.iter().map(|hour| format!("{hour:02}")).collect(),
        column_name: format!("hour of the day ({})", hours.time_zone),
        rows: experiments.iter().map(row).collect(),
    })
}

fn cells(
    hours: &HoursSummary,
    experiment: &ExperimentSummary,
    scale: f64,
    unit: Unit,
) -> Vec<Option<(RGBColor, String)>> {
    let own = own_median(experiment);
    let cell = |hour: &u8| {
        let figures = experiment.hours.iter().find(|figures| figures.hour == *hour)?;
        let median = figures.e2e.as_ref()?.p50_ms;
        Some((colour(median / own?, scale), unit.text(median)))
    };
    hours.hours.iter().map(cell).collect()
}

/// What cells are in: of at most four characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Seconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        }
    }

    fn text(self, ms: f64) -> String {
        let seconds = ms / 1000.0;
        match self {
            Self::Milliseconds if ms < 99.5 => format!("{ms:.1}"),
            Self::Milliseconds if ms < 9999.5 => format!("{ms:.0}"),
            Self::Milliseconds => format!("{seconds:.0}k"),
            Self::Seconds if seconds < 9.995 => format!("{seconds:.2}"),
            Self::Seconds if seconds < 99.95 => format!("{seconds:.1}"),
            Self::Seconds => format!("{seconds:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_cells() {
        let unit = Unit::Seconds;
        let texts = [112.0, 743.0, 9_996.0, 12_345.0, 123_456.0].map(|ms| unit.text(ms));
        assert_eq!(texts, ["0.11", "0.74", "10.0", "12.3", "123"]);
        let unit = Unit::Milliseconds;
        let texts = [4.25, 99.6, 743.2, 9_998.0, 12_345.0].map(|ms| unit.text(ms));
        assert_eq!(texts, ["4.2", "100", "743", "9998", "12k"]);
    }

    #[test]
    fn colours_go_from_blue_over_grey_to_vermilion() {
        assert_eq!(colour(1.0, 1.5), MIDDLE);
        let (fast, slow) = (colour(1.0 / 1.5, 1.5), colour(1.5, 1.5));
        assert!(fast.2 > fast.0 + 100 && slow.0 > slow.2 + 100, "{fast:?} {slow:?}");
        assert_eq!((colour(0.1, 1.5), colour(9.0, 1.5)), (fast, slow));
        let half = colour(1.2, 1.5);
        assert!(half.1 < MIDDLE.1 && half.1 > slow.1, "{half:?}");
    }
}
