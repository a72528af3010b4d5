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
    /// The device that sent it, in words.
    pub device: String,
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

/// `sudo.html`: asks for the password again before something sensitive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SudoView {
    /// The account that is signed in.
    pub email: String,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
    /// Faults of `password`.
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
    /// It was somebody else.
    NotMe(NotMeView) => "not_me.html",
    /// What happened.
    Message(MessageView) => "message.html",
    /// Where the account is signed in.
    Sessions(SessionsView) => "sessions.html",
    /// What went wrong.
    Error(ErrorView) => "error.html",
}
