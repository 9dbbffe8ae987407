//! Text with places for the fields of a line.

use serde_json::{Map, Value};

use super::DatasetError;

/// A text with `{field}` where a field of a line is put.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// Reads a template; `{{` and `}}` are braces.
    ///
    /// # Errors
    ///
    /// A brace that is neither doubled nor part of a field, and a text without a field.
    pub(super) fn parse(text: &str) -> Result<Self, DatasetError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        let problem_at = |rest: &str, problem| {
            let before = &text[..text.len() - rest.len()];
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
            Err(DatasetError::Template { line, column, problem })
        };
        while let Some(brace) = rest.find(['{', '}']) {
            plain.push_str(&rest[..brace]);
            rest = &rest[brace..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            if rest.starts_with('}') {
                return problem_at(
                    rest,
                    "a brace that nothing opens: write }} for a brace of the text",
                );
            }
            let field = rest[1..].split_once(['{', '}', '\n']).map(|(field, _)| field);
            match field {
                Some(field)
                    if !field.trim().is_empty() && rest[1 + field.len()..].starts_with('}') =>
                {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Field(field.to_owned()));
                    rest = &rest[field.len() + 2..];
                }
                _ => {
                    let problem = "this is not a {field}: write {{ for a brace of the text";
                    return problem_at(rest, problem);
                }
            }
        }
        if parts.is_empty() {
            return Err(DatasetError::NoField);
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The text with a line's fields in their places. Numbers and booleans are put as JSON has
    /// them.
    ///
    /// # Errors
    ///
    /// A field that the line has not, or that is a list, a group or null.
    pub(super) fn fill(
        &self,
        fields: &Map<String, Value>,
        line: usize,
    ) -> Result<String, DatasetError> {
        let mut text = String::new();
        for part in &self.0 {
            let field = match part {
                Part::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Part::Field(field) => field,
            };
            match fields.get(field) {
                Some(Value::String(value)) => text.push_str(value),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                    text.push_str(&value.to_string());
                }
                Some(Value::Null | Value::Array(_) | Value::Object(_)) => {
                    return Err(DatasetError::TemplateValue { line, field: field.clone() });
                }
                None => {
                    let found = fields.keys().cloned().collect();
                    return Err(DatasetError::TemplateField { line, field: field.clone(), found });
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fill(template: &str, fields: &Value) -> Result<String, String> {
        let fill = |template: Template| template.fill(fields.as_object().unwrap(), 7);
        Template::parse(template).and_then(fill).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_put_in_their_places() {
        let fields = json!({"input": "Who {is} it?", "context": "ä\n漢", "n": 1.5, "good": true});
        let check = |template: &str, expected: &str| {
            assert_eq!(fill(template, &fields).unwrap(), expected, "{template}");
        };
        check("{context}\n\nQ: {input}", "ä\n漢\n\nQ: Who {is} it?");
        check("{{\"n\": {n}, \"good\": {good}}}", "{\"n\": 1.5, \"good\": true}");
        check("{{{input}}} {input}\n", "{Who {is} it?} Who {is} it?\n");
        check("{{input}} {n}", "{input} 1.5");
    }

    #[test]
    fn errors_name_place_and_mend() {
        let fields = json!({"input": "a", "answers": ["b"], "none": null});
        let templates = [
            "no field {{at all}}",
            "",
            "a\n ä{input",
            "a\n ä{input\n}",
            "{ }",
            "{}",
            "x} {input}",
            "{in{put}}",
            "{context}",
            "{answers}",
            "{none}",
        ];
        let messages = templates.map(|template| fill(template, &fields).unwrap_err()).join("\n");
        insta::assert_snapshot!(messages, @r#"
        the template names no field, so every prompt would be the same: write one as {field}
        the template names no field, so every prompt would be the same: write one as {field}
        line 2, column 3: this is not a {field}: write {{ for a brace of the text
        line 2, column 3: this is not a {field}: write {{ for a brace of the text
        line 1, column 1: this is not a {field}: write {{ for a brace of the text
        line 1, column 1: this is not a {field}: write {{ for a brace of the text
        line 1, column 2: a brace that nothing opens: write }} for a brace of the text
        line 1, column 1: this is not a {field}: write {{ for a brace of the text
        line 7: the template names {context}, which is not there: its fields are answers, input, none
        line 7: the template names {answers}, which is neither a text nor a number
        line 7: the template names {none}, which is neither a text nor a number
        "#);
    }

    proptest! {
        #[test]
        fn doubled_braces_are_braces(text in "[{} a-c\n漢]{0,20}", value in "[{}a]{0,5}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            let filled = fill(&format!("{escaped}{{x y}}{escaped}"), &json!({"x y": value}));
            prop_assert_eq!(filled.unwrap(), format!("{text}{value}{text}"));
        }

        #[test]
        fn whatever_is_written_there_is_an_answer(template in "[{} a\n漢]{0,20}") {
            if let Err(error) = fill(&template, &json!({"a": "b"})) {
                prop_assert!(!error.is_empty());
            }
        }
    }
}
