use std::collections::BTreeMap;
use std::time::Duration;

use resvg::tiny_skia::Pixmap;

use super::fixture::{WRITTEN_AT, bare, eleven, full, source_of};
use super::*;
use crate::plan::Criteria;
use crate::stats::Interval;
use crate::summary::fixture::{HAIKU, LLAMA, MISTRAL, Model, Run};

mod hours;

fn markdown(run: &Run) -> String {
    bare(run, WRITTEN_AT, markdown::render)
}

fn svg(run: &Run) -> String {
    bare(run, WRITTEN_AT, |report| plot::PRICE.draw(report).unwrap())
}

#[test]
fn a_run_with_a_choice() {
    insta::assert_snapshot!(markdown(&Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat"], &[1, 4])));
}

#[test]
fn a_run_with_everything() {
    let run = Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat", "long"], &[1, 4]);
    insta::assert_snapshot!(full(&run, markdown::render));
}

#[test]
fn open_loops_are_told_with_their_arrivals() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[2]);
    let text = markdown(&run.open(120, Duration::from_millis(500)));
    let sections = text.split("\n## ").filter(|part| {
        ["Answer", "Arrivals", "Results", "Recommendation"]
            .iter()
            .any(|title| part.starts_with(title))
    });
    insta::assert_snapshot!(sections.collect::<Vec<_>>().join("\n## "));
}

#[test]
fn retries_are_told_apart() {
    let mut run = Run::new(&[MISTRAL], &["chat"], &[2]);
    assert!(!markdown(&run).contains("## Retries"));
    let backoff = Duration::from_millis(500);
    let on = vec![crate::plan::RetryOn::Throttled, crate::plan::RetryOn::Server];
    run.plan.retries = Some(crate::plan::Retries { most: 3, backoff, on });
    let text = markdown(&run);
    let section = text.split("\n## ").find(|part| part.starts_with("Retries")).unwrap();
    let said = "Requests that were throttled or failed by the service are sent again up to 3 times, \
                after 500ms at first";
    assert!(section.contains(said), "{section}");
    let row = section.lines().find(|line| line.starts_with("| `mistral-7b`")).unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    // 60 requests, none of them tried again: users see what the service takes.
    assert_eq!(cells[2..7], ["2", "60", "0", "0", "0"], "{row}");
    assert_eq!((cells[7], cells[9]), (cells[8], cells[10]), "{row}");
}

#[test]
fn an_endpoint_that_failed_altogether_stays_in_every_section() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]).fail("mistral-7b");
    let text = markdown(&run);
    let sections: Vec<_> =
        text.split("\n## ").filter(|part| part.contains("| `claude-3-")).collect();
    assert!(sections.len() > 6, "{}", sections.len());
    // There is nothing of it to choose, to scale or to price.
    let without = ["Answer", "Capacity", "What transactions cost"];
    for section in sections.iter().filter(|s| !without.iter().any(|title| s.starts_with(title))) {
        assert!(section.contains("| `mistral-7b`"), "{section}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_unknown_price_is_never_nothing() {
    let mut run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1]);
    run.plan.endpoints[1].price = None;
    let text = markdown(&run);
    let rows = text.lines().filter(|line| line.starts_with("| `claude-3-haiku`"));
    let rows: Vec<_> = rows.filter(|line| line.contains('$') || line.contains("unknown")).collect();
    assert!(rows.len() >= 4, "{rows:?}");
    assert!(rows.iter().all(|row| row.contains("unknown") && !row.contains('$')), "{rows:?}");
    assert!(text.contains("The price of `claude-3-haiku` is unknown"));
    assert!(text.contains("Not in it: `claude-3-haiku`"));
    let csv = bare(&run, WRITTEN_AT, |report| csv::table(report).unwrap());
    let rows: Vec<BTreeMap<String, String>> =
        ::csv::Reader::from_reader(&*csv).deserialize().collect::<Result<_, _>>().unwrap();
    for column in ["cost_per_transaction_usd", "price_input_per_1k_usd", "spent_usd"] {
        assert_eq!(rows[1][column], "", "{column}");
        assert!(rows[0][column].parse::<f64>().unwrap() > 0.0, "{column}");
    }
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
    *source_of(&mut run.plan.endpoints[0]) = "a | b\nc".to_owned();
    assert!(markdown(&run).contains("a \\| b c "));
}

