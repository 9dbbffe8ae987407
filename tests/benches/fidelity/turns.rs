//! The two clients in turn, and the medians of their turns.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shared::calibration::ErrorStats;

use crate::Case;
use crate::server::Server;
use crate::side::{Figures, Side};

/// A model that thinks for 200 ms and then says a token every 20 ms.
fn slow(streams: u16) -> Case {
    let (ttft, itl) = (Duration::from_millis(200), Duration::from_millis(20));
    Case { ttft, itl, tokens: 50, streams, lasting: Duration::from_secs(10) }
}

/// A model that answers at once.
fn instant(streams: u16) -> Case {
    let (ttft, itl) = (Duration::from_millis(1), Duration::ZERO);
    Case { ttft, itl, tokens: 50, streams, lasting: Duration::from_secs(5) }
}

/// Every case, so many turns of each client.
pub(crate) fn all(turns: usize) -> Result<()> {
    for streams in [16, 64, 256] {
        compare(&slow(streams), turns)?;
    }
    compare(&slow(1000), turns.min(3))?;
    fast(turns)
}

/// Only what shows the most that a client can send.
pub(crate) fn fast(turns: usize) -> Result<()> {
    compare(&instant(64), turns)
}

fn compare(case: &Case, turns: usize) -> Result<()> {
    let Case { ttft, itl, tokens, streams, .. } = case;
    println!("\n{streams} streams, TTFT {ttft:?}, ITL {itl:?}, {tokens} tokens, {turns} turns");
    println!(
        "| client | requests/s | CPU s per 1,000 | peak MB | in flight % | TTFT p50 | p99 | max | \
         E2E p50 | p99 | max |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let (mut minimal, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        minimal.push(turn(case, Side::Minimal)?);
        ours.push(turn(case, Side::Ours)?);
    }
    row("minimal loop", &minimal);
    row("fmgauge", &ours);
    let ttft = |figures: &Figures| figures.ttft.map_or(f64::NAN, |ttft| ttft.p50_ms);
    let e2e = |figures: &Figures| figures.e2e.map_or(f64::NAN, |e2e| e2e.p50_ms);
    let spread = |of: fn(&Figures) -> f64| {
        let values = minimal.iter().map(of);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    };
    println!(
        "fmgauge less the loop, p50: TTFT {:+.3} ms (the loop's own turns differ by {:.3}), E2E \
         {:+.3} ms ({:.3})",
        median(&ours, ttft) - median(&minimal, ttft),
        spread(ttft),
        median(&ours, e2e) - median(&minimal, e2e),
        spread(e2e)
    );
    let verdicts: Vec<_> = ours.iter().map(|figures| figures.verdict.trim()).collect();
    println!("verdicts: {}", verdicts.join(" / "));
    Ok(())
}

/// One turn of a client against a server of its own.
fn turn(case: &Case, side: Side) -> Result<Figures> {
    let server = Server::start(case)?;
    let output = Command::new(std::env::current_exe()?)
        .args(["side", side.name(), server.url()])
        .arg(server.log())
        .args([case.streams.to_string(), case.tokens.to_string()])
        .arg(case.lasting.as_millis().to_string())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("it prints its figures")
}

fn median(turns: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = turns.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(name: &str, turns: &[Figures]) {
    let error = |of: fn(&Figures) -> Option<ErrorStats>, at: fn(&ErrorStats) -> f64| {
        format!("{:.3}", median(turns, |figures| of(figures).as_ref().map_or(f64::NAN, at)))
    };
    let cells = [
        format!("{:.0}", median(turns, |figures| figures.requests_per_s)),
        format!("{:.3}", median(turns, |figures| figures.cpu_s_per_1000)),
        format!("{:.0}", median(turns, |figures| figures.peak_mb)),
        format!("{:.2}", 100.0 * median(turns, |figures| figures.in_flight)),
        error(|figures| figures.ttft, |ttft| ttft.p50_ms),
        error(|figures| figures.ttft, |ttft| ttft.p99_ms),
        error(|figures| figures.ttft, |ttft| ttft.max_ms),
        error(|figures| figures.e2e, |e2e| e2e.p50_ms),
        error(|figures| figures.e2e, |e2e| e2e.p99_ms),
        error(|figures| figures.e2e, |e2e| e2e.max_ms),
    ];
    println!("| {name} | {} |", cells.join(" | "));
}
