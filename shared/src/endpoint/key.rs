//! The key that a server asks for: found when it is needed, and kept nowhere.

use aws_config::SdkConfig;

use crate::plan::KeySource;

/// How environment variables are read: whoever starts the program says so.
pub type Environment = fn(&str) -> Option<String>;

/// A server's key could not be found.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set, or there is no environment to look in.
    #[error("the environment variable {0} is not set: it should hold the server's key")]
    NotSet(String),
    /// The secret could not be read.
    #[error("failed to read the secret {arn}")]
    Secret {
        /// Its ARN.
        arn: String,
        /// What AWS said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The secret is no text.
    #[error(
        "the secret {0} is no text: store the key as its text, or as the one text of an object"
    )]
    NoText(String),
}

/// Finds a key.
pub(crate) async fn find(
    source: &KeySource,
    aws: &SdkConfig,
    environment: Environment,
) -> Result<String, KeyError> {
    match source {
        KeySource::Env(name) => {
            let key = environment(name).filter(|key| !key.is_empty());
            key.ok_or_else(|| KeyError::NotSet(name.clone()))
        }
        KeySource::Secret(arn) => {
            let client = aws_sdk_secretsmanager::Client::new(aws);
            let found = Box::pin(client.get_secret_value().secret_id(arn).send()).await;
            let found = found
                .map_err(|error| KeyError::Secret { arn: arn.clone(), source: error.into() })?;
            let text = found.secret_string.ok_or_else(|| KeyError::NoText(arn.clone()))?;
            key_of(&text).ok_or_else(|| KeyError::NoText(arn.clone()))
        }
    }
}

/// The console stores keys and values as an object; a key alone is its own text.
fn key_of(secret: &str) -> Option<String> {
    match serde_json::from_str(secret) {
        Ok(serde_json::Value::Object(fields)) => {
            let mut texts = fields.values().filter_map(serde_json::Value::as_str);
            texts.next().filter(|_| fields.len() == 1).map(str::to_owned)
        }
        Ok(serde_json::Value::String(text)) => Some(text),
        Ok(_) | Err(_) => Some(secret.trim().to_owned()).filter(|key| !key.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_key_or_an_object_of_one() {
        let check = |secret: &str, expected: Option<&str>| {
            assert_eq!(key_of(secret).as_deref(), expected, "{secret}");
        };
        check("sk-1\n", Some("sk-1"));
        check(r#"{"api_key": "sk-1"}"#, Some("sk-1"));
        check(r#""sk-1""#, Some("sk-1"));
        check(r#"{"api_key": "sk-1", "user": "me"}"#, None);
        check("", None);
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let aws = crate::endpoint::placeholder_config();
        let environment: Environment = |name| (name == "A").then(|| "key".to_owned());
        let find =
            async |name: &str| find(&KeySource::Env(name.to_owned()), &aws, environment).await;
        assert_eq!(find("A").await.unwrap(), "key");
        assert!(find("B").await.unwrap_err().to_string().contains("variable B is not set"));
    }
}
