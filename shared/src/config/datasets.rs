//! The prompts: `datasets`, with `defaults.max_tokens`.

use serde_saphyr::Location;

use super::check::{Checker, join};
use super::raw::{self, Field, OneOrMany, Spanned};
use super::{DatasetSettings, Given};
use crate::dataset::{
    Bucket, DatasetSource, DatasetSpec, Lengths, MAX_TOKENS, MIN_SYNTHETIC_TOKENS, Place, Synthetic,
};

/// How many synthetic prompts there are when it is not said.
pub(super) const DEFAULT_SYNTHETIC_COUNT: u32 = 100;
pub(super) const MAX_SYNTHETIC_COUNT: u32 = 100_000;
/// All prompts of a synthetic dataset together: some 100 MB of text.
const MAX_SYNTHETIC_TOTAL: u64 = 20_000_000;

/// Checks all datasets; those that are wrong are left out and have left their errors.
pub(super) fn check(
    checker: &mut Checker<'_>,
    raw: &raw::Raw,
    default_max_tokens: &Given<u32>,
) -> Vec<DatasetSettings> {
    let list = raw.datasets();
    if list.is_empty() {
        checker.refuse(
            raw.datasets.as_ref().map_or(Location::UNKNOWN, |list| list.referenced),
            "datasets",
            "there are no prompts to send",
            "give at least one: `datasets: [{name: mine, file: prompts.jsonl, max_tokens: 100}]`",
        );
    }
    let mut names = Vec::new();
    let mut all = Vec::new();
    for (index, dataset) in list.iter().enumerate() {
        let at = dataset.referenced;
        let raw = &dataset.value;
        let mut item = Item { checker, path: format!("datasets[{index}]"), at, raw };
        let name = item.checker.name(&raw.name, at, &item.path, &mut names);
        let source = item.source();
        let bucket = item.bucket();
        let tokenizer = item.place("tokenizer", &raw.tokenizer);
        let max_tokens = item.max_tokens(default_max_tokens);
        if let (Some(name), Some(source), Some(max_tokens)) = (name, source, max_tokens) {
            let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
            all.push(DatasetSettings {
                spec: DatasetSpec { name, source, tokenizer, bucket, max_tokens },
                line: number(at.line()),
                column: number(at.column()),
            });
        }
    }
    all
}

struct Item<'a, 't> {
    checker: &'a mut Checker<'t>,
    path: String,
    at: Location,
    raw: &'a raw::Dataset,
}

impl Item<'_, '_> {
    fn max_tokens(&mut self, default: &Given<u32>) -> Option<u32> {
        let path = join(&self.path, "max_tokens");
        let given = &self.raw.max_tokens;
        if given.is_some() {
            return self.checker.count(given, &path, &(1..=MAX_TOKENS));
        }
        let has_own = self.raw.synthetic.as_ref().is_some_and(|s| s.value.output_tokens.is_some());
        match default {
            // The default is for datasets that do not say how long answers are.
            _ if has_own => Some(MAX_TOKENS),
            Given::Value(max_tokens) => Some(*max_tokens),
            Given::Refused => None,
            Given::Absent => {
                self.checker.refuse(
                    self.at,
                    &path,
                    "it is not said how long answers may get",
                    "give `max_tokens: 100` here, or `defaults: {max_tokens: 100}` for all",
                );
                None
            }
        }
    }

    fn source(&mut self) -> Option<DatasetSource> {
        let raw = self.raw;
        if let (Some(template), None) = (&raw.template, &raw.file) {
            self.checker.refuse(
                template.referenced,
                &join(&self.path, "template"),
                "a template is filled from the lines of a `file`, and there is none",
                "give `file: data.jsonl`, or leave out the template",
            );
        }
        match (&raw.file, &raw.prompts, &raw.synthetic) {
            (Some(file), None, None) => self.files(file),
            (None, Some(prompts), None) => self.inline(prompts),
            (None, None, Some(spec)) => self.synthetic(spec).map(DatasetSource::Synthetic),
            (None, None, None) => {
                self.checker.refuse(
                    self.at,
                    &self.path,
                    "it is not said where the prompts come from",
                    "give one of `file: prompts.jsonl`, `prompts: [...]` and `synthetic: {prompt_tokens: 550}`",
                );
                None
            }
            _ => {
                self.checker.refuse(
                    self.at,
                    &self.path,
                    "the prompts come from more than one source",
                    "give one of `file`, `prompts` and `synthetic`, and make the others datasets of their own",
                );
                None
            }
        }
    }

    fn files(&mut self, file: &Spanned<OneOrMany<String>>) -> Option<DatasetSource> {
        let path = join(&self.path, "file");
        let template = self.place("template", &self.raw.template);
        let files = match &file.value {
            OneOrMany::One(name) => vec![place(self.checker, name, file.referenced, &path)],
            OneOrMany::Many(list) => {
                if list.is_empty() {
                    let mend = "write at least one: `file: [prompts.jsonl]`";
                    self.checker.refuse(file.referenced, &path, "the list has no file", mend);
                    return None;
                }
                let read = |(index, name): (usize, &Spanned<String>)| {
                    let path = format!("{path}[{index}]");
                    place(self.checker, &name.value, name.referenced, &path)
                };
                list.iter().enumerate().map(read).collect()
            }
        };
        let files = files.into_iter().collect::<Option<Vec<_>>>()?;
        Some(DatasetSource::Files { files, template })
    }

