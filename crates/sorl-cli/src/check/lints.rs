//! What is odd in a configuration that is right: it says something without effect, or something that few mean.

use sorl_core::config::{Config, Namespace};
use sorl_core::grants::{Right, Rights};
use sorl_core::limits::{PRESENCE_AUDIENCE_MAX, RECOVERY_OVERLAP_ELSEWHERE, SHARDS_MAX};

use super::remark::{Level, Remark};

/// Members of a channel that one shard lets `deliver` read a second: DynamoDB's 3,000 read units of a partition, each
/// some 21 rows (measured: 4,700 units for 100,000 rows).
const MEMBERS_READ_PER_SHARD: u64 = 3_000 * 100_000 / 4_700;
/// Members that may join a second in one shard: DynamoDB's write units of a partition.
const JOINS_PER_SHARD: u64 = 1_000;

/// How many members somebody expects in the largest channel of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expectation {
    namespace: String,
    members: u64,
}

/// Reads `room=100000`.
pub(super) fn expectation(text: &str) -> Result<Expectation, String> {
    let expected = || format!("{text:?}: write a namespace and a number of members, such as room=100000");
    let (namespace, members) = text.split_once('=').ok_or_else(expected)?;
    let members = members.parse().map_err(|_not_a_number| expected())?;
    Ok(Expectation { namespace: namespace.to_owned(), members })
}

/// All that is odd.
pub(super) fn of(config: &Config, text: &str, members: &[Expectation]) -> Vec<Remark> {
    let mut remarks = whole(config);
    for namespace in config.namespaces() {
        let line = line_of(text, &namespace.name);
        let found = of_namespace(config, namespace, members);
        // Of a section that nobody wrote there is nothing to be said, but of what is expected in it.
        let is_written =
            line.is_some() || members.iter().any(|expected| expected.namespace == namespace.name);
        remarks.extend(found.into_iter().filter(|_| is_written).map(|remark| Remark { line, ..remark }));
    }
    remarks.extend(twins(config));
    remarks.extend(strangers(config, members));
    remarks
}

fn whole(config: &Config) -> Vec<Remark> {
    let mut remarks = Vec::new();
    // A second one stands only beside it.
    if config.auth.secret.is_some() {
        let what = "the secret is for `sorl dev`: deployed, this file goes into every Lambda, and a stage has a secret of its own; take it out";
        remarks.push(Remark::new(Level::Warning, "auth", what));
    }
    if config.regions.len() == 1 {
        let what =
            "one region: if it is lost, everybody is; a second one costs nothing while nobody is there";
        remarks.push(Remark::new(Level::Note, "regions", what));
    }
    if config.bounds.connections == Some(1) {
        let what = "connections = 1: a client opens its next connection before it closes the last, so none could be replaced; allow two a device";
        remarks.push(Remark::new(Level::Warning, "limits", what));
    }
    if config.delivery.bulk_share >= 1.0 {
        let what = "bulk_share = 1 leaves nothing for what is new: a mass audience delays every chat";
        remarks.push(Remark::new(Level::Warning, "limits", what));
    }
    remarks
}

fn of_namespace(config: &Config, namespace: &Namespace, members: &[Expectation]) -> Vec<Remark> {
    let name = format!("namespaces.{}", namespace.name);
    let expected = members.iter().find(|expected| expected.namespace == namespace.name);
    let all = [
        without_effect(namespace),
        vec![history_too_short(config, namespace)],
        vec![open(namespace)],
        vec![redundant(config, namespace)],
        shards(namespace, expected),
    ];
    let found = all.concat().into_iter().flatten();
    found.map(|(level, what)| Remark::new(level, name.clone(), what)).collect()
}

type Found = Option<(Level, String)>;

fn warning(holds: bool, what: &str) -> Found {
    holds.then(|| (Level::Warning, what.to_owned()))
}

