//! [`Clock`] and [`DeviceDescriber`].

use std::sync::Arc;

use sigra_core::ports::DeviceDescriber;
use sigra_core::time::Clock;

use super::support::*;

/// A clock never goes back, from whatever thread it is asked.
pub async fn a_clock_never_goes_back(clock: &Arc<dyn Clock>) {
    let before = clock.now();
    let seen = race(CONTENDERS, |_| {
        let clock = clock.clone();
        async move { (0..1_000).map(|_| clock.now()).collect::<Vec<_>>() }
    })
    .await;
    let after = clock.now();
    for moments in seen {
        assert!(moments.is_sorted(), "time went back");
        assert!(moments.iter().all(|moment| (before..=after).contains(moment)), "threads disagree");
    }
}

/// A description repeats nothing of the header but words the describer knows, whatever the header is, and is short.
pub fn a_description_repeats_no_header(describer: &dyn DeviceDescriber) {
    let marks = ["<script>", "zyxwvut", "\u{202e}", "{{"];
    let browsers = ["", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.0 "];
    for browser in browsers {
        for mark in marks {
            for header in [format!("{mark}{browser}"), format!("{browser}{mark}"), browser.replace(' ', mark)] {
                let description = describer.describe(Some(&header));
                assert!(!description.contains(mark), "{description:?}");
                assert!(!description.is_empty() && description.chars().count() <= 100, "{description:?}");
            }
        }
    }
    assert!(!describer.describe(None).is_empty());
}
