//! What the pages show: one typed view model for each page.
//!
//! A template reads its page's fields as `view.email`, `view.errors` and so on; the documentation of each type here is
//! therefore also the documentation for whoever overrides a template. No view ever holds a password.
//!
//! Texts are shown as they are, escaped. Times may be RFC 3339, which the embedded templates word for people.

mod deletion;
mod second_factors;
mod sessions;

use serde::Serialize;

pub use crate::email_change::views::{
    EmailChangeCancelView, EmailChangeTokenView, EmailSettingsView, PendingEmailView,
};
use crate::problem::FieldError;
pub use deletion::{DeleteAccountView, ReactivateView, UndoDeletionView};
pub use second_factors::{
    BackupCodesView, MfaEnrollmentView, MfaSection, MfaSettingsView, MfaView, PasskeyRow, PasskeySection,
    TotpSecretView, TotpSetupView, TrustedBrowserRow,
};
pub use sessions::{SecurityEventRow, SecurityHistoryView, SessionRow, SessionsView, SettingsView};

/// The version of the view models. It grows when a field that templates may read is removed or changes its meaning.
pub const VERSION: u32 = 1;

/// The faults of a form. In a template, a list of `field`, `code` and `message`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Errors(Vec<FieldError>);

impl From<Vec<FieldError>> for Errors {
    fn from(errors: Vec<FieldError>) -> Self {
        Self(errors)
    }
}

impl Errors {
    /// The sentences that a page must show.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|error| error.message.as_str())
    }
}

/// A link to follow next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Where it leads: a local path.
    pub href: String,
    /// What it says.
    pub text: String,
}

/// `register.html`: asks for an address and a password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RegisterView {
    /// What was typed.
    pub email: String,
    /// Faults of `email` and `password`.
    pub errors: Errors,
}

/// `confirm.html`: takes the mailed code, and offers to send the mail again.
///
/// People also land here right after registering, so it must say the same whether or not the address was free.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfirmView {
    /// What was typed.
    pub email: String,
    /// Faults of `email` and `code`.
    pub errors: Errors,
}

/// `confirm_token.html`: where the link of the confirmation mail leads. Its button redeems the link.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmTokenView {
    /// The address that would be confirmed.
    pub email: String,
    /// When the registration was sent.
    pub submitted_at: String,
    /// The device that sent it, in words, while that is known.
    pub device: Option<String>,
    /// The path the button posts to.
    pub action: String,
}

/// `sign_in_confirm.html`: the address must be proven before the sign-in is complete.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SignInConfirmView {
    /// The account.
    pub email: String,
    /// Whether it was proven meanwhile, by a link, so that nothing more is owed.
    pub proven: bool,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `code`.
    pub errors: Errors,
}

/// `check_mail.html`: the answer to every request for a mail, whether or not there is an account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckMailView {}

/// `login.html`: signs in with address and password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginView {
    /// What was typed.
    pub email: String,
    /// Whether the box was ticked.
    pub remember_me: bool,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// The one sentence that every failure answers with.
    pub error: Option<String>,
}

/// `magic_link.html`: asks for a sign-in link by mail.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MagicLinkView {
    /// What was typed.
    pub email: String,
    /// Faults of `email`.
    pub errors: Errors,
}

/// `magic_link_token.html`: where a sign-in link leads. Its button signs this browser in.
#[derive(Clone, Debug, Serialize)]
pub struct MagicLinkTokenView {
    /// The account the link signs in to.
    pub email: String,
    /// When the link was asked for.
    pub requested_at: String,
    /// The other account that is signed in to in this browser.
    pub signed_in_as: Option<String>,
    /// The path the button posts to.
    pub action: String,
}

/// `reset_password.html`: asks for a link to set a new password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResetPasswordView {
    /// What was typed.
    pub email: String,
    /// Faults of `email`.
    pub errors: Errors,
}

/// `reset_password_token.html`: where a reset link leads. Takes the new password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResetPasswordTokenView {
    /// The account, for password managers to file the new password under.
    pub email: String,
    /// The path the form posts to.
    pub action: String,
    /// Faults of `password`.
    pub errors: Errors,
}

/// `password.html`: changes the password of whoever is signed in, or sets a first one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PasswordView {
    /// The account, for password managers to file the new password under.
    pub email: String,
    /// Whether there is a password, which must be shown to change it.
    pub has_password: bool,
    /// When it was last changed; `None` while it is the one the account was made with, and where there is none.
    pub changed_at: Option<String>,
    /// Faults of `current_password` and `password`.
    pub errors: Errors,
}

/// `password_change.html`: the password must be replaced before the sign-in is complete.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PasswordChangeView {
    /// The account, for password managers to file the new password under.
    pub email: String,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `password`.
    pub errors: Errors,
}

/// `sudo.html`: asks to authenticate again before something sensitive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SudoView {
    /// The account that is signed in.
    pub email: String,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Whether the account has a second factor and must show one; the password alone does not do then.
    pub demanded: bool,
    /// Whether the account has a password.
    pub has_password: bool,
    /// The factors with a code that the account has: `totp`, `backup_code`.
    pub methods: Vec<String>,
    /// The one whose code was typed.
    pub method: String,
    /// Whether the account has a passkey.
    pub passkey: bool,
    /// The sign-in page, which leads where this one does. Signing in anew confirms as well, and is what is left to an account
    /// that has nothing to show here.
    pub sign_in: String,
    /// Faults of `password` and `code`.
    pub errors: Errors,
}

