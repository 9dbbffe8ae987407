//! Embeddings of a text: numbers that follow from the seed and the request. An answer counts as one
//! token, so that it has a time.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::super::{Context, Ending, Said};
use super::{Content, Family, fields};
use crate::refusal::Refusal;

/// How many numbers an embedding has.
const DIMENSIONS: usize = 384;

#[derive(Debug)]
pub(in super::super) struct Embedding;

impl Family for Embedding {
    fn read(&self, request: &Value, is_streamed: bool) -> Result<Content, Refusal> {
        fields::whole_only(is_streamed)?;
        if request.get("mode").is_some_and(|mode| mode != "embedding") {
            return Err(fields::malformed("#/mode: expected \"embedding\""));
        }
        Ok(Content::of_text(fields::text(request, "text_inputs")?, 1))
    }

    fn whole(&self, context: &Context, _said: Said<'_>, _ending: &Ending) -> Value {
        let mut random = ChaCha8Rng::from_seed(context.digest);
        random.set_stream(2);
        let numbers: Vec<f64> =
            (0..DIMENSIONS).map(|_| random.random::<f64>().mul_add(2.0, -1.0)).collect();
        json!({ "embedding": numbers })
    }
}
