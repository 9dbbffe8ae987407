//! `fmgauge records`: every record as JSON lines.

use std::io::{BufWriter, Write};
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
    let mut output = BufWriter::new(std::io::stdout().lock());
    for block in stores.records.blocks(&run.run_id).await.map_err(RunError::from)? {
        let counted = block.receipt.as_ref().map(|receipt| receipt.attempt);
        for attempt in 1..=block.attempt {
            for record in attempt_records(&block, attempt, &stores.records).await.map_err(RunError::from)? {
                let line = RecordLine::new(&record, counted == Some(attempt));
                serde_json::to_writer(&mut output, &line)?;
                output.write_all(b"\n")?;
            }
        }
    }
    output.flush()?;
    Ok(Exit::Done)
}
