//! What a Lambda is told at its cold start: its environment and the `sorl.toml` beside its executable.
//!
//! Not what operators set (`sorl_core::config`). The invariant: every fault is named at once, and nothing runs with
//! half of its settings.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sorl_core::config::{Algorithm, Config, Site};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_host::trace::Traces;
use tracing_subscriber::filter::LevelFilter;

use crate::log::Completeness;
use crate::logging;
use crate::telemetry::{Share, Telemetry};

/// The stage; overrides the one in `sorl.toml`.
pub const STAGE: &str = "SORL_STAGE";
/// The least level of a log line; `info` if absent.
pub const LOG: &str = "SORL_LOG";
/// `off` if no metrics are to be written.
pub const METRICS: &str = "SORL_METRICS";
/// The share of successes that are logged, 0 to 1; all if absent.
pub const LOG_SAMPLE: &str = "SORL_LOG_SAMPLE";
/// The share of messages whose way is logged, 0 to 1; none if absent.
pub const TRACE_SAMPLE: &str = "SORL_TRACE_SAMPLE";
/// The region, from Lambda itself.
pub const REGION: &str = "AWS_REGION";
/// The name of the secret that tokens are signed with, for HS256.
pub const SECRET: &str = "SORL_SECRET";
/// Where the canary connects: the WebSocket address of its region.
pub const CANARY_URL: &str = "SORL_CANARY_URL";
/// The name of the secret that holds the canary's token, where it cannot sign its own.
pub const CANARY_TOKEN: &str = "SORL_CANARY_TOKEN";
/// The connections table.
pub const CONNECTIONS_TABLE: &str = "SORL_CONNECTIONS_TABLE";
/// The region's messages table.
pub const MESSAGES_TABLE: &str = "SORL_MESSAGES_TABLE";
/// Invocations side by side for the queue `bulk`, which share its part of the post rate.
pub const BULK_CONCURRENCY: &str = "SORL_BULK_CONCURRENCY";
/// The ARN of the region's topic `relay`.
pub const RELAY_TOPIC: &str = "SORL_RELAY_TOPIC";
/// The URL of the region's queue `bulk`.
pub const BULK_QUEUE: &str = "SORL_BULK_QUEUE";
/// The URL of the region's dead-letter queue.
pub const DEAD_LETTERS_QUEUE: &str = "SORL_DEAD_LETTERS_QUEUE";
/// The endpoint of the region's `@connections`.
pub const GATEWAY: &str = "SORL_GATEWAY";
/// Since when the region's log is complete.
pub const COMPLETE_SINCE: &str = "SORL_COMPLETE_SINCE";

const FILE: &str = "sorl.toml";

/// Everything that is wrong with what the Lambda was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsFaults(pub Vec<String>);

impl fmt::Display for SettingsFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// Finds a variable by its name.
type Environment = dyn Fn(&str) -> Option<String>;

/// Settings being read: ask for what the Lambda needs, then for its [`Site`], which names every fault.
pub struct Settings {
    variable: Box<Environment>,
    file: Result<String, String>,
    faults: Vec<String>,
}

impl Settings {
    /// Reads the process's environment and the file beside its executable, and starts the log.
    #[must_use]
    pub fn open() -> Self {
        let mut settings = Self::new(|name| std::env::var(name).ok(), file());
        let level = settings.level();
        if let Err(fault) = logging::start(level) {
            settings.faults.push(fault.to_string());
        }
        settings
    }

    /// Settings of another origin: `variable` finds a variable, `file` is the text of `sorl.toml`, or why there is
    /// none.
    pub fn new(variable: impl Fn(&str) -> Option<String> + 'static, file: Result<String, String>) -> Self {
        Self { variable: Box::new(variable), file, faults: Vec::new() }
    }

