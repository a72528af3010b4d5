//! [`AddressChangeStore`](sigra_core::ports::AddressChangeStore): asking, proving and withdrawing.

use sigra_core::address_change::{AddressChange, ArmedChange, ChangedAddress, Completed, Completion};
use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
use sigra_core::id::SessionId;
use sigra_core::ports::Promotion;
use sigra_core::registration::{AddressRequest, RequestKind};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::support::device;
use super::support::*;

suite! {
    a_change_is_stored_with_its_request_and_found_while_it_is_worth_something,
    tk_18_a_change_of_another_state_of_the_account_is_not_stored,
    tk_18_whatever_changes_the_account_kills_its_change,
    tk_17_a_newer_change_replaces_the_older_one,
    a_change_that_was_replaced_is_not_armed,
    arming_answers_the_request_of_one_worker,
    tk_05_a_change_gives_the_account_its_address_and_ends_what_was_handed_out,
    a_change_ends_at_its_microsecond,
    a_taken_address_stays_with_its_owner,
    tk_03_one_of_many_redemptions_changes_the_address,
    one_of_many_accounts_gets_an_address,
    either_a_change_or_a_registration_gets_an_address,
    a_change_without_its_evidence_is_not_made,
    withdrawing_ends_the_pending_change_and_nothing_else,
}

/// What was submitted is found by its id, its account and, once a worker has armed it, by its link; until it expires.
pub async fn a_change_is_stored_with_its_request_and_found_while_it_is_worth_something(backend: &Backend) {
    let changes = &backend.stores.address_changes;
    let (user, other) = (account(backend).await, account(backend).await);
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    assert_eq!(asked.peek(backend).await.as_ref(), Some(&asked.change));
    assert_eq!(changes.find(asked.change.id, now()).await.unwrap().as_ref(), Some(&asked.change));
    assert_eq!(changes.pending(user.id, now()).await.unwrap().as_ref(), Some(&asked.change));
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(changes.pending(other.id, now()).await.unwrap().is_none());
    assert!(changes.peek(digest(), now()).await.unwrap().is_none());
    assert!(changes.peek(asked.undo, now()).await.unwrap().is_none(), "TK-02: the link to the old address");

    let end = asked.change.expires_at;
    for (at, live) in [(end - TICK, true), (end, false), (end + HOUR, false)] {
        assert_eq!(changes.peek(asked.confirm, at).await.unwrap().is_some(), live);
        assert_eq!(changes.find(asked.change.id, at).await.unwrap().is_some(), live);
        assert_eq!(changes.pending(user.id, at).await.unwrap().is_some(), live);
    }
    assert_eq!(stored(backend, user.id).await, user, "nothing changes by asking");
}

/// A session whose account has moved on asks in vain.
pub async fn tk_18_a_change_of_another_state_of_the_account_is_not_stored(backend: &Backend) {
    let user = account(backend).await;
    let Epochs { security, factor } = user.epochs;
    for epochs in [Epochs { security: security + 1, factor }, Epochs { security, factor: factor + 1 }] {
        let change = AddressChange { epochs, ..change_of(&user, &email("new")) };
        assert!(!submit(backend, &change).await);
        assert!(lease_requests(backend, &[change.id], now()).await.is_empty(), "and no request is left");
    }
    assert_eq!(traces(backend, user.id).await, 0);
    if let Some(operator) = operator(backend, "address_changes::tk_18_a_change_of_another_state, disabled") {
        operator.disable(user.id, now()).await;
        assert!(!submit(backend, &change_of(&user, &email("new"))).await);
    }
}

/// A reset, a new factor and disabling each make the link worthless.
pub async fn tk_18_whatever_changes_the_account_kills_its_change(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let accounts = &backend.stores.accounts;
    accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| Evidence::none()).await.unwrap().unwrap();
    asked.assert_dead(backend).await;

    let Some(operator) = operator(backend, "address_changes::tk_18_whatever_changes_the_account") else { return };
    for disables in [false, true] {
        let user = account(backend).await;
        let asked = Asked::by(backend, &user).await;
        asked.arm(backend).await;
        match disables {
            true => operator.disable(user.id, now()).await,
            false => operator.raise_factor_epoch(user.id).await,
        }
        asked.assert_dead(backend).await;
    }
}

