//! Prompts from text with one JSON object in each line.

use serde_json::{Map, Value};

use super::template::Template;
use super::{DatasetError, MAX_TOKENS};

/// The fields that are taken for the prompt, in the order in which they are looked for.
///
/// The names that mean nothing else come first, those that often hold a part only come last: a
/// line of instruction data with `instruction` and `input` gives its instruction.
pub const PROMPT_FIELDS: [&str; 9] = [
    "prompt",
    "text_prompt",
    "text",
    "question",
    "query",
    "instruction",
    "instructions",
    "input",
    "inputs",
];

/// The fields that are taken for a line's own limit of its answer, the first that is there. The
/// second is that of the aws-samples latency tool.
const LIMIT_FIELDS: [&str; 2] = ["max_tokens", "expected_output_tokens"];

/// A prompt as a file has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What the user says.
    pub(super) text: String,
    /// The line's own limit of its answer.
    pub(super) max_tokens: Option<u32>,
}

/// Reads prompts from JSONL: one object in each line, blank lines aside; never an empty list.
///
/// With a template its text is filled with each line's fields. Without one, the first line decides
/// which of [`PROMPT_FIELDS`] holds the prompt, and every line must have it. Other fields are
/// ignored, but for a line's own limit of its answer.
///
/// # Errors
///
/// The first line that is not a prompt, or that there is none.
pub(super) fn parse_jsonl(
    text: &str,
    template: Option<&Template>,
) -> Result<Vec<Line>, DatasetError> {
    let mut lines = Vec::new();
    let mut chosen: Option<&'static str> = None;
    for (index, source) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line = index + 1;
        let object = object(source, line)?;
        let text = if let Some(template) = template {
            template.fill(&object, line)?
        } else {
            let field = match chosen {
                Some(field) => field,
                None => choose(&object, line)?,
            };
            chosen = Some(field);
            prompt(&object, field, line)?
        };
        lines.push(Line { text, max_tokens: limit(&object, line)? });
    }
    if lines.is_empty() { Err(DatasetError::Empty) } else { Ok(lines) }
}

/// Reads a text file: one prompt, without the line ends at its end. For a template it is the field
/// `text`.
///
/// # Errors
///
/// A file without text, and a template that names another field.
pub(super) fn parse_text(text: &str, template: Option<&Template>) -> Result<Line, DatasetError> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(DatasetError::EmptyText);
    }
    let text = match template {
        Some(template) => template.fill(&Map::from_iter([("text".to_owned(), text.into())]), 1)?,
        None => text.to_owned(),
    };
    Ok(Line { text, max_tokens: None })
}

fn object(source: &str, line: usize) -> Result<Map<String, Value>, DatasetError> {
    match serde_json::from_str(source) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(DatasetError::NotAnObject { line, source: None }),
        Err(error) => Err(DatasetError::NotAnObject { line, source: Some(error) }),
    }
}

fn choose(object: &Map<String, Value>, line: usize) -> Result<&'static str, DatasetError> {
    let known = PROMPT_FIELDS.into_iter().find(|field| object.contains_key(*field));
    known.ok_or_else(|| DatasetError::NoPrompt { line, found: names(object) })
}

fn prompt(
    object: &Map<String, Value>,
    field: &'static str,
    line: usize,
) -> Result<String, DatasetError> {
    match object.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(_) => Err(DatasetError::NotText { line, field }),
        None => Err(DatasetError::OtherField { line, field, found: names(object) }),
    }
}

fn limit(object: &Map<String, Value>, line: usize) -> Result<Option<u32>, DatasetError> {
    let given = |field: &&'static str| object.get(*field).is_some_and(|value| !value.is_null());
    let Some(field) = LIMIT_FIELDS.into_iter().find(given) else { return Ok(None) };
    let limit = object[field].as_u64().and_then(|limit| u32::try_from(limit).ok());
    let limit = limit.filter(|limit| (1..=MAX_TOKENS).contains(limit));
    limit.map(Some).ok_or(DatasetError::NotALimit { line, field })
}

