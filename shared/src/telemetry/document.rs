//! A log line that CloudWatch makes metrics of.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "fmgauge";

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
    /// Anything else.
    None,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// One line of the CloudWatch embedded metric format, version 0 ("Specification: Embedded metric
/// format", Amazon CloudWatch user guide).
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    unix_ms: u64,
    dimensions: Vec<(&'static str, String)>,
    /// How many of the dimensions each set has, from the first.
    sets: Vec<usize>,
    properties: Map<String, Value>,
    metrics: Vec<(&'static str, Unit, f64)>,
}

impl Document {
    /// Metrics of a stack at a time.
    pub fn new(stack: &str, at: SystemTime) -> Self {
        let unix = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
            dimensions: vec![("Stack", stack.to_owned())],
            sets: vec![1],
            properties: Map::new(),
            metrics: Vec::new(),
        }
    }

    /// The same, also by one dimension more.
    #[must_use]
    pub fn by(mut self, dimension: &'static str, value: &str) -> Self {
        self.dimensions.push((dimension, value.to_owned()));
        self.sets.push(self.dimensions.len());
        self
    }

    /// The same, only by all of its dimensions together: what must not be added up over others.
    #[must_use]
    pub fn not_summed(mut self) -> Self {
        self.sets = vec![self.dimensions.len()];
        self
    }

    /// The same with something to search for, of which no metric is made.
    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(property.to_owned(), value.into());
        self
    }

    /// The same with one metric more, where there is a value.
    #[must_use]
    pub fn metric(mut self, name: &'static str, unit: Unit, value: impl Into<Option<f64>>) -> Self {
        self.metrics.extend(value.into().map(|value| (name, unit, value)));
        self
    }

    /// The line, without its end; `None` where there is no metric.
    pub fn line(&self) -> Option<String> {
        if self.metrics.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let sets: Vec<&[&str]> = self.sets.iter().map(|&many| &names[..many]).collect();
        let metric =
            |(name, unit, _): &(&str, Unit, f64)| json!({"Name": name, "Unit": unit.name()});
        let metrics: Vec<_> = self.metrics.iter().map(metric).collect();
        let mut line = self.properties.clone();
        for (name, value) in &self.dimensions {
            line.insert((*name).to_owned(), value.as_str().into());
        }
        for (name, _, value) in &self.metrics {
            line.insert((*name).to_owned(), (*value).into());
        }
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics});
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": self.unix_ms, "CloudWatchMetrics": [directive]}),
        );
        Some(Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_says_which_of_its_members_are_metrics() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_574_109_732_004);
        let document = Document::new("fmgauge", at);
        assert_eq!(document.line(), None);
        let document = document
            .by("Endpoint", "mistral-7b")
            .with("RunId", "r")
            .metric("Requests", Unit::Count, 3.0)
            .metric("TtftP95", Unit::Milliseconds, None);
        insta::assert_snapshot!(
            document.line().unwrap(),
            @r#"{"Endpoint":"mistral-7b","Requests":3.0,"RunId":"r","Stack":"fmgauge","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stack"],["Stack","Endpoint"]],"Metrics":[{"Name":"Requests","Unit":"Count"}],"Namespace":"fmgauge"}],"Timestamp":1574109732004}}"#
        );
        let line = document.not_summed().line().unwrap();
        assert!(line.contains(r#""Dimensions":[["Stack","Endpoint"]]"#), "{line}");
    }
}
