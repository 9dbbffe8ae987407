use super::*;
use crate::decision::decide;
use crate::summary::fixture::{HAIKU, LLAMA, MISTRAL, Model, Run};

#[test]
fn zz_look() {
    for (n, run) in looks().into_iter().enumerate() {
        let summary = run.summary();
        let decision = decide(&run.plan, &summary);
        let report = Report {
            plan: &run.plan,
            summary: &summary,
            decision: &decision,
            written_at: "2024-04-16T02:00:00Z",
        };
        for file in render(&report).unwrap() {
            std::fs::create_dir_all(format!("/tmp/look/{n}")).unwrap();
            std::fs::write(format!("/tmp/look/{n}/{}", file.name), file.bytes).unwrap();
        }
    }
}

fn looks() -> Vec<Run> {
    let m = |name, i: f64, o: f64, t, e| Model {
        name,
        input_usd: i,
        output_usd: o,
        tokens: t,
        e2e_ms: e,
    };
    let eleven = [
        m("ai21.j2-mid-v1", 0.0125, 0.0125, (2952, 20), 730),
        m("ai21.j2-ultra-v1", 0.0188, 0.0188, (2952, 17), 980),
        m("amazon.titan-text-express-v1", 0.0002, 0.0006, (2958, 17), 1640),
        m("amazon.titan-text-lite-v1", 0.0003, 0.0004, (2958, 20), 2500),
        m("anthropic.claude-3-haiku-20240307-v1-0", 0.00025, 0.00125, (3281, 40), 1230),
        m("anthropic.claude-3-sonnet-20240229-v1-0", 0.003, 0.015, (3281, 70), 4900),
        m("cohere.command-light-text-v14", 0.0003, 0.0006, (2952, 50), 2300),
        m("cohere.command-text-v14", 0.0015, 0.002, (2952, 23), 1830),
        m("meta.llama2-13b-chat-v1", 0.00075, 0.001, (2952, 22), 1360),
        m("mistral.mistral-7b-instruct-v0-2", 0.00015, 0.0002, (2959, 34), 750),
        m("mistral.mixtral-8x7b-instruct-v0-1", 0.00045, 0.0007, (2959, 24), 1230),
    ];
    let mut long = Run::new(
        &[
            m(
                "a-model-with-the-longest-name-that-can-be-given-to-an-endpoint-1",
                0.001,
                0.002,
                (100, 100),
                900,
            ),
            MISTRAL,
        ],
        &["chat"],
        &[1, 16, 64],
    );
    long.plan.criteria = crate::plan::Criteria::default();
    let mut sim =
        Run::new(&eleven, &["en_3000-4000", "other"], &[1, 2]).fail("cohere.command-text-v14");
    sim.records[0].served.simulated = true;
    vec![
        Run::new(&[MISTRAL], &["chat"], &[1]),
        Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat"], &[1, 2, 4, 8]),
        sim,
        long,
        Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2])
            .fail("mistral-7b")
            .kill("claude-3-haiku~chat~c2", 2),
    ]
}
