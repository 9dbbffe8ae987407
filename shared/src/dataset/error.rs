//! Why a dataset cannot be used; each error says where, and what to write instead.

use std::io;

use super::{Bucket, MIN_SYNTHETIC_TOKENS, PROMPT_FIELDS, Place};

/// Why a dataset cannot be used; each says where, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file cannot be read.
    #[error("failed to read {file}: its path is taken from the configuration's folder")]
    Read {
        /// The file as it was opened.
        file: Place,
        /// What the system says.
        source: io::Error,
    },
    /// An object in S3 cannot be read.
    #[error(
        "failed to read {file}: check its name, that the credentials may read it (s3:GetObject; a deployed run reads its stack's bucket), and AWS_REGION"
    )]
    Object {
        /// The object.
        file: Place,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file that the dataset names was not read.
    #[error("{0} was not read")]
    NotGiven(Place),
    /// A file's content is refused.
    #[error("{file}: {refused}")]
    File {
        /// The file.
        file: Place,
        /// Why.
        refused: Box<Self>,
    },
    /// A file is not text.
    #[error("byte {0} is not UTF-8: save the file as text in UTF-8")]
    NotUtf8(usize),
    /// There is no prompt.
    #[error(
        "there is no prompt: write one JSON object in each line, such as {{\"prompt\": \"Tell me a story.\"}}"
    )]
    Empty,
    /// A text file has nothing in it.
    #[error("there is nothing in it: a text file is one prompt")]
    EmptyText,
    /// A line is not a JSON object.
    #[error(
        "line {line}: this is not a JSON object: write one in each line, such as {{\"prompt\": \"Tell me a story.\"}}"
    )]
    NotAnObject {
        /// The line, from 1.
        line: usize,
        /// What the parser says, where it is not JSON at all.
        source: Option<serde_json::Error>,
    },
    /// An object has no field that we know as a prompt.
    #[error(
        "line {line}: there is no prompt: its fields are {}; name one of them `prompt` (known names: {}), or give a `template`",
        list(.found),
        PROMPT_FIELDS.join(", ")
    )]
    NoPrompt {
        /// The line, from 1.
        line: usize,
        /// The fields that are there.
        found: Vec<String>,
    },
    /// A line lacks the field that the first line has.
    #[error("line {line}: `{field}` is missing, which the first line has: its fields are {}", list(.found))]
    OtherField {
        /// The line, from 1.
        line: usize,
        /// The field of the first line.
        field: &'static str,
        /// The fields that are there.
        found: Vec<String>,
    },
    /// A prompt is not a text, or has nothing in it.
    #[error("line {line}: `{field}` must be a text that is not empty")]
    NotText {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// A line's own limit of its answer is not one.
    #[error("line {line}: `{field}` must be a whole number from 1 to 1000000")]
    NotALimit {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// A template cannot be read.
    #[error("line {line}, column {column}: {problem}")]
    Template {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong, and the mend.
        problem: &'static str,
    },
    /// A template has no place for anything of a line.
    #[error(
        "the template names no field, so every prompt would be the same: write one as {{field}}"
    )]
    NoField,
    /// A line lacks a field that the template names.
    #[error("line {line}: the template names {{{field}}}, which is not there: its fields are {}", list(.found))]
    TemplateField {
        /// The line, from 1.
        line: usize,
        /// The field of the template.
        field: String,
        /// The fields that are there.
        found: Vec<String>,
    },
    /// A field that the template names is a list, a group or null.
    #[error("line {line}: the template names {{{field}}}, which is neither a text nor a number")]
    TemplateValue {
        /// The line, from 1.
        line: usize,
        /// The field of the template.
        field: String,
    },
    /// A tokenizer cannot be read, or refuses a text.
    #[error(
        "this is not a tokenizer.json that can be used: take that of a model from Hugging Face"
    )]
    Tokenizer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No prompt is in the bucket.
    #[error(
        "no prompt is in the bucket {bucket}: the {prompts} prompts have {shortest} to {longest} tokens, half of them up to {median}"
    )]
    Bucket {
        /// What was asked for.
        bucket: Bucket,
        /// How many prompts there are.
        prompts: usize,
        /// Prompt tokens of the shortest.
        shortest: u32,
        /// Prompt tokens of the middle one.
        median: u32,
        /// Prompt tokens of the longest.
        longest: u32,
    },
    /// A synthetic prompt is to be shorter than its instruction.
    #[error(
        "synthetic prompts of {0} tokens are too short: they have at least {MIN_SYNTHETIC_TOKENS}"
    )]
    TooShort(u32),
    /// The passes over a dataset are too few requests.
    #[error(
        "{requests} requests ({passes} x {prompts} prompts) cannot fill {slots} slots: raise `stop.passes`, or lower the concurrency"
    )]
    TooFew {
        /// All requests of an experiment.
        requests: u64,
        /// How often each prompt is sent.
        passes: u32,
        /// How many prompts there are.
        prompts: usize,
        /// The largest load.
        slots: u32,
    },
    /// The passes over a dataset are more requests than an experiment can have.
    #[error(
        "{passes} x {prompts} prompts are {requests} requests, and an experiment has at most {most}: lower `stop.passes`"
    )]
    TooMany {
        /// All requests of an experiment.
        requests: u64,
        /// How often each prompt is sent.
        passes: u32,
        /// How many prompts there are.
        prompts: usize,
        /// The most that there can be.
        most: u32,
    },
}

impl DatasetError {
    /// The same, said of a file.
    pub(super) fn of(file: &Place) -> impl FnOnce(Self) -> Self {
        let file = file.clone();
        |refused| Self::File { file, refused: Box::new(refused) }
    }
}

fn list(fields: &[String]) -> String {
    if fields.is_empty() { "none".to_owned() } else { fields.join(", ") }
}
