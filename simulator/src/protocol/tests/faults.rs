//! Every fault on every API.

use std::time::Duration;

use serde_json::{Value, json};

use super::openai::{CHAT, chat};
use super::start_with;
use crate::testing::{Reply, post};
use crate::{Fault, Outcome, Part, Truth};

/// A path, a request, and how records end there.
type Api = (&'static str, Value, &'static str);

fn streams() -> [Api; 6] {
    let inputs = json!({"inputs": "one", "parameters": {"max_new_tokens": 50}});
    let prompt = json!({"prompt": "one", "max_gen_len": 50});
    let messages = json!({"messages": [{"role": "user", "content": "one"}]});
    [
        ("/model/plain/invoke-with-response-stream", prompt, ""),
        ("/endpoints/tgi/invocations-response-stream", inputs.clone(), "\n\n"),
        ("/endpoints/djl/invocations-response-stream", inputs.clone(), "\n"),
        ("/endpoints/djl_sse/invocations-response-stream", inputs, "\n\n"),
        ("/endpoints/openai_chat/invocations-response-stream", messages, "\n\n"),
        (CHAT, chat(true), "\n\n"),
    ]
}

fn wholes() -> [Api; 7] {
    let inputs = json!({"inputs": "one", "parameters": {"max_new_tokens": 50}});
    let conversation = json!({"inputs": [[{"role": "user", "content": "one"}]]});
    [
        ("/model/plain/invoke", json!({"prompt": "one", "max_gen_len": 50}), ""),
        ("/model/plain/invoke", json!({"prompt": "one", "maxTokens": 50}), ""),
        ("/endpoints/tgi/invocations", inputs, ""),
        ("/endpoints/jumpstart_llama2/invocations", conversation, ""),
        ("/endpoints/embedding/invocations", json!({"text_inputs": "one"}), ""),
        (CHAT, chat(false), ""),
        ("/v1/completions", json!({"model": "plain", "prompt": "one"}), ""),
    ]
}

/// The sound records that say something: what is a token's, of whatever API.
fn sound(reply: &Reply, end: &str) -> usize {
    let says = |chunk: &Value| {
        let places = ["/generation", "/token/text", "/choices/0/delta/content"];
        let text = places.iter().find_map(|place| chunk.pointer(place)?.as_str());
        text.is_some_and(|text| !text.is_empty() && text != "</s>")
    };
    if end.is_empty() {
        return reply.chunks().iter().filter(|(_, chunk)| says(chunk)).count();
    }
    let records = reply.records(end);
    let parsed = records.iter().map_while(|(_, record)| {
        let record = record.trim_start_matches("data:");
        if record.trim() == "[DONE]" {
            Some(Value::Null)
        } else {
            serde_json::from_str(record).ok()
        }
    });
    parsed.filter(says).count()
}

