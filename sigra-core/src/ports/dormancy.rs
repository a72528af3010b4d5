//! Accounts that nobody uses: warned, and later disabled.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::evidence::EvidenceFor;
use crate::id::UserId;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

/// Looks after accounts that nobody uses (OWASP ASVS 5.0, 6.4.5).
///
/// Each account has a [`DormancyRecord`]: when it has to be looked at next, and whether its owner was warned. Signing in and
/// using a session write nothing there. Whoever looks at an account finds what was used since, and puts the next look off.
///
/// # Contract
///
/// - As for [`AccountStore`](super::AccountStore): a look is one atomic step, guarded in the storage, committed with its evidence.
///   What comes of it is [`DormancyLook::judge`]'s to say; a store decides nothing by itself.
/// - A sign-in and a look exclude each other: whichever commits later sees the other. An account that was just signed in to is
///   not disabled, and a sign-in at one that was just disabled is stale.
/// - An account that was never looked at is due, and so is every account that was stored before there was this port.
/// - [`LifecycleStore::enable`](super::LifecycleStore::enable) leaves the record that [`DormancyRecord::restarted`] makes, and
///   nothing but a look and that changes it. It goes with its account, and whatever an erasure leaves of that has a new one.
/// - Of concurrent looks at one account, one is made.
#[async_trait]
pub trait DormancyStore: Send + Sync {
    /// Up to `limit` looks that are due at `now`, in the order of their time and then of their account, from the first behind
    /// `after` on. Found by an index.
    async fn due_looks(&self, now: Timestamp, after: Option<DueLook>, limit: u32) -> Result<Vec<DueLook>, StoreError>;

    /// Looks at an account: keeps the record the judgement names, and with [`DormancyVerdict::Disable`] does what
    /// [`LifecycleStore::disable`](super::LifecycleStore::disable) does. `None`, with nothing changed and no evidence asked for,
    /// when there is no such account or it is not due. Evidence is made from the account as the step leaves it.
    async fn look(
        &self,
        look: &DormancyLook,
        evidence: EvidenceFor<'_, DormancyLooked>,
    ) -> Result<Option<DormancyLooked>, StoreError>;
}

/// An account whose look is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueLook {
    /// Since when.
    pub look_at: Timestamp,
    /// Which account.
    pub user: UserId,
}

/// After how long accounts are warned and disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DormancyRule {
    /// How long nobody used an account whose owner is warned.
    pub warn_after: Duration,
    /// How long after the warning it is disabled.
    pub disable_after: Duration,
}

/// What becomes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DormancyVerdict {
    /// Nothing, for now.
    Leave,
    /// Its owner is warned.
    Warn,
    /// It is disabled.
    Disable,
}

impl DormancyRule {
    /// What becomes of an account that was last used at `last_used_at`, whose owner was warned at `warned_at`, and when to look
    /// again.
    ///
    /// A warning counts while the account had been dormant when it was given. So a sign-in since voids it, even by a clock that
    /// is behind, and so does a rule that has become longer. An account that is not dormant is looked at again within 30 days,
    /// so that a rule that becomes shorter reaches it.
    #[must_use]
    pub fn judge(
        &self,
        last_used_at: Timestamp,
        warned_at: Option<Timestamp>,
        now: Timestamp,
    ) -> (DormancyVerdict, Timestamp) {
        let dormant_at = last_used_at + self.warn_after;
        if now < dormant_at {
            return (DormancyVerdict::Leave, dormant_at.min(now + AGAIN));
        }
        let Some(warned_at) = warned_at.filter(|warned_at| dormant_at <= *warned_at) else {
            return (DormancyVerdict::Warn, now + self.disable_after);
        };
        let over_at = warned_at + self.disable_after;
        if now < over_at { (DormancyVerdict::Leave, over_at) } else { (DormancyVerdict::Disable, NEVER) }
    }
}

/// What is stored about the looks at an account. The default is that of an account nobody has looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DormancyRecord {
    /// When to look next. Nothing comes of a look before that, so that nobody is disabled earlier than a warning said.
    pub look_at: Timestamp,
    /// When the owner was warned; `None` while they need not be.
    pub warned_at: Option<Timestamp>,
    /// When an operator enabled the account: time before that does not count.
    pub since: Option<Timestamp>,
}

