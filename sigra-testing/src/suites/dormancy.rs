//! [`DormancyStore`](sigra_core::ports::DormancyStore): which accounts are to be looked at, and what comes of it.

use std::time::Duration;

use sigra_core::config::DeletionStrategy;
use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, UserId};
use sigra_core::ports::{
    DormancyLook, DormancyLooked, DormancyRecord, DormancyRule, DormancyVerdict, DueLook, Erasure, Minted, NewAccount,
    SignIn, SignInDevice,
};
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::lifecycle::schedule;
use super::press::Press;
use super::support::*;

suite! {
    lc_05_looks_come_in_order_and_in_pages,
    lc_05_a_look_before_its_time_does_nothing,
    lc_05_a_warning_comes_first_and_the_end_ends_what_was_handed_out,
    lc_05_a_sign_in_voids_the_warning,
    lc_05_sessions_that_live_elsewhere_count,
    lc_05_enabling_starts_anew,
    lc_05_accounts_that_have_ended_or_will_are_left_alone,
    lc_05_what_an_erasure_leaves_has_a_new_record,
    lc_05_one_of_many_looks_warns_and_one_disables,
    lc_05_a_sign_in_and_a_look_at_once_exclude_each_other,
    au_02_a_look_without_its_evidence_is_not_made,
}

const RULE: DormancyRule = DormancyRule { warn_after: Duration::from_secs(36_000), disable_after: HOUR };

/// By time, then by account; each once; none that is not due. An account that nobody has looked at is due since ever.
pub async fn lc_05_looks_come_in_order_and_in_pages(backend: &Backend) {
    let new = account(backend).await.id;
    let first = DueLook { look_at: Timestamp::EPOCH, user: new };
    assert!(due(backend, Timestamp::EPOCH, None, 1_000).await.contains(&first));
    assert!(!due(backend, Timestamp::EPOCH - TICK, None, 1_000).await.contains(&first));

    let start = now();
    let mut mine = Vec::new();
    for minutes in [30, 10, 20, 10, 20] {
        let user = made_at(backend, start + MINUTE * minutes).await;
        let looked = look(backend, user.id, start).await.expect("it was never looked at");
        assert_eq!((looked.verdict, looked.user), (DormancyVerdict::Leave, user.clone()));
        assert_eq!(looked.record.look_at, start + MINUTE * minutes + RULE.warn_after);
        mine.push(DueLook { look_at: looked.record.look_at, user: user.id });
    }
    mine.sort_unstable();
    let last = mine[4].look_at;
    let before = DueLook { look_at: mine[0].look_at - TICK, user: new };
    for limit in [1, 2, 100] {
        let mut seen = due(backend, last, Some(before), limit).await;
        assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
        assert!(seen.iter().all(|due| due.look_at <= last));
        seen.retain(|due| mine.contains(due));
        assert_eq!(seen, mine);
    }
    let early = due(backend, last - TICK, Some(before), 100).await;
    assert_eq!(count(&early, |due| mine.contains(due)), 4);
}

/// A microsecond early, or of nobody: nothing is kept, and nothing said.
pub async fn lc_05_a_look_before_its_time_does_nothing(backend: &Backend) {
    let user = account(backend).await;
    let look_at = user.created_at + RULE.warn_after;
    let looked = look(backend, user.id, user.created_at).await.expect("it was never looked at");
    assert_eq!(looked.record, DormancyRecord { look_at, ..DormancyRecord::default() });
    for at in [user.created_at, look_at - TICK] {
        assert_eq!(look(backend, user.id, at).await, None);
    }
    assert_eq!(look(backend, UserId::new(now()), look_at).await, None);
    assert_eq!((stored(backend, user.id).await, traces(backend, user.id).await), (user, 1));
}

