//! Something that answers prompts, and times its answers.

mod answer;
pub mod bedrock;
mod connection;
mod dial;
mod ending;
mod failure;
mod key;
mod link;
mod observe;
mod openai;
mod parts;
mod sagemaker;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use aws_config::{Region, SdkConfig};
use aws_sdk_bedrockruntime::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use tokio_util::sync::CancellationToken;

pub use self::bedrock::BedrockEndpoint;
pub use self::dial::{Dial, NetworkTime, TlsError, http1_only, tls, tls_trusting};
pub(crate) use self::key::find as find_key;
pub use self::key::{Environment, KeyError};
pub use self::openai::{OpenAiEndpoint, ServerError};
pub use self::sagemaker::SageMakerEndpoint;
use crate::digest::sha256;
use crate::record::Observation;
use crate::store::cloud::behavior_version;

/// A boxed future, so that endpoints can be chosen by configuration.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One slot's way to an endpoint: it holds at most one connection and answers one request at a time.
pub trait Endpoint: fmt::Debug + Send + Sync {
    /// Sends one request and times the answer. A failed request is an observation too. When `cut`
    /// is cancelled the answer is given up, with what was seen of it.
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation>;
}

/// An endpoint of which more slots can be made.
pub trait Slot: Endpoint {
    /// Another slot, which shares the client and has a connection of its own.
    fn another(&self) -> Box<dyn Slot>;

    /// How long the steps to the server take, by a connection that is closed again; `None` where the
    /// last request opened none.
    fn network_time(&self) -> BoxFuture<'_, Option<NetworkTime>>;
}

/// Holds a request back that is ready to be sent, until it is due: building and signing it takes
/// longer than it may be late. Every clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Start(CancellationToken);

impl Start {
    /// Lets the request go. Once is enough.
    pub fn go(&self) {
        self.0.cancel();
    }

    /// Waits until it may go.
    pub(crate) async fn gone(&self) {
        self.0.cancelled().await;
    }
}

/// One request, free of any provider's vocabulary.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the model is told before the prompt.
    pub system: Option<String>,
    /// What the user says.
    pub text: String,
    /// How many tokens that is, by our count.
    pub estimated_tokens: u32,
    /// The limit of the answer.
    pub max_tokens: u32,
    /// The temperature; `None` leaves it to the service.
    pub temperature: Option<f64>,
    /// The nucleus; `None` leaves it to the service.
    pub top_p: Option<f64>,
    /// What it waits for, ready to be sent; `None`: nothing.
    pub start: Option<Start>,
}

/// Looks for credentials as `config` says.
pub async fn find_credentials(config: &SdkConfig) -> Result<CredentialsId, CredentialsError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(CredentialsError("no provider of credentials is configured".into()));
    };
    match provider.provide_credentials().await {
        Ok(found) => {
            let (key, token) = (found.access_key_id(), found.session_token().unwrap_or_default());
            Ok(CredentialsId(sha256(format!("{key}\n{token}"))))
        }
        Err(error) => Err(CredentialsError(error.into())),
    }
}

/// Tells credentials from others, and nothing of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsId(String);

/// There are no credentials, or they have expired.
#[derive(Debug, thiserror::Error)]
#[error("failed to get AWS credentials")]
pub struct CredentialsError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// AWS settings for servers that ask for a signature and do not check it: the simulator.
pub fn placeholder_config() -> SdkConfig {
    let credentials = Credentials::new("simulated", "simulated", None, None, "fmgauge");
    SdkConfig::builder()
        .behavior_version(behavior_version())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}
