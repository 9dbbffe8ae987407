//! The stores and the state machine of a deployed stack.

use anyhow::{Result, anyhow, bail};
use aws_config::Region;
use shared::endpoint::find_credentials;
use shared::run::Stores;
use shared::stack::{Machines, Stack};
use shared::store::cloud::{self, behavior_version};
use shared::store::dynamodb::DynamoDbStore;
use shared::store::s3::S3Store;

use crate::arguments::Target;
use crate::exit::Refusal;

/// How services say that they do not take the credentials: missing, unknown or expired ones.
const NOT_SIGNED_IN: [&str; 6] = [
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "RequestExpired",
    "failed to get AWS credentials",
];

/// The longest cause that is told beside the mend.
const CAUSE: usize = 160;

/// A deployed stack.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) stores: Stores<DynamoDbStore, S3Store>,
    pub(crate) machines: Machines,
    pub(crate) stack: Stack,
}

impl Target {
    /// Whether a stack is named; all else is about this machine.
    pub(crate) fn is_given(&self) -> bool {
        self.name().is_some() || self.state_machine.is_some()
    }

    /// The stack's name; an empty one takes back that of the environment.
    fn name(&self) -> Option<&str> {
        self.stack.as_deref().filter(|name| !name.is_empty())
    }

    /// What names the same stack on another command line, with a space before it.
    pub(crate) fn again(&self) -> String {
        let words = match (&self.state_machine, &self.bucket, &self.table, self.name()) {
            (Some(machine), Some(bucket), Some(table), _) => {
                format!(" --state-machine {machine} --bucket {bucket} --table {table}")
            }
            (_, _, _, Some(stack)) => format!(" --stack {stack}"),
            _ => String::new(),
        };
        let option = |name: &str, value: &Option<String>| {
            value.as_ref().map_or(String::new(), |value| format!(" --{name} {value}"))
        };
        words + &option("profile", &self.profile) + &option("stack-region", &self.stack_region)
    }

    /// Connects to the stack.
    pub(crate) async fn connect(&self) -> Result<Cloud> {
        if !self.is_given() {
            bail!(Refusal(
                "it is not said which stack: give --stack NAME, or set FMGAUGE_STACK".to_owned()
            ));
        }
        let mut loader = aws_config::defaults(behavior_version());
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.stack_region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        if config.region().is_none() {
            bail!(Refusal(
                "it is not said which AWS region: give --stack-region, set AWS_REGION, or write it into \
                 your profile"
                    .to_owned()
            ));
        }
        find_credentials(&config).await?;
        let machines = Machines::new(&config);
        let stack = match (&self.state_machine, &self.bucket, &self.table, self.name()) {
            (Some(machine), Some(bucket), Some(table), _) => {
                Stack::new(machine.clone(), bucket.clone(), table.clone())
            }
            (_, _, _, Some(name)) => machines.find(name).await?,
            _ => bail!(Refusal("give --state-machine, --bucket and --table together".to_owned())),
        };
        let (records, artifacts) = cloud::connect(&config, &stack.table, &stack.bucket);
        Ok(Cloud { stores: Stores { records, artifacts }, machines, stack })
    }

    /// An error that is about credentials, in words that say what to type; any other as it is.
    pub(crate) fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        if error.downcast_ref::<Refusal>().is_some() || !is_about_credentials(&error) {
            return error;
        }
        let mend = match &self.profile {
            Some(profile) => format!(
                "sign in with `aws sso login --profile {profile}`, or `aws login --profile \
                 {profile}` where it is no profile of single sign-on"
            ),
            None => "set AWS_PROFILE or give --profile, or sign in with `aws sso login` or `aws \
                     login`"
                .to_owned(),
        };
        let cause = error.root_cause().to_string();
        let is_short = cause.len() <= CAUSE && !cause.contains('\n');
        let cause = if is_short { format!(" ({cause})") } else { String::new() };
        anyhow!(Refusal(format!("there are no valid AWS credentials{cause}: {mend}")))
    }
}

/// Whether an error says that nobody is signed in.
pub(crate) fn is_about_credentials(error: &anyhow::Error) -> bool {
    let told = format!("{error:#}");
    NOT_SIGNED_IN.iter().any(|word| told.contains(word))
}

/// What was done with a stack, its errors explained.
pub(crate) async fn on<T>(target: &Target, done: impl Future<Output = Result<T>>) -> Result<T> {
    done.await.map_err(|error| target.explained(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(profile: Option<&str>) -> Target {
        Target {
            stack: Some("fm".to_owned()),
            state_machine: None,
            bucket: None,
            table: None,
            profile: profile.map(str::to_owned),
            stack_region: None,
        }
    }

    #[test]
    fn expired_credentials_are_told_with_what_to_type() {
        let error = || anyhow!("ExpiredTokenException: The security token is expired");
        let told = |profile| {
            let error = error().context("failed to list the state machines");
            target(profile).explained(error).to_string()
        };
        assert!(
            told(Some("dev")).contains("`aws sso login --profile dev`"),
            "{}",
            told(Some("dev"))
        );
        assert!(told(None).contains("AWS_PROFILE"), "{}", told(None));
        let other = target(None).explained(anyhow!("no space left"));
        assert_eq!(other.to_string(), "no space left");
    }

    #[test]
    fn a_command_names_its_stack_to_the_next() {
        assert_eq!(target(Some("dev")).again(), " --stack fm --profile dev");
        let explicit = Target {
            state_machine: Some("arn".to_owned()),
            bucket: Some("b".to_owned()),
            table: Some("t".to_owned()),
            ..target(None)
        };
        assert_eq!(explicit.again(), " --state-machine arn --bucket b --table t");
    }
}
