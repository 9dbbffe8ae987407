//! The end-to-end tests are in `it/`, linked as one binary.