/// The warning is kept and changes nothing else. The end comes when the warning said, and is that of an account that an operator
/// disables. Nobody looks again.
pub async fn lc_05_a_warning_comes_first_and_the_end_ends_what_was_handed_out(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let link = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let theirs = mail_token(backend, &other, Purpose::MAGIC_LINK).await;
    let device = device(backend, &user).await;
    let user = stored(backend, user.id).await;
    let used_at = user.last_sign_in_at.expect("the device is from a sign-in");
    let warned_at = used_at + RULE.warn_after + MINUTE;
    let warned = look(backend, user.id, warned_at).await.expect("it is due");
    let over_at = warned_at + RULE.disable_after;
    let record = DormancyRecord { look_at: over_at, warned_at: Some(warned_at), since: None };
    assert_eq!((warned.verdict, warned.record, warned.last_used_at), (DormancyVerdict::Warn, record, used_at));
    assert_eq!((stored(backend, user.id).await, &warned.user), (user.clone(), &user));
    assert!(is_live(backend, &link).await);
    for at in [warned_at, over_at - TICK] {
        assert_eq!(look(backend, user.id, at).await, None, "it is not due");
    }

    let disabled = look(backend, user.id, over_at).await.expect("it is due");
    assert_eq!(disabled.verdict, DormancyVerdict::Disable);
    let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
    assert_eq!(disabled.user, User { disabled_at: Some(over_at), epochs, ..user.clone() });
    assert_eq!(stored(backend, user.id).await, disabled.user);
    assert!(!is_live(backend, &link).await && is_live(backend, &theirs).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none());
    assert_eq!(look(backend, user.id, over_at + 100_000 * HOUR).await, None, "it is over");
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Whoever signs in after the warning keeps the account, and is warned anew when it is dormant again.
pub async fn lc_05_a_sign_in_voids_the_warning(backend: &Backend) {
    let user = account(backend).await;
    let warned_at = user.created_at + RULE.warn_after;
    assert_eq!(verdict(backend, user.id, warned_at).await, Some(DormancyVerdict::Warn));
    let over_at = warned_at + RULE.disable_after;
    let used_at = over_at - TICK;
    assert!(sign_in(backend, &user, used_at).await);
    let looked = look(backend, user.id, over_at).await.expect("the warning made it due");
    assert_eq!((looked.verdict, looked.last_used_at), (DormancyVerdict::Leave, used_at));
    let again = used_at + RULE.warn_after;
    assert_eq!(looked.record, DormancyRecord { look_at: again, ..DormancyRecord::default() });
    assert_eq!(verdict(backend, user.id, again - TICK).await, None);
    assert_eq!(verdict(backend, user.id, again).await, Some(DormancyVerdict::Warn));
    assert_eq!(stored(backend, user.id).await.disabled_at, None);
}

/// What the caller knows of sessions counts as a sign-in does.
pub async fn lc_05_sessions_that_live_elsewhere_count(backend: &Backend) {
    let user = account(backend).await;
    let at = user.created_at + RULE.warn_after;
    let seen_at = at - MINUTE;
    let seen = DormancyLook { user: user.id, rule: RULE, seen_at: Some(seen_at), at };
    let looked = make(backend, &seen, trace(user.id)).await.expect("it is due");
    assert_eq!((looked.verdict, looked.last_used_at), (DormancyVerdict::Leave, seen_at));
    assert_eq!(looked.record.look_at, seen_at + RULE.warn_after);
    assert_eq!(stored(backend, user.id).await, user);
}

/// Whoever disabled it: an account that was enabled is due at once, and counted from then.
pub async fn lc_05_enabling_starts_anew(backend: &Backend) {
    for by_look in [true, false] {
        let user = account(backend).await;
        let warned_at = user.created_at + RULE.warn_after;
        let over_at = warned_at + RULE.disable_after;
        assert_eq!(verdict(backend, user.id, warned_at).await, Some(DormancyVerdict::Warn));
        let (lifecycle, evidence) = (&backend.stores.lifecycle, |user: &User| trace(user.id));
        if by_look {
            assert_eq!(verdict(backend, user.id, over_at).await, Some(DormancyVerdict::Disable));
        } else {
            assert!(lifecycle.disable(user.id, over_at, &evidence).await.unwrap().is_some());
        }
        let enabled_at = over_at + 100 * HOUR;
        assert!(lifecycle.enable(user.id, enabled_at, &evidence).await.unwrap().is_some());
        let looked = look(backend, user.id, enabled_at).await.expect("it is due at once");
        let look_at = enabled_at + RULE.warn_after;
        let record = DormancyRecord { look_at, warned_at: None, since: Some(enabled_at) };
        assert_eq!((looked.verdict, looked.record), (DormancyVerdict::Leave, record));
        assert_eq!(verdict(backend, user.id, look_at).await, Some(DormancyVerdict::Warn), "it needs a warning again");
    }
}

/// However long ago they were used or warned.
pub async fn lc_05_accounts_that_have_ended_or_will_are_left_alone(backend: &Backend) {
    for disables in [true, false] {
        let user = account(backend).await;
        let warned_at = user.created_at + RULE.warn_after;
        assert_eq!(verdict(backend, user.id, warned_at).await, Some(DormancyVerdict::Warn));
        if disables {
            let disabled = backend.stores.lifecycle.disable(user.id, warned_at, &|_| Evidence::none()).await.unwrap();
            assert!(disabled.is_some());
        } else {
            assert!(schedule(backend, user.id, None).await.is_some());
        }
        let user = stored(backend, user.id).await;
        assert_eq!(verdict(backend, user.id, warned_at + RULE.disable_after).await, Some(DormancyVerdict::Leave));
        assert_eq!(stored(backend, user.id).await, user);
    }
}

/// Nothing is left of a warning, and what is left of the account is nobody's to warn.
pub async fn lc_05_what_an_erasure_leaves_has_a_new_record(backend: &Backend) {
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize, DeletionStrategy::SoftDelete] {
        let user = account(backend).await.id;
        let at = now() + 2 * RULE.warn_after;
        assert_eq!(verdict(backend, user, at).await, Some(DormancyVerdict::Warn));
        let erasure = Erasure { user, only_if_due: false, strategy, at };
        assert!(backend.stores.lifecycle.erase(&erasure, &|_| Evidence::none()).await.unwrap().is_some());
        let left = look(backend, user, at).await;
        assert_eq!(left.is_some(), strategy != DeletionStrategy::HardDelete, "{strategy:?}");
        if let Some(looked) = left {
            let record = DormancyRecord { look_at: looked.record.look_at, ..DormancyRecord::default() };
            assert_eq!((looked.verdict, looked.record), (DormancyVerdict::Leave, record));
        }
        assert_eq!(look(backend, user, at + 100_000 * HOUR).await, None, "{strategy:?}: it is over");
    }
}