    fn inline(&mut self, prompts: &Spanned<Vec<Spanned<String>>>) -> Option<DatasetSource> {
        let path = join(&self.path, "prompts");
        if prompts.value.is_empty() {
            self.checker.refuse(
                prompts.referenced,
                &path,
                "the list has no prompt",
                "write at least one: `prompts: [\"Tell me a story.\"]`",
            );
            return None;
        }
        for (index, prompt) in prompts.value.iter().enumerate() {
            if prompt.value.trim().is_empty() {
                self.checker.refuse(
                    prompt.referenced,
                    &format!("{path}[{index}]"),
                    "this prompt is empty",
                    "write what is to be asked, or remove it",
                );
            }
        }
        let texts = prompts.value.iter().map(|prompt| prompt.value.clone()).collect();
        Some(DatasetSource::Inline(texts))
    }

    fn synthetic(&mut self, synthetic: &Spanned<raw::Synthetic>) -> Option<Synthetic> {
        let raw = &synthetic.value;
        let path = join(&self.path, "synthetic");
        let corpus = self.place("synthetic.corpus", &raw.corpus);
        let count_path = join(&path, "count");
        let count = match &raw.count {
            Some(_) => self.checker.count(&raw.count, &count_path, &(1..=MAX_SYNTHETIC_COUNT)),
            None => Some(DEFAULT_SYNTHETIC_COUNT),
        };
        let tokens_path = join(&path, "prompt_tokens");
        let prompt_tokens = if let Some(tokens) = &raw.prompt_tokens {
            self.lengths(tokens, &tokens_path, MIN_SYNTHETIC_TOKENS)
        } else {
            self.checker.refuse(
                synthetic.referenced,
                &tokens_path,
                "it is not said how long the prompts are",
                "give `prompt_tokens: 550`",
            );
            None
        };
        let output_tokens = raw
            .output_tokens
            .as_ref()
            .and_then(|tokens| self.lengths(tokens, &join(&path, "output_tokens"), 1));
        if let (Some(lengths), Some(given), Some(limit)) =
            (output_tokens, &raw.output_tokens, &self.raw.max_tokens)
            && i64::from(lengths.mean()) > limit.value
        {
            self.checker.refuse(
                given.referenced,
                &join(&path, "output_tokens"),
                format!("answers of {} tokens are above `max_tokens`", lengths.mean()),
                "raise `max_tokens` of this dataset, or leave it out",
            );
        }
        let (prompt_tokens, count) = (prompt_tokens?, count?);
        let most = MAX_SYNTHETIC_TOTAL / u64::from(prompt_tokens.mean());
        if u64::from(count) > most {
            let at = raw.count.as_ref().map_or(synthetic.referenced, |count| count.referenced);
            self.checker.refuse(
                at,
                &count_path,
                format!("{count} prompts of {} tokens are too much text", prompt_tokens.mean()),
                format!("write a `count` of at most {most}"),
            );
            return None;
        }
        Some(Synthetic { prompt_tokens, output_tokens, count, corpus })
    }

    fn lengths(
        &mut self,
        tokens: &Spanned<raw::Tokens>,
        path: &str,
        shortest: u32,
    ) -> Option<Lengths> {
        let at = tokens.referenced;
        let raw = match &tokens.value {
            raw::Tokens::Fixed(tokens) => {
                let tokens = self.checker.integer(*tokens, at, path, &(shortest..=MAX_TOKENS));
                return tokens.map(Lengths::Fixed);
            }
            raw::Tokens::Distribution(raw) => raw,
        };
        let mean_path = join(path, "mean");
        let Some(mean) = &raw.mean else {
            let mend = "give `{mean: 550, stddev: 150}`, or one length";
            self.checker.refuse(at, &mean_path, "a distribution needs its mean", mend);
            return None;
        };
        let range = shortest..=MAX_TOKENS;
        let mean = self.checker.integer(mean.value, mean.referenced, &mean_path, &range)?;
        let stddev = match &raw.stddev {
            Some(_) => self.checker.count(&raw.stddev, &join(path, "stddev"), &(0..=mean))?,
            None => 0,
        };
        Some(if stddev == 0 { Lengths::Fixed(mean) } else { Lengths::Normal { mean, stddev } })
    }

    fn bucket(&mut self) -> Option<Bucket> {
        let bucket = self.raw.bucket.as_ref()?;
        let path = join(&self.path, "bucket");
        let raw = &bucket.value;
        if raw.from.is_none() && raw.below.is_none() {
            let mend = "give both: `bucket: {from: 1, below: 500}`";
            self.checker.refuse(bucket.referenced, &path, "the bucket has no limits", mend);
        }
        let from = self.checker.count(&raw.from, &join(&path, "from"), &(0..=MAX_TOKENS));
        let from = from.unwrap_or(0);
        let below = self.checker.count(&raw.below, &join(&path, "below"), &(1..=MAX_TOKENS));
        if below.is_some_and(|below| below <= from) {
            self.checker.refuse(
                bucket.referenced,
                &path,
                "no length is in this bucket: `below` is not above `from`",
                "write the shorter length as `from`, and as `below` the first that is too long",
            );
        }
        Some(Bucket { from, below })
    }

    /// A file of the dataset, if it is given.
    fn place(&mut self, name: &str, field: &Field<String>) -> Option<Place> {
        let field = field.as_ref()?;
        place(self.checker, &field.value, field.referenced, &join(&self.path, name))
    }
}

fn place(checker: &mut Checker<'_>, text: &str, at: Location, path: &str) -> Option<Place> {
    let place = Place::parse(text);
    if place.is_none() {
        let (problem, mend) = if text.starts_with("s3://") {
            ("this is not an object in S3", "write `s3://`, the bucket, `/` and the object's key")
        } else {
            ("this is not the path of a file", "write a path relative to the configuration")
        };
        checker.refuse(at, path, problem, mend);
    }
    place
}
