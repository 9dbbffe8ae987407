//! `fmgauge prices`: the prices that are built in, with where and when they were read.

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use shared::price::{INSTANCES_DATE, INSTANCES_SOURCE, REGION, history, instances, model_ids};

use crate::arguments;
use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say, wrapped};

/// A price as it is listed: of tokens, or of an hour of an instance.
#[derive(Debug, Serialize)]
struct Listed {
    /// The model that is invoked, or the type of instance.
    name: &'static str,
    region: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_per_1k_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_per_1k_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_hour_usd: Option<f64>,
    /// The month in which it was read.
    read: &'static str,
    /// Whole months since.
    age_months: i32,
    source: &'static str,
}

pub(crate) fn run(arguments: &arguments::Prices) -> Result<Exit> {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let wanted = arguments.filter.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut listed = all(arguments.history, today);
    listed.retain(|price| price.name.to_ascii_lowercase().contains(&wanted));
    if listed.is_empty() {
        return Err(Refusal(format!(
            "no price of {wanted:?} is built in: give it in the configuration, as `price: \
             {{input_per_1k_usd: ..., output_per_1k_usd: ...}}` or `price: {{per_hour_usd: ...}}`"
        ))
        .into());
    }
    if arguments.json {
        say(&serde_json::to_string(&listed)?);
        return Ok(Exit::Done);
    }
    say(&table(&listed));
    note(&wrapped(&format!(
        "Prices of {REGION}, as they were read in the month that is shown; none is asked of AWS. Check \
         those that a decision hangs on, and give what you pay in the configuration."
    )));
    Ok(Exit::Done)
}

fn all(with_history: bool, today: Date) -> Vec<Listed> {
    let mut all = Vec::new();
    for model in model_ids() {
        let mut rows: Vec<_> = history(model, REGION).collect();
        if !with_history {
            rows = rows.split_off(rows.len().saturating_sub(1));
        }
        all.extend(rows.into_iter().map(|row| Listed {
            name: row.model_id,
            region: REGION,
            input_per_1k_usd: Some(row.input_per_1k.as_usd()),
            output_per_1k_usd: Some(row.output_per_1k.as_usd()),
            per_hour_usd: None,
            read: row.date,
            age_months: age_months(row.date, today),
            source: row.source,
        }));
    }
    all.extend(instances().iter().map(|row| Listed {
        name: row.instance_type,
        region: REGION,
        input_per_1k_usd: None,
        output_per_1k_usd: None,
        per_hour_usd: Some(row.per_hour.as_usd()),
        read: INSTANCES_DATE,
        age_months: age_months(INSTANCES_DATE, today),
        source: INSTANCES_SOURCE,
    }));
    all
}

/// Whole months from a month (`YYYY-MM`) to a day.
fn age_months(month: &str, today: Date) -> i32 {
    let mut parts = month.split('-').filter_map(|part| part.parse::<i32>().ok());
    let (Some(year), Some(month)) = (parts.next(), parts.next()) else { return 0 };
    (i32::from(today.year()) - year) * 12 + i32::from(today.month()) - month
}

fn table(listed: &[Listed]) -> String {
    let width = listed.iter().map(|price| price.name.len()).max().unwrap_or_default();
    let row = |name: &str, price: &str, age: &str, source: &str| {
        format!("{name:width$}  {price:>21}  {age:>11}  {source}")
    };
    let head = row("MODEL OR INSTANCE", "USD", "READ", "FROM");
    let rows = listed.iter().map(|listed| {
        let tokens = listed.input_per_1k_usd.zip(listed.output_per_1k_usd);
        let price = match (tokens, listed.per_hour_usd) {
            (Some((input, output)), _) => format!("{input} / {output} per 1k"),
            (None, Some(hour)) => format!("{hour} an hour"),
            (None, None) => String::new(),
        };
        let age = match listed.age_months {
            0 => "this month".to_owned(),
            months => format!("{months} mo ago"),
        };
        row(listed.name, &price, &age, listed.source)
    });
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_its_age() {
        let today = jiff::civil::date(2026, 11, 28);
        assert_eq!((age_months("2026-11", today), age_months("2025-04", today)), (0, 19));
        let (latest, whole) = (all(false, today), all(true, today));
        assert!(latest.len() < whole.len());
        let of = |all: &[Listed], name| all.iter().filter(|price| price.name == name).count();
        assert_eq!(of(&latest, "mistral.mistral-7b-instruct-v0:2"), 1);
        assert_eq!(of(&whole, "mistral.mistral-7b-instruct-v0:2"), 2);
        assert_eq!(of(&latest, "ml.g5.2xlarge"), 1);
        assert!(table(&latest).lines().all(|line| line.len() < 120), "{}", table(&latest));
    }
}
