//! Grants: which rights a token gives on which channels, and what nobody but the owner may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{ChannelName, UserName};

/// A right on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To be a member, and to recover what was missed.
    Subscribe,
    /// To send.
    Publish,
    /// To read the past.
    History,
    /// To list the members.
    Presence,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Subscribe, Self::Publish, Self::History, Self::Presence];

    /// The right as it stands in tokens and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::History => "history",
            Self::Presence => "presence",
        }
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Every right.
    pub const ALL: Self = Self(0b1111);

    /// Whether `right` is in the set.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }

    /// The set with `right` in it.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | 1 << right as u8)
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads the names of rights; `*` is every right, and a name that is no right grants nothing.
    #[must_use]
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(Self::NONE, |rights, name| match name {
            "*" => Self::ALL,
            name => match Right::ALL.into_iter().find(|right| right.as_str() == name) {
                Some(right) => rights.with(right),
                None => rights,
            },
        })
    }
}

/// A token's claim `sorl`: patterns of channels and the rights on them. What is not granted is denied.
///
/// A pattern is a channel, a prefix ending in `*`, or `*`. A pattern of any other form matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeMap<String, Vec<String>>);

impl Grants {
    /// The rights that the claim gives on `channel`.
    #[must_use]
    pub fn on(&self, channel: &ChannelName) -> Rights {
        self.0
            .iter()
            .filter(|(pattern, _)| matches(pattern, channel.as_str()))
            .map(|(_, rights)| Rights::from_names(rights.iter().map(String::as_str)))
            .fold(Rights::NONE, Rights::union)
    }
}

fn matches(pattern: &str, channel: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => channel.starts_with(prefix),
        None => pattern == channel,
    }
}

/// What `user` may do on `channel`: by the claim if there is one, else by the namespace's defaults.
///
/// A personal channel is its owner's alone, whatever is granted: others may publish to it and ask for its
/// presence where granted, but never subscribe to it or read it; the owner always may do these two.
#[must_use]
pub fn rights(user: &UserName, claim: Option<&Grants>, defaults: Rights, channel: &ChannelName) -> Rights {
    let granted = claim.map_or(defaults, |grants| grants.on(channel));
    if !channel.is_personal() {
        return granted;
    }
    if channel.is_personal_of(user) {
        return granted.with(Right::Subscribe).with(Right::History);
    }
    [Right::Publish, Right::Presence]
        .into_iter()
        .filter(|right| granted.has(*right))
        .fold(Rights::NONE, Rights::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(json: &str) -> Grants {
        serde_json::from_str(json).unwrap()
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    #[test]
    fn patterns_are_a_channel_a_prefix_or_everything() {
        let grants = grants(r#"{"room:*":["publish"],"news":["subscribe"],"ro*m":["history"]}"#);
        assert!(grants.on(&channel("room:1")).has(Right::Publish));
        assert!(!grants.on(&channel("room")).has(Right::Publish));
        assert!(grants.on(&channel("news")).has(Right::Subscribe));
        assert!(!grants.on(&channel("news:1")).has(Right::Subscribe));
        assert_eq!(grants.on(&channel("roam")), Rights::NONE);
    }

    #[test]
    fn a_star_in_the_list_is_every_right_and_unknown_rights_are_none() {
        assert_eq!(grants(r#"{"*":["*"]}"#).on(&channel("x")), Rights::ALL);
        assert_eq!(grants(r#"{"*":["admin"]}"#).on(&channel("x")), Rights::NONE);
    }

    #[test]
    fn an_empty_claim_grants_nothing_and_no_claim_the_defaults() {
        let (alice, room) = (user("alice"), channel("room:1"));
        assert_eq!(rights(&alice, Some(&Grants::default()), Rights::ALL, &room), Rights::NONE);
        assert_eq!(rights(&alice, None, Rights::ALL, &room), Rights::ALL);
    }

    #[test]
    fn a_personal_channel_is_its_owners_alone_whatever_is_granted() {
        let everything = grants(r#"{"*":["*"],"@bob":["*"]}"#);
        let others = rights(&user("alice"), Some(&everything), Rights::ALL, &channel("@bob"));
        assert!(!others.has(Right::Subscribe) && !others.has(Right::History));
        assert!(others.has(Right::Publish));
        let own = rights(&user("bob"), Some(&Grants::default()), Rights::NONE, &channel("@bob"));
        assert!(own.has(Right::Subscribe) && own.has(Right::History) && !own.has(Right::Publish));
        let none = rights(&user("alice"), Some(&Grants::default()), Rights::ALL, &channel("@bob"));
        assert_eq!(none, Rights::NONE);
    }

    #[test]
    fn a_right_that_is_named_twice_is_granted() {
        let twice = grants(r#"{"news":["publish","history","publish"]}"#).on(&channel("news"));
        assert!(twice.has(Right::Publish) && twice.has(Right::History) && !twice.has(Right::Subscribe));
    }
}
