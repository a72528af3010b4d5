//! Simple rules for new passwords.

use async_trait::async_trait;
use sigra_core::password::Password;
use sigra_core::ports::{Overloaded, PasswordFault, PasswordPolicy, PolicyContext, WorkOrigin};

/// Takes every password.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAllPolicy;

#[async_trait]
impl PasswordPolicy for AcceptAllPolicy {
    async fn check(
        &self,
        _: &Password,
        _: &PolicyContext<'_>,
        _: WorkOrigin,
    ) -> Result<Vec<PasswordFault>, Overloaded> {
        Ok(Vec::new())
    }
}

/// Takes every password of so many code points or more.
#[derive(Clone, Copy, Debug)]
pub struct MinLengthPolicy(
    /// How many.
    pub usize,
);

#[async_trait]
impl PasswordPolicy for MinLengthPolicy {
    async fn check(
        &self,
        password: &Password,
        _: &PolicyContext<'_>,
        _: WorkOrigin,
    ) -> Result<Vec<PasswordFault>, Overloaded> {
        let too_short = password.code_points() < self.0;
        Ok(too_short.then_some(PasswordFault::TooShort { minimum: self.0 }).into_iter().collect())
    }
}
