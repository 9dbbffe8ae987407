//! How the report is written: `report`.

use super::check::Checker;
use super::raw::{self, Field, Spanned};
use super::shape::nearest;
use crate::plan::Zone;

/// The time zone in which hours of the day are told; UTC where it is not given.
pub(super) fn time_zone(checker: &mut Checker<'_>, field: &Field<raw::Report>) -> Zone {
    let Some(Spanned { value: raw, .. }) = field else { return Zone::default() };
    checker.not_yet_fields("report", &[("formats", &raw.formats)]);
    let Some(Spanned { value: name, referenced: at, .. }) = &raw.time_zone else {
        return Zone::default();
    };
    match Zone::try_from(name.clone()) {
        Ok(zone) => zone,
        Err(unknown) => {
            let names = Zone::names();
            let mend = match nearest(name, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "write its name, such as Europe/Berlin, America/New_York or UTC".to_owned(),
            };
            checker.refuse(*at, "report.time_zone", unknown.to_string(), mend);
            Zone::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn parsed(rest: &str) -> Result<String, String> {
        let settings = parse(&format!(
            "version: 1\nendpoints: [{{name: m, kind: simulated, simulate_as: meta.llama2-13b-chat-v1}}]\n\
             datasets: [{{name: d, prompts: [Why?], max_tokens: 5}}]\nload: [{{concurrency: 1}}]\n\
             {rest}\n"
        ));
        let zone = settings.map(|settings| settings.time_zone.to_string());
        zone.map_err(|errors| errors.to_string())
    }

    #[test]
    fn hours_are_told_in_the_zone_that_is_named() {
        for (report, zone) in [
            ("", "UTC"),
            ("report: {}", "UTC"),
            ("report: {time_zone: Europe/Berlin}", "Europe/Berlin"),
            ("report: {time_zone: asia/kolkata}", "Asia/Kolkata"),
        ] {
            assert_eq!(parsed(report), Ok(zone.to_owned()), "{report}");
        }
    }

    #[test]
    fn an_unknown_zone_is_refused_with_its_place_and_the_mend() {
        let check = |zone: &str, mend: &str| {
            let error = parsed(&format!("report: {{time_zone: {zone}}}")).unwrap_err();
            let problem = format!("line 5, column 21: report.time_zone: `{zone}` is no time zone");
            for part in [&problem, mend] {
                assert!(error.contains(part), "{part} is not in: {error}");
            }
        };
        check("Europe/Berln", "did you mean `Europe/Berlin`?");
        check("Mordor", "write its name, such as Europe/Berlin");
        check("+02:00", "write its name, such as Europe/Berlin");
        let error = parsed("report: {formats: [markdown]}").unwrap_err();
        assert!(error.contains("report.formats: `formats` is not yet supported"), "{error}");
        let error = parsed("report: {timezone: UTC}").unwrap_err();
        assert!(error.contains("`time_zone`"), "{error}");
    }
}
