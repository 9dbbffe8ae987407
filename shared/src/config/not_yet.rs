//! What the language of configurations has and this version does not measure yet.

/// Section (the last name of the path, empty for the top), field, and what can be done meanwhile.
const FIELDS: [(&str, &str, &str); 3] = [
    ("", "quota_share", "leave it out, and choose concurrencies that your quota can hold"),
    ("", "keep", "leave it out: every record is kept"),
    ("report", "formats", "leave it out: the report is written in all its forms"),
];

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
