//! [`RegistrationStore`](sigra_core::ports::RegistrationStore): submitting, finding, tries of codes. Creating the account
//! is checked by [`promotion`](super::promotion).

use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
use sigra_core::id::{RegistrationId, UserId};
use sigra_core::ports::{Mac, Sealed};
use sigra_core::registration::{
    ConfirmationCode, MailedToken, NewToken, PendingRegistration, RequestKind, Resolution, TokenOwner,
};
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;

use super::Backend;
use super::support::*;

suite! {
    registrations_read_back_until_they_expire,
    a_submission_is_queued_with_its_request,
    a_submission_without_its_evidence_is_not_made,
    submissions_for_one_address_stand_beside_each_other,
    only_armed_registrations_are_offered,
    armed_registrations_come_oldest_first,
    tk_12_a_code_has_so_many_tries,
    tk_12_concurrent_guesses_get_no_more_tries,
    codes_end_at_their_microsecond,
    codes_belong_to_their_address,
    a_new_code_replaces_the_old_one,
}

/// Every field survives storage exactly, and an expired registration is not found.
pub async fn registrations_read_back_until_they_expire(backend: &Backend) {
    let registrations = &backend.stores.registrations;
    let sealed = Sealed::from_bytes((0..20_000_u32).map(|n| (n % 251) as u8).collect());
    let written = PendingRegistration { sealed, client: awkward_client(), ..registration(&email("Ann")) };
    let request = request(RequestKind::Register(written.id), &written.email);
    registrations.submit(&written, &request, Evidence::none()).await.unwrap();

    let found = registrations.find(written.id, written.expires_at - TICK).await.unwrap().expect("it is open");
    let PendingRegistration { id, email, sealed, client, created_at, expires_at } = found;
    assert_eq!((id, email, sealed), (written.id, written.email, written.sealed));
    assert_eq!((client, created_at, expires_at), (written.client, written.created_at, written.expires_at));
    assert!(registrations.find(written.id, written.expires_at).await.unwrap().is_none());
    assert!(registrations.find(RegistrationId::new(now()), now()).await.unwrap().is_none());
}

/// Registration, request and evidence are stored together.
pub async fn a_submission_is_queued_with_its_request(backend: &Backend) {
    let subject = UserId::new(now());
    let registration = registration(&email("ann"));
    let request = request(RequestKind::Register(registration.id), &registration.email);
    backend.stores.registrations.submit(&registration, &request, trace(subject)).await.unwrap();
    assert_eq!(traces(backend, subject).await, 1);
    let leased = lease_request(backend, request.id).await.request;
    assert_eq!((leased.kind, leased.email), (RequestKind::Register(registration.id), registration.email));
}

/// AU-02: without its evidence neither registration nor request is stored.
pub async fn a_submission_without_its_evidence_is_not_made(backend: &Backend) {
    let registration = registration(&email("ann"));
    let request = request(RequestKind::Register(registration.id), &registration.email);
    let evidence = spent(backend).await;
    assert!(backend.stores.registrations.submit(&registration, &request, evidence).await.is_err());
    assert!(backend.stores.registrations.find(registration.id, now()).await.unwrap().is_none());
    assert!(lease_requests(backend, &[request.id], now()).await.is_empty());
}

/// Anybody may register any address, as often as they like, taken or not: nothing is overwritten.
pub async fn submissions_for_one_address_stand_beside_each_other(backend: &Backend) {
    let owner = account(backend).await;
    let (one, _) = submitted(backend, &owner.email).await;
    let (two, _) = submitted(backend, &owner.email).await;
    for registration in [one, two] {
        assert!(backend.stores.registrations.find(registration.id, now()).await.unwrap().is_some());
    }
    assert_eq!(stored(backend, owner.id).await, owner);
}

/// A registration is offered once a code or a token was stored for it, also after these expired; one without is a decoy.
pub async fn only_armed_registrations_are_offered(backend: &Backend) {
    let address = email("ann");
    let (decoy, _) = submitted(backend, &address).await;
    let (coded, request) = submitted(backend, &address).await;
    let code = code(&coded, 1);
    answer(backend, &request, &codes(vec![code.clone()])).await;
    let (linked, request) = submitted(backend, &address).await;
    let resolution = Resolution { tokens: vec![link(&linked)], codes: Vec::new() };
    answer(backend, &request, &resolution).await;
    arm(backend, &email("bob")).await;

    let armed = armed(backend, &address, 10, now()).await;
    assert!(!armed.contains(&decoy.id), "a decoy must never be proven");
    assert_eq!(armed, [coded.id, linked.id]);
    let after = code.expires_at + TICK;
    assert_eq!(self::armed(backend, &address, 10, after).await, armed, "a resend is for codes that expired");
    assert_eq!(self::armed(backend, &address, 10, coded.expires_at).await, [linked.id]);
    let shouting = parse(&address.as_str().to_ascii_uppercase());
    assert_eq!(self::armed(backend, &shouting, 10, now()).await, armed);
}

