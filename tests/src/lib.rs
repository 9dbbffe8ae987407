//! What tests and fuzzing share: the end-to-end tests themselves are in `it/`, linked as one binary.

pub mod decoders;
pub mod wire;
