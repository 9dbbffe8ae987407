//! A deployed stack: finding it by its tags, and the executions of its run machine.
//!
//! What a run is and how it stands is in its stores: here is only what carries it.

use std::error::Error;

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::causes::chain;
use crate::store::cloud::behavior_version;

/// What the name of a stack's run machine ends with.
const RUN: &str = "-run";

/// The tags of a run machine that say where its runs are kept.
const BUCKET_TAG: &str = "fmgauge:bucket";
const TABLE_TAG: &str = "fmgauge:table";

/// The tag that names the machine that ends runs.
const FINISH_TAG: &str = "fmgauge:finish";

/// Where a stack keeps its runs, and what carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The ARN of the state machine that runs are executions of.
    pub run_machine: String,
    /// The ARN of the one that ends runs.
    pub finish_machine: String,
    /// Where files are.
    pub bucket: String,
    /// Where records are.
    pub table: String,
}

impl Stack {
    /// The stack of a run machine, whose name says that of the one that ends runs.
    pub fn new(run_machine: String, bucket: String, table: String) -> Self {
        let finish_machine = format!("{}-finish", run_machine.trim_end_matches(RUN));
        Self { run_machine, finish_machine, bucket, table }
    }

    /// The ARN of the execution of that name.
    pub fn execution(&self, name: &str) -> String {
        format!("{}:{name}", self.run_machine.replacen(":stateMachine:", ":execution:", 1))
    }
}

/// The state machines of an account in a region.
#[derive(Debug, Clone)]
pub struct Machines {
    client: Client,
    region: String,
}

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// It has not ended.
    Running,
    /// It ended by itself.
    Succeeded,
    /// It ended otherwise.
    Ended {
        /// How, as Step Functions says it: `FAILED`, `TIMED_OUT`, `ABORTED`.
        status: String,
        /// The error's name.
        error: Option<String>,
        /// What there is to mend.
        cause: Option<String>,
    },
}

/// Why a stack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// There is no run machine of that name.
    #[error("there is no stack {name} in {place}{}", known(.others))]
    NotFound {
        /// The stack.
        name: String,
        /// The region, and the account where it is known.
        place: String,
        /// The stacks that there are.
        others: Vec<String>,
    },
    /// Its run machine does not say where runs are kept.
    #[error(
        "the state machine {machine} has no tag {tag}: deploy the stack again with this version, \
         or say where runs are with --state-machine, --bucket and --table"
    )]
    Untagged {
        /// The run machine's ARN.
        machine: String,
        /// What is missing.
        tag: &'static str,
    },
    /// Step Functions keeps the names of executions for 90 days.
    #[error("an execution {0} exists already, or did in the last 90 days: choose another run id")]
    NameTaken(String),
    /// The service refused; the message is its own.
    #[error("failed to {action}: {code}: {message}")]
    Refused {
        /// What was tried, as a verb with its object.
        action: String,
        /// The service's name for the error.
        code: String,
        /// What it says.
        message: String,
    },
    /// The service could not be asked; trying again may help.
    #[error("failed to {action}: {message}")]
    Unreachable {
        /// What was tried, as a verb with its object.
        action: String,
        /// The causes.
        message: String,
    },
}

/// What else there is, and the mend.
fn known(others: &[String]) -> String {
    if others.is_empty() {
        return ", nor any other: deploy one first, or give the --profile and --stack-region of yours"
            .to_owned();
    }
    format!(
        "; there are: {}. Give one of these, or another --profile or --stack-region",
        others.join(", ")
    )
}

impl StackError {
    /// For `map_err`: the service failed to `action`.
    fn of<E, R>(action: &str) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        move |error| {
            let action = action.to_owned();
            match error.as_service_error() {
                Some(refused) => Self::Refused {
                    action,
                    code: refused.code().unwrap_or("refused").to_owned(),
                    message: refused.message().unwrap_or("it does not say why").to_owned(),
                },
                None => Self::Unreachable { action, message: chain(&error) },
            }
        }
    }
}

impl Machines {
    /// The state machines that `config` leads to.
    pub fn new(config: &SdkConfig) -> Self {
        let built =
            aws_sdk_sfn::config::Builder::from(config).behavior_version(behavior_version()).build();
        let region = config.region().map_or("no region", |region| region.as_ref()).to_owned();
        Self { client: Client::from_conf(built), region }
    }

