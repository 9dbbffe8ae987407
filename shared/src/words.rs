//! Numbers as people read them: three significant digits where nothing asks for more.

use crate::plan::{LatencyMetric, Statistic};
use crate::stats::Interval;
use crate::units::NanoUsd;

/// What stands where there is no data.
pub(crate) const NO_DATA: &str = "–";

/// With three significant digits, thousands separated: `0.0412`, `7.50`, `148`, `2,959`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    // The digits after the point follow from the rounded value: 9.996 is 10.0, not 10.00.
    let decimals = [(99.95, 0), (9.995, 1), (0.9995, 2), (0.099_95, 3), (0.009_995, 4)]
        .into_iter()
        .find_map(|(least, decimals)| (size >= least).then_some(decimals));
    match decimals {
        _ if size == 0.0 => "0".to_owned(),
        Some(0) => separated(&format!("{value:.0}")),
        Some(decimals) => format!("{value:.decimals$}"),
        None if size >= 0.000_099_95 => format!("{value:.6}"),
        None => format!("{value:.1e}"),
    }
}

/// A whole number with its thousands separated.
pub(crate) fn count(value: u64) -> String {
    separated(&value.to_string())
}

fn separated(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 request`, `2 requests`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A latency with its unit: `743 ms`, `2.47 s`.
pub(crate) fn latency(ms: f64) -> String {
    if ms >= 999.5 { format!("{} s", number(ms / 1000.0)) } else { format!("{} ms", number(ms)) }
}

/// A latency that somebody chose, with all its digits: `2 s`, `1.5 s`, `800 ms`.
pub(crate) fn exact_latency(ms: f64) -> String {
    if ms >= 1000.0 { format!("{} s", ms / 1000.0) } else { format!("{ms} ms") }
}

/// A share: `0 %`, `0.4 %`, `12.5 %`, `100 %`.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    if share > 0.0 && text == "0.0" {
        return "<0.1 %".to_owned();
    }
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// Dollars: two decimals from a cent up, three significant digits below.
pub(crate) fn usd(amount: NanoUsd) -> String {
    let dollars = amount.as_usd();
    if dollars > 0.0 && dollars < 0.01 { small_usd(dollars) } else { large_usd(dollars) }
}

/// The price of one transaction: three significant digits, `$0.000451`.
pub(crate) fn small_usd(dollars: f64) -> String {
    let mut decimals = 2;
    let mut least = 1.0;
    while dollars < least && decimals < 9 {
        decimals += 1;
        least /= 10.0;
    }
    format!("${dollars:.decimals$}")
}

/// Dollars of either sign, as [`usd`] has them: `-$1.30`.
pub(crate) fn dollars(amount: f64) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    match NanoUsd::from_usd(amount.abs()) {
        Some(NanoUsd::ZERO) => usd(NanoUsd::ZERO),
        Some(size) => format!("{sign}{}", usd(size)),
        None => format!("{sign}${}", number(amount.abs())),
    }
}

/// The ends of an interval: `0.87 to 1.17`; where one is not known, `≥ 0.87` or `≤ 1.17`.
pub(crate) fn range(interval: Interval, show: impl Fn(f64) -> String) -> String {
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("{} to {}", show(low), show(high)),
        (Some(low), None) => format!("≥ {}", show(low)),
        (None, Some(high)) => format!("≤ {}", show(high)),
        (None, None) => NO_DATA.to_owned(),
    }
}

/// A p-value: two significant digits, and nothing below what a t-test of few replicates can tell.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.000_1 => "<0.0001".to_owned(),
        p if p < 0.01 => format!("{p:.4}"),
        p => format!("{p:.2}"),
    }
}

fn large_usd(dollars: f64) -> String {
    let text = format!("{dollars:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("${}.{cents}", separated(whole))
}

/// How a latency is called in tables.
pub(crate) fn metric_name(metric: LatencyMetric) -> &'static str {
    match metric {
        LatencyMetric::E2e => "E2E",
        LatencyMetric::Ttft => "TTFT",
        LatencyMetric::Tpot => "TPOT",
    }
}

/// How a statistic is called in tables.
pub(crate) fn statistic_name(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Mean => "mean",
        Statistic::P50 => "p50",
        Statistic::P90 => "p90",
        Statistic::P95 => "p95",
        Statistic::P99 => "p99",
    }
}

/// With a capital at the start.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| {
        first.to_uppercase().collect::<String>() + characters.as_str()
    })
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.000_012_3, "1.2e-5"),
            (0.000_451, "0.000451"),
            (0.0412, "0.0412"),
            (0.412, "0.412"),
            (7.5, "7.50"),
            (9.996, "10.0"),
            (99.96, "100"),
            (148.4, "148"),
            (2959.0, "2,959"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(123_456), "123,456");
    }

    #[test]
    fn money_shows_what_matters() {
        for (nano, text) in [
            (0, "$0.00"),
            (450_650, "$0.000451"),
            (4_506_500_000, "$4.51"),
            (371_500_000_000, "$371.50"),
            (1_234_567_890_000, "$1,234.57"),
        ] {
            assert_eq!(usd(NanoUsd(nano)), text);
        }
    }

    #[test]
    fn signs_and_open_ends_are_told() {
        assert_eq!(dollars(-1.3), "-$1.30");
        assert_eq!(dollars(0.000_451), "$0.000451");
        assert_eq!(dollars(-1e-12), "$0.00");
        assert_eq!(dollars(-2e12), "-$2,000,000,000,000");
        let range = |low, high| range(Interval { low, high }, number);
        assert_eq!(range(Some(1.0), Some(2.0)), "1.00 to 2.00");
        assert_eq!(range(Some(1.0), None), "≥ 1.00");
        assert_eq!(range(None, Some(2.0)), "≤ 2.00");
        assert_eq!(range(None, None), NO_DATA);
        assert_eq!([0.000_01, 0.000_64, 0.042].map(p_value), ["<0.0001", "0.0006", "0.04"]);
    }

    #[test]
    fn latencies_and_shares_read_well() {
        assert_eq!(latency(743.2), "743 ms");
        assert_eq!(latency(999.9), "1.00 s");
        assert_eq!(latency(2470.0), "2.47 s");
        assert_eq!(exact_latency(2000.0), "2 s");
        assert_eq!(exact_latency(800.0), "800 ms");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.0004), "<0.1 %");
        assert_eq!(percent(0.125), "12.5 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
