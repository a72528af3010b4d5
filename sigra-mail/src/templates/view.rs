//! What a template sees.

use std::collections::BTreeMap;

use serde::Serialize;
use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::Facts;

use super::fault::Fault;
use crate::links::Links;
use crate::words::{moment, one_line, owed_at, span};

/// What a template sees: the variables of every mail template.
///
/// Texts are single lines: control characters, line separators and directional marks are taken out. A field that is
/// missing is undefined: printing it is an error, `{% if … %}` asks for it. Fields are added over time; none is renamed
/// or removed within a major version.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct View<'a> {
    /// The name of the product, as configured.
    pub product: &'a str,
    /// The address the mail goes to. For a kind that goes to an unproven address, a stranger typed it.
    pub to: &'a str,
    /// Links that carry a token of this mail, by name: `links.confirm`, `links.magic_link`, `links.reset_password`,
    /// `links.not_me`, `links.email_change`, `links.email_change_cancel`, `links.reactivate`. Secret, and good for one use.
    pub links: BTreeMap<&'a str, String>,
    /// Pages, by name: `urls.login`, `urls.confirm`, `urls.magic_link`, `urls.reset_password`, `urls.sessions`, and what
    /// the host added.
    pub urls: &'a BTreeMap<String, String>,
    /// Six digits. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// When what the mail reports happened or was asked for, as in "23 November 2026, 18:05 UTC". Always there.
    pub at: String,
    /// When what the mail announces will happen, as in "23 November 2026, 18:05 UTC".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// How long the links are good for, counted from `at`, as in "15 minutes", "48 hours", "3 days".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<String>,
    /// How long the code is good for, counted from `at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_valid_for: Option<String>,
    /// The device, as in "Firefox on Linux".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The place, as in "Lisbon, PT". A guess from the network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// How many are left of what was used up by one, which may be 0: ask with `is defined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// What the mail is about, as in "iCloud Keychain".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        product: &'a str,
        links: &'a Links,
        id: MailId,
        to: &'a EmailAddress,
        facts: &'a Facts,
    ) -> Result<Self, Fault> {
        Ok(Self {
            product,
            to: to.as_str(),
            links: tokened(links, facts)?,
            urls: links.pages(),
            code: facts.code.as_ref().map(|code| code.as_str()),
            at: moment(facts.at.unwrap_or_else(|| owed_at(id))),
            due: facts.due_at.map(moment),
            valid_for: facts.valid_secs.map(span),
            code_valid_for: facts.code_valid_secs.map(span),
            device: line(facts.device.as_deref()),
            place: line(facts.place.as_deref()),
            ip: line(facts.ip.as_deref()),
            left: facts.left,
            what: line(facts.what.as_deref()),
        })
    }
}

fn tokened<'a>(links: &Links, facts: &'a Facts) -> Result<BTreeMap<&'a str, String>, Fault> {
    let mut tokened = BTreeMap::new();
    for (name, token) in &facts.tokens {
        // The unreserved characters of RFC 3986 §2.3: base64url, and nothing that could leave the path.
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
            return Err(Fault::other(format!("the token `{name}` does not fit into a URL")));
        }
        if let Some(url) = links.with_token(name, token) {
            tokened.insert(name.as_str(), url);
        }
    }
    Ok(tokened)
}

fn line(text: Option<&str>) -> Option<String> {
    text.map(one_line).filter(|text| !text.trim().is_empty())
}
