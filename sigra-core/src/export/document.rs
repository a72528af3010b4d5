//! The document, as it is written.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{ExportAccount, ExportPage, ExportSection, ExportShape};
use crate::error::FlowError;
use crate::flows::CurrentSession;
use crate::secret::Digest;
use crate::session::Session;
use crate::sigra::Inner;
use crate::time::Timestamp;
use crate::user::User;

/// The version of the document. It grows when a member is removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// The members that are no sections.
pub(super) const MEMBERS: [&str; 3] = ["schema_version", "exported_at", "omissions"];

/// An account's data as one JSON document, which comes in pieces.
///
/// At most one page of one section is in memory at a time, and nothing is read ahead: a piece is read when it is asked for. A
/// document that is dropped ends its work with that. The last piece closes the document, so what was broken off is no JSON.
#[must_use]
pub struct ExportDocument {
    inner: Arc<Inner>,
    user: User,
    session: Session,
    digest: Digest,
    exported_at: Timestamp,
    at: At,
}

/// How far it is written.
enum At {
    Beginning,
    /// Before the page of this section that goes on after this key.
    Section {
        index: usize,
        after: Option<String>,
        empty: bool,
    },
    Omissions,
    End,
}

/// Why a document broke off. What has come so far is not the whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The session that asked is over: signed out, ended by its owner from elsewhere, by time, or by a change of the account.
    #[error("the session that asked for the export is over")]
    Ended,
    /// A section could not be read.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl ExportDocument {
    pub(crate) fn new(inner: Arc<Inner>, current: &CurrentSession) -> Self {
        let (user, session) = (current.user().clone(), current.session().clone());
        let exported_at = inner.clock.now();
        Self { inner, user, session, digest: current.digest(), exported_at, at: At::Beginning }
    }

    /// The next piece; `None` after the last.
    ///
    /// # Errors
    ///
    /// When the rest cannot be had. The document is broken off then, and nothing more comes of it.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        // Whatever goes wrong below, this is where it ended.
        match std::mem::replace(&mut self.at, At::End) {
            At::Beginning => {
                self.at = self.section(0);
                let head = format!("{{\"schema_version\":{SCHEMA_VERSION},\"exported_at\":\"{}\"", self.exported_at);
                Ok(Some(head.into_bytes()))
            }
            At::Section { index, after, empty } => self.page(index, after, empty).await.map(Some),
            At::Omissions => Ok(Some(format!(",\"omissions\":{}}}\n", self.omissions()).into_bytes())),
            At::End => Ok(None),
        }
    }

    async fn page(&mut self, index: usize, after: Option<String>, empty: bool) -> Result<Vec<u8>, ExportError> {
        let section = self.inner.export_sections[index].clone();
        let user = self.standing_user().await?;
        let account = ExportAccount { user: &user, session: &self.session };
        let ExportPage { records, next } = section.page(&account, after.as_deref()).await?;
        let mut piece = Vec::new();
        if after.is_none() {
            piece.extend_from_slice(format!(",\"{}\":", section.name()).as_bytes());
        }
        if section.shape() == ExportShape::One {
            write(&mut piece, records.first().unwrap_or(&Value::Null));
            self.at = self.section(index + 1);
            return Ok(piece);
        }
        if after.is_none() {
            piece.push(b'[');
        }
        let mut empty = empty;
        for record in &records {
            piece.extend_from_slice(if empty { b"\n" } else { b",\n" });
            write(&mut piece, record);
            empty = false;
        }
        self.at = match next {
            Some(next) => At::Section { index, after: Some(next), empty },
            None => {
                piece.push(b']');
                self.section(index + 1)
            }
        };
        Ok(piece)
    }

    /// The account as it is now, while the session that asked is a good one.
    async fn standing_user(&self) -> Result<User, ExportError> {
        let (stores, user, session) = (&self.inner.stores, self.user.id, &self.session);
        let found = match stores.sessions.find(self.digest).await.map_err(FlowError::from)? {
            Some(found) => Some((found.session, found.user)),
            // It may go on under another token.
            None => {
                let sessions = stores.sessions.list(user, super::sessions::AT_MOST).await.map_err(FlowError::from)?;
                let session = sessions.into_iter().find(|other| other.id == session.id);
                let account = stores.accounts.find(user).await.map_err(FlowError::from)?;
                session.zip(account.map(|account| account.user))
            }
        };
        let now = self.inner.clock.now();
        let stands = |found: &(Session, User)| {
            found.0.id == session.id && !found.0.is_expired(now) && found.1.stands(self.user.epochs)
        };
        found.filter(stands).map(|(_, user)| user).ok_or(ExportError::Ended)
    }

    fn section(&self, index: usize) -> At {
        if index < self.inner.export_sections.len() {
            At::Section { index, after: None, empty: true }
        } else {
            At::Omissions
        }
    }

    fn omissions(&self) -> Value {
        let of = |section: &Arc<dyn ExportSection>| {
            let name = section.name();
            let told =
                |omission: &super::Omission| json!({ "section": name, "what": omission.what, "why": omission.why });
            section.omissions().iter().map(told).collect::<Vec<_>>()
        };
        self.inner.export_sections.iter().flat_map(of).collect()
    }
}

fn write(piece: &mut Vec<u8>, record: &Value) {
    serde_json::to_writer(piece, record).expect("values have text keys, and memory takes them");
}

impl fmt::Debug for ExportDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportDocument").field("exported_at", &self.exported_at).finish_non_exhaustive()
    }
}
