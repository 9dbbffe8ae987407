//! The means of reading a YAML file as a configuration is read: strict, and with every error at
//! its place and with a mend. For files that are not configurations.

pub use super::check::{Checker, join};
pub use super::raw::{Field, Spanned};
pub use super::shape::{nearest, read};
pub use serde_saphyr::Location;
