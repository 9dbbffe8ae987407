//! Errors of shape: text that is not YAML, or whose fields or kinds of values are not ours.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::error::ConfigError;
use super::not_yet;

/// The deepest nesting that is read; ours is 5.
const MAX_DEPTH: usize = 32;
/// How many values aliases (`*name`) may repeat: against texts that grow when they are read.
const MAX_REPEATED: usize = 10_000;

/// Reads a value from text; the error points into it.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Box<ConfigError>> {
    serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| Box::new(explain(text, &error)))
}

fn options() -> serde_saphyr::Options {
    let mut options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
    };
    options.alias_limits.max_total_replayed_events = MAX_REPEATED;
    options
}

fn explain(text: &str, error: &Error) -> ConfigError {
    let mut location = error.location().unwrap_or(Location::UNKNOWN);
    let mut error = error.without_snippet();
    if let Error::AliasError { error: original, .. } = error {
        error = original.without_snippet();
    }
    let Found { mut path, value } = Node::find(text, location);
    if let Error::SerdeUnknownField { field, .. } = error
        && let Some(parent) = path.strip_suffix(field.as_str())
    {
        path.truncate(parent.trim_end_matches('.').len());
    }
    // The reader gives the place of the field's name here.
    if let (Error::SerdeInvalidType { .. }, Some(value)) = (error, value) {
        location = value;
    }
    let (problem, mend) = words(text, &path, location, error);
    ConfigError::new(text, location, path, problem, mend)
}

/// What is wrong, and the mend.
#[expect(clippy::wildcard_enum_match_arm, reason = "the reader has far more errors than we word")]
fn words(text: &str, path: &str, location: Location, error: &Error) -> (String, String) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("`{field}` is not known here"), known_names(path, field, expected))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.as_ref().map_or("a field".to_owned(), |key| format!("`{key}`"));
            (format!("{name} is given twice"), "keep one of the two".to_owned())
        }
        Error::InvalidScalar { ty: expected, .. } | Error::Unexpected { expected, .. } => {
            let (kind, example) = kind(expected);
            (format!("this is not {kind}"), format!("write {example}"))
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            let (kind, example) = kind(expected);
            (format!("this is {unexpected}, not {kind}"), format!("write {example}"))
        }
        Error::Eof { .. } => {
            ("the text ends too early".to_owned(), "is a bracket or a quote not closed?".to_owned())
        }
        Error::MultipleDocuments { .. } => (
            "a second YAML document begins here".to_owned(),
            "a configuration is one document: remove the `---`".to_owned(),
        ),
        Error::UnknownAnchor { .. } => (
            "a `*` refers to an anchor that is not there".to_owned(),
            "define the anchor above with `&`, or put the text in quotes".to_owned(),
        ),
        Error::NullIntoString { .. } => (
            "there is no text here".to_owned(),
            "write one, or remove it; the word null needs quotes".to_owned(),
        ),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => (
            "this is nested too deeply, or too large".to_owned(),
            "a configuration is a few levels deep: remove what does not belong here".to_owned(),
        ),
        other => {
            let message = UserMessageFormatter.format_message(other).into_owned();
            let line = usize::try_from(location.line()).unwrap_or(1).saturating_sub(1);
            let is_tab = text.lines().nth(line).is_some_and(|line| line.contains('\t'));
            let mend = if is_tab {
                "YAML does not allow tabs for indentation: indent with spaces"
            } else {
                "check the indentation, the quotes and the brackets around here"
            };
            (message, mend.to_owned())
        }
    }
}

/// A kind of value in our users' words, and an example.
fn kind(expected: &str) -> (&str, &str) {
    match expected {
        "i64" => ("a whole number", "a whole number, such as 100"),
        "u64" => ("a whole number from 0 to 2^64 - 1", "a whole number, such as 7"),
        "f64" => ("a number", "a number, such as 0.5"),
        "string scalar" => ("a text", "a text or a number, without brackets"),
        "sequence start" => ("a list", "a list: [a, b], or lines that begin with `- `"),
        "mapping start" => {
            let example =
                "{field: value}, or indented `field: value` lines, a space after the colon";
            ("a group of fields", example)
        }
        other => (other, other),
    }
}

