//! The arguments of what is about deployed runs.

use std::path::PathBuf;

use clap::Args;

use super::{STARTER, Starter};

/// Which stack on AWS, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stack on AWS")]
pub(crate) struct Target {
    /// The deployed stack, by its name; '' for this machine, whatever the environment says.
    #[arg(long, value_name = "NAME", env = "FMGAUGE_STACK")]
    pub(crate) stack: Option<String>,
    /// Its state machine for runs, instead of its name.
    #[arg(long, value_name = "ARN", requires_all = ["bucket", "table"])]
    pub(crate) state_machine: Option<String>,
    /// Its bucket, with --state-machine.
    #[arg(long, value_name = "NAME", requires = "state_machine")]
    pub(crate) bucket: Option<String>,
    /// Its table, with --state-machine.
    #[arg(long, value_name = "NAME", requires = "state_machine")]
    pub(crate) table: Option<String>,
    /// The profile of your AWS settings.
    #[arg(long, value_name = "NAME", env = "AWS_PROFILE")]
    pub(crate) profile: Option<String>,
    /// The region of the stack; by default that of your AWS settings.
    #[arg(long, value_name = "REGION")]
    pub(crate) stack_region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The configuration (YAML); not needed with --models. The files that it names are uploaded.
    #[arg(required_unless_present = "models", conflicts_with_all = STARTER)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) starter: Starter,
    /// What to call the run; by default the time and a digest.
    #[arg(long = "run-id", value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Start even while another run measures one of the endpoints.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) watching: Watching,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run's id, or `latest`.
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) watching: Watching,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Whether a run is watched once it is started.
#[derive(Debug, Args)]
pub(crate) struct Watching {
    /// Watch the run to its end.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Show no progress, with --watch.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print what was started, or with --watch the conclusion, as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The run's id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the conclusion as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The run's id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Where to put it, instead of --out.
    #[arg(long, value_name = "FOLDER", conflicts_with = "link")]
    pub(crate) to: Option<PathBuf>,
    /// Copy nothing: print a link that shows the report to whoever has it.
    #[arg(long)]
    pub(crate) link: bool,
    /// How long the link lasts, at most 7d.
    #[arg(long, value_name = "TIME", default_value = "12h", requires = "link")]
    pub(crate) expires: humantime::Duration,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print the runs as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The run's id, or `latest`.
    pub(crate) run: String,
    /// Print the conclusion as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The run's id, or `latest`.
    pub(crate) run: String,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Also one that is kept as running because what ran it has died.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::arguments::{Arguments, Command};

    fn parsed(words: &str) -> Result<Command, String> {
        let words = ["fmgauge"].into_iter().chain(words.split(' '));
        let parsed = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(parsed.command)
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_run_is_the_latest_where_nothing_is_lost_by_it() {
        let Command::Watch(watch) = parsed("watch").unwrap() else { panic!("another command") };
        let Command::Fetch(fetch) = parsed("fetch").unwrap() else { panic!("another command") };
        assert_eq!([watch.run, fetch.run], ["latest", "latest"]);
        for words in ["stop", "resume", "delete"] {
            assert!(parsed(words).unwrap_err().contains("<RUN>"), "{words}");
        }
    }

    #[test]
    fn what_belongs_together_is_asked_for_together() {
        let check = |words: &str, missing: &str| {
            let error = parsed(words).unwrap_err();
            assert!(error.contains(missing), "{words}: {error}");
        };
        check("start", "<CONFIG>");
        check("start c.yml --models a", "--models");
        check("list --state-machine arn", "--bucket <NAME>");
        check("list --table t", "--state-machine <ARN>");
        check("fetch --expires 1h", "--link");
        check("fetch --link --to there", "--to");
        for words in [
            "start --models a,b --region us-east-1 --stack fm --force --watch",
            "list --state-machine arn --bucket b --table t",
            "fetch one --link --expires 1h --stack fm",
        ] {
            assert!(parsed(words).is_ok(), "{words}");
        }
    }
}
