//! Files of a run.

use std::future::Future;

use super::StoreError;

/// Files of a run by key (`runs/<run>/...`, see [`keys`](super::keys)).
pub trait ArtifactStore: Send + Sync {
    /// Stores a file, replacing an earlier one whole.
    fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The file, or `None`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Keys that start with `prefix`, in order.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Deletes a file; deleting what is not there is harmless.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes all files below a folder, a key that ends with a `/`. It can be repeated where it
    /// failed half-way.
    fn delete_all(&self, folder: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Where a person finds the key: an `s3://` URI or a path.
    fn location(&self, key: &str) -> String;
}
