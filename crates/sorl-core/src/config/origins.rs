//! The origins of pages that may connect: a foreign page must not act through its visitor's browser.
//!
//! Not a proof of who somebody is, which is the token's: a program that is no browser sends whatever origin it likes.
//! Invariant: what a browser would never send is not in the list, so no entry is there that matches nothing.

/// Pages that may open a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

/// An origin as browsers write it, `https://chat.example.com`, or all below a name, `https://*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    One(String),
    Below {
        /// With its `://`.
        scheme: String,
        /// With its leading dot, and the port if there is one.
        suffix: String,
    },
}

impl Origins {
    /// Reads a list of origins; none if one of them is no origin that a browser could send.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        texts.into_iter().map(Pattern::parse).collect::<Option<_>>().map(Self)
    }

    /// Whether a page of this origin may connect.
    #[must_use]
    pub fn admit(&self, origin: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(origin))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = split_port(rest);
        let is_valid = is_scheme(scheme) && port.is_none_or(|port| is_port(scheme, port));
        let pattern = match host.strip_prefix('*') {
            None => is_host(host).then(|| Self::One(text.to_owned())),
            Some(parent) => {
                let is_domain =
                    parent.strip_prefix('.').is_some_and(|name| is_name(name) && name.contains('.'));
                let suffix = rest.strip_prefix('*')?.to_owned();
                is_domain.then(|| Self::Below { scheme: format!("{scheme}://"), suffix })
            }
        };
        pattern.filter(|_| is_valid)
    }

    fn matches(&self, origin: &str) -> bool {
        match self {
            Self::One(one) => one == origin,
            Self::Below { scheme, suffix } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|rest| rest.strip_suffix(suffix.as_str()))
                .is_some_and(is_name),
        }
    }
}

/// Splits `host:port`; an IPv6 address keeps its colons.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
}

/// A browser leaves out the port that its scheme has anyway.
fn is_port(scheme: &str, text: &str) -> bool {
    let is_usual = matches!((scheme, text), ("http", "80") | ("https", "443"));
    let is_number = text.parse::<u16>().is_ok_and(|port| port > 0 && port.to_string() == text);
    is_number && !is_usual
}

fn is_host(text: &str) -> bool {
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    address.map_or_else(|| is_name(text), |address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// A name in the form that browsers send: lower case, and other alphabets in `xn--`.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        !label.is_empty()
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(list: &[&str], origin: &str) -> bool {
        Origins::parse(list.iter().copied()).unwrap().admit(origin)
    }

    #[test]
    fn an_origin_is_its_scheme_its_host_and_its_port() {
        let list = [
            "https://chat.example.com",
            "http://localhost:5173",
            "capacitor://localhost",
            "http://[::1]",
            "http://[::1]:8080",
            "x-app2://localhost",
        ];
        for good in list {
            assert!(admits(&list, good), "{good}");
        }
        for foreign in [
            "http://chat.example.com",
            "https://chat.example.com:8443",
            "https://chat.example.com.evil.example",
            "https://evil.example",
            "https://example.com",
            "http://localhost",
            "https://chat.example.com/",
            "https://chat.example.com,https://evil.example",
            "null",
            "",
        ] {
            assert!(!admits(&list, foreign), "{foreign:?}");
        }
    }

    #[test]
    fn a_star_is_every_name_below_and_not_the_name_itself() {
        let list = ["https://*.example.com", "http://*.example.org:8080"];
        for good in ["https://a.example.com", "https://a.b.example.com", "http://x-1.example.org:8080"] {
            assert!(admits(&list, good), "{good}");
        }
        for foreign in [
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "https://a.example.com.evil.example",
            "https://evil.example/.example.com",
            "https://evil.example:1.example.com",
            "https://user@a.example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "http://x.example.org",
        ] {
            assert!(!admits(&list, foreign), "{foreign}");
        }
    }

    #[test]
    fn an_empty_list_admits_no_page() {
        assert!(!admits(&[], "https://chat.example.com"));
    }

    #[test]
    fn what_no_browser_sends_is_no_entry() {
        for bad in [
            "",
            "*",
            "null",
            "chat.example.com",
            "https://",
            "https://chat.example.com/",
            "https://chat.example.com/path",
            "https://Chat.example.com",
            "https://smörgås.example",
            "https://user@chat.example.com",
            "https://chat.example.com:443",
            "http://chat.example.com:80",
            "https://chat.example.com:0",
            "https://chat.example.com:x",
            "https://chat.example.com:",
            "https://*",
            "https://*.com",
            "https://a.*.example.com",
            "https://*a.example.com",
            "https://[::x]",
            "file://",
            "1https://a.example",
        ] {
            assert_eq!(Origins::parse([bad]), None, "{bad:?}");
        }
        for good in ["https://xn--smrgs-pra1j.example", "http://[::1]:3000", "http://127.0.0.1:3000"] {
            assert!(Origins::parse([good]).is_some(), "{good}");
        }
    }
}
