//! A ministack (an AWS that runs on one machine) for this test binary, with nothing in it.
//!
//! It is installed once, into a Python environment below the target folder, and started once for
//! each test process, on a free port of the loopback interface. It ends when the test process
//! ends, however that ends: a shell waits for the end of a pipe that only we hold open, and kills
//! it then.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use shared::store::cloud;

const REQUIREMENTS: &str = include_str!("../python/requirements.txt");
const PROVISIONING_REQUIREMENTS: &str = include_str!("../python/provisioning-requirements.txt");

/// Starts the program `$1` and kills it when standard input ends.
const UNTIL_STDIN_ENDS: &str = r#"
exec 3<&0
"$1" </dev/null 3<&- &
server=$!
{
    cat <&3
    kill "$server"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$server" || exit
        sleep 0.2
    done
    kill -9 "$server"
} >/dev/null 2>&1 &
exec 3<&-
wait "$server"
"#;

/// A running ministack.
#[derive(Debug)]
pub(crate) struct Ministack {
    port: u16,
    /// Holds the pipe whose end ends the server.
    _shell: Child,
}

/// The ministack of this process, started at the first call.
pub(crate) fn ministack() -> &'static Ministack {
    static MINISTACK: OnceLock<Ministack> = OnceLock::new();
    MINISTACK.get_or_init(|| {
        let program = python_environment().join("bin/ministack");
        // Another process may take the port between our finding it free and the server's using it.
        (0..3).find_map(|_| start(&program)).expect("ministack started")
    })
}

impl Ministack {
    /// The port on the loopback interface that serves every service.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What clients of it are built from.
    pub(crate) fn config(&self) -> SdkConfig {
        config_for(self.port)
    }
}

/// What clients of a test server on a port of the loopback interface are built from.
pub(crate) fn config_for(port: u16) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(cloud::behavior_version())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The Python environment with what `tests/python/requirements.txt` names, made where it is missing.
pub(crate) fn python_environment() -> PathBuf {
    environment("test-venv", "requirements.txt", REQUIREMENTS)
}

/// The Python environment of `tests/python/provisioning.py`, made where it is missing.
pub(crate) fn provisioning_environment() -> PathBuf {
    environment("provisioning-venv", "provisioning-requirements.txt", PROVISIONING_REQUIREMENTS)
}

fn environment(name: &str, file: &str, requirements: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder");
    let environment = target.join(name);
    let installed = environment.join("installed.txt");
    // Only one test process makes it, the others wait for it. The lock ends with the process.
    let lock = File::create(target.join(format!("{name}.lock"))).expect("lock file");
    lock.lock().expect("lock");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return environment;
    }
    if environment.exists() {
        fs::remove_dir_all(&environment).expect("old environment removed");
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(file);
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(file));
    fs::write(installed, requirements).expect("environment marked as complete");
    environment
}

fn run(command: &mut Command) {
    let output = command.output().expect("python3 with venv is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}

/// Starts the server and waits until it answers; `None` where it ended instead.
fn start(program: &Path) -> Option<Ministack> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("its number").port();
    drop(free);
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ministack-{port}.log"));
    let output = File::create(&log).expect("log file");
    let mut shell = Command::new("sh")
        .args(["-c", UNTIL_STDIN_ENDS, "sh"])
        .arg(program)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("LOG_LEVEL", "WARNING")
        .env("IOT_MTLS_ENABLED", "0") // it would listen on every interface
        .stdin(Stdio::piped())
        .stdout(output.try_clone().expect("log file"))
        .stderr(output)
        .spawn()
        .expect("sh");
    for _ in 0..600 {
        if shell.try_wait().expect("state of the shell").is_some() {
            return None;
        }
        if answers(port) {
            return Some(Ministack { port, _shell: shell });
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("ministack does not answer after a minute; its log is {}", log.display());
}

/// Whether an HTTP server on the port says that it is ready.
pub(crate) fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /_ministack/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
