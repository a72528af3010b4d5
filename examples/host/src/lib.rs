//! What the example hosts share.
//!
//! A host is its framework plus this: [`run`] for its process, and [`pages`] for the few pages of its own. What [`run`] is
//! made of is there for hosts that need something else: [`Settings`] from the environment, [`Host::open`] to assemble
//! everything, [`Host::work`] for the background.

mod clock;
mod host;
mod logging;
pub mod pages;
mod run;
mod settings;

pub use host::{Host, OpenError, shut_down};
pub use logging::start as start_logging;
pub use run::{Stop, run};
pub use settings::{Settings, SettingsError, environment, listen_address};

/// The code in the guides compiles. That of `database.md` is tried by the store, that of `getting-started.md` and the README by
/// the facade, that of `custom-user-fields.md`, `hooks.md` and `testing-your-app.md` by tests of the axum example, which run it.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../docs/guides/account-lifecycle.md")]
    struct AccountLifecycle;
    #[doc = include_str!("../../../docs/guides/deployment.md")]
    struct Deployment;
    #[doc = include_str!("../../../docs/guides/email-change.md")]
    struct EmailChange;
    #[doc = include_str!("../../../docs/guides/email-delivery.md")]
    struct EmailDelivery;
    #[doc = include_str!("../../../docs/guides/housekeeping.md")]
    struct Housekeeping;
    #[doc = include_str!("../../../docs/guides/login.md")]
    struct Login;
    #[doc = include_str!("../../../docs/guides/mail-templates.md")]
    struct MailTemplates;
    #[doc = include_str!("../../../docs/guides/overriding-pages-and-mails.md")]
    struct OverridingPagesAndMails;
    #[doc = include_str!("../../../docs/guides/password-reset.md")]
    struct PasswordReset;
    #[doc = include_str!("../../../docs/guides/registration.md")]
    struct Registration;
    #[doc = include_str!("../../../docs/guides/sessions.md")]
    struct Sessions;
}
