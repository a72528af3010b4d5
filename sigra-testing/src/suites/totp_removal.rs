//! [`TotpStore`](sigra_mfa::ports::TotpStore): disabling and disowning.

use std::time::Duration;

use sigra_core::evidence::Evidence;
use sigra_core::ports::Recovered;
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{BackupCodeCount, Removal, RemovalProof};

use super::MfaBackend;
use super::enrolled::*;
use super::reclaiming::{redeem, unproven};
use super::support::*;

suite! {
    over MfaBackend:
    lc_01_second_factors_go_with_their_account,
    disabling_removes_every_factor_and_raises_the_epoch,
    disabling_uses_up_what_it_shows_or_nothing,
    disabling_needs_the_epochs_it_was_decided_under,
    a_pending_secret_is_not_disabled,
    one_of_many_removals_wins,
    mf_03_a_proof_serves_a_removal_or_a_sign_in,
    disabling_without_its_evidence_does_not_happen,
    what_was_activated_since_is_disowned,
    what_was_activated_before_stays,
    a_pending_secret_is_disowned_silently,
    disowning_without_its_evidence_does_not_happen,
    tk_16_second_factors_of_an_unproven_account_go_when_it_is_reclaimed,
}

/// Whoever deletes an account deletes its secret, its codes and its trusted browsers. Another account keeps its own.
pub async fn lc_01_second_factors_go_with_their_account(backend: &MfaBackend) {
    let Some(operator) = operator(backend, "totp_removal::lc_01_second_factors_go_with_their_account") else { return };
    let (erased, kept) = (Enrolled::new(backend).await, Enrolled::new(backend).await);
    operator.erase(erased.user.id).await;
    assert_eq!(totp(backend, erased.user.id).await, None);
    assert_eq!(backend.backup_codes.count(erased.user.id).await.unwrap(), BackupCodeCount::default());
    assert!(!is_trusted(backend, erased.browser).await);
    kept.assert_untouched(backend).await;
}

/// Secret, codes and browsers of the account go, by either proof; the evidence sees the epoch that follows.
pub async fn disabling_removes_every_factor_and_raises_the_epoch(backend: &MfaBackend) {
    let other = Enrolled::new(backend).await;
    for by_code in [false, true] {
        let enrolled = Enrolled::new(backend).await;
        let shown =
            if by_code { RemovalProof::BackupCode(enrolled.codes[3]) } else { RemovalProof::TotpStep(STEP + 1) };
        let after = backend.totp.disable(&removal(&enrolled.user, shown), &trace_of).await.unwrap();
        assert_eq!(after, Some(raised(&enrolled.user)));
        enrolled.assert_stripped(backend).await;
        assert_told(backend, &raised(&enrolled.user)).await;
        assert!(!backend.totp.advance_step(enrolled.user.id, STEP + 2).await.unwrap());
    }
    other.assert_untouched(backend).await;
}

/// A step that is used up and a code that is not the account's remove nothing.
pub async fn disabling_uses_up_what_it_shows_or_nothing(backend: &MfaBackend) {
    let (enrolled, other) = (Enrolled::new(backend).await, Enrolled::new(backend).await);
    let shown = [
        RemovalProof::TotpStep(STEP),
        RemovalProof::TotpStep(STEP - 1),
        RemovalProof::BackupCode(codes(1)[0]),
        RemovalProof::BackupCode(other.codes[0]),
    ];
    for shown in shown {
        assert_refused(backend, &removal(&enrolled.user, shown)).await;
        enrolled.assert_untouched(backend).await;
    }
    other.assert_untouched(backend).await;
}

/// Under other epochs nothing is removed, and the proof is as good as before.
pub async fn disabling_needs_the_epochs_it_was_decided_under(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    for shown in [RemovalProof::TotpStep(STEP + 1), RemovalProof::BackupCode(enrolled.codes[0])] {
        for epochs in other_epochs(&enrolled.user) {
            assert_refused(backend, &Removal { epochs, ..removal(&enrolled.user, shown) }).await;
            enrolled.assert_untouched(backend).await;
        }
    }
    assert!(backend.totp.advance_step(enrolled.user.id, STEP + 1).await.unwrap());
}

/// Codes alone do not disable what is not active, and are not used up.
pub async fn a_pending_secret_is_not_disabled(backend: &MfaBackend) {
    let (user, codes) = (account(backend).await, codes(2));
    assert!(backend.backup_codes.replace(user.id, user.epochs, &codes, now(), Evidence::none()).await.unwrap());
    let pending = begun(backend, &user).await;
    for shown in [RemovalProof::TotpStep(STEP), RemovalProof::BackupCode(codes[0])] {
        assert_refused(backend, &removal(&user, shown)).await;
    }
    assert_eq!(totp(backend, user.id).await.unwrap().secret, pending.secret);
    assert_eq!(listed(backend, user.id).await, sorted(codes));
}

