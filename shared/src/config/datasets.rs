//! The prompts: `datasets`, with `defaults.max_tokens`.

use serde_saphyr::{Location, Spanned};

use super::check::{Checker, join};
use super::raw::{self, Field};
use super::{DatasetSettings, Given};
use crate::dataset::{DatasetSource, MIN_SYNTHETIC_TOKENS};

/// How many synthetic prompts there are when it is not said.
pub(super) const DEFAULT_SYNTHETIC_COUNT: u32 = 100;
/// The largest `max_tokens`, and the longest synthetic prompt.
pub(super) const MAX_TOKENS: u32 = 1_000_000;
const MAX_SYNTHETIC_COUNT: u32 = 100_000;
/// All prompts of a synthetic dataset together: some 100 MB of text.
const MAX_SYNTHETIC_TOTAL: u64 = 20_000_000;

/// Checks all datasets; those that are wrong are left out and have left their errors.
pub(super) fn check(
    checker: &mut Checker<'_>,
    datasets: &Field<Vec<Spanned<raw::Dataset>>>,
    default_max_tokens: &Given<u32>,
) -> Vec<DatasetSettings> {
    let list = datasets.as_ref().map_or(&[][..], |list| &list.value);
    if list.is_empty() {
        checker.refuse(
            datasets.as_ref().map_or(Location::UNKNOWN, |list| list.referenced),
            "datasets",
            "there are no prompts to send",
            "give at least one: `datasets: [{name: mine, file: prompts.jsonl, max_tokens: 100}]`",
        );
    }
    let mut names = Vec::new();
    let mut all = Vec::new();
    for (index, dataset) in list.iter().enumerate() {
        let path = format!("datasets[{index}]");
        let at = dataset.referenced;
        let raw = &dataset.value;
        let name = checker.name(&raw.name, at, &path, &mut names);
        checker.not_yet_fields(&path, &[("template", &raw.template), ("bucket", &raw.bucket)]);
        let source = source(checker, raw, at, &path);
        let max_tokens_path = join(&path, "max_tokens");
        let max_tokens = match (&raw.max_tokens, default_max_tokens) {
            (Some(_), _) => checker.count(&raw.max_tokens, &max_tokens_path, &(1..=MAX_TOKENS)),
            (None, Given::Value(max_tokens)) => Some(*max_tokens),
            (None, Given::Refused) => None,
            (None, Given::Absent) => {
                checker.refuse(
                    at,
                    &max_tokens_path,
                    "it is not said how long answers may get",
                    "give `max_tokens: 100` here, or `defaults: {max_tokens: 100}` for all",
                );
                None
            }
        };
        if let (Some(name), Some(source), Some(max_tokens)) = (name, source, max_tokens) {
            let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
            all.push(DatasetSettings {
                name,
                source,
                max_tokens,
                line: number(at.line()),
                column: number(at.column()),
            });
        }
    }
    all
}

fn source(
    checker: &mut Checker<'_>,
    raw: &raw::Dataset,
    at: Location,
    path: &str,
) -> Option<DatasetSource> {
    match (&raw.file, &raw.prompts, &raw.synthetic) {
        (Some(file), None, None) => self::file(checker, file, &join(path, "file")),
        (None, Some(prompts), None) => inline(checker, prompts, &join(path, "prompts")),
        (None, None, Some(spec)) => synthetic(checker, spec, &join(path, "synthetic")),
        (None, None, None) => {
            checker.refuse(
                at,
                path,
                "it is not said where the prompts come from",
                "give one of `file: prompts.jsonl`, `prompts: [...]` and `synthetic: {prompt_tokens: 550}`",
            );
            None
        }
        _ => {
            checker.refuse(
                at,
                path,
                "the prompts come from more than one source",
                "give one of `file`, `prompts` and `synthetic`, and make the others datasets of their own",
            );
            None
        }
    }
}

fn file(checker: &mut Checker<'_>, file: &Spanned<String>, path: &str) -> Option<DatasetSource> {
    let name = file.value.as_str();
    if name.starts_with("s3://") {
        checker.not_yet(
            file.referenced,
            path,
            "a file in S3",
            "copy it beside the configuration (`aws s3 cp`) and give its path",
        );
    } else if name.trim().is_empty() || name.contains('\0') {
        checker.refuse(
            file.referenced,
            path,
            "this is not the path of a file",
            "write the path of a JSONL file, relative to the configuration",
        );
    } else {
        return Some(DatasetSource::File(name.into()));
    }
    None
}

fn inline(
    checker: &mut Checker<'_>,
    prompts: &Spanned<Vec<Spanned<String>>>,
    path: &str,
) -> Option<DatasetSource> {
    if prompts.value.is_empty() {
        checker.refuse(
            prompts.referenced,
            path,
            "the list has no prompt",
            "write at least one: `prompts: [\"Tell me a story.\"]`",
        );
        return None;
    }
    let mut is_good = true;
    for (index, prompt) in prompts.value.iter().enumerate() {
        if prompt.value.trim().is_empty() {
            checker.refuse(
                prompt.referenced,
                &format!("{path}[{index}]"),
                "this prompt is empty",
                "write what is to be asked, or remove it",
            );
            is_good = false;
        }
    }
    let texts = prompts.value.iter().map(|prompt| prompt.value.clone()).collect();
    is_good.then_some(DatasetSource::Inline(texts))
}

fn synthetic(
    checker: &mut Checker<'_>,
    synthetic: &Spanned<raw::Synthetic>,
    path: &str,
) -> Option<DatasetSource> {
    let raw = &synthetic.value;
    checker.not_yet_fields(path, &[("output_tokens", &raw.output_tokens)]);
    let count = match &raw.count {
        Some(_) => checker.count(&raw.count, &join(path, "count"), &(1..=MAX_SYNTHETIC_COUNT)),
        None => Some(DEFAULT_SYNTHETIC_COUNT),
    };
    let tokens_path = join(path, "prompt_tokens");
    let prompt_tokens = match &raw.prompt_tokens {
        None => {
            checker.refuse(
                synthetic.referenced,
                &tokens_path,
                "it is not said how long the prompts are",
                "give `prompt_tokens: 550`",
            );
            None
        }
        Some(Spanned { value: raw::Tokens::Distribution, referenced, .. }) => {
            checker.not_yet(
                *referenced,
                &tokens_path,
                "a distribution of lengths",
                "write one length: `prompt_tokens: 550`; make other lengths datasets of their own",
            );
            None
        }
        Some(Spanned { value: raw::Tokens::Fixed(tokens), referenced, .. }) => {
            let range = MIN_SYNTHETIC_TOKENS..=MAX_TOKENS;
            checker.integer(*tokens, *referenced, &tokens_path, &range)
        }
    };
    let (prompt_tokens, count) = (prompt_tokens?, count?);
    let most = MAX_SYNTHETIC_TOTAL / u64::from(prompt_tokens);
    if u64::from(count) > most {
        let at = raw.count.as_ref().map_or(synthetic.referenced, |count| count.referenced);
        checker.refuse(
            at,
            &join(path, "count"),
            format!("{count} prompts of {prompt_tokens} tokens are too much text"),
            format!("write a `count` of at most {most}"),
        );
        return None;
    }
    Some(DatasetSource::Synthetic { prompt_tokens, count })
}