impl Default for DormancyRecord {
    fn default() -> Self {
        Self { look_at: Timestamp::EPOCH, warned_at: None, since: None }
    }
}

impl DormancyRecord {
    /// The record of an account that an operator has enabled.
    #[must_use]
    pub fn restarted(at: Timestamp) -> Self {
        Self { since: Some(at), ..Self::default() }
    }
}

/// A look at an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DormancyLook {
    /// Which.
    pub user: UserId,
    /// By which rule.
    pub rule: DormancyRule,
    /// When one of its sessions was last used, as far as is known: sessions may live where the store cannot reach.
    pub seen_at: Option<Timestamp>,
    /// When. Read before `seen_at` was.
    pub at: Timestamp,
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq)]
pub struct DormancyLooked {
    /// The account as the look leaves it.
    pub user: User,
    /// The record as the look leaves it.
    pub record: DormancyRecord,
    /// What became of the account.
    pub verdict: DormancyVerdict,
    /// When it was last used, as far as is known.
    pub last_used_at: Timestamp,
}

/// How long an account that is not dormant goes without a look.
const AGAIN: Duration = Duration::from_secs(30 * 86_400);

/// When to look at an account that is disabled.
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// How long an account that is past the day of its deletion is left to those who erase it.
const RESPITE: Duration = Duration::from_secs(86_400);

