//! Every format by its fixtures, with which fuzzing begins, too: an answer of two pieces, `Hello` and ` wörld`, to
//! a prompt of 12 tokens.

use std::path::{Path, PathBuf};

use super::*;
use crate::record::Usage;

fn fixture(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus/payload")
        .join(format!("{name}-{file}"))
}

fn request(system: Option<&str>, text: &str) -> Request {
    Request {
        system: system.map(str::to_owned),
        text: text.to_owned(),
        estimated_tokens: 12,
        max_tokens: 100,
        temperature: Some(0.1),
        top_p: None,
        start: None,
    }
}

/// What a whole stream tells.
fn together(format: &dyn Format, documents: &[u8]) -> (u32, Told) {
    let mut lines = Lines::default();
    lines.push(documents);
    let (mut pieces, mut all) = (0, Told::default());
    while let Some(document) = lines.next_document().unwrap() {
        let told = format.part(document).unwrap();
        pieces += u32::from(told.content == Content::Text);
        all.usage.update(told.usage);
        all.stop_reason = told.stop_reason.or(all.stop_reason);
        all.content_tokens += told.content_tokens;
        all.failure = told.failure.or(all.failure);
    }
    assert!(lines.is_at_end());
    (pieces, all)
}

#[test]
fn every_format_reads_its_fixtures() {
    for (name, payload, format) in FORMATS {
        assert_eq!((payload.name(), payload.format().streams()), (name, format.streams()));
        let whole = std::fs::read(fixture(name, "whole.json"));
        let whole = whole.unwrap_or_else(|error| panic!("{name} has no whole.json: {error}"));
        let told = format.whole(&whole).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(told.stop_reason.is_some() && told.failure.is_none(), "{name}: {told:?}");
        assert_ne!(told.content, Content::Nothing, "{name}");
        let counted = |usage: Usage| (usage.input_tokens, usage.output_tokens);
        if told.usage.source.is_some() {
            assert_eq!(counted(told.usage), (Some(12), Some(2)), "{name}");
        }
        let stream = fixture(name, "stream.jsonl");
        assert_eq!(stream.exists(), format.streams(), "{name}");
        if format.streams() {
            let (pieces, told) = together(format, &std::fs::read(stream).unwrap());
            assert!(told.stop_reason.is_some() && told.failure.is_none(), "{name}: {told:?}");
            assert_eq!(pieces, 2, "{name}");
            if told.usage.source.is_some() {
                assert_eq!(counted(told.usage), (Some(12), Some(2)), "{name}");
            }
        } else {
            assert!(format.part(b"{}").is_err(), "{name}");
        }
    }
}

#[test]
fn bodies_are_what_services_document() {
    let all: Vec<String> = FORMATS
        .iter()
        .flat_map(|(name, _, format)| {
            [None, Some("Be short.")].map(|system| {
                let request = request(system, "Why?");
                let asked =
                    Asked { request: &request, model: Some("m"), streamed: format.streams() };
                format!("{name}: {}", String::from_utf8(format.body(&asked)).unwrap())
            })
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_prompt_with_its_models_marks_is_left_as_it_is() {
    for (payload, text) in [
        (Payload::Llama2, "<s>[INST] Why? [/INST]"),
        (Payload::Mistral, "<s>[INST] Why? [/INST]"),
        (Payload::Llama3, "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhy?"),
        (Payload::AnthropicText, "\n\nHuman: Why?\n\nAssistant:"),
    ] {
        let request = request(None, text);
        let asked = Asked { request: &request, model: None, streamed: true };
        let body: serde_json::Value =
            serde_json::from_slice(&payload.format().body(&asked)).unwrap();
        assert_eq!(body["prompt"], text, "{payload:?}");
    }
}

#[test]
fn a_model_id_tells_its_format() {
    let check = |id: &str, expected: Option<Payload>| {
        assert_eq!(Payload::of_model(id), expected, "{id}");
    };
    check("ai21.j2-mid-v1", Some(Payload::Ai21J2));
    check("amazon.titan-text-lite-v1", Some(Payload::Titan));
    check("us.amazon.nova-lite-v1:0", Some(Payload::Nova));
    check("anthropic.claude-instant-v1", Some(Payload::AnthropicText));
    check("anthropic.claude-v2:1", Some(Payload::AnthropicText));
    check("anthropic.claude-3-haiku-20240307-v1:0", Some(Payload::Anthropic));
    check("global.anthropic.claude-sonnet-4-6", Some(Payload::Anthropic));
    check("cohere.command-light-text-v14", Some(Payload::Cohere));
    check("cohere.command-r-plus-v1:0", Some(Payload::CohereR));
    check("meta.llama2-13b-chat-v1", Some(Payload::Llama2));
    check("us.meta.llama3-3-70b-instruct-v1:0", Some(Payload::Llama3));
    check("mistral.mistral-7b-instruct-v0:2", Some(Payload::Mistral));
    check("mistral.mistral-large-3-675b-instruct", Some(Payload::OpenaiChat));
    check("openai.gpt-oss-20b-1:0", Some(Payload::OpenaiChat));
    let arn = |rest: &str| format!("arn:aws:bedrock:us-east-1:123456789012:{rest}");
    check(&arn("inference-profile/us.amazon.nova-pro-v1:0"), Some(Payload::Nova));
    check(&arn("provisioned-model/abcdef"), None);
    check("somebody.else-v1", None);
}

#[test]
fn failures_inside_an_answer_are_told() {
    let check = |payload: Payload, document: &str, code: Option<&str>, message: &str| {
        let told = payload.format().part(document.as_bytes()).unwrap();
        assert_eq!(told.failure, Some((code.map(str::to_owned), message.to_owned())), "{document}");
    };
    let djl =
        r#"{"token":{"id":-1,"text":"","special_token":true},"details":{"finish_reason":"error"}}"#;
    check(Payload::Djl, djl, None, "the container ended the stream with an error");
    let tgi = r#"{"error":"Request failed during generation","error_type":"generation"}"#;
    check(Payload::Tgi, tgi, Some("generation"), "Request failed during generation");
    let chat = r#"{"error":{"message":"too long","type":"invalid_request_error","code":null}}"#;
    check(Payload::OpenaiChat, chat, Some("invalid_request_error"), "too long");
    check(Payload::OpenaiChat, r#"{"error":"it broke"}"#, None, "it broke");
    let claude = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    check(Payload::Anthropic, claude, Some("overloaded_error"), "Overloaded");
}

#[test]
fn what_is_thought_is_told_apart_from_what_is_said() {
    let check = |payload: Payload, document: &str, expected: Content| {
        let told = payload.format().part(document.as_bytes()).unwrap();
        assert_eq!(told.content, expected, "{document}");
    };
    let delta = |field: &str| format!(r#"{{"choices":[{{"delta":{{{field}}}}}]}}"#);
    check(Payload::OpenaiChat, &delta(r#""reasoning_content":"Hm""#), Content::Hidden);
    check(Payload::OpenaiChat, &delta(r#""reasoning":"Hm""#), Content::Hidden);
    check(Payload::OpenaiChat, &delta(r#""content":"Yes""#), Content::Text);
    check(Payload::OpenaiChat, &delta(r#""role":"assistant","content":"""#), Content::Nothing);
    check(Payload::OpenaiChat, &delta(r#""content":null,"tool_calls":[{}]"#), Content::Hidden);
    let thinking =
        r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm"}}"#;
    check(Payload::Anthropic, thinking, Content::Hidden);
}
