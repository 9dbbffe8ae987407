//! The binaries that users run and deploy, built once for the test process, in the profile that the
//! test itself was built in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the executables `fmgauge`, `planner`, `runner` and `summarizer`.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // <target>/<profile>/deps/<test>
        let test = std::env::current_exe().expect("a test has a path");
        let folder = test.ancestors().nth(2).expect("a test is in a target folder");
        let target = folder.parent().expect("a profile is in a target folder");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let status = Command::new("cargo")
            .args(["build", "--locked", "--workspace", "--bins", "--profile", profile])
            // As the tests themselves were built: the same features, so nothing is built twice.
            .args(["--tests", "--target-dir"])
            .arg(target)
            .current_dir(workspace())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the binaries are built");
        folder.to_owned()
    })
}

/// `fmgauge`, ready for arguments.
pub(crate) fn fmgauge() -> Command {
    Command::new(folder().join("fmgauge"))
}

/// The folder of the whole project.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
