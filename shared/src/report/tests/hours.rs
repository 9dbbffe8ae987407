//! Hours of the day.

use std::f64::consts::TAU;

use super::*;
use crate::decision::decide;
use crate::plan::Zone;

/// A run of rounds every hour from one o'clock UTC on, some 4 % of chance from block to block, and a
/// swing of so much.
fn run(models: &[Model], rounds: u32, replicates: u32, swing: f64) -> Run {
    let run = Run::replicated(models, &["chat"], &[1], replicates);
    let mut run = run.in_rounds(rounds);
    for record in &mut run.records {
        // `in_rounds` makes each round 10 % of the first slower.
        let back = 10.0 / f64::from(9 + record.round);
        let hour = f64::from(record.round);
        let level = 1.0 + swing * (TAU * (hour - 14.0) / 24.0).cos();
        let chance = f64::from((record.round * 7919 + record.block * 104_729) % 97) / 97.0 - 0.5;
        let timeline = &mut record.timeline;
        let level = level * (1.0 + 0.14 * chance);
        timeline.end = timeline.end.mul_f64(back * level);
        timeline.first_text = timeline.first_text.map(|first| first.mul_f64(level));
    }
    run
}

fn with<T>(run: &Run, with: impl Fn(&Report<'_>) -> T) -> T {
    let summary = run.summary();
    let decision = decide(&run.plan, &summary);
    let written_at = WRITTEN_AT;
    with(&Report { plan: &run.plan, summary: &summary, decision: &decision, written_at })
}

fn section(run: &Run) -> Option<String> {
    let text = with(run, markdown::render);
    let section = text.split("\n## Time of day\n").nth(1)?;
    Some(section.split("\n## ").next().unwrap().trim().to_owned())
}

#[test]
fn hours_of_one_day_are_told_with_what_that_cannot_tell() {
    let mut run = run(&[MISTRAL, HAIKU], 24, 2, 0.25);
    run.plan.time_zone = Zone::try_from("Europe/Berlin".to_owned()).unwrap();
    insta::assert_snapshot!(section(&run).unwrap());
}

#[test]
fn a_daily_swing_is_told_after_two_days() {
    let text = section(&run(&[MISTRAL, HAIKU], 48, 1, 0.25)).unwrap();
    let table = text.lines().filter(|line| line.contains("| Daily") || line.contains("slowest"));
    insta::assert_snapshot!(table.collect::<Vec<_>>().join("\n"));
    let flat = section(&run(&[MISTRAL, HAIKU], 48, 1, 0.0)).unwrap();
    assert_eq!(flat.matches("| not shown: ±").count(), 2, "{flat}");
}

#[test]
fn without_several_hours_there_is_no_section_and_no_picture() {
    for run in [Run::new(&[MISTRAL], &["chat"], &[1]), run(&[MISTRAL], 1, 2, 0.0)] {
        assert_eq!(section(&run), None);
        let files = with(&run, |report| render(report).unwrap());
        assert_eq!(files.iter().map(|file| file.name).collect::<Vec<_>>(), FILES);
    }
}

#[test]
fn the_files_of_hours_come_after_those_of_every_report() {
    let run = run(&[MISTRAL, HAIKU], 24, 2, 0.25).fail("claude-3-haiku");
    let files = with(&run, |report| render(report).unwrap());
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    assert_eq!(names, [&FILES[..], &HOUR_FILES].concat());
    let page = files.iter().find(|file| file.name == HTML).unwrap();
    let page = String::from_utf8(page.bytes.clone()).unwrap();
    assert_eq!(page.matches("<svg").count(), plot::PICTURES.len() + 1);

    let csv = &files.iter().find(|file| file.name == HOURS).unwrap().bytes;
    let rows: Vec<BTreeMap<String, String>> =
        ::csv::Reader::from_reader(&csv[..]).deserialize().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 48);
    assert_eq!((rows[0]["hour"].as_str(), rows[0]["requests_completed"].as_str()), ("0", "20"));
    assert_eq!((rows[24]["e2e_p50_ms"].as_str(), rows[24]["error_rate_ratio"].as_str()), ("", "1"));
    assert!(rows[0]["e2e_p50_low_ms"].parse::<f64>().unwrap() > 0.0);
}

#[test]
fn every_hour_has_its_number_in_the_picture() {
    let run = run(&[MISTRAL, HAIKU], 24, 2, 0.25).skip(7).fail("claude-3-haiku");
    let svg = with(&run, |report| plot::HOURS.draw(report).unwrap());
    for hour in 0..24 {
        assert_eq!(svg.matches(&format!(">\n{hour:02}\n<")).count(), usize::from(hour != 7));
    }
    // A cell for each hour of the endpoint that answered, and none of the one that did not.
    let numbers =
        svg.split(">\n").filter(|text| text.starts_with("0.") && text.as_bytes()[4] == 10);
    assert_eq!(numbers.count(), 23);
    assert_eq!(svg.matches(">\n–\n<").count(), 23);
    assert!(svg.contains("20 % faster or more") || svg.contains("slower or more"), "{svg}");
}
