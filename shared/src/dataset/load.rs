//! From the content of files to prompts.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use tokenizers::Tokenizer;

use super::corpus::Corpus;
use super::jsonl::{Line, parse_jsonl, parse_text};
use super::synthetic::synthetic;
use super::template::Template;
use super::tokens::{Counter, parse_tokenizer};
use super::{Bucket, DatasetError, DatasetSource, DatasetSpec, MAX_TOKENS, Place, Prompt};

/// The content of every file that datasets name.
pub type Contents = BTreeMap<Place, Vec<u8>>;

/// Makes the prompts of datasets.
///
/// What several datasets share is read and counted once: the same files in five buckets, and a
/// tokenizer.
#[derive(Debug)]
pub struct Loader<'a> {
    contents: &'a Contents,
    seed: u64,
    tokenizers: HashMap<Place, Rc<Tokenizer>>,
    files: HashMap<FilesKey, Rc<[Prompt]>>,
}

/// Files, template and tokenizer.
type FilesKey = (Vec<Place>, Option<Place>, Option<Place>);

impl<'a> Loader<'a> {
    /// A loader over the content of all [`DatasetSpec::places`]. Generated prompts follow from
    /// `seed`.
    pub fn new(contents: &'a Contents, seed: u64) -> Self {
        Self { contents, seed, tokenizers: HashMap::new(), files: HashMap::new() }
    }

    /// A dataset's prompts; never an empty list.
    ///
    /// # Errors
    ///
    /// Where a file's content is not what it should be, or no prompt is left.
    pub fn load(&mut self, spec: &DatasetSpec) -> Result<Vec<Prompt>, DatasetError> {
        let tokenizer = spec.tokenizer.as_ref().map(|place| self.tokenizer(place)).transpose()?;
        let counter = tokenizer.as_deref().map_or(Counter::Estimate, Counter::Exact);
        let all: Rc<[Prompt]> = match &spec.source {
            DatasetSource::Files { files, template } => {
                let key = (files.clone(), template.clone(), spec.tokenizer.clone());
                if let Some(read) = self.files.get(&key) {
                    Rc::clone(read)
                } else {
                    let read = self.read(files, template.as_ref(), counter)?;
                    Rc::clone(self.files.entry(key).or_insert(read))
                }
            }
            DatasetSource::Inline(texts) => texts
                .iter()
                .map(|text| counted(text.clone(), None, counter))
                .collect::<Result<_, _>>()?,
            DatasetSource::Synthetic(of) => {
                let corpus = of.corpus.as_ref().map(|place| self.corpus(place)).transpose()?;
                let corpus = corpus.as_ref();
                synthetic(of, corpus, spec.max_tokens, counter, self.seed, &spec.name)?.into()
            }
        };
        let is_kept = |prompt: &&Prompt| {
            spec.bucket.is_none_or(|bucket| bucket.holds(prompt.estimated_tokens))
        };
        let limited = |prompt: &Prompt| Prompt {
            max_tokens: prompt.max_tokens.min(spec.max_tokens),
            ..prompt.clone()
        };
        let kept: Vec<Prompt> = all.iter().filter(is_kept).map(limited).collect();
        match spec.bucket {
            Some(bucket) if kept.is_empty() => Err(nothing_in(bucket, &all)),
            Some(_) | None => Ok(kept),
        }
    }

    fn tokenizer(&mut self, place: &Place) -> Result<Rc<Tokenizer>, DatasetError> {
        if let Some(known) = self.tokenizers.get(place) {
            return Ok(Rc::clone(known));
        }
        let parsed = parse_tokenizer(self.content(place)?).map_err(DatasetError::of(place))?;
        Ok(Rc::clone(self.tokenizers.entry(place.clone()).or_insert(Rc::new(parsed))))
    }