/// The replies and truths of all streams that meet a fault.
async fn meet(fault: &Fault) -> Vec<(Api, Reply, Truth)> {
    let mut met = Vec::new();
    for api in streams() {
        let simulator = start_with(fault.clone()).await;
        let reply = post(simulator.connect(), api.0, api.1.to_string()).await.unwrap();
        // A client may leave at a wrong bit.
        tokio::time::sleep(Duration::from_millis(1)).await;
        met.push((api, reply, simulator.truth().pop().unwrap()));
    }
    met
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_in_the_middle_of_a_record() {
    for (api, reply, truth) in meet(&Fault::Truncate { after_tokens: 4 }).await {
        assert_eq!((sound(&reply, api.2), reply.is_broken), (4, true), "{}", api.0);
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::Truncate, 4));
        let rest = match api.2 {
            "" => reply.rest,
            end => reply
                .records(end)
                .last()
                .map_or(0, |(at, record)| if *at == Duration::MAX { record.len() } else { 0 }),
        };
        assert!(rest > 0, "{}", api.0);
    }
    for (api, reply, truth) in meet(&Fault::ResetAfter { tokens: 4 }).await {
        assert_eq!((sound(&reply, api.2), reply.is_broken), (4, true), "{}", api.0);
        assert_eq!((truth.outcome, truth.output_tokens), (Outcome::ResetAfter, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_bit_breaks_a_frame_or_a_record() {
    for part in [Part::Prelude, Part::Payload] {
        for (after_tokens, expected) in [(0, 0), (4, 4), (99, 10)] {
            for (api, reply, truth) in meet(&Fault::Corrupt { after_tokens, part }).await {
                let (path, _, end) = api;
                assert_eq!(sound(&reply, end), expected, "{path} {part:?} {after_tokens}");
                let is_framed = !path.starts_with("/v1/");
                let is_checked = is_framed && (part == Part::Prelude || end.is_empty());
                // The wrong length of a last frame may ask for more bytes than there are.
                let fails = reply.is_corrupt || is_framed && reply.rest > 0;
                assert_eq!(fails, is_checked, "{path} {part:?}");
                if !is_checked {
                    let is_sound = |record: &str| {
                        let record = record.trim_start_matches("data:");
                        record.trim() == "[DONE]" || serde_json::from_str::<Value>(record).is_ok()
                    };
                    let broken = reply.records(end);
                    let broken = broken.iter().filter(|(_, record)| !is_sound(record));
                    assert_eq!(broken.count(), 1, "{path}");
                }
                assert_eq!((truth.outcome, truth.status), (Outcome::Corrupt, Some(200)));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_ends_each_stream_in_its_way() {
    for after_tokens in [0, 3, 99] {
        let fault = Fault::StreamException {
            after_tokens,
            exception: "modelStreamErrorException".into(),
            message: "It broke.".into(),
        };
        for (api, reply, truth) in meet(&fault).await {
            let (path, _, end) = api;
            let tokens = after_tokens.min(10);
            assert_eq!(sound(&reply, end), usize::try_from(tokens).unwrap(), "{path}");
            assert!(!reply.is_broken && !reply.is_corrupt);
            assert_eq!((truth.outcome, truth.status), (Outcome::StreamException, Some(200)));
            assert_eq!(truth.output_tokens, tokens);
            if path.contains("djl") {
                let (_, record) = reply.records(end).pop().unwrap();
                let record: Value =
                    serde_json::from_str(record.trim_start_matches("data:")).unwrap();
                assert_eq!(
                    (&record["token"]["id"], &record["token"]["text"]),
                    (&json!(-1), &json!(""))
                );
                assert_eq!(record["token"]["special_token"], true);
                assert_eq!(record["details"]["finish_reason"], "error");
            } else if path.starts_with("/endpoints") {
                assert_eq!(reply.last().name, "ModelStreamError");
                let payload = json!({"Message": "It broke.", "ErrorCode": "StreamBroken"});
                assert_eq!(reply.last().payload, payload);
            } else if path.starts_with("/model") {
                assert_eq!(reply.last().name, "modelStreamErrorException");
                assert_eq!(reply.last().payload, json!({"message": "It broke."}));
            } else {
                let (_, record) = reply.records(end).pop().unwrap();
                let error: Value = serde_json::from_str(&record[6..]).unwrap();
                let code = "server_error";
                let expected =
                    json!({"message": "It broke.", "type": code, "param": null, "code": code});
                assert_eq!(error, json!({ "error": expected }));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_and_goes_on() {
    let lasts = Duration::from_secs(3);
    for fault in [Fault::Pause { after_tokens: 3, lasts }, Fault::LateHeaders { by: lasts }] {
        for (api, reply, truth) in meet(&fault).await {
            assert_eq!((sound(&reply, api.2), truth.outcome), (10, Outcome::Ok), "{}", api.0);
            assert!(truth.ended_ns - truth.received_ns >= 3_191_000_000);
        }
    }
    // The end of all tokens is not the end of the answer.
    for (api, reply, truth) in meet(&Fault::Pause { after_tokens: 10, lasts }).await {
        assert_eq!((sound(&reply, api.2), truth.output_tokens), (10, 10));
        assert!(truth.ended_ns - truth.last_token_written_ns.unwrap() >= 3_000_000_000);
    }
}

/// The truth of a request whose client waits for a second.
async fn leave(api: &Api, fault: &Fault) -> Truth {
    let simulator = start_with(fault.clone()).await;
    let asked = post(simulator.connect(), api.0, api.1.to_string());
    drop(tokio::time::timeout(Duration::from_secs(1), asked).await);
    tokio::time::sleep(Duration::from_millis(1)).await;
    simulator.truth().pop().unwrap()
}

#[tokio::test(start_paused = true)]
async fn stalls_last_until_the_client_leaves() {
    for api in streams() {
        let check = async |fault: Fault, tokens: u32| {
            let truth = leave(&api, &fault).await;
            assert_eq!((truth.outcome, truth.output_tokens), (fault.outcome(), tokens));
            assert_eq!(truth.ended_ns - truth.received_ns, 1_000_000_000);
        };
        check(Fault::SlowHeaders, 0).await;
        check(Fault::StallBeforeFirst, 0).await;
        check(Fault::StallAfter { tokens: 3 }, 3).await;
        let truth = leave(&api, &Fault::Endless).await;
        assert_eq!(truth.outcome, Outcome::Endless);
        assert!(truth.output_tokens >= 89, "{}", truth.output_tokens);
        let truth = leave(&api, &Fault::Reset).await;
        assert_eq!((truth.outcome, truth.status), (Outcome::Reset, None));
    }
}

#[tokio::test(start_paused = true)]
async fn whole_answers_break_too() {
    let (exception, message) = ("modelStreamErrorException".to_owned(), "It broke.".to_owned());
    let faults = [
        Fault::StallAfter { tokens: 3 },
        Fault::StallBeforeFirst,
        Fault::SlowHeaders,
        Fault::Truncate { after_tokens: 4 },
        Fault::ResetAfter { tokens: 4 },
        Fault::Reset,
        Fault::Endless,
        Fault::Corrupt { after_tokens: 4, part: Part::Prelude },
        Fault::Corrupt { after_tokens: 4, part: Part::Payload },
        Fault::StreamException { after_tokens: 3, exception, message },
    ];
    for api in wholes() {
        for fault in &faults {
            let truth = leave(&api, fault).await;
            assert_eq!(truth.outcome, fault.outcome(), "{}", api.0);
        }
        let fault = Fault::Corrupt { after_tokens: 4, part: Part::Payload };
        let simulator = start_with(fault).await;
        let reply = post(simulator.connect(), api.0, api.1.to_string()).await.unwrap();
        assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    }
}