/// Only the newest change of an account can be redeemed; what undoes the older one stays good.
pub async fn tk_17_a_newer_change_replaces_the_older_one(backend: &Backend) {
    let user = account(backend).await;
    let older = Asked::by(backend, &user).await;
    older.arm(backend).await;
    let newer = Asked::by(backend, &user).await;
    older.assert_dead(backend).await;
    newer.arm(backend).await;
    let undo = backend.stores.address_changes.peek_undo(older.undo, now()).await.unwrap();
    assert_eq!(undo.map(|undo| undo.change), Some(older.change));
    let changed = newer.redeem(backend).await.expect("it is pending");
    assert_eq!(changed.user.email, newer.change.new);

    // Side by side, one of them is left, and it confirms its own address.
    let user = account(backend).await;
    let asked = race(CONTENDERS, |_| {
        let (backend, user) = (backend.clone(), user.clone());
        async move {
            let change = change_of(&user, &email("new"));
            assert!(submit(&backend, &change).await);
            change
        }
    })
    .await;
    let pending = backend.stores.address_changes.pending(user.id, now()).await.unwrap().expect("one is left");
    assert!(asked.contains(&pending));
    let mut found = 0;
    for change in &asked {
        found += usize::from(backend.stores.address_changes.find(change.id, now()).await.unwrap().is_some());
    }
    assert_eq!(found, 1, "and only one");
}

/// A worker that comes too late mails nothing.
pub async fn a_change_that_was_replaced_is_not_armed(backend: &Backend) {
    let user = account(backend).await;
    let older = Asked::by(backend, &user).await;
    let leased = lease_request(backend, older.change.id).await;
    let newer = Asked::by(backend, &user).await;
    let armed = older.links();
    assert!(!backend.stores.address_changes.arm(&leased, &armed, trace(user.id)).await.unwrap());
    older.assert_dead(backend).await;
    assert!(backend.stores.address_changes.peek_undo(older.undo, now()).await.unwrap().is_none());
    newer.arm(backend).await;
    assert_eq!(traces(backend, user.id).await, 2, "of the two requests");
}

/// The request is answered once, under its lease, and gone then.
pub async fn arming_answers_the_request_of_one_worker(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    let changes = &backend.stores.address_changes;
    let lapsed = lease_request(backend, asked.change.id).await;
    let later = lease_requests(backend, &[asked.change.id], now() + HOUR).await;
    let [leased] = later.as_slice() else { panic!("the lease has lapsed") };
    assert!(!changes.arm(&lapsed, &asked.links(), trace(user.id)).await.unwrap());
    assert!(changes.peek(asked.confirm, now()).await.unwrap().is_none());
    let outcomes = race(CONTENDERS, |_| {
        let (changes, leased, armed, user) = (changes.clone(), leased.clone(), asked.links(), user.id);
        async move { changes.arm(&leased, &armed, trace(user)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |armed| *armed), 1);
    assert_eq!(traces(backend, user.id).await, 2);
    assert!(lease_requests(backend, &[asked.change.id], now() + 3 * HOUR).await.is_empty());
    assert!(changes.peek(asked.confirm, now()).await.unwrap().is_some());
}

/// The account has the new address, under the next epoch; its tokens are gone, its devices and the time of its proof
/// stay.
pub async fn tk_05_a_change_gives_the_account_its_address_and_ends_what_was_handed_out(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;

    let changed = asked.redeem(backend).await.expect("it is pending");
    let Epochs { security, factor } = user.epochs;
    let epochs = Epochs { security: security + 1, factor };
    assert_eq!(changed.change, asked.change);
    assert_eq!(changed.user, User { email: asked.change.new.clone(), epochs, ..before });
    assert_eq!(stored(backend, user.id).await, changed.user);
    assert_eq!(traces(backend, user.id).await, 2);
    let accounts = &backend.stores.accounts;
    let found = accounts.find_by_email(&asked.change.new).await.unwrap().expect("the address is its");
    assert_eq!(found.password.unwrap().expose(), hash("first").expose(), "the password stays");
    assert!(accounts.find_by_email(&user.email).await.unwrap().is_none());
    assert!(!is_live(backend, &magic).await);
    assert!(!is_live(backend, &rescue).await, "TK-01: tokens are of an address");
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_some());
    asked.assert_dead(backend).await;
    assert!(backend.stores.address_changes.pending(user.id, now()).await.unwrap().is_none());
    assert_eq!(stored(backend, other.id).await, other);
}

/// TK-04: at its expiry a link is dead; a microsecond earlier it was not.
pub async fn a_change_ends_at_its_microsecond(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let end = asked.change.expires_at;
    assert!(asked.redeem_at(backend, end + HOUR).await.is_none());
    assert!(asked.redeem_at(backend, end).await.is_none());
    assert!(asked.redeem_at(backend, end - TICK).await.is_some());
}

/// An address that got an account meanwhile, in whatever case, stays that account's, and the change stays pending.
pub async fn a_taken_address_stays_with_its_owner(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let owner = new_account(&parse(&asked.change.new.as_str().to_ascii_uppercase()));
    assert!(backend.stores.accounts.create(&owner, Evidence::none()).await.unwrap());
    let outcome = redeem(backend, asked.confirm, now(), digest()).await;
    assert_eq!(outcome, Completed::Taken);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(stored(backend, owner.id).await, owner.to_user());
    assert_eq!(traces(backend, user.id).await, 1, "no evidence of what did not happen");
    assert!(asked.peek(backend).await.is_some());
}

/// Of many who redeem one link at once, one does, and the epoch rises once.
pub async fn tk_03_one_of_many_redemptions_changes_the_address(backend: &Backend) {
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, confirm) = (backend.clone(), asked.confirm);
        async move { redeem(&backend, confirm, now(), digest()).await }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Completed::Changed(_))), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Completed::Invalid), CONTENDERS - 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// LC-06: many accounts change to one free address at once; one gets it, the others keep theirs.
