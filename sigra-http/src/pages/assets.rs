//! The stylesheet and the script.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub(super) static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("../../assets/sigra.css")));
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("../../assets/sigra.js")));

/// A file that is served as it is, for good under the hash of its content.
pub(super) struct Asset {
    content: &'static str,
    hash: String,
}

impl Asset {
    fn new(content: &'static str) -> Self {
        let mut hash = String::new();
        for byte in &Sha256::digest(content)[..8] {
            write!(hash, "{byte:02x}").expect("writing to a string does not fail");
        }
        Self { content, hash }
    }

    pub(super) fn parts(&self) -> (&str, &str) {
        (self.content, &self.hash)
    }
}

/// Where the layout finds them.
#[derive(Serialize)]
pub(super) struct Urls {
    stylesheet: String,
    script: String,
}

impl Urls {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            stylesheet: format!("{prefix}/assets/sigra.css?v={}", STYLESHEET.hash),
            script: format!("{prefix}/assets/sigra.js?v={}", SCRIPT.hash),
        }
    }
}
