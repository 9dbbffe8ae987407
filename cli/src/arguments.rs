//! The command line.

mod deployed;
mod permissions;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::deployed::{Delete, Fetch, List, Resume, Start, Stop, Target, Watch};
pub(crate) use self::permissions::{Check, Policy};

/// Measures foundation models on AWS: what a transaction costs, how fast, and how sure we are.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 refused (nothing sent or written), \
                        3 the run is incomplete, 4 no \
                        request was completed, 5 an endpoint failed its check.\nLogs: FMGAUGE_LOG=info (or debug).")]
pub(crate) struct Arguments {
    /// Where runs are kept: records, reports, and a database.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "fmgauge-out")]
    pub(crate) out: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a configuration and write its report.
    Run(Run),
    /// Write a configuration with comments to begin with.
    Init(Init),
    /// Show what a configuration would measure and cost. Nothing is sent or written.
    Plan(Plan),
    /// Send one small request to each endpoint: whether it may be called, and what to do where not.
    Check(Check),
    /// Print the IAM policy that a configuration needs.
    Policy(Policy),
    /// Print every record of a run as JSON lines.
    Records(Records),
    /// Summarise a run again and rewrite its report.
    Report(Report),
    /// List the runs of a stack on AWS, or of this machine.
    List(List),
    /// Delete a run of a stack on AWS, or of this machine, with all that is kept of it.
    Delete(Delete),
    /// Start a run on AWS: upload the configuration with its files, and start the state machine.
    Start(Start),
    /// Watch a run on AWS to its end. Ctrl-C ends the watching, not the run.
    Watch(Watch),
    /// Copy a run on AWS into the folder of this machine, or make a link to its report.
    Fetch(Fetch),
    /// End a run on AWS early: what was measured is kept and reported.
    Stop(Stop),
    /// Go on with a run on AWS that ended before it was complete.
    Resume(Resume),
    /// List the prices that are built in, with where and when they were read.
    Prices(Prices),
    /// Print the JSON Schema of configurations, for editors.
    Schema,
    /// Tell how wrong this client is on this machine, load by load, against a simulator of known
    /// timing in a process of its own.
    Calibrate(Calibrate),
    /// Serve simulated models on this machine, in the protocol of Amazon Bedrock.
    Simulate(Simulate),
    /// Print completions for a shell, to be sourced by it.
    Completions(Completions),
}

/// What a configuration is made from where there is none.
#[derive(Debug, Args)]
pub(crate) struct Starter {
    /// Models of Amazon Bedrock: ids, inference profiles or ARNs, separated by commas.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    models: Vec<String>,
    /// A file of prompts: JSONL, or text with one prompt; or an s3:// address. Generated prompts
    /// without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<String>,
    /// The AWS region of the models.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The longest answer that is asked for, in tokens.
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
}

/// The arguments of [`Starter`].
const STARTER: [&str; 4] = ["models", "prompts", "region", "max_tokens"];

impl Starter {
    /// The configuration that is made, its prompts in this file.
    pub(crate) fn with_prompts(&self, prompts: Option<String>) -> shared::config::Starter {
        shared::config::Starter {
            models: self.models.clone(),
            prompts,
            region: self.region.clone(),
            max_tokens: self.max_tokens,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write; one that exists is left alone.
    #[arg(default_value = "fmgauge.yml")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) starter: Starter,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The configuration (YAML); not needed with --models.
    #[arg(required_unless_present_any = ["resume", "models"], conflicts_with_all = STARTER)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) starter: Starter,
    /// What to call the run; by default the time and a digest.
    #[arg(long = "run-id", value_name = "ID", conflicts_with = "resume")]
    pub(crate) id: Option<String>,
    /// Go on with a run that was interrupted: its id, or the latest.
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "latest")]
    #[arg(conflicts_with_all = STARTER)]
    pub(crate) resume: Option<String>,
    /// Simulate in virtual time: simulated endpoints only, hours in seconds, and the same to the
    /// byte for the same configuration, seed and --run-id.
    #[arg(long)]
    pub(crate) virtual_time: bool,
    /// What goes wrong at simulated endpoints, a file as `fmgauge simulate` takes it; with
    /// --resume it has to be given again.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the conclusion as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The configuration (YAML); not needed with --models.
    #[arg(required_unless_present = "models", conflicts_with_all = STARTER)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) starter: Starter,
    /// Plan for this run id: it decides nothing but the prompts' nonces.
    #[arg(long = "run-id", value_name = "ID", default_value = "dry-run")]
    pub(crate) id: String,
    /// Print the whole plan as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Records {
    /// The run's id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run's id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Print the conclusion as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prices {
    /// Only models and instances with this in their name.
    pub(crate) filter: Option<String>,
    /// Earlier prices, too.
    #[arg(long)]
    pub(crate) history: bool,
    /// Print the prices as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The loads: requests in flight.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,16,64,256")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: Vec<u16>,
    /// More loads: requests that arrive at random, per second.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "50,500")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: Vec<u32>,
    /// What the simulator does: time to first token, time between tokens, number of tokens.
    #[arg(long, value_name = "TTFT,ITL,TOKENS", default_value = "200ms,20ms,50")]
    pub(crate) fixed: String,
    /// How long each load is kept.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) lasting: humantime::Duration,
    /// Print the figures as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9000)]
    pub(crate) port: u16,
    /// Everything random follows from it.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Append the truth of every request to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Add a model fmgauge.fixed of exactly this timing: time to first token, time between tokens,
    /// and number of tokens, such as 200ms,20ms,50.
    #[arg(long, value_name = "TTFT,ITL,TOKENS", value_parser = crate::command::simulate::fixed)]
    pub(crate) fixed: Option<simulator::Profile>,
    /// What goes wrong and what is limited (YAML): events/faults.yml is an example with comments.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// End when standard input does: for programs that start it and may die.
    #[arg(long)]
    pub(crate) until_eof: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}