pub async fn one_of_many_accounts_gets_an_address(backend: &Backend) {
    let wanted = email("wanted");
    let mut contenders = Vec::new();
    for _ in 0..CONTENDERS {
        let asked = Asked::of(backend, change_of(&account(backend).await, &wanted)).await;
        asked.arm(backend).await;
        contenders.push(asked);
    }
    let outcomes = race(CONTENDERS, |number| {
        let (backend, confirm) = (backend.clone(), contenders[number].confirm);
        async move { redeem(&backend, confirm, now(), digest()).await }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| *outcome == Completed::Taken), CONTENDERS - 1, "{outcomes:?}");
    let owner = backend.stores.accounts.find_by_email(&wanted).await.unwrap().expect("one has it").user;
    for (asked, outcome) in contenders.iter().zip(&outcomes) {
        let won = matches!(outcome, Completed::Changed(_));
        assert_eq!(owner.id == asked.change.user, won);
        let expected = if won { &asked.change.new } else { &asked.change.old };
        assert_eq!(stored(backend, asked.change.user).await.email, *expected);
    }
}

/// LC-06: changes to an address and promotions of registrations for it, at once: one of them all gets it.
pub async fn either_a_change_or_a_registration_gets_an_address(backend: &Backend) {
    let wanted = email("wanted");
    let (mut changes, mut registrations) = (Vec::new(), Vec::new());
    for _ in 0..CONTENDERS / 2 {
        let asked = Asked::of(backend, change_of(&account(backend).await, &wanted)).await;
        asked.arm(backend).await;
        changes.push(asked);
        registrations.push(submitted(backend, &wanted).await.0);
    }
    let outcomes = race(CONTENDERS, |number| {
        let (backend, account) = (backend.clone(), new_account(&wanted));
        let (confirm, registration) = (changes[number / 2].confirm, registrations[number / 2].id);
        async move {
            if number % 2 == 0 {
                return matches!(redeem(&backend, confirm, now(), digest()).await, Completed::Changed(_));
            }
            let promoted = backend.stores.registrations.promote(registration, &account, Evidence::none()).await;
            matches!(promoted.unwrap(), Promotion::Created(_))
        }
    })
    .await;
    assert_eq!(count(&outcomes, |won| *won), 1, "{outcomes:?}");
    let owner = backend.stores.accounts.find_by_email(&wanted).await.unwrap().expect("one has it").user;
    assert_eq!(
        outcomes.iter().position(|won| *won).unwrap() % 2 == 0,
        changes.iter().any(|one| one.change.user == owner.id)
    );
}

