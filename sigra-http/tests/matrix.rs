//! Every route with every kind of caller, and the table of routes against what was agreed on and what is documented.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use sigra_core::Unlimited;
use sigra_core::door::Step;
use sigra_http::{Caller, Face, LimitBucket, ResponseBody, Route, Surface, Verb};
use sigra_mfa::MfaConfig;
use sigra_passkeys::PasskeyConfig;
use sigra_testing::scenario::{TestHost, TestHostBuilder};

const NOBODYS_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const PUBLIC_URL: &str = "https://app.example.org";

/// A host with everything there is.
struct Complete {
    test: TestHost,
    surface: Surface,
}

fn complete(builder: TestHostBuilder) -> Complete {
    let (builder, mfa) = builder.mfa(MfaConfig { issuer: "Example".to_owned(), ..MfaConfig::default() });
    let (builder, passkeys) =
        builder.passkeys(PasskeyConfig::for_public_url(PUBLIC_URL).expect("passkeys can be made there"));
    let test = builder.build();
    let surface = Surface::builder(test.sigra.clone(), PUBLIC_URL.parse().expect("it is an origin"))
        .rate_limiter(Arc::new(Unlimited))
        .accounts()
        .passwords()
        .email_change()
        .deletion()
        .security_history()
        .export()
        .mfa(mfa)
        .passkeys(passkeys)
        .build()
        .expect("the surface is sound");
    Complete { test, surface }
}

fn routes() -> Vec<&'static Route> {
    complete(TestHost::builder()).surface.routes().to_vec()
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    Stale,
    Fresh,
    /// Between password and this step, with the token in both cookies.
    Pending(Step),
    Expired,
    /// A cookie that is nobody's.
    Garbage,
    /// Somebody with a fresh session, from a page elsewhere.
    CrossSite,
    /// Somebody with a fresh session, who was disabled since.
    Disabled,
}

const EVERYBODY: [Who; 12] = [
    Who::Anonymous,
    Who::Stale,
    Who::Fresh,
    Who::Pending(Step::MFA),
    Who::Pending(Step::CONFIRM_EMAIL),
    Who::Pending(Step::MFA_ENROLLMENT),
    Who::Pending(Step::REACTIVATE),
    Who::Pending(Step::PASSWORD_CHANGE),
    Who::Expired,
    Who::Garbage,
    Who::CrossSite,
    Who::Disabled,
];

/// A host of its own for one call, and the caller's cookies.
async fn caller(who: Who) -> (Complete, String) {
    if let Who::Pending(step) = who {
        return pending(step).await;
    }
    let complete = complete(TestHost::builder());
    let host = &complete.test;
    let user = host.confirmed("ann@example.org").await;
    let session = || host.signed_in(&user);
    let cookie = match who {
        Who::Anonymous => return (complete, String::new()),
        Who::Garbage => NOBODYS_TOKEN.to_owned(),
        Who::Fresh | Who::CrossSite => session().await.cookie(),
        Who::Stale => host.stale(&user).await.cookie(),
        Who::Pending(_) => unreachable!("answered above"),
        Who::Expired => {
            let cookie = session().await.cookie();
            host.advance(host.sigra.config().sessions.idle_secs.get().into());
            cookie
        }
        Who::Disabled => {
            let cookie = session().await.cookie();
            host.store.edit_user(user.id, |user| user.disabled_at = Some(user.created_at));
            cookie
        }
    };
    let cookies = format!("__Host-sigra_session={cookie}");
    (complete, cookies)
}

async fn pending(step: Step) -> (Complete, String) {
    use sigra_core::door::{Admission, Gate, GateContext, GateVerdict};
    use sigra_core::error::FlowError;
    use sigra_core::flows::LoginOutcome;

    struct Demanding(Step);

    #[async_trait::async_trait]
    impl Gate for Demanding {
        async fn judge(&self, _: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
            Ok(GateVerdict::Require(self.0))
        }
    }

    let complete = complete(TestHost::builder().gate(Arc::new(Demanding(step))));
    let host = &complete.test;
    let ann = host.confirmed("ann@example.org").await;
    if step == Step::REACTIVATE {
        let scheduled = host.sigra.operator().schedule_deletion(ann.id, &host.client()).await;
        assert!(scheduled.expect("the store answers"));
    }
    let outcome = host.login("ann@example.org", sigra_testing::scenario::PASSWORD).await;
    let LoginOutcome::Admitted(Admission::StepRequired(held)) = outcome else { panic!("{outcome:?}") };
    let token = held.token.expose().to_string();
    (complete, format!("__Host-sigra_pending={token}; __Host-sigra_session={token}"))
}

