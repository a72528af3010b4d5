//! What the races do not show: boundaries, purging, and errors by kind.

use sea_orm::ConnectionTrait as _;
use sigra_core::client::ClientInfo;
use sigra_core::error::StoreErrorKind;
use sigra_core::evidence::Evidence;
use sigra_core::id::{PendingId, UserId};
use sigra_core::mail::MailFault;
use sigra_core::ports::{
    AccountStore, AttemptKey, AttemptPolicy, AttemptStore as _, Bucket, EvidenceLog as _, Health as _,
    Housekeeping as _, Mac, OutboxStore, Quota, RateLimiter as _, RegistrationStore, RequestStore, Reservation,
    RowKind, SessionStore, TokenStore as _,
};
use sigra_core::registration::{NewToken, RequestKind, Resolution};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::session::PendingSignIn;
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore, open};

use crate::support::{
    Fixture, NOW, count, empty, later, mail, purge, registration, request, sign_in, sqlite, statement, token_of, user,
};

pub(crate) async fn se_30_each_kind_is_purged_in_bounded_batches(f: &Fixture) {
    let ann = user(&f.store, "ann@example.org").await;
    let granted = sign_in(&f.store, &ann).await;
    for _ in 0..5 {
        let pending = registration("eve@example.org");
        let answer = request("eve@example.org", RequestKind::Register(pending.id));
        RegistrationStore::submit(&f.store, &pending, &answer, Evidence::none()).await.unwrap();
        f.store.append(Evidence::none().and_token(token_of(&ann, Purpose::MAGIC_LINK))).await.unwrap();
    }
    let policy = AttemptPolicy { free: 5, cap: 80, lock_secs: 60, max_lock_secs: 600, window_secs: Some(60) };
    let windowed = AttemptKey { counter: "code.confirm", whom: Mac::from_bytes([1; 32]) };
    let lasting = AttemptKey { counter: "password.stranger", whom: Mac::from_bytes([1; 32]) };
    f.store.reserve(&windowed, &policy, None, NOW).await.unwrap();
    f.store.reserve(&lasting, &AttemptPolicy { window_secs: None, ..policy }, None, NOW).await.unwrap();
    let bucket = Bucket { name: "mail.recipient", key: "ann".to_owned(), limit: Quota::new(5, 60) };
    DurableRateLimiter::new(f.store.clone()).take(&bucket, 1, NOW).await.unwrap();

    assert_eq!(purge(&f.store, NOW, NOW, 3).await, 0, "nothing has expired");
    // Three of five registrations, tokens and requests; one counter of each kind.
    assert_eq!(purge(&f.store, later(3_601), NOW, 3).await, 3 + 3 + 3 + 1 + 1 + 1);
    assert_eq!(purge(&f.store, later(3_601), NOW, 3).await, 2 + 2 + 2);
    assert_eq!(purge(&f.store, later(3_601), NOW, 3).await, 0);
    assert!(SessionStore::find(&f.store, granted.token.digest(Purpose::SESSION)).await.unwrap().is_none());
    assert_eq!(count(&f.pool, "sigra_attempts").await, 1, "a counter without a window lasts until it is cleared");
    assert_eq!(count(&f.pool, "sigra_users").await, 1);
}

#[tokio::test]
async fn every_purge_finds_its_rows_by_an_index() {
    let f = sqlite().await;
    let mut pool = open(f.database.url()).await.unwrap();
    let log: std::sync::Arc<std::sync::Mutex<Vec<sea_orm::Statement>>> = std::sync::Arc::default();
    let writer = log.clone();
    pool.set_metric_callback(move |info| writer.lock().unwrap().push(info.statement.clone()));
    purge(&SeaOrmStore::new(pool), NOW, NOW, 100).await;
    let log = log.lock().unwrap().clone();
    assert_eq!(log.len(), 16);
    for purge in log {
        let explain = sea_orm::Statement { sql: format!("EXPLAIN QUERY PLAN {}", purge.sql), ..purge };
        let rows = f.pool.query_all_raw(explain.clone()).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(3).unwrap()).collect();
        let scans = plan.iter().filter(|step| step.starts_with("SCAN") && !step.contains("doomed")).count();
        assert!(
            scans == 0
                && plan.iter().any(|step| ["_expiry", "_owner", "_settlement", "_facts_expiry"]
                    .iter()
                    .any(|index| step.contains(index))),
            "{} {plan:?}",
            explain.sql
        );
    }
}

