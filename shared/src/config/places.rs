//! Naming other places for the files of a configuration, and leaving the rest of its text alone.

use std::ops::Range;

use serde_saphyr::Location;

use super::check::Checker;
use super::error::ConfigErrors;
use super::raw::{self, OneOrMany};
use super::{Settings, parse, shape};
use crate::dataset::{DatasetSource, DatasetSpec, Place};

/// What the mend is where a path cannot be replaced.
const MEND: &str = "write it as one plain or quoted text that nothing else in the file refers to, \
                    or put the file into the stack's bucket yourself and give its s3:// address";

/// The text with other places for those of its files that `instead` knows. What is written around
/// them stays as it is, comments included, and so does everything that the text means.
///
/// New places must be of letters, digits and `/`, `:`, `.`, `_` and `-` only, so that they need no
/// quotes.
///
/// # Errors
///
/// Those of [`parse`], and paths that are written so that they cannot be replaced: in a block of
/// several lines, or where something else refers to them.
pub fn with_places(
    text: &str,
    instead: impl Fn(&Place) -> Option<String>,
) -> Result<String, ConfigErrors> {
    let settings = parse(text)?;
    let raw = shape::read::<raw::Raw>(text).map_err(|error| ConfigErrors::from(*error))?;
    let mut replaced = text.to_owned();
    // From the end, so that what stands before stays where it is.
    for (range, place) in written(&raw, text, &instead).into_iter().rev() {
        let quote = text[range.clone()].chars().next().filter(|sign| matches!(sign, '"' | '\''));
        let quote = quote.map(String::from).unwrap_or_default();
        replaced.replace_range(range, &format!("{quote}{place}{quote}"));
    }
    let mut checker = Checker::new(text);
    let are_replaced = are_replaced(settings, &replaced, &instead);
    for (index, dataset) in raw.datasets().iter().enumerate() {
        if are_replaced.get(index) != Some(&true) {
            let path = format!("datasets[{index}]");
            checker.refuse(
                dataset.referenced,
                &path,
                "the path of a file cannot be replaced",
                MEND,
            );
        }
    }
    checker.finish(replaced)
}

/// Where the places that are to be replaced are written, in order, with the new ones.
fn written(
    raw: &raw::Raw,
    text: &str,
    instead: &impl Fn(&Place) -> Option<String>,
) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut add = |path: &str, defined: Location| {
        let range = range(defined).filter(|range| text.get(range.clone()).is_some());
        let place = Place::parse(path).as_ref().and_then(instead);
        if let (Some(range), Some(place)) = (range, place) {
            found.push((range, place));
        }
    };
    for dataset in raw.datasets().iter().map(|dataset| &dataset.value) {
        if let Some(file) = &dataset.file {
            match &file.value {
                OneOrMany::One(path) => add(path, file.defined),
                OneOrMany::Many(list) => {
                    for path in list {
                        add(&path.value, path.defined);
                    }
                }
            }
        }
        let corpus = dataset.synthetic.as_ref().and_then(|spec| spec.value.corpus.as_ref());
        for path in [&dataset.template, &dataset.tokenizer].into_iter().flatten().chain(corpus) {
            add(&path.value, path.defined);
        }
    }
    // What is merged into several datasets is written once.
    found.sort_unstable_by_key(|(range, _)| range.start);
    found.dedup();
    found
}

/// The bytes of a value.
fn range(at: Location) -> Option<Range<usize>> {
    let span = at.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    Some(start..start + usize::try_from(span.byte_len()?).ok()?)
}

/// Whether the new text means the same but for the places, dataset by dataset; `false` for all where
/// something else has changed, too.
fn are_replaced(
    mut settings: Settings,
    replaced: &str,
    instead: &impl Fn(&Place) -> Option<String>,
) -> Vec<bool> {
    let datasets = std::mem::take(&mut settings.datasets);
    let Ok(mut new) = parse(replaced) else { return vec![false; datasets.len()] };
    let new_datasets = std::mem::take(&mut new.datasets);
    settings.text_sha256.clone_from(&new.text_sha256);
    if new != settings || new_datasets.len() != datasets.len() {
        return vec![false; datasets.len()];
    }
    let pairs = datasets.into_iter().zip(new_datasets);
    pairs.map(|(old, new)| moved(old.spec, instead) == new.spec).collect()
}