async fn call(surface: &Surface, route: &Route, who: Who, cookies: &str) -> Response<ResponseBody> {
    let path = route.path.replace("{token}", NOBODYS_TOKEN).replace("{id}", "01890000-0000-7000-8000-000000000000");
    let mut request = Request::builder().method(route.method.method()).uri(format!("/auth{path}"));
    if !cookies.is_empty() {
        request = request.header("cookie", cookies);
    }
    let site = if who == Who::CrossSite { "cross-site" } else { "same-origin" };
    let request = request.header("sec-fetch-site", site).body(Full::new(Bytes::new())).expect("it is a request");
    surface.handle(request, Some([192, 0, 2, 1].into())).await
}

/// What a guard must say; `None` when it lets the caller through.
fn refusal(route: &Route, who: Who) -> Option<(u16, &'static str)> {
    let html = route.face == Face::Html;
    let known = matches!(who, Who::Stale | Who::Fresh | Who::CrossSite);
    if who == Who::CrossSite && route.method != Verb::Get {
        return Some((403, "cross_origin"));
    }
    if let Caller::Pending(step) = route.requirement.caller()
        && who != Who::Pending(step)
    {
        return Some(if html { (303, "/auth/login") } else { (401, "unauthenticated") });
    }
    let known = known || matches!(route.requirement.caller(), Caller::PendingOrUser(step) if who == Who::Pending(step));
    if matches!(route.requirement.caller(), Caller::User | Caller::PendingOrUser(_)) && !known {
        return Some(if html { (303, "/auth/login?return_to=") } else { (401, "unauthenticated") });
    }
    if route.requirement.is_fresh() && who == Who::Stale {
        return Some(if html { (303, "/auth/sudo?return_to=") } else { (403, "reauth_required") });
    }
    None
}

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_its_row_says() {
    for route in routes() {
        for who in EVERYBODY {
            let name = format!("{who:?} {} {}", route.method.method(), route.path);
            let (host, cookies) = caller(who).await;
            let response = call(&host.surface, route, who, &cookies).await;
            let (parts, body) = response.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            let status = parts.status.as_u16();
            assert!(status < 500, "{name}: {status} {body}");
            let location = parts.headers.get("location").map_or("", |value| value.to_str().unwrap());
            match refusal(route, who) {
                Some((303, start)) => {
                    assert!(status == 303 && location.starts_with(start), "{name}: {status} {location}")
                }
                Some((expected, code)) => {
                    assert_eq!(status, expected, "{name}: {body}");
                    assert!(
                        route.face == Face::Html || body.contains(&format!("\"code\":\"{code}\"")),
                        "{name}: {body}"
                    );
                }
                None => {
                    assert!(!location.contains("return_to="), "{name}: {location}");
                    for code in ["cross_origin", "unauthenticated", "reauth_required", "method_not_allowed"] {
                        assert!(!body.contains(&format!("\"code\":\"{code}\"")), "{name}: {body}");
                    }
                }
            }
        }
    }
}

