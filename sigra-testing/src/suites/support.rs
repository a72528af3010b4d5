//! What the checks have in common.

use std::collections::HashSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sigra_core::audit::{AuditEvent, EventName, names};
use sigra_core::client::ClientInfo;
use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, LeaseId, RegistrationId, RequestId, UserId};
use sigra_core::password::PasswordHash;
use sigra_core::ports::{NewAccount, RecordedEvent, RowKind, Sealed, SignIn, SignInDevice};
use sigra_core::registration::{
    AddressRequest, LeasedRequest, MailedToken, PendingRegistration, RequestKind, Resolution, TokenOwner,
};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::session::Device;
use sigra_core::time::{Clock as _, SystemClock, Timestamp};
use sigra_core::user::{Epochs, User};
use tokio::sync::Barrier;

use super::{Backend, Operator};

/// What the suites record. No door writes it.
pub(super) const CHECKED: EventName = names::LOGOUT;

pub(super) const TICK: Duration = Duration::from_micros(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const CONTENDERS: usize = 16;

/// The first second of 2001. Whatever the other suites and real hosts have stored expires long after that.
pub(super) const LONG_AGO: Timestamp = Timestamp::from_secs(978_307_200);

/// Texts that a careless store changes, cuts or takes for a pattern.
pub(super) const AWKWARD: &[&str] = &[
    "%",
    "_",
    "'; DROP TABLE sigra_users; --",
    "\"quoted\" and `ticked`",
    "C:\\path\\ \\n \\0 \\' \\%",
    "naïve café ＦＵＬＬ ß ſ İ ı",
    "e\u{301} is not \u{e9}",
    "🦀👩‍👩‍👧‍👦 \u{202e}right to left",
    "$1 ?1 :name {} [] <b>&amp;</b>",
    "  spaces around  ",
];

pub(super) fn now() -> Timestamp {
    static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::new);
    CLOCK.now()
}

pub(super) fn parse(address: &str) -> EmailAddress {
    EmailAddress::parse(address).expect("the suite's addresses parse")
}

/// An address nobody else has. `local` is part of it.
pub(super) fn email(local: &str) -> EmailAddress {
    parse(&format!("{local}.{}@conformance.example", stamp()))
}

/// A text that does not repeat.
pub(super) fn stamp() -> String {
    LeaseId::new(now()).as_uuid().simple().to_string()
}

pub(super) fn client() -> ClientInfo {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    ClientInfo::new(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))), Some(agent), Some("request-1"))
}

/// A client whose `User-Agent` is as long as it can be.
pub(super) fn awkward_client() -> ClientInfo {
    let agent = AWKWARD.concat().repeat(8);
    let client = ClientInfo::new(Some("2001:db8::7".parse().unwrap()), Some(&agent), Some("'%_\\"));
    assert!(client.user_agent.as_ref().is_some_and(|agent| agent.len() > 500));
    client
}

pub(super) fn digest() -> Digest {
    RawToken::random().digest(Purpose::SESSION)
}

pub(super) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1${text}"))
}

/// Evidence of one event about `subject`.
pub(super) fn trace(subject: UserId) -> Evidence {
    Evidence::event(AuditEvent::new(CHECKED, now(), &client()).about(subject))
}

/// How many [traces](trace) of `subject` there are. What a door writes about it is none.
pub(super) async fn traces(backend: &Backend, subject: UserId) -> usize {
    count(&trail(backend, subject).await, |event| event.name == CHECKED.as_str())
}

/// The newest events about `subject`.
pub(super) async fn trail(backend: &Backend, subject: UserId) -> Vec<RecordedEvent> {
    backend.stores.audit.page(Some(subject), None, 200).await.unwrap()
}

/// Evidence that cannot be committed, because its event exists.
pub(super) async fn spent(backend: &Backend) -> Evidence {
    let evidence = trace(UserId::new(now()));
    backend.stores.log.append(evidence.clone()).await.unwrap();
    evidence
}

