//! What an account is given of itself: a document of sections, one a capability, each read a page at a time.
//!
//! [`Sigra::export`](crate::Sigra::export) makes it. A capability, and a host for rows of its own, adds a section with
//! [`SigraBuilder::export_sections`](crate::SigraBuilder::export_sections).

mod account;
mod devices;
mod document;
mod email_changes;
mod events;
mod sessions;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::FlowError;
use crate::session::Session;
use crate::sigra::Stores;
use crate::time::Clock;
use crate::user::User;

pub use document::{ExportDocument, ExportError, SCHEMA_VERSION};

/// One member of the document, and where its records come from.
///
/// # Contract
///
/// - Its records are about `user` alone. What they tell of others is what `user` may see of them anyway.
/// - No record holds a secret, a token, or what one is compared with: no hash, no digest, no key.
/// - A page is of bounded size, whatever the account has. What there is much of is read in pages that go on with a key of the
///   last record, so that nothing is skipped, and nothing is held while the document waits for whoever reads it.
/// - An error breaks the document off. It never passes for the end of the section.
#[async_trait]
pub trait ExportSection: Send + Sync {
    /// The name of the member, in `snake_case`. No two sections have the same.
    fn name(&self) -> &'static str;

    /// Whether there is one record, which is the member itself, or a list of them.
    fn shape(&self) -> ExportShape;

    /// What it leaves out, and why.
    fn omissions(&self) -> &'static [Omission];

    /// The records after a page that ended with `after`; the first ones without it.
    async fn page(&self, account: &ExportAccount<'_>, after: Option<&str>) -> Result<ExportPage, FlowError>;
}

/// How a section looks in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportShape {
    /// The one record of the first page, or `null`.
    One,
    /// A list of all records.
    Many,
}

/// Whose document it is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ExportAccount<'a> {
    /// The account as it stands now.
    pub user: &'a User,
    /// The session that asked for the document.
    pub session: &'a Session,
}

/// Some records of a section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportPage {
    /// The records, each a JSON object.
    pub records: Vec<Value>,
    /// What the next page goes on after; `None` at the end.
    pub next: Option<String>,
}

impl ExportPage {
    /// All records at once, for sections that hold few by their nature.
    #[must_use]
    pub fn whole(records: Vec<Value>) -> Self {
        Self { records, next: None }
    }
}

/// Something that is not in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Omission {
    /// What.
    pub what: &'static str,
    /// Why, as a sentence.
    pub why: &'static str,
}

/// The sections this crate brings.
pub(crate) fn own_sections(stores: &Stores, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn ExportSection>> {
    vec![
        Arc::new(account::Account),
        Arc::new(sessions::Sessions(stores.sessions.clone())),
        Arc::new(devices::Devices { store: stores.devices.clone(), clock: clock.clone() }),
        Arc::new(email_changes::EmailChanges { store: stores.address_changes.clone(), clock: clock.clone() }),
        Arc::new(events::SecurityEvents(stores.audit.clone())),
    ]
}

/// What keeps sections from making up one document.
pub(crate) fn faults_of(sections: &[Arc<dyn ExportSection>]) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::from(document::MEMBERS);
    let names = sections.iter().map(|section| section.name());
    let sound = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    names
        .filter_map(|name| {
            if !sound(name) {
                return Some(format!("the export section `{name}` must be named in lower-case letters and `_`"));
            }
            (!seen.insert(name)).then(|| format!("the export section `{name}` is added twice"))
        })
        .collect()
}
