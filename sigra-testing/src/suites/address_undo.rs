//! [`AddressChangeStore`](sigra_core::ports::AddressChangeStore): undoing, and addresses that are reserved meanwhile.

use sigra_core::address_change::{AddressChange, ChangeState, Completed, RecordedChange, UndoneChange};
use sigra_core::evidence::Evidence;
use sigra_core::id::RequestId;
use sigra_core::ports::{NewAccount, Promotion};
use sigra_core::registration::{AddressRequest, RequestKind};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::address_changes::{Asked, change_of, redeem};
use super::support::device;
use super::support::*;

suite! {
    undoing_a_pending_change_ends_what_was_handed_out_and_starts_a_reset,
    undoing_a_completed_change_brings_the_old_address_back,
    the_link_of_the_oldest_change_wins,
    what_a_thief_can_do_disarms_no_link,
    an_undo_needs_a_live_link,
    tk_03_one_of_many_undos_wins,
    tk_17_whoever_redeems_while_the_owner_undoes_the_old_address_holds,
    an_undo_without_its_evidence_is_not_made,
    an_old_address_is_reserved_while_it_can_come_back,
    an_account_may_go_back_to_its_old_address,
    an_address_that_is_lost_is_not_taken_back,
    changes_are_purged_when_nothing_of_them_is_worth_anything,
    lc_04_an_account_is_shown_its_own_changes_page_by_page,
}

/// The address stays, the password goes, the epoch is raised, devices, tokens and the change are gone, the request is
/// stored; rescue tokens and other accounts are left.
pub async fn undoing_a_pending_change_ends_what_was_handed_out_and_starts_a_reset(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = Asked::by(backend, &other).await;
    theirs.arm(backend).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let changes = &backend.stores.address_changes;
    let seen = changes.peek_undo(asked.undo, now()).await.unwrap().expect("it is live");
    assert_eq!((&seen.change, &seen.user), (&asked.change, &before));
    assert_eq!(seen.expires_at, asked.change.requested_at + 72 * HOUR);
    assert!(changes.peek_undo(asked.confirm, now()).await.unwrap().is_none(), "TK-02: the link to the new address");

    let wanted = request(RequestKind::RescueReset, &user.email);
    let undone = undo(backend, asked.undo, now(), &wanted).await.expect("it is live");
    let Epochs { security, factor } = user.epochs;
    let epochs = Epochs { security: security + 1, factor };
    assert_eq!(undone.user, User { has_password: false, epochs, ..before });
    assert_eq!(undone.reverted_from, None);
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert!(found.password.is_none(), "whoever asked may know it");
    assert_eq!(found.user, undone.user);
    assert_eq!(traces(backend, user.id).await, 2, "of asking and of undoing");
    assert!(!is_live(backend, &reset).await && is_live(backend, &rescue).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none());
    assert_eq!(redeem(backend, asked.confirm, now(), digest()).await, Completed::Invalid);
    assert!(changes.pending(user.id, now()).await.unwrap().is_none());
    let queued = lease_request(backend, wanted.id).await.request;
    assert_eq!((queued.kind, &queued.email), (RequestKind::RescueReset, &user.email));

    let again = request(RequestKind::RescueReset, &user.email);
    assert!(undo(backend, asked.undo, now(), &again).await.is_none(), "a link is good once");
    assert!(!is_queued(backend, again.id).await);
    assert!(changes.peek_undo(theirs.undo, now()).await.unwrap().is_some());
}

