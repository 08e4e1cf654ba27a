//! Who takes part: users, what their tokens grant, the channels, and the configuration they meet in.
//!
//! [`Badge::allows`] is the checker's own small model of grants, written without a look at core's.

use serde_json::{Value, json};
use sorl_core::names::ChannelName;

/// What a version of the configuration has in place of the words in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    /// Whether it keeps more, in more shards.
    pub(crate) is_larger: bool,
    /// Whether tokens without a claim may read the past of `brief`.
    pub(crate) shows_past: bool,
    /// The shards of halls and of personal channels, where a roll-out is about them.
    pub(crate) shards: Option<Shards>,
}

/// How many shards members are written to, and how many are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shards {
    /// By whoever subscribes.
    pub(crate) written: u16,
    /// At least as many.
    pub(crate) read: u16,
}

/// The stage's configuration, but for what differs between versions.
const CONFIG: &str = r#"
stage = "sim"
regions = ["us-east-1", "eu-north-1", "ap-southeast-2"]
[auth]
algorithm = "HS256"
secret = "thirty-two bytes that nobody knows"
[namespaces.room]
history = "24h"
join_leave = true
grants = ["subscribe", "publish", "history", "presence"]
[namespaces."@"]
history = "24h"
{own}
[namespaces.hall]
history = "24h"
{halls}
grants = ["subscribe", "publish", "history", "presence"]
[namespaces.brief]
history = "{brief}"
grants = ["subscribe", "publish", "presence"{past}]
[namespaces.gust]
history = "{gust}"
grants = ["subscribe", "publish", "history", "presence"]
"#;

impl Version {
    /// What stands without a roll-out.
    pub(crate) const USUAL: Self = Self { is_larger: false, shows_past: true, shards: None };

    /// Its configuration.
    pub(crate) fn config(self) -> String {
        let (written, brief, gust) = if self.is_larger { (3, "20m", "3m") } else { (2, "3m", "0") };
        let past = if self.shows_past { r#", "history""# } else { "" };
        let own = self.shards.unwrap_or(Shards { written: 1, read: 1 }).lines();
        // Where nothing is said of them, all are read that any version writes.
        let halls = self.shards.unwrap_or(Shards { written, read: 3 }).lines();
        let words =
            [("{own}", &*own), ("{halls}", &*halls), ("{brief}", brief), ("{gust}", gust), ("{past}", past)];
        words.iter().fold(CONFIG.to_owned(), |config, (word, value)| config.replace(word, value))
    }
}

impl Shards {
    fn lines(self) -> String {
        format!("shards = {}\nshards_read = {}", self.written, self.read)
    }
}

/// The stage's regions, as [`CONFIG`] lists them.
pub(crate) const REGIONS: [&str; 3] = ["us-east-1", "eu-north-1", "ap-southeast-2"];

/// The channels that everybody may be in, but for [`VAULT`].
pub(crate) const CHANNELS: [&str; 6] = ["room:1", "room:2", "hall:1", "hall:2", "brief:1", "gust:1"];
/// A channel that nobody is granted without a claim that says so.
pub(crate) const VAULT: &str = "vault:1";
/// How many clients there are; some users have several.
pub(crate) const CLIENTS: usize = 12;

/// The user of a client: every third client is the second one of its user.
pub(crate) fn user_of(client: usize) -> String {
    format!("user{}", client - usize::from(client % 3 == 2))
}

/// What a token grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Badge {
    /// No claim: the namespaces' defaults.
    Plain,
    /// To be in rooms and halls, no history of its own.
    Listener,
    /// Everything, everywhere.
    Auditor,
    /// Nothing but the halls.
    Hallway,
}

/// What somebody may want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Be a member.
    Subscribe,
    /// Send.
    Publish,
    /// Read the past.
    History,
}

impl Badge {
    /// The claim of its tokens.
    pub(crate) fn claim(self) -> Option<Value> {
        match self {
            Self::Plain => None,
            Self::Listener => Some(json!({ "room:*": ["subscribe", "publish"], "hall:*": ["subscribe"] })),
            Self::Auditor => Some(json!({ "*": ["*"] })),
            Self::Hallway => Some(json!({ "hall:*": ["*"] })),
        }
    }

    /// Whether it allows `user` to do the deed in `channel` under a version of the configuration.
    pub(crate) fn allows(self, user: &str, deed: Deed, channel: &ChannelName, version: Version) -> bool {
        let name = channel.as_str();
        if let Some(owner) = name.strip_prefix('@') {
            let own = owner == user;
            return match deed {
                Deed::Publish => self == Self::Auditor,
                Deed::Subscribe | Deed::History => own,
            };
        }
        let space = name.split(':').next().unwrap_or_default();
        match self {
            Self::Plain if space == "brief" && deed == Deed::History => version.shows_past,
            Self::Plain => ["room", "hall", "brief", "gust"].contains(&space),
            Self::Listener => match deed {
                Deed::Subscribe => ["room", "hall"].contains(&space),
                Deed::Publish => space == "room",
                Deed::History => false,
            },
            Self::Auditor => true,
            Self::Hallway => space == "hall",
        }
    }
}

/// Whether recovery is promised in a channel: its history outlasts the run.
pub(crate) fn keeps_long(channel: &ChannelName) -> bool {
    !["brief:", "gust:"].iter().any(|prefix| channel.as_str().starts_with(prefix))
}

/// Whether a channel keeps any history.
pub(crate) fn keeps_any(channel: &ChannelName) -> bool {
    !channel.as_str().starts_with("gust:")
}