/// Rights and options that cancel each other out.
fn without_effect(namespace: &Namespace) -> Vec<Found> {
    let Namespace { presence, join_leave, grants, .. } = namespace;
    vec![
        warning(
            !namespace.keeps_history() && grants.has(Right::History),
            "grants history, but history = \"0\" keeps none",
        ),
        warning(
            !presence && grants.has(Right::Presence),
            "grants presence, but presence = false lists nobody",
        ),
        warning(
            !presence && *join_leave,
            "join_leave = true without presence: members hear who comes and goes, but not who was there",
        ),
        warning(
            namespace.name == "@" && *join_leave,
            "join_leave in personal channels tells people about their own connections",
        ),
    ]
}

fn history_too_short(config: &Config, namespace: &Namespace) -> Found {
    let short = namespace.keeps_history() && namespace.history < RECOVERY_OVERLAP_ELSEWHERE;
    let what = "history is shorter than 16 minutes: a client that comes back in another region is always told that it may have missed something";
    warning(short && config.regions.len() > 1, what)
}

/// Tokens without the claim may do this on channels that nobody thought of: not wrong, but worth a look.
fn open(namespace: &Namespace) -> Found {
    if namespace.grants == Rights::NONE {
        return None;
    }
    let what = match namespace.name.as_str() {
        "default" => {
            let rights = super::report::grants(namespace.grants);
            format!(
                "every token without the claim `sorl` has these rights on every channel without a section: {rights}"
            )
        }
        "@" => "every user may publish to every other, or see whether they are there".to_owned(),
        _ => return None,
    };
    Some((Level::Warning, what))
}

/// A section that says what holds without it.
fn redundant(config: &Config, namespace: &Namespace) -> Found {
    let default = config.namespaces().find(|other| other.name == "default")?;
    let is_special = ["default", "@"].contains(&namespace.name.as_str());
    let same = Namespace { name: default.name.clone(), ..namespace.clone() } == **default;
    (same && !is_special)
        .then(|| (Level::Note, "says what namespaces.default says: it changes nothing".to_owned()))
}

fn shards(namespace: &Namespace, expected: Option<&Expectation>) -> Vec<Found> {
    let Namespace { shards, shards_read, .. } = namespace;
    let unused = (shards_read > shards).then(|| {
        let what = format!("reads {shards_read} shards and writes {shards}: right while shards are raised or lowered, else each delivery reads in vain");
        (Level::Note, what)
    });
    let crowd = warning(
        *shards > 1 && namespace.join_leave,
        &format!(
            "shards are for channels of many members, join_leave is heard by {PRESENCE_AUDIENCE_MAX} of them at most, and each join is published"
        ),
    );
    vec![unused, crowd, expected.and_then(|expected| enough(namespace, expected))]
}

/// One message a second to so many members: whether the shards carry the reads.
fn enough(namespace: &Namespace, expected: &Expectation) -> Found {
    let needed = expected.members.div_ceil(MEMBERS_READ_PER_SHARD).max(1);
    let shards = u64::from(namespace.shards);
    let carries = format!(
        "a shard carries {MEMBERS_READ_PER_SHARD} members a message a second, and {JOINS_PER_SHARD} joins a second"
    );
    if needed > u64::from(SHARDS_MAX) {
        return Some((
            Level::Warning,
            format!("{} members need {needed} shards, more than there can be; {carries}", expected.members),
        ));
    }
    if needed > shards {
        return Some((
            Level::Warning,
            format!("{} members need shards = {needed}; {carries}", expected.members),
        ));
    }
    let spare = shards > 2 * needed;
    let what = format!(
        "{} members need {needed} of {shards} shards: each delivery reads them all; {carries}",
        expected.members
    );
    spare.then_some((Level::Note, what))
}

/// Names that differ only in case: a client that writes the other one has other options, and no fault tells it.
fn twins(config: &Config) -> Vec<Remark> {
    let names: Vec<_> = config.namespaces().map(|namespace| namespace.name.as_str()).collect();
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(at, one)| names.iter().skip(at + 1).map(move |other| (one, other)));
    pairs
        .filter(|(one, other)| one.eq_ignore_ascii_case(other))
        .map(|(one, other)| {
            let what =
                format!("differs from {other} only in case: channels of one are not those of the other");
            Remark::new(Level::Warning, format!("namespaces.{one}"), what)
        })
        .collect()
}

