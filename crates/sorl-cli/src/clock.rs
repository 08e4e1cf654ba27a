//! What time it is here, and how a time is written.
//!
//! Not the service's time, which `doctor` compares with this one.

use sorl_core::ports::Clock as _;
use sorl_core::time::Timestamp;
use sorl_local::clock::{SystemClock, iso8601};

/// This machine's time.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// `12:34:56.789Z`
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let (_date, time) = parts(at);
    time
}

/// `2026-01-31 12:34:56Z`
pub(crate) fn date_and_time(at: Timestamp) -> String {
    let (date, time) = parts(at);
    let seconds = time.split_once('.').map_or(time.as_str(), |(seconds, _millis)| seconds);
    format!("{date} {seconds}Z")
}

/// `2026-01-31 12:34Z`
pub(crate) fn to_the_minute(at: Timestamp) -> String {
    let whole = date_and_time(at);
    whole.rsplit_once(':').map(|(minute, _seconds)| format!("{minute}Z")).unwrap_or(whole)
}

/// The date, and the time of day.
fn parts(at: Timestamp) -> (String, String) {
    let whole = iso8601(at);
    whole.split_once('T').map(|(date, time)| (date.to_owned(), time.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_people_read_it() {
        let at = Timestamp::from_millis;
        assert_eq!(date_and_time(at(0)), "1970-01-01 00:00:00Z");
        assert_eq!(date_and_time(at(951_825_600_500)), "2000-02-29 12:00:00Z");
        assert_eq!(date_and_time(at(1_764_000_000_000)), "2025-11-24 16:00:00Z");
        assert_eq!(to_the_minute(at(1_764_000_000_000)), "2025-11-24 16:00Z");
        assert_eq!(time_of_day(at(1_764_000_000_789)), "16:00:00.789Z");
    }
}
