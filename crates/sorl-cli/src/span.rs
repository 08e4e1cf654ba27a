//! Lengths of time in flags: as in `sorl.toml`, but never none.

use std::time::Duration;

use sorl_core::config::quantity;

/// Reads a number and its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    quantity::duration(text).filter(|span| !span.is_zero()).ok_or_else(|| {
        format!("{text:?} is no length of time: write a number and ms, s, m, h or d, such as 10m")
    })
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