/// Fields that are easily written in the wrong section, with their own.
const ELSEWHERE: [(&str, &str); 26] = [
    ("api", "endpoints"),
    ("arrivals", "load"),
    ("bucket", "datasets"),
    ("concurrency", "load"),
    ("duration", "stop"),
    ("e2e", "criteria"),
    ("error_rate", "criteria"),
    ("headroom", "workload"),
    ("max_streams", "load"),
    ("max_tokens", "defaults"),
    ("model_id", "endpoints"),
    ("passes", "stop"),
    ("per_run_usd", "spend_limit"),
    ("prompts", "datasets"),
    ("rate_per_minute", "load"),
    ("region", "defaults"),
    ("requests", "stop"),
    ("requests_per_minute", "workload"),
    ("synthetic", "datasets"),
    ("system", "inference"),
    ("temperature", "inference"),
    ("template", "datasets"),
    ("tokenizer", "datasets"),
    ("top_p", "inference"),
    ("tpot", "criteria"),
    ("ttft", "criteria"),
];

/// The nearest known name and all that are supported.
fn known_names(path: &str, field: &str, expected: &[&'static str]) -> String {
    let section = not_yet::section(path);
    let supported: Vec<&str> = expected
        .iter()
        .copied()
        .filter(|name| not_yet::meanwhile(section, name).is_none())
        .collect();
    let known = format!("known here: {}", supported.join(", "));
    if let Some(name) = nearest(field, expected.iter().copied()) {
        return format!("did you mean `{name}`? {known}");
    }
    let elsewhere = nearest(field, ELSEWHERE.iter().map(|(name, _)| *name))
        .and_then(|nearest| ELSEWHERE.iter().find(|(name, _)| *name == nearest));
    match elsewhere {
        Some((name, section)) => format!("did you mean `{name}`, under `{section}`? {known}"),
        None => known,
    }
}

/// The known name that `text` is probably a slip of.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// What is at a place of the text.
#[derive(Default)]
struct Found {
    path: String,
    value: Option<Location>,
}

/// Any YAML, as places only: finds the path of an error's place.
#[derive(Debug)]
enum Node {
    Fields(Vec<(Spanned<String>, Spanned<Self>)>),
    List(Vec<Spanned<Self>>),
    Value,
}

impl Node {
    /// The last thing that begins at or before `location`; nothing in a text that is not YAML.
    fn find(text: &str, location: Location) -> Found {
        let mut options = options();
        options.duplicate_keys = serde_saphyr::DuplicateKeyPolicy::LastWins;
        serde_saphyr::from_str_with_options(text, options)
            .map(|root: Self| root.at(location))
            .unwrap_or_default()
    }

    fn at(&self, location: Location) -> Found {
        let is_before =
            |at: &Location| (at.line(), at.column()) <= (location.line(), location.column());
        let mut found = Found::default();
        let mut node = self;
        loop {
            let child = match node {
                Self::Fields(fields) => {
                    let Some((name, value)) =
                        fields.iter().rfind(|(name, _)| is_before(&name.referenced))
                    else {
                        return found;
                    };
                    let separator = if found.path.is_empty() { "" } else { "." };
                    found.path += separator;
                    found.path += &name.value;
                    value
                }
                Self::List(items) => {
                    let Some(index) = items.iter().rposition(|item| is_before(&item.referenced))
                    else {
                        return found;
                    };
                    found.path = format!("{}[{index}]", found.path);
                    &items[index]
                }
                Self::Value => return found,
            };
            found.value = Some(child.referenced);
            node = &child.value;
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;
        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Fields(fields))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
                Ok(Node::Value)
            }
            fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
                Ok(Node::Value)
            }
        }
        deserializer.deserialize_any(NodeVisitor)
    }
}
