//! What serving takes, and what the choice saves.

use super::cell::{UNKNOWN, each_dataset, footnote, load_head, or_none};
use crate::decision::{Capacity, SAME_SIZE};
use crate::plan::Workload;
use crate::report::Report;
use crate::report::page::{FEW, MET, Page, Table};
use crate::words::{NO_DATA, count, dollars, number, percent};

/// More than was measured.
const BEYOND: &str = "‡";

/// Dollars an hour for each rate, and how many times the measured load it takes.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let capacities = &report.decision.capacity;
    page.heading(2, "Capacity");
    if capacities.is_empty() {
        let qualified = report.decision.endpoints.iter().any(|decided| decided.best.is_some());
        page.paragraph(if qualified {
            "There is no estimate: too little was completed to tell a throughput."
        } else {
            "There is no estimate: no measured load meets every criterion as all below it do."
        });
        return;
    }
    page.paragraph(&legend(report));
    each_dataset(page, report, 3, |page, dataset| {
        let of_dataset = capacities.iter().filter(|capacity| capacity.dataset == *dataset);
        let of_dataset: Vec<_> = of_dataset.collect();
        let Some(first) = of_dataset.first() else {
            return page.paragraph("No measured load meets every criterion as all below it do.");
        };
        let mut table = Table::new()
            .words("Endpoint")
            .number(load_head(report))
            .number("Requests served a minute");
        for row in &first.rows {
            let workload = if row.is_workload { ", the workload" } else { "" };
            table = table.number(format!(
                "USD an hour at {} requests/min{workload}",
                rate(row.requests_per_minute)
            ));
        }
        for capacity in of_dataset {
            table.row(&cells(report, capacity));
        }
        page.table(&table);
    });
    footnote(page, capacities.iter().any(|capacity| capacity.too_few_samples));
}

/// What the cells mean, and whose tokens are priced.
fn legend(report: &Report<'_>) -> String {
    let capacities = &report.decision.capacity;
    let highest = if report.decision.criteria.is_empty() {
        "That load is the highest with completed requests, as all below it have."
    } else {
        "That load is the highest that meets every criterion as all below it do."
    };
    let mut sentences = vec![format!(
        "A simple estimate of what it costs to serve a rate of requests. *$1.20 (3 x 4 in \
         flight)*: $1.20 an hour; it takes about 3 times the measured load of 4 requests in \
         flight. {highest} These models are paid by the token, so the dollars are those of the \
         requests: more of them in flight cost nothing by themselves."
    )];
    if let Some(workload) = &report.plan.workload {
        if workload.headroom > 0.0 {
            let headroom = percent(workload.headroom);
            sentences.push(format!("Of what each load served, {headroom} is kept free."));
        }
        sentences.push(match tokens(workload) {
            Some(tokens) => {
                format!("The dollars are for the workload's requests, of {tokens}.")
            }
            None => "The dollars are for requests of the dataset's own lengths.".to_owned(),
        });
    }
    let mut rows = capacities.iter().flat_map(|capacity| &capacity.rows);
    if rows.clone().any(|row| row.instances.is_none()) {
        sentences.push(format!(
            "*({NO_DATA})*: those differ by more than {} from what was measured on the dataset, so \
             how many in flight they take is not known.",
            percent(SAME_SIZE)
        ));
    }
    if capacities.iter().any(|capacity| !capacity.shown) {
        sentences.push(format!("{MET} Its criteria are met, but not all shown."));
    }
    if rows.any(|row| row.beyond_measured) {
        sentences.push(format!(
            "{BEYOND} More than was measured, or requests of another size: quotas and queues there \
             are not known."
        ));
    }
    sentences.join(" ")
}

/// `1,000 prompt tokens and as many answer tokens as were measured`; `None` where the workload says
/// neither.
pub(super) fn tokens(workload: &Workload) -> Option<String> {
    if workload.prompt_tokens.is_none() && workload.output_tokens.is_none() {
        return None;
    }
    let of = |tokens: Option<u32>, what: &str| match tokens {
        Some(tokens) => format!("{} {what} tokens", count(tokens.into())),
        None => format!("as many {what} tokens as were measured"),
    };
    let (prompt, answer) =
        (of(workload.prompt_tokens, "prompt"), of(workload.output_tokens, "answer"));
    Some(format!("{prompt} and {answer}"))
}

/// The rate with all its digits.
pub(super) fn rate(per_minute: f64) -> String {
    if per_minute.fract() == 0.0 && per_minute < 1e15 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        return count(per_minute as u64);
    }
    number(per_minute)
}

fn cells(report: &Report<'_>, capacity: &Capacity) -> Vec<String> {
    let level = report.plan.experiment(&capacity.experiment);
    let is_open = level.is_some_and(|level| level.load.open().is_some());
    let in_flight = if is_open { "" } else { " in flight" };
    let level = level.map_or_else(String::new, |level| level.load.mark());
    let met = if capacity.shown { "" } else { MET };
    let few = if capacity.too_few_samples { FEW } else { "" };
    let mut cells = vec![
        format!("`{}`", capacity.endpoint),
        format!("{level}{met}{few}"),
        number(capacity.requests_per_minute_each),
    ];
    cells.extend(capacity.rows.iter().map(|row| {
        let price = row.usd_per_hour.map_or_else(|| UNKNOWN.to_owned(), dollars);
        let beyond = if row.beyond_measured { BEYOND } else { "" };
        let load = row.instances.map(|times| format!("{} x {level}{in_flight}", count(times)));
        format!("{price} ({}){beyond}", or_none(load))
    }));
    cells
}

