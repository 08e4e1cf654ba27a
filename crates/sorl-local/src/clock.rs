//! How times and ids are written for people and as AWS does.
//!
//! Not the clock (`sorl_host`).

use sorl_core::ports::Entropy;
use sorl_core::time::Timestamp;
pub use sorl_host::clock::{OsEntropy, SystemClock};

/// An id in the form of a random UUID, as AWS gives its messages and requests.
#[must_use]
pub fn random_uuid(entropy: &dyn Entropy) -> String {
    let (high, low) = (entropy.bits(), entropy.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0x0fff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// `2026-01-31T12:34:56.789Z`: the form in which AWS writes times.
#[must_use]
pub fn iso8601(at: Timestamp) -> String {
    let millis = at.as_millis();
    let (days, in_day) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", in_day % 1_000)
}

/// The date `days` after 1970-01-01 in the Gregorian calendar, by eras of 400 years that begin in March, so
/// that the leap day comes last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_825_600_500, "2000-02-29T12:00:00.500Z"),
            (1_764_000_000_000, "2025-11-24T16:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso8601(Timestamp::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_random_uuid_has_the_form_of_version_four() {
        let id = random_uuid(&OsEntropy);
        let groups: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(id.chars().nth(14), Some('4'));
        assert!(matches!(id.chars().nth(19), Some('8'..='9' | 'a'..='b')));
        assert_ne!(id, random_uuid(&OsEntropy));
    }
}
