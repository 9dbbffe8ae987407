//! The rules of ARCHITECTURE.md that a program can check.

use std::path::{Path, PathBuf};
use std::{fs, iter};

use crate::binaries::workspace;

/// Files longer than this state their reason in [`LONG_FILES`].
const LINES_MAX: usize = 400;

/// Long files, with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![workspace().to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(workspace()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(sources.len() > 50, "the sources were found");
    sources
}

/// Fails with every line of a source outside `allowed` that holds `word`.
fn occurs_only_in(word: &str, allowed: &[&str]) {
    let allowed = |path: &Path| {
        iter::once(&"tests/").chain(allowed).any(|place| path.to_string_lossy().contains(place))
    };
    let offences: Vec<String> = sources()
        .iter()
        .filter(|(path, _)| !allowed(path))
        .flat_map(|(path, text)| {
            let lines = text.lines().filter(|line| line.contains(word));
            lines.map(move |line| format!("{}: {}", path.display(), line.trim()))
        })
        .collect();
    assert!(
        offences.is_empty(),
        "{word} outside {:?}:\n{}",
        allowed(Path::new("")),
        offences.join("\n")
    );
}

#[test]
fn aws_and_http_are_used_by_the_adapters_only() {
    occurs_only_in(
        "aws_sdk_",
        &["shared/src/endpoint/", "shared/src/store/", "shared/src/stack.rs"],
    );
    occurs_only_in("hyper::", &["shared/src/endpoint/", "simulator/"]);
}

#[test]
fn lambda_and_the_command_line_stay_at_the_edge() {
    occurs_only_in("lambda_runtime", &["functions/"]);
    occurs_only_in("clap::", &["cli/"]);
}

#[test]
fn clocks_are_read_where_they_are_allowed() {
    occurs_only_in("Timestamp::now()", &["/main.rs", "cli/src/command/"]);
    occurs_only_in(
        "Instant::now()",
        &["shared/src/", "shared/benches/", "functions/runner/", "simulator/", "cli/src/progress/"],
    );
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, text)| (path.display().to_string(), text.lines().count()))
        .filter(|(path, lines)| {
            *lines > LINES_MAX && !LONG_FILES.iter().any(|(known, _)| known == path)
        })
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
