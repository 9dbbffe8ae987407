//! Fits the latencies of the built-in profiles to the published rows again, and prints them.
//!
//!     cargo run -p simulator --example calibrate
//!
//! A model's latency is base + prefill x prompt tokens + decode x (answer tokens - 1). The three
//! parameters, none negative, are those that meet as many of the model's rows as possible, and of
//! these the ones with the smallest sum of squared relative differences. A row with a latency is
//! met within 9 %; one that no concurrency kept within the budget is met where the latency exceeds
//! the budget by 3 %. What was recommended must stay 2 % within it. Nothing is fitted row by row.
//!
//! The search is a descent along each parameter with shrinking steps, from a few fixed starts:
//! the same on every machine.
#![expect(clippy::print_stdout, reason = "what it finds is for people to copy")]

#[path = "../src/profile/published.rs"]
mod published;

use published::{BUDGET_S, Row, rows};

/// Base, prefill for a token and decode for a token, in seconds.
type Latency = [f64; 3];

/// A row counts as met up to this relative difference.
const MET: f64 = 0.09;

/// Where the search starts.
const STARTS: [Latency; 4] =
    [[0.2, 2e-4, 0.02], [0.05, 2e-4, 0.025], [0.3, 4e-4, 0.015], [1.0, 5e-4, 0.005]];

fn main() {
    let rows = rows();
    for model in rows.chunk_by(|one, two| one.model_id == two.model_id) {
        let (latency, chosen) = fit(model);
        let [base, prefill, decode] = latency.map(|seconds| seconds * 1e6);
        println!("{}: latency_us: [{base:.0}, {prefill:.2}, {decode:.0}]", model[0].model_id);
        for (index, row) in model.iter().enumerate() {
            let simulated = of(latency, row, model);
            let published = match row.best {
                Some((_, published)) => {
                    let difference = 100.0 * (simulated / published - 1.0);
                    format!("published {published:.2} s ({difference:+.1} %)")
                }
                None => format!("published over {BUDGET_S} s"),
            };
            let given_up = if chosen & (1 << index) == 0 { ", given up" } else { "" };
            println!("  {:>4} tokens: {simulated:.2} s, {published}{given_up}", row.prompt_tokens);
        }
    }
}

/// The best parameters, and the rows that they were fitted to as bits.
fn fit(model: &[Row]) -> (Latency, u32) {
    for count in (1..=model.len()).rev() {
        let choices =
            (0_u32..1 << model.len()).filter(|choice| choice.count_ones() as usize == count);
        let found = choices
            .flat_map(|choice| STARTS.map(|start| (descend(start, model, choice), choice)))
            .filter(|(latency, choice)| is_met(*latency, model, *choice))
            .min_by(|one, two| loss(one.0, model, one.1).total_cmp(&loss(two.0, model, two.1)));
        if let Some(found) = found {
            return found;
        }
    }
    panic!("no parameters meet any row of {}", model[0].model_id);
}

/// The mean latency of a row.
fn of([base, prefill, decode]: Latency, row: &Row, model: &[Row]) -> f64 {
    base + prefill * f64::from(row.prompt_tokens) + decode * (completion(row, model) - 1.0)
}

/// The completion tokens of a row; where they are not known, on the line between its neighbours.
fn completion(row: &Row, model: &[Row]) -> f64 {
    let known = |row: &Row| Some((row.prompt_tokens, f64::from(row.completion_tokens?)));
    let below = model.iter().filter_map(known).rfind(|(at, _)| *at <= row.prompt_tokens);
    let above = model.iter().filter_map(known).find(|(at, _)| *at >= row.prompt_tokens);
    let ((from, low), (to, high)) = below.zip(above).expect("the outer rows are known");
    let width = f64::from((to - from).max(1));
    low + f64::from(row.prompt_tokens - from) / width * (high - low)
}

/// What the descent makes small. Rows that are not chosen count little, so that what the chosen
/// ones leave open is not left to chance.
fn loss(latency: Latency, model: &[Row], choice: u32) -> f64 {
    let each = model.iter().enumerate().map(|(index, row)| {
        let seconds = of(latency, row, model);
        let is_chosen = choice & (1 << index) != 0;
        let Some((_, published)) = row.best else {
            let short = (1.0 - seconds / (1.05 * BUDGET_S)).max(0.0).powi(2);
            return if is_chosen { 100.0 * short } else { 0.0 };
        };
        let difference = seconds / published - 1.0;
        let over = 100.0 * (seconds / (0.97 * BUDGET_S) - 1.0).max(0.0).powi(2);
        over + if is_chosen {
            difference.powi(2) + 30.0 * (difference.abs() - 0.05).max(0.0).powi(2)
        } else {
            1e-3 * difference.powi(2)
        }
    });
    each.sum()
}

/// Whether all chosen rows are met, and no recommended one exceeds the budget.
fn is_met(latency: Latency, model: &[Row], choice: u32) -> bool {
    model.iter().enumerate().all(|(index, row)| {
        let seconds = of(latency, row, model);
        let is_chosen = choice & (1 << index) != 0;
        match row.best {
            None => seconds > 1.03 * BUDGET_S || !is_chosen,
            Some((_, published)) => {
                let is_near = (seconds / published - 1.0).abs() < MET;
                seconds < 0.98 * BUDGET_S && (is_near || !is_chosen)
            }
        }
    })
}

fn descend(start: Latency, model: &[Row], choice: u32) -> Latency {
    let mut best = start;
    let mut least = loss(best, model, choice);
    let mut steps = [0.1, 1e-4, 5e-3];
    while steps[0] > 1e-6 {
        let directions = (0..3).flat_map(|place| [(place, 1.0), (place, -1.0)]);
        let better = directions.map(|(place, sign)| {
            let mut tried = best;
            tried[place] = f64::max(0.0, tried[place] + sign * steps[place]);
            (loss(tried, model, choice), tried)
        });
        match better.min_by(|one, two| one.0.total_cmp(&two.0)) {
            Some((loss, tried)) if loss < least - 1e-15 => (least, best) = (loss, tried),
            _ => steps = steps.map(|step| step / 2.0),
        }
    }
    best
}
