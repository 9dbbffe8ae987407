//! How far the client is from the least that the same SDK can do: `cargo bench -p tests --bench
//! fidelity` after `cargo build --release` (BENCHMARKS.md has the figures).
//!
//! A server of known timing runs in a process of its own (`fmgauge simulate`). The client of
//! fmgauge and a minimal loop over the SDK take turns against it, each in a process of its own, so
//! that both see the same moods of the machine. Each prints what it measured as JSON; the medians
//! of the turns are shown.

#![expect(clippy::print_stdout, reason = "a bench shows its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^52")]

mod minimal;
mod ours;
mod server;
mod side;
mod turns;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use mimalloc::MiMalloc;

use crate::side::Side;

/// As in `fmgauge` and the runner, and for the loop as well.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What is measured: the timing of the server, the requests in flight, and for how long.
#[derive(Debug, Clone)]
struct Case {
    ttft: Duration,
    itl: Duration,
    tokens: u32,
    streams: u16,
    lasting: Duration,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // One side of a turn, in a process of its own.
        ["side", side, url, log, streams, tokens, ms] => {
            let lasting = Duration::from_millis(ms.parse()?);
            let side = Side::parse(side).context("a side is `minimal` or `ours`")?;
            side.run(url, log.as_ref(), streams.parse()?, tokens.parse()?, lasting)
        }
        [] | ["all"] => turns::all(5),
        ["quick"] => turns::all(1),
        ["fast"] => turns::fast(5),
        _ => bail!("give nothing, `quick` or `fast`"),
    }
}
