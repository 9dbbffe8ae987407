//! The `fmgauge` command as its users have it: a process, its exit code, its output and its files.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `short_run` | a simulated run from its plan to its report and its records |
//! | `policy` | the IAM policy of a configuration, and the stack's parameters |
//! | `refused` | bad configurations: the place in the message, nothing written, nothing sent |
//! | `begin` | a configuration that is written for people, or none; files in S3; passes |
//! | `calibrate` | how wrong the client is, by the truth of each request |
//! | `check` | one request per endpoint: what it tells of access, faults and prices |
//! | `credentials` | credentials that expire during a run: it waits, and goes on |
//! | `exits` | what else ends with which exit code |
//! | `five_ways` | one model, wherever it is served: the example that compares them |
//! | `hours` | the time of day: a swing of the simulator is found, and none where there is none |
//! | `interrupted` | Ctrl-C, once and twice |
//! | `kept` | runs that are listed and deleted, and what needs a stack |
//! | `killed` | `kill -9`, and what a resumed run counts |
//! | `open_loop` | requests at a rate: the schedule is kept, and who cannot keep up is told |
//! | `rounds` | many rounds: their times, skipping, waiting, resuming |
//! | `simulate` | how the simulator ends, and what a script of faults does |
//! | `virtual_time` | a paused clock: the same bytes for a seed, hours in seconds |

mod begin;
mod calibrate;
mod check;
mod credentials;
mod exits;
mod five_ways;
mod hours;
mod interrupted;
mod kept;
mod killed;
mod open_loop;
mod policy;
mod refused;
mod rounds;
mod short_run;
mod simulate;
mod throttled;
mod virtual_time;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use shared::digest::sha256;
use simulator::Truth;
use tempfile::TempDir;

use crate::binaries::fmgauge;

/// How long a process may take to come to a state.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder of its own to work in, with a configuration.
struct Desk(TempDir);

/// A command that has ended.
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    /// A folder with nothing but `config.yml`.
    fn new(config: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("config.yml", config);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `fmgauge` in this folder, with no environment but made-up credentials.
    fn fmgauge(&self, arguments: &[&str]) -> Command {
        let mut command = fmgauge();
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    /// Runs `fmgauge` to its end.
    fn run(&self, arguments: &[&str]) -> Done {
        done(&mut self.fmgauge(arguments))
    }

    /// The same, where it must succeed: what it printed.
    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(0), "fmgauge {arguments:?} failed:\n{}", done.stderr);
        done.stdout
    }

    /// Every record of a run, as `fmgauge records` prints it.
    fn records(&self, run: &str) -> Vec<Value> {
        json_lines(&self.succeed(&["records", run]))
    }

    /// Every file below the folder with the digest of its content; SQLite's own shared memory and
    /// log, which reading changes, are left out.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(self.0.path(), self.0.path(), &mut files);
        files
    }
}

fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(root, &path, files);
        } else if !name.ends_with("-shm") && !name.ends_with("-wal") {
            files.insert(name, sha256(fs::read(&path).unwrap()));
        }
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `fmgauge simulate` in a process of its own; it ends with this value.
struct Simulate {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Simulate {
    /// On a free port, with its truth in a file of the folder.
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same, where what a script says goes wrong.
    fn scripted(folder: &Path, script: &str) -> Self {
        let path = folder.join("faults.yml");
        fs::write(&path, script).unwrap();
        Self::start_with(folder, &["--script", path.to_str().unwrap()])
    }

    fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("truth.jsonl");
        let mut process = fmgauge()
            .args(["simulate", "--port", "0", "--log"])
            .arg(&log)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").expect("its address");
        Self { process, url: url.to_owned(), log }
    }

    /// The truth about the requests that have ended so far.
    fn truth(&self) -> Vec<Truth> {
        let log = fs::read_to_string(&self.log).unwrap();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until so many requests have ended, while `child` runs.
    #[track_caller]
    fn wait_for(&self, requests: usize, child: &mut Child) {
        wait_until("so many requests", || {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before {requests} requests");
            let log = fs::read_to_string(&self.log).unwrap();
            log.matches('\n').count() >= requests
        });
    }
}

impl Drop for Simulate {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Asks again and again, for as long as [`PATIENCE`].
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(2);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if is_so() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{what}: not within {PATIENCE:?}");
}

/// The text of a record's field.
#[track_caller]
fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_else(|| panic!("{field} of {record}"))
}

/// The number in a record's field.
#[track_caller]
fn number(record: &Value, field: &str) -> u32 {
    let number = record[field].as_u64().and_then(|number| u32::try_from(number).ok());
    number.unwrap_or_else(|| panic!("{field} of {record}"))
}

fn is_counted(record: &Value) -> bool {
    record["counted"] == true
}

/// How many measured requests of each experiment count.
fn measured(records: &[Value]) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for record in records.iter().filter(|record| is_counted(record)) {
        *counts.entry(text(record, "experiment")).or_default() +=
            u32::from(record["phase"] == "measured");
    }
    counts
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}
