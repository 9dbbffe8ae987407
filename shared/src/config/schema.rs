//! The JSON Schema of configurations, for editors.

use schemars::Schema;
use schemars::generate::SchemaSettings;

use super::raw::Raw;

/// The JSON Schema (2020-12) of a configuration: its fields, their kinds and the limits that can be
/// told one by one. What needs more than one field, and what is not supported yet, is for
/// [`super::parse`] to say.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Raw>()
}
