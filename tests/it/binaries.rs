//! The binaries that users run and deploy, built once for the test process; as released, but not
//! optimised across crates, which takes minutes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the executables `fmgauge`, `planner`, `runner` and `summarizer`.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = target();
        let status = Command::new("cargo")
            .args([
                "build",
                "--profile",
                "e2e",
                "--locked",
                "--workspace",
                "--bins",
                "--target-dir",
            ])
            .arg(&target)
            .current_dir(workspace())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the binaries are built");
        target.join("e2e")
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

/// The target folder that this test was built in.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent);
    profile.and_then(Path::parent).expect("<target>/<profile>/deps/<test>").to_owned()
}
