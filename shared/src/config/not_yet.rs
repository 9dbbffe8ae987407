//! What the language of configurations has and this version does not measure yet.

/// Section (the last name of the path, empty for the top), field, and what can be done meanwhile.
const FIELDS: [(&str, &str, &str); 12] = [
    ("", "quota_share", "leave it out, and choose concurrencies that your quota can hold"),
    ("", "keep", "leave it out: every record is kept"),
    ("report", "formats", "leave it out: the report is written in all its forms"),
    ("endpoints", "endpoint_name", SAGEMAKER),
    ("endpoints", "provision", SAGEMAKER),
    ("endpoints", "payload", SAGEMAKER),
    ("endpoints", "instance_type", SAGEMAKER),
    ("endpoints", "instance_count", SAGEMAKER),
    ("endpoints", "url", OPENAI),
    ("endpoints", "model", OPENAI),
    ("endpoints", "api_key", OPENAI),
    ("price", "per_hour_usd", "give `input_per_1k_usd` and `output_per_1k_usd`"),
];

const SAGEMAKER: &str = "it belongs to endpoints of Amazon SageMaker; leave it out for `kind: bedrock` (give `model_id`) and `kind: simulated` (give `simulate_as`)";
const OPENAI: &str = "it belongs to OpenAI-compatible endpoints; leave it out for `kind: bedrock` (give `model_id`) and `kind: simulated` (give `simulate_as`)";

/// What can be done while `field` of `section` is not supported; `None` if it is, or is unknown.
pub(super) fn meanwhile(section: &str, field: &str) -> Option<&'static str> {
    FIELDS
        .iter()
        .find(|(known_section, known, _)| *known_section == section && *known == field)
        .map(|(_, _, meanwhile)| *meanwhile)
}

/// The section of a path: `endpoints[0].price` is in `price`, `datasets[2]` in `datasets`.
pub(super) fn section(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}
