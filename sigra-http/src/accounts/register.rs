//! Registering.

use http::StatusCode;
use sigra_core::flows::{RegistrationForm, Submitted};

use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::shown::{check_mail, field_errors, validation};
use crate::views::RegisterView;

pub(super) async fn page(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(RegisterView::default()))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match submit(&call).await? {
        Submitted::Accepted => Ok(Reply::see_other(call.path("/confirm"))),
        Submitted::Rejected(faults) => {
            let view = RegisterView { email: call.text("email")?.to_owned(), errors: field_errors(&faults).into() };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match submit(&call).await? {
        Submitted::Accepted => Ok(check_mail()),
        Submitted::Rejected(faults) => Err(validation(&faults)),
    }
}

async fn submit(call: &Call<'_>) -> Result<Submitted, Fault> {
    let form = RegistrationForm {
        email: call.text("email")?,
        password: call.text("password")?,
        profile: call.fields.value("profile"),
        client: call.client(),
    };
    Ok(call.sigra().registration().submit(form).await?)
}
