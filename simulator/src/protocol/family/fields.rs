//! The fields of requests, and how a missing or senseless one is refused.

use serde_json::Value;

use crate::refusal::Refusal;

/// A request that does not fit its family.
pub(super) fn malformed(what: &str) -> Refusal {
    Refusal::validation(format!(
        "Malformed input request: {what}, please reformat your input and try again."
    ))
}

/// A field that must be there.
pub(super) fn required<'a>(request: &'a Value, name: &str) -> Result<&'a Value, Refusal> {
    request
        .get(name)
        .filter(|value| !value.is_null())
        .ok_or_else(|| malformed(&format!("#: required key [{name}] not found")))
}

/// A text that must be there, and say something.
pub(super) fn text<'a>(request: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    let text = required(request, name)?;
    text.as_str()
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| malformed(&format!("#/{name}: expected a string that is not blank")))
}

/// The most tokens that an answer may have: the first of these places that the request has, or a
/// default. Without a default, the first place is a required key.
pub(super) fn limit(
    request: &Value,
    places: &[&str],
    default: Option<u32>,
) -> Result<u32, Refusal> {
    let given = places.iter().find_map(|place| Some((place, request.pointer(place)?)));
    let Some((place, limit)) = given else {
        let name = places.first().map_or("", |place| place.trim_start_matches('/'));
        return default.ok_or_else(|| malformed(&format!("#: required key [{name}] not found")));
    };
    limit
        .as_u64()
        .and_then(|limit| u32::try_from(limit).ok())
        .filter(|limit| *limit >= 1)
        .ok_or_else(|| malformed(&format!("#{place}: {limit} is not an integer of at least 1")))
}

/// Refuses a stream.
pub(super) fn whole_only(is_streamed: bool) -> Result<(), Refusal> {
    if is_streamed {
        return Err(Refusal::validation("The container of this endpoint does not stream."));
    }
    Ok(())
}

/// Whether a flag is set.
pub(super) fn flag(request: &Value, place: &str) -> bool {
    request.pointer(place).and_then(Value::as_bool).unwrap_or(false)
}

/// Whether a field is there.
pub(super) fn has(request: &Value, name: &str) -> bool {
    request.get(name).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_where_they_are_looked_for() {
        let request = json!({"a": {"b": 7}, "c": 8, "d": 0});
        assert_eq!(limit(&request, &["/a/b", "/c"], None).ok(), Some(7));
        assert_eq!(limit(&request, &["/x", "/c"], None).ok(), Some(8));
        assert_eq!(limit(&request, &["/x"], Some(9)).ok(), Some(9));
        let message = |place| limit(&request, &[place], None).unwrap_err().message;
        assert!(message("/x").contains("required key [x] not found"));
        assert!(message("/d").contains("#/d: 0"));
    }

    #[test]
    fn texts_say_something() {
        let request = json!({"a": "b", "c": " ", "d": null});
        assert_eq!(text(&request, "a").ok(), Some("b"));
        assert!(text(&request, "c").unwrap_err().message.contains("#/c"));
        assert!(text(&request, "d").unwrap_err().message.contains("[d] not found"));
    }
}
