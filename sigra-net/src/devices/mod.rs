//! Browsers and systems, from the `User-Agent` header.

use std::fmt;

use serde::Deserialize;
use sigra_core::CommonBrowsers;
use sigra_core::ports::DeviceDescriber;
use ua_parser::{os, user_agent};

/// Names browsers, applications and systems by the patterns of [uap-core](https://github.com/ua-parser/uap-core), as in
/// "Firefox on Windows".
///
/// The patterns are part of this crate. What they find is looked up in a table of this crate's own words: nothing of the
/// header is ever repeated, though some patterns would take a name out of it. What has no word here is left to
/// [`CommonBrowsers`]. Versions are left out, since a browser that updates itself is still the same device to its owner.
///
/// Looks at the first [`UserAgents::MAX_BYTES`] of a header, in time that grows with its length alone: the expressions are
/// automata and do not backtrack.
pub struct UserAgents {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

impl UserAgents {
    /// How much of a header is looked at, in bytes. A [`ClientInfo`](sigra_core::client::ClientInfo) holds no more.
    pub const MAX_BYTES: usize = 512;

    /// Compiles the patterns, which takes a tenth of a second and some ten megabytes: make one, at start-up.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the patterns are part of the crate, and compiling them is tested")]
    pub fn new() -> Self {
        #[expect(clippy::unwrap_used, reason = "invariant: the file in the crate is one this can compile")]
        Self::compile(include_str!("../../data/user-agents.json")).unwrap()
    }

    fn compile(patterns: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let patterns: Patterns = serde_json::from_str(patterns)?;
        let browsers = user_agent::Builder::new().push_all(patterns.user_agent_parsers)?.build()?;
        let systems = os::Builder::new().push_all(patterns.os_parsers)?.build()?;
        Ok(Self { browsers, systems })
    }

    fn browser(&self, header: &str) -> Option<&'static str> {
        word(BROWSERS, &self.browsers.extract(header)?.family)
    }

    fn system(&self, header: &str) -> Option<&'static str> {
        let system = self.systems.extract(header)?.os;
        // The patterns tell the version and not the device, which is what its owner knows it by.
        if system == "iOS" && header.contains("iPad") {
            return Some("iPad");
        }
        word(SYSTEMS, &system)
    }
}

impl Default for UserAgents {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for UserAgents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgents").finish_non_exhaustive()
    }
}

impl DeviceDescriber for UserAgents {
    fn describe(&self, user_agent: Option<&str>) -> String {
        let header = user_agent.map(start).unwrap_or_default();
        match (self.browser(header), self.system(header)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            // A program's own name says enough.
            (Some(browser), None) => browser.to_owned(),
            (None, _) => CommonBrowsers.describe(Some(header)),
        }
    }
}

fn start(header: &str) -> &str {
    &header[..header.floor_char_boundary(UserAgents::MAX_BYTES)]
}

fn word(table: &[(&str, &'static str)], found: &str) -> Option<&'static str> {
    table.binary_search_by(|(name, _)| (*name).cmp(found)).ok().map(|at| table[at].1)
}

#[derive(Deserialize)]
struct Patterns {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

/// What the patterns call it, in the order of bytes, and what people call it.
const BROWSERS: &[(&str, &str)] = &[
    ("Amazon Silk", "Silk"),
    ("Android", "Android Browser"),
    ("Apple Mail", "Apple Mail"),
    ("Baidu Browser", "Baidu Browser"),
    ("Brave", "Brave"),
    ("Chrome", "Chrome"),
    ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile WebView", "An app"),
    ("Chrome Mobile iOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Coc Coc", "Coc Coc"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("DuckDuckGo Mobile", "DuckDuckGo"),
    ("Edge", "Edge"),
    ("Edge Mobile", "Edge"),
    ("Electron", "An app"),
    ("Epiphany", "GNOME Web"),
    ("Facebook", "Facebook"),
    ("Facebook Messenger", "Facebook Messenger"),
    ("Firefox", "Firefox"),
    ("Firefox Alpha", "Firefox"),
    ("Firefox Beta", "Firefox"),
    ("Firefox Mobile", "Firefox"),
    ("Firefox iOS", "Firefox"),
    ("Go-http-client", "A program written in Go"),
    ("Google", "Google app"),
    ("Googlebot", "Googlebot"),
    ("HeadlessChrome", "Automated Chrome"),
    ("Huawei Browser", "Huawei Browser"),
    ("IE", "Internet Explorer"),
    ("IE Mobile", "Internet Explorer"),
    ("Iceweasel", "Iceweasel"),
    ("Instagram", "Instagram"),
    ("Konqueror", "Konqueror"),
    ("LinkedIn", "LinkedIn"),
    ("Maxthon", "Maxthon"),
    ("MiuiBrowser", "Mi Browser"),
    ("Mobile Safari", "Safari"),
    ("Mobile Safari UI/WKWebView", "An app"),
    ("Oculus Browser", "Meta Quest Browser"),
    ("Opera", "Opera"),
    ("Opera Mini", "Opera Mini"),
    ("Opera Mobile", "Opera"),
    ("Opera Tablet", "Opera"),
    ("Outlook", "Outlook"),
    ("Pale Moon", "Pale Moon"),
    ("PhantomJS", "PhantomJS"),
    ("Pinterest", "Pinterest"),
    ("PostmanRuntime", "Postman"),
    ("Puffin", "Puffin"),
    ("Python Requests", "A program written in Python"),
    ("QQ Browser", "QQ Browser"),
    ("QQ Browser Mobile", "QQ Browser"),
    ("Safari", "Safari"),
    ("Samsung Internet", "Samsung Internet"),
    ("SeaMonkey", "SeaMonkey"),
    ("Slack Desktop Client", "Slack"),
    ("Snapchat", "Snapchat"),
    ("Sogou Explorer", "Sogou Explorer"),
    ("Thunderbird", "Thunderbird"),
    ("Twitter", "Twitter"),
    ("UC Browser", "UC Browser"),
    ("Vivaldi", "Vivaldi"),
    ("Wget", "Wget"),
    ("Whale", "Whale"),
    ("WhatsApp", "WhatsApp"),
    ("Yandex Browser", "Yandex Browser"),
    ("axios", "A program written in JavaScript"),
    ("curl", "curl"),
    ("okhttp", "An app"),
];

/// What the patterns call it, in the order of bytes, and what people call it.
const SYSTEMS: &[(&str, &str)] = &[
    ("ATV OS X", "Apple TV"),
    ("Android", "Android"),
    ("Arch Linux", "Linux"),
    ("Chrome OS", "ChromeOS"),
    ("Chromecast Android", "Chromecast"),
    ("Chromecast Fuchsia", "Chromecast"),
    ("Chromecast Linux", "Chromecast"),
    ("Debian", "Linux"),
    ("Fedora", "Linux"),
    ("FreeBSD", "FreeBSD"),
    ("Gentoo", "Linux"),
    ("KaiOS", "KaiOS"),
    ("Linux", "Linux"),
    ("Linux Mint", "Linux"),
    ("Mac OS", "macOS"),
    ("Mac OS X", "macOS"),
    ("NetBSD", "NetBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Red Hat", "Linux"),
    ("SUSE", "Linux"),
    ("Solaris", "Solaris"),
    ("Tizen", "Tizen"),
    ("Ubuntu", "Linux"),
    ("WatchOS", "Apple Watch"),
    ("Web0S", "webOS"),
    ("Windows", "Windows"),
    ("Windows Phone", "Windows Phone"),
    ("iOS", "iPhone"),
    ("tvOS", "Apple TV"),
];

#[cfg(test)]
mod tests;