/// AU-02: without its evidence nothing is stored, armed, changed or withdrawn.
pub async fn a_change_without_its_evidence_is_not_made(backend: &Backend) {
    let changes = &backend.stores.address_changes;
    let user = account(backend).await;
    let evidence = spent(backend).await;
    let change = change_of(&user, &email("new"));
    let request = request_of(&change);
    assert!(changes.submit(&change, &request, evidence.clone()).await.is_err());
    assert!(changes.find(change.id, now()).await.unwrap().is_none());
    assert!(lease_requests(backend, &[change.id], now()).await.is_empty());

    let asked = Asked::by(backend, &user).await;
    let leased = lease_request(backend, asked.change.id).await;
    assert!(changes.arm(&leased, &asked.links(), evidence.clone()).await.is_err());
    assert!(asked.peek(backend).await.is_none());
    assert!(changes.arm(&leased, &asked.links(), Evidence::none()).await.unwrap(), "the request waits still");

    let completion = completion(now(), digest());
    assert!(changes.redeem(asked.confirm, &completion, &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, user);
    assert!(changes.peek_undo(completion.undo, now()).await.unwrap().is_none());
    assert!(changes.withdraw(user.id, now(), evidence.clone()).await.is_err());
    assert!(asked.peek(backend).await.is_some());
}

/// What is withdrawn cannot be redeemed; its link to the old address stays good, and so does everybody else's change.
pub async fn withdrawing_ends_the_pending_change_and_nothing_else(backend: &Backend) {
    let changes = &backend.stores.address_changes;
    let (user, other) = (account(backend).await, account(backend).await);
    assert!(!changes.withdraw(user.id, now(), trace(user.id)).await.unwrap());
    assert_eq!(traces(backend, user.id).await, 0);
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let theirs = Asked::by(backend, &other).await;
    theirs.arm(backend).await;
    assert!(changes.withdraw(user.id, now(), trace(user.id)).await.unwrap());
    asked.assert_dead(backend).await;
    assert!(!changes.withdraw(user.id, now(), trace(user.id)).await.unwrap(), "there is none any more");
    assert_eq!(traces(backend, user.id).await, 2);
    assert!(changes.peek_undo(asked.undo, now()).await.unwrap().is_some());
    assert!(theirs.peek(backend).await.is_some());
    assert_eq!(stored(backend, user.id).await, user);

    // Before a worker came, there is nothing to arm any more.
    let early = Asked::by(backend, &user).await;
    let leased = lease_request(backend, early.change.id).await;
    assert!(changes.withdraw(user.id, now(), trace(user.id)).await.unwrap());
    assert!(!changes.arm(&leased, &early.links(), trace(user.id)).await.unwrap());
}

/// A change that was asked for, with the links that a worker would mail.
pub(super) struct Asked {
    pub(super) change: AddressChange,
    pub(super) confirm: Digest,
    pub(super) undo: Digest,
}

impl Asked {
    /// Asks for a free address.
    pub(super) async fn by(backend: &Backend, user: &User) -> Self {
        Self::of(backend, change_of(user, &email("new"))).await
    }

    pub(super) async fn of(backend: &Backend, change: AddressChange) -> Self {
        assert!(submit(backend, &change).await, "the account stands");
        Self { change, confirm: digest(), undo: digest() }
    }

    /// Answers the request.
    pub(super) async fn arm(&self, backend: &Backend) {
        let leased = lease_request(backend, self.change.id).await;
        assert!(backend.stores.address_changes.arm(&leased, &self.links(), Evidence::none()).await.unwrap());
    }

    fn links(&self) -> ArmedChange {
        let undo_expires_at = self.change.requested_at + 72 * HOUR;
        ArmedChange { confirm: Some(self.confirm), undo: self.undo, undo_expires_at }
    }

    async fn peek(&self, backend: &Backend) -> Option<AddressChange> {
        backend.stores.address_changes.peek(self.confirm, now()).await.unwrap()
    }

    pub(super) async fn redeem(&self, backend: &Backend) -> Option<ChangedAddress> {
        self.redeem_at(backend, now()).await
    }

    async fn redeem_at(&self, backend: &Backend, at: Timestamp) -> Option<ChangedAddress> {
        match redeem(backend, self.confirm, at, digest()).await {
            Completed::Changed(changed) => Some(*changed),
            Completed::Invalid => None,
            Completed::Taken => panic!("the address is free"),
        }
    }

    async fn assert_dead(&self, backend: &Backend) {
        assert!(self.peek(backend).await.is_none());
        assert!(backend.stores.address_changes.find(self.change.id, now()).await.unwrap().is_none());
        let before = stored(backend, self.change.user).await;
        assert!(self.redeem(backend).await.is_none());
        assert_eq!(stored(backend, self.change.user).await, before);
    }
}

pub(super) fn change_of(user: &User, new: &EmailAddress) -> AddressChange {
    let request = request(RequestKind::ChangeEmail, new);
    AddressChange {
        id: request.id,
        user: user.id,
        session: SessionId::new(request.created_at),
        epochs: user.epochs,
        old: user.email.clone(),
        new: new.clone(),
        requested_at: request.created_at,
        expires_at: request.created_at + 24 * HOUR,
    }
}

fn request_of(change: &AddressChange) -> AddressRequest {
    AddressRequest {
        id: change.id,
        created_at: change.requested_at,
        expires_at: change.requested_at + HOUR,
        ..request(RequestKind::ChangeEmail, &change.new)
    }
}

async fn submit(backend: &Backend, change: &AddressChange) -> bool {
    let evidence = trace(change.user);
    backend.stores.address_changes.submit(change, &request_of(change), evidence).await.unwrap()
}

pub(super) fn completion(at: Timestamp, undo: Digest) -> Completion {
    Completion { at, undo, undo_expires_at: at + 72 * HOUR, quarantine: Vec::new() }
}

pub(super) async fn redeem(backend: &Backend, confirm: Digest, at: Timestamp, undo: Digest) -> Completed {
    let evidence = |changed: &ChangedAddress| trace(changed.user.id);
    backend.stores.address_changes.redeem(confirm, &completion(at, undo), &evidence).await.unwrap()
}
