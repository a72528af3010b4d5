//! [`TotpStore`](sigra_mfa::ports::TotpStore): beginning, activating, using codes up. What takes a secret away is checked
//! by [`totp_removal`](super::totp_removal).

use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::Sealed;
use sigra_mfa::ports::{Activated, Activation, PendingTotp, StoredTotp};

use super::MfaBackend;
use super::enrolled::*;
use super::support::*;

suite! {
    over MfaBackend:
    a_pending_secret_reads_back,
    a_pending_secret_takes_the_place_of_another,
    an_active_secret_is_not_replaced,
    a_beginning_without_its_evidence_is_not_made,
    an_activation_uses_its_step_up_and_raises_the_factor_epoch,
    an_activation_needs_the_pending_secret_as_stored,
    a_pending_secret_ends_at_its_microsecond,
    an_activation_needs_the_epochs_it_was_decided_under,
    an_account_that_is_disabled_activates_nothing,
    one_of_many_activations_wins,
    an_activation_without_its_evidence_is_not_made,
    mf_05_steps_go_forward_and_never_back,
    mf_03_one_of_many_uses_of_a_step_wins,
    se_30_pending_secrets_go_when_they_have_expired,
}

/// Every field survives storage exactly; a secret that is pending has used no step up, and accepts none.
pub async fn a_pending_secret_reads_back(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    assert_eq!(totp(backend, user.id).await, None);
    let pending = pending(&user);
    assert!(backend.totp.begin(&pending, trace(user.id)).await.unwrap());
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&pending)));
    assert_eq!(totp(backend, other.id).await, None);
    assert!(!backend.totp.advance_step(user.id, STEP).await.unwrap(), "nothing proved it yet");
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&pending)));
    assert_eq!(stored(backend, user.id).await, user, "a pending secret is no factor");
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Beginning again replaces the pending secret as a whole, whether that has expired or not.
pub async fn a_pending_secret_takes_the_place_of_another(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = begun(backend, &other).await;
    let first = begun(backend, &user).await;
    let later = first.expires_at + HOUR;
    let second = PendingTotp { created_at: later, expires_at: later + MINUTE, ..pending(&user) };
    assert!(backend.totp.begin(&second, trace(user.id)).await.unwrap());
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&second)));
    let of_the_first = Activation { now: second.created_at, ..activation(&user, &first) };
    assert_stale(backend, &of_the_first).await;
    assert_eq!(totp(backend, other.id).await, Some(as_stored(&theirs)));

    let rivals = race(CONTENDERS, |_| {
        let (backend, user) = (backend.clone(), user.clone());
        async move { begun(&backend, &user).await.secret }
    })
    .await;
    assert!(rivals.contains(&totp(backend, user.id).await.unwrap().secret), "one of them is left, whole");
}

/// Nothing begins while a secret is active.
pub async fn an_active_secret_is_not_replaced(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let again = pending(&enrolled.user);
    assert!(!backend.totp.begin(&again, trace(enrolled.user.id)).await.unwrap());
    let outcome = backend.totp.activate(&activation(&enrolled.user, &again), &trace_of).await.unwrap();
    assert_eq!(outcome, Activated::AlreadyActive);
    enrolled.assert_untouched(backend).await;
    assert_eq!(traces(backend, enrolled.user.id).await, 0, "a refused beginning left evidence");
}

/// AU-02: what cannot be recorded does not begin, and the secret before it stays.
pub async fn a_beginning_without_its_evidence_is_not_made(backend: &MfaBackend) {
    let user = account(backend).await;
    assert!(backend.totp.begin(&pending(&user), spent(backend).await).await.is_err());
    assert_eq!(totp(backend, user.id).await, None);
    let first = begun(backend, &user).await;
    assert!(backend.totp.begin(&pending(&user), spent(backend).await).await.is_err());
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&first)));
}

