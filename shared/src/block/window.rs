//! The measured window of a block: of a closed loop from all slots full until it stops sending, of an
//! open loop its schedule.

use tokio::time::Instant;

use crate::load::{ArrivalCounts, Halt, Paced};
use crate::record::Observation;
use crate::store::BlockEnd;

/// When one slot sent its first and its last measured request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SlotSends {
    first_and_last: Option<(Instant, Instant)>,
    count: u32,
}

impl SlotSends {
    /// One more send. Retries are no requests more.
    pub(super) fn add(&mut self, observation: &Observation) {
        self.add_at(observation.sent, u32::from(observation.timeline.retry == 0));
    }

    fn add_at(&mut self, sent: Instant, requests: u32) {
        let (first, last) = self.first_and_last.unwrap_or((sent, sent));
        self.first_and_last = Some((first.min(sent), last.max(sent)));
        self.count += requests;
    }
}

/// The measured window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) start: Instant,
    pub(super) end: Instant,
    pub(super) ended: BlockEnd,
    /// Of an open loop.
    pub(super) arrivals: Option<ArrivalCounts>,
}

impl Window {
    /// The window of a closed loop: it starts with the latest of the slots' first sends (all slots
    /// full); it ends at `until`, or with the last send where requests, a stop
    /// or the spend limit ended it.
    pub(super) fn new(
        sends: &[SlotSends],
        until: Option<Instant>,
        requests: Option<u32>,
        halt: Option<Halt>,
    ) -> Self {
        let sent: u32 = sends.iter().map(|slot| slot.count).sum();
        let spans = || sends.iter().filter_map(|slot| slot.first_and_last);
        let now = Instant::now();
        let start = spans().map(|(first, _)| first).max().unwrap_or(now);
        let last = spans().map(|(_, last)| last).max().unwrap_or(start);
        let (ended, end) = match (halt, until) {
            _ if requests.is_some_and(|requests| sent >= requests) => (BlockEnd::Requests, last),
            (Some(Halt::Spent), _) => (BlockEnd::SpendLimit, last),
            (Some(Halt::Stopped), _) | (None, None) => (BlockEnd::Stopped, last),
            (None, Some(until)) => (BlockEnd::Duration, until),
        };
        Self { start, end: end.max(start), ended, arrivals: None }
    }

    /// The window of an open loop: from the begin of its schedule to its end, or until it was
    /// halted.
    pub(super) fn of_schedule(paced: Paced, arrivals: ArrivalCounts) -> Self {
        let ended = match (paced.halt, paced.is_complete) {
            (Some(Halt::Spent), _) => BlockEnd::SpendLimit,
            (Some(Halt::Stopped), _) => BlockEnd::Stopped,
            (None, true) => BlockEnd::Requests,
            (None, false) => BlockEnd::Duration,
        };
        Self { start: paced.begin, end: paced.end, ended, arrivals: Some(arrivals) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(base: Instant, milliseconds: u64) -> Instant {
        base + Duration::from_millis(milliseconds)
    }

    fn slots(base: Instant) -> Vec<SlotSends> {
        [vec![0, 50, 100], vec![3, 40]]
            .into_iter()
            .map(|sends| {
                let mut slot = SlotSends::default();
                for ms in sends {
                    slot.add_at(at(base, ms), 1);
                }
                slot
            })
            .collect()
    }

    #[test]
    fn it_starts_when_all_slots_are_full_and_ends_with_the_last_send() {
        let base = Instant::now();
        let window = Window::new(&slots(base), None, Some(5), None);
        assert_eq!((window.start, window.end), (at(base, 3), at(base, 100)));
        assert_eq!((window.ended, window.arrivals), (BlockEnd::Requests, None));
    }

    #[test]
    fn time_ends_it_at_that_time_and_a_stop_with_the_last_send() {
        let base = Instant::now();
        let until = at(base, 120);
        let window = Window::new(&slots(base), Some(until), Some(9), None);
        assert_eq!((window.end, window.ended), (until, BlockEnd::Duration));
        let window = Window::new(&slots(base), Some(until), Some(9), Some(Halt::Stopped));
        assert_eq!((window.end, window.ended), (at(base, 100), BlockEnd::Stopped));
        let window = Window::new(&slots(base), Some(until), None, Some(Halt::Spent));
        assert_eq!((window.end, window.ended), (at(base, 100), BlockEnd::SpendLimit));
    }

    #[test]
    fn an_open_loop_s_is_its_schedule() {
        let base = Instant::now();
        let (begin, end) = (at(base, 5), at(base, 65));
        let window = |halt, is_complete| {
            let arrivals = ArrivalCounts { due: 9, waited: 3, missed: 2 };
            let window = Window::of_schedule(Paced { begin, end, is_complete, halt }, arrivals);
            assert_eq!((window.start, window.end), (begin, end));
            assert_eq!(window.arrivals, Some(arrivals));
            window.ended
        };
        assert_eq!(window(None, true), BlockEnd::Requests);
        assert_eq!(window(None, false), BlockEnd::Duration);
        assert_eq!(window(Some(Halt::Stopped), false), BlockEnd::Stopped);
        assert_eq!(window(Some(Halt::Spent), false), BlockEnd::SpendLimit);
    }

    #[test]
    fn without_any_send_it_is_empty() {
        let window = Window::new(&[], None, Some(5), Some(Halt::Stopped));
        assert_eq!((window.end, window.ended), (window.start, BlockEnd::Stopped));
    }
}
