//! `--virtual-time`: the same bytes for the same seed, and whole runs in seconds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Desk;
use crate::binaries::workspace;

/// An example configuration of the repository.
pub(super) fn example(name: &str) -> String {
    fs::read_to_string(workspace().join("events").join(name)).unwrap()
}

/// All files of a run in virtual time, by name; without the database, whose pages tell their past.
pub(super) fn files_of(config: &str) -> BTreeMap<String, String> {
    let desk = Desk::new(config);
    desk.succeed(&["run", "config.yml", "--virtual-time", "--run-id", "again"]);
    let mut files = desk.files();
    files.retain(|name, _| !name.ends_with(".sqlite"));
    files
}

#[test]
fn a_run_in_virtual_time_is_the_same_to_the_byte_for_a_seed() {
    let config = example("quickstart.yml");
    let files = files_of(&config);
    for file in ["report.md", "summary.json", "price_latency.png"] {
        assert!(files.contains_key(&format!("fmgauge-out/runs/again/report/{file}")), "{file}");
    }
    assert!(files.keys().any(|name| name.ends_with(".parquet")));
    assert_eq!(files, files_of(&config));

    let other = files_of(&format!("{config}\nseed: 2\n"));
    let key = "fmgauge-out/runs/again/report/summary.json";
    assert_ne!(files[key], other[key], "another seed is another run");
}

#[test]
fn real_endpoints_are_refused() {
    let config = "version: 1\nendpoints: [{name: m, kind: bedrock, region: us-east-1, \
                  model_id: \"mistral.mistral-7b-instruct-v0:2\"}]\n\
                  datasets: [{name: d, prompts: [Why?], max_tokens: 5}]\n\
                  load: [{concurrency: 1}]\n";
    let desk = Desk::new(config);
    let before = desk.files();
    let done = desk.run(&["run", "config.yml", "--virtual-time"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("endpoint m is real"), "{}", done.stderr);
    assert_eq!(desk.files(), before);
}

/// The published benchmark of eleven models: what it recommends, and the sample report that the
/// README shows.
#[test]
fn the_published_benchmark_is_repeated_and_its_report_is_the_sample() {
    let desk = Desk::new(&example("bedrock-2024-04.yml"));
    desk.succeed(&["run", "config.yml", "--virtual-time", "--run-id", "sample"]);
    let report = desk.path("fmgauge-out/runs/sample/report");
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(report.join("summary.json")).unwrap()).unwrap();
    let choices = summary["decision"]["datasets"].as_array().unwrap();
    let longest = choices.iter().find(|choice| choice["dataset"] == "en_3000-4000").unwrap();
    let chosen = longest["choice"]["best"]["experiment"].as_str().unwrap();
    assert!(chosen.starts_with("mistral-7b~"), "{chosen}");
    assert_eq!(summary["summary"]["experiments"].as_array().unwrap().len(), 110);

    let sample = workspace().join("docs/sample-report");
    let is_shown = |name: &String| {
        let ending = Path::new(name).extension().unwrap_or_default();
        ending != "svg" && ending != "json" && ending != "html"
    };
    let files: Vec<String> = names(&report).into_iter().filter(is_shown).collect();
    if std::env::var_os("UPDATE_SAMPLE").is_some() {
        fs::create_dir_all(&sample).unwrap();
        for name in &files {
            fs::copy(report.join(name), sample.join(name)).unwrap();
        }
    }
    assert_eq!(names(&sample), files);
    for name in &files {
        let same = fs::read(report.join(name)).unwrap() == fs::read(sample.join(name)).unwrap();
        assert!(
            same,
            "docs/sample-report/{name} is not current: run this test with UPDATE_SAMPLE=1"
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
