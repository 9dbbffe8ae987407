//! `--virtual-time`: the same bytes for the same seed, and whole runs in seconds.

use std::collections::BTreeMap;

use super::Desk;

/// An example configuration of the repository.
fn example(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// All files of a run in virtual time, by name; without the database, whose pages tell their past.
fn files_of(config: &str) -> BTreeMap<String, String> {
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