    fn corpus(&self, place: &Place) -> Result<Corpus<'a>, DatasetError> {
        Corpus::new(self.text(place)?).map_err(DatasetError::of(place))
    }

    /// The prompts of files, without a limit where a line has none of its own.
    fn read(
        &self,
        files: &[Place],
        template: Option<&Place>,
        counter: Counter<'_>,
    ) -> Result<Rc<[Prompt]>, DatasetError> {
        let template = match template {
            Some(place) => {
                Some(Template::parse(self.text(place)?).map_err(DatasetError::of(place))?)
            }
            None => None,
        };
        let mut prompts = Vec::new();
        for file in files {
            let text = self.text(file)?;
            let lines = if file.is_text() {
                parse_text(text, template.as_ref()).map(|line| vec![line])
            } else {
                parse_jsonl(text, template.as_ref())
            };
            for Line { text, max_tokens } in lines.map_err(DatasetError::of(file))? {
                prompts.push(counted(text, max_tokens, counter)?);
            }
        }
        Ok(prompts.into())
    }

    fn text(&self, place: &Place) -> Result<&'a str, DatasetError> {
        let text = std::str::from_utf8(self.content(place)?)
            .map_err(|error| DatasetError::NotUtf8(error.valid_up_to() + 1))
            .map_err(DatasetError::of(place))?;
        // Windows' editors begin UTF-8 files with a byte order mark.
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    fn content(&self, place: &Place) -> Result<&'a [u8], DatasetError> {
        let content = self.contents.get(place).map(Vec::as_slice);
        content.ok_or_else(|| DatasetError::NotGiven(place.clone()))
    }
}

/// A prompt with its own limit, or none.
fn counted(text: String, limit: Option<u32>, counter: Counter<'_>) -> Result<Prompt, DatasetError> {
    let estimated_tokens = counter.count(&text)?;
    Ok(Prompt { text, estimated_tokens, max_tokens: limit.unwrap_or(MAX_TOKENS) })
}