pub(super) fn new_account(email: &EmailAddress) -> NewAccount {
    let now = now();
    NewAccount {
        id: UserId::new(now),
        email: email.clone(),
        password: Some(hash("first")),
        profile: serde_json::json!({ "name": "Ann" }),
        confirmed_at: Some(now),
        created_at: now,
        quarantine: Vec::new(),
    }
}

pub(super) async fn account(backend: &Backend) -> User {
    let account = new_account(&email("ann"));
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
    account.to_user()
}

/// The account as it is stored now.
pub(super) async fn stored(backend: &Backend, user: UserId) -> User {
    backend.stores.accounts.find(user).await.unwrap().expect("the account exists").user
}

/// The account with its factor epoch raised once.
#[cfg(any(feature = "mfa", feature = "passkeys"))]
pub(super) fn raised(user: &User) -> User {
    let mut user = user.clone();
    user.epochs.factor += 1;
    user
}

/// Evidence of one event that tells the account's epochs.
pub(super) fn trace_of(user: &User) -> Evidence {
    let event = AuditEvent::new(CHECKED, now(), &client()).about(user.id);
    Evidence::event(event.with("security", user.epochs.security).with("factor", user.epochs.factor))
}

/// Asserts that the newest event about the account [tells](trace_of) these epochs, and that it is the only one.
pub(super) async fn assert_told(backend: &Backend, user: &User) {
    let trail = trail(backend, user.id).await;
    let told: Vec<_> = trail.iter().filter(|event| event.name == CHECKED.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let epochs = (&told[0].metadata["security"], &told[0].metadata["factor"]);
    assert_eq!(epochs, (&user.epochs.security.into(), &user.epochs.factor.into()), "evidence of another state");
}

/// Proofs of nothing: the epochs an account has not.
pub(super) fn other_epochs(user: &User) -> [Epochs; 3] {
    let Epochs { security, factor } = user.epochs;
    [
        Epochs { security: security + 1, factor },
        Epochs { security, factor: factor + 1 },
        Epochs { security, factor: factor - 1 },
    ]
}

/// The operator, unless the backend has none.
pub(super) fn operator<'a>(backend: &'a Backend, check: &str) -> Option<&'a dyn Operator> {
    if backend.operator.is_none() {
        eprintln!("left out for want of an operator: {check}");
    }
    backend.operator.as_deref()
}

/// Purges once what expired within a hundred days of [`LONG_AGO`].
pub(super) async fn purge(backend: &Backend, limit: u32) -> u64 {
    purge_at(backend, LONG_AGO + 2_400 * HOUR, LONG_AGO, limit).await
}

/// Purges each kind once.
pub(super) async fn purge_at(backend: &Backend, now: Timestamp, mail_before: Timestamp, limit: u32) -> u64 {
    let (mut gone, housekeeping) = (0, &backend.stores.housekeeping);
    for kind in housekeeping.kinds() {
        let before = if kind == RowKind::MAIL { mail_before } else { now };
        gone += housekeeping.purge(kind, before, limit).await.unwrap();
    }
    gone
}

/// A token that lives an hour and has the account's epochs.
pub(super) fn token(user: &User, purpose: Purpose) -> MailedToken {
    let now = now();
    MailedToken {
        digest: RawToken::random().digest(purpose),
        purpose,
        owner: TokenOwner::User { id: user.id, epochs: Some(user.epochs) },
        email: user.email.clone(),
        created_at: now,
        expires_at: now + HOUR,
    }
}

pub(super) fn rescue_token(user: &User) -> MailedToken {
    MailedToken { owner: TokenOwner::User { id: user.id, epochs: None }, ..token(user, Purpose::NOT_ME) }
}

/// Stores a token the way a notice does.
pub(super) async fn keep(backend: &Backend, token: &MailedToken) {
    backend.stores.log.append(Evidence::none().and_token(token.clone())).await.unwrap();
}

/// Stores a new token with the account's epochs.
pub(super) async fn mail_token(backend: &Backend, user: &User, purpose: Purpose) -> MailedToken {
    let token = token(user, purpose);
    keep(backend, &token).await;
    token
}

