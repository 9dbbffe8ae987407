//! What operators of a deployed stack see in Amazon CloudWatch: metrics in the log lines of the
//! functions.

mod block;
mod document;
mod run;

pub use self::block::BlockTelemetry;
pub use self::document::{Document, Unit};
pub use self::run::run_document;

/// Prints documents to the standard output, where Lambda takes its log lines from. What cannot be
/// written is lost: no measuring ends for it.
pub fn print(documents: &[Document]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for line in documents.iter().filter_map(Document::line) {
        if writeln!(out, "{line}").is_err() {
            tracing::warn!("Failed to write metrics.");
        }
    }
}
