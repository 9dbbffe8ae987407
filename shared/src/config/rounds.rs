//! How often a run measures everything, and for how long: `rounds`.

use std::time::Duration;

use humantime::format_duration;
use serde_saphyr::Location;

use super::check::Checker;
use super::raw::{self, Field, Spanned};
use crate::plan::{ROUNDS_MAX, Rounds};

/// The longest run: a month.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// The rounds, if they are given. One begins at every multiple of `every` before `for` is over.
pub(super) fn rounds(checker: &mut Checker<'_>, field: &Field<raw::Rounds>) -> Option<Rounds> {
    let Spanned { value: raw, referenced: at, .. } = field.as_ref()?;
    let given = |checker: &mut Checker<'_>, field: &Field<String>, path: &str, problem: &str| {
        if field.is_none() {
            checker.refuse(*at, path, problem, "write both: `rounds: {every: 1h, for: 24h}`");
        }
        checker.duration_up_to(field, path, LONGEST)
    };
    let missing = "it is not said how often a round begins";
    let every = given(checker, &raw.every, "rounds.every", missing);
    let missing = "it is not said for how long rounds begin";
    let duration = given(checker, &raw.duration, "rounds.for", missing);
    let (every, duration) = every.zip(duration)?;
    let at = |field: &Field<String>| field.as_ref().map_or(*at, |field| field.referenced);
    if duration < every {
        checker.refuse(
            at(&raw.duration),
            "rounds.for",
            format!(
                "a run of {} ends before a round of every {} does",
                format_duration(duration),
                format_duration(every)
            ),
            "let `for` be at least as long as `every`, or leave `rounds` out for a single round",
        );
        return None;
    }
    let count = duration.as_nanos().div_ceil(every.as_nanos());
    let count = u32::try_from(count).ok().filter(|count| *count <= ROUNDS_MAX);
    if count.is_none() {
        too_many(checker, at(&raw.every), every, duration);
    }
    Some(Rounds { count: count?, every })
}

fn too_many(checker: &mut Checker<'_>, at: Location, every: Duration, duration: Duration) {
    let seconds = duration.as_secs().div_ceil(ROUNDS_MAX.into()).max(1);
    checker.refuse(
        at,
        "rounds.every",
        format!(
            "a round every {} for {} makes more than {ROUNDS_MAX} rounds",
            format_duration(every),
            format_duration(duration)
        ),
        format!(
            "write `every: {}` or more, or a shorter `for`",
            format_duration(Duration::from_secs(seconds)).to_string().replace(' ', "")
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn parsed(rounds: &str) -> Result<Option<Rounds>, String> {
        let settings = parse(&format!(
            "version: 1\nendpoints: [{{name: m, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\nload: [{{concurrency: 1}}]\n\
             rounds: {rounds}\n"
        ));
        settings.map(|settings| settings.rounds).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_round_begins_at_every_multiple_before_the_end() {
        let check = |rounds: &str, count, every| {
            let every = Duration::from_secs(every);
            assert_eq!(parsed(rounds), Ok(Some(Rounds { count, every })), "{rounds}");
        };
        check("{every: 1h, for: 24h}", 24, 3600);
        check("{every: 1h, for: 1h}", 1, 3600);
        check("{every: 1h, for: 90m}", 2, 3600);
        check("{every: 90m, for: 31d}", 496, 5400);
        check("{every: 10s, for: 5000s}", 500, 10);
    }

    #[test]
    fn what_makes_no_rounds_is_refused_with_its_place_and_the_mend() {
        let check = |rounds: &str, place: &str, problem: &str, mend: &str| {
            let error = parsed(rounds).unwrap_err();
            for part in [place, problem, mend] {
                assert!(error.contains(part), "{part} is not in: {error}");
            }
            assert_eq!(error.matches("= help: ").count(), 1, "{error}");
        };
        let both = "write both: `rounds: {every: 1h, for: 24h}`";
        check("{every: 1h}", "line 5, column 9: rounds.for", "for how long", both);
        check("{for: 24h}", "line 5, column 9: rounds.every", "how often", both);
        check("{every: 1h, for: 30m}", "column 26: rounds.for", "a run of 30m ends", "as long as");
        check("{every: 1m, for: 24h}", "column 17: rounds.every", "more than 500", "every: 2m53s");
        check("{every: 1ns, for: 1ms}", "column 17: rounds.every", "more than 500", "every: 1s");
        check(
            "{every: 1d, for: 32d}",
            "column 26: rounds.for",
            "longer than 744 hours",
            "its unit",
        );
        check("{every: 0s, for: 1h}", "column 17: rounds.every", "duration of zero", "its unit");
        check("{every: 1h, for: 24h, at: 1}", "line 5", "`at`", "every, for");
    }
}