fn nothing_in(bucket: Bucket, all: &[Prompt]) -> DatasetError {
    let mut lengths: Vec<u32> = all.iter().map(|prompt| prompt.estimated_tokens).collect();
    lengths.sort_unstable();
    let at = |place: usize| lengths.get(place).copied().unwrap_or_default();
    DatasetError::Bucket {
        bucket,
        prompts: all.len(),
        shortest: at(0),
        median: at(all.len().saturating_sub(1) / 2),
        longest: at(all.len().saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tokens::tests::TOKENIZER;
    use crate::dataset::{Lengths, Synthetic};

    const QUESTIONS: &str = r#"{"input": "Why?", "context": "The sky is blue.", "max_tokens": 7}
{"input": "How long has it been so?", "context": "Since there is light."}
"#;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    fn contents() -> Contents {
        let files = [
            ("qa.jsonl", QUESTIONS),
            ("more.txt", "\u{feff}What is a queue?\n"),
            ("s3://b/qa.txt", "Context: {context}\nQuestion: {input}"),
            ("bad.jsonl", "{\"prompt\": \"a\"}\n7"),
            ("bad.txt", "{}"),
            ("tokenizer.json", TOKENIZER),
        ];
        let mut contents: Contents =
            files.into_iter().map(|(name, text)| (place(name), text.into())).collect();
        contents.insert(place("latin1.jsonl"), b"{\"prompt\": \"\xe4\"}".to_vec());
        contents
    }

    fn spec(source: DatasetSource) -> DatasetSpec {
        let name = "mine".parse().unwrap();
        DatasetSpec { name, source, tokenizer: None, bucket: None, max_tokens: 100 }
    }

    fn files(names: &[&str], template: Option<&str>) -> DatasetSpec {
        let files = names.iter().map(|name| place(name)).collect();
        spec(DatasetSource::Files { files, template: template.map(place) })
    }

    fn load(spec: &DatasetSpec) -> Result<Vec<Prompt>, String> {
        Loader::new(&contents(), 1).load(spec).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_read_one_after_the_other() {
        let prompts = load(&files(&["qa.jsonl", "more.txt"], None)).unwrap();
        let seen: Vec<_> = prompts.iter().map(|p| (p.text.as_str(), p.max_tokens)).collect();
        assert_eq!(
            seen,
            [("Why?", 7), ("How long has it been so?", 100), ("What is a queue?", 100)]
        );
        // A line's own limit may be lower, never higher.
        let few = load(&DatasetSpec { max_tokens: 5, ..files(&["qa.jsonl"], None) }).unwrap();
        assert!(few.iter().all(|prompt| prompt.max_tokens == 5));
    }

    #[test]
    fn a_template_and_buckets_are_applied() {
        let spec = files(&["qa.jsonl"], Some("s3://b/qa.txt"));
        let prompts = load(&spec).unwrap();
        assert_eq!(prompts[0].text, "Context: The sky is blue.\nQuestion: Why?");
        let [short, long] = [prompts[0].estimated_tokens, prompts[1].estimated_tokens];
        assert!(short < long);
        let contents = contents();
        let mut loader = Loader::new(&contents, 1);
        let mut bucket = |from, below| {
            let bucket = Some(Bucket { from, below: Some(below) });
            loader.load(&DatasetSpec { bucket, ..spec.clone() })
        };
        assert_eq!(bucket(short, long).unwrap(), prompts[..1]);
        assert_eq!(bucket(short + 1, long + 1).unwrap(), prompts[1..]);
        let error = bucket(3000, 4000).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"no prompt is in the bucket from 3000 to below 4000: the 2 prompts have 11 to 16 tokens, half of them up to 11");
    }

    #[test]
    fn a_tokenizer_counts_instead_of_the_estimate() {
        let tokenizer = Some(place("tokenizer.json"));
        let prompts = load(&DatasetSpec { tokenizer, ..files(&["more.txt"], None) }).unwrap();
        assert_eq!(prompts[0].estimated_tokens, 6);
    }

    #[test]
    fn a_corpus_is_a_source_of_synthetic_prompts() {
        let synthetic = Synthetic {
            prompt_tokens: Lengths::Fixed(40),
            output_tokens: None,
            count: 3,
            corpus: Some(place("more.txt")),
        };
        let prompts = load(&spec(DatasetSource::Synthetic(synthetic))).unwrap();
        assert_eq!(prompts.len(), 3);
        assert!(prompts.iter().all(|prompt| prompt.text.contains("What is a queue?")));
    }

    #[test]
    fn inline_prompts_keep_their_order() {
        let prompts =
            load(&spec(DatasetSource::Inline(vec!["One?".into(), "Two?".into()]))).unwrap();
        let texts: Vec<_> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
        assert_eq!(texts, ["One?", "Two?"]);
    }

    #[test]
    fn errors_name_the_file_and_what_is_wrong_in_it() {
        let tokenizer = Some(place("qa.jsonl"));
        let bad = [
            files(&["qa.jsonl", "bad.jsonl"], None),
            files(&["latin1.jsonl"], None),
            files(&["qa.jsonl"], Some("more.txt")),
            files(&["qa.jsonl"], Some("bad.txt")),
            files(&["more.txt"], Some("s3://b/qa.txt")),
            files(&["none.jsonl"], None),
            DatasetSpec { tokenizer, ..files(&["more.txt"], None) },
        ];
        let messages = bad.map(|spec| load(&spec).unwrap_err()).join("\n");
        insta::assert_snapshot!(messages, @r#"
        bad.jsonl: line 2: this is not a JSON object: write one in each line, such as {"prompt": "Tell me a story."}
        latin1.jsonl: byte 13 is not UTF-8: save the file as text in UTF-8
        more.txt: the template names no field, so every prompt would be the same: write one as {field}
        bad.txt: line 1, column 1: this is not a {field}: write {{ for a brace of the text
        more.txt: line 1: the template names {context}, which is not there: its fields are text
        none.jsonl was not read
        qa.jsonl: this is not a tokenizer.json that can be used: take that of a model from Hugging Face
        "#);
    }
}