/// Either of the two links brings the address back, and both are used up then.
pub async fn undoing_a_completed_change_brings_the_old_address_back(backend: &Backend) {
    for by_the_notice in [true, false] {
        let user = account(backend).await;
        let rescue = rescue_token(&user);
        keep(backend, &rescue).await;
        let (asked, revert) = changed(backend, &user).await;
        let magic = mail_token(backend, &stored(backend, user.id).await, Purpose::MAGIC_LINK).await;
        let (used, other) = if by_the_notice { (asked.undo, revert) } else { (revert, asked.undo) };
        let wanted = request(RequestKind::RescueReset, &user.email);
        let undone = undo(backend, used, now(), &wanted).await.expect("it is live");
        assert_eq!(undone.reverted_from.as_ref(), Some(&asked.change.new));
        assert_eq!(undone.user.email.as_str(), user.email.as_str());
        assert_eq!(undone.user.epochs.security, user.epochs.security + 2);
        assert_eq!(undone.user.confirmed_at, user.confirmed_at);
        assert_eq!(stored(backend, user.id).await, undone.user);
        assert_eq!(
            lease_request(backend, wanted.id).await.request.email,
            user.email,
            "the reset goes to the old address"
        );
        assert!(!is_live(backend, &magic).await);
        assert!(is_live(backend, &rescue).await, "what was mailed to the old address counts again");
        let accounts = &backend.stores.accounts;
        assert!(accounts.find_by_email(&asked.change.new).await.unwrap().is_none());
        assert_eq!(accounts.find_by_email(&user.email).await.unwrap().unwrap().user.id, user.id);
        for dead in [used, other] {
            let again = request(RequestKind::RescueReset, &user.email);
            assert!(undo(backend, dead, now(), &again).await.is_none());
        }
        let free = new_account(&asked.change.new);
        assert!(accounts.create(&free, Evidence::none()).await.unwrap(), "the new address is free again");
    }
}

/// Undoing a change undoes those that came after it; their links are dead then, and those of earlier ones alive.
pub async fn the_link_of_the_oldest_change_wins(backend: &Backend) {
    let user = account(backend).await;
    let (first, _) = changed(backend, &user).await;
    let (second, last) = changed(backend, &stored(backend, user.id).await).await;
    assert_eq!(stored(backend, user.id).await.email, second.change.new);
    let changes = &backend.stores.address_changes;
    let third = Asked::by(backend, &stored(backend, user.id).await).await;
    third.arm(backend).await;

    let wanted = request(RequestKind::RescueReset, &user.email);
    let undone = undo(backend, last, now(), &wanted).await.expect("it is live");
    assert_eq!(undone.user.email, first.change.new, "to where the second change began");
    for dead in [second.undo, last, third.undo] {
        assert!(changes.peek_undo(dead, now()).await.unwrap().is_none());
    }
    let (later, later_revert) = changed(backend, &stored(backend, user.id).await).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    let undone = undo(backend, first.undo, now(), &wanted).await.expect("an earlier link stays");
    assert_eq!(undone.user.email, user.email);
    assert_eq!(undone.reverted_from, Some(later.change.new));
    for dead in [later.undo, later_revert, first.undo] {
        assert!(changes.peek_undo(dead, now()).await.unwrap().is_none(), "a thief's mailbox undoes nothing");
    }
}

/// Neither a new password or factor nor replacing, withdrawing or completing the change makes its link worthless.
pub async fn what_a_thief_can_do_disarms_no_link(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let newer = Asked::by(backend, &user).await;
    newer.arm(backend).await;
    assert!(backend.stores.address_changes.withdraw(user.id, now(), Evidence::none()).await.unwrap());
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let accounts = &backend.stores.accounts;
    accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| Evidence::none()).await.unwrap().unwrap();
    if let Some(operator) = operator(backend, "address_undo::what_a_thief_can_do, the factor epoch") {
        operator.raise_factor_epoch(user.id).await;
    }
    changed(backend, &stored(backend, user.id).await).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    let lifecycle = &backend.stores.lifecycle;
    let scheduled = lifecycle.schedule_deletion(user.id, None, now() + HOUR, &|user| trace(user.id)).await.unwrap();
    assert!(scheduled.is_some_and(|user| user.deletion_due_at.is_some()));
    let undone = undo(backend, asked.undo, now(), &wanted).await.expect("nothing has disarmed it");
    assert_eq!((&undone.user.email, undone.user.deletion_due_at), (&user.email, None));
    assert_eq!(stored(backend, user.id).await, undone.user, "it is not to be deleted any more");
}

