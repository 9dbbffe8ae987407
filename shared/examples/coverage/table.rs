//! The tables of BENCHMARKS.md.

use crate::process::Process;
use crate::study::{Contest, Hits, Layout, Winners};

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header = line(&header.map(str::to_owned)) + &line(&[const { "---" }; N].map(str::to_owned));
    rows.fold(header, |text, cells| text + &line(&cells))
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// The coverage, and where intervals were open the share of those.
fn cell(hits: Hits) -> String {
    let (held, open) = (percent(hits.share()), (hits.open_share() * 100.0).round());
    if open > 0.0 { format!("{held} ({open} open)") } else { held }
}

pub(crate) fn coverage(title: &str, rows: &[(Process, Layout, [Hits; 5])]) -> String {
    let header = [title, "clusters", "mean %", "p50 %", "p90 %", "p95 %", "p99 %"];
    let rows = rows.iter().map(|(process, layout, hits)| {
        let [mean, p50, p90, p95, p99] = hits.map(cell);
        [process.to_string(), layout.to_string(), mean, p50, p90, p95, p99]
    });
    table(header, rows)
}

pub(crate) fn error_rates(rows: &[(f64, f64, Layout, Hits)]) -> String {
    let header = ["error rate %", "it varies between blocks by %", "clusters", "held %"];
    let rows = rows.iter().map(|(rate, spread, layout, hits)| {
        [percent(*rate), percent(*spread), layout.to_string(), percent(hits.share())]
    });
    table(header, rows)
}

pub(crate) fn contests(rows: &[(Contest, Winners)]) -> String {
    let header = [
        "equal endpoints",
        "loads of each",
        "replicates",
        "a winner in %",
        "the same, corrected for the rivals of the cheapest alone %",
    ];
    let rows = rows.iter().map(|(contest, winners)| {
        let Contest { endpoints, loads, replicates } = contest;
        let (all, own) = (percent(winners.all_pairs), percent(winners.own_rivals));
        [endpoints.to_string(), loads.to_string(), replicates.to_string(), all, own]
    });
    table(header, rows)
}