#[test]
fn only_the_time_of_writing_differs_between_two_writings() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1]);
    let json = |time| bare(&run, time, |report| summary_json(report).unwrap());
    let one: SummaryFile = serde_json::from_slice(&json("one")).unwrap();
    let two: SummaryFile = serde_json::from_slice(&json("two")).unwrap();
    assert_eq!(two, SummaryFile { written_at: "two".to_owned(), ..one });
    let later = bare(&run, "2030-01-01T00:00:00Z", markdown::render);
    assert_eq!(later.replace("2030-01-01T00:00:00Z", WRITTEN_AT), markdown(&run));
    let page = |time| bare(&run, time, html);
    assert_eq!(page("later than then").replace("later than then", "one"), page("one"));
    let text = String::from_utf8(json("one")).unwrap();
    assert_eq!(text.matches("\"one\"").count(), 1);
}

#[test]
fn all_files_are_there_and_the_png_has_text_in_it() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1]);
    let files = bare(&run, WRITTEN_AT, |report| render(report).unwrap());
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
    for text in ["Not shown: mistral-7b at 1 and 2", "(simulated)", "SIMULATED"] {
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
        assert!(picture.contains(&format!(">\n{name} (2)\n<")), "{name}");
    }
}

#[test]
fn text_of_the_users_is_no_markup() {
    let evil = "<script>alert(1)</script> [x](javascript:1) `a` **b** | c & </title>";
    let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
    run.plan.name = Some(evil.to_owned());
    let endpoint = &mut run.plan.endpoints[0];
    evil.clone_into(&mut endpoint.model_id);
    evil.clone_into(&mut endpoint.region);
    evil.clone_into(source_of(endpoint));
    endpoint.endpoint_url = Some(evil.to_owned());
    let html = bare(&run, WRITTEN_AT, html);
    for markup in ["<script", "javascript:1\"", "<strong>b<", "href=\"java"] {
        assert!(!html.contains(markup), "{markup}");
    }
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:1) `a` **b** | c &amp; ";
    // In the title, the heading, three cells and each picture.
    assert_eq!(html.matches(shown).count(), 6, "{html}");
    assert_eq!(html.matches("</title>").count(), 1);
}

#[test]
fn the_page_needs_nothing_else() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]);
    let html = full(&run, html);
    for outside in ["src=", "http://", "url(", "<link", "<script", "@import", "<img"] {
        let outside: Vec<_> = html.match_indices(outside).collect();
        let known = |at: usize| html[at..].starts_with("http://www.w3.org/2000/svg");
        assert!(outside.iter().all(|(at, _)| known(*at)), "{outside:?}");
    }
    assert!(html.contains("<title>Price and performance: support-chat</title>"));
    assert_eq!(html.matches("<svg").count(), plot::PICTURES.len());
    for section in html.match_indices("<h2") {
        let id = html[section.0..].split('"').nth(1).unwrap();
        assert!(html.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    let marks = html.matches("<span class=\"mark shown\">✓</span>").count();
    assert!(marks > 3, "{marks}");
}

#[test]
fn every_experiment_is_in_every_picture() {
    let run = Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat", "long"], &[11, 13, 17]);
    let run = run.fail("llama2-13b");
    let (marked, rows) = (12, 18);
    for picture in plot::PICTURES {
        let svg = full(&run, |report| picture.draw(report).unwrap());
        let again = full(&run, |report| picture.draw(report).unwrap());
        assert!(svg == again, "{} differs from one drawing to the next", picture.svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", picture.svg);
        // The outlines of marks, and of the choices' rings.
        let count = |what: &str| svg.matches(what).count();
        match picture.svg {
            "price_latency.svg" => {
                for level in [">\n11\n<", ">\n13\n<"] {
                    assert_eq!(count(level), 4, "{level}");
                }
                assert_eq!(count(">\nclaude-3-haiku (17)\n<") + count(">\nmistral-7b (17)\n<"), 4);
                assert_eq!(count("Not shown: llama2-13b at 11, 13 and 17"), 2);
            }
            "load_latency.svg" => {
                // Bars are thicker than the grid.
                let lines = svg.split("stroke-width=\"2\" points=\"").skip(1);
                assert_eq!(lines.filter(|line| is_upright(line)).count(), marked);
            }
            "tokens_latency.svg" => {
                assert!(count("opacity=\"0.6\"") >= marked * 20, "{}", count("opacity=\"0.6\""));
            }
            "cost.svg" => assert_eq!(count("/min · ") + count("no request was completed"), rows),
            "error_rates.svg" => assert_eq!(count(" of "), rows),
            "ttft.svg" | "itl.svg" => {
                assert_eq!(count(", p95 ") + count("no request was completed"), rows);
            }
            other => panic!("what does {other} show?"),
        }
    }
}

#[test]
fn costs_far_apart_are_dots_on_a_logarithmic_axis() {
    let cost = |run: &Run| bare(run, WRITTEN_AT, |report| plot::COST.draw(report).unwrap());
    let near = cost(&Run::new(&[MISTRAL, HAIKU, LLAMA], &["chat"], &[1]));
    assert!(!near.contains("logarithmic"));
    let far = cost(&eleven());
    assert_eq!(far.matches("USD per 10,000 transactions, logarithmic").count(), 5);
    assert_eq!(far.matches("limit $50").count(), 5);
    assert!(!far.contains("Beyond the axis"));
}

/// Whether points such as `10,20 10,40 "/>` are the two ends of an upright line.
fn is_upright(points: &str) -> bool {
    let points: Vec<_> = points.split('"').next().unwrap().split_whitespace().collect();
    let x = |point: &str| point.split(',').next().unwrap().to_owned();
    matches!(points[..], [one, two] if x(one) == x(two))
}

#[test]
fn an_end_that_the_data_cannot_tell_is_an_arrow() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1]);
    // Bars' ends have three points: level for a cap, the middle one apart for an arrow.
    let ends = |high| {
        full(&run, |report| {
            let mut summary = report.summary.clone();
            let e2e = summary.experiments[0].e2e.as_mut().unwrap();
            let p95 = e2e.p95_ms;
            e2e.intervals.p95 = Some(Interval { low: Some(p95 * 0.8), high });
            let report = Report { summary: &summary, ..*report };
            let svg = plot::LOAD.draw(&report).unwrap();
            assert!(svg.contains("an arrow: the data cannot tell where that end is"));
            let lines = svg.split("stroke-width=\"2\" points=\"").skip(1).map(|line| {
                let points = line.split('"').next().unwrap().split_whitespace();
                points.map(|point| point.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
            });
            let ends = lines.filter(|ys| ys.len() == 3);
            ends.map(|ys| if ys[0] == ys[1] { "cap" } else { "arrow" }).collect::<Vec<_>>()
        })
    };
    assert_eq!(ends(Some(9000.0)), ["cap", "cap"]);
    assert_eq!(ends(None), ["cap", "arrow"]);
}

