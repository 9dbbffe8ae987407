//! How figures go with the hour of the day, of runs whose rounds lie in several.

use std::time::Duration;

use humantime::format_duration;

use super::cell::{each_dataset, footnote, interval, load_head, or_none, place, seconds};
use crate::decision::{Change, DAYS_FOR_A_DAILY_EFFECT, HoursDecision, HoursVerdict, TimeOfDay};
use crate::report::page::{FEW, Page, Table};
use crate::report::{Report, in_use, plot};
use crate::stats::{Interval, Percentile};
use crate::summary::{ExperimentSummary, HourFigures, HourLatency, HoursSummary};
use crate::units::Name;
use crate::words::{NO_DATA, count, list, number, p_value, percent, range};

/// What the time of day does to each endpoint, all hours of all of them as a picture, and the choice
/// hour by hour.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let (Some(hours), Some(decided)) = (&report.summary.hours, &report.decision.time_of_day) else {
        return;
    };
    page.heading(2, "Time of day");
    page.paragraph(&format!(
        "Hours are those of {}; a block counts in the hour in which it began. Each endpoint is shown \
         at its highest load that meets every criterion, or where it has none at its lowest; \
         `hours.csv` has all, with the units of `summary.csv`.",
        hours.time_zone
    ));
    page.paragraph(&told(report, decided));
    page.picture(plot::HOURS);
    each_dataset(page, report, 3, |page, dataset| {
        page.table(&effects(report, hours, decided, dataset));
        let shown = in_use(report, dataset);
        let chosen = shown.iter().find(|one| report.decision.is_chosen(&one.experiment));
        if let Some(chosen) = chosen {
            let (endpoint, load) = (&chosen.endpoint, chosen.load.in_words());
            page.paragraph(&format!("Hour by hour, the choice: `{endpoint}` at {load}."));
            page.table(&by_hour(hours, chosen));
            footnote(page, chosen.hours.iter().any(has_few));
        }
    });
}

/// What is tested, and what that can and cannot tell.
fn told(report: &Report<'_>, decided: &TimeOfDay) -> String {
    let tested = decided.experiments.iter().filter(|one| one.p_value.is_some()).count() as u64;
    let corrected = match tested {
        0 | 1 => String::new(),
        tested => format!(", corrected for {} experiments (Holm)", count(tested)),
    };
    let drift = "The drift is that of a straight line over the rounds; its interval is by how much \
                 they swing slowly anyway.";
    if decided.days >= DAYS_FOR_A_DAILY_EFFECT {
        return format!(
            "Tested is a swing that is the same every day: a wave of 24 hours through the means of \
             rounds, against waves of periods not much shorter and longer (cosinor){corrected}. What \
             stands out for an hour only may be missed by it. Hours are named as fastest or slowest \
             where the swing is shown and others are told apart from them (95 % for both together). \
             {drift}"
        );
    }
    let every = report.plan.rounds.map_or(Duration::ZERO, |rounds| rounds.every);
    let every = format_duration(every).to_string().replace(' ', "");
    format!(
        "**These are differences between hours of this day, not yet a daily effect:** less than two \
         days hold no hour twice, so what goes with the time of day cannot be told from what \
         happened once. `rounds: {{every: {every}, for: 48h}}` or more would tell. Tested is whether \
         blocks of different hours differ more than blocks of the same hour (analysis of \
         variance){corrected}. Hours are named as fastest or slowest where that is shown and others \
         are told apart from them (95 % for both together). {drift} In a single day it may be the \
         time of day as well."
    )
}

fn effects(
    report: &Report<'_>,
    hours: &HoursSummary,
    decided: &TimeOfDay,
    dataset: &Name,
) -> Table {
    let is_daily = decided.days >= DAYS_FOR_A_DAILY_EFFECT;
    let effect = if is_daily { "Daily swing" } else { "Hours of this day" };
    let table = Table::new().words("Endpoint").number(load_head(report)).words(effect);
    let mut table =
        table.number("p").words("Fastest in").words("Slowest in").words("Drift over the run");
    for experiment in in_use(report, dataset) {
        let decided =
            decided.experiments.iter().find(|one| one.experiment == experiment.experiment);
        let mut row = place(experiment);
        row.push(or_none(decided.map(|decided| effect_words(decided, is_daily))));
        row.push(or_none(decided.and_then(|decided| decided.p_holm).map(p_value)));
        let spans = |of: fn(&HoursDecision) -> &Vec<u8>| {
            decided.map_or(NO_DATA.into(), |decided| spans(of(decided), &hours.hours))
        };
        row.push(spans(|decided| &decided.fastest));
        row.push(spans(|decided| &decided.slowest));
        row.push(or_none(decided.and_then(|decided| decided.drift).map(drift_words)));
        table.row(&row);
    }
    table
}

fn effect_words(decided: &HoursDecision, is_daily: bool) -> String {
    let swing = decided.swing.map(|swing| {
        let share = signless(swing.share);
        (format!("±{share}{}", interval(Some(swing.interval), signless)), swing.peak_hour)
    });
    match (decided.verdict, swing) {
        (HoursVerdict::Daily, Some((swing, peak))) => {
            format!("{swing}, slowest about {}", clock(peak))
        }
        (HoursVerdict::Indistinguishable, Some((swing, _))) => format!("not shown: {swing}"),
        (HoursVerdict::Daily, None) => "shown".to_owned(),
        (HoursVerdict::HoursDiffer, _) => "differ".to_owned(),
        (HoursVerdict::Indistinguishable, None) => "no difference shown".to_owned(),
        (HoursVerdict::TooFew, _) if is_daily => "not tested: too few rounds".to_owned(),
        (HoursVerdict::TooFew, _) => "not tested: one block in each hour".to_owned(),
    }
}

