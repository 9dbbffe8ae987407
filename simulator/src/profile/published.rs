//! The published rows that the simulator is calibrated to (`published.csv`, which tells what they
//! are), and how a row is judged. Shared by the tests and `examples/calibrate.rs`.

/// The latency budget of the report, in seconds: a row within it is recommended.
pub(crate) const BUDGET_S: f64 = 2.0;

/// One model and bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) model_id: &'static str,
    /// Mean prompt tokens by the vendor's count.
    pub(crate) prompt_tokens: u32,
    /// Mean completion tokens, where they are known.
    pub(crate) completion_tokens: Option<u32>,
    /// The recommended concurrency and the mean latency at it, in seconds; `None` where no
    /// concurrency kept within the budget.
    pub(crate) best: Option<(u32, f64)>,
}

/// All rows, by model and then by prompt length.
pub(crate) fn rows() -> Vec<Row> {
    let lines = include_str!("published.csv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).map(row).collect()
}

fn row(line: &'static str) -> Row {
    let mut fields = line.split(',');
    let mut field = || fields.next().unwrap_or_else(|| panic!("a field is missing: {line}"));
    let (model_id, _bucket, concurrency) = (field(), field(), field());
    let (prompt, completion, latency) = (field(), field(), field());
    let number = |text: &str| text.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
    let best = concurrency.parse().ok();
    Row {
        model_id,
        prompt_tokens: number(prompt),
        completion_tokens: completion.parse().ok(),
        best: best.zip(latency.parse().ok()),
    }
}
