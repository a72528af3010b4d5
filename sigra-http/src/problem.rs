//! What was wrong with a request.

use serde::Serialize;

/// One fault of one field of a form or a JSON body.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FieldError {
    /// The name of the field.
    pub field: &'static str,
    /// The stable code of the fault.
    pub code: &'static str,
    /// What a person reads.
    pub message: String,
}

impl FieldError {
    /// A fault of `field`.
    pub fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}