/// The secret is active, its step used up, the codes replaced, and the factor epoch raised once, as the evidence sees.
pub async fn an_activation_uses_its_step_up_and_raises_the_factor_epoch(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    for user in [&user, &other] {
        let codes = codes(3);
        let replaced = backend.backup_codes.replace(user.id, user.epochs, &codes, now(), Evidence::none());
        assert!(replaced.await.unwrap());
    }
    let theirs = listed(backend, other.id).await;
    let pending = begun(backend, &user).await;
    let (codes, at) = (codes(10), pending.created_at + MINUTE);
    let activation = Activation { codes: &codes, now: at, ..activation(&user, &pending) };
    let outcome = backend.totp.activate(&activation, &trace_of).await.unwrap();
    assert_eq!(outcome, Activated::Done(Box::new(raised(&user))));
    let active = StoredTotp { activated_at: Some(at), last_step: STEP, expires_at: None, ..as_stored(&pending) };
    assert_eq!(totp(backend, user.id).await, Some(active));
    assert_eq!(listed(backend, user.id).await, sorted(codes), "the codes before it are gone");
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_told(backend, &raised(&user)).await;
    assert!(!backend.totp.advance_step(user.id, STEP).await.unwrap(), "the code was used up");
    assert_eq!(listed(backend, other.id).await, theirs);
    assert_eq!(stored(backend, other.id).await, other);
}

/// Another secret than the stored one, be it a part of it, is not activated.
pub async fn an_activation_needs_the_pending_secret_as_stored(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let none_began = pending(&user);
    assert_stale(backend, &activation(&user, &none_began)).await;
    assert_eq!(totp(backend, user.id).await, None);

    let (pending, theirs) = (begun(backend, &user).await, begun(backend, &other).await);
    let bytes = pending.secret.as_bytes();
    let others =
        [theirs.secret.as_bytes(), &bytes[..bytes.len() - 1], &[bytes, b" "].concat(), &[bytes, b"\0"].concat(), b""]
            .map(|bytes| Sealed::from_bytes(bytes.to_vec()));
    for secret in &others {
        assert_stale(backend, &Activation { secret, ..activation(&user, &pending) }).await;
    }
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&pending)));
}

/// At its expiry a pending secret is over; a microsecond earlier it was not.
pub async fn a_pending_secret_ends_at_its_microsecond(backend: &MfaBackend) {
    let user = account(backend).await;
    let pending = begun(backend, &user).await;
    for over in [pending.expires_at + HOUR, pending.expires_at] {
        assert_stale(backend, &Activation { now: over, ..activation(&user, &pending) }).await;
    }
    let in_time = Activation { now: pending.expires_at - TICK, ..activation(&user, &pending) };
    assert!(activate(backend, &in_time, Evidence::none()).await.is_some());
}

/// Under other epochs, or for an account that does not exist, nothing is activated.
pub async fn an_activation_needs_the_epochs_it_was_decided_under(backend: &MfaBackend) {
    let user = account(backend).await;
    let pending = begun(backend, &user).await;
    for epochs in other_epochs(&user) {
        assert_stale(backend, &Activation { epochs, ..activation(&user, &pending) }).await;
    }
    assert_stale(backend, &Activation { user: UserId::new(now()), ..activation(&user, &pending) }).await;
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&pending)));
    assert!(activate(backend, &activation(&user, &pending), Evidence::none()).await.is_some());
}

/// Nothing is activated for a disabled account.
pub async fn an_account_that_is_disabled_activates_nothing(backend: &MfaBackend) {
    let Some(operator) = operator(backend, "totp::an_account_that_is_disabled_activates_nothing") else { return };
    let user = account(backend).await;
    let pending = begun(backend, &user).await;
    operator.disable(user.id, now()).await;
    assert_stale(backend, &activation(&user, &pending)).await;
}