/// Oldest first by the time of submission, and no more than asked for.
pub async fn armed_registrations_come_oldest_first(backend: &Backend) {
    let address = email("ann");
    let mut written = Vec::new();
    for age in [2, 4, 1, 3] {
        let open = registration(&address);
        let open = PendingRegistration { created_at: open.created_at - age * MINUTE, ..open };
        let request = request(RequestKind::Register(open.id), &address);
        backend.stores.registrations.submit(&open, &request, Evidence::none()).await.unwrap();
        answer(backend, &request, &codes(vec![code(&open, 1)])).await;
        written.push((age, open.id));
    }
    written.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    let ids: Vec<_> = written.into_iter().map(|(_, id)| id).collect();
    assert_eq!(armed(backend, &address, 10, now()).await, ids);
    assert_eq!(armed(backend, &address, 3, now()).await, ids[..3]);
}

/// Each code of the address is handed out so many times, whichever of them was meant.
pub async fn tk_12_a_code_has_so_many_tries(backend: &Backend) {
    let address = email("ann");
    let one = arm(backend, &address).await;
    let two = arm(backend, &address).await;
    for _ in 0..3 {
        let mut taken = take(backend, &address, 3, now()).await;
        taken.sort_by_key(|code| code.registration);
        let mut expected = [one.clone(), two.clone()];
        expected.sort_by_key(|code| code.registration);
        for (taken, expected) in taken.iter().zip(&expected) {
            assert_eq!((taken.registration, taken.mac), (expected.registration, expected.mac));
            assert_eq!(taken.expires_at, expected.expires_at);
        }
        assert_eq!(taken.len(), 2);
    }
    assert!(take(backend, &address, 3, now()).await.is_empty());
}

/// However many ask at once, no code is handed out more often.
pub async fn tk_12_concurrent_guesses_get_no_more_tries(backend: &Backend) {
    let address = email("ann");
    arm(backend, &address).await;
    arm(backend, &address).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, address) = (backend.clone(), address.clone());
        async move { take(&backend, &address, 5, now()).await.len() }
    })
    .await;
    assert_eq!(outcomes.iter().sum::<usize>(), 2 * 5);
}

/// Neither an expired code nor one of an expired registration is handed out.
pub async fn codes_end_at_their_microsecond(backend: &Backend) {
    let address = email("ann");
    let code = arm(backend, &address).await;
    assert!(take(backend, &address, 5, code.expires_at).await.is_empty());
    assert_eq!(take(backend, &address, 5, code.expires_at - TICK).await.len(), 1);
}

/// The codes of other addresses are neither handed out nor used up.
pub async fn codes_belong_to_their_address(backend: &Backend) {
    let stamp = stamp();
    let address = |local: &str| parse(&format!("{local}{stamp}@conformance.example"));
    arm(backend, &address("axb")).await;
    for other in ["a_b", "a%b", "%", "a"] {
        assert!(take(backend, &address(other), 1, now()).await.is_empty(), "{other}");
    }
    // What the stored address begins or ends with, and what begins or ends with it.
    for part in ["axb{}@conformance.exam", "xb{}@conformance.example", "aaxb{}@conformance.example"] {
        let other = parse(&part.replace("{}", &stamp));
        assert!(take(backend, &other, 1, now()).await.is_empty(), "{part}");
    }
    assert_eq!(take(backend, &address("AXB"), 1, now()).await.len(), 1);
}

/// A registration has one code; a new one starts with all its tries.
pub async fn a_new_code_replaces_the_old_one(backend: &Backend) {
    let address = email("ann");
    let (registration, request) = submitted(backend, &address).await;
    answer(backend, &request, &codes(vec![code(&registration, 1)])).await;
    assert_eq!(take(backend, &address, 1, now()).await.len(), 1);
    assert!(take(backend, &address, 1, now()).await.is_empty());
    let fresh = code(&registration, 2);
    resolve(backend, &address, &codes(vec![fresh.clone()])).await;
    let taken = take(backend, &address, 1, now()).await;
    assert_eq!(taken.iter().map(|code| code.mac).collect::<Vec<_>>(), [fresh.mac]);
}

/// Submits a registration and arms it with a code.
pub(super) async fn arm(backend: &Backend, address: &EmailAddress) -> ConfirmationCode {
    let (registration, request) = submitted(backend, address).await;
    let code = code(&registration, 1);
    answer(backend, &request, &codes(vec![code.clone()])).await;
    code
}

pub(super) fn link(registration: &PendingRegistration) -> NewToken {
    let token = MailedToken {
        digest: digest(),
        purpose: Purpose::CONFIRM_REGISTRATION,
        owner: TokenOwner::Registration(registration.id),
        email: registration.email.clone(),
        created_at: now(),
        expires_at: registration.expires_at,
    };
    NewToken { token, older_expire_at: None }
}

fn code(registration: &PendingRegistration, fill: u8) -> ConfirmationCode {
    let mac = Mac::from_bytes([fill; 32]);
    ConfirmationCode { registration: registration.id, mac, expires_at: now() + 10 * MINUTE }
}

fn codes(codes: Vec<ConfirmationCode>) -> Resolution {
    Resolution { tokens: Vec::new(), codes }
}

async fn armed(backend: &Backend, email: &EmailAddress, limit: u32, at: Timestamp) -> Vec<RegistrationId> {
    let armed = backend.stores.registrations.armed(email, limit, at).await.unwrap();
    armed.iter().map(|registration| registration.id).collect()
}

async fn take(backend: &Backend, email: &EmailAddress, tries: u32, at: Timestamp) -> Vec<ConfirmationCode> {
    backend.stores.registrations.take_code_tries(email, tries, at).await.unwrap()
}