/// Of many removals at once, by different proofs, one takes place.
pub async fn one_of_many_removals_wins(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let shown = match enrolled.codes.get(number) {
            Some(code) => RemovalProof::BackupCode(*code),
            None => RemovalProof::TotpStep(STEP + number as u64),
        };
        let (totp, removal) = (backend.totp.clone(), removal(&enrolled.user, shown));
        async move { totp.disable(&removal, &trace_of).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    enrolled.assert_stripped(backend).await;
    assert_eq!(traces(backend, enrolled.user.id).await, 1);
}

/// One code is good for one thing, whoever comes first.
pub async fn mf_03_a_proof_serves_a_removal_or_a_sign_in(backend: &MfaBackend) {
    for by_code in [false, true] {
        let enrolled = Enrolled::new(backend).await;
        let (id, code) = (enrolled.user.id, enrolled.codes[0]);
        let shown = if by_code { RemovalProof::BackupCode(code) } else { RemovalProof::TotpStep(STEP + 1) };
        let outcomes = race(CONTENDERS, |number| {
            let (backend, removal) = (backend.clone(), removal(&enrolled.user, shown));
            async move {
                if number % 2 == 0 {
                    backend.totp.disable(&removal, &|_| trace(id)).await.unwrap().is_some()
                } else if by_code {
                    backend.backup_codes.consume(id, &code, now(), &|_| trace(id)).await.unwrap().is_some()
                } else {
                    backend.totp.advance_step(id, STEP + 1).await.unwrap()
                }
            }
        })
        .await;
        assert_eq!(count(&outcomes, |used| *used), 1);
    }
}

/// AU-02: what cannot be recorded is not removed, and the proof is as good as before.
pub async fn disabling_without_its_evidence_does_not_happen(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let evidence = spent(backend).await;
    for shown in [RemovalProof::TotpStep(STEP + 1), RemovalProof::BackupCode(enrolled.codes[0])] {
        let removal = removal(&enrolled.user, shown);
        assert!(backend.totp.disable(&removal, &|_| evidence.clone()).await.is_err());
        enrolled.assert_untouched(backend).await;
    }
}

/// A secret that was activated at that moment or later goes with all that came of it, once.
pub async fn what_was_activated_since_is_disowned(backend: &MfaBackend) {
    let other = Enrolled::new(backend).await;
    for earlier in [Duration::ZERO, TICK, 24 * HOUR] {
        let enrolled = Enrolled::new(backend).await;
        let since = enrolled.activated_at - earlier;
        assert!(disown(backend, &enrolled.user, since).await);
        enrolled.assert_stripped(backend).await;
        assert_told(backend, &raised(&enrolled.user)).await;
        assert!(!disown(backend, &enrolled.user, since).await, "there is nothing left");
        assert_eq!(traces(backend, enrolled.user.id).await, 1);
    }
    other.assert_untouched(backend).await;
}

/// A secret that was active before that moment is the owner's.
pub async fn what_was_activated_before_stays(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    assert!(!disown(backend, &enrolled.user, enrolled.activated_at + TICK).await);
    enrolled.assert_untouched(backend).await;
    assert_eq!(traces(backend, enrolled.user.id).await, 0);
}

/// Nobody has used a pending secret, so it goes without a word, whenever it began.
pub async fn a_pending_secret_is_disowned_silently(backend: &MfaBackend) {
    let user = account(backend).await;
    assert!(!disown(backend, &user, now()).await, "there is none");
    let pending = begun(backend, &user).await;
    assert!(!disown(backend, &user, pending.created_at + HOUR).await);
    assert_eq!(totp(backend, user.id).await, None);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
}

/// AU-02: what cannot be recorded is not disowned.
pub async fn disowning_without_its_evidence_does_not_happen(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let evidence = spent(backend).await;
    let outcome = backend.totp.disown(enrolled.user.id, enrolled.activated_at, &|_| evidence.clone()).await;
    assert!(outcome.is_err());
    enrolled.assert_untouched(backend).await;
}

/// Whoever proves the mailbox of an unproven account by a link is not asked for what somebody else had set up in it; pending
/// secrets, used codes and trusted browsers go too. Another account keeps its own.
pub async fn tk_16_second_factors_of_an_unproven_account_go_when_it_is_reclaimed(backend: &MfaBackend) {
    let kept = Enrolled::of(backend, unproven(backend).await).await;
    for purpose in [Purpose::MAGIC_LINK, Purpose::RESET_PASSWORD] {
        let prepared = Enrolled::of(backend, unproven(backend).await).await;
        let begun_only = unproven(backend).await;
        begun(backend, &begun_only).await;
        for user in [&prepared.user, &begun_only] {
            let link = mail_token(backend, user, purpose).await;
            if purpose == Purpose::MAGIC_LINK {
                assert!(redeem(backend, link.digest, now()).await.is_some_and(|live| live.reclaimed));
            } else {
                let none = &|_: &Recovered| Evidence::none();
                let reset = backend.stores.accounts.reset_password(link.digest, &hash("reset"), now(), none).await;
                assert!(reset.unwrap().is_some_and(|reset| reset.reclaimed));
            }
            assert_eq!(totp(backend, user.id).await, None);
            assert_eq!(backend.backup_codes.count(user.id).await.unwrap(), BackupCodeCount::default());
            assert!(stored(backend, user.id).await.epochs.factor > user.epochs.factor);
        }
        assert!(!is_trusted(backend, prepared.browser).await);
    }
    kept.assert_untouched(backend).await;
}

fn removal(user: &User, shown: RemovalProof) -> Removal {
    Removal { user: user.id, epochs: user.epochs, shown, now: now() }
}

async fn assert_refused(backend: &MfaBackend, removal: &Removal) {
    let before = traces(backend, removal.user).await;
    assert_eq!(backend.totp.disable(removal, &trace_of).await.unwrap(), None);
    assert_eq!(traces(backend, removal.user).await, before, "a refused removal left evidence");
}

async fn disown(backend: &MfaBackend, user: &User, since: Timestamp) -> bool {
    backend.totp.disown(user.id, since, &trace_of).await.unwrap()
}
