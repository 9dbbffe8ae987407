//! DynamoDB items from values and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::StoreError;

/// The attributes of one item by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A string.
pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number.
pub(super) fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of an item.
pub(super) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// `value` as an item, each of its fields an attribute.
pub(super) fn item<T: Serialize>(pk: &str, sk: &str, value: &T) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::to_item(value).map_err(StoreError::backend("write an item"))?;
    item.extend(key(pk, sk));
    Ok(item)
}

/// An item read back; attributes that `T` does not know are skipped.
pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let part =
        |name| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    let key = format!("{} {}", part("pk"), part("sk"));
    serde_dynamo::from_item(item).map_err(StoreError::unreadable(key))
}
