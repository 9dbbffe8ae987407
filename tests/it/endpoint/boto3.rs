//! boto3, a client that is not ours, against the simulator.

use std::process::Command;

use serde_json::Value;
use simulator::{Fault, Outcome, Profile, ScriptedFault, Truth, When};

use super::Bench;
use crate::binaries::workspace;
use crate::ministack::python_environment;

/// Prompts with this text meet the exception.
const BREAK: &str = "Please break.";

/// Runs a script against the built-in models: what it summed up, and the truth.
fn ask(script: &str, model_id: &str, option: &str) -> (Value, Vec<Truth>) {
    let fault = ScriptedFault {
        model_id: None,
        when: When::Containing(BREAK.to_owned()),
        fault: Fault::StreamException {
            after_tokens: 2,
            exception: "modelStreamErrorException".to_owned(),
            message: "It broke.".to_owned(),
        },
    };
    let bench = Bench::serving(Profile::built_in(), vec![fault]);
    let output = Command::new(python_environment().join("bin/python"))
        .arg(workspace().join("tests/python").join(script))
        .args([&bench.simulator.url(), model_id, option, BREAK])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let truth = bench.ended();
    let answered = &truth[0];
    assert_eq!(summary["request_id"], answered.request_id.as_str());
    assert_eq!(summary["usage"]["inputTokens"], answered.input_tokens);
    assert_eq!(summary["usage"]["outputTokens"], answered.output_tokens);
    (summary, truth)
}

fn outcomes(truth: &[Truth]) -> Vec<Outcome> {
    truth.iter().map(|truth| truth.outcome).collect()
}

fn check_stream(model_id: &str) {
    let (summary, truth) = ask("converse_stream.py", model_id, "--exception-prompt");
    assert_eq!(summary["stream_exception"]["Code"], "modelStreamErrorException");
    assert_eq!(summary["stream_exception"]["Message"], "It broke.");
    // An answer, the same again, a limited one, two refusals, the exception: each asked once.
    let (ok, refused) = (Outcome::Ok, Outcome::Refused);
    assert_eq!(outcomes(&truth), [ok, ok, ok, refused, refused, Outcome::StreamException]);
}

#[test]
fn mistral_7b_answers_boto3() {
    check_stream("mistral.mistral-7b-instruct-v0:2");
}

#[test]
fn claude_3_haiku_answers_boto3() {
    check_stream("anthropic.claude-3-haiku-20240307-v1:0");
}

#[test]
fn llama_2_13b_answers_boto3() {
    check_stream("meta.llama2-13b-chat-v1");
}

#[test]
fn answers_in_one_piece_are_those_that_boto3_expects() {
    let model_id = "anthropic.claude-3-haiku-20240307-v1:0";
    let (_, truth) = ask("converse.py", model_id, "--failing-prompt");
    // An answer, the same again, a limited one, three refusals, the failure: each asked once.
    let (ok, refused) = (Outcome::Ok, Outcome::Refused);
    assert_eq!(outcomes(&truth), [ok, ok, ok, refused, refused, refused, Outcome::StreamException]);
}
