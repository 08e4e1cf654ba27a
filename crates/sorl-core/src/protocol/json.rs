//! What JSON must be beyond being JSON: `data` nests only so deep, since clients' parsers give up, or overflow,
//! at some depth; and where an object is asked for, nothing else will do.

use serde::de::{DeserializeOwned, Error};

use crate::limits::DATA_DEPTH_MAX;

/// Reads an object. A derived reader alone would take a list of the fields' values as well.
///
/// # Errors
/// If it is no JSON, no object, or not this one.
pub fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    if json.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(json)
    } else {
        Err(Error::custom("not a JSON object"))
    }
}

/// JSON that nests too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("data nests at most {DATA_DEPTH_MAX} levels deep")]
pub struct TooDeep;

/// Checks the nesting of a text that is known to be JSON.
///
/// # Errors
/// [`TooDeep`] above [`DATA_DEPTH_MAX`] levels.
pub fn check_depth(json: &str) -> Result<(), TooDeep> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            // Nowhere but in a string.
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DATA_DEPTH_MAX {
            return Err(TooDeep);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_the_fields_values_is_no_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Named {
            name: String,
        }
        assert_eq!(object::<Named>(b" {\"name\":\"a\"} ").unwrap().name, "a");
        for bad in ["[\"a\"]", "\"a\"", "", "{}", "{\"name\":\"a\"}x"] {
            assert!(object::<Named>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings_only() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check_depth(&nested(DATA_DEPTH_MAX)), Ok(()));
        assert_eq!(check_depth(&nested(DATA_DEPTH_MAX + 1)), Err(TooDeep));
        assert_eq!(check_depth(&format!("\"{}\\\"{}\"", "[".repeat(200), "{".repeat(200))), Ok(()));
    }

    #[test]
    fn what_stands_side_by_side_does_not_nest_and_a_bracket_in_a_string_closes_nothing() {
        assert_eq!(check_depth(&format!("[{}1]", "[{}],".repeat(DATA_DEPTH_MAX))), Ok(()));
        let closed_in_a_string =
            |levels: usize| format!("{}\"]}}\",[]{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(check_depth(&closed_in_a_string(DATA_DEPTH_MAX)), Ok(()));
        assert_eq!(check_depth(&closed_in_a_string(DATA_DEPTH_MAX + 1)), Err(TooDeep));
    }
}
