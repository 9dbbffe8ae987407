//! `fmgauge records`: every record as JSON lines.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use shared::record::RecordLine;
use shared::run::{RunError, attempt_records};
use shared::store::RecordStore;

use crate::exit::Exit;
use crate::{arguments, local};

pub(crate) async fn run(arguments: &arguments::Records, out: &Path) -> Result<Exit> {
    let stores = local::open_existing(out).await?;
    let run = local::find(&stores, &arguments.run).await?;
    let mut output = BufWriter::new(io::stdout().lock());
    for block in stores.records.blocks(&run.run_id).await.map_err(RunError::from)? {
        let counted = block.receipt.as_ref().map(|receipt| receipt.attempt);
        for attempt in 1..=block.attempt {
            let records = attempt_records(&block, attempt, &stores.records).await;
            for record in records.map_err(RunError::from)? {
                let line = RecordLine::new(&record, counted == Some(attempt));
                let written = serde_json::to_writer(&mut output, &line).map_err(io::Error::from);
                match written.and_then(|()| output.write_all(b"\n")) {
                    // Whoever reads has seen enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Exit::Done);
                    }
                    written => written?,
                }
            }
        }
    }
    match output.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(Exit::Done),
    }
}
