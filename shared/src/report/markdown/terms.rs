//! What the words of the report mean.

use crate::report::page::Page;

/// At the foot, for those who ask.
pub(super) fn section(page: &mut Page) {
    page.heading(2, "Definitions");
    page.paragraph(DEFINITIONS);
    page.heading(2, "The files beside this one");
    page.paragraph(FILES);
}

const DEFINITIONS: &str = "\
- **Experiment**: one endpoint with one dataset at one load, written `endpoint~dataset~c4` for a \
concurrency of 4, `endpoint~dataset~r120` for 120 a minute, and `r120-poisson` where these arrive at \
random.
- **Concurrency**: requests kept in flight; when one ends the next is sent (closed loop). A closed \
loop sends less when answers slow down, so it shows what so many clients see, not what a given rate \
of arrivals would.
- **Rate**: requests sent in a minute, whether or not earlier ones have been answered (open loop), at \
equal distances or at random (Poisson).
- **Block**: an experiment's share of one replicate; a replicate is one pass over all experiments.
- **E2E**: from the sending of a request to the end of its answer.
- **TTFT**: from the sending to the first visible text.
- **TPOT**: (last content - first content) / (answer tokens - 1), by the service's own count.
- **ITL**: the gaps between the pieces of an answer as they arrive; a piece is not one token. The \
table has the mean gap of each answer, the picture all gaps.
- **OTPS**: answer tokens per second of single answers, by the service's own count. *Generation*: \
(answer tokens - 1) / (last - first content). *End to end*: answer tokens / E2E.
- **Median, P25, ...**: see percentiles. LLMPerf's cards have the same columns.
- **Percentiles**: linear between neighbours (type 7, NumPy's default), over the completed requests \
of all blocks together.
- **95 % interval**: from the variance between clusters of requests, because those of one block are \
not independent: the blocks where there are at least five, else ten batches of each block. With too \
few there is none, and an end that the data cannot tell is left open (≥ or ≤).
- **Shown**: the whole interval is within the limit, and rests on at least five blocks. **Met**: \
the measured value is within it.
- **Errors**: throttled, timed out and failed requests, over those sent and not cut. They are in no \
latency.
- **Cut**: still running when measuring ended; neither a success nor an error.
- **Transactions/minute** and **tokens/s**: what was completed within the measured windows, over \
their length. A window begins when all connections are warm and ends when sending stops; that of an \
open loop is its schedule.
- **USD per 10,000**: the mean price of a completed transaction, by the tokens that the service \
reported, times 10,000.
- **Best**: each endpoint stands by its highest load that meets every criterion; of these, what has \
all criteria shown before what only meets them; then the cheapest; of equal prices the lower p95 of \
E2E.
- **Highest load** that meets every criterion: the one below the first measured load that misses \
one. What meets them above it may have been lucky. Concurrencies and rates are two ladders; an \
endpoint stands by its highest such rate, or if it has none by its highest such concurrency.
- **Nearest**, where nothing qualifies: the experiment whose worst criterion is least above its \
limit, as a share of the limit; where the limit is 0, as a share of 0.01 of its unit (1 % of \
errors).
";

const FILES: &str = "\
- `report.html`: this report as one page, its pictures within it.
- `summary.json`: every figure and the decision, for programs.
- `summary.csv`: a row for each experiment, for spreadsheets. The end of a column's name is its unit: \
`_ms`, `_s`, `_usd`, `_per_s`, `_per_min`, `_ratio` (0 to 1); `_count`, `requests_` and `_tokens` are \
numbers. `_low_` and `_high_` are the ends of a 95 % interval. Empty: not known. `e2e`, `ttft`, \
`tpot`, `itl_mean`, `e2e_from_schedule`, `ttft_from_schedule`, `otps_generation` and `otps_end_to_end` are as defined above, `spent_usd` is \
what all requests of the experiment cost, warm-up included.
- The pictures, each as SVG and PNG.
";
