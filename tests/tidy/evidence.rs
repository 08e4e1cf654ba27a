//! Claims with their tests: a document that names a test as `path::name` names one that is there.
//!
//! Not whether the test shows what the document says: that is for readers. The invariant: no claim outlives its test.

use std::path::{Path, PathBuf};

use crate::{none, read, root, sources};

/// Documents whose claims each name a test.
const WITH_EVIDENCE: [&str; 2] = ["SECURITY.md", "docs/limits.md"];

/// A test that a document names: its file, and what it is called there.
struct Named {
    document: String,
    file: String,
    name: String,
}

impl Named {
    /// Reads `path::name`; none for anything else that stands in backticks.
    fn parse(document: &str, word: &str) -> Option<Self> {
        let (file, name) = word.split_once("::")?;
        let extension = Path::new(file).extension()?.to_str()?;
        let is_file = ["rs", "mjs", "js", "py"].contains(&extension) && !file.contains(' ');
        is_file.then(|| Self { document: document.to_owned(), file: file.to_owned(), name: name.to_owned() })
    }

    /// The file, from the root or from `tests`.
    fn path(&self) -> Option<PathBuf> {
        [root(), root().join("tests")]
            .iter()
            .map(|folder| folder.join(&self.file))
            .find(|path| path.is_file())
    }

    fn fault(&self) -> Option<String> {
        let Some(path) = self.path() else {
            return Some(format!("{}: {} is not there", self.document, self.file));
        };
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let forms =
            [format!("fn {}(", self.name), format!("test(\"{}\"", self.name), format!("def {}(", self.name)];
        let is_there = forms.iter().any(|form| text.contains(form));
        (!is_there).then(|| format!("{}: {} has no test {:?}", self.document, self.file, self.name))
    }
}

/// All tests that a document names.
fn named(document: &str, text: &str) -> Vec<Named> {
    let words = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    words.filter_map(|word| Named::parse(document, word)).collect()
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let documents = sources().into_iter().filter(|source| source.is(&["md"]));
    let named: Vec<_> = documents.flat_map(|source| named(&source.path, &source.text)).collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    none("name the test as it is called", &named.iter().filter_map(Named::fault).collect::<Vec<_>>());
}

/// A row of a table whose heading promises a test names one, or says in words why there is none.
#[test]
fn every_claim_has_its_test_or_a_reason() {
    let mut faults = Vec::new();
    for document in WITH_EVIDENCE {
        let text = read(document);
        let mut column = None;
        for line in text.lines() {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            if !line.starts_with('|') {
                column = None;
            } else if let Some(at) = cells.iter().position(|cell| *cell == "shown by") {
                column = Some(at);
            } else if let Some(at) = column.filter(|_| !line.starts_with("|-")) {
                let cell = cells.get(at).copied().unwrap_or_default();
                let is_shown = !named(document, cell).is_empty() || cell.contains("no test: ");
                faults.extend((!is_shown).then(|| format!("{document}: {}", cells[0])));
            }
        }
    }
    none("name the test, or write `no test: ` and why", &faults);
}
