#![doc = include_str!("../README.md")]

mod console;
mod dir;
mod eml;
mod links;
#[cfg(feature = "smtp")]
mod smtp;
mod target;
pub mod templates;
mod words;

pub use console::ConsoleMailer;
pub use dir::DirMailer;
pub use eml::{Sender, to_eml};
pub use links::Links;
#[cfg(feature = "smtp")]
pub use smtp::{InvalidSmtpUrl, SmtpFailure, SmtpMailer, SmtpUrl};
pub use target::{InvalidTarget, MailTarget, OpenError};
pub use templates::{KindTemplates, TemplateFaults, Templates, TemplatesBuilder};