/// Of many who activate one secret at once, one does; one set of codes is stored, and the epoch rises once.
pub async fn one_of_many_activations_wins(backend: &MfaBackend) {
    let user = account(backend).await;
    let pending = begun(backend, &user).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, user, pending) = (backend.clone(), user.clone(), pending.clone());
        async move {
            let codes = codes(10);
            let activation = Activation { codes: &codes, ..activation(&user, &pending) };
            activate(&backend, &activation, trace(user.id)).await.map(|_| codes)
        }
    })
    .await;
    let won: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(listed(backend, user.id).await, sorted(won[0].clone()));
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: what cannot be recorded is not activated: secret, codes and epoch stay as they were.
pub async fn an_activation_without_its_evidence_is_not_made(backend: &MfaBackend) {
    let user = account(backend).await;
    let before = codes(2);
    assert!(backend.backup_codes.replace(user.id, user.epochs, &before, now(), Evidence::none()).await.unwrap());
    let (pending, evidence, codes) = (begun(backend, &user).await, spent(backend).await, codes(10));
    let activation = Activation { codes: &codes, ..activation(&user, &pending) };
    assert!(backend.totp.activate(&activation, &|_| evidence.clone()).await.is_err());
    assert_eq!(totp(backend, user.id).await, Some(as_stored(&pending)));
    assert_eq!(listed(backend, user.id).await, sorted(before));
    assert_eq!(stored(backend, user.id).await, user);
}

/// A step is used up with all before it, for its own account.
pub async fn mf_05_steps_go_forward_and_never_back(backend: &MfaBackend) {
    let (enrolled, other) = (Enrolled::new(backend).await, Enrolled::new(backend).await);
    let id = enrolled.user.id;
    let tries = [(STEP, false), (0, false), (STEP + 1, true), (STEP + 1, false), (STEP, false), (STEP + 900, true)];
    for (step, accepted) in tries {
        assert_eq!(backend.totp.advance_step(id, step).await.unwrap(), accepted, "{step}");
    }
    assert!(backend.totp.advance_step(id, u64::from(u32::MAX) + 7).await.unwrap());
    assert_eq!(totp(backend, id).await.unwrap().last_step, u64::from(u32::MAX) + 7);
    assert!(!backend.totp.advance_step(account(backend).await.id, STEP).await.unwrap(), "there is no secret");
    assert_eq!(stored(backend, id).await, enrolled.user, "a code that is used changes no factor");
    other.assert_untouched(backend).await;
}

/// Of many who use the code of one step at once, one does.
pub async fn mf_03_one_of_many_uses_of_a_step_wins(backend: &MfaBackend) {
    let id = Enrolled::new(backend).await.user.id;
    for step in [STEP + 1, STEP + 2] {
        let outcomes = race(CONTENDERS, |_| {
            let totp = backend.totp.clone();
            async move { totp.advance_step(id, step).await.unwrap() }
        })
        .await;
        assert_eq!(count(&outcomes, |accepted| *accepted), 1);
    }
}

/// Housekeeping deletes pending secrets that have expired, and never an active one.
pub async fn se_30_pending_secrets_go_when_they_have_expired(backend: &MfaBackend) {
    let [old, alive, active] = [account(backend).await, account(backend).await, account(backend).await];
    let begin = async |user, at| {
        let pending = PendingTotp { created_at: at, expires_at: at + 10 * MINUTE, ..pending(user) };
        assert!(backend.totp.begin(&pending, Evidence::none()).await.unwrap());
        pending
    };
    begin(&old, LONG_AGO).await;
    begin(&alive, LONG_AGO + 5_000 * HOUR).await;
    let pending = begin(&active, LONG_AGO).await;
    assert!(activate(backend, &activation(&active, &pending), Evidence::none()).await.is_some());
    while purge(backend, 100).await > 0 {}
    assert_eq!(totp(backend, old.id).await, None);
    assert!(totp(backend, alive.id).await.is_some() && totp(backend, active.id).await.is_some());
}

/// Asserts that an activation changes nothing and leaves no evidence.
async fn assert_stale(backend: &MfaBackend, activation: &Activation<'_>) {
    let user = activation.user;
    let (before, traced) = (listed(backend, user).await, traces(backend, user).await);
    let activation = Activation { codes: &codes(2), ..*activation };
    assert_eq!(backend.totp.activate(&activation, &|_| trace(user)).await.unwrap(), Activated::Stale);
    assert_eq!(listed(backend, user).await, before);
    assert_eq!(traces(backend, user).await, traced, "a refused activation left evidence");
}

fn as_stored(pending: &PendingTotp) -> StoredTotp {
    StoredTotp {
        secret: pending.secret.clone(),
        activated_at: None,
        last_step: 0,
        created_at: pending.created_at,
        expires_at: Some(pending.expires_at),
    }
}
