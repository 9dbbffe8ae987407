//! The measuring and deciding of fmgauge, and its adapters to AWS.

pub mod block;
pub mod calibration;
pub mod causes;
pub mod check;
pub mod client;
pub mod config;
pub mod dataset;
pub mod decision;
pub mod digest;
pub mod endpoint;
pub mod load;
pub mod payload;
pub mod plan;
pub mod policy;
pub mod price;
pub mod record;
pub mod report;
pub mod run;
pub mod stack;
pub mod stats;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod units;
mod words;