#[test]
fn pictures_without_data_say_so() {
    let run = Run::new(&[MISTRAL], &["chat"], &[1]);
    for picture in plot::PICTURES {
        let svg = bare(&run.clone().fail("mistral-7b"), WRITTEN_AT, |r| picture.draw(r).unwrap());
        let says = ["no data", "no request was completed", "100 %"];
        assert!(says.iter().any(|text| svg.contains(text)), "{}", picture.svg);
    }
    let svg = bare(&run, WRITTEN_AT, |report| plot::ITL.draw(report).unwrap());
    assert!(svg.contains("not measured"));
    let few = Run { records: run.records[..3].to_vec(), ..run };
    let svg = bare(&few, WRITTEN_AT, |report| plot::LOAD.draw(report).unwrap());
    assert!(svg.contains("No 95 % intervals"));
}

#[test]
fn the_table_has_a_row_for_each_experiment() {
    let run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]).fail("mistral-7b");
    let text = full(&run, |report| String::from_utf8(csv::table(report).unwrap()).unwrap());
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert_eq!(lines.count(), 4);
    insta::assert_snapshot!(header.replace(',', "\n"));
    let failed = text.lines().nth(1).unwrap();
    assert!(failed.contains(",mistral-7b,vendor.mistral-7b-v1:0,us-east-1,chat,1,"), "{failed}");
    assert!(!failed.contains("NaN"), "{failed}");
}

#[test]
fn a_large_report_stays_small() {
    let run = eleven();
    full(&run, |report| {
        for picture in plot::PICTURES {
            let svg = picture.draw(report).unwrap();
            assert!(svg.len() < 400_000, "{} has {} bytes", picture.svg, svg.len());
        }
        assert!(markdown::render(report).len() < 500_000);
    });
}

fn html(report: &Report<'_>) -> String {
    let pictures = plot::PICTURES.map(|picture| (picture, picture.draw(report).unwrap()));
    html::page(&markdown::title(report), &markdown::render(report), &pictures)
}

#[test]
fn rounds_are_told_and_the_choice_shown_round_by_round() {
    let rounds = |run: &Run| {
        let text = markdown(run);
        let section = text.split("\n## Rounds\n").nth(1).map(str::to_owned);
        section.map(|section| section.split("\n## ").next().unwrap().trim().to_owned())
    };
    let mut run = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 2]).in_rounds(4).skip(3);
    run.plan.rounds.as_mut().unwrap().count = 6;
    insta::assert_snapshot!(rounds(&run).unwrap());
    let text = markdown(&run);
    for part in ["or other times than those of its rounds.", "6, one every 1h", "2 not begun"] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(rounds(&Run::new(&[MISTRAL], &["chat"], &[1])), None);
}
