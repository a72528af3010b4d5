//! Where a sign-in leads: a path on this host, or nowhere.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A path on this host, with its query.
///
/// It starts with one `/`. It holds no `//`, no `/..`, no backslash, no control character and no fragment, nor anything
/// that decodes to one of them, once or twice. So whatever a browser makes of it stays here (OWASP ASVS 5.0, V3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    const MAX_BYTES: usize = 2_048;

    /// Takes the text if it is a local path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (text.len() <= Self::MAX_BYTES && printable && stays_here(text, 2)).then(|| Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as the value of a query parameter.
    #[must_use]
    pub fn as_query_value(&self) -> String {
        const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');
        utf8_percent_encode(&self.0, &UNRESERVED).to_string()
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn stays_here(text: &str, decode: u8) -> bool {
    let (path, _) = text.split_once('?').unwrap_or((text, ""));
    let local = path.starts_with('/')
        && !path.contains("//")
        && !path.contains("/..")
        && !text.contains(['\\', '#'])
        && !text.chars().any(char::is_control);
    if !local || decode == 0 || !text.contains('%') {
        return local;
    }
    percent_decode_str(text).decode_utf8().is_ok_and(|decoded| stays_here(&decoded, decode - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cs_08_nothing_that_leads_elsewhere_is_taken() {
        for bad in [
            "",
            "evil",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%5cevil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/a//b",
            "/a/%2f/b",
            "/../x",
            "/a/../b",
            "/a/..",
            "/%2e%2e/x",
            "/.%2e/x",
            "/%252e%252e/x",
            "/%252fevil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "@evil.example",
            "/a\r\nSet-Cookie: x=1",
            "/a%0d%0aSet-Cookie:%20x=1",
            "/a%250d%250a",
            "/a\0",
            "/a%00",
            "/\t/evil",
            " /a",
            "/a b",
            "/ä",
            "/%ff",
            "/a#frag",
            "/a%23b",
            "/?next=\\evil",
        ] {
            assert_eq!(ReturnTo::parse(bad), None, "{bad:?}");
        }
        assert_eq!(ReturnTo::parse(&format!("/{}", "a".repeat(2_048))), None);
    }

    #[test]
    fn local_paths_are_taken_as_they_are() {
        for good in [
            "/",
            "/me",
            "/a/b?x=1&y=%20z",
            "/auth/settings/sessions",
            "/a.b/c-d_e~f",
            "/%C3%A4",
            "/?u=https://x.example/",
        ] {
            assert_eq!(ReturnTo::parse(good).map(|path| path.to_string()).as_deref(), Some(good));
        }
        assert_eq!(ReturnTo::parse("/a?x=1&y=2").unwrap().as_query_value(), "/a%3Fx%3D1%26y%3D2");
    }

    proptest! {
        #[test]
        fn what_is_taken_resolves_to_this_host(text in "[/\\\\.a@:%25cf2e0d?#]{0,24}") {
            if let Some(path) = ReturnTo::parse(&text) {
                let base = url::Url::parse("https://here.example/auth/login").unwrap();
                let resolved = base.join(path.as_str()).unwrap();
                prop_assert_eq!(resolved.host_str(), Some("here.example"));
            }
        }

        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = ReturnTo::parse(&text);
        }
    }
}
