//! One fault of a script: what goes wrong, and in which requests.

use std::time::Duration;

use shared::config::reading::{Field, Location, Spanned, join, nearest};
use simulator::{Fault, Part, ScriptedFault, When};

use super::{Reader, raw};

/// What a fault may be called, each with the fields that belong to it beside those that say which
/// requests it befalls.
const KINDS: [(&str, &[&str]); 8] = [
    ("error", &["status", "code", "message"]),
    ("stream_exception", &["after_tokens", "exception", "message"]),
    ("stall", &["after_tokens", "lasts"]),
    ("slow_headers", &["lasts"]),
    ("truncate", &["after_tokens"]),
    ("reset", &["after_tokens"]),
    ("corrupt", &["after_tokens", "part"]),
    ("endless", &[]),
];

/// The exceptions that the protocol has inside a stream.
const EXCEPTIONS: [&str; 5] = [
    "internalServerException",
    "modelStreamErrorException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
];

/// The highest number of tokens or of a request that can be given.
const MOST: u32 = 1_000_000_000;

/// Reads a fault; `None` where something of it is refused.
pub(super) fn check(
    reader: &mut Reader<'_>,
    item: &Spanned<raw::Fault>,
    path: &str,
) -> Option<ScriptedFault> {
    let raw = &item.value;
    let model_id = reader.model(&raw.model, path);
    let when = when(reader, item, path);
    let fault = fault(reader, item, path);
    Some(ScriptedFault { model_id, when: when?, fault: fault? })
}

/// Which requests: every one where nothing is said.
fn when(reader: &mut Reader<'_>, item: &Spanned<raw::Fault>, path: &str) -> Option<When> {
    let raw = &item.value;
    let ways = [
        raw.share.is_some(),
        raw.every.is_some(),
        raw.numbers.is_some(),
        raw.from.is_some() || raw.to.is_some(),
        raw.containing.is_some(),
    ];
    if ways.iter().filter(|is_given| **is_given).count() > 1 {
        reader.checker.refuse(
            item.referenced,
            path,
            "there is more than one way to say which requests it befalls",
            "keep one of: share, every, numbers, from and to, containing",
        );
        return None;
    }
    let range = 1..=MOST;
    let number = |reader: &mut Reader<'_>, field: &Field<i64>, name: &str| {
        reader.checker.count(field, &join(path, name), &range).map(u64::from)
    };
    if raw.share.is_some() {
        return reader
            .checker
            .share(&raw.share, &join(path, "share"), "the requests")
            .map(When::Share);
    }
    if raw.every.is_some() {
        return number(reader, &raw.every, "every").map(When::Every);
    }
    if let Some(numbers) = &raw.numbers {
        let path = join(path, "numbers");
        let mut each = |(index, number): (usize, &Spanned<i64>)| {
            let path = format!("{path}[{index}]");
            let number = reader.checker.integer(number.value, number.referenced, &path, &range);
            number.map(u64::from)
        };
        return numbers
            .value
            .iter()
            .enumerate()
            .map(&mut each)
            .collect::<Option<_>>()
            .map(When::Numbers);
    }
    if raw.from.is_some() || raw.to.is_some() {
        let from = if raw.from.is_some() { number(reader, &raw.from, "from")? } else { 1 };
        let to = if raw.to.is_some() { number(reader, &raw.to, "to")? } else { u64::MAX };
        return Some(When::Range(from..=to));
    }
    Some(
        raw.containing.as_ref().map_or(When::Every(1), |text| When::Containing(text.value.clone())),
    )
}

/// What goes wrong.
fn fault(reader: &mut Reader<'_>, item: &Spanned<raw::Fault>, path: &str) -> Option<Fault> {
    let raw = &item.value;
    let kinds = KINDS.map(|(kind, _)| kind).join(", ");
    let Some(kind) = &raw.kind else {
        let mend = format!("give its `kind`, one of: {kinds}");
        reader.checker.refuse(item.referenced, &join(path, "kind"), "it has no kind", mend);
        return None;
    };
    let Some((kind, fields)) = KINDS.iter().find(|(known, _)| *known == kind.value) else {
        let mend = match nearest(&kind.value, KINDS.iter().map(|(kind, _)| *kind)) {
            Some(nearest) => format!("did you mean `{nearest}`? known here: {kinds}"),
            None => format!("write one of: {kinds}"),
        };
        let problem = format!("`{}` is no kind of fault", kind.value);
        reader.checker.refuse(kind.referenced, &join(path, "kind"), problem, mend);
        return None;
    };
    check_fields(reader, raw, path, kind, fields);
    let tokens = reader.checker.count(&raw.after_tokens, &join(path, "after_tokens"), &(0..=MOST));
    let lasts = reader.checker.duration(&raw.lasts, &join(path, "lasts"));
    if tokens.is_none() && raw.after_tokens.is_some() || lasts.is_none() && raw.lasts.is_some() {
        return None;
    }
    let after_tokens = tokens.unwrap_or(0);
    let fault = match *kind {
        "error" => error(reader, item, path)?,
        "stream_exception" => stream_exception(reader, raw, path, after_tokens)?,
        "stall" => stall(after_tokens, lasts),
        "slow_headers" => lasts.map_or(Fault::SlowHeaders, |by| Fault::LateHeaders { by }),
        "truncate" => Fault::Truncate { after_tokens },
        "reset" => tokens.map_or(Fault::Reset, |tokens| Fault::ResetAfter { tokens }),
        "corrupt" => Fault::Corrupt { after_tokens, part: part(reader, &raw.part, path)? },
        // The last of the known kinds.
        _ => Fault::Endless,
    };
    Some(fault)
}