fn names(object: &Map<String, Value>) -> Vec<String> {
    object.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Result<Vec<String>, String> {
        parse_jsonl(text, None)
            .map(|lines| lines.into_iter().map(|line| line.text).collect())
            .map_err(|error| error.to_string())
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(texts(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn common_names_are_recognised_and_the_first_line_decides() {
        check("{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"id\": 7}\n", &["a", "b"]);
        check("{\"input\": \"x\", \"question\": \"a\"}", &["a"]);
        check("{\"input\": \"x\", \"instruction\": \"a\"}", &["a"]);
        for field in PROMPT_FIELDS {
            check(&format!("{{\"id\": 1, \"{field}\": \"a\"}}"), &["a"]);
        }
    }

    #[test]
    fn line_ends_and_blank_lines_do_not_matter() {
        check("{\"prompt\": \"a\"}\r\n\r\n  {\"prompt\": \"ä\\n漢\"}  ", &["a", "ä\n漢"]);
    }

    #[test]
    fn a_template_is_filled_from_each_line() {
        let template = Template::parse("{context}\nQ: {input}").unwrap();
        let text =
            "{\"input\": \"Why?\", \"context\": \"Sky.\"}\n{\"input\": \"How?\", \"context\": 7}";
        let lines = parse_jsonl(text, Some(&template)).unwrap();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["Sky.\nQ: Why?", "7\nQ: How?"]);
        let error = parse_jsonl("{\"input\": \"Why?\"}", Some(&template)).unwrap_err().to_string();
        assert!(error.contains("line 1: the template names {context}"), "{error}");
    }

    #[test]
    fn a_text_file_is_one_prompt() {
        let line = |text: &str| Line { text: text.into(), max_tokens: None };
        assert_eq!(parse_text(" Why?\nBecause.\r\n\n", None).unwrap(), line(" Why?\nBecause."));
        let template = Template::parse("Sum up: {text}").unwrap();
        assert_eq!(parse_text("A.\n", Some(&template)).unwrap(), line("Sum up: A."));
        assert!(matches!(parse_text(" \n", None), Err(DatasetError::EmptyText)));
    }

    #[test]
    fn a_line_may_limit_its_own_answer() {
        let limits = |text: &str| -> Result<Vec<Option<u32>>, String> {
            let lines = parse_jsonl(text, None).map_err(|error| error.to_string())?;
            Ok(lines.iter().map(|line| line.max_tokens).collect())
        };
        let text = "{\"prompt\": \"a\", \"max_tokens\": 5, \"expected_output_tokens\": 7}\n\
                    {\"prompt\": \"b\", \"expected_output_tokens\": 7}\n\
                    {\"prompt\": \"c\", \"max_tokens\": null}";
        assert_eq!(limits(text).unwrap(), [Some(5), Some(7), None]);
        for bad in ["0", "-1", "1.5", "\"5\"", "1000001"] {
            let text = format!("{{\"prompt\": \"a\", \"expected_output_tokens\": {bad}}}");
            let error = limits(&text).unwrap_err();
            assert!(error.contains("line 1: `expected_output_tokens` must be"), "{error}");
        }
    }

    #[test]
    fn errors_name_line_and_mend() {
        let errors = [
            "",
            " \n\n",
            "{\"prompt\": \"a\"}\n\nnot json\n",
            "[{\"prompt\": \"a\"}]",
            "{\"context\": \"a\", \"answer\": \"b\"}",
            "{}",
            "{\"prompt\": \"a\"}\n{\"text\": \"b\"}\n",
            "{\"prompt\": [\"a\"]}",
            "{\"prompt\": \" \"}",
        ];
        let messages = errors.map(|text| texts(text).unwrap_err()).join("\n");
        insta::assert_snapshot!(messages);
    }
}
