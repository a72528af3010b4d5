//! Why a measurement could not be made.

use sigra_core::error::StoreError;

/// A measurement could not be made, or a request failed that must not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A request failed that must not, or something did not go as the measurement needs it.
    #[error("{0}")]
    Failed(String),
    #[error("input or output: {0}")]
    Io(#[from] std::io::Error),
    #[error("the database: {0}")]
    Database(#[from] sea_orm::DbErr),
    #[error("the database: {0:?}")]
    Store(#[from] StoreError),
}

impl BenchError {
    pub(crate) fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }
}
