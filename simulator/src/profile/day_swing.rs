//! Latency that goes up and down with the time of day.

use std::f64::consts::TAU;

/// A swing of all service times over the day, as a cosine: (1 + amplitude) times as long at the
/// peak, (1 - amplitude) times twelve hours away from it, and as the profile says in between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DaySwing {
    /// How far it swings, from 0 to below 1.
    pub amplitude: f64,
    /// The slowest hour of the day in UTC, from 0 to below 24; 13.5 is half past one.
    pub peak_hour: f64,
}

impl DaySwing {
    /// What service times are multiplied by at an hour of the day in UTC.
    pub(crate) fn factor(self, hour: f64) -> f64 {
        1.0 + self.amplitude * (TAU * (hour - self.peak_hour) / 24.0).cos()
    }

    /// Whether it leaves times above zero at an hour that there is.
    pub fn is_sensible(self) -> bool {
        (0.0..1.0).contains(&self.amplitude) && (0.0..24.0).contains(&self.peak_hour)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::testing::{ask, plain_profile, prompt};
    use crate::{InvalidProfile, Profile, Simulator, SimulatorConfig};

    const SWING: DaySwing = DaySwing { amplitude: 0.5, peak_hour: 14.0 };

    #[test]
    fn it_is_slowest_at_its_peak_and_fastest_half_a_day_later() {
        let check = |hour: f64, expected: f64| {
            assert!((SWING.factor(hour) - expected).abs() < 1e-9, "{hour}");
        };
        check(14.0, 1.5);
        check(2.0, 0.5);
        check(8.0, 1.0);
        check(20.0, 1.0);
        check(10.0, 1.25);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_the_simulation_decides() {
        let profiles = vec![Profile { day_swing: Some(SWING), ..plain_profile() }];
        // Eight hours after a midnight.
        let wall_start = Some(SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 + 8));
        let config = SimulatorConfig { profiles, wall_start, ..Default::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let asked = async || {
            let reply = ask(simulator.connect(), "plain", &prompt("one")).await.unwrap();
            let at: Vec<_> = reply.tokens().iter().map(|(at, _)| *at).collect();
            (at[0].as_millis(), at[1].abs_diff(at[0]).as_millis())
        };
        assert_eq!(asked().await, (101, 10));
        tokio::time::sleep(Duration::from_hours(6)).await;
        assert_eq!(asked().await, (152, 15), "151.5 ms, by a timer of whole milliseconds");
        tokio::time::sleep(Duration::from_hours(12)).await;
        assert_eq!(asked().await, (51, 5));
    }

    #[test]
    fn a_swing_that_stops_time_is_refused() {
        let swings = [(1.0, 0.0), (-0.1, 0.0), (0.1, 24.0), (f64::NAN, 0.0), (0.1, f64::NAN)];
        for (amplitude, peak_hour) in swings {
            let day_swing = Some(DaySwing { amplitude, peak_hour });
            let profile = Profile { day_swing, ..plain_profile() };
            assert_eq!(profile.check(), Err(InvalidProfile::DaySwing));
        }
    }
}
