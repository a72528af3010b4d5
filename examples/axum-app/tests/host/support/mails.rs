//! The folder that mails are put into.

use std::fs;
use std::path::{Path, PathBuf};

/// A mail that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) path: PathBuf,
    pub(crate) kind: String,
    pub(crate) to: String,
    lines: Vec<String>,
}

impl Mail {
    /// Everything in a folder, oldest first. A folder that is not there yet is empty.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\r\n"), "lines end as RFC 5322 says: {text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
        };
        let (kind, to) = (header("X-Sigra-Kind"), header("To"));
        Self { kind, to, lines: body.lines().map(|line| line.trim_end().to_owned()).collect(), path }
    }

    /// The path of the first link that is alone on its line.
    pub(crate) fn link(&self) -> String {
        let link = self.lines.iter().find(|line| line.starts_with("http") && !line.contains(' '));
        let link = link.unwrap_or_else(|| panic!("no link in {self:?}"));
        format!("/{}", link.splitn(4, '/').nth(3).unwrap())
    }

    /// The token at the end of that link.
    pub(crate) fn token(&self) -> String {
        self.link().rsplit('/').next().unwrap().to_owned()
    }

    /// The six-digit code that is alone on its line.
    pub(crate) fn code(&self) -> String {
        let code = self.lines.iter().find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no code in {self:?}")).clone()
    }
}
