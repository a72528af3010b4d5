//! The page of the settings that shows second factors, passkeys and trusted browsers.

mod changed;
mod settings;

pub(crate) use changed::carried_on;
#[cfg(feature = "mfa")]
pub(crate) use settings::page_beside_code;
#[cfg(feature = "passkeys")]
pub(crate) use settings::page_with;
pub(crate) use settings::to_settings;

use crate::route::{Route, route};

/// Its route.
pub(crate) static ROUTES: &[Route] =
    &[route!(Get "/settings/mfa", Html, USER, Read, "second factors, passkeys and trusted browsers", settings::page)];
