//! Reading `sorl.toml`: all faults at once, each with its line, and unknown keys are faults.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Algorithm, Auth, Config, Namespace, PublishRate, quantity};
use crate::grants::{Right, Rights};
use crate::limits::{MESSAGE_LEN_MAX, SHARDS_MAX};
use crate::region::Region;

/// What is wrong in `sorl.toml`, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Everything that is wrong in `sorl.toml`, by line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            self.0.iter().map(|fault| format!("line {}: {}", fault.line, fault.message)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// What `sorl dev` runs with when there is no file.
const DEFAULT_FILE: &str = include_str!("../../../../sorl.toml");

impl Default for Config {
    fn default() -> Self {
        // The repository's own file; a test reads it.
        Self::parse(DEFAULT_FILE).unwrap_or_else(|_tested| Reader::new("").config(&DeTable::default()))
    }
}

impl Config {
    /// Reads the text of `sorl.toml`.
    ///
    /// # Errors
    /// [`ConfigFaults`] names everything that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(text);
        let (table, syntax) = DeTable::parse_recoverable(text);
        for fault in syntax {
            reader.fault(fault.span().unwrap_or_default(), fault.message());
        }
        let config = reader.config(table.get_ref());
        reader.finish(config)
    }
}

type Entry<'a, 'i> = (&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

struct Reader<'t> {
    text: &'t str,
    faults: Vec<ConfigFault>,
}

impl<'t> Reader<'t> {
    const fn new(text: &'t str) -> Self {
        Self { text, faults: Vec::new() }
    }

    fn finish(mut self, config: Config) -> Result<Config, ConfigFaults> {
        self.faults.sort_by_key(|fault| fault.line);
        if self.faults.is_empty() { Ok(config) } else { Err(ConfigFaults(self.faults)) }
    }

    fn fault(&mut self, span: Range<usize>, message: impl Into<String>) {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.faults.push(ConfigFault { line, message: message.into() });
    }

    fn config(&mut self, table: &DeTable<'_>) -> Config {
        let mut config = defaults();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "stage" => self.set(value, "a name of letters, digits and -", stage, &mut config.stage),
                "regions" => {
                    self.set(value, "a list of AWS regions, each once", regions, &mut config.regions);
                }
                "publishers" => {
                    self.set(value, "a list of 12-digit account ids", accounts, &mut config.publishers);
                }
                "auth" => self.auth((key, value), &mut config.auth),
                "limits" => self.limits((key, value), &mut config.message_len_max),
                "namespaces" => self.namespaces((key, value), &mut config.namespaces),
                other => self.unknown(key, other, "stage, regions, publishers, auth, limits, namespaces"),
            }
        }
        if let Some(fallback) = config.namespaces.get("default") {
            config.fallback = Arc::clone(fallback);
        }
        config
    }

    fn auth(&mut self, section: Entry<'_, '_>, auth: &mut Auth) {
        let Some(table) = self.table(section) else { return };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "algorithm" => {
                    self.set(value, "one of HS256, RS256, ES256, EdDSA", algorithm, &mut auth.algorithm);
                }
                "jwks" => self.set(value, "an https URL (http on loopback)", jwks_url, &mut auth.jwks),
                "secret" => self.set(value, "a text of at least 32 bytes", secret, &mut auth.secret),
                "issuer" => self.set(value, "a text", some_text, &mut auth.issuer),
                "audience" => self.set(value, "a text", some_text, &mut auth.audience),
                other => self.unknown(key, other, "algorithm, jwks, secret, issuer, audience"),
            }
        }
        let symmetric = auth.algorithm == Algorithm::Hs256;
        if symmetric && auth.jwks.is_some() {
            self.fault(section.0.span(), "auth: HS256 has a shared secret, not a jwks");
        }
        if !symmetric && (auth.jwks.is_none() || auth.secret.is_some()) {
            self.fault(section.0.span(), "auth: RS256, ES256 and EdDSA need jwks, and no secret");
        }
    }

    fn limits(&mut self, section: Entry<'_, '_>, message_len_max: &mut usize) {
        let Some(table) = self.table(section) else { return };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "message" => self.set(value, "a size up to 96KB, such as \"16KB\"", size, message_len_max),
                other => self.unknown(key, other, "message"),
            }
        }
    }

    fn namespaces(&mut self, section: Entry<'_, '_>, namespaces: &mut BTreeMap<String, Arc<Namespace>>) {
        let Some(table) = self.table(section) else { return };
        for (name, value) in table {
            if !is_namespace(name.get_ref()) {
                self.fault(name.span(), "a namespace is the part of a channel's name before the first ':'");
            }
            let namespace = self.namespace((name, value));
            namespaces.insert(name.get_ref().to_string(), Arc::new(namespace));
        }
    }

    fn namespace(&mut self, section: Entry<'_, '_>) -> Namespace {
        let mut namespace = Namespace::default_for(section.0.get_ref());
        let Some(table) = self.table(section) else { return namespace };
        let mut shards_read = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "history" => {
                    self.set(value, "a time such as \"24h\", or \"0\"", history, &mut namespace.history)
                }
                "presence" => self.set(value, "true or false", boolean, &mut namespace.presence),
                "join_leave" => self.set(value, "true or false", boolean, &mut namespace.join_leave),
                "shards" => self.set(value, "an integer from 1 to 64", shards, &mut namespace.shards),
                "shards_read" => self.set(value, "an integer from 1 to 64", some_shards, &mut shards_read),
                "rate" => self.set(value, "such as \"20/s\", \"100/m\"", rate, &mut namespace.rate),
                "grants" => self.set(value, GRANTS_EXPECTED, grants, &mut namespace.grants),
                other => self.unknown(
                    key,
                    other,
                    "history, presence, join_leave, shards, shards_read, rate, grants",
                ),
            }
        }
        namespace.shards_read = shards_read.unwrap_or(namespace.shards);
        if namespace.shards_read < namespace.shards {
            self.fault(section.0.span(), "shards_read is at least shards, or members would be overlooked");
        }
        namespace
    }

    fn table<'a, 'i>(&mut self, (key, value): Entry<'a, 'i>) -> Option<&'a DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.fault(value.span(), format!("{} is a section, as in [{0}]", key.get_ref()));
        }
        table
    }

    fn set<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
        target: &mut T,
    ) {
        match read(value.get_ref()) {
            Some(value) => *target = value,
            None => self.fault(value.span(), format!("expected {expected}")),
        }
    }

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, name: &str, known: &str) {
        self.fault(key.span(), format!("unknown key {name}; known are {known}"));
    }
}

