//! Quantities as people write them: `24h`, `20/s`, `96KB`. The command line's flags read them here as well.

use std::time::Duration;

use crate::limits::KB;

/// Reads `0`, `500ms`, `30s`, `5m`, `24h` or `7d`; none for anything else.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Reads `20/s`, `100/m` or `5000/h`.
pub(super) fn rate(text: &str) -> Option<(u32, Duration)> {
    let (count, unit) = text.split_once('/')?;
    let count = count.parse().ok().filter(|count| *count > 0)?;
    let window = match unit {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        _ => return None,
    };
    Some((count, window))
}

/// Reads `1024`, `96KB`.
pub(super) fn bytes(text: &str) -> Option<usize> {
    match text.strip_suffix("KB") {
        Some(number) => number.parse::<usize>().ok()?.checked_mul(KB),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!(duration("24h"), Some(Duration::from_hours(24)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        assert_eq!(
            (duration("500ms"), duration("30s")),
            (Some(Duration::from_millis(500)), Some(Duration::from_secs(30)))
        );
        assert_eq!(
            (duration("5m"), duration("7d")),
            (Some(Duration::from_mins(5)), Some(Duration::from_hours(168)))
        );
        assert_eq!(rate("20/s"), Some((20, Duration::from_secs(1))));
        assert_eq!(
            (rate("1/m"), rate("1/h")),
            (Some((1, Duration::from_mins(1))), Some((1, Duration::from_hours(1))))
        );
        assert_eq!(bytes("96KB"), Some(96 * KB));
        for bad in ["", "h", "1", "-1h", "1w", "99999999999999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        for bad in ["", "0/s", "20", "20/d", "x/s"] {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }
}
