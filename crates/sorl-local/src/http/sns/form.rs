//! The form of AWS's query protocol: flat names with dots and numbers, such as `A.member.1.B`.
//!
//! Not SNS's meaning of the names. Invariant: lists come in the order of their numbers, and there are at most
//! [`FIELDS_MAX`] fields.

use std::collections::BTreeMap;

/// Ten entries with a hundred attributes each would have 4,030.
const FIELDS_MAX: usize = 4_096;

/// The fields of a request, or of one item of a list in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form; none if it has too many fields.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.insert(name.into_owned(), value.into_owned());
            if fields.len() > FIELDS_MAX {
                return None;
            }
        }
        Some(Self(fields))
    }

    /// A field, if it is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The items under `{prefix}.{number}.`, in the order of their numbers.
    pub(super) fn list(&self, prefix: &str) -> Vec<Self> {
        let mut items = BTreeMap::<u32, Self>::new();
        for (name, value) in &self.0 {
            let item = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
            let Some((number, field)) = item.and_then(|rest| rest.split_once('.')) else { continue };
            let Ok(number) = number.parse() else { continue };
            items.entry(number).or_default().0.insert(field.to_owned(), value.clone());
        }
        items.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let form =
            Form::parse(b"L.member.10.A=ten&L.member.2.A=two&L.member.2.B.C=x&L.member.x.A=no&LL=1").unwrap();
        let items = form.list("L.member");
        let texts: Vec<_> = items.iter().map(|item| item.text("A")).collect();
        assert_eq!(texts, [Some("two"), Some("ten")]);
        assert_eq!(items[0].text("B.C"), Some("x"));
    }

    #[test]
    fn rubbish_is_a_form_without_fields_that_matter() {
        for body in [&b""[..], b"%", b"&&&=&", b"\xff\xfe", b"{\"a\":1}"] {
            assert_eq!(Form::parse(body).unwrap().text("Action"), None);
        }
        assert_eq!(Form::parse("a1=&".repeat(3).as_bytes()).unwrap().text("a1"), None);
        let many: String = (0..5_000).map(|n| format!("a{n}=1&")).collect();
        assert_eq!(Form::parse(many.as_bytes()), None);
    }
}
