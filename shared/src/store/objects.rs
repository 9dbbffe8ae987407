//! Objects in any bucket of S3: the files that a configuration names.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use tokio::sync::OnceCell;

use crate::endpoint::{CredentialsError, find_credentials};
use crate::store::{StoreError, cloud};

/// Where S3 is asked when the environment names no region.
const DEFAULT_REGION: &str = "us-east-1";

/// Reads objects with the credentials and settings of the environment, which are looked for when
/// the first is read.
#[derive(Debug, Default)]
pub struct Objects {
    client: OnceCell<Client>,
}

/// Why an object cannot be read; each but the last for its owner to mend.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Nobody to read it as.
    #[error("there are no AWS credentials to read it with")]
    Credentials(#[source] CredentialsError),
    /// It is not there, may not be read, or is in another region.
    #[error("{code}: {message}")]
    Refused {
        /// S3's name for the error.
        code: String,
        /// What S3 says.
        message: String,
    },
    /// S3 could not be asked; trying again may help.
    #[error(transparent)]
    Store(StoreError),
}

impl Objects {
    /// The content of an object.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or S3 cannot be asked.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectError> {
        let client = self.client.get_or_try_init(connect).await?;
        let action = format!("read s3://{bucket}/{key}");
        let output = match client.get_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) => {
                let status = error.raw_response().map_or(0, |response| response.status().as_u16());
                // S3 slows down with 503; what it refuses it refuses with 3xx and 4xx.
                if (300..500).contains(&status) {
                    let code = error.code().unwrap_or("refused").to_owned();
                    let message = error.message().map(str::to_owned);
                    let message =
                        message.unwrap_or_else(|| DisplayErrorContext(&error).to_string());
                    return Err(ObjectError::Refused { code, message });
                }
                return Err(ObjectError::Store(StoreError::backend(&action)(error)));
            }
        };
        let body = output.body.collect().await;
        let body = body.map_err(StoreError::backend(&action)).map_err(ObjectError::Store)?;
        Ok(body.to_vec())
    }
}

async fn connect() -> Result<Client, ObjectError> {
    let region = aws_config::meta::region::RegionProviderChain::default_provider();
    let config = aws_config::defaults(cloud::behavior_version())
        .region(region.or_else(DEFAULT_REGION))
        .load()
        .await;
    find_credentials(&config).await.map_err(ObjectError::Credentials)?;
    Ok(cloud::s3_client(&config))
}
