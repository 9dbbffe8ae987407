//! The measuring and deciding of fmgauge, and its adapters to AWS.

pub mod config;
pub mod dataset;
pub mod endpoint;
pub mod plan;
pub mod price;
pub mod record;
pub mod store;
pub mod units;
