//! What can be wrong with templates.

use std::fmt;

/// Everything that is wrong with the templates, the overrides and the links of a host, found when they were loaded.
#[derive(Debug)]
pub struct TemplateFaults(pub(super) Vec<String>);

impl TemplateFaults {
    /// One sentence for each fault.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for TemplateFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail templates: {}", self.0.join("; "))
    }
}

impl std::error::Error for TemplateFaults {}

/// Why one mail could not be worded. Says nothing of the facts, which are secret.
#[derive(Debug)]
pub(super) struct Fault(String);

impl Fault {
    pub(super) const fn other(reason: String) -> Self {
        Self(reason)
    }

    /// A fault of a template while it was given real facts: its place and kind, but no detail, which may quote a value.
    pub(super) fn of_template(error: &minijinja::Error) -> Self {
        let root = root_of(error);
        Self(format!("{} in {}", root.kind(), place_of(root)))
    }

    /// A fault of a template with sample facts, in full.
    pub(super) fn of_sample(error: &minijinja::Error) -> Self {
        let root = root_of(error);
        let detail = root.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        Self(format!("{}{detail} in {}", root.kind(), place_of(root)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// The error within includes and blocks that the others only wrap.
fn root_of(error: &minijinja::Error) -> &minijinja::Error {
    let mut root = error;
    while let Some(inner) = std::error::Error::source(root).and_then(|source| source.downcast_ref()) {
        root = inner;
    }
    root
}

fn place_of(error: &minijinja::Error) -> String {
    match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => "a template".to_owned(),
    }
}