    /// A variable that must be there; empty, and a fault, if it is not.
    pub fn text(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.faults.push(format!("{name} is not set"));
            String::new()
        })
    }

    /// A variable that may be absent; an empty one is.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// A variable that is an `http` or `https` URL.
    pub fn url(&mut self, name: &str) -> String {
        let url = self.text(name);
        if !url.is_empty() && !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
            self.faults.push(format!("{name} is no URL: {url}"));
        }
        url
    }

    /// A variable that is a number of at least 1.
    pub fn count(&mut self, name: &str) -> u32 {
        let text = self.text(name);
        let count = text.parse().ok().filter(|count| *count > 0);
        if count.is_none() && !text.is_empty() {
            self.faults.push(format!("{name} is {text:?}, not a number of at least 1"));
        }
        count.unwrap_or(1)
    }

    /// What the Lambda tells besides its answers.
    pub fn telemetry(&mut self, function: &'static str) -> Telemetry {
        let with_metrics = match self.optional(METRICS).as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(text) => {
                self.faults.push(format!("{METRICS} is {text:?}, not on or off"));
                true
            }
        };
        let share = self.optional(LOG_SAMPLE).map_or(Some(Share::ALL), |text| Share::parse(&text));
        if share.is_none() {
            self.faults.push(format!("{LOG_SAMPLE} is not a number from 0 to 1"));
        }
        // A stage that is missing is a fault of `site`.
        let stage = self.optional(STAGE).unwrap_or_default();
        Telemetry::new(function, stage, with_metrics, share.unwrap_or(Share::ALL))
    }

    /// Which messages' ways are logged.
    pub fn traces(&mut self) -> Traces {
        let share = self.optional(TRACE_SAMPLE).map_or(Some(Share::NONE), |text| Share::parse(&text));
        if share.is_none() {
            self.faults.push(format!("{TRACE_SAMPLE} is not a number from 0 to 1"));
        }
        Traces::of(share.unwrap_or(Share::NONE))
    }

    /// Since when the region's log is complete.
    pub fn completeness(&mut self) -> Completeness {
        match self.text(COMPLETE_SINCE).as_str() {
            "start" => Completeness::FromStart,
            "unknown" | "" => Completeness::Unknown,
            text => match text.parse() {
                Ok(millis) => Completeness::Since(Timestamp::from_millis(millis)),
                Err(_not_a_number) => {
                    let expected = "start, unknown, or milliseconds since the epoch";
                    self.faults.push(format!("{COMPLETE_SINCE} is {text:?}, not {expected}"));
                    Completeness::Unknown
                }
            },
        }
    }

    /// Where the Lambda runs and what it is configured with: asked for last.
    ///
    /// # Errors
    /// [`SettingsFaults`]: everything that was wrong or missing in what was asked for so far, and in the file.
    pub fn site(self) -> Result<Site, SettingsFaults> {
        let (site, faults) = self.finish();
        match site {
            Some(site) if faults.is_empty() => Ok(site),
            _ => Err(SettingsFaults(faults)),
        }
    }

    /// As [`Self::site`], and the name of the secret for the one Lambda that verifies tokens: there exactly if the
    /// algorithm has a secret.
    ///
    /// # Errors
    /// [`SettingsFaults`], also if the secret that the algorithm needs is not named.
    pub fn site_and_secret(self) -> Result<(Site, Option<String>), SettingsFaults> {
        let secret = self.optional(SECRET);
        let (site, mut faults) = self.finish();
        let is_needed = site.as_ref().is_some_and(|site| site.config.auth.algorithm == Algorithm::Hs256);
        if is_needed && secret.is_none() {
            faults.push(format!("HS256 needs {SECRET}, the name of a secret in Secrets Manager"));
        }
        match site {
            Some(site) if faults.is_empty() => Ok((site, secret.filter(|_name| is_needed))),
            _ => Err(SettingsFaults(faults)),
        }
    }

    fn level(&mut self) -> LevelFilter {
        let Some(name) = self.optional(LOG) else { return LevelFilter::INFO };
        logging::level(&name).unwrap_or_else(|| {
            self.faults.push(format!("{LOG} is {name:?}, not error, warn, info, debug or trace"));
            LevelFilter::INFO
        })
    }

    fn finish(mut self) -> (Option<Site>, Vec<String>) {
        let stage = self.text(STAGE);
        let region = self.region();
        let config = self.config(stage);
        let site = region.zip(config).map(|(region, config)| Site { region, config: Arc::new(config) });
        (site, self.faults)
    }

    fn region(&mut self) -> Option<Region> {
        let name = self.text(REGION);
        let region = Region::parse(&name);
        if let (Err(fault), false) = (&region, name.is_empty()) {
            self.faults.push(format!("{REGION} is {name:?}: {fault}"));
        }
        region.ok()
    }

    fn config(&mut self, stage: String) -> Option<Config> {
        let text = match std::mem::replace(&mut self.file, Ok(String::new())) {
            Ok(text) => text,
            Err(fault) => {
                self.faults.push(fault);
                return None;
            }
        };
        match Config::parse(&text) {
            Ok(mut config) => {
                if config.auth.secret.is_some() {
                    self.faults.push(format!(
                        "{FILE}: [auth] secret is for `sorl dev` only; a package must not hold one: leave it out, \
                         the secret is read by its name"
                    ));
                }
                config.stage = stage;
                Some(config)
            }
            Err(faults) => {
                self.faults
                    .extend(faults.0.iter().map(|f| format!("{FILE}, line {}: {}", f.line, f.message)));
                None
            }
        }
    }
}