/// Expectations of what is not there.
fn strangers(config: &Config, members: &[Expectation]) -> Vec<Remark> {
    let is_there = |name: &str| config.namespaces().any(|namespace| namespace.name == name);
    let unknown = members.iter().filter(|expected| !is_there(&expected.namespace));
    unknown
        .map(|expected| {
            let of = format!("namespaces.{}", expected.namespace);
            Remark::new(Level::Warning, of, "--members names it, but there is no such section")
        })
        .collect()
}

/// The line of a namespace's section, counted from 1.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let headings = [format!("[namespaces.{name}]"), format!("[namespaces.\"{name}\"]")];
    let at =
        text.lines().position(|line| headings.iter().any(|heading| line.trim_start().starts_with(heading)));
    at.map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(text: &str, members: &[&str]) -> Vec<Remark> {
        let members: Vec<_> = members.iter().map(|text| expectation(text).unwrap()).collect();
        of(&Config::parse(text).unwrap(), text, &members)
    }

    fn says(text: &str, members: &[&str], words: &str) -> bool {
        remarks(text, members).iter().any(|remark| remark.what.contains(words))
    }

    #[test]
    fn nothing_is_odd_in_an_empty_file() {
        assert_eq!(remarks("", &[]), []);
    }

    #[test]
    fn a_bound_that_lets_no_connection_be_replaced_is_warned_of() {
        assert!(says("[limits]\nconnections = 1\n", &[], "none could be replaced"));
        assert_eq!(remarks("[limits]\nconnections = 2\n", &[]), []);
    }

    #[test]
    fn rights_without_effect_are_named_with_their_line() {
        let text =
            "\n[namespaces.game]\nhistory = \"0\"\npresence = false\njoin_leave = true\ngrants = [\"*\"]\n";
        for words in ["keeps none", "lists nobody", "not who was there"] {
            assert!(says(text, &[], words), "{words}");
        }
        assert!(remarks(text, &[]).iter().all(|remark| remark.line == Some(2)));
    }

    #[test]
    fn what_everybody_may_do_is_said_and_warned_of_where_it_is_everything() {
        let open = remarks("[namespaces.default]\ngrants = [\"publish\"]\n", &[]);
        assert_eq!(open.first().map(|remark| remark.level), Some(Level::Warning));
        assert!(says("[namespaces.\"@\"]\ngrants = [\"publish\"]\n", &[], "every user may publish"));
    }

    #[test]
    fn shards_are_judged_by_the_members_that_are_expected() {
        assert!(says("[namespaces.hall]\n", &["hall=100000"], "need shards = 2"));
        assert!(says("[namespaces.hall]\nshards = 64\n", &["hall=1000"], "1 of 64"));
        assert!(says("[namespaces.hall]\n", &["hall=9000000000"], "more than there can be"));
        assert!(!says("[namespaces.hall]\nshards = 2\n", &["hall=100000"], "need"));
        assert!(says("", &["nowhere=1"], "no such section"));
        assert!(expectation("hall").is_err() && expectation("hall=many").is_err());
    }

    #[test]
    fn sections_that_change_nothing_or_shadow_each_other_are_named() {
        assert!(says("[namespaces.news]\n", &[], "changes nothing"));
        assert!(says("[namespaces.Room]\nhistory = \"1h\"\n[namespaces.room]\n", &[], "only in case"));
    }

    #[test]
    fn a_history_too_short_for_another_region_is_said() {
        assert!(says("[namespaces.brief]\nhistory = \"5m\"\n", &[], "16 minutes"));
        assert!(!says(
            "regions = [\"eu-north-1\"]\n[namespaces.brief]\nhistory = \"5m\"\n",
            &[],
            "16 minutes"
        ));
    }
}
