//! Connecting to the stores in AWS.
//!
//! These clients keep the SDK's retries: nothing that they do is measured.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_types::service_config::ServiceConfigKey;

use crate::store::dynamodb::DynamoDbStore;
use crate::store::s3::S3Store;

/// The defaults of the SDK that fmgauge is written for; pass it to `aws_config::defaults`. Pinned,
/// so that an update of the SDK changes no retry or timeout by itself.
pub fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// How often the table is asked the same, with ever longer pauses (half a minute together): a block whose
/// records could not be stored has been paid for in vain.
const ATTEMPTS: u32 = 8;

/// The stores in `table` and `bucket`.
pub fn connect(config: &SdkConfig, table: &str, bucket: &str) -> (DynamoDbStore, S3Store) {
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(config)
        .behavior_version(behavior_version())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build();
    (
        DynamoDbStore::new(aws_sdk_dynamodb::Client::from_conf(dynamodb), table),
        S3Store::new(s3_client(config), bucket),
    )
}

/// A client of S3.
pub(super) fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    // An address of its own seldom resolves `<bucket>.<host>`, and an IP address never does.
    let s3 = aws_sdk_s3::config::Builder::from(config)
        .behavior_version(behavior_version())
        .force_path_style(overrides_s3_endpoint(config))
        .build();
    aws_sdk_s3::Client::from_conf(s3)
}

/// Whether S3 is reached at another address than its own: `AWS_ENDPOINT_URL`,
/// `AWS_ENDPOINT_URL_S3`, or what the profile says.
fn overrides_s3_endpoint(config: &SdkConfig) -> bool {
    let of_s3 = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_s3 = of_s3.ok().zip(config.service_config());
    config.endpoint_url().is_some()
        || of_s3.is_some_and(|(key, own)| own.load_config(key).is_some())
}

#[cfg(test)]
mod tests {
    use aws_types::service_config::LoadServiceConfig;

    use super::*;

    #[derive(Debug)]
    struct OwnAddress(&'static str);

    impl LoadServiceConfig for OwnAddress {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let asked = (key.service_id(), key.env(), key.profile());
            (asked == (self.0, "AWS_ENDPOINT_URL", "endpoint_url")).then(|| "http://x".to_owned())
        }
    }

    #[test]
    fn an_address_of_its_own_is_noticed() {
        let config = SdkConfig::builder;
        assert!(!overrides_s3_endpoint(&config().build()));
        assert!(overrides_s3_endpoint(&config().endpoint_url("http://127.0.0.1:1").build()));
        assert!(overrides_s3_endpoint(&config().service_config(OwnAddress("S3")).build()));
        assert!(!overrides_s3_endpoint(&config().service_config(OwnAddress("DynamoDB")).build()));
    }
}
