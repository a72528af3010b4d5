//! The crates of the workspace and their features, as their manifests write them.

use std::path::{Path, PathBuf};

/// A crate that is published.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) manifest: String,
    pub(crate) features: Vec<Feature>,
}

/// A feature, `default` included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feature {
    pub(crate) name: String,
    /// The `##` lines above it.
    pub(crate) about: String,
    /// What it turns on: `dep:x`, `x/y`, or another feature.
    pub(crate) enables: Vec<String>,
}

impl Crate {
    /// Whether nothing has to be turned off to have nothing.
    pub(crate) fn is_facade(&self) -> bool {
        self.name == "sigra"
    }

    /// The features but `default`.
    pub(crate) fn choices(&self) -> impl Iterator<Item = &Feature> {
        self.features.iter().filter(|feature| feature.name != "default")
    }

    /// What is on unless somebody says otherwise.
    pub(crate) fn default(&self) -> &[String] {
        self.features.iter().find(|feature| feature.name == "default").map_or(&[], |default| &default.enables)
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every published crate, the facade first.
pub(crate) fn crates() -> Vec<Crate> {
    let mut crates: Vec<_> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.file_name().unwrap().to_str().unwrap().starts_with("sigra"))
        .filter_map(|folder| {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = "))?.trim_matches('"').to_owned();
            let features = features(&manifest);
            (!manifest.contains("publish = false")).then_some(Crate { name, folder, manifest, features })
        })
        .collect();
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    crates
}

fn features(manifest: &str) -> Vec<Feature> {
    let mut found = Vec::new();
    let mut about: Vec<&str> = Vec::new();
    let mut lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1).peekable();
    while let Some(line) = lines.next_if(|line| !line.starts_with('[')) {
        if let Some(text) = line.strip_prefix("## ") {
            about.push(text);
            continue;
        }
        if let Some((name, first)) = line.split_once(" = [") {
            let mut list = first.to_owned();
            while !list.contains(']') {
                list += lines.next().expect("the list ends");
            }
            let enables = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            found.push(Feature { name: name.to_owned(), about: about.join(" "), enables });
        }
        about.clear();
    }
    found
}

#[test]
fn a_manifest_is_read_as_it_is_written() {
    let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = []\n## One\n## two.\na = [\"dep:b\"]\n# no doc\n\
                    b = [\n    \"b/c\",\n    \"a\",\n]\n\n[dependencies]\nc = [\"not a feature\"]\n";
    let feature = |name: &str, about: &str, enables: &[&str]| Feature {
        name: name.to_owned(),
        about: about.to_owned(),
        enables: enables.iter().map(|one| (*one).to_owned()).collect(),
    };
    let expected = [feature("default", "", &[]), feature("a", "One two.", &["dep:b"]), feature("b", "", &["b/c", "a"])];
    assert_eq!(features(manifest), expected);
    assert!(crates().len() >= 9 && crates()[0].is_facade());
}