/// A link that is unknown or expired changes nothing, nor one of a disabled account. Completing the change moves the end.
pub async fn an_undo_needs_a_live_link(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let end = asked.change.requested_at + 72 * HOUR;
    for (link, at) in [(digest(), now()), (asked.undo, end), (asked.undo, end + HOUR)] {
        let wanted = request(RequestKind::RescueReset, &user.email);
        assert!(undo(backend, link, at, &wanted).await.is_none());
        assert!(!is_queued(backend, wanted.id).await);
    }
    assert_eq!(stored(backend, user.id).await, user);
    let completed_at = asked.change.requested_at + HOUR;
    assert!(matches!(redeem(backend, asked.confirm, completed_at, digest()).await, Completed::Changed(_)));
    let changes = &backend.stores.address_changes;
    assert!(changes.peek_undo(asked.undo, end + HOUR).await.unwrap().is_none());
    assert!(changes.peek_undo(asked.undo, end + HOUR - TICK).await.unwrap().is_some(), "TK-04");
    let doomed = account(backend).await;
    let theirs = Asked::by(backend, &doomed).await;
    theirs.arm(backend).await;
    let lifecycle = &backend.stores.lifecycle;
    let scheduled = lifecycle.schedule_deletion(doomed.id, None, now(), &|user| trace(user.id)).await.unwrap();
    assert!(scheduled.is_some());
    assert!(changes.peek_undo(theirs.undo, now()).await.unwrap().is_none(), "its time is over");
    let wanted = request(RequestKind::RescueReset, &doomed.email);
    assert!(undo(backend, theirs.undo, now(), &wanted).await.is_none());
    if let Some(operator) = operator(backend, "address_undo::an_undo_needs_a_live_link, of a disabled account") {
        operator.disable(user.id, now()).await;
        assert!(changes.peek_undo(asked.undo, now()).await.unwrap().is_none());
        let wanted = request(RequestKind::RescueReset, &user.email);
        assert!(undo(backend, asked.undo, now(), &wanted).await.is_none());
    }
}

/// Of many who use both links of one change at once, one undoes, and one reset is started.
pub async fn tk_03_one_of_many_undos_wins(backend: &Backend) {
    let user = account(backend).await;
    let (asked, revert) = changed(backend, &user).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, link) = (backend.clone(), if number % 2 == 0 { asked.undo } else { revert });
        let wanted = request(RequestKind::RescueReset, &user.email);
        async move { undo(&backend, link, now(), &wanted).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 2);
    assert_eq!(stored(backend, user.id).await.email, user.email);
}

/// A thief redeems while the owner undoes: whoever is first, the old address holds afterwards, and nothing that was handed
/// out before is worth anything.
pub async fn tk_17_whoever_redeems_while_the_owner_undoes_the_old_address_holds(backend: &Backend) {
    for _ in 0..4 {
        let user = account(backend).await;
        let asked = Asked::by(backend, &user).await;
        asked.arm(backend).await;
        let outcomes = race(CONTENDERS, |number| {
            let (backend, confirm, link) = (backend.clone(), asked.confirm, asked.undo);
            let wanted = request(RequestKind::RescueReset, &user.email);
            async move {
                if number % 2 == 0 {
                    return matches!(redeem(&backend, confirm, now(), digest()).await, Completed::Changed(_));
                }
                undo(&backend, link, now(), &wanted).await.is_some()
            }
        })
        .await;
        let undone = outcomes.iter().skip(1).step_by(2).filter(|undone| **undone).count();
        let redeemed = outcomes.iter().step_by(2).filter(|redeemed| **redeemed).count();
        assert_eq!(undone, 1, "{outcomes:?}");
        assert!(redeemed <= 1, "{outcomes:?}");
        let after = stored(backend, user.id).await;
        assert_eq!(after.email, user.email);
        assert!(!after.has_password && after.epochs.security > user.epochs.security);
        assert!(backend.stores.address_changes.peek(asked.confirm, now()).await.unwrap().is_none());
    }
}

/// AU-02: without its evidence an undo uses nothing up, changes nothing and starts nothing.
pub async fn an_undo_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let (asked, revert) = changed(backend, &user).await;
    let before = stored(backend, user.id).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    let (evidence, make) = (spent(backend).await, |_: &User| wanted.clone());
    let changes = &backend.stores.address_changes;
    assert!(changes.undo(asked.undo, now(), &make, &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, before);
    assert!(changes.peek_undo(asked.undo, now()).await.unwrap().is_some());
    assert!(changes.peek_undo(revert, now()).await.unwrap().is_some());
    assert!(!is_queued(backend, wanted.id).await);
}