/// `not_me.html`: where "this was not me" in a notice leads. Its button ends every session of the account.
#[derive(Clone, Debug, Serialize)]
pub struct NotMeView {
    /// The account.
    pub email: String,
    /// The path the button posts to.
    pub action: String,
}

/// `message.html`: says what happened.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// The heading.
    pub title: String,
    /// What happened and what to do next.
    pub paragraphs: Vec<String>,
    /// Where to go from here.
    pub link: Option<Link>,
}

impl MessageView {
    /// What is said after somebody answered "this was not me".
    #[must_use]
    pub fn rescued(login_href: String) -> Self {
        Self {
            title: "Your account is signed out everywhere".to_owned(),
            paragraphs: vec![
                "Every session was ended, so nobody is using your account any more.".to_owned(),
                "We are sending you a mail with a link to set a new password. Use it before you sign in again."
                    .to_owned(),
            ],
            link: Some(Link { href: login_href, text: "Go to sign in".to_owned() }),
        }
    }
}

/// `error.html`: what went wrong, when there is no form to show it beside.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorView {
    /// The status of the answer.
    pub status: u16,
    /// The heading.
    pub title: String,
    /// What happened and what can be done.
    pub sentence: String,
    /// Where to go from here.
    pub next: Option<Link>,
    /// What finds the fault in the log.
    pub request_id: Option<String>,
}

macro_rules! views {
    ($($(#[$doc:meta])* $page:ident($view:ident) => $template:literal,)+) => {
        /// Any page.
        #[derive(Clone, Debug, Serialize)]
        #[serde(untagged)]
        pub enum View {
            $($(#[$doc])* $page($view),)+
        }

        impl View {
            /// The name of the page's template.
            #[must_use]
            pub const fn template(&self) -> &'static str {
                match self {
                    $(Self::$page(_) => $template,)+
                }
            }
        }

        $(impl From<$view> for View {
            fn from(view: $view) -> Self {
                Self::$page(view)
            }
        })+
    };
}

views! {
    /// Create an account.
    Register(RegisterView) => "register.html",
    /// Confirm an address by code.
    Confirm(ConfirmView) => "confirm.html",
    /// Confirm an address by link.
    ConfirmToken(ConfirmTokenView) => "confirm_token.html",
    /// A mail may be on its way.
    CheckMail(CheckMailView) => "check_mail.html",
    /// Sign in.
    Login(LoginView) => "login.html",
    /// Ask for a sign-in link.
    MagicLink(MagicLinkView) => "magic_link.html",
    /// Follow a sign-in link.
    MagicLinkToken(MagicLinkTokenView) => "magic_link_token.html",
    /// Ask for a reset link.
    ResetPassword(ResetPasswordView) => "reset_password.html",
    /// Set a new password.
    ResetPasswordToken(ResetPasswordTokenView) => "reset_password_token.html",
    /// Change the password.
    Password(PasswordView) => "password.html",
    /// Replace the password while signing in.
    PasswordChange(PasswordChangeView) => "password_change.html",
    /// Show the password again.
    Sudo(SudoView) => "sudo.html",
    /// Show the second factor.
    Mfa(MfaView) => "mfa.html",
    /// Prove the address while signing in.
    SignInConfirm(SignInConfirmView) => "sign_in_confirm.html",
    /// Set up a second factor while signing in.
    MfaEnrollment(MfaEnrollmentView) => "mfa_enrollment.html",
    /// Set up an authenticator app.
    TotpSetup(TotpSetupView) => "totp_setup.html",
    /// The backup codes.
    BackupCodes(BackupCodesView) => "backup_codes.html",
    /// Second factors, passkeys and trusted browsers.
    MfaSettings(MfaSettingsView) => "mfa_settings.html",
    /// It was somebody else.
    NotMe(NotMeView) => "not_me.html",
    /// Change the address.
    EmailSettings(EmailSettingsView) => "email_settings.html",
    /// Confirm a new address by link.
    EmailChangeToken(EmailChangeTokenView) => "email_change_token.html",
    /// Undo a change of address by link.
    EmailChangeCancel(EmailChangeCancelView) => "email_change_cancel.html",
    /// Delete the account.
    DeleteAccount(DeleteAccountView) => "delete_account.html",
    /// Keep the account, in the middle of signing in.
    Reactivate(ReactivateView) => "reactivate.html",
    /// Keep the account, by link.
    UndoDeletion(UndoDeletionView) => "undo_deletion.html",
    /// What happened.
    Message(MessageView) => "message.html",
    /// Where the settings begin.
    Settings(SettingsView) => "settings.html",
    /// Where the account is signed in.
    Sessions(SessionsView) => "sessions.html",
    /// What happened to the account.
    SecurityHistory(SecurityHistoryView) => "security_history.html",
    /// What went wrong.
    Error(ErrorView) => "error.html",
}