impl DormancyLook {
    /// What comes of this look at an account with this record; `None` when it is not due.
    ///
    /// The one definition of that. Accounts that are disabled or will be deleted are left alone.
    #[must_use]
    pub fn judge(&self, user: User, record: &DormancyRecord) -> Option<DormancyLooked> {
        if user.id != self.user || self.at < record.look_at {
            return None;
        }
        // The last time somebody is known to have used it, or to have shown its mailbox.
        let known = [record.since, user.confirmed_at, user.password_changed_at, user.last_sign_in_at, self.seen_at];
        let last_used_at = known.into_iter().flatten().fold(user.created_at, Timestamp::max);
        let (verdict, look_at) = match (user.disabled_at, user.deletion_due_at) {
            (Some(_), _) => (DormancyVerdict::Leave, NEVER),
            (None, Some(due_at)) => (DormancyVerdict::Leave, due_at.max(self.at + RESPITE)),
            (None, None) => self.rule.judge(last_used_at, record.warned_at, self.at),
        };
        let warned_at = match verdict {
            // One that use has voided is forgotten, lest a shorter rule revive it.
            DormancyVerdict::Leave => record.warned_at.filter(|at| last_used_at + self.rule.warn_after <= *at),
            DormancyVerdict::Warn => Some(self.at),
            DormancyVerdict::Disable => None,
        };
        let user = match verdict {
            DormancyVerdict::Leave | DormancyVerdict::Warn => user,
            DormancyVerdict::Disable => User {
                disabled_at: Some(self.at),
                epochs: Epochs { security: user.epochs.security + 1, ..user.epochs },
                ..user
            },
        };
        Some(DormancyLooked { user, record: DormancyRecord { look_at, warned_at, ..*record }, verdict, last_used_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::EmailAddress;
    use crate::ports::NewAccount;

    const TICK: Duration = Duration::from_micros(1);
    const RULE: DormancyRule =
        DormancyRule { warn_after: Duration::from_secs(100), disable_after: Duration::from_secs(10) };

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn id() -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(7))
    }

    fn user() -> User {
        let email = EmailAddress::parse("ann@example.org").unwrap();
        let profile = serde_json::json!({});
        let account = NewAccount {
            id: id(),
            email,
            password: None,
            profile,
            confirmed_at: None,
            created_at: at(5),
            quarantine: Vec::new(),
        };
        account.to_user()
    }

    fn look(now: Timestamp) -> DormancyLook {
        DormancyLook { user: id(), rule: RULE, seen_at: None, at: now }
    }

    #[test]
    fn lc_05_a_warning_comes_at_its_microsecond_and_the_end_at_that_of_its_own() {
        assert_eq!(RULE.judge(at(0), None, at(100) - TICK), (DormancyVerdict::Leave, at(100)));
        assert_eq!(RULE.judge(at(0), None, at(100)), (DormancyVerdict::Warn, at(110)));
        // It comes late, and so does the end.
        assert_eq!(RULE.judge(at(0), None, at(500)), (DormancyVerdict::Warn, at(510)));
        assert_eq!(RULE.judge(at(0), Some(at(500)), at(510) - TICK), (DormancyVerdict::Leave, at(510)));
        assert_eq!(RULE.judge(at(0), Some(at(500)), at(510)), (DormancyVerdict::Disable, NEVER));
    }

    #[test]
    fn lc_05_use_voids_a_warning_even_by_a_clock_that_is_behind() {
        for used in [at(499), at(500), at(501)] {
            assert_eq!(RULE.judge(used, Some(at(500)), at(510)), (DormancyVerdict::Leave, used + RULE.warn_after));
        }
        // And what is dormant again is warned again.
        assert_eq!(RULE.judge(at(501), Some(at(500)), at(601)), (DormancyVerdict::Warn, at(611)));
    }

    #[test]
    fn lc_05_another_rule_counts_from_the_same_use() {
        let longer = DormancyRule { warn_after: Duration::from_secs(1_000), ..RULE };
        assert_eq!(longer.judge(at(0), Some(at(100)), at(110)), (DormancyVerdict::Leave, at(1_000)));
        assert_eq!(longer.judge(at(0), Some(at(100)), at(1_000)), (DormancyVerdict::Warn, at(1_010)));
        let patient = DormancyRule { disable_after: Duration::from_secs(50), ..RULE };
        assert_eq!(patient.judge(at(0), Some(at(100)), at(110)), (DormancyVerdict::Leave, at(150)));
        let far = DormancyRule { warn_after: 100 * AGAIN, ..RULE };
        assert_eq!(far.judge(at(0), None, at(7)), (DormancyVerdict::Leave, at(7) + AGAIN));
        // A shorter time to the end is kept from those who were told a longer one by the look that is not due.
        let record = DormancyRecord { look_at: at(150), warned_at: Some(at(105)), since: None };
        assert_eq!(look(at(150) - TICK).judge(user(), &record), None);
        assert_eq!(look(at(150)).judge(user(), &record).unwrap().verdict, DormancyVerdict::Disable);
    }

    #[test]
    fn lc_05_every_sign_of_use_counts() {
        let warned = DormancyRecord { warned_at: Some(at(105)), ..DormancyRecord::default() };
        let judged = |user: User, record, look: DormancyLook| look.judge(user, &record).unwrap();
        let end = look(at(115));
        assert_eq!(judged(user(), warned, end).verdict, DormancyVerdict::Disable, "it was made at 5");
        let used = Some(at(106));
        for (user, record, look) in [
            (User { last_sign_in_at: used, ..user() }, warned, end),
            (User { confirmed_at: used, ..user() }, warned, end),
            (User { password_changed_at: used, ..user() }, warned, end),
            (user(), DormancyRecord { since: used, ..warned }, end),
            (user(), warned, DormancyLook { seen_at: used, ..end }),
        ] {
            let looked = judged(user.clone(), record, look);
            assert_eq!(looked.verdict, DormancyVerdict::Leave);
            assert_eq!((looked.record.look_at, looked.record.warned_at), (at(206), None), "the warning is forgotten");
            assert_eq!((looked.last_used_at, looked.user), (at(106), user));
        }
    }

    #[test]
    fn lc_05_accounts_that_have_ended_or_will_are_left_alone() {
        let warned = DormancyRecord { warned_at: Some(at(105)), ..DormancyRecord::default() };
        let disabled = User { disabled_at: Some(at(50)), ..user() };
        let looked = look(at(500)).judge(disabled.clone(), &warned).unwrap();
        assert_eq!((looked.verdict, looked.record.look_at, looked.user), (DormancyVerdict::Leave, NEVER, disabled));
        for (due, again) in [(at(100_000), at(100_000)), (at(400), at(500) + RESPITE)] {
            let doomed = User { deletion_due_at: Some(due), ..user() };
            let looked = look(at(500)).judge(doomed.clone(), &warned).unwrap();
            assert_eq!((looked.verdict, looked.record.look_at, looked.user), (DormancyVerdict::Leave, again, doomed));
        }
        let other = User { id: UserId::new(at(6)), ..user() };
        assert_eq!(look(at(500)).judge(other, &warned), None);
    }
}
