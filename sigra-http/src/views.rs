//! What the pages show: one typed view model for each page.
//!
//! A template reads its page's fields as `view.email`, `view.errors` and so on; the documentation of each type here is
//! therefore also the documentation for whoever overrides a template. No view ever holds a password.
//!
//! Texts are shown as they are, escaped. Times may be RFC 3339, which the embedded templates word for people.

use serde::Serialize;

use crate::problem::FieldError;

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

/// `mfa.html`: asks for the second factor of a sign-in.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaView {
    /// Whether the account has an authenticator app.
    pub totp: bool,
    /// Whether the account has backup codes left.
    pub backup_code: bool,
    /// Whether the account has a passkey.
    pub passkey: bool,
    /// The method whose code was typed: `totp` or `backup_code`.
    pub method: String,
    /// Whether the browser can be trusted afterwards.
    pub can_trust: bool,
    /// Whether that box was ticked.
    pub trust_browser: bool,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `code`.
    pub errors: Errors,
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

/// `mfa_enrollment.html`: a second factor must be set up before the sign-in is complete.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaEnrollmentView {
    /// The account.
    pub email: String,
    /// Whether a mailed code must be typed first.
    pub code_needed: bool,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `code`.
    pub errors: Errors,
}

/// `totp_setup.html`: the secret of an authenticator app, and the form for its first code.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TotpSetupView {
    /// The account.
    pub email: String,
    /// What is shown once; `None` when only the code is asked for again.
    pub secret: Option<TotpSecretView>,
    /// The path the form posts to.
    pub action: String,
    /// The path that starts over with another secret.
    pub restart_action: String,
    /// The page that leads back without turning it on; `None` in the middle of signing in, where signing out does.
    pub cancel: Option<String>,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `code`.
    pub errors: Errors,
}

/// The secret in [`TotpSetupView`].
#[derive(Clone, Debug, Serialize)]
pub struct TotpSecretView {
    /// To be typed: base32 in groups of four.
    pub text: String,
    /// To be opened on the device that has the app.
    pub otpauth_uri: String,
    /// To be scanned: a `data:` URL of an SVG image.
    pub qr_image: String,
}

/// `backup_codes.html`: the backup codes, which are shown once.
#[derive(Clone, Debug, Serialize)]
pub struct BackupCodesView {
    /// The account.
    pub email: String,
    /// Whether an authenticator app was set up just now.
    pub enrolled: bool,
    /// The codes.
    pub codes: Vec<String>,
    /// Where to go from here.
    pub next: Link,
}

/// `mfa_settings.html`: the second factors, passkeys and trusted browsers of an account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaSettingsView {
    /// The account.
    pub email: String,
    /// Whether the last proof is recent enough for changes.
    pub fresh: bool,
    /// Authenticator app and backup codes; `None` when the host does not offer them.
    pub mfa: Option<MfaSection>,
    /// Passkeys; `None` when the host does not offer them.
    pub passkeys: Option<PasskeySection>,
    /// The path of the form that was sent and that `errors` are about.
    pub form: Option<String>,
    /// The method of that form whose code was typed: `totp` or `backup_code`.
    pub method: String,
    /// The name that was typed into that form.
    pub nickname: String,
    /// Faults of `code` and `nickname`, and of removing the last way in, which has no field.
    pub errors: Errors,
}

/// Authenticator app and backup codes in [`MfaSettingsView`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaSection {
    /// When the authenticator app was set up; `None` when it is not.
    pub totp_since: Option<String>,
    /// How many backup codes are left.
    pub backup_codes_left: u32,
    /// Whether those are few.
    pub few_left: bool,
    /// Whether backup codes can be made: the account has an app, or passkeys and a session that showed one.
    pub can_make_codes: bool,
    /// Whether a passkey must be shown before backup codes can be made.
    pub must_show_passkey: bool,
    /// Whether the account's passkeys only count as a second factor once it has backup codes.
    pub codes_missing: bool,
    /// The path that sets the app up.
    pub totp_action: String,
    /// The path that makes new backup codes.
    pub codes_action: String,
    /// The path that turns the app off.
    pub disable_action: String,
    /// The browsers that sign in without a second factor.
    pub trusted_browsers: Vec<TrustedBrowserRow>,
    /// The path that revokes all of them.
    pub revoke_all_action: String,
}

/// One trusted browser in [`MfaSection`].
#[derive(Clone, Debug, Serialize)]
pub struct TrustedBrowserRow {
    /// Browser and system, in words.
    pub device: String,
    /// Where its address was, when known.
    pub place: Option<String>,
    /// When it was trusted.
    pub created_at: String,
    /// When it last signed in on that strength.
    pub last_used_at: String,
    /// When it stops being trusted.
    pub expires_at: String,
    /// The path its button posts to.
    pub revoke_action: String,
}

/// Passkeys in [`MfaSettingsView`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct PasskeySection {
    /// The account's passkeys, oldest first.
    pub passkeys: Vec<PasskeyRow>,
}

/// One passkey in [`PasskeySection`].
#[derive(Clone, Debug, Serialize)]
pub struct PasskeyRow {
    /// Its id, for the names of fields.
    pub id: String,
    /// What its owner calls it.
    pub nickname: String,
    /// Whether it is synced between devices.
    pub synced: bool,
    /// When it was added.
    pub created_at: String,
    /// When it was last used; `None` before the first time.
    pub last_used_at: Option<String>,
    /// The path that renames it.
    pub rename_action: String,
    /// The path that removes it.
    pub delete_action: String,
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

/// `sessions.html`: where the account is signed in.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsView {
    /// The account that is signed in.
    pub email: String,
    /// Its sessions, in the order they are shown.
    pub sessions: Vec<SessionRow>,
    /// Whether the last proof of the password is recent enough for revoking.
    pub fresh: bool,
}

/// One session in [`SessionsView`].
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    /// Whether it is the session that asks.
    pub current: bool,
    /// Browser and system, in words.
    pub device: String,
    /// Where its address is, when known.
    pub place: Option<String>,
    /// The address it was last seen from, when known.
    pub ip: Option<String>,
    /// When it was signed in.
    pub created_at: String,
    /// When it was last used.
    pub last_seen_at: String,
    /// How it was signed in: names as in the JSON interface (`pwd`, `magic_link`), or words.
    pub methods: Vec<String>,
    /// The path its button posts to.
    pub revoke_action: String,
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
    /// What happened.
    Message(MessageView) => "message.html",
    /// Where the account is signed in.
    Sessions(SessionsView) => "sessions.html",
    /// What went wrong.
    Error(ErrorView) => "error.html",
}
