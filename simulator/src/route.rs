//! Which API a path belongs to.
//!
//! To add one: write it in a file of its own under `protocol`, and add a row to [`ROUTES`].

use hyper::Method;

use crate::protocol::{Converse, ConverseStream, Protocol};
use crate::refusal::Refusal;

/// A path that is answered. A segment `{model}` stands for any one segment, percent-encoded.
#[derive(Debug)]
struct Route {
    method: Method,
    path: &'static str,
    protocol: Protocol,
}

const ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/model/{model}/converse-stream",
        protocol: Protocol::Streamed(&ConverseStream),
    },
    Route {
        method: Method::POST,
        path: "/model/{model}/converse",
        protocol: Protocol::Whole(&Converse),
    },
];

const MODEL: &str = "{model}";

/// Finds the API of a request, and the model that its path names, decoded.
pub(crate) fn find(method: &Method, path: &str) -> Result<(Protocol, Option<String>), Refusal> {
    ROUTES
        .iter()
        .filter(|route| route.method == *method)
        .find_map(|route| Some((route.protocol, fit(route.path, path)?.model)))
        .ok_or_else(|| Refusal::unknown_operation(method.as_str(), path))
}

/// A path that fits a pattern.
#[derive(Debug)]
struct Fit {
    /// The model that the path names, if the pattern asks for one.
    model: Option<String>,
}

fn fit(pattern: &str, path: &str) -> Option<Fit> {
    let mut model = None;
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if expected == MODEL && !segment.is_empty() {
            model = Some(percent_decoded(segment)?);
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(Fit { model })
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, path: &str, expected: Option<&str>) {
        let found = find(method, path).ok().and_then(|(_, model)| model);
        assert_eq!(found.as_deref(), expected, "{method} {path}");
    }

    #[test]
    fn paths_lead_to_a_model() {
        let post = Method::POST;
        check(&post, "/model/mistral.x-v0%3A2/converse-stream", Some("mistral.x-v0:2"));
        check(&post, "/model/mistral.x-v0:2/converse-stream", Some("mistral.x-v0:2"));
        check(&post, "/model/arn%3Aaws%3Ab%2Fc/converse-stream", Some("arn:aws:b/c"));
        check(&post, "/model/mistral.x-v0%3A2/converse", Some("mistral.x-v0:2"));
        check(&Method::GET, "/model/a/converse-stream", None);
        check(&post, "/model//converse-stream", None);
        check(&post, "/model/a/b/converse-stream", None);
        check(&post, "/model/a/converse-stream/", None);
        check(&post, "/model/a%3/converse-stream", None);
        check(&post, "/model/a%ff/converse-stream", None);
        check(&post, "/", None);
    }
}
