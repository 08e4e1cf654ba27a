//! Why a record can never succeed: a class for the metric's label, and words for an operator.
//!
//! Words may name what SNS or the operator wrote (a topic, a size), never what a publisher wrote: they are logged.

/// The few kinds of faults. Their names stand in the metric `dead_letters` and in log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoisonClass {
    /// Larger than a message, or a frame, may be.
    TooLarge,
    /// Not SNS's envelope.
    NotANotification,
    /// From a topic that is none of the stage's.
    ForeignTopic,
    /// An external message that breaks the publishers' contract.
    NotAMessage,
    /// Not an order that an operator may give.
    Control,
    /// Not what Sorl itself writes to `relay`.
    Relay,
    /// Not what Sorl itself writes to `bulk`.
    NotASlice,
}

impl PoisonClass {
    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotANotification => "not_a_notification",
            Self::ForeignTopic => "foreign_topic",
            Self::NotAMessage => "not_a_message",
            Self::Control => "control",
            Self::Relay => "relay",
            Self::NotASlice => "not_a_slice",
        }
    }
}

/// Why a record can never succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Poison {
    /// What kind of fault it is.
    pub class: PoisonClass,
    /// The reason of the record's dead letter.
    pub reason: String,
}

impl Poison {
    /// A reason.
    pub fn new(class: PoisonClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into() }
    }

    /// A text is not `what` it should be. Reasons are logged, so what stands in the text is cut from the
    /// parser's words: only what was expected, and where, is said.
    #[must_use]
    pub fn unreadable(class: PoisonClass, what: &str, fault: &serde_json::Error) -> Self {
        let words = fault.to_string();
        let quotes = words.starts_with("invalid ") || words.starts_with("unknown ");
        let told = match words.rfind(", expected ") {
            Some(at) if quotes => words.get(at + 2..).unwrap_or_default(),
            None if quotes => "a value that does not belong there",
            _ => &words,
        };
        Self::new(class, format!("{what}: {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_what_was_expected_and_never_what_was_there() {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its reading matters")]
        struct Wire {
            ephemeral: bool,
        }
        let reason = |text| match serde_json::from_str::<Wire>(text) {
            Ok(_) => panic!("{text} was read"),
            Err(fault) => Poison::unreadable(PoisonClass::NotAMessage, "not it", &fault).reason,
        };
        let told = reason(r#"{"ephemeral":"a secret, expected or not"}"#);
        assert_eq!(told, "not it: expected a boolean at line 1 column 40");
        assert!(reason("{}").starts_with("not it: missing field `ephemeral`"));
        assert!(!reason(r#"{"ephemeral": secret}"#).contains("secret"));
    }

    #[test]
    fn a_reason_that_quotes_nothing_is_told_whole_and_one_that_does_without_what_it_quotes() {
        use serde::de::Error;
        let told = |words: &str| {
            Poison::unreadable(PoisonClass::Control, "not it", &serde_json::Error::custom(words)).reason
        };
        assert_eq!(told("odd, expected even"), "not it: odd, expected even");
        for quoting in ["invalid secret", "unknown secret"] {
            assert_eq!(told(quoting), "not it: a value that does not belong there");
            assert_eq!(told(&format!("{quoting}, expected a number")), "not it: expected a number");
        }
    }

    #[test]
    fn a_class_is_told_by_a_name_that_stays() {
        use PoisonClass::{Control, ForeignTopic, NotAMessage, NotANotification, NotASlice, Relay, TooLarge};
        for (class, name) in [
            (TooLarge, "too_large"),
            (NotANotification, "not_a_notification"),
            (ForeignTopic, "foreign_topic"),
            (NotAMessage, "not_a_message"),
            (Control, "control"),
            (Relay, "relay"),
            (NotASlice, "not_a_slice"),
        ] {
            assert_eq!(class.as_str(), name);
        }
    }
}
