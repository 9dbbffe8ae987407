//! Whether an endpoint throttles on and on.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// How far back answers count.
const SPAN: Duration = Duration::from_mins(1);

/// So many answers are needed in the span, so that a few at a low rate say nothing.
const ANSWERS_MIN: u32 = 50;

/// At least so many percent of the answers were throttled. A service that refills its quota all the
/// time still answers a few.
const THROTTLED_PERCENT: u32 = 95;

/// The answers of the last seconds.
#[derive(Debug)]
pub(super) struct Throttling {
    begun: Instant,
    seconds: Mutex<[Second; 60]>,
}

/// The answers of one second, since the begin.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    answers: u32,
    throttled: u32,
}

impl Throttling {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), seconds: Mutex::new([Second::default(); 60]) }
    }

    /// One more answer. `true` where the endpoint has throttled nearly all of them for the whole span.
    pub(super) fn add(&self, throttled: bool) -> bool {
        let elapsed = self.begun.elapsed();
        let number = elapsed.as_secs();
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(number % 60).unwrap_or_default();
        let second = &mut seconds[index];
        if second.number != number {
            *second = Second { number, ..Second::default() };
        }
        second.answers += 1;
        second.throttled += u32::from(throttled);
        if !throttled || elapsed < SPAN {
            return false;
        }
        let recent = seconds.iter().filter(|second| number - second.number < SPAN.as_secs());
        let (answers, throttled) = recent.fold((0_u32, 0_u32), |(answers, throttled), second| {
            (answers + second.answers, throttled + second.throttled)
        });
        answers >= ANSWERS_MIN && throttled * 100 >= answers * THROTTLED_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many answers, at so many a second, of which every n-th is not throttled.
    async fn sustained_after(per_second: u32, good_every: u32) -> Option<u32> {
        let throttling = Throttling::new();
        for answer in 1..=per_second * 180 {
            tokio::time::sleep(Duration::from_secs(1) / per_second).await;
            if throttling.add(answer % good_every != 0) {
                return Some(answer);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_little_else_is_sustained() {
        assert_eq!(sustained_after(10, u32::MAX).await, Some(600));
        let after = sustained_after(10, 25).await;
        assert!(after.is_some_and(|answers| answers < 620), "{after:?}");
        assert_eq!(sustained_after(10, 10).await, None, "a tenth is answered");
        assert_eq!(sustained_after(1, u32::MAX).await, Some(60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_does_not_count() {
        let throttling = Throttling::new();
        for _ in 0..1000 {
            assert!(!throttling.add(true), "a burst is no minute");
        }
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert!(!throttling.add(true), "one answer in a minute");
    }
}
