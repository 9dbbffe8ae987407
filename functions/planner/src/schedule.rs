//! What EventBridge Scheduler says of itself in an execution's input.

use serde::Deserialize;

/// `{"arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}`, with
/// the placeholders filled in by the Scheduler.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    arn: String,
    scheduled_time: String,
}

impl Schedule {
    /// The id of the run of that time: the schedule's name, and the time without its punctuation.
    /// However often the same time is delivered, it is the same. `None` where the placeholders are not
    /// filled in, as when a person starts the machine with the schedule's input.
    pub(crate) fn run_id(&self) -> Option<String> {
        if self.arn.starts_with('<') || self.scheduled_time.starts_with('<') {
            return None;
        }
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        let time = self.scheduled_time.chars().filter(char::is_ascii_alphanumeric);
        // A name may have 64 characters, and so may a run id.
        let name: String = name.chars().take(40).collect();
        Some(format!("{name}-{}", time.collect::<String>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_id(arn: &str, scheduled_time: &str) -> Option<String> {
        Schedule { arn: arn.to_owned(), scheduled_time: scheduled_time.to_owned() }.run_id()
    }

    #[test]
    fn a_scheduled_time_has_one_run() {
        let arn = "arn:aws:scheduler:us-east-1:111122223333:schedule/default/fmgauge-weekly";
        let id = run_id(arn, "2026-11-28T02:00:00Z").unwrap();
        assert_eq!(id, "fmgauge-weekly-20261128T020000Z");
        let long = format!("arn:aws:scheduler:us-east-1:1:schedule/default/{}", "x".repeat(64));
        assert_eq!(run_id(&long, "2026-11-28T02:00:00Z").unwrap().len(), 57);
    }

    #[test]
    fn placeholders_are_no_time() {
        let placeholders = ("<aws.scheduler.schedule-arn>", "<aws.scheduler.scheduled-time>");
        assert_eq!(run_id(placeholders.0, placeholders.1), None);
    }
}