const GRANTS_EXPECTED: &str = "a list of subscribe, publish, history, presence, or [\"*\"]";

fn defaults() -> Config {
    let fallback = Arc::new(Namespace::default_for("default"));
    let personal = Arc::new(Namespace::default_for("@"));
    let namespaces = [("default".to_owned(), Arc::clone(&fallback)), ("@".to_owned(), personal)];
    Config {
        stage: "dev".to_owned(),
        regions: ["us-east-1", "eu-north-1", "ap-southeast-2"]
            .into_iter()
            .filter_map(|name| Region::parse(name).ok())
            .collect(),
        auth: Auth { algorithm: Algorithm::Hs256, jwks: None, secret: None, issuer: None, audience: None },
        publishers: Vec::new(),
        message_len_max: MESSAGE_LEN_MAX,
        namespaces: BTreeMap::from(namespaces),
        fallback,
    }
}

fn strings<'a>(value: &'a DeValue<'_>) -> Option<Vec<&'a str>> {
    value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
}

fn stage(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str()?;
    let valid =
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| text.to_owned())
}

fn regions(value: &DeValue<'_>) -> Option<Vec<Region>> {
    let regions: Option<Vec<_>> = strings(value)?.into_iter().map(|name| Region::parse(name).ok()).collect();
    regions.filter(|regions| {
        let distinct: std::collections::BTreeSet<_> = regions.iter().collect();
        !regions.is_empty() && distinct.len() == regions.len()
    })
}

fn accounts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    strings(value)?.into_iter().map(|text| is_account(text).then(|| text.to_owned())).collect()
}

fn algorithm(value: &DeValue<'_>) -> Option<Algorithm> {
    match value.as_str()? {
        "HS256" => Some(Algorithm::Hs256),
        "RS256" => Some(Algorithm::Rs256),
        "ES256" => Some(Algorithm::Es256),
        "EdDSA" => Some(Algorithm::EdDsa),
        _ => None,
    }
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
fn jwks_url(value: &DeValue<'_>) -> Option<Option<String>> {
    let url = value.as_str()?;
    let allowed = ["https://", "http://127.0.0.1", "http://localhost", "http://[::1]"];
    allowed.iter().any(|prefix| url.starts_with(prefix)).then(|| Some(url.to_owned()))
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
fn secret(value: &DeValue<'_>) -> Option<Option<String>> {
    value.as_str().filter(|text| text.len() >= 32).map(|text| Some(text.to_owned()))
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
fn some_text(value: &DeValue<'_>) -> Option<Option<String>> {
    value.as_str().map(|text| Some(text.to_owned()))
}

fn size(value: &DeValue<'_>) -> Option<usize> {
    quantity::bytes(value.as_str()?).filter(|bytes| (1..=MESSAGE_LEN_MAX).contains(bytes))
}

fn history(value: &DeValue<'_>) -> Option<std::time::Duration> {
    quantity::duration(value.as_str()?)
}

fn boolean(value: &DeValue<'_>) -> Option<bool> {
    value.as_bool()
}

fn shards(value: &DeValue<'_>) -> Option<u16> {
    let integer = value.as_integer()?;
    let shards = u16::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (1..=SHARDS_MAX).contains(&shards).then_some(shards)
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
fn some_shards(value: &DeValue<'_>) -> Option<Option<u16>> {
    shards(value).map(Some)
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
fn rate(value: &DeValue<'_>) -> Option<Option<PublishRate>> {
    let (count, window) = quantity::rate(value.as_str()?)?;
    Some(Some(PublishRate { count, window }))
}

fn grants(value: &DeValue<'_>) -> Option<Rights> {
    let names = strings(value)?;
    let known = |name: &&str| *name == "*" || Right::ALL.iter().any(|right| right.as_str() == *name);
    names.iter().all(known).then(|| Rights::from_names(names))
}

fn is_namespace(name: &str) -> bool {
    name == "@"
        || crate::names::ChannelName::parse(&format!("{name}:"))
            .is_ok_and(|channel| !channel.is_personal() && channel.namespace() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_syntax_fault_is_named_with_its_line() {
        assert_eq!(faults("stage = \"dev\"\nregions = [\n").first().map(|fault| fault.0), Some(2));
    }

    #[test]
    fn an_algorithm_has_the_keys_it_needs() {
        assert!(Config::parse("[auth]\nalgorithm = \"RS256\"\n").is_err());
        assert!(
            Config::parse("[auth]\nalgorithm = \"RS256\"\njwks = \"http://evil.example/jwks\"\n").is_err()
        );
        assert!(Config::parse("[auth]\nalgorithm = \"EdDSA\"\njwks = \"https://id.example/jwks\"\n").is_ok());
        assert!(Config::parse("[auth]\nsecret = \"short\"\n").is_err());
    }
}