/// What the choices save against the baseline.
pub(super) fn savings(page: &mut Page, report: &Report<'_>) {
    let Some(baseline) = &report.plan.baseline else { return };
    page.heading(2, "Saving against today");
    let savings = &report.decision.savings;
    if savings.is_empty() {
        page.paragraph(&format!(
            "Nothing can be said against the baseline `{baseline}`: it takes a choice, and a price \
             of the baseline on the same dataset."
        ));
        return;
    }
    let judged = !report.decision.criteria.is_empty();
    let per_minute = savings.first().map_or(0.0, |saving| saving.requests_per_minute);
    let column = format!("Saved in a month at {} requests a minute", rate(per_minute));
    let of = if report.plan.workload.is_some() { "the workload" } else { "as an example" };
    let mut table = Table::new().words("Dataset").number(format!("{column}, {of}"));
    if judged {
        table = table.words("Baseline meets the criteria");
    }
    table = table.words("In words");
    for saving in savings {
        let mut row = vec![format!("`{}`", saving.dataset), dollars(saving.usd_per_month)];
        if judged {
            row.push(if saving.baseline_qualifies { "yes" } else { "no" }.to_owned());
        }
        row.push(saving.words.clone());
        table.row(&row);
    }
    let each = match savings.len() {
        1 => "It is told as if all requests were of this dataset.",
        _ => "Each row is told as if all requests were of its dataset: do not add the rows.",
    };
    page.paragraph(&format!("Against the baseline `{baseline}`; a month has 730 hours. {each}"));
    page.table(&table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::decide;
    use crate::plan::Criteria;
    use crate::summary::fixture::{HAIKU, MISTRAL, Run, name};

    /// Capacity, savings and what the run was.
    fn text(run: &Run) -> String {
        let summary = run.summary();
        let decision = decide(&run.plan, &summary);
        let (summary, decision) = (&summary, &decision);
        let report = Report { plan: &run.plan, summary, decision, written_at: "" };
        let mut page = Page::default();
        section(&mut page, &report);
        savings(&mut page, &report);
        super::super::about::run(&mut page, &report);
        page.finish()
    }

    fn workload(prompt_tokens: Option<u32>) -> Workload {
        Workload { requests_per_minute: 300.0, prompt_tokens, output_tokens: None, headroom: 0.2 }
    }

    #[test]
    fn a_cell_tells_dollars_before_the_load_and_the_load_how_sure_it_is() {
        let mut run = Run::new(&[MISTRAL], &["chat"], &[1, 4]);
        let page = text(&run);
        assert!(page.contains(" 4○ |"), "{page}");
        assert!(page.contains("USD an hour at 10,000 requests/min |"), "{page}");
        assert!(page.contains(" $270.39 (42 x 4 in flight)‡ |"), "{page}");
        assert!(page.contains("○ Its criteria are met, but not all shown."), "{page}");
        // 120 requests; with one in flight there are 30.
        assert!(!page.contains('†'), "{page}");
        let few = text(&Run::new(&[MISTRAL], &["chat"], &[1]));
        assert!(few.contains(" 1○† |") && few.contains("† From too few requests"), "{few}");
        run.plan.criteria = Criteria::default();
        let page = text(&run);
        assert!(page.contains(" 4 |") && !page.contains('○') && !page.contains('†'), "{page}");
    }

    #[test]
    fn it_is_said_whose_tokens_are_priced() {
        let mut run = Run::new(&[MISTRAL], &["chat"], &[1, 4]);
        run.plan.workload = Some(workload(None));
        let page = text(&run);
        assert!(page.contains("The dollars are for requests of the dataset's own lengths."));
        let row = "300 requests a minute, of the dataset's own lengths, 20 % headroom |";
        assert!(page.contains(row), "{page}");
        run.plan.workload = Some(workload(Some(1000)));
        let page = text(&run);
        let tokens = "of 1,000 prompt tokens and as many answer tokens as were measured";
        let priced = format!("The dollars are for the workload's requests, {tokens}.");
        assert!(page.contains(&priced), "{page}");
        assert!(page.contains(&format!("300 requests a minute, {tokens}, 20 % headroom |")));
        assert!(page.contains(" $2.82 (–)‡ |"), "{page}");
        assert!(page.contains("*(–)*: those differ by more than 20 %"), "{page}");
        assert!(!page.contains("x 4 in flight)‡"), "{page}");
    }

    #[test]
    fn savings_are_not_to_be_added_and_an_example_is_called_one() {
        let mut run = Run::new(&[MISTRAL, HAIKU], &["chat", "long"], &[1]);
        run.plan.baseline = Some(name("claude-3-haiku"));
        let page = text(&run);
        assert!(page.contains("do not add the rows"), "{page}");
        let header = "Saved in a month at 10 requests a minute, as an example |";
        assert!(page.contains(header), "{page}");
        assert!(page.contains("| yes                         |"), "{page}");
        run.plan.workload = Some(workload(None));
        run.plan.criteria.latency[0].limit = std::time::Duration::from_millis(1200);
        let page = text(&run);
        let header = "Saved in a month at 300 requests a minute, the workload |";
        assert!(page.contains(header), "{page}");
        assert!(page.contains("| no                          |"), "{page}");
        run.plan.criteria = Criteria::default();
        assert!(!text(&run).contains("Baseline meets the criteria"));
    }
}