fn signless(share: f64) -> String {
    percent(share.abs())
}

/// `14:05`.
fn clock(hour: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1440")]
    let minutes = (hour * 60.0).round() as u32 % 1440;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// `+3.1 % (-1 % to +7.4 %)`.
fn drift_words(drift: Change) -> String {
    format!("{} ({})", signed(drift.share), range(drift.interval, signed))
}

fn signed(share: f64) -> String {
    let text = percent(share.abs());
    match share {
        _ if text == "0 %" => text,
        share if share < 0.0 => format!("-{text}"),
        _ => format!("+{text}"),
    }
}

/// Hours of the day, rising, as spans of time: `22:00–03:00 and 05:00–06:00`. Those that follow each
/// other among the measured ones are one span.
fn spans(hours: &[u8], measured: &[u8]) -> String {
    let places: Vec<_> =
        (0..measured.len()).filter(|&place| hours.contains(&measured[place])).collect();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => spans.push((place, place)),
        }
    }
    // What goes on over midnight is one span.
    if let [(0, first), .., (from, last)] = spans[..]
        && last + 1 == measured.len()
    {
        spans.pop();
        spans.remove(0);
        spans.push((from, first));
    }
    let hour = |place: usize| measured.get(place).copied().unwrap_or_default();
    let words = spans
        .iter()
        .map(|&(from, last)| format!("{:02}:00–{:02}:00", hour(from), (hour(last) + 1) % 24));
    let words: Vec<_> = words.collect();
    if words.is_empty() { NO_DATA.to_owned() } else { list(&words) }
}

fn by_hour(hours: &HoursSummary, experiment: &ExperimentSummary) -> Table {
    let table = Table::new().words(format!("Hour ({})", hours.time_zone)).number("Rounds");
    let mut table = table.number("Completed");
    for name in ["E2E p50 (s)", "E2E p95 (s)", "TTFT p50 (s)", "TTFT p95 (s)"] {
        table = table.number(name);
    }
    table = table.number("Transactions/minute").number("Errors").number("Throttled");
    for figures in &experiment.hours {
        let mut row = vec![format!("{:02}:00", figures.hour), figures.rounds.to_string()];
        row.push(count(figures.completed));
        for latency in [&figures.e2e, &figures.ttft] {
            let cell = |of: fn(&HourLatency) -> String| or_none(latency.as_ref().map(of));
            row.push(cell(|l| {
                format!("{}{}", at(l, Percentile::P50, l.p50_ms), around(l.p50_interval))
            }));
            row.push(cell(|l| {
                format!("{}{}", at(l, Percentile::P95, l.p95_ms), around(l.p95_interval))
            }));
        }
        let rate = figures.requests_per_minute.map(|rate| {
            format!("{}{}", number(rate), interval(figures.requests_per_minute_interval, number))
        });
        row.push(or_none(rate));
        let errors = figures.error_rate.map(|rate| {
            format!("{}{}", percent(rate), interval(figures.error_rate_interval, percent))
        });
        row.push(or_none(errors));
        row.push(count(figures.throttled));
        table.row(&row);
    }
    table
}

/// Seconds, with a mark where the samples are too few.
fn at(latency: &HourLatency, percentile: Percentile, ms: f64) -> String {
    let few = if percentile.needs_more_than(latency.count) { FEW } else { "" };
    format!("{}{few}", seconds(ms))
}

fn around(of: Option<Interval>) -> String {
    interval(of, seconds)
}

fn has_few(figures: &HourFigures) -> bool {
    let latencies = [&figures.e2e, &figures.ttft].into_iter().flatten();
    latencies.into_iter().any(|latency| Percentile::P95.needs_more_than(latency.count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_that_follow_each_other_are_one_span() {
        let all: Vec<u8> = (0..24).collect();
        let check = |hours: &[u8], expected: &str| assert_eq!(spans(hours, &all), expected);
        check(&[], "–");
        check(&[14], "14:00–15:00");
        check(&[1, 2, 3, 7], "01:00–04:00 and 07:00–08:00");
        check(&[0, 1, 5, 22, 23], "05:00–06:00 and 22:00–02:00");
        check(&[0, 23], "23:00–01:00");
        check(&[23], "23:00–00:00");
        check(&all, "00:00–00:00");
        assert_eq!(spans(&[0, 2, 6, 22], &[0, 2, 4, 6, 22]), "06:00–03:00");
        assert_eq!(spans(&[2, 4], &[0, 2, 4, 6]), "02:00–05:00");
    }

    #[test]
    fn times_and_changes_are_said_with_their_signs() {
        assert_eq!([14.08, 0.0, 23.999].map(clock), ["14:05", "00:00", "00:00"]);
        assert_eq!(
            [0.031, -0.2, 0.0, -0.000_01].map(signed),
            ["+3.1 %", "-20 %", "0 %", "-<0.1 %"]
        );
    }
}
