//! `sorl.toml`: what is accepted is consistent, what is refused is told by line, and a secret is told nowhere.

use sorl_core::config::{Algorithm, Config, ConfigFaults};
use sorl_core::limits::{MESSAGE_LEN_MAX, SHARDS_MAX};

/// What no fault may quote, wherever it stands in the file.
const SECRET: &str = "S3cr3t";

/// Holds for every file.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = Config::parse(text);
    assert_eq!(read, Config::parse(text), "the same file is read the same");
    match read {
        Ok(config) => {
            consistent(&config);
            let commented = Config::parse(&format!("# a comment\n{text}\n# another\n"));
            assert_eq!(commented.as_ref(), Ok(&config), "comments change nothing");
        }
        Err(faults) => told(text, &faults),
    }
}

fn consistent(config: &Config) {
    let regions: std::collections::BTreeSet<_> = config.regions.iter().collect();
    assert!(!regions.is_empty() && regions.len() == config.regions.len(), "regions, each once");
    assert!((1..=MESSAGE_LEN_MAX).contains(&config.message_len_max));
    assert!(config.delivery.bulk_share > 0.0 && config.delivery.bulk_share <= 1.0);
    assert!(config.delivery.bulk_rate() <= f64::from(config.delivery.post_rate));
    let auth = &config.auth;
    assert_eq!(auth.jwks.is_some(), auth.algorithm != Algorithm::Hs256, "keys that fit the algorithm");
    assert!(auth.secret.as_ref().is_none_or(|secret| secret.len() >= 32 && auth.jwks.is_none()));
    assert!(!auth.admits("null") || auth.origins.is_none(), "no list lets in a page without an origin");
    let mut names = Vec::new();
    for namespace in config.namespaces() {
        assert!((1..=SHARDS_MAX).contains(&namespace.shards) && namespace.shards <= namespace.shards_read);
        assert!(!namespace.name.contains(['#', '*', ' ', '\0']), "{:?}", namespace.name);
        names.push(namespace.name.as_str());
    }
    assert!(names.contains(&"default") && names.contains(&"@"), "{names:?}");
}

fn told(text: &str, ConfigFaults(faults): &ConfigFaults) {
    assert!(!faults.is_empty(), "a refusal has a reason");
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    for fault in faults {
        assert!((1..=lines).contains(&fault.line), "{fault:?} of {lines} lines");
        assert!(!fault.message.is_empty());
        // A plain word that stands where a key stands is told.
        let is_word =
            |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let secret = fault.message.split([' ', ';', '[', ']']).find(|part| part.contains(SECRET));
        assert!(secret.is_none_or(|part| is_word(part) && part.len() <= 40), "{fault:?}");
    }
    assert!(faults.is_sorted_by_key(|fault| fault.line), "by line");
}
