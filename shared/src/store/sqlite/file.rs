//! Opening the file of the SQLite store.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::Failure;
use crate::store::StoreError;

/// The version of the tables.
const FORMAT: u32 = 2;

const TABLES: &str = include_str!("tables.sql");

/// Brings the tables of format 1 into format 2.
const FROM_FORMAT_1: &str = include_str!("from_format_1.sql");

/// How long a call waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often, and after what pause, the switch to the write-ahead log is tried.
const SWITCHES: u32 = 500;
const SWITCH_PAUSE: Duration = Duration::from_millis(20);

/// Opens the file and brings it into the form that this fmgauge reads.
pub(super) fn open(path: &Path) -> Result<Connection, Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(StoreError::backend("create its folder"))?;
    }
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    use_write_ahead_log(&connection)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match format {
        FORMAT => {}
        0 | 1 => {
            transaction.execute_batch(if format == 0 { TABLES } else { FROM_FORMAT_1 })?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        later => {
            let message = format!("format {later} is of a later fmgauge, this one reads {FORMAT}");
            return Err(StoreError::unreadable(path.display().to_string())(message).into());
        }
    }
    transaction.commit()?;
    Ok(connection)
}

/// Switches to the write-ahead log. SQLite does not wait here by itself: where several processes
/// open a new file at once, all but one are told at once that it is busy.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let switch = || connection.pragma_update(None, "journal_mode", "wal");
    for _ in 1..SWITCHES {
        match switch() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                thread::sleep(SWITCH_PAUSE);
            }
            done => return done,
        }
    }
    switch()
}
