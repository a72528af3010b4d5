//! What the pages of second factors and passkeys show.

use serde::Serialize;

use super::{Errors, Link};

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
