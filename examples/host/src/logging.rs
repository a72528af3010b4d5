//! Logs go to stderr; stdout is for the few lines a person or a script waits for.

use tracing_subscriber::EnvFilter;

/// Starts logging, filtered by `RUST_LOG`, by default at `info`.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
