//! What EventBridge Scheduler says of itself in an execution's input.

use serde::Deserialize;
use shared::digest::sha256;

/// `{"arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}`, with
/// the placeholders filled in by the Scheduler.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    arn: String,
    scheduled_time: String,
}

impl Schedule {
    /// The id of the run of that time: the schedule's name, the time without its punctuation, and the
    /// beginning of a digest of the ARN, because groups of schedules may hold the same name. However
    /// often the same time is delivered, it is the same. `None` where the placeholders are not filled
    /// in, as when a person starts the machine with the schedule's input.
    pub(crate) fn run_id(&self) -> Option<String> {
        if self.arn.starts_with('<') || self.scheduled_time.starts_with('<') {
            return None;
        }
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        let time = self.scheduled_time.chars().filter(char::is_ascii_alphanumeric);
        // A name may have 64 characters, and so may a run id.
        let name: String = name.chars().take(38).collect();
        Some(format!("{name}-{}-{}", time.collect::<String>(), &sha256(&self.arn)[..8]))
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
        let time = "2026-11-28T02:00:00Z";
        let id = run_id(arn, time).unwrap();
        assert!(id.starts_with("fmgauge-weekly-20261128T020000Z-"), "{id}");
        assert_eq!(run_id(arn, time).unwrap(), id);
        let long = |last| {
            let name = "x".repeat(63);
            run_id(&format!("arn:aws:scheduler:us-east-1:1:schedule/default/{name}{last}"), time)
        };
        assert_eq!(long('a').unwrap().len(), 64);
        assert_ne!(long('a'), long('b'));
        let elsewhere = arn.replace("/default/", "/other/");
        assert_ne!(run_id(&elsewhere, time).unwrap(), id, "another group's, of the same name");
    }

    #[test]
    fn placeholders_are_no_time() {
        let placeholders = ("<aws.scheduler.schedule-arn>", "<aws.scheduler.scheduled-time>");
        assert_eq!(run_id(placeholders.0, placeholders.1), None);
    }
}