pub(super) async fn is_live(backend: &Backend, token: &MailedToken) -> bool {
    backend.stores.tokens.peek(token.digest, now()).await.unwrap().is_some()
}

pub(super) fn registration(email: &EmailAddress) -> PendingRegistration {
    let now = now();
    PendingRegistration {
        id: RegistrationId::new(now),
        email: email.clone(),
        sealed: Sealed::from_bytes((0..=255).collect()),
        client: client(),
        created_at: now,
        expires_at: now + 24 * HOUR,
    }
}

/// A registration that was submitted; its request waits in the queue.
pub(super) async fn submitted(backend: &Backend, email: &EmailAddress) -> (PendingRegistration, AddressRequest) {
    let registration = registration(email);
    let request = request(RequestKind::Register(registration.id), email);
    backend.stores.registrations.submit(&registration, &request, Evidence::none()).await.unwrap();
    (registration, request)
}

pub(super) fn request(kind: RequestKind, email: &EmailAddress) -> AddressRequest {
    let now = now();
    let id = RequestId::new(now);
    AddressRequest { id, kind, email: email.clone(), client: client(), created_at: now, expires_at: now + HOUR }
}

/// Leases everything the queue has at `at`, and returns those of `ids` in the order they came, with duplicates.
pub(super) async fn lease_requests(backend: &Backend, ids: &[RequestId], at: Timestamp) -> Vec<LeasedRequest> {
    let (mut mine, mut seen) = (Vec::new(), HashSet::new());
    loop {
        let batch = backend.stores.requests.lease(50, at, at + MINUTE).await.unwrap();
        assert!(batch.len() <= 50, "more than the limit was leased");
        if batch.is_empty() {
            return mine;
        }
        assert!(batch.iter().all(|leased| seen.insert(leased.request.id)), "a request was leased while its lease held");
        mine.extend(batch.into_iter().filter(|leased| ids.contains(&leased.request.id)));
    }
}

pub(super) async fn lease_request(backend: &Backend, id: RequestId) -> LeasedRequest {
    lease_requests(backend, &[id], now()).await.pop().expect("the request waits in the queue")
}

/// Answers a request that waits in the queue.
pub(super) async fn answer(backend: &Backend, request: &AddressRequest, resolution: &Resolution) {
    let leased = lease_request(backend, request.id).await;
    assert!(backend.stores.requests.resolve(&leased, resolution, Evidence::none()).await.unwrap());
}

/// Makes a request for `email` and answers it.
pub(super) async fn resolve(backend: &Backend, email: &EmailAddress, resolution: &Resolution) {
    let request = request(RequestKind::MagicLink, email);
    backend.stores.requests.submit(&request, Evidence::none()).await.unwrap();
    answer(backend, &request, resolution).await;
}

/// A device the account has signed in from, by the digest of its token.
pub(super) async fn device(backend: &Backend, user: &User) -> Digest {
    let (at, digest) = (now(), digest());
    let device =
        Device { id: DeviceId::new(at), user: user.id, created_at: at, last_seen_at: at, expires_at: at + HOUR };
    let device = SignInDevice::New { digest, device };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: true, device };
    backend
        .stores
        .accounts
        .record_sign_in(&sign_in, &|_| Evidence::none())
        .await
        .unwrap()
        .expect("nothing is against it");
    digest
}

/// Runs contenders at the same time and returns what each came to.
pub(super) async fn race<T, F>(contenders: usize, contend: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let line = Arc::new(Barrier::new(contenders));
    let start = |number| {
        let (line, contender) = (line.clone(), contend(number));
        tokio::spawn(async move {
            line.wait().await;
            contender.await
        })
    };
    let running: Vec<_> = (0..contenders).map(start).collect();
    let mut outcomes = Vec::new();
    for contender in running {
        outcomes.push(contender.await.expect("a contender panicked"));
    }
    outcomes
}

pub(super) fn count<T>(outcomes: &[T], wins: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| wins(outcome)).count()
}