pub(crate) async fn settled_mail_that_expired_has_no_facts_and_goes_when_it_is_old(f: &Fixture) {
    let mails = [mail("ann@example.org", NOW), mail("ann@example.org", later(1)), mail("ann@example.org", later(2))];
    f.store.append(Evidence::none().and_mail(mails)).await.unwrap();
    let leased = OutboxStore::lease(&f.store, 10, later(2), later(60)).await.unwrap();
    let [sent, given_up, kept] = &leased[..] else { panic!("{leased:?}") };
    assert!(f.store.sent(sent.mail.id, sent.lease, later(3)).await.unwrap());
    assert!(!f.store.sent(sent.mail.id, sent.lease, later(4)).await.unwrap(), "settled once");
    let fault = &MailFault::REFUSED;
    assert!(f.store.abandon(given_up.mail.id, given_up.lease, later(5), fault, Evidence::none()).await.unwrap());
    assert_eq!(f.store.purge(RowKind::MAIL_FACTS, later(602), 10).await.unwrap(), 1);
    let row = f.pool.query_one_raw(sea_orm::Statement::from_string(
        f.pool.get_database_backend(),
        "SELECT COUNT(*) FROM sigra_outbox WHERE settled_at IS NOT NULL AND LENGTH(facts) > 0",
    ));
    assert_eq!(row.await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 0);

    assert_eq!(purge(&f.store, later(9_999), later(4), 10).await, 1);
    assert_eq!(purge(&f.store, later(9_999), later(6), 10).await, 1);
    let again = OutboxStore::lease(&f.store, 10, later(60), later(120)).await.unwrap();
    assert_eq!((again.len(), again[0].mail.id, again[0].attempt), (1, kept.mail.id, 2), "unsettled mail is not purged");
    assert!(!f.store.sent(kept.mail.id, kept.lease, later(61)).await.unwrap(), "the first lease has lapsed");
}

pub(crate) async fn a_token_is_stored_only_while_its_epochs_stand(f: &Fixture) {
    let ann = user(&f.store, "ann@example.org").await;
    let older = token_of(&ann, Purpose::RESET_PASSWORD);
    f.store.append(Evidence::none().and_token(older.clone())).await.unwrap();
    f.pool.execute_unprepared("UPDATE sigra_users SET security_epoch = 1").await.unwrap();
    f.pool.execute_unprepared("UPDATE sigra_tokens SET security_epoch = 1").await.unwrap();

    let answer = request("ann@example.org", RequestKind::ResetPassword);
    RequestStore::submit(&f.store, &answer, Evidence::none()).await.unwrap();
    let leased = RequestStore::lease(&f.store, 1, NOW, later(60)).await.unwrap();
    let stale = token_of(&ann, Purpose::RESET_PASSWORD);
    let tokens = vec![NewToken { token: stale.clone(), older_expire_at: Some(NOW) }];
    let resolution = Resolution { tokens, codes: Vec::new() };
    assert!(f.store.resolve(&leased[0], &resolution, Evidence::none()).await.unwrap());
    assert!(f.store.peek(stale.digest, NOW).await.unwrap().is_none());
    assert!(f.store.peek(older.digest, NOW).await.unwrap().is_some(), "and ends no token that is good");
}

