//! Wording a `User-Agent` for people.

use crate::ports::DeviceDescriber;

/// Recognizes the common browsers and systems. A display hint: the header is whatever the client says it is, so nothing
/// of it is repeated.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommonBrowsers;

/// In this order: most browsers name the ones they descend from.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
];

impl DeviceDescriber for CommonBrowsers {
    fn describe(&self, user_agent: Option<&str>) -> String {
        let header = user_agent.unwrap_or_default();
        let find = |table: &[(&str, &'static str)]| {
            table.iter().find(|(mark, _)| header.contains(mark)).map(|(_, name)| *name)
        };
        match (find(BROWSERS), find(SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, Some(system)) => format!("An unknown browser on {system}"),
            (None, None) => String::from("An unknown device"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_descendant_and_never_repeats_the_header() {
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0";
        assert_eq!(CommonBrowsers.describe(Some(edge)), "Edge on Windows");
        let ios = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 CriOS/130 Safari/604";
        assert_eq!(CommonBrowsers.describe(Some(ios)), "Chrome on iPhone");
        assert_eq!(CommonBrowsers.describe(Some("<script>alert(1)</script>")), "An unknown device");
        assert_eq!(CommonBrowsers.describe(None), "An unknown device");
    }
}
