//! Lengths of time as people write them: `90s`, `10m`, `2h`, `250ms`.

use std::time::Duration;

/// Reads a number and its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("{text:?} is no length of time: write a number and ms, s, m, h or d, such as 10m");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_not_a_number| expected())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    number.checked_mul(millis).filter(|ms| *ms > 0).map(Duration::from_millis).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse("2h"), Ok(Duration::from_hours(2)));
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for bad in ["", "10", "m", "-1s", "1.5h", "10 m", "0s", "99999999999999999999s", "9999999999999999d"]
        {
            assert!(parse(bad).unwrap_err().contains("such as 10m"), "{bad}");
        }
    }
}
