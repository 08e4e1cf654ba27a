//! Which letters are meant: by id, or all of them, perhaps of one reason.
//!
//! The invariant: an id that names nothing is a fault, so that nobody believes a letter to be dealt with that is not.

use std::collections::BTreeSet;

use anyhow::bail;

use super::letter::{Held, Letter};

/// Letters of a region that are looked at; more than anybody reads, and SQS's bound on those held is far above.
pub(super) const MOST: usize = 10_000;

/// What the flags select.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Which {
    /// Their ids, or how those begin
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Only those whose reason holds this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Which {
    /// Those whose ids begin so.
    pub(super) fn of(ids: &[String]) -> Self {
        Self { ids: ids.to_vec(), all: false, reason: None }
    }

    /// Whether the letter is one of them.
    pub(super) fn names(&self, letter: &Letter) -> bool {
        let by_id = self.all || self.ids.iter().any(|id| letter.id.starts_with(id.as_str()));
        by_id && self.reason.as_deref().is_none_or(|reason| letter.why().contains(reason))
    }

    /// The letters that are meant, and the others.
    pub(super) fn split(&self, held: Vec<Held>) -> (Vec<Held>, Vec<Held>) {
        held.into_iter().partition(|held| self.names(&held.letter))
    }

    /// Fails if an id names no letter, or several.
    pub(super) fn check(&self, meant: &[Held]) -> anyhow::Result<()> {
        let found: BTreeSet<_> = meant.iter().map(|held| held.letter.id.as_str()).collect();
        for id in &self.ids {
            match found.iter().filter(|found| found.starts_with(id.as_str())).count() {
                1 => {}
                0 => bail!("there is no dead letter {id}; `sorl dlq list` shows those that there are"),
                several => bail!("{several} dead letters begin with {id}; write more of the id"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sorl_core::region::Region;
    use sorl_core::time::Timestamp;

    use super::super::letter::Source;
    use super::*;

    fn held(id: &str, reason: Option<&str>) -> Held {
        let letter = Letter {
            id: id.to_owned(),
            region: Region::parse("eu-north-1").unwrap(),
            queue: Source::Live,
            reason: reason.map(str::to_owned),
            at: Timestamp::ZERO,
            body: String::new(),
            undelivered: None,
            damaged: None,
        };
        Held { letter, receipt: None }
    }

    fn which(ids: &[&str], all: bool, reason: Option<&str>) -> Which {
        let ids = ids.iter().map(ToString::to_string).collect();
        Which { ids, all, reason: reason.map(str::to_owned) }
    }

    #[test]
    fn letters_are_named_by_how_their_ids_begin_or_by_reason() {
        let letters = vec![held("ab1", Some("not JSON")), held("ab2", None), held("cd3", Some("too large"))];
        let (meant, others) = which(&["ab1"], false, None).split(letters.clone());
        assert_eq!((meant.len(), others.len()), (1, 2));
        assert_eq!(which(&[], true, None).split(letters.clone()).0.len(), 3);
        assert_eq!(which(&[], true, Some("JSON")).split(letters).0.len(), 1);
    }

    #[test]
    fn an_id_that_names_nothing_or_several_is_a_fault() {
        let letters = [held("ab1", None), held("ab2", None)];
        assert!(which(&["ab1"], false, None).check(&letters).is_ok());
        assert!(which(&["ab"], false, None).check(&letters).is_err());
        assert!(which(&["zz"], false, None).check(&letters).is_err());
    }
}