/// Of many who look at once, one finds the account due, and there is one piece of evidence.
pub async fn lc_05_one_of_many_looks_warns_and_one_disables(backend: &Backend) {
    let user = account(backend).await;
    let warned_at = user.created_at + RULE.warn_after;
    for (at, expected) in
        [(warned_at, DormancyVerdict::Warn), (warned_at + RULE.disable_after, DormancyVerdict::Disable)]
    {
        let verdicts = race(CONTENDERS, |_| {
            let (backend, id) = (backend.clone(), user.id);
            async move { verdict(&backend, id, at).await }
        })
        .await;
        assert_eq!(count(&verdicts, |verdict| *verdict == Some(expected)), 1, "{verdicts:?}");
        assert_eq!(count(&verdicts, Option::is_none), CONTENDERS - 1, "{verdicts:?}");
    }
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Whoever signs in just before an account would be disabled keeps it; whoever comes just after does not get in.
pub async fn lc_05_a_sign_in_and_a_look_at_once_exclude_each_other(backend: &Backend) {
    const LOOKS: usize = 4;
    for _ in 0..4 {
        let user = account(backend).await;
        let warned_at = user.created_at + RULE.warn_after;
        let at = warned_at + RULE.disable_after;
        assert_eq!(verdict(backend, user.id, warned_at).await, Some(DormancyVerdict::Warn));
        let mut sessions = Vec::new();
        for _ in LOOKS..CONTENDERS {
            sessions.push(Press::at(backend, at).session(&user).await);
        }
        let outcomes = race(CONTENDERS, |number| {
            let (backend, id, session) = (backend.clone(), user.id, sessions.get(number).cloned());
            async move {
                match session {
                    None => (verdict(&backend, id, at).await == Some(DormancyVerdict::Disable), false),
                    Some(session) => {
                        let minted = backend.stores.sessions.insert(&session, &|_| Evidence::none()).await.unwrap();
                        assert!(!matches!(minted, Minted::PendingGone));
                        (false, matches!(minted, Minted::Done(_)))
                    }
                }
            }
        })
        .await;
        let (disabled, signed_in) = (count(&outcomes, |outcome| outcome.0), count(&outcomes, |outcome| outcome.1));
        assert!(
            matches!((disabled, signed_in), (1, 0)) || (disabled == 0 && signed_in == CONTENDERS - LOOKS),
            "{disabled} disabled it, {signed_in} signed in"
        );
        assert_eq!(stored(backend, user.id).await.disabled_at, (disabled == 1).then_some(at));
    }
}

/// Neither a warning nor an end that nobody hears of.
pub async fn au_02_a_look_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let warned_at = user.created_at + RULE.warn_after;
    let spent = spent(backend).await;
    for (at, expected) in
        [(warned_at, DormancyVerdict::Warn), (warned_at + RULE.disable_after, DormancyVerdict::Disable)]
    {
        let before = stored(backend, user.id).await;
        let look = DormancyLook { user: user.id, rule: RULE, seen_at: None, at };
        assert!(backend.stores.dormancy.look(&look, &|_| spent.clone()).await.is_err());
        assert_eq!(stored(backend, user.id).await, before);
        assert_eq!(verdict(backend, user.id, at).await, Some(expected), "it is as due as before");
    }
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Everything that is due behind a place, read in pages.
async fn due(backend: &Backend, at: Timestamp, mut after: Option<DueLook>, limit: u32) -> Vec<DueLook> {
    let mut seen = Vec::new();
    loop {
        let page = backend.stores.dormancy.due_looks(at, after, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(end) = page.last() else { return seen };
        after = Some(*end);
        seen.extend(page);
    }
}

/// A look that leaves a trace.
async fn look(backend: &Backend, user: UserId, at: Timestamp) -> Option<DormancyLooked> {
    make(backend, &DormancyLook { user, rule: RULE, seen_at: None, at }, trace(user)).await
}

async fn verdict(backend: &Backend, user: UserId, at: Timestamp) -> Option<DormancyVerdict> {
    look(backend, user, at).await.map(|looked| looked.verdict)
}

async fn make(backend: &Backend, look: &DormancyLook, evidence: Evidence) -> Option<DormancyLooked> {
    backend.stores.dormancy.look(look, &|_| evidence.clone()).await.unwrap()
}

/// An account that was made then.
async fn made_at(backend: &Backend, at: Timestamp) -> User {
    let account = NewAccount { created_at: at, confirmed_at: Some(at), ..new_account(&email("ann")) };
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
    account.to_user()
}

async fn sign_in(backend: &Backend, user: &User, at: Timestamp) -> bool {
    let id = DeviceId::new(at);
    let device = SignInDevice::Known { id, expires_at: at + HOUR };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: true, device };
    backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap().is_some()
}
