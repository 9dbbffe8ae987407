//! A deployed stack for one test, by `tests/python/stack.py`.

use std::process::{ChildStdin, Command, Output, Stdio};

use serde_json::Value;
use shared::run::Stores;
use shared::store::dynamodb::DynamoDbStore;
use shared::store::s3::S3Store;
use shared::store::{ArtifactStore, cloud};
use tempfile::TempDir;

use crate::binaries;
use crate::ministack::{config_for, python_environment};

/// How much of the emulator's log a failed test shows.
const LOG_BYTES: usize = 6000;

/// A running stack. It ends when it is dropped, and also when the test process ends in any other
/// way: the emulator waits for the end of a pipe that only we hold open.
#[derive(Debug)]
pub(super) struct Stack {
    folder: TempDir,
    about: Value,
    _pipe: ChildStdin,
}

/// How an execution ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) execution: String,
    pub(super) status: String,
    pub(super) output: Value,
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
}

impl Stack {
    /// Brings it up; the state machines wait a tenth of what they say before they retry.
    pub(super) fn up() -> Self {
        Self::up_with(&["--env", "SFN_WAIT_SCALE=0.1"])
    }

    /// Brings it up with other arguments of `stack.py up`, such as `--parameter KEY=VALUE`.
    pub(super) fn up_with(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut up = stack_py("up", &folder)
            .arg("--functions")
            .arg(binaries::folder())
            .arg("--while-stdin")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = up.stdin.take().unwrap();
        let about = json(&up.wait_with_output().unwrap());
        Self { folder, about, _pipe: pipe }
    }

    /// What `up` printed: a name or an address.
    pub(super) fn text(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap_or_else(|| panic!("{field} in {}", self.about))
    }

    /// What clients of the stack's services are built from.
    pub(super) fn config(&self) -> aws_config::SdkConfig {
        let port = self.text("endpoint").rsplit(':').next().unwrap();
        config_for(port.parse().unwrap())
    }

    /// The stack's table and bucket.
    pub(super) fn stores(&self) -> Stores<DynamoDbStore, S3Store> {
        let (records, artifacts) =
            cloud::connect(&self.config(), self.text("table"), self.text("bucket"));
        Stores { records, artifacts }
    }

    /// Puts a configuration into the bucket; its URI.
    pub(super) async fn put_config(&self, name: &str, text: &str) -> String {
        let key = format!("configs/{name}.yml");
        let artifacts = self.stores().artifacts;
        artifacts.put(&key, text.into(), "application/yaml").await.unwrap();
        artifacts.location(&key)
    }

    /// Starts an execution of the run machine; its ARN.
    pub(super) fn start(&self, input: &Value) -> String {
        let machine = self.text("run_state_machine");
        let started =
            self.ask("start", &["--state-machine", machine, "--input", &input.to_string()]);
        started["execution"].as_str().unwrap().to_owned()
    }

    /// The same under a name.
    pub(super) fn start_as(&self, name: &str, input: &Value) {
        let (machine, input) = (self.text("run_state_machine"), input.to_string());
        self.ask("start", &["--state-machine", machine, "--input", &input, "--name", name]);
    }

    /// Waits until an execution has ended.
    pub(super) fn wait(&self, execution: &str) -> Ended {
        ending(&self.ask("wait", &["--execution", execution, "--timeout", "120"]))
    }

    /// Runs an execution of a state machine, `run_state_machine` or `finish_state_machine`.
    pub(super) fn execute(&self, machine: &str, input: &Value) -> Ended {
        let (machine, input) = (self.text(machine), input.to_string());
        let arguments = ["--state-machine", machine, "--input", &input, "--timeout", "120"];
        ending(&self.ask("execute", &arguments))
    }

    /// All executions of the finish machine, whoever started them.
    pub(super) fn finishes(&self) -> Vec<Value> {
        let machine = self.text("finish_state_machine");
        let executions = self.ask("executions", &["--state-machine", machine]);
        executions.as_array().unwrap().clone()
    }

    /// The types of the events that the history of an execution holds, in order.
    pub(super) fn events(&self, execution: &str) -> Vec<String> {
        let history = self.ask("history", &["--execution", execution]);
        serde_json::from_value(history["types"].clone()).unwrap()
    }

    /// Stops an execution, as a person does in the console.
    pub(super) fn stop(&self, execution: &str) {
        self.ask("stop", &["--execution", execution]);
    }

    /// Sends an event to EventBridge that the emulator never sends by itself.
    pub(super) fn put_event(&self, source: &str, kind: &str, detail: &Value) {
        let detail = detail.to_string();
        self.ask("put-event", &["--source", source, "--type", kind, "--detail", &detail]);
    }

    /// One file of its bucket.
    pub(super) async fn file(&self, key: &str) -> Vec<u8> {
        let bytes = self.stores().artifacts.get(key).await.unwrap();
        bytes.unwrap_or_else(|| panic!("there is no {key}"))
    }

    /// Invokes the runner by hand.
    pub(super) fn invoke_runner(&self, payload: &Value) -> Value {
        let (function, payload) = (self.text("runner_function"), payload.to_string());
        let answer = self.ask("invoke", &["--function", function, "--payload", &payload]);
        assert!(answer["error"].is_null(), "{answer}");
        answer["payload"].clone()
    }

    /// The ids of the runner's processes.
    pub(super) fn runners(&self) -> Vec<String> {
        let pids = self.ask("runner-pids", &[])["pids"].clone();
        pids.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    fn ask(&self, command: &str, arguments: &[&str]) -> Value {
        json(&stack_py(command, &self.folder).args(arguments).output().unwrap())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(self.folder.path().join("ministack.log")).unwrap_or_default();
            let tail = &log[log.len().saturating_sub(LOG_BYTES)..];
            println!("the end of the emulator's log:\n{}", String::from_utf8_lossy(tail));
        }
        // Where it fails, the end of the pipe ends the stack.
        drop(stack_py("down", &self.folder).output());
    }
}

fn stack_py(command: &str, folder: &TempDir) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/stack.py");
    let mut python = Command::new(python_environment().join("bin/python"));
    python.arg(script).arg(command).arg("--dir").arg(folder.path());
    python
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "stack.py: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ending(answer: &Value) -> Ended {
    let text = |field: &str| answer[field].as_str().map(str::to_owned);
    Ended {
        execution: text("execution").unwrap(),
        status: text("status").unwrap(),
        output: answer["output"].clone(),
        error: text("error"),
        cause: text("cause"),
    }
}
