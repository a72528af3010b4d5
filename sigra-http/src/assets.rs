//! The stylesheet and the script of the pages.

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::Pages;
use crate::reply::Reply;
use crate::route::{Route, route};

/// The routes of the pages' own files.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/assets/sigra.css", Html, ANYONE, Read, "the stylesheet", stylesheet),
    route!(Get "/assets/sigra.js", Html, ANYONE, Read, "the script", script),
];

async fn stylesheet(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::asset(Pages::stylesheet().0, "text/css; charset=utf-8"))
}

async fn script(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::asset(Pages::script().0, "text/javascript; charset=utf-8"))
}
