//! Every experiment against the criteria: first what misses one, then what meets all.

use super::cell::{each_dataset, footnote, interval, load_head, of_dataset, place};
use crate::decision::{Criterion, ExperimentJudgement, Judgement, Limit, Verdict};
use crate::report::Report;
use crate::report::page::{FEW, MET, NOT_MET, Page, SHOWN, Table};
use crate::words::{NO_DATA, plural};

/// The limits and the verdicts.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let decision = report.decision;
    let limits = &decision.criteria;
    page.heading(2, "Criteria");
    if limits.is_empty() {
        page.paragraph(
            "No criteria are configured, so experiments are ranked by cost alone. Set `criteria` in \
             the configuration to have slow or failing ones ruled out.",
        );
        return;
    }
    page.items(limits);
    let all = decision.experiments.len() as u64;
    let missed = decision.experiments.iter().filter(|judged| !judged.qualifies).count();
    let shown = decision.experiments.iter().filter(|judged| judged.shown).count();
    let no_errors = |limit: &Limit| limit.criterion == Criterion::ErrorRate && limit.limit == 0.0;
    let but = if shown > 0 && decision.criteria.iter().any(no_errors) {
        " but for 'no errors', which no sample can show"
    } else {
        ""
    };
    page.paragraph(&format!(
        "{missed} of {} miss at least one criterion; {} meet all, {shown} of them shown{but}.",
        plural(all, "experiment"),
        all - missed as u64,
    ));
    page.paragraph(&format!(
        "Each is judged on the measured value; its 95 % interval is beside it. {SHOWN} shown: the \
         whole interval is within the limit. {MET} met: the value is, but the interval is not, or \
         it rests on fewer than five blocks, or there is none. {NOT_MET} not met. {NO_DATA} no data."
    ));
    let few = decision.experiments.iter().flat_map(|judged| &judged.criteria);
    let few = few.clone().any(|judgement| judgement.too_few_samples);
    for (heading, qualify) in [
        ("Experiments that miss a criterion", false),
        ("Experiments that meet every criterion", true),
    ] {
        if decision.experiments.iter().any(|judged| judged.qualifies == qualify) {
            page.heading(3, heading);
            tables(page, report, qualify);
        }
    }
    footnote(page, few);
}

/// The experiments that qualify, or those that do not.
fn tables(page: &mut Page, report: &Report<'_>, qualify: bool) {
    each_dataset(page, report, 4, |page, dataset| {
        let mut table = Table::new().words("Endpoint").number(load_head(report));
        for limit in &report.decision.criteria {
            table = table.number(limit.criterion.to_string());
        }
        for experiment in of_dataset(report, dataset) {
            let judged = report.decision.judgement(&experiment.experiment);
            let Some(judged) = judged.filter(|judged| judged.qualifies == qualify) else {
                continue;
            };
            let mut row = place(experiment);
            row.extend(cells(judged));
            table.row(&row);
        }
        if table.is_empty() {
            page.paragraph("None.");
        }
        page.table(&table);
    });
}

fn cells(judged: &ExperimentJudgement) -> impl Iterator<Item = String> {
    judged.criteria.iter().map(cell)
}

/// The mark, the value and its interval.
fn cell(judged: &Judgement) -> String {
    let Some(value) = judged.value else { return NO_DATA.to_owned() };
    let few = if judged.too_few_samples { FEW } else { "" };
    let value = format!("{}{few}", judged.criterion.words(value));
    let interval = interval(judged.interval, |end| judged.criterion.words(end));
    match judged.verdict {
        Verdict::Shown => format!("{SHOWN} {value}{interval}"),
        Verdict::Met => format!("{MET} {value}{interval}"),
        Verdict::NotMet => format!("{NOT_MET} **{value}**{interval}"),
        Verdict::NoData => NO_DATA.to_owned(),
    }
}
