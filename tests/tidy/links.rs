//! Links between documents: each leads to a file that is there, and to a heading that is in it.
//!
//! Not links to other places: whether those are there is not ours to promise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Source, none, root, sources};

/// The anchor that code hosts give a heading: lower case, spaces as `-`, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A document's lines that are not in fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// All anchors of a document; of headings that say the same, the later ones are numbered.
fn anchors(text: &str) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let name = anchor(heading.trim_start_matches('#'));
            let before = times.entry(name.clone()).or_default();
            *before += 1;
            if *before == 1 { name } else { format!("{name}-{}", *before - 1) }
        })
        .collect()
}

/// Where a document's links lead: as written, the file, the anchor.
fn links(source: &Source) -> Vec<(String, PathBuf, String)> {
    let path = root().join(&source.path);
    let folder = path.parent().expect("a folder").to_owned();
    let lines = prose(&source.text);
    let targets = lines.flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    let ours = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    ours.map(|target| {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let leads_to = if file.is_empty() { path.clone() } else { folder.join(file) };
        (target.to_owned(), leads_to, anchor.to_owned())
    })
    .collect()
}

fn fault(file: &Path, anchor: &str) -> Option<&'static str> {
    if !file.exists() {
        return Some("no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    (!anchors(&text).iter().any(|known| known == anchor)).then_some("no such heading")
}

#[test]
fn every_link_leads_to_a_file_and_its_heading() {
    let documents = sources().into_iter().filter(|source| source.is(&["md"]));
    let mut seen = 0;
    let mut faults = Vec::new();
    for source in documents {
        for (target, file, anchor) in links(&source) {
            seen += 1;
            let fault = fault(&file, &anchor);
            faults.extend(fault.map(|fault| format!("{}: {target}: {fault}", source.path)));
        }
    }
    assert!(seen > 50, "only {seen} links were found");
    none("a link leads nowhere", &faults);
}

#[test]
fn an_anchor_is_what_code_hosts_make_of_a_heading() {
    assert_eq!(anchor("The lever: fewer and fuller frames"), "the-lever-fewer-and-fuller-frames");
    assert_eq!(anchor(" `[namespaces.NAME]`"), "namespacesname");
    assert_eq!(anchors("# One\n```sh\n# no heading\n```\n## One\n"), ["one", "one-1"]);
}
