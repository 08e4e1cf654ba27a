//! What time it is here, and how a time is written.
//!
//! Not the service's time, which `doctor` compares with this one.

use std::time::{SystemTime, UNIX_EPOCH};

use sorl_core::time::Timestamp;

/// This machine's time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `12:34:56.789Z`
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let ms = at.as_millis();
    let (hours, minutes, seconds) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
}

/// `2026-01-31 12:34:56Z`
pub(crate) fn date_and_time(at: Timestamp) -> String {
    let (year, month, day) = date(at.as_millis() / 86_400_000);
    let (time, _millis) =
        time_of_day(at).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    format!("{year:04}-{month:02}-{day:02} {time}Z")
}

/// `2026-01-31 12:34Z`
pub(crate) fn to_the_minute(at: Timestamp) -> String {
    let whole = date_and_time(at);
    whole.rsplit_once(':').map(|(minute, _seconds)| format!("{minute}Z")).unwrap_or(whole)
}

/// A day of the Gregorian calendar, counted from 1970-01-01; years from March, so that the leap day comes last.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
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
