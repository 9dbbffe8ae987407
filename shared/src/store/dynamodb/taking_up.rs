//! A run that goes on under another owner.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{DynamoDbStore, refused};
use crate::store::item::{key, text};
use crate::store::{RunStatus, StoreError, keys};
use crate::units::RunId;

impl DynamoDbStore {
    /// [`RecordStore::take_up`](crate::store::RecordStore::take_up).
    pub(super) async fn take_up_run(
        &self,
        run_id: &RunId,
        owner: &str,
    ) -> Result<bool, StoreError> {
        let action = "take up the run";
        let status = |status: RunStatus| {
            serde_dynamo::to_attribute_value(status).map_err(StoreError::backend(action))
        };
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&keys::run(run_id), keys::META)))
            .condition_expression("#status = :incomplete")
            .update_expression(
                "SET #status = :running, #owner = :owner, #ended_at = :none, #stopping = :no",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#ended_at", "ended_at")
            .expression_attribute_names("#stopping", "stopping")
            .expression_attribute_values(":incomplete", status(RunStatus::Incomplete)?)
            .expression_attribute_values(":running", status(RunStatus::Running)?)
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":none", AttributeValue::Null(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(StoreError::backend(action)(error)),
        }
    }
}
