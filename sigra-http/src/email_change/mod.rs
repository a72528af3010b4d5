//! Changing the mail address of an account.

mod ask;
mod redeem;
mod undo;
pub(crate) mod views;

use sigra_core::user::User;

use crate::call::Call;
use crate::reply::Reply;
use crate::route::{Route, route};

/// The routes of changing the address.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/email", Html, USER, Read, "the form to change the address", ask::page),
    route!(Post "/settings/email", Html, FRESH, Mail, "mails a link to the new address", ask::form),
    route!(Post "/settings/email/withdraw", Html, USER, Change, "withdraws a change that waits", ask::withdraw_form),
    route!(Post "/api/v1/email-change", Json, FRESH, Mail, "mails a link to the new address", ask::json),
    route!(Get "/email-change/{token}", Html, ANYONE, Read, "asks before it changes the address", redeem::page),
    route!(Post "/email-change/{token}", Html, OPTIONAL, Redeem, "changes the address", redeem::form),
    route!(Post "/api/v1/email-change/redeem", Json, OPTIONAL, Redeem, "changes the address", redeem::json),
    route!(Get "/email-change/{token}/cancel", Html, ANYONE, Read, "asks before it undoes a change of address", undo::page),
    route!(Post "/email-change/{token}/cancel", Html, OPTIONAL, Redeem, "undoes a change of address, ends every session and starts a reset", undo::form),
    route!(Post "/api/v1/email-change/cancel", Json, OPTIONAL, Redeem, "undoes a change of address by a link, or withdraws one's own", undo::json),
];

/// Takes the cookie of the browser away, unless the session it names is another account's than `user` and goes on.
fn signed_out(reply: Reply, call: &Call<'_>, user: &User) -> Reply {
    let others = call.current.as_ref().is_some_and(|current| current.user().id != user.id);
    if others { reply } else { reply.cookie(call.cookies().session.clear()) }
}