/// A dataset whose files are where they are to be.
fn moved(mut spec: DatasetSpec, instead: &impl Fn(&Place) -> Option<String>) -> DatasetSpec {
    let places = match &mut spec.source {
        DatasetSource::Files { files, template } => files.iter_mut().chain(template).collect(),
        DatasetSource::Inline(_) => Vec::new(),
        DatasetSource::Synthetic(synthetic) => synthetic.corpus.iter_mut().collect(),
    };
    for place in places.into_iter().chain(&mut spec.tokenizer) {
        if let Some(new) = instead(place).as_deref().and_then(Place::parse) {
            *place = new;
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "version: 1 # ours
endpoints: # what we use today
  - {name: a, kind: bedrock, region: us-east-1, model_id: mistral.mistral-7b-instruct-v0:2}
load: [{concurrency: 1}]
";

    /// The datasets of a configuration with every path put into a bucket.
    #[track_caller]
    fn check(datasets: &str, expected: &str) {
        let instead = |place: &Place| match place {
            Place::Path(path) => {
                Some(format!("s3://b/{}", path.display().to_string().replace(' ', "_")))
            }
            Place::S3 { .. } => None,
        };
        let replaced = with_places(&format!("{HEAD}{datasets}"), instead).unwrap();
        assert_eq!(replaced.strip_prefix(HEAD).unwrap(), expected);
    }

    fn refusal(datasets: &str) -> String {
        let replaced = with_places(&format!("{HEAD}{datasets}"), |_| Some("s3://b/k".to_owned()));
        replaced.unwrap_err().to_string()
    }

    #[test]
    fn paths_are_replaced_and_nothing_else() {
        check(
            "datasets:
  - name: plain
    file: prompts.jsonl   # ä, kept
    template: qa.txt
    max_tokens: 9
  - {name: flow, file: [one.txt, 'two 2.txt', \"three.txt\", s3://c/d.txt], max_tokens: 9} # €
  - name: tokens
    synthetic: {prompt_tokens: 99, corpus: \"\\u0063orpus.txt\"}
    tokenizer:
      tokenizer.json
    max_tokens: 9
  - {name: prompts.jsonl, prompts: [prompts.jsonl], max_tokens: 9}
",
            "datasets:
  - name: plain
    file: s3://b/prompts.jsonl   # ä, kept
    template: s3://b/qa.txt
    max_tokens: 9
  - {name: flow, file: [s3://b/one.txt, 's3://b/two_2.txt', \"s3://b/three.txt\", s3://c/d.txt], max_tokens: 9} # €
  - name: tokens
    synthetic: {prompt_tokens: 99, corpus: \"s3://b/corpus.txt\"}
    tokenizer:
      s3://b/tokenizer.json
    max_tokens: 9
  - {name: prompts.jsonl, prompts: [prompts.jsonl], max_tokens: 9}
",
        );
    }

    #[test]
    fn what_is_merged_or_referred_to_is_replaced_where_it_is_written() {
        check(
            "datasets:
  - &first
    name: one
    file: &prompts prompts.jsonl # c
    max_tokens: 9
  - {name: two, file: *prompts, max_tokens: 9}
  - <<: *first
    name: three
",
            "datasets:
  - &first
    name: one
    file: &prompts s3://b/prompts.jsonl # c
    max_tokens: 9
  - {name: two, file: *prompts, max_tokens: 9}
  - <<: *first
    name: three
",
        );
    }

    #[test]
    fn json_stays_json() {
        let json = r#"{"version": 1, "endpoints": [{"name": "a", "kind": "bedrock", "region": "us-east-1", "model_id": "meta.llama3-8b-instruct-v1:0"}], "load": [{"concurrency": 1}], "datasets": [{"name": "d", "file": "p.jsonl", "max_tokens": 9}]}"#;
        let replaced = with_places(json, |_| Some("s3://b/k/p.jsonl".to_owned())).unwrap();
        assert_eq!(replaced, json.replace("p.jsonl", "s3://b/k/p.jsonl"));
        serde_json::from_str::<serde_json::Value>(&replaced).unwrap();
    }

    #[test]
    fn what_cannot_be_replaced_is_refused_at_its_place() {
        // Its name would change with it.
        insta::assert_snapshot!(
            refusal("datasets:\n  - {name: &n p.txt, file: *n, max_tokens: 9}\n"),
            @r"
        line 6, column 5: datasets[0]: the path of a file cannot be replaced
          |
        6 |   - {name: &n p.txt, file: *n, max_tokens: 9}
          |     ^
          = help: write it as one plain or quoted text that nothing else in the file refers to, or put the file into the stack's bucket yourself and give its s3:// address
        "
        );
        let block =
            refusal("datasets:\n  - name: d\n    file: >-\n      p.txt\n    max_tokens: 9\n");
        assert!(block.starts_with("line 6, column 5: datasets[0]: the path"), "{block}");
    }
}
