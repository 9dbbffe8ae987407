//! Every key of every store, built here and nowhere else.
//!
//! DynamoDB: `pk` and `sk` of one table. Artifacts: `/`-separated keys below `runs/<run>/`.
//! Names hold neither `#` nor `/`, so no key can be read two ways.

use crate::store::{BlockKey, StoreError};
use crate::units::{ExperimentId, Name, RunId};

/// Partition of a run's own items.
pub fn run(run_id: &RunId) -> String {
    format!("RUN#{run_id}")
}

/// Partition of the list of runs.
pub const RUNS: &str = "RUNS";

/// Sort key of a run's own item.
pub const META: &str = "META";

/// Sort key of what a run has spent: away from META, which every worker reads.
pub const SPEND: &str = "SPEND";

/// Sort key in the list of runs: in order of time.
pub fn runs_entry(started_at: &str, run_id: &RunId) -> String {
    format!("{started_at}#{run_id}")
}

/// What the sort keys of a run's blocks start with.
pub const BLOCK_PREFIX: &str = "BLOCK#";

/// Sort key of a block.
pub fn block(key: &BlockKey) -> String {
    format!("{BLOCK_PREFIX}{}#{:04}#{:04}", key.experiment, key.round, key.block)
}

/// Sort key of the readable metrics of an experiment in a round.
pub fn metrics(experiment: &ExperimentId, round: u32) -> String {
    format!("METRICS#{experiment}#{round:04}")
}

/// Partition of an attempt's packed records.
pub fn attempt(key: &BlockKey, attempt: u32) -> String {
    format!("RUN#{}#{}#{:04}#{:04}#{attempt:04}", key.run_id, key.experiment, key.round, key.block)
}

/// Sort key of a chunk of packed records.
pub fn chunk(number: u32) -> String {
    format!("{number:08}")
}

/// What the artifact keys of a run start with.
pub fn artifacts(run_id: &RunId) -> String {
    format!("runs/{run_id}/")
}

/// The configuration as it was given.
pub fn config(run_id: &RunId) -> String {
    format!("{}config.yml", artifacts(run_id))
}

/// The plan.
pub fn plan(run_id: &RunId) -> String {
    format!("{}plan.json", artifacts(run_id))
}

/// References to the lanes' blocks of a round, a lane on each line.
pub fn lanes(run_id: &RunId, round: u32) -> String {
    format!("{}lanes/{round:04}.jsonl", artifacts(run_id))
}

/// The prompts that workers send.
pub fn prompts(run_id: &RunId, dataset: &Name) -> String {
    format!("{}prompts/{dataset}.jsonl", artifacts(run_id))
}

/// The records of an experiment in a round, for people who analyse them elsewhere.
pub fn records(run_id: &RunId, experiment: &ExperimentId, round: u32) -> String {
    format!("{}records/{experiment}/{round:04}.parquet", artifacts(run_id))
}

/// A file of the report.
pub fn report(run_id: &RunId, file: &str) -> String {
    format!("{}report/{file}", artifacts(run_id))
}

/// What a run had come to when it was last concluded.
pub fn conclusion(run_id: &RunId) -> String {
    format!("{}conclusion.json", artifacts(run_id))
}

/// A file that was uploaded for runs: by its content, so that what does not change is there once.
/// Its name keeps its ending, and of the rest what needs no quotes anywhere.
pub fn upload(sha256: &str, name: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-');
    let name: String = name.chars().map(|sign| if plain(sign) { sign } else { '_' }).collect();
    let hidden = if name.starts_with(['.', '-']) { "_" } else { "" };
    format!("configs/{sha256}/{hidden}{name}")
}

/// What the last concluded run has come to.
pub const LATEST: &str = "latest.json";

/// What a file's ending says of its content.
pub fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "md" => "text/markdown; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "jsonl" => "application/jsonl",
        "yml" | "yaml" => "application/yaml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "parquet" => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// Refuses what no artifact may be called: an empty part between two `/`, one that starts with a
/// `.` (so neither `..` nor a temporary file), and signs that some file system reads as a path.
pub fn check_artifact(key: &str) -> Result<(), StoreError> {
    let allowed = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(|sign: char| sign.is_control() || matches!(sign, '\\' | ':'))
    };
    if key.split('/').all(allowed) {
        return Ok(());
    }
    Err(StoreError::InvalidKey(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_do() {
        let key = |round, block| BlockKey {
            run_id: "r".parse().unwrap(),
            experiment: ExperimentId::from("a~b~c1".to_owned()),
            round,
            block,
        };
        assert_eq!(block(&key(1, 2)), "BLOCK#a~b~c1#0001#0002");
        assert!(block(&key(2, 10)) < block(&key(10, 2)));
        assert_eq!(attempt(&key(1, 2), 3), "RUN#r#a~b~c1#0001#0002#0003");
        assert!(chunk(9) < chunk(10));
    }

    #[test]
    fn uploads_have_names_that_need_no_quotes() {
        for (name, expected) in
            [("q-1.jsonl", "q-1.jsonl"), ("a b: ä.txt", "a_b___.txt"), (".env", "_.env")]
        {
            let key = upload("00ff", name);
            assert_eq!(key, format!("configs/00ff/{expected}"));
            assert!(check_artifact(&key).is_ok());
        }
    }

    #[test]
    fn artifact_keys_stay_in_their_folder() {
        for good in ["latest.json", "runs/r/report/report.md", "runs/r/prompts/en_1-500.jsonl"] {
            assert!(check_artifact(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "runs/../../x",
            "runs//x",
            "runs/",
            "a\\b",
            "C:x",
            ".x",
            "a\0",
        ] {
            assert!(matches!(check_artifact(bad), Err(StoreError::InvalidKey(_))), "{bad:?}");
        }
    }
}
