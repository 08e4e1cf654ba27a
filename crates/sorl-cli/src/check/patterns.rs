//! What is odd in a token's grants: patterns that match nothing, that another one makes superfluous, rights that are none.

use std::collections::BTreeMap;

use sorl_core::grants::Right;
use sorl_core::limits::GRANTS_LEN_MAX;
use sorl_core::names::ChannelName;

use super::remark::{Level, Remark};

type Claim = BTreeMap<String, Vec<String>>;

/// All that is odd.
pub(super) fn of(grants: &str) -> Vec<Remark> {
    let remark = |level, what: String| Remark::new(level, "grants", what);
    let claim: Claim = match serde_json::from_str(grants) {
        Ok(claim) => claim,
        Err(fault) => {
            let what = format!("no object of patterns and lists of rights, so the token is refused: {fault}");
            return vec![remark(Level::Fault, what)];
        }
    };
    let mut remarks = Vec::new();
    if grants.len() > GRANTS_LEN_MAX {
        let what =
            format!("{} bytes, and a claim is at most {GRANTS_LEN_MAX}: the token is refused", grants.len());
        remarks.push(remark(Level::Fault, what));
    }
    if claim.is_empty() {
        remarks.push(remark(
            Level::Note,
            "an empty claim grants nothing; leave it out for the default grants".to_owned(),
        ));
    }
    for (pattern, rights) in &claim {
        remarks.extend(of_pattern(&claim, pattern, rights).map(|what| remark(Level::Warning, what)));
    }
    remarks
}

fn of_pattern(claim: &Claim, pattern: &str, rights: &[String]) -> impl Iterator<Item = String> {
    let matches_nothing = (!can_match(pattern))
        .then(|| format!("{pattern:?} matches nothing: write a channel, a prefix ending in *, or *"));
    let unknown: Vec<_> = rights.iter().filter(|right| !is_right(right)).cloned().collect();
    let unknown = (!unknown.is_empty())
        .then(|| format!("{pattern:?}: {} is no right, and grants nothing", unknown.join(", ")));
    let wider = claim.iter().find(|(other, theirs)| covers(other, pattern) && includes(theirs, rights));
    let shadowed = wider.map(|(other, _)| format!("{pattern:?} adds nothing to {other:?}"));
    let owned = (pattern.starts_with('@')
        && rights.iter().any(|right| right == "subscribe" || right == "history"))
    .then(|| format!("{pattern:?}: nobody but the owner may subscribe to a personal channel or read it"));
    [matches_nothing, unknown, shadowed, owned].into_iter().flatten()
}

fn can_match(pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => ChannelName::parse(&format!("{prefix}x")).is_ok(),
        None => ChannelName::parse(pattern).is_ok(),
    }
}

fn is_right(name: &str) -> bool {
    name == "*" || Right::ALL.iter().any(|right| right.as_str() == name)
}

/// Whether another pattern matches all that this one does.
fn covers(other: &str, pattern: &str) -> bool {
    let Some(prefix) = other.strip_suffix('*') else { return false };
    other != pattern && pattern.trim_end_matches('*').starts_with(prefix)
}

fn includes(theirs: &[String], rights: &[String]) -> bool {
    theirs.iter().any(|right| right == "*") || rights.iter().all(|right| theirs.contains(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(grants: &str, words: &str) -> bool {
        of(grants).iter().any(|remark| remark.what.contains(words))
    }

    #[test]
    fn good_grants_are_not_odd() {
        assert_eq!(of(r#"{"room:*":["subscribe","publish"],"news":["*"]}"#), []);
    }

    #[test]
    fn patterns_without_effect_are_named() {
        assert!(says(r#"{"ro*m":["publish"]}"#, "matches nothing"));
        assert!(says(r#"{"room:1":["admin"]}"#, "no right"));
        assert!(says(r#"{"room:*":["*"],"room:1":["publish"]}"#, "adds nothing"));
        assert!(!says(r#"{"room:*":["subscribe"],"room:1":["publish"]}"#, "adds nothing"));
        assert!(says(r#"{"@bob":["history"]}"#, "owner"));
        assert!(says("{}", "grants nothing"));
    }

    #[test]
    fn what_a_token_is_refused_for_is_a_fault() {
        assert_eq!(of("[1]").first().map(|remark| remark.level), Some(Level::Fault));
        let long = format!(r#"{{"{}":["*"]}}"#, "x".repeat(GRANTS_LEN_MAX));
        assert!(says(&long, "refused"));
    }
}
