//! What scripts say, and what is said of those that are wrong.

use std::path::Path;

use super::*;
use simulator::{Fault, Part, When};

fn models() -> Vec<String> {
    vec!["a.one".to_owned(), "b.two".to_owned()]
}

#[track_caller]
fn fault(text: &str) -> ScriptedFault {
    let script = Script::parse(&format!("version: 1\nfaults: [{{{text}}}]"), &models());
    let script = script.unwrap_or_else(|errors| panic!("{errors}"));
    script.faults.into_iter().next().unwrap()
}

#[test]
fn each_kind_is_read() {
    let check = |text: &str, expected: Fault| assert_eq!(fault(text).fault, expected, "{text}");
    let status = |status, code: &str, message: &str| Fault::Status {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    };
    let lasts = Duration::from_secs(2);
    check("kind: error, status: 429", status(429, "ThrottlingException", "Simulated."));
    check("kind: error, status: 418, code: Tea, message: No", status(418, "Tea", "No"));
    check(
        "kind: stream_exception, after_tokens: 3",
        Fault::StreamException {
            after_tokens: 3,
            exception: "modelStreamErrorException".to_owned(),
            message: "Simulated.".to_owned(),
        },
    );
    check("kind: stall", Fault::StallBeforeFirst);
    check("kind: stall, after_tokens: 3", Fault::StallAfter { tokens: 3 });
    check("kind: stall, lasts: 2s", Fault::Pause { after_tokens: 0, lasts });
    check("kind: slow_headers", Fault::SlowHeaders);
    check("kind: slow_headers, lasts: 2s", Fault::LateHeaders { by: lasts });
    check("kind: truncate, after_tokens: 3", Fault::Truncate { after_tokens: 3 });
    check("kind: reset", Fault::Reset);
    check("kind: reset, after_tokens: 0", Fault::ResetAfter { tokens: 0 });
    check("kind: corrupt", Fault::Corrupt { after_tokens: 0, part: Part::Payload });
    check(
        "kind: corrupt, after_tokens: 1, part: prelude",
        Fault::Corrupt { after_tokens: 1, part: Part::Prelude },
    );
    check("kind: endless", Fault::Endless);
}

#[test]
fn each_way_to_choose_requests_is_read() {
    let check = |text: &str, expected: When| {
        assert_eq!(fault(&format!("kind: reset{text}")).when, expected, "{text}");
    };
    check("", When::Every(1));
    check(", share: 10%", When::Share(0.1));
    check(", every: 7", When::Every(7));
    check(", numbers: [3, 5]", When::Numbers(vec![3, 5]));
    check(", from: 3, to: 5", When::Range(3..=5));
    check(", to: 5", When::Range(1..=5));
    check(", containing: why", When::Containing("why".to_owned()));
    assert_eq!(fault("kind: reset, model: b.two").model_id.as_deref(), Some("b.two"));
}

#[test]
fn limits_outages_and_swings_are_put_into_force() {
    let text = "version: 1
limits: [{model: a.one, requests_per_minute: 60, output_burndown: 5, burst: 5s}]
outages: [{begins: 2s, lasts: 500ms}, {lasts: 1s}]
day_swings: [{model: a.one, amplitude: 30%, peak_hour: 24}, {amplitude: 0.1, peak_hour: 6.5}]
";
    let profile = |model: &str| simulator::Profile {
        model_id: model.to_owned(),
        ..simulator::Profile::fixed(Duration::ZERO, Duration::ZERO, 1)
    };
    let profiles = models().iter().map(|model| profile(model)).collect();
    let mut config = SimulatorConfig { profiles, ..SimulatorConfig::default() };
    Script::parse(text, &models()).unwrap().apply(&mut config);
    let limit = Limit {
        model_id: Some("a.one".to_owned()),
        requests_per_minute: Some(60),
        tokens_per_minute: None,
        output_burndown: 5,
        burst: Duration::from_secs(5),
    };
    assert_eq!(config.limits, [limit]);
    let outage = |begins, lasts| Outage {
        begins: Duration::from_millis(begins),
        lasts: Duration::from_millis(lasts),
    };
    assert_eq!(config.outages, [outage(2_000, 500), outage(0, 1_000)]);
    let swings: Vec<_> = config.profiles.iter().map(|profile| profile.day_swing).collect();
    let swing = |amplitude, peak_hour| Some(DaySwing { amplitude, peak_hour });
    assert_eq!(swings, [swing(0.3, 0.0), swing(0.1, 6.5)]);
}

