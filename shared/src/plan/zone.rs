//! The time zone of a report.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, by its name there. The database is the one built in, so that
/// a zone means the same wherever a report is written: a Lambda function has none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A name that the database of time zones does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone of the IANA database")]
pub struct UnknownZone(String);

impl Zone {
    /// The names of all zones.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The hour of the day at a time, from 0 to 23.
    pub fn hour(&self, time: Timestamp) -> u8 {
        let hour = time.to_zoned(self.0.clone()).hour();
        u8::try_from(hour).unwrap_or(0)
    }

    /// By how many hours it is ahead of UTC at a time.
    pub fn hours_ahead(&self, time: Timestamp) -> f64 {
        f64::from(self.0.to_offset(time).seconds()) / 3600.0
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        match TimeZoneDatabase::bundled().get(&name) {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => Err(UnknownZone(name)),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, time: &str, hour: u8, ahead: f64) {
        let zone = Zone::try_from(zone.to_owned()).unwrap();
        let time: Timestamp = time.parse().unwrap();
        assert_eq!(zone.hour(time), hour, "{zone}");
        assert!((zone.hours_ahead(time) - ahead).abs() < 1e-9, "{zone}");
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_in_winter() {
        check("Europe/Berlin", "2026-07-01T23:30:00Z", 1, 2.0);
        check("Europe/Berlin", "2026-01-01T23:30:00Z", 0, 1.0);
        check("Asia/Kolkata", "2026-01-01T00:00:00Z", 5, 5.5);
        check("America/New_York", "2026-01-01T00:00:00Z", 19, -5.0);
        check("UTC", "2026-01-01T00:00:00Z", 0, 0.0);
        assert_eq!(Zone::default().hour("2026-01-01T13:59:59Z".parse().unwrap()), 13);
    }

    #[test]
    fn zones_are_kept_by_their_names() {
        let read = |text: &str| serde_json::from_str::<Zone>(text);
        let zone = read("\"europe/berlin\"").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Europe/Berlin\"");
        assert_eq!(serde_json::to_string(&Zone::default()).unwrap(), "\"UTC\"");
        assert!(read("\"Europe/Berln\"").unwrap_err().to_string().contains("no time zone"));
        assert!(Zone::names().len() > 400);
    }
}
