//! Artifacts in an S3 bucket.
//!
//! Whoever reads needs `s3:ListBucket` too: without it S3 answers 403 for what does not exist.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::store::{ArtifactStore, StoreError, keys};

/// The most objects that one call deletes.
const BATCH: usize = 1000;

/// Artifacts in an S3 bucket.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
}

impl S3Store {
    /// Artifacts in `bucket`.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// An address that shows an artifact to whoever has it, for at most 7 days, and no longer than
    /// the credentials last that it is made with.
    pub async fn link(&self, key: &str, expires: Duration) -> Result<String, StoreError> {
        keys::check_artifact(key)?;
        let action = format!("make a link to {}", self.location(key));
        let expires =
            PresigningConfig::expires_in(expires).map_err(StoreError::backend(&action))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.presigned(expires).await.map_err(StoreError::backend(&action))?;
        Ok(request.uri().to_owned())
    }
}

impl ArtifactStore for S3Store {
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), StoreError> {
        keys::check_artifact(key)?;
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = request.content_type(content_type).body(ByteStream::from(bytes));
        let action = format!("write {}", self.location(key));
        request.send().await.map(drop).map_err(StoreError::backend(&action))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        keys::check_artifact(key)?;
        let action = format!("read {}", self.location(key));
        let output = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(None);
            }
            Err(error) => return Err(StoreError::backend(&action)(error)),
        };
        let body = output.body.collect().await.map_err(StoreError::backend(&action))?;
        Ok(Some(body.to_vec()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let action = format!("list {}", self.location(prefix));
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::backend(&action))?;
            found.extend(page.contents.into_iter().flatten().filter_map(|object| object.key));
        }
        // Directory buckets list in no order.
        found.sort_unstable();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        keys::check_artifact(key)?;
        let action = format!("delete {}", self.location(key));
        let request = self.client.delete_object().bucket(&self.bucket).key(key);
        request.send().await.map(drop).map_err(StoreError::backend(&action))
    }

    async fn delete_all(&self, folder: &str) -> Result<(), StoreError> {
        if !folder.ends_with('/') {
            return Err(StoreError::InvalidKey(folder.to_owned()));
        }
        let action = format!("delete {}", self.location(folder));
        for keys in self.list(folder).await?.chunks(BATCH) {
            let object = |key: &String| ObjectIdentifier::builder().key(key).build();
            let objects = keys.iter().map(object).collect::<Result<_, _>>();
            let objects = objects.map_err(StoreError::backend(&action))?;
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.map_err(StoreError::backend(&action))?;
            let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
            let output = request.send().await.map_err(StoreError::backend(&action))?;
            if let Some(error) = output.errors().first() {
                let part = |part: Option<&str>| part.unwrap_or("?").to_owned();
                let [key, code] = [part(error.key()), part(error.code())];
                return Err(StoreError::backend(&action)(format!("{key}: {code}")));
            }
        }
        Ok(())
    }

    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}
