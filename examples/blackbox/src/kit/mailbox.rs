//! The folder mails appear in.

use std::fs;
use std::path::{Path, PathBuf};

use mail_parser::MessageParser;

use super::eventually;

/// The folder mails appear in.
#[derive(Debug)]
pub struct Mailbox {
    folder: PathBuf,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mail {
    /// Its file's name.
    pub file: String,
    /// Its `Message-ID`.
    pub message_id: String,
    /// Its `X-Sigra-Kind`.
    pub kind: String,
    /// Whom it is for.
    pub to: String,
    /// Its plain text.
    pub text: String,
}

impl Mailbox {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Every mail, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        let mut files: Vec<_> = fs::read_dir(&self.folder)
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        files.retain(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "eml"));
        files.sort();
        files.iter().map(|path| Mail::read(path)).collect()
    }

    /// The mails of a kind to an address, oldest first.
    #[must_use]
    pub fn of(&self, to: &str, kind: &str) -> Vec<Mail> {
        self.all().into_iter().filter(|mail| mail.to == to && mail.kind == kind).collect()
    }

    /// Waits for the latest mail of a kind to an address, which is at least the `nth`, counted from one.
    pub fn nth(&self, nth: usize, to: &str, kind: &str) -> Mail {
        eventually(&format!("mail {nth} of kind {kind} to {to}"), || {
            let mut found = self.of(to, kind);
            (found.len() >= nth).then(|| found.pop()).flatten()
        })
    }

    /// Waits for the first mail of a kind to an address.
    pub fn first(&self, to: &str, kind: &str) -> Mail {
        self.nth(1, to, kind)
    }
}

impl Mail {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let message = MessageParser::default().parse(&bytes).unwrap();
        Self {
            file: path.file_name().unwrap().to_string_lossy().into_owned(),
            message_id: message.message_id().unwrap().to_owned(),
            kind: message.header_raw("X-Sigra-Kind").unwrap().trim().to_owned(),
            to: message.to().unwrap().first().unwrap().address().unwrap().to_owned(),
            text: message.body_text(0).unwrap().into_owned(),
        }
    }

    /// The path of the link that is alone on its line.
    #[must_use]
    pub fn link(&self) -> String {
        let lines: Vec<_> = self.text.lines().filter(|line| line.starts_with("http")).collect();
        assert!(!lines.is_empty() && !lines[0].contains(' '), "no link alone on its line: {}", self.text);
        let (_, rest) = lines[0].split_once("://").unwrap();
        rest[rest.find('/').unwrap()..].to_owned()
    }

    /// The token at the end of the link.
    #[must_use]
    pub fn token(&self) -> String {
        self.link().rsplit('/').next().unwrap().to_owned()
    }

    /// The six-digit code that is alone on its line.
    #[must_use]
    pub fn code(&self) -> String {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let mut codes = self.text.lines().filter(is_code);
        let code = codes.next().unwrap_or_else(|| panic!("no code alone on its line: {}", self.text));
        assert_eq!(codes.next(), None, "one code a mail");
        code.to_owned()
    }
}
