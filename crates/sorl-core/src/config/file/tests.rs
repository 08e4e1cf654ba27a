//! What `sorl.toml` may say, and what a fault in it tells: its line and what to write, never a secret.

use super::*;
use crate::grants::Rights;
use crate::names::ChannelName;

fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = Config::parse(text).unwrap_err().0;
    faults.into_iter().map(|fault| (fault.line, fault.message)).collect()
}

#[test]
fn the_repositorys_own_file_is_valid() {
    let config = Config::parse(DEFAULT_FILE).unwrap();
    let room = config.namespace(&ChannelName::parse("room:1").unwrap());
    assert_eq!((room.grants, room.join_leave), (Rights::ALL, true));
    let other = config.namespace(&ChannelName::parse("news").unwrap());
    assert_eq!((other.name.as_str(), other.grants, other.join_leave), ("default", Rights::NONE, false));
    let personal = config.namespace(&ChannelName::parse("@alice").unwrap());
    assert_eq!(personal.name, "@");
}

#[test]
fn every_fault_is_named_at_once_by_line() {
    let text = "stage = 5\nregion = \"x\"\n\n[namespaces.room]\nhistory = \"soon\"\nshards = 4\nshards_read = 2\ncolour = 1\n[auth]\nalgorithm = \"none\"\n";
    let lines: Vec<_> = faults(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 2, 4, 5, 8, 10]);
}

#[test]
fn what_bounds_delivery_is_read_and_checked() {
    let config = Config::parse("[limits]\nposts = \"2500/s\"\nbulk_share = 0.8\ninline = 100\n").unwrap();
    assert_eq!(config.delivery, Delivery { post_rate: 2_500, bulk_share: 0.8, inline_max: 100 });
    assert!((config.delivery.bulk_rate() - 2_000.0).abs() < 1e-9);
    let wrong = "[limits]\nposts = \"100/m\"\nbulk_share = 0\ninline = 0\n[limits.more]\n";
    assert_eq!(faults(wrong).len(), 4);
    for share in ["1.1", "-0.5", "nan", "\"half\"", "1e999"] {
        assert!(Config::parse(&format!("[limits]\nbulk_share = {share}\n")).is_err(), "{share}");
    }
    assert!(Config::parse("[limits]\nbulk_share = 1\n").is_ok());
}

#[test]
fn what_bounds_a_client_is_read_and_checked() {
    let bounds = |text: &str| Config::parse(&format!("[limits]\n{text}\n")).map(|config| config.bounds);
    let set = |channels, connections| Ok(Bounds { channels, connections });
    assert_eq!(bounds(""), set(Some(1_000), None));
    assert_eq!(bounds("channels = 1\nconnections = 10000"), set(Some(1), Some(10_000)));
    assert_eq!(bounds("channels = \"none\"\nconnections = \"none\""), set(None, None));
    for wrong in ["0", "10001", "-1", "1.5", "\"many\"", "true", "99999999999999999999"] {
        assert_eq!(
            faults(&format!("[limits]\nchannels = {wrong}\nconnections = {wrong}\n")).len(),
            2,
            "{wrong}"
        );
    }
}

#[test]
fn a_syntax_fault_is_named_with_its_line() {
    assert_eq!(faults("stage = \"dev\"\nregions = [\n").first().map(|fault| fault.0), Some(2));
}

#[test]
fn a_quote_that_was_never_closed_tells_no_secret() {
    let text = "\"\"\"\n[auth]\nsecret = \"correct horse battery staple, and more\"\n";
    for text in [text.to_owned(), format!("[auth]\n{text}"), format!("[namespaces.x]\n\"{text}")] {
        let told = Config::parse(&text).unwrap_err().to_string();
        assert!(!told.contains("horse"), "{told}");
    }
}

#[test]
fn an_algorithm_has_the_keys_it_needs() {
    assert!(Config::parse("[auth]\nalgorithm = \"RS256\"\n").is_err());
    let jwks = |url| Config::parse(&format!("[auth]\nalgorithm = \"EdDSA\"\njwks = \"{url}\"\n"));
    for good in
        ["https://id.example/jwks", "http://localhost:8080/jwks", "http://127.0.0.1/", "http://[::1]:1"]
    {
        assert!(jwks(good).is_ok(), "{good}");
    }
    for bad in [
        "http://id.example/jwks",
        "http://localhost.example.com/jwks",
        "http://127.0.0.1.example.com/jwks",
        "http://localhost:80@id.example/jwks",
        "file:///etc/passwd",
        "jwks.json",
    ] {
        assert!(jwks(bad).is_err(), "{bad}");
    }
    assert!(Config::parse("[auth]\nsecret = \"short\"\n").is_err());
    let (one, two) = ("1".repeat(32), "2".repeat(32));
    let both = Config::parse(&format!("[auth]\nsecret = \"{one}\"\nsecond_secret = \"{two}\"\n")).unwrap();
    assert_eq!((both.auth.secret, both.auth.second_secret), (Some(one), Some(two.clone())));
    assert!(Config::parse(&format!("[auth]\nsecond_secret = \"{two}\"\n")).is_err());
}

#[test]
fn pages_are_let_in_by_their_origin() {
    let auth = |origins: &str| Config::parse(&format!("[auth]\norigins = {origins}\n")).unwrap().auth;
    let listed = auth("[\"https://chat.example.com\"]");
    assert!(listed.admits("https://chat.example.com") && !listed.admits("https://evil.example"));
    assert!(!auth("[]").admits("null") && Config::default().auth.admits("https://anywhere.example"));
    for wrong in ["[\"*\"]", "\"https://a.example\"", "[1]", "[\"https://a.example/\"]"] {
        assert_eq!(faults(&format!("[auth]\norigins = {wrong}\n")).len(), 1, "{wrong}");
    }
}

#[test]
fn a_key_is_told_if_it_looks_like_one() {
    let told = |key: &str| faults(&format!("{key} = 1\n"))[0].1.clone();
    for key in ["colour", "max-size_2", &"k".repeat(40)] {
        assert!(told(key).starts_with(&format!("unknown key {key}; ")), "{key}");
    }
    for key in [&"k".repeat(41), "\"\"", "\"two words\""] {
        assert!(told(key).starts_with("unknown key in quotes; "), "{key}");
    }
}
