//! The templates of models that take one text: where the system's part ends and the user's begins.
//!
//! A prompt that has its model's marks already is left as it is: datasets made for one model often do.

use crate::endpoint::Request;

/// Llama 2 chat and Mistral, which has no system part of its own.
pub(super) fn instruction(request: &Request) -> String {
    marked(request, &["[INST]"], |system, text| match system {
        Some(system) => format!("<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{text} [/INST]"),
        None => format!("<s>[INST] {text} [/INST]"),
    })
}

/// Llama 3 and later.
pub(super) fn headers(request: &Request) -> String {
    let part = |role: &str, text: &str| {
        format!("<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>")
    };
    marked(request, &["<|start_header_id|>"], |system, text| {
        let system = system.map(|system| part("system", system)).unwrap_or_default();
        let user = part("user", text);
        format!("<|begin_of_text|>{system}{user}<|start_header_id|>assistant<|end_header_id|>\n\n")
    })
}

/// Claude before version 3.
pub(super) fn human(request: &Request) -> String {
    marked(request, &["\n\nHuman:"], |system, text| {
        format!("{}\n\nHuman: {text}\n\nAssistant:", system.unwrap_or_default())
    })
}

/// Models without marks.
pub(super) fn plain(request: &Request) -> String {
    match &request.system {
        Some(system) => format!("{system}\n\n{}", request.text),
        None => request.text.clone(),
    }
}

fn marked(
    request: &Request,
    marks: &[&str],
    template: impl FnOnce(Option<&str>, &str) -> String,
) -> String {
    if marks.iter().any(|mark| request.text.contains(mark)) {
        return request.text.clone();
    }
    template(request.system.as_deref(), &request.text)
}