    /// The stack of that name, by the tags of its run machine.
    pub async fn find(&self, name: &str) -> Result<Stack, StackError> {
        let machines = self.run_machines().await?;
        let wanted = format!("{name}{RUN}");
        if let Some((_, arn)) = machines.iter().find(|(machine, _)| *machine == wanted) {
            let tags = self.tags(arn).await?;
            let tag = |tag: &'static str| {
                let value = tags.iter().find(|(key, _)| key == tag).map(|(_, value)| value.clone());
                value.ok_or_else(|| StackError::Untagged { machine: arn.clone(), tag })
            };
            let (bucket, table) = (tag(BUCKET_TAG)?, tag(TABLE_TAG)?);
            let found = Stack::new(arn.clone(), bucket, table);
            let finish = tag(FINISH_TAG).unwrap_or_else(|_| found.finish_machine.clone());
            return Ok(Stack { finish_machine: finish, ..found });
        }
        let mut others = Vec::new();
        for (machine, arn) in &machines {
            if self.tags(arn).await?.iter().any(|(key, _)| key == BUCKET_TAG) {
                others.push(machine.trim_end_matches(RUN).to_owned());
            }
        }
        Err(StackError::NotFound { name: name.to_owned(), place: self.place(&machines), others })
    }

    /// Starts an execution, under a name where there is one; its ARN.
    pub async fn start(
        &self,
        machine: &str,
        name: Option<&str>,
        input: &Value,
    ) -> Result<String, StackError> {
        let request = self.client.start_execution().state_machine_arn(machine);
        let request = request.set_name(name.map(str::to_owned)).input(input.to_string());
        match request.send().await {
            Ok(started) => Ok(started.execution_arn),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Err(StackError::NameTaken(name.unwrap_or_default().to_owned()))
            }
            Err(error) => Err(StackError::of("start the execution")(error)),
        }
    }

    /// How an execution stands; `None` where there is none.
    pub async fn execution(&self, arn: &str) -> Result<Option<Execution>, StackError> {
        let described = match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(described) => described,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeExecutionError::is_execution_does_not_exist) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(StackError::of("ask for the execution")(error)),
        };
        let status = described.status();
        let is = |one: ExecutionStatus| *status == one;
        Ok(Some(if is(ExecutionStatus::Running) || is(ExecutionStatus::PendingRedrive) {
            Execution::Running
        } else if is(ExecutionStatus::Succeeded) {
            Execution::Succeeded
        } else {
            Execution::Ended {
                status: status.as_str().to_owned(),
                error: described.error().map(str::to_owned),
                cause: described.cause().map(str::to_owned),
            }
        }))
    }

    /// Stops an execution; one that has ended, or is not known any more, is left alone.
    pub async fn stop(&self, arn: &str, cause: &str) -> Result<(), StackError> {
        if self.execution(arn).await? != Some(Execution::Running) {
            return Ok(());
        }
        let request = self.client.stop_execution().execution_arn(arn).error("Stopped").cause(cause);
        request.send().await.map(drop).map_err(StackError::of("stop the execution"))
    }

    /// The names and ARNs of what may be run machines.
    async fn run_machines(&self) -> Result<Vec<(String, String)>, StackError> {
        let mut pages = self.client.list_state_machines().into_paginator().send();
        let mut machines = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StackError::of("list the state machines"))?;
            let found = page.state_machines.into_iter();
            let found = found.filter(|machine| machine.name.ends_with(RUN));
            machines.extend(found.map(|machine| (machine.name, machine.state_machine_arn)));
        }
        Ok(machines)
    }

    async fn tags(&self, arn: &str) -> Result<Vec<(String, String)>, StackError> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        let answer = request.send().await.map_err(StackError::of("read the stack's tags"))?;
        let tags = answer.tags.unwrap_or_default().into_iter();
        Ok(tags.filter_map(|tag| tag.key.zip(tag.value)).collect())
    }

    /// The region, and the account where a machine names it.
    fn place(&self, machines: &[(String, String)]) -> String {
        let account = machines.first().and_then(|(_, arn)| arn.split(':').nth(4));
        match account {
            Some(account) => format!("{} (account {account})", self.region),
            None => self.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_named_after_its_run() {
        let machine = "arn:aws:states:us-east-1:1:stateMachine:fm-run".to_owned();
        let stack = Stack::new(machine, String::new(), String::new());
        assert_eq!(stack.finish_machine, "arn:aws:states:us-east-1:1:stateMachine:fm-finish");
        assert_eq!(stack.execution("r-1"), "arn:aws:states:us-east-1:1:execution:fm-run:r-1");
    }

    #[test]
    fn a_stack_that_is_not_there_is_told_with_those_that_are() {
        let error = |others: &[&str]| {
            let others = others.iter().map(|&name| name.to_owned()).collect();
            let (name, place) = ("fm".to_owned(), "us-east-1 (account 1)".to_owned());
            StackError::NotFound { name, place, others }.to_string()
        };
        insta::assert_snapshot!(
            error(&[]),
            @"there is no stack fm in us-east-1 (account 1), nor any other: deploy one first, or give the --profile and --stack-region of yours"
        );
        insta::assert_snapshot!(
            error(&["a", "b"]),
            @"there is no stack fm in us-east-1 (account 1); there are: a, b. Give one of these, or another --profile or --stack-region"
        );
    }
}
