//! Reading `sorl.toml`: all faults at once, each with its line, and unknown keys are faults.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values::{
    accounts, algorithm, boolean, bound, grants, history, inline, is_namespace, jwks_url, origins, post_rate,
    publish_rate, regions, secret, shards, share, size, some_shards, some_text, stage,
};
use super::{Algorithm, Auth, Bounds, Config, Delivery, Namespace};
use crate::limits::MESSAGE_LEN_MAX;
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
                "limits" => self.limits((key, value), &mut config),
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
                "secret" => self.set(value, SECRET_EXPECTED, secret, &mut auth.secret),
                "second_secret" => self.set(value, SECRET_EXPECTED, secret, &mut auth.second_secret),
                "issuer" => self.set(value, "a text", some_text, &mut auth.issuer),
                "audience" => self.set(value, "a text", some_text, &mut auth.audience),
                "origins" => self.set(value, ORIGINS_EXPECTED, origins, &mut auth.origins),
                other => self.unknown(key, other, AUTH_KEYS),
            }
        }
        let symmetric = auth.algorithm == Algorithm::Hs256;
        if symmetric && auth.jwks.is_some() {
            self.fault(section.0.span(), "auth: HS256 has a shared secret, not a jwks");
        }
        if auth.second_secret.is_some() && auth.secret.is_none() {
            self.fault(
                section.0.span(),
                "auth: second_secret stands beside a secret, by which tokens are signed",
            );
        }
        if !symmetric && (auth.jwks.is_none() || auth.secret.is_some()) {
            self.fault(section.0.span(), "auth: RS256, ES256 and EdDSA need jwks, and no secret");
        }
    }

    fn limits(&mut self, section: Entry<'_, '_>, config: &mut Config) {
        let Some(table) = self.table(section) else { return };
        let Config { message_len_max, delivery, bounds, .. } = config;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "message" => self.set(value, "a size up to 96KB, such as \"16KB\"", size, message_len_max),
                "posts" => self.set(value, "such as \"10000/s\"", post_rate, &mut delivery.post_rate),
                "bulk_share" => {
                    self.set(
                        value,
                        "a share above 0 and up to 1, such as 0.5",
                        share,
                        &mut delivery.bulk_share,
                    );
                }
                "inline" => {
                    self.set(value, "an integer from 1 to 20000", inline, &mut delivery.inline_max);
                }
                "channels" => self.set(value, BOUND_EXPECTED, bound, &mut bounds.channels),
                "connections" => self.set(value, BOUND_EXPECTED, bound, &mut bounds.connections),
                other => {
                    self.unknown(key, other, "message, posts, bulk_share, inline, channels, connections");
                }
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
                "rate" => self.set(value, "such as \"20/s\", \"100/m\"", publish_rate, &mut namespace.rate),
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
            self.fault(value.span(), format!("{} is a section, as in [{0}]", shown(key.get_ref())));
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
        self.fault(key.span(), format!("unknown key {}; known are {known}", shown(name)));
    }
}

const AUTH_KEYS: &str = "algorithm, jwks, secret, second_secret, issuer, audience, origins";

const SECRET_EXPECTED: &str = "a text of at least 32 bytes";

const BOUND_EXPECTED: &str = "an integer from 1 to 10000, or \"none\"";
/// A key as a fault tells it. Faults are logged, and a quote that was never closed makes a key of what follows,
/// perhaps of a secret.
fn shown(key: &str) -> &str {
    let is_bare = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_bare && (1..=KEY_SHOWN_MAX).contains(&key.len()) { key } else { "in quotes" }
}

/// Characters of a key that is told; the longest known has 11.
const KEY_SHOWN_MAX: usize = 40;

const GRANTS_EXPECTED: &str = "a list of subscribe, publish, history, presence, or [\"*\"]";

const ORIGINS_EXPECTED: &str = "a list of origins as browsers send them, such as \"https://chat.example.com\", \"https://*.example.com\" or \"http://localhost:5173\": lower case, no path, no usual port";

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
        auth: Auth::of(Algorithm::Hs256),
        publishers: Vec::new(),
        message_len_max: MESSAGE_LEN_MAX,
        delivery: Delivery::default(),
        bounds: Bounds::default(),
        namespaces: BTreeMap::from(namespaces),
        fallback,
    }
}

#[cfg(test)]
mod tests;