/// Every route that was agreed on with those who call them. Nothing else may be reachable, and nothing of it missing.
const CONTRACT: &[&str] = &[
    "GET /register",
    "POST /register",
    "GET /confirm",
    "POST /confirm",
    "POST /confirm/resend",
    "GET /confirm/{token}",
    "POST /confirm/{token}",
    "GET /login",
    "POST /login",
    "POST /logout",
    "GET /magic-link",
    "POST /magic-link",
    "GET /magic-link/{token}",
    "POST /magic-link/{token}",
    "GET /reset-password",
    "POST /reset-password",
    "GET /reset-password/{token}",
    "POST /reset-password/{token}",
    "GET /sudo",
    "POST /sudo",
    "GET /not-me/{token}",
    "POST /not-me/{token}",
    "GET /settings/delete",
    "POST /settings/delete",
    "GET /login/reactivate",
    "POST /login/reactivate",
    "GET /reactivate/{token}",
    "POST /reactivate/{token}",
    "DELETE /api/v1/account",
    "POST /api/v1/login/reactivate",
    "POST /api/v1/reactivate/redeem",
    "GET /settings",
    "GET /settings/sessions",
    "POST /settings/sessions/{id}/revoke",
    "POST /settings/sessions/revoke-others",
    "GET /settings/security",
    "GET /settings/export",
    "GET /api/v1/export",
    "GET /api/v1/security-events",
    "POST /api/v1/register",
    "POST /api/v1/confirm",
    "POST /api/v1/confirm/resend",
    "POST /api/v1/login",
    "POST /api/v1/logout",
    "GET /api/v1/session",
    "GET /api/v1/sessions",
    "DELETE /api/v1/sessions/{id}",
    "DELETE /api/v1/sessions",
    "POST /api/v1/magic-link",
    "POST /api/v1/magic-link/redeem",
    "POST /api/v1/password-reset",
    "POST /api/v1/password-reset/redeem",
    "POST /api/v1/sudo",
    "POST /api/v1/not-me/redeem",
    "GET /settings/email",
    "POST /settings/email",
    "GET /email-change/{token}",
    "POST /email-change/{token}",
    "GET /email-change/{token}/cancel",
    "POST /email-change/{token}/cancel",
    "POST /api/v1/email-change",
    "POST /api/v1/email-change/redeem",
    "POST /api/v1/email-change/cancel",
    "GET /mfa",
    "POST /mfa",
    "GET /settings/mfa",
    "GET /login/mfa-enrollment",
    "POST /login/mfa-enrollment",
    "POST /settings/mfa/totp",
    "POST /settings/mfa/totp/confirm",
    "POST /settings/mfa/backup-codes",
    "POST /settings/mfa/disable",
    "POST /settings/mfa/trusted-browsers/{id}/revoke",
    "POST /settings/mfa/trusted-browsers/revoke-all",
    "POST /settings/passkeys/{id}/rename",
    "POST /settings/passkeys/{id}/delete",
    "GET /api/v1/mfa",
    "POST /api/v1/mfa",
    "GET /api/v1/mfa/status",
    "POST /api/v1/login/mfa-enrollment/totp",
    "POST /api/v1/login/mfa-enrollment/totp/confirm",
    "POST /api/v1/mfa/totp",
    "POST /api/v1/mfa/totp/confirm",
    "POST /api/v1/mfa/backup-codes",
    "POST /api/v1/mfa/disable",
    "GET /api/v1/mfa/trusted-browsers",
    "DELETE /api/v1/mfa/trusted-browsers",
    "DELETE /api/v1/mfa/trusted-browsers/{id}",
    "POST /api/v1/passkeys/register/start",
    "POST /api/v1/passkeys/register/finish",
    "GET /api/v1/passkeys",
    "PATCH /api/v1/passkeys/{id}",
    "DELETE /api/v1/passkeys/{id}",
    "POST /api/v1/passkeys/login/start",
    "POST /api/v1/passkeys/login/finish",
    "POST /api/v1/mfa/passkey/start",
    "POST /api/v1/mfa/passkey/finish",
    "GET /settings/password",
    "POST /settings/password",
    "GET /login/password-change",
    "POST /login/password-change",
    "POST /api/v1/password",
    "POST /api/v1/password/set",
    "POST /api/v1/login/password-change",
    "GET /login/confirm",
    "POST /login/confirm",
    "POST /api/v1/login/confirm",
    // Another code for that step.
    "POST /login/confirm/mail-code",
    "POST /api/v1/login/confirm/mail-code",
    // The code that is mailed before a second factor is set up from a device the account does not know.
    "POST /login/mfa-enrollment/mail-code",
    "POST /login/mfa-enrollment/code",
    "POST /login/mfa-enrollment/totp",
    "POST /login/mfa-enrollment/totp/confirm",
    "POST /api/v1/login/mfa-enrollment/mail-code",
    "POST /api/v1/login/mfa-enrollment/code",
    // The ceremony to authenticate again with a passkey, whatever else is under way in the browser.
    "POST /api/v1/sudo/passkey/start",
    // Withdrawing one's own change of address, where the page has a button for it.
    "POST /settings/email/withdraw",
    // What the pages need beside it: where forms and the script lead, and their files.
    "GET /settings/mfa/totp/confirm",
    "GET /settings/passkeys",
    "GET /login/next",
    "GET /check-mail",
    "GET /assets/sigra.css",
    "GET /assets/sigra.js",
];

