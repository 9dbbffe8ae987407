//! Prompts from text with one JSON object in each line.

use serde_json::{Map, Value};

use super::{DatasetError, Prompt};

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

/// Reads prompts from JSONL: one object in each line, blank lines aside; never an empty list.
///
/// The first line decides which of [`PROMPT_FIELDS`] holds the prompt, and every line must have
/// it. Other fields are ignored, `max_tokens` and `expected_output_tokens` of a line among them:
/// a limit per prompt is not honoured yet.
///
/// # Errors
///
/// The first line that is not a prompt, or that there is none.
pub fn parse_jsonl(text: &str, max_tokens: u32) -> Result<Vec<Prompt>, DatasetError> {
    // Windows' editors begin UTF-8 files with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut prompts = Vec::new();
    let mut chosen: Option<&'static str> = None;
    for (index, source) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line = index + 1;
        let object = object(source, line)?;
        let field = match chosen {
            Some(field) => field,
            None => choose(&object, line)?,
        };
        prompts.push(Prompt::new(prompt(&object, field, line)?, max_tokens));
        chosen = Some(field);
    }
    if prompts.is_empty() { Err(DatasetError::Empty) } else { Ok(prompts) }
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

fn names(object: &Map<String, Value>) -> Vec<String> {
    object.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Result<Vec<String>, String> {
        parse_jsonl(text, 100)
            .map(|prompts| prompts.into_iter().map(|prompt| prompt.text).collect())
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
    fn line_ends_blank_lines_and_a_byte_order_mark_do_not_matter() {
        check("\u{feff}{\"prompt\": \"a\"}\r\n\r\n  {\"prompt\": \"ä\\n漢\"}  ", &["a", "ä\n漢"]);
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