#[test]
fn the_example_is_a_script() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/faults.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let mut config = SimulatorConfig::default();
    let models: Vec<String> =
        config.profiles.iter().map(|profile| profile.model_id.clone()).collect();
    let script = Script::parse(&text, &models).unwrap_or_else(|errors| panic!("{errors}"));
    script.apply(&mut config);
    let kinds = |fault: &ScriptedFault| std::mem::discriminant(&fault.fault);
    let shown: std::collections::HashSet<_> = config.script.iter().map(kinds).collect();
    assert_eq!(shown.len(), 11, "all but the stall before the first token");
    assert_eq!((config.limits.len(), config.outages.len()), (2, 1));
}

/// The line and column of the only error, and what it says.
#[track_caller]
fn check(text: &str, place: (u32, u32), problem: &str, mend: &str) {
    let errors = Script::parse(text, &models()).unwrap_err();
    let [error] = errors.errors() else { panic!("one error: {errors}") };
    assert_eq!((error.line, error.column), place, "{errors}");
    assert!(error.problem.contains(problem), "{errors}");
    assert!(error.mend.contains(mend), "{errors}");
}

#[test]
fn what_is_wrong_has_its_place_and_a_mend() {
    check("", (1, 1), "the version is not given", "version: 1");
    check("faults: []", (1, 1), "the version is not given", "version: 1");
    check("version: 2", (1, 10), "version 2 is not known", "version: 1");
    check("version: 1\nfault: []", (2, 1), "`fault` is not known", "did you mean `faults`?");

    let check = |fault: &str, column, problem: &str, mend: &str| {
        check(&format!("version: 1\nfaults:\n- {{{fault}}}"), (3, column), problem, mend);
    };
    check("share: 1%", 3, "it has no kind", "one of: error");
    check("kind: stal", 10, "`stal` is no kind", "did you mean `stall`?");
    check("kind: endless, model: a.on", 26, "`a.on` is not simulated", "did you mean `a.one`?");
    check("kind: endless, after_tokens: 3", 33, "does not belong", "no fields of its own");
    check("kind: stall, status: 500", 25, "does not belong", "after_tokens, lasts");
    check("kind: stall, lasts: soon", 24, "`soon` is not a duration", "800ms");
    check("kind: stall, after_tokens: -1", 31, "-1 is too small", "from 0");
    check("kind: error", 3, "it is not said which error", "status: 500");
    check("kind: error, status: 200", 25, "200 is too small", "from 400 to 599");
    check("kind: error, status: 418", 3, "no exception usually has status 418", "code:");
    check("kind: error, status: 500, code: a b", 36, "`a b` is no name", "letters and digits");
    check("kind: stream_exception, exception: oops", 39, "no exception of", "throttlingException");
    check("kind: corrupt, part: head", 25, "`head` is no part", "prelude or payload");
    check("kind: reset, share: 1", 24, "could be 1% or a share", "`1%`");
    check("kind: reset, every: 0", 24, "0 is too small", "from 1");
    check("kind: reset, numbers: [1, 0]", 30, "0 is too small", "from 1");
    check("kind: reset, every: 2, share: 1%", 3, "more than one way", "keep one of");
}

#[test]
fn so_has_what_is_wrong_with_the_rest() {
    let check = |section: &str, column, problem: &str, mend: &str| {
        check(&format!("version: 1\n{section}"), (2, column), problem, mend);
    };
    check("limits: [{burst: 1s}]", 10, "it limits nothing", "requests_per_minute");
    check("limits: [{requests_per_minute: 60, burst: 500ms}]", 10, "not even one", "raise");
    check("limits: [{requests_per_minute: 0}]", 32, "0 is too small", "from 1");
    check("outages: [{begins: 1s}]", 11, "it is not said how long", "lasts: 800ms");
    check("day_swings: [{amplitude: 10%}]", 14, "needs an amplitude", "give both");
    check("day_swings: [{amplitude: 100%, peak_hour: 1}]", 14, "no time at all", "below 100%");
    check("day_swings: [{amplitude: 10%, peak_hour: 25}]", 42, "outside of 0 to 24", "0 to 24");
}
