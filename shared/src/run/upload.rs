//! From a configuration on one machine to one that a deployed run can be started with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{RunError, Source, Stores, draft};
use crate::config::with_places;
use crate::dataset::{DatasetError, Place};
use crate::digest::sha256;
use crate::plan::Plan;
use crate::store::{ArtifactStore, RecordStore, StoreError, keys};
use crate::units::RunId;

/// A configuration in the bucket, with all that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Uploaded {
    /// Its address, for the state machine.
    pub config_uri: String,
    /// The files that were on this machine, by their addresses.
    pub files: BTreeMap<PathBuf, String>,
    /// What will be measured.
    pub plan: Plan,
}

/// Checks a configuration as a deployed run does, and uploads it with the files that it names,
/// whose paths are relative to `folder`. `name` is what the configuration is called.
///
/// Files lie by their content: what is there is not sent again. Nothing is uploaded where anything
/// is refused.
pub async fn upload<R: RecordStore, A: ArtifactStore>(
    text: &str,
    name: &str,
    folder: &Path,
    run_id: &RunId,
    stores: &Stores<R, A>,
) -> Result<Uploaded, RunError> {
    let drafted = draft(text, run_id.clone(), &Source::Upload(folder.to_owned())).await?;
    if stores.records.run(run_id).await?.is_some() {
        return Err(RunError::Exists(run_id.clone()));
    }
    let mut files = BTreeMap::new();
    let mut contents = BTreeMap::new();
    for (dataset, line, path) in paths(text)? {
        let whole = folder.join(&path);
        let content = std::fs::read(&whole).map_err(|source| {
            let source = DatasetError::Read { file: Place::Path(whole.clone()), source };
            RunError::Dataset { name: dataset, line, source }
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let key = keys::upload(&sha256(&content), &name);
        files.insert(path, stores.artifacts.location(&key));
        contents.insert(key, content);
    }
    let text = with_places(text, |place| match place {
        Place::Path(path) => files.get(path).cloned(),
        Place::S3 { .. } => None,
    })?;
    let config = keys::upload(&sha256(&text), name);
    let config_uri = stores.artifacts.location(&config);
    contents.insert(config, text.into_bytes());
    for (key, content) in contents {
        put(&stores.artifacts, &key, content).await?;
    }
    Ok(Uploaded { config_uri, files, plan: drafted.plan })
}

/// The files on this machine that a configuration names, each with the dataset that does and its
/// line.
fn paths(text: &str) -> Result<Vec<(crate::units::Name, u32, PathBuf)>, RunError> {
    let mut paths = Vec::new();
    for dataset in crate::config::parse(text)?.datasets {
        for place in dataset.spec.places() {
            if let Place::Path(path) = place {
                paths.push((dataset.spec.name.clone(), dataset.line, path.clone()));
            }
        }
    }
    Ok(paths)
}

async fn put(
    artifacts: &impl ArtifactStore,
    key: &str,
    content: Vec<u8>,
) -> Result<(), StoreError> {
    if artifacts.list(key).await?.iter().any(|there| there == key) {
        return Ok(());
    }
    artifacts.put(key, content, keys::content_type(key)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::store::folder::FolderStore;
    use crate::store::sqlite::SqliteStore;

    const CONFIG: &str = "version: 1
endpoints:
  - {name: a, kind: bedrock, region: us-east-1, model_id: mistral.mistral-7b-instruct-v0:2}
datasets:
  - {name: mine, file: data/prompts.jsonl, template: qa.txt, max_tokens: 9} # ours
  - {name: same, file: data/prompts.jsonl, template: qa.txt, max_tokens: 9}
load: [{concurrency: 1}]
";

    async fn uploaded(text: &str, folder: &Path) -> Result<Uploaded, RunError> {
        let records = SqliteStore::open(folder.join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(folder.join("bucket")) };
        upload(text, "chat.yml", folder, &"r".parse().unwrap(), &stores).await
    }

    #[tokio::test]
    async fn files_are_uploaded_once_and_named_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::create_dir(folder.join("data")).unwrap();
        std::fs::write(folder.join("data/prompts.jsonl"), "{\"q\": \"Why?\"}\n").unwrap();
        std::fs::write(folder.join("qa.txt"), "Answer: {q}").unwrap();
        let done = uploaded(CONFIG, folder).await.unwrap();
        assert_eq!(done, uploaded(CONFIG, folder).await.unwrap());

        let text = std::fs::read_to_string(&done.config_uri).unwrap();
        let expected = [("data/prompts.jsonl", "prompts.jsonl"), ("qa.txt", "qa.txt")];
        let expected = expected.iter().fold(CONFIG.to_owned(), |text, (path, name)| {
            let location = &done.files[Path::new(path)];
            assert!(location.ends_with(&format!("/{name}")), "{location}");
            assert_eq!(std::fs::read(location).unwrap(), std::fs::read(folder.join(path)).unwrap());
            text.replace(path, location)
        });
        assert_eq!(text, expected);
        assert_eq!(done.files.len(), 2);
        assert!(done.config_uri.ends_with("/chat.yml"), "{}", done.config_uri);
        // What is measured is the same.
        assert_eq!(done.plan.config_sha256, config::parse(CONFIG).unwrap().text_sha256);
    }

    #[tokio::test]
    async fn nothing_is_uploaded_where_something_is_refused() {
        let check = async |text: &str, expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("qa.txt"), "Answer: {q}").unwrap();
            let error = uploaded(text, folder.path()).await.unwrap_err();
            let told = crate::causes::chain(&error);
            assert!(told.contains(expected), "{told}");
            assert!(!folder.path().join("bucket").exists());
        };
        check(CONFIG, "line 5 of the configuration, dataset mine: ").await;
        let simulated = CONFIG
            .replace("kind: bedrock, region: us-east-1, model_id", "kind: simulated, simulate_as");
        check(&simulated, "endpoint a (kind: simulated) cannot be used in a deployed run; ").await;
        check("version: 2", "`version: 1`").await;
    }
}
