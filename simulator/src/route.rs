//! Which API a path belongs to.
//!
//! To add one: write it in a file of its own under `protocol`, and add a row to [`ROUTES`].

use hyper::Method;

use crate::protocol::{
    ChatCompletions, Completions, Converse, ConverseStream, Invoke, InvokeEndpoint,
    InvokeEndpointStream, InvokeStream, Protocol,
};
use crate::refusal::Refusal;

/// A path that is answered. A segment `{name}` stands for any one segment, percent-encoded.
#[derive(Debug)]
struct Route {
    method: Method,
    path: &'static str,
    protocol: &'static dyn Protocol,
}

const ROUTES: &[Route] = &[
    Route::post("/model/{name}/converse-stream", &ConverseStream),
    Route::post("/model/{name}/converse", &Converse),
    Route::post("/model/{name}/invoke-with-response-stream", &InvokeStream),
    Route::post("/model/{name}/invoke", &Invoke),
    Route::post("/endpoints/{name}/invocations-response-stream", &InvokeEndpointStream),
    Route::post("/endpoints/{name}/invocations", &InvokeEndpoint),
    Route::post("/v1/chat/completions", &ChatCompletions),
    Route::post("/v1/completions", &Completions),
];

impl Route {
    const fn post(path: &'static str, protocol: &'static dyn Protocol) -> Self {
        Self { method: Method::POST, path, protocol }
    }
}

const NAME: &str = "{name}";

/// Finds the API of a request, and what its path names, decoded.
pub(crate) fn find(
    method: &Method,
    path: &str,
) -> Result<(&'static dyn Protocol, Option<String>), Refusal> {
    ROUTES
        .iter()
        .filter(|route| route.method == *method)
        .find_map(|route| Some((route.protocol, fit(route.path, path)?.name)))
        .ok_or_else(|| Refusal::unknown_operation(method.as_str(), path))
}

/// A path that fits a pattern.
#[derive(Debug)]
struct Fit {
    /// What the path names, if the pattern asks for it.
    name: Option<String>,
}

fn fit(pattern: &str, path: &str) -> Option<Fit> {
    let mut name = None;
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if expected == NAME && !segment.is_empty() {
            name = Some(percent_decoded(segment)?);
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(Fit { name })
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
        let found = find(method, path).ok().and_then(|(_, name)| name);
        assert_eq!(found.as_deref(), expected, "{method} {path}");
    }

    #[test]
    fn paths_lead_to_a_name() {
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
