//! Credentials that expire while a run measures: it waits until there are others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::endpoint::find_credentials;
use shared::run::Connections;
use shared::store::cloud::behavior_version;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;

/// How often credentials are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The longest until the same credentials are tried again: those that were refused may be accepted
/// later, but seldom are.
const SAME_AT_MOST: Duration = Duration::from_mins(1);

/// The way to the endpoints, with the credentials of the moment.
#[derive(Debug)]
pub(crate) struct Access {
    current: Mutex<Current>,
    /// Held by the lane that waits for others than the current ones.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Current {
    connections: Connections,
    /// How often they were renewed.
    generation: u32,
    /// How long it takes until the same credentials are tried again.
    same_after: Duration,
}

impl Access {
    pub(crate) fn new(connections: Connections) -> Self {
        let current = Current { connections, generation: 0, same_after: LOOK_EVERY };
        Self { current: Mutex::new(current), renewing: tokio::sync::Mutex::default() }
    }

    /// Connections with the current credentials, and their generation.
    pub(crate) fn current(&self) -> (Connections, u32) {
        let current = self.locked();
        (current.connections.clone(), current.generation)
    }

    /// Waits until there are others than those of a generation that was refused, and says what to
    /// type; `false` where the run is stopped before. Of several lanes one waits for all.
    pub(crate) async fn renew(
        &self,
        refused: u32,
        said: &str,
        stop: &CancellationToken,
        progress: &Progress,
    ) -> bool {
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = self.renewed(refused, said, progress) => true,
        }
    }

    async fn renewed(&self, refused: u32, said: &str, progress: &Progress) {
        let _for_all = self.renewing.lock().await;
        let (connections, generation) = self.current();
        if generation > refused {
            return;
        }
        progress.remark(&message(said, &Origin::of_environment()));
        progress.wait_for_credentials(true);
        let old = find_credentials(connections.aws()).await.ok();
        let mut waited = Duration::ZERO;
        loop {
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
            // Loaded anew: what was loaded remembers the files that it has read.
            let aws = aws_config::load_defaults(behavior_version()).await;
            let Ok(found) = find_credentials(&aws).await else { continue };
            let mut current = self.locked();
            let is_same = old.as_ref() == Some(&found);
            if is_same && waited < current.same_after {
                continue;
            }
            current.same_after =
                if is_same { SAME_AT_MOST.min(2 * current.same_after) } else { LOOK_EVERY };
            current.connections = current.connections.clone().with_aws(aws);
            current.generation += 1;
            break;
        }
        progress.wait_for_credentials(false);
        progress.remark("there are credentials: the run goes on");
    }

    fn locked(&self) -> MutexGuard<'_, Current> {
        // Nothing panics while holding it; if it did, the values are still whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where credentials come from, as far as the environment tells.
#[derive(Debug, Default)]
struct Origin {
    profile: Option<String>,
    in_variables: bool,
}

impl Origin {
    fn of_environment() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the SDK looks for credentials there: the message says so"
        )]
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let in_variables = variable("AWS_ACCESS_KEY_ID").is_some();
        Self { profile: variable("AWS_PROFILE"), in_variables }
    }
}

/// What happened, and what to type.
fn message(said: &str, origin: &Origin) -> String {
    let what = format!("AWS credentials are missing or have expired: {said}");
    let end = "Ctrl-C ends the wait; the run can be resumed.";
    if origin.in_variables {
        return format!(
            "{what}\nThey come from environment variables, which cannot be set from outside: press \
             Ctrl-C,\nset others, and resume the run. Until then they are tried again now and then."
        );
    }
    let profile =
        origin.profile.as_ref().map_or_else(String::new, |name| format!(" --profile {name}"));
    format!(
        "{what}\nThe run waits. Sign in from another terminal, and it goes on by itself:\n  \
         aws sso login{profile}\n  aws login{profile}\n{end}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_to_type() {
        let said = "ExpiredTokenException: The security token included in the request is expired";
        let origin = Origin { profile: Some("dev".to_owned()), in_variables: false };
        let text = message(said, &origin);
        assert!(text.contains("aws sso login --profile dev\n"), "{text}");
        assert!(text.contains("aws login --profile dev\n"), "{text}");
        assert!(text.contains(said) && text.contains("Ctrl-C"), "{text}");
        assert!(message(said, &Origin::default()).contains("aws sso login\n"));
        let origin = Origin { in_variables: true, ..origin };
        let text = message(said, &origin);
        assert!(text.contains("environment variables") && !text.contains("sso login"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.len() <= 100), "{text}");
    }
}