pub(crate) async fn attempts_come_back_and_a_later_lock_stays(f: &Fixture) {
    let policy = AttemptPolicy { free: 1, cap: 4, lock_secs: 60, max_lock_secs: 600, window_secs: None };
    let key = AttemptKey { counter: "password.stranger", whom: Mac::from_bytes([2; 32]) };
    let reserve = async |now| match f.store.reserve(&key, &policy, None, now).await.unwrap() {
        Reservation::Granted(reserved) => Ok(reserved),
        other => Err(other),
    };
    let first = reserve(NOW).await.unwrap();
    let second = reserve(NOW).await.unwrap();
    assert_eq!((first.count, second.count, second.locked_until), (1, 2, Some(later(60))));
    assert_eq!(reserve(later(59)).await, Err(Reservation::Locked(later(60))));
    f.store.refund(&key, &second).await.unwrap();
    let second = reserve(later(1)).await.unwrap();
    assert_eq!((second.count, second.previous_lock), (2, None));
    f.store.refund(&key, &first).await.unwrap();
    assert_eq!(reserve(later(2)).await, Err(Reservation::Locked(later(61))), "the later lock stays");
    f.store.clear(std::slice::from_ref(&key)).await.unwrap();
    f.store.refund(&key, &second).await.unwrap();
    assert_eq!(reserve(later(3)).await.unwrap().count, 1);
}

pub(crate) async fn lc_01_deleting_an_account_erases_what_is_its_own_and_keeps_the_trail(f: &Fixture) {
    let (ann, bob) = (user(&f.store, "ann@example.org").await, user(&f.store, "bob@example.org").await);
    for user in [&ann, &bob] {
        let granted = sign_in(&f.store, user).await;
        f.store.append(Evidence::none().and_token(token_of(user, Purpose::MAGIC_LINK))).await.unwrap();
        let (id, old) = (granted.session.id, granted.token.digest(Purpose::SESSION));
        let new = RawToken::random().digest(Purpose::SESSION);
        assert!(f.store.rotate(id, old, new, NOW, Evidence::none()).await.unwrap());
        let pending = PendingSignIn {
            id: PendingId::new(NOW),
            user: user.id,
            assurance: granted.session.assurance,
            epochs: user.epochs,
            remember: false,
            opens_sudo: true,
            tell_unfinished: false,
            client: ClientInfo::default(),
            created_at: NOW,
            expires_at: later(300),
        };
        let digest = RawToken::random().digest(Purpose::PENDING);
        f.store.insert_pending(&pending, digest, None, Evidence::none()).await.unwrap();
    }
    let trail = count(&f.pool, "sigra_audit_events").await;
    let delete = statement(&f.pool, "DELETE FROM sigra_users WHERE id = ?", [ann.id.as_uuid().into()]);
    f.pool.execute_raw(delete).await.unwrap();
    for table in ["users", "devices", "tokens", "sessions", "session_retired_tokens", "pending_sign_ins"] {
        assert_eq!(count(&f.pool, &format!("sigra_{table}")).await, 1, "{table}: bob's alone is left");
    }
    assert_eq!(count(&f.pool, "sigra_audit_events").await, trail);
}

pub(crate) async fn errors_have_kinds(f: &Fixture) {
    f.store.ping().await.unwrap();
    let pending = registration("ann@example.org");
    let answer = request("ann@example.org", RequestKind::Register(pending.id));
    RegistrationStore::submit(&f.store, &pending, &answer, Evidence::none()).await.unwrap();
    let error = RegistrationStore::submit(&f.store, &pending, &answer, Evidence::none()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (StoreErrorKind::Conflict, "RegistrationStore::submit"));

    user(&f.store, "ann@example.org").await;
    f.pool.execute_unprepared("UPDATE sigra_users SET profile = 'not json'").await.unwrap();
    let error = AccountStore::find_by_email(&f.store, &crate::support::email("ann@example.org")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);

    let empty = empty(f.setup);
    let unmigrated = SeaOrmStore::new(f.setup.open(empty.url()).await);
    let error = AccountStore::find(&unmigrated, UserId::new(NOW)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unexpected);
    assert!(SeaOrmStore::connect("sqlite:/nowhere/at/all.db").await.is_err());

    f.pool.clone().close().await.unwrap();
    assert_eq!(f.store.ping().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_database_in_memory_lasts_as_long_as_its_pool() {
    let pool = open("sqlite::memory:").await.unwrap();
    sigra_store_seaorm::migrations::migrate(&pool).await.unwrap();
    let store = SeaOrmStore::new(pool);
    let ann = user(&store, "ann@example.org").await;
    let granted = sign_in(&store, &ann).await;
    assert!(SessionStore::find(&store, granted.token.digest(Purpose::SESSION)).await.unwrap().is_some());
}
