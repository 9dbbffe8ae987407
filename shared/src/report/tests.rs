use std::time::Duration;

use resvg::tiny_skia::Pixmap;

use super::*;
use crate::decision::decide;
use crate::plan::Criteria;
use crate::summary::fixture::{HAIKU, LLAMA, MISTRAL, Model, Run};

const WRITTEN_AT: &str = "2024-04-16T02:00:00Z";

/// What `with` makes of the report of a run.
fn report_of<T>(run: &Run, written_at: &str, with: impl Fn(&Report<'_>) -> T) -> T {
    let summary = run.summary();
    let decision = decide(&run.plan, &summary);
    with(&Report { plan: &run.plan, summary: &summary, decision: &decision, written_at })
}

fn markdown(run: &Run) -> String {
    report_of(run, WRITTEN_AT, markdown::render)
}

fn svg(run: &Run) -> String {
    report_of(run, WRITTEN_AT, |report| plot::svg(report).unwrap())
}

#[test]
fn a_run_with_a_choice() {
    insta::assert_snapshot!(markdown(&Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat"], &[1, 4])));
}

#[test]
fn an_endpoint_that_failed_altogether_stays_in_every_table() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]).fail("mistral-7b");
    let text = markdown(&run);
    let tables = text.split("\n\n").filter(|part| part.contains("`claude-3-haiku~chat~c1` |"));
    for table in tables {
        assert!(table.contains("`mistral-7b~chat~c1`"), "{table}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn none_qualifies() {
    let mut run = Run::new(&[MISTRAL, HAIKU], &["chat", "long"], &[2]);
    run.plan.criteria.latency[0].limit = Duration::from_millis(800);
    insta::assert_snapshot!(markdown(&run));
}

#[test]
fn missing_blocks_are_named_and_simulated_answers_announced() {
    let mut run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2])
        .kill("claude-3-haiku~chat~c2", 2)
        .kill("claude-3-haiku~chat~c2", 3);
    run.records.iter_mut().for_each(|record| record.served.simulated = true);
    insta::assert_snapshot!(markdown(&run));
}

#[test]
fn stopped_blocks_make_a_run_incomplete() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1, 2])
        .kill("mistral-7b~chat~c1", 2)
        .stop("mistral-7b~chat~c1", 1)
        .stop("mistral-7b~chat~c2", 3);
    let text = markdown(&run);
    let incomplete = text.split("**This run is incomplete:**").nth(1).unwrap().trim_start();
    insta::assert_snapshot!(incomplete.split("\n\n!").next().unwrap(), @"
    1 of 6 blocks missing and 2 ended before time, so some figures are of fewer requests than planned:

    - `mistral-7b~chat~c1`: block 2 missing; block 1 ended before time
    - `mistral-7b~chat~c2`: block 3 ended before time
    ");
    for cell in ["1 of 3 blocks missing; 1 block ended before time", " 1/3 |", " 2/3 |"] {
        assert!(text.contains(cell), "{cell}");
    }
}

#[test]
fn without_criteria_the_report_says_so() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.criteria = Criteria::default();
    assert!(markdown(&run).contains("No criteria are configured"));
}

#[test]
fn a_name_cannot_break_a_table() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.endpoints[0].price.as_mut().unwrap().source = "a | b\nc".to_owned();
    assert!(markdown(&run).contains("a \\| b c "));
}

#[test]
fn only_the_time_of_writing_differs_between_two_writings() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1]);
    let json = |time| report_of(&run, time, |report| summary_json(report).unwrap());
    let one: SummaryFile = serde_json::from_slice(&json("one")).unwrap();
    let two: SummaryFile = serde_json::from_slice(&json("two")).unwrap();
    assert_eq!(two, SummaryFile { written_at: "two".to_owned(), ..one });
    let later = report_of(&run, "2030-01-01T00:00:00Z", markdown::render);
    assert_eq!(later.replace("2030-01-01T00:00:00Z", WRITTEN_AT), markdown(&run));
    let text = String::from_utf8(json("one")).unwrap();
    assert_eq!(text.matches("\"one\"").count(), 1);
}

#[test]
fn all_files_are_there_and_the_png_has_text_in_it() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1]);
    let files = report_of(&run, WRITTEN_AT, |report| render(report).unwrap());
    assert_eq!(files.iter().map(|file| file.name).collect::<Vec<_>>(), FILES);
    let png = files.iter().find(|file| file.content_type == "image/png").unwrap();
    let picture = Pixmap::decode_png(&png.bytes).unwrap();
    assert_eq!(picture.width(), 2000);
    // The title's band: no lines or marks are there, so what is dark is text.
    let band = picture.pixels().iter().take(2000 * 80);
    let dark = band.filter(|pixel| pixel.red() < 100).count();
    assert!(dark > 500, "{dark} dark pixels: is there a font?");
}

#[test]
fn the_plot_has_a_mark_for_each_price_and_names_what_has_none() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]);
    let picture = svg(&run);
    for text in ["mistral-7b", "claude-3-haiku", "limit 2 s", "USD per 10,000", "sans-serif"] {
        assert!(picture.contains(text), "{text}");
    }
    assert!(!picture.contains("SIMULATED") && !picture.contains("No data"));
    let mut failed = run.fail("mistral-7b");
    failed.records[0].served.simulated = true;
    let picture = svg(&failed);
    for text in ["No data: mistral-7b at 1 and 2", "(simulated)", "SIMULATED"] {
        assert!(picture.contains(text), "{text}");
    }
}

#[test]
fn the_plot_follows_the_statistic_of_the_criterion() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    assert!(svg(&run).contains("p95 latency, end to end"));
    run.plan.criteria.latency[0].statistic = crate::plan::Statistic::Mean;
    assert!(svg(&run).contains("mean latency, end to end"));
    run.plan.criteria = Criteria::default();
    assert!(svg(&run).contains("p95 latency, end to end"));
}

#[test]
fn a_plot_of_nothing_and_one_of_many_models_can_be_drawn() {
    let nothing = Run::new(&[MISTRAL], &["chat"], &[1]).fail("mistral-7b");
    assert!(svg(&nothing).contains(">\nno data\n<"));
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let many = names.map(|name| Model { name, ..HAIKU });
    let picture = svg(&Run::new(&many, &["one", "two"], &[1, 2]));
    for name in names {
        assert!(picture.contains(&format!(">\n{name}\n<")), "{name}");
    }
}