/// The text of the file beside the executable.
fn file() -> Result<String, String> {
    let path = std::env::current_exe().map(|executable| beside(&executable));
    let path = path.map_err(|fault| format!("{FILE}: where the executable lies is not known: {fault}"))?;
    std::fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn beside(executable: &std::path::Path) -> PathBuf {
    executable.with_file_name(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&'static str, &'static str)], file: &str) -> Settings {
        let variables = variables.to_vec();
        let find = move |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::new(find, Ok(file.to_owned()))
    }

    const HERE: [(&str, &str); 2] = [(STAGE, "prod"), (REGION, "eu-north-1")];

    #[test]
    fn the_stage_of_the_environment_overrides_the_files() {
        let site = settings(&HERE, "stage = \"dev\"").site().unwrap();
        assert_eq!((site.config.stage.as_str(), site.region.as_str()), ("prod", "eu-north-1"));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut settings = settings(
            &[
                (REGION, "Nowhere!"),
                (GATEWAY, "wss://x"),
                (COMPLETE_SINCE, "soon"),
                (BULK_CONCURRENCY, "0"),
                (METRICS, "some"),
                (LOG_SAMPLE, "2"),
            ],
            "stage = 5\nx = 1",
        );
        settings.telemetry("deliver");
        settings.text(RELAY_TOPIC);
        settings.url(GATEWAY);
        settings.completeness();
        settings.count(BULK_CONCURRENCY);
        let faults = settings.site().unwrap_err().to_string();
        for part in [
            STAGE,
            REGION,
            GATEWAY,
            COMPLETE_SINCE,
            BULK_CONCURRENCY,
            METRICS,
            LOG_SAMPLE,
            RELAY_TOPIC,
            "line 1",
            "line 2",
        ] {
            assert!(faults.contains(part), "{part} is not in: {faults}");
        }
        let unread = Settings::new(|_| None, Err("no sorl.toml".to_owned())).site().unwrap_err();
        assert!(unread.to_string().contains("no sorl.toml"));
    }

    #[test]
    fn a_secret_lies_in_no_package_and_is_named_where_it_is_needed() {
        let inside = settings(&HERE, "[auth]\nsecret = \"0123456789abcdef0123456789abcdef\"").site();
        let told = inside.unwrap_err().to_string();
        assert!(told.contains("must not hold") && !told.contains("0123456789"));
        assert!(settings(&HERE, "").site_and_secret().unwrap_err().to_string().contains(SECRET));
        let [stage, region] = HERE;
        let named = [stage, region, (SECRET, "sorl-prod-jwt")];
        assert_eq!(settings(&named, "").site_and_secret().unwrap().1.as_deref(), Some("sorl-prod-jwt"));
        let public = "[auth]\nalgorithm = \"EdDSA\"\njwks = \"https://id.example/jwks\"";
        assert_eq!(settings(&HERE, public).site_and_secret().unwrap().1, None);
    }

    #[test]
    fn completeness_is_a_word_or_a_time() {
        let read = |value| settings(&[(COMPLETE_SINCE, value)], "").completeness();
        assert!(matches!(read("start"), Completeness::FromStart));
        assert!(matches!(read("unknown"), Completeness::Unknown));
        let since = Timestamp::from_millis(1_764_000_000_000);
        assert!(matches!(read("1764000000000"), Completeness::Since(at) if at == since));
    }
}