fn stall(after_tokens: u32, lasts: Option<Duration>) -> Fault {
    match (after_tokens, lasts) {
        (after_tokens, Some(lasts)) => Fault::Pause { after_tokens, lasts },
        (0, None) => Fault::StallBeforeFirst,
        (tokens, None) => Fault::StallAfter { tokens },
    }
}

fn place<T>(field: &Field<T>) -> Option<Location> {
    field.as_ref().map(|field| field.referenced)
}

/// Refuses the fields that do not belong to the kind.
fn check_fields(
    reader: &mut Reader<'_>,
    raw: &raw::Fault,
    path: &str,
    kind: &str,
    fields: &[&str],
) {
    let mut check = |name: &str, given: Option<Location>| {
        if let Some(at) = given
            && !fields.contains(&name)
        {
            let problem = format!("`{name}` does not belong to a fault of kind {kind}");
            let mend = match fields {
                [] => "remove it: this kind has no fields of its own".to_owned(),
                fields => format!("remove it; this kind has: {}", fields.join(", ")),
            };
            reader.checker.refuse(at, &join(path, name), problem, mend);
        }
    };
    check("status", place(&raw.status));
    check("code", place(&raw.code));
    check("message", place(&raw.message));
    check("exception", place(&raw.exception));
    check("after_tokens", place(&raw.after_tokens));
    check("lasts", place(&raw.lasts));
    check("part", place(&raw.part));
}

fn error(reader: &mut Reader<'_>, item: &Spanned<raw::Fault>, path: &str) -> Option<Fault> {
    let raw = &item.value;
    let place = join(path, "status");
    if raw.status.is_none() {
        let mend = "give its HTTP status, such as `status: 500`";
        reader.checker.refuse(item.referenced, &place, "it is not said which error", mend);
    }
    let status = reader.checker.count(&raw.status, &place, &(400..=599))?;
    let code = match (&raw.code, usual_code(status)) {
        (Some(code), _) => Some(name(reader, code, &join(path, "code"))?),
        (None, Some(usual)) => Some(usual.to_owned()),
        (None, None) => None,
    };
    let Some(code) = code else {
        let mend = "give the name of its exception, such as `code: InternalServerException`";
        let problem = format!("no exception usually has status {status}");
        reader.checker.refuse(item.referenced, &join(path, "code"), problem, mend);
        return None;
    };
    let message = message(raw);
    Some(Fault::Status { status: u16::try_from(status).ok()?, code, message })
}

/// The exception that the service has for a status.
fn usual_code(status: u32) -> Option<&'static str> {
    match status {
        400 => Some("ValidationException"),
        403 => Some("AccessDeniedException"),
        404 => Some("ResourceNotFoundException"),
        408 => Some("ModelTimeoutException"),
        424 => Some("ModelErrorException"),
        429 => Some("ThrottlingException"),
        500 => Some("InternalServerException"),
        503 => Some("ServiceUnavailableException"),
        _ => None,
    }
}

fn stream_exception(
    reader: &mut Reader<'_>,
    raw: &raw::Fault,
    path: &str,
    after_tokens: u32,
) -> Option<Fault> {
    let exception = match &raw.exception {
        Some(exception) => {
            let place = join(path, "exception");
            let checked = name(reader, exception, &place)?;
            if !EXCEPTIONS.contains(&checked.as_str()) {
                let mend = format!("write one of: {}", EXCEPTIONS.join(", "));
                let problem = format!("`{checked}` is no exception of a stream");
                reader.checker.refuse(exception.referenced, &place, problem, mend);
                return None;
            }
            checked
        }
        None => "modelStreamErrorException".to_owned(),
    };
    Some(Fault::StreamException { after_tokens, exception, message: message(raw) })
}

fn message(raw: &raw::Fault) -> String {
    raw.message.as_ref().map_or_else(|| "Simulated.".to_owned(), |field| field.value.clone())
}

/// The name of an exception.
fn name(reader: &mut Reader<'_>, field: &Spanned<String>, path: &str) -> Option<String> {
    let name = &field.value;
    let is_name =
        !name.is_empty() && name.len() < 128 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_name {
        let mend = "write letters and digits only, such as ThrottlingException";
        let problem = format!("`{name}` is no name of an exception");
        reader.checker.refuse(field.referenced, path, problem, mend);
    }
    is_name.then(|| name.clone())
}

fn part(reader: &mut Reader<'_>, part: &Field<String>, path: &str) -> Option<Part> {
    let Some(field) = part else { return Some(Part::Payload) };
    match field.value.as_str() {
        "prelude" => Some(Part::Prelude),
        "payload" => Some(Part::Payload),
        other => {
            let problem = format!("`{other}` is no part of a frame");
            let mend = "write prelude or payload";
            reader.checker.refuse(field.referenced, &join(path, "part"), problem, mend);
            None
        }
    }
}
