//! Logs go to stderr; stdout is for the few lines a person or a script waits for.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::settings::SettingsError;

const DEFAULT: &str = "info,sqlx=warn,sea_orm=warn";

/// Starts logging, filtered by `RUST_LOG`, by default at `info`.
///
/// # Errors
///
/// When `RUST_LOG` is no filter.
pub fn start(env: impl Fn(&str) -> Option<String>) -> Result<(), SettingsError> {
    let text = env("RUST_LOG").filter(|value| !value.is_empty());
    let filter = EnvFilter::try_new(text.as_deref().unwrap_or(DEFAULT))
        .map_err(|error| SettingsError::new("RUST_LOG", error, "a log filter such as info or sigra_core=debug,warn"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    Ok(())
}
