//! `fmgauge policy`: the permissions that a configuration needs.

use anyhow::Result;
use shared::config;
use shared::policy::{DESTINATIONS_DATE, MANAGED_POLICY_CHARACTERS, Needs, Surroundings};
use shared::run::RunError;

use super::read_config;
use crate::arguments;
use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};

pub(crate) fn run(arguments: &arguments::Policy) -> Result<Exit> {
    let (text, _) = read_config(&arguments.config)?;
    let settings = config::parse(&text).map_err(RunError::from)?;
    let surroundings = Surroundings {
        account: arguments.account.clone(),
        destinations: arguments.destination_regions.iter().cloned().collect(),
    };
    let needs = Needs::of(&settings, &surroundings).map_err(|error| Refusal(error.to_string()))?;
    if arguments.parameters {
        let parameters = needs.parameters();
        if parameters.is_empty() {
            note("nothing to set: this configuration invokes no model and reads no bucket");
        } else {
            say(&parameters.to_string());
        }
    } else {
        let policy = needs.policy();
        say(&serde_json::to_string_pretty(&policy)?);
        if policy.statement.is_empty() {
            note("note: this configuration needs no permission: IAM takes no empty policy");
        }
        let characters = serde_json::to_string(&policy)?.len();
        if characters > MANAGED_POLICY_CHARACTERS {
            note(&format!(
                "note: this is longer than a managed policy may be ({characters} of \
                 {MANAGED_POLICY_CHARACTERS} characters): make several of it, by statements"
            ));
        }
    }
    if needs.uses_destinations() {
        note(&format!(
            "note: where inference profiles route to is as of {DESTINATIONS_DATE}; `aws bedrock \
             get-inference-profile` tells today's regions, --destination-regions sets others"
        ));
    }
    if arguments.parameters {
        for profile in needs.opaque_profiles() {
            note(&format!(
                "note: add the models behind {profile}, which only AWS knows: `aws bedrock \
                 get-inference-profile --inference-profile-identifier {profile} --query \
                 models[].modelArn`"
            ));
        }
    }
    Ok(Exit::Done)
}
