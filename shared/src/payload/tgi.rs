//! Hugging Face Text Generation Inference. Each event of a stream is one token. DJL took over its bodies.

use super::{Asked, Format, Malformed, Told, djl};

/// Text Generation Inference.
#[derive(Debug)]
pub(super) struct Tgi;

impl Format for Tgi {
    fn body(&self, asked: &Asked<'_>) -> Vec<u8> {
        djl::inputs(asked)
    }

    fn part(&self, document: &[u8]) -> Result<Told, Malformed> {
        djl::token(document)
    }

    fn whole(&self, body: &[u8]) -> Result<Told, Malformed> {
        djl::generated(body)
    }
}
