//! Where the links in mails lead.

use std::collections::BTreeMap;

/// The URLs mails are made of.
///
/// They come from configuration, never from a request, so a forged `Host` header has no say in them. Two sorts:
///
/// - *links* take the token of one mail: `{token}` in the URL is replaced by it, and without a `{token}` it is
///   appended;
/// - *pages* take none.
///
/// ```
/// use sigra_mail::Links;
///
/// let links = Links::mounted_at("https://app.example/auth")
///     .link("invitation", "https://app.example/auth/invitations/{token}/accept")
///     .page("help", "https://app.example/help");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    links: BTreeMap<String, String>,
    pages: BTreeMap<String, String>,
}

impl Links {
    /// No URLs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The URLs the default templates need, for the toolkit's own pages mounted at `base`: the public URL and the mount
    /// prefix, as in `https://app.example/auth`.
    #[must_use]
    pub fn mounted_at(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        let at = |path: &str| format!("{base}/{path}");
        Self::new()
            .link("confirm", at("confirm/{token}"))
            .link("magic_link", at("magic-link/{token}"))
            .link("reset_password", at("reset-password/{token}"))
            .link("not_me", at("not-me/{token}"))
            .link("email_change", at("email-change/{token}"))
            .link("email_change_cancel", at("email-change/{token}/cancel"))
            .link("reactivate", at("reactivate/{token}"))
            .page("login", at("login"))
            .page("confirm", at("confirm"))
            .page("magic_link", at("magic-link"))
            .page("reset_password", at("reset-password"))
            .page("sessions", at("settings/sessions"))
    }

    /// Adds or replaces the link for the tokens named `name`.
    #[must_use]
    pub fn link(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.links.insert(name.into(), url.into());
        self
    }

    /// Adds or replaces a page.
    #[must_use]
    pub fn page(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.pages.insert(name.into(), url.into());
        self
    }

    /// Drops a page the host does not serve. The default templates then do not speak of it.
    #[must_use]
    pub fn without_page(mut self, name: &str) -> Self {
        self.pages.remove(name);
        self
    }

    /// The URL that carries `token`; nothing when no link has that name.
    pub(crate) fn with_token(&self, name: &str, token: &str) -> Option<String> {
        let url = self.links.get(name)?;
        if url.contains(TOKEN) { Some(url.replace(TOKEN, token)) } else { Some(format!("{url}{token}")) }
    }

    pub(crate) const fn pages(&self) -> &BTreeMap<String, String> {
        &self.pages
    }

    /// What is wrong with the URLs.
    pub(crate) fn faults(&self) -> impl Iterator<Item = String> {
        let links = self.links.iter().map(|(name, url)| ("link", name, url));
        let pages = self.pages.iter().map(|(name, url)| ("page", name, url));
        links
            .chain(pages)
            .filter(|(_, _, url)| !acceptable(url))
            .map(|(sort, name, url)| format!("the {sort} `{name}` is not an http or https URL in plain ASCII: {url:?}"))
    }
}

const TOKEN: &str = "{token}";

fn acceptable(url: &str) -> bool {
    // What stands here stands in every mail, in text and in HTML: it must not be able to end a line or a link.
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !br#""'<>\`"#.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_where_the_url_says() {
        let links = Links::new().link("a", "https://x.example/a/").link("b", "https://x.example/{token}/undo");
        assert_eq!(links.with_token("a", "T").as_deref(), Some("https://x.example/a/T"));
        assert_eq!(links.with_token("b", "T").as_deref(), Some("https://x.example/T/undo"));
        assert_eq!(links.with_token("c", "T"), None);
    }

    #[test]
    fn the_mount_may_end_with_a_slash_or_not() {
        assert_eq!(Links::mounted_at("http://localhost:3000/auth/"), Links::mounted_at("http://localhost:3000/auth"));
        let links = Links::mounted_at("http://localhost:3000/auth");
        assert_eq!(links.with_token("not_me", "T").as_deref(), Some("http://localhost:3000/auth/not-me/T"));
        assert_eq!(links.faults().count(), 0);
    }

    #[test]
    fn urls_that_could_leave_their_line_or_attribute_are_faults() {
        for bad in [
            "",
            "app.example/auth",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://x.example/\nhttps://evil.example/",
            "https://x.example/\"onclick=",
            "https://x.example/a b",
            "https://bücher.example/",
        ] {
            assert_eq!(Links::new().page("p", bad).faults().count(), 1, "{bad:?}");
            assert_eq!(Links::new().link("l", bad).faults().count(), 1, "{bad:?}");
        }
        assert_eq!(Links::new().link("l", "https://[::1]:3000/#/a?b=c&token=").faults().count(), 0);
    }
}
