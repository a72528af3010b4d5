//! What can be wrong with pages.

use std::fmt;

/// Everything that is wrong with the templates of a host.
#[derive(Debug)]
pub struct PageFaults(pub(super) Vec<String>);

impl PageFaults {
    /// One sentence for each fault, naming the template.
    #[must_use]
    pub fn into_faults(self) -> Vec<String> {
        self.0
    }
}

impl fmt::Display for PageFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page templates: {}", self.0.join("; "))
    }
}

impl std::error::Error for PageFaults {}

/// A template failed on a view. Names the template and the kind of fault, and nothing of the view.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(String);

impl RenderError {
    pub(super) fn new(error: &minijinja::Error) -> Self {
        let root = root_of(error);
        Self(format!("{} in {}", root.kind(), place_of(root)))
    }
}

/// A fault of a template with sample views, in full.
pub(super) fn describe(error: &minijinja::Error) -> String {
    let root = root_of(error);
    let detail = root.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail} in {}", root.kind(), place_of(root))
}

/// The error within includes, blocks and macros that the others only wrap.
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