/// LC-06: nobody else gets an address that can still come back, in whatever case it is written; not a microsecond longer.
pub async fn an_old_address_is_reserved_while_it_can_come_back(backend: &Backend) {
    let user = account(backend).await;
    let (_, revert) = changed(backend, &user).await;
    let changes = &backend.stores.address_changes;
    let end = changes.peek_undo(revert, now()).await.unwrap().unwrap().expires_at;
    let shouting = parse(&user.email.as_str().to_ascii_uppercase());
    for address in [&user.email, &shouting] {
        assert_eq!(changes.reserved_for(address, end - TICK).await.unwrap(), Some(user.id));
        assert_eq!(changes.reserved_for(address, end).await.unwrap(), None);
        let account = NewAccount { created_at: end - TICK, ..new_account(address) };
        assert!(!backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
        let (registration, _) = submitted(backend, address).await;
        let account = new_account(address);
        let promoted = backend.stores.registrations.promote(registration.id, &account, Evidence::none()).await;
        assert_eq!(promoted.unwrap(), Promotion::Taken);
        let asked = Asked::of(backend, change_of(&super::support::account(backend).await, address)).await;
        asked.arm(backend).await;
        assert_eq!(redeem(backend, asked.confirm, now(), digest()).await, Completed::Taken);
    }
    assert_eq!(changes.reserved_for(&email("other"), now()).await.unwrap(), None);
    let pending = Asked::by(backend, &super::support::account(backend).await).await;
    pending.arm(backend).await;
    assert_eq!(changes.reserved_for(&pending.change.new, now()).await.unwrap(), None, "asking reserves nothing");
    let account = NewAccount { created_at: end, ..new_account(&user.email) };
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
}

/// The account it is reserved for may have it back by a change as well.
pub async fn an_account_may_go_back_to_its_old_address(backend: &Backend) {
    let user = account(backend).await;
    changed(backend, &user).await;
    let back = Asked::of(backend, change_of(&stored(backend, user.id).await, &user.email)).await;
    back.arm(backend).await;
    assert_eq!(back.redeem(backend).await.expect("it is its own").user.email, user.email);
}

/// Should the old address be another account's after all, the link is worth nothing and nothing changes.
pub async fn an_address_that_is_lost_is_not_taken_back(backend: &Backend) {
    let user = account(backend).await;
    let (asked, revert) = changed(backend, &user).await;
    let changes = &backend.stores.address_changes;
    let end = changes.peek_undo(revert, now()).await.unwrap().unwrap().expires_at;
    // By a host whose clock is ahead.
    let owner = NewAccount { created_at: end, ..new_account(&user.email) };
    assert!(backend.stores.accounts.create(&owner, Evidence::none()).await.unwrap());
    let before = stored(backend, user.id).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    assert!(undo(backend, asked.undo, now(), &wanted).await.is_none());
    assert_eq!(stored(backend, user.id).await, before);
    assert_eq!(stored(backend, owner.id).await, owner.to_user());
    assert!(!is_queued(backend, wanted.id).await);
}

/// A change that expired unanswered goes; one that can still be undone stays.
pub async fn changes_are_purged_when_nothing_of_them_is_worth_anything(backend: &Backend) {
    let (old, recent) = (account(backend).await, account(backend).await);
    let change =
        AddressChange { requested_at: LONG_AGO, expires_at: LONG_AGO + HOUR, ..change_of(&old, &email("new")) };
    let expired = Asked::of(backend, change).await;
    let (kept, _) = changed(backend, &recent).await;
    let changes = &backend.stores.address_changes;
    assert!(changes.find(expired.change.id, LONG_AGO).await.unwrap().is_some());
    while purge(backend, 100).await > 0 {}
    assert!(changes.find(expired.change.id, LONG_AGO).await.unwrap().is_none());
    assert!(changes.peek_undo(kept.undo, now()).await.unwrap().is_some());
}

/// All changes of an account that something can be redeemed or undone of, newest first, with what became of each.
pub async fn lc_04_an_account_is_shown_its_own_changes_page_by_page(backend: &Backend) {
    let changes = &backend.stores.address_changes;
    let (user, other) = (account(backend).await, account(backend).await);
    let (theirs, _) = changed(backend, &other).await;
    assert_eq!(changes.list(user.id, now(), None, 10).await.unwrap(), []);
    let withdrawn = Asked::by(backend, &user).await;
    withdrawn.arm(backend).await;
    assert!(changes.withdraw(user.id, now(), trace(user.id)).await.unwrap());
    let replaced = Asked::by(backend, &user).await;
    replaced.arm(backend).await;
    let (completed, revert) = changed(backend, &user).await;
    let user = stored(backend, user.id).await;
    let pending = Asked::by(backend, &user).await;

    let until = changes.peek_undo(revert, now()).await.unwrap().expect("it is live").expires_at;
    let mailed = |asked: &Asked| Some(asked.change.requested_at + 72 * HOUR);
    let expected = [
        (&pending, ChangeState::Pending, None),
        (&completed, ChangeState::Completed, Some(until)),
        (&replaced, ChangeState::Ended, mailed(&replaced)),
        (&withdrawn, ChangeState::Ended, mailed(&withdrawn)),
    ];
    let expected = expected.map(|(asked, state, undo_expires_at)| {
        let change = asked.change.clone();
        RecordedChange { change, state, undo_expires_at }
    });
    assert_eq!(changes.list(user.id, now(), None, 10).await.unwrap(), expected);
    assert_eq!(changes.list(user.id, now(), None, 3).await.unwrap(), expected[..3]);
    assert_eq!(changes.list(user.id, now(), Some(replaced.change.id), 3).await.unwrap(), expected[3..]);
    assert_eq!(changes.list(user.id, now(), Some(withdrawn.change.id), 3).await.unwrap(), []);
    let others = changes.list(other.id, now(), None, 10).await.unwrap();
    assert!(matches!(&*others, [one] if one.change == theirs.change), "{others:?}");

    // Each until its own microsecond.
    for (asked, end) in [(&pending, pending.change.expires_at), (&completed, until)] {
        for (at, listed) in [(end - TICK, true), (end, false)] {
            let shown = changes.list(user.id, at, None, 10).await.unwrap();
            assert_eq!(shown.iter().any(|one| one.change == asked.change), listed);
        }
    }
    // A change that is armed outlives its end by the link that undoes it, and waits no more.
    pending.arm(backend).await;
    let state = async |at| {
        let shown = changes.list(user.id, at, None, 1).await.unwrap();
        shown.into_iter().find(|one| one.change == pending.change).map(|one| one.state)
    };
    let end = pending.change.expires_at;
    assert_eq!((state(end - TICK).await, state(end).await), (Some(ChangeState::Pending), Some(ChangeState::Ended)));
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let accounts = &backend.stores.accounts;
    accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| Evidence::none()).await.unwrap().unwrap();
    assert_eq!(state(now()).await, Some(ChangeState::Ended), "the account is not what it was");

    let wanted = request(RequestKind::RescueReset, &user.email);
    undo(backend, withdrawn.undo, now(), &wanted).await.expect("it is live");
    assert_eq!(
        changes.list(user.id, now(), None, 10).await.unwrap(),
        [],
        "undoing the oldest takes the later ones along"
    );
}

/// A completed change, and the link in the mail about it.
async fn changed(backend: &Backend, user: &User) -> (Asked, Digest) {
    let (asked, revert) = (Asked::by(backend, user).await, digest());
    asked.arm(backend).await;
    let outcome = redeem(backend, asked.confirm, now(), revert).await;
    assert!(matches!(outcome, Completed::Changed(_)), "{outcome:?}");
    (asked, revert)
}

async fn undo(backend: &Backend, link: Digest, at: Timestamp, wanted: &AddressRequest) -> Option<UndoneChange> {
    let request = |user: &User| AddressRequest { email: user.email.clone(), ..wanted.clone() };
    let evidence = |undone: &UndoneChange| trace(undone.user.id);
    backend.stores.address_changes.undo(link, at, &request, &evidence).await.unwrap()
}

async fn is_queued(backend: &Backend, id: RequestId) -> bool {
    !lease_requests(backend, &[id], now()).await.is_empty()
}
