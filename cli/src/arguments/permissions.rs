//! The arguments of what is asked before a run: `policy` and `check`.

use std::path::PathBuf;

use clap::Args;
use shared::policy::AccountId;

#[derive(Debug, Args)]
#[command(after_help = "\
The policy allows each endpoint's action on its model. An inference profile needs its own ARN, too, and \
the model's in every region that it routes to: that is granted through the profile only. An application \
inference profile does not tell its model, so any model may be invoked, through this profile only: the \
one wildcard. ARNs given as model ids are granted as they stand. Objects in S3 are granted one by one; \
where they are encrypted with a key of yours, add kms:Decrypt on it.")]
pub(crate) struct Policy {
    /// The configuration (YAML).
    pub(crate) config: PathBuf,
    /// Print it as parameters of the deployed stack instead, for `sam deploy
    /// --parameter-overrides`.
    #[arg(long)]
    pub(crate) parameters: bool,
    /// The AWS account; needed where an ARN holds it, as those of inference profiles do.
    #[arg(long, value_name = "12 DIGITS")]
    pub(crate) account: Option<AccountId>,
    /// Where inference profiles of a prefix route to, such as us=us-east-1,us-west-2; instead of
    /// what fmgauge knows. May be given for several prefixes.
    #[arg(long, value_name = "PREFIX=REGION,...", value_parser = destinations)]
    pub(crate) destination_regions: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every endpoint answered, 5 some did not, 2 refused (nothing was sent).\n\
Not checked: quotas and the dates of a model's life, which only the control plane of Bedrock knows.")]
pub(crate) struct Check {
    /// The configuration (YAML). Its datasets are not read.
    pub(crate) config: PathBuf,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `PREFIX=REGION,...`.
fn destinations(text: &str) -> Result<(String, Vec<String>), String> {
    let mend = "write a prefix and its regions, such as us=us-east-1,us-west-2";
    let (prefix, regions) = text.split_once('=').ok_or(mend)?;
    let prefix = prefix.trim().trim_end_matches('.');
    let regions: Vec<String> = regions.split(',').map(|region| region.trim().to_owned()).collect();
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !is_word(prefix) || !regions.iter().all(|region| is_word(region)) {
        return Err(mend.to_owned());
    }
    Ok((prefix.to_owned(), regions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read() {
        let regions = vec!["us-east-1".to_owned(), "us-west-2".to_owned()];
        assert_eq!(destinations("us.=us-east-1, us-west-2"), Ok(("us".to_owned(), regions)));
        for bad in ["us", "us=", "=us-east-1", "us=us-east-1,", "u s=us-east-1", "us=*"] {
            assert!(destinations(bad).is_err(), "{bad}");
        }
    }
}