#[test]
fn the_tables_and_the_contract_name_the_same_routes() {
    let found: BTreeSet<_> = routes().iter().map(|route| format!("{} {}", route.method.method(), route.path)).collect();
    let agreed: BTreeSet<_> = CONTRACT.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(found.difference(&agreed).collect::<Vec<_>>(), Vec::<&String>::new(), "nobody agreed on these");
    assert_eq!(agreed.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "these are missing");
}

#[test]
fn every_row_is_sound() {
    for route in routes() {
        let name = format!("{} {}", route.method.method(), route.path);
        assert_eq!(route.face == Face::Json, route.path.starts_with("/api/v1/"), "{name}");
        let reads = [LimitBucket::Read, LimitBucket::Export].contains(&route.limit);
        assert_eq!(route.method == Verb::Get, reads, "{name}");
        assert!(!route.about.is_empty() && !route.about.ends_with('.'), "{name}");
    }
}

/// `docs/routes.md` is generated from the tables. Run this test with `UPDATE_DOCS=1` to write it anew.
#[test]
fn the_documented_routes_are_these() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/routes.md");
    let generated = document(&routes());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == generated,
        "docs/routes.md is out of date: run `UPDATE_DOCS=1 cargo test -p sigra-http --test matrix`"
    );
}

fn document(routes: &[&Route]) -> String {
    let mut text = String::from(
        "# Routes\n\n\
         Generated from the route tables. Run `UPDATE_DOCS=1 cargo test -p sigra-http --test matrix` after changing one.\n\n\
         Paths are below the prefix, which is `/auth` unless it is configured. `GET` answers `HEAD` too. Unsafe methods\n\
         from another origin are refused (403 `cross_origin`), whoever calls.\n\n\
         *Caller* says who gets in. *user*: somebody with a session; others are sent to sign in (303), or get 401\n\
         `unauthenticated`. *fresh*: somebody who authenticated within the sudo window; others are sent to authenticate\n\
         again (303), or get 403 `reauth_required`. The name of a step: somebody whose pending sign-in owes it first; others are\n\
         sent to sign in, or get 401 `unauthenticated`. *Limit* is the bucket that requests of one network count against.\n",
    );
    for (face, title) in [(Face::Html, "Pages"), (Face::Json, "JSON")] {
        write!(text, "\n## {title}\n\n| method | path | caller | limit | what it does |\n|---|---|---|---|---|\n")
            .expect("a string takes everything");
        for route in routes.iter().filter(|route| route.face == face) {
            let caller = match (route.requirement.caller(), route.requirement.is_fresh()) {
                (Caller::User, true) => "fresh".to_owned(),
                (Caller::User, false) => "user".to_owned(),
                (Caller::Pending(step), _) => step.name().to_owned(),
                (Caller::PendingOrUser(step), _) => format!("{} or user", step.name()),
                (Caller::Anyone | Caller::Whoever, _) => "anyone".to_owned(),
            };
            let limit = route.limit.name().trim_start_matches("http.");
            let (method, path, about) = (route.method.method(), route.path, route.about);
            writeln!(text, "| {method} | `{path}` | {caller} | `{limit}` | {about} |")
                .expect("a string takes everything");
        }
    }
    text
}
