//! What somebody who steals the database finds in it, and what somebody who writes to it can do.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use sha2::{Digest as _, Sha256};
use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Entry, Granted};
use sigra_core::flows::{
    ChallengeOutcome, Confirmed, DeletionScheduled, FactorAnswer, LoginOutcome, MagicLinkOutcome, NewPassword,
    PasswordAttempt, PasswordOutcome, RegistrationForm, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_core::ports::NoGeoIp;
use sigra_core::secret::RawToken;
use sigra_core::time::Clock as _;
use sigra_core::user::User;
use sigra_core::{Essentials, Sigra};
use sigra_crypto::{HashPool, HashingConfig, KeyRing, PasswordHasher, PoolConfig, RootSecrets};
use sigra_mfa::{BeginOutcome, ConfirmOutcome, Mfa, MfaConfig, MfaParts};
use sigra_store_seaorm::DurableRateLimiter;
use sigra_testing::scenario::SoftApp;
use sigra_testing::{AcceptAllPolicy, CaptureMailer, ManualClock, PlainComposer};

use crate::support::{Fixture, NOW, count, email, sqlite, sweep};

const ANN: &str = "ann@example.org";
const CID: &str = "cid@example.org";
const PASSWORD: &str = "a long enough password";
const NEW_PASSWORD: &str = "another long password";

struct House {
    fixture: Fixture,
    sigra: Sigra,
    mfa: Mfa,
    clock: Arc<ManualClock>,
    mailer: Arc<CaptureMailer>,
    /// Everything secret that left the system or came in.
    told: Vec<(&'static str, String)>,
}

impl House {
    async fn new() -> Self {
        let fixture = sqlite().await;
        let (clock, mailer) = (Arc::new(ManualClock::at(NOW)), Arc::new(CaptureMailer::new()));
        let secrets = RootSecrets::parse(&RootSecrets::generate()).unwrap();
        let pool = Arc::new(HashPool::new(&PoolConfig { threads: Some(1), ..PoolConfig::default() }).unwrap());
        let cheap = HashingConfig { argon2: "m=8,t=1,p=1".parse().unwrap(), ..HashingConfig::default() };
        let store = Arc::new(fixture.store.clone());
        let parts = MfaParts {
            totp: store.clone(),
            backup_codes: store.clone(),
            trusted: store.clone(),
            vault: Arc::new(KeyRing::new(&secrets)),
            clock: clock.clone(),
            log: store,
            geo: Arc::new(NoGeoIp),
        };
        let mfa = Mfa::new(parts, MfaConfig::default()).unwrap();
        let essentials = Essentials {
            hasher: Arc::new(PasswordHasher::new(pool, &cheap, &secrets).unwrap()),
            policy: Arc::new(AcceptAllPolicy),
            vault: Arc::new(KeyRing::new(&secrets)),
            composer: Arc::new(PlainComposer),
            mailer: mailer.clone(),
            mail_budget: Arc::new(DurableRateLimiter::new(fixture.store.clone())),
        };
        let sigra = Sigra::builder(fixture.store.stores(), essentials)
            .clock(clock.clone())
            .factor(mfa.totp_factor())
            .factor(mfa.backup_code_factor())
            .trusted_browsers(mfa.trusted_browsers())
            .build()
            .unwrap();
        Self { fixture, sigra, mfa, clock, mailer, told: Vec::new() }
    }

    fn tell(&mut self, what: &'static str, secret: impl AsRef<str>) {
        self.told.push((what, secret.as_ref().to_owned()));
    }

    fn mailed(&mut self, kind: &MailKind, page: &'static str) -> RawToken {
        let token = self.mailer.token(kind, &email(ANN), page).expect("it was mailed");
        self.tell(page, token.expose().as_str());
        token
    }

    fn granted(&mut self, granted: &Granted) {
        self.tell("session", granted.token.expose().as_str());
        if let Some(device) = &granted.device {
            self.tell("device", device.expose().as_str());
        }
    }

    async fn register(&self, password: &str, client: &ClientInfo) {
        let form = RegistrationForm { email: ANN, password, profile: None, client };
        let _ = self.sigra.registration().submit(form).await.unwrap();
        let _ = self.sigra.workers().run_once().await.unwrap();
    }

    async fn login(&mut self, password: &'static str, remember: bool) {
        let entry = Entry { remember, ..Entry::default() };
        let attempt = PasswordAttempt { email: ANN, password, entry: &entry };
        if let LoginOutcome::Admitted(Admission::Granted(granted)) = self.sigra.login().password(attempt).await.unwrap()
        {
            self.granted(&granted);
        }
        self.tell("password", password);
    }

    async fn user(&self) -> User {
        self.sigra.stores().accounts.find_by_email(&email(ANN)).await.unwrap().expect("she was confirmed").user
    }

    /// An authenticator app is set up, shown at a sign-in, and the browser trusted.
    async fn enroll(&mut self, password: &'static str) {
        let (user, client, entry) = (self.user().await, ClientInfo::default(), Entry::default());
        let BeginOutcome::Begun(setup) = self.mfa.begin_totp(&user, &client).await.unwrap() else {
            panic!("nothing is set up yet");
        };
        let app = SoftApp::with_secret(&setup.secret);
        self.tell("totp secret", setup.secret.as_str());
        self.tell("totp secret", URL_SAFE_NO_PAD.encode(base32(&setup.secret)));
        let code = app.code(self.clock.now());
        let enrolled = self.mfa.confirm_totp(&self.sigra, &user, &code, &client).await.unwrap();
        let ConfirmOutcome::Enrolled { backup_codes, .. } = enrolled else { panic!("{enrolled:?}") };
        for code in backup_codes {
            self.tell("backup code", code.expose().as_str());
        }
        self.clock.advance(Duration::from_secs(60));
        let attempt = PasswordAttempt { email: ANN, password, entry: &entry };
        let required = match self.sigra.login().password(attempt).await.unwrap() {
            LoginOutcome::Admitted(Admission::StepRequired(required)) => required,
            other => panic!("{other:?}"),
        };
        let code = app.code(self.clock.now());
        let answer = FactorAnswer { method: "totp", response: &code };
        match self.sigra.second_factors().answer(&required.token, answer, true, &entry).await.unwrap() {
            ChallengeOutcome::Admitted(Admission::Granted(granted), Some(trust)) => {
                self.granted(&granted);
                self.tell("trust", trust.token.expose().as_str());
            }
            other => panic!("{other:?}"),
        }
        let attempt = PasswordAttempt { email: ANN, password, entry: &entry };
        if let LoginOutcome::Admitted(Admission::StepRequired(required)) =
            self.sigra.login().password(attempt).await.unwrap()
        {
            self.tell("pending", required.token.expose().as_str());
        }
    }
}

/// The bytes of a base32 text without padding (RFC 4648 section 6).
fn base32(text: &str) -> Vec<u8> {
    let digit = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("a digit of base32");
    let bits: Vec<_> =
        text.chars().map(digit).flat_map(|digit| (0..5).rev().map(move |bit| digit >> bit & 1)).collect();
    bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
}

/// Every value of every table, as bytes. Of numbers only those that could be a code: the digits of times are no find.
async fn dump(pool: &DatabaseConnection) -> Vec<(String, Vec<u8>)> {
    let all =
        async |sql: String| pool.query_all_raw(Statement::from_string(pool.get_database_backend(), sql)).await.unwrap();
    let mut values = Vec::new();
    for table in all("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sigra%'".to_owned()).await {
        let table: String = table.try_get_by_index(0).unwrap();
        for column in all(format!("SELECT name FROM pragma_table_info('{table}')")).await {
            let column: String = column.try_get_by_index(0).unwrap();
            for row in all(format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {column} IS NOT NULL AND NOT (typeof({column}) = 'integer' AND {column} > 9999999)")).await {
                values.push((format!("{table}.{column}"), row.try_get_by_index(0).unwrap()));
            }
        }
    }
    values
}

/// The forms in which a secret would be usable, or could be found by trying few or known values.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let raw = URL_SAFE_NO_PAD.decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let digests = [Sha256::digest(secret).to_vec(), Sha256::digest(&raw).to_vec()];
    let mut forms = Vec::new();
    for bytes in [secret.as_bytes().to_vec(), raw].into_iter().chain(digests) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        forms.extend([
            URL_SAFE_NO_PAD.encode(&bytes).into_bytes(),
            STANDARD_NO_PAD.encode(&bytes).into_bytes(),
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            bytes,
        ]);
    }
    forms
}

fn found<'a>(dump: &'a [(String, Vec<u8>)], secret: &str) -> Vec<&'a str> {
    let forms = forms(secret);
    let holds = |value: &[u8]| forms.iter().any(|form| value.windows(form.len()).any(|window| window == form));
    dump.iter().filter(|(_, value)| holds(value)).map(|(column, _)| column.as_str()).collect()
}

/// All flows, with registrations, requests, mails and sessions left in every state.
async fn lived_in() -> House {
    let mut house = House::new().await;
    let client = ClientInfo::default();
    house.register(PASSWORD, &client).await;
    let code = house.mailer.code(&MailKind::CONFIRM_EMAIL, &email(ANN)).expect("it was mailed").expose().to_string();
    house.tell("code", code);
    let first = house.mailed(&MailKind::CONFIRM_EMAIL, "confirm");
    assert!(matches!(
        house.sigra.confirmation().by_token(&first.expose(), &client).await.unwrap(),
        Confirmed::Created(_)
    ));

    house.login(PASSWORD, false).await;
    house.login(NEW_PASSWORD, false).await;
    let entry = Entry::default();
    let _ = house.sigra.magic_link().request(ANN, &client).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    let link = house.mailed(&MailKind::MAGIC_LINK, "magic_link");
    match house.sigra.magic_link().redeem(&link.expose(), &entry).await.unwrap() {
        MagicLinkOutcome::Admitted(Admission::Granted(granted)) => {
            house.granted(&granted);
            let current = house.sigra.sessions().resolve(&granted.token.expose(), &client).await.unwrap().unwrap();
            let sudo = house.sigra.sudo().password(&current, PASSWORD, &client).await.unwrap();
            let SudoOutcome::Granted { token, .. } = sudo else { panic!("{sudo:?}") };
            house.tell("session", token.expose().as_str());
        }
        other => panic!("{other:?}"),
    }
    let _ = house.sigra.reset().request(ANN, &client).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    let link = house.mailed(&MailKind::RESET_PASSWORD, "reset_password");
    let _ = house.sigra.reset().redeem(&link.expose(), NEW_PASSWORD, &client).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    house.mailed(&MailKind::PASSWORD_CHANGED, "not_me");

    house.login(NEW_PASSWORD, true).await;
    house.clock.advance(Duration::from_secs(25 * 3_600));
    let remembered = house.told.iter().rev().find(|(what, _)| *what == "session").unwrap().1.clone();
    let current = house.sigra.sessions().resolve(&remembered, &client).await.unwrap().expect("it is remembered");
    if let Some(token) = current.rotated() {
        house.tell("session", token.expose().as_str());
    }
    house.enroll(NEW_PASSWORD).await;
    let session = house.told.iter().rev().find(|(what, _)| *what == "session").unwrap().1.clone();
    let current = house.sigra.sessions().resolve(&session, &client).await.unwrap().expect("it was just granted");
    let _ = house.sigra.email_change().request(&current, "ann2@example.org", &client).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    house.mailed(&MailKind::EMAIL_CHANGE_NOTICE, "email_change_cancel");
    let link = house.mailer.token(&MailKind::EMAIL_CHANGE_CONFIRM, &email("ann2@example.org"), "email_change");
    house.tell("email_change", link.expect("it was mailed").expose().as_str());
    leaving(&mut house, &client).await;
    // What is still outstanding: a registration somewhere else, a reset, and mails that no worker has sent.
    let form = RegistrationForm { email: "bob@example.org", password: PASSWORD, profile: None, client: &client };
    let _ = house.sigra.registration().submit(form).await.unwrap();
    let _ = house.sigra.reset().request(ANN, &client).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    house.mailed(&MailKind::RESET_PASSWORD, "reset_password");
    let bobs = house.mailer.code(&MailKind::CONFIRM_EMAIL, &email("bob@example.org")).expect("it was mailed");
    house.tell("code", bobs.expose().as_str());
    house
}

/// Somebody changes the password and schedules the deletion of the account, which a link can take back.
async fn leaving(house: &mut House, client: &ClientInfo) {
    let form = RegistrationForm { email: CID, password: PASSWORD, profile: None, client };
    let _ = house.sigra.registration().submit(form).await.unwrap();
    let _ = house.sigra.workers().run_once().await.unwrap();
    let link = house.mailer.token(&MailKind::CONFIRM_EMAIL, &email(CID), "confirm").expect("it was mailed");
    let confirmed = house.sigra.confirmation().by_token(&link.expose(), client).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Created(_)));
    let entry = Entry::default();
    let attempt = PasswordAttempt { email: CID, password: PASSWORD, entry: &entry };
    let granted = match house.sigra.login().password(attempt).await.unwrap() {
        LoginOutcome::Admitted(Admission::Granted(granted)) => granted,
        other => panic!("{other:?}"),
    };
    house.granted(&granted);
    let current = house.sigra.sessions().resolve(&granted.token.expose(), client).await.unwrap().unwrap();
    let new = NewPassword { password: NEW_PASSWORD, device: None, client };
    let renewed = match house.sigra.passwords().change(&current, PASSWORD, new).await.unwrap() {
        PasswordOutcome::Done { renewed: Some(renewed), .. } => renewed,
        other => panic!("{other:?}"),
    };
    house.tell("session", renewed.token.expose().as_str());
    let current = house.sigra.sessions().resolve(&renewed.token.expose(), client).await.unwrap().unwrap();
    let scheduled = house.sigra.deletion().schedule(&current, client).await.unwrap();
    assert!(matches!(scheduled, DeletionScheduled::For(_)));
    let _ = house.sigra.workers().run_once().await.unwrap();
    let link = house.mailer.token(&MailKind::DELETION_SCHEDULED, &email(CID), "reactivate").expect("it was mailed");
    house.tell("reactivate", link.expose().as_str());
}

#[tokio::test]
async fn se_05_tk_13_a_dump_holds_no_token_code_or_password_that_ever_left() {
    let house = lived_in().await;
    let mut dump = dump(&house.fixture.pool).await;
    assert!(dump.len() > 200, "{}", dump.len());
    let kinds = ["session", "device", "confirm", "magic_link", "reset_password", "not_me", "code", "password"];
    let kinds = kinds.into_iter().chain(["totp secret", "backup code", "trust", "pending"]);
    let kinds = kinds.chain(["email_change", "email_change_cancel", "reactivate"]);
    for kind in kinds {
        assert!(house.told.iter().any(|(what, _)| *what == kind), "no {kind} was told");
    }
    for (what, secret) in &house.told {
        let hits: Vec<_> = found(&dump, secret);
        assert_eq!(hits, <[&str; 0]>::default(), "a {what} is in the dump");
        // The search can find: planted, each is found once.
        dump.push(("planted".to_owned(), forms(secret).pop().unwrap()));
        assert_eq!(found(&dump, secret), ["planted"]);
        dump.pop();
    }
}

#[tokio::test]
async fn pw_29_a_migrated_database_has_no_account_and_nothing_that_opens_one() {
    let house = House::new().await;
    let _ = house.sigra.workers().run_once().await.unwrap();
    for table in ["users", "sessions", "pending_sign_ins", "tokens", "devices", "registrations", "requests", "outbox"] {
        assert_eq!(count(&house.fixture.pool, &format!("sigra_{table}")).await, 0, "{table}");
    }
    let tables = dump(&house.fixture.pool).await;
    assert!(tables.iter().all(|(column, _)| column.starts_with("sigra_migrations.")), "{tables:?}");
}

#[tokio::test]
async fn guesses_at_made_up_addresses_leave_in_the_end() {
    let mut house = House::new().await;
    house.register(PASSWORD, &ClientInfo::default()).await;
    let token = house.mailed(&MailKind::CONFIRM_EMAIL, "confirm");
    let _ = house.sigra.confirmation().by_token(&token.expose(), &ClientInfo::default()).await.unwrap();
    let entry = Entry::default();
    for address in [ANN, "a@example.org", "b@example.org", "c@example.org"] {
        let attempt = PasswordAttempt { email: address, password: "not it", entry: &entry };
        assert!(matches!(house.sigra.login().password(attempt).await.unwrap(), LoginOutcome::InvalidCredentials));
    }
    house.clock.advance(Duration::from_secs(30 * 86_400 - 1));
    sweep(&house.sigra).await;
    assert_eq!(count(&house.fixture.pool, "sigra_attempts").await, 4);
    house.clock.advance(Duration::from_secs(2));
    sweep(&house.sigra).await;
    assert_eq!(count(&house.fixture.pool, "sigra_attempts").await, 1, "the account's own stays");
}

/// Texts and bytes of the database as somebody might leave them: nothing panics, and nothing opens what was closed.
#[tokio::test]
async fn a_tampered_column_crashes_nothing_and_opens_nothing() {
    let house = lived_in().await;
    let pool = &house.fixture.pool;
    let columns = "SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name LIKE 'sigra%' AND m.name <> 'sigra_migrations'";
    let rows = pool.query_all_raw(Statement::from_string(pool.get_database_backend(), columns)).await.unwrap();
    let nested = format!("'{}'", "[".repeat(100_000));
    let mut tampered = 0;
    for row in rows {
        let [table, column, kind]: [String; 3] = [0, 1, 2].map(|at| row.try_get_by_index(at).unwrap());
        let garbage: &[&str] = match &*kind {
            "BIGINT" | "INTEGER" | "BOOLEAN" => &["9223372036854775807", "-9223372036854775808"],
            kind if kind.contains("BLOB") => &["x'00ff' || rowid", "x''"],
            _ => &["'{\"a\":' || rowid", &nested],
        };
        for value in garbage {
            pool.execute_unprepared(&format!("CREATE TABLE kept AS SELECT rowid AS r, {column} AS c FROM {table}"))
                .await
                .unwrap();
            // A column that must be unique, or refers to another, takes only some of them.
            if pool.execute_unprepared(&format!("UPDATE {table} SET {column} = {value}")).await.is_ok() {
                tampered += 1;
                use_everything(&house).await;
                let back = format!("(SELECT c FROM kept WHERE r = {table}.rowid)");
                pool.execute_unprepared(&format!("DELETE FROM {table} WHERE rowid NOT IN (SELECT r FROM kept)"))
                    .await
                    .unwrap();
                pool.execute_unprepared(&format!("UPDATE {table} SET {column} = {back}")).await.unwrap();
            }
            pool.execute_unprepared("DROP TABLE kept").await.unwrap();
        }
    }
    assert!(tampered > 100, "{tampered}");
}

/// Every way in, with what was told. Errors are fine here; a wrong password that opens is not.
async fn use_everything(house: &House) {
    let (sigra, client, entry) = (&house.sigra, ClientInfo::default(), Entry::default());
    let attempt = PasswordAttempt { email: ANN, password: "not the password", entry: &entry };
    assert!(!matches!(sigra.login().password(attempt).await, Ok(LoginOutcome::Admitted(_))));
    let last = |kind: &str| house.told.iter().rev().find(|(what, _)| *what == kind).map_or("", |(_, secret)| secret);
    if let Ok(Some(current)) = sigra.sessions().resolve(last("session"), &client).await {
        let _ = sigra.sessions().list(current.user()).await;
        let _ = sigra.email_change().pending(&current).await;
        let sudo = sigra.sudo().password(&current, "not the password", &client).await;
        assert!(!matches!(sudo, Ok(SudoOutcome::Granted { .. })));
    }
    if let Some(pending) = RawToken::parse(last("pending")) {
        for method in ["totp", "backup_code"] {
            let answer = FactorAnswer { method, response: "000000" };
            let answered = sigra.second_factors().answer(&pending, answer, false, &entry).await;
            assert!(!matches!(answered, Ok(ChallengeOutcome::Admitted(..))));
        }
    }
    if let Ok(Some(account)) = sigra.stores().accounts.find_by_email(&email(ANN)).await {
        let _ = house.mfa.status(&account.user).await;
        let _ = house.mfa.list_trusted(&account.user).await;
    }
    let _ = sigra.magic_link().peek(last("magic_link")).await;
    let _ = sigra.reset().peek(last("reset_password")).await;
    let _ = sigra.confirmation().peek(last("confirm")).await;
    let _ = sigra.email_change().peek(last("email_change")).await;
    let _ = sigra.email_change().peek_undo(last("email_change_cancel")).await;
    let _ = sigra.confirmation().by_code("bob@example.org", "000000", &client).await;
    let _ = sigra.workers().run_once().await;
    let _ = sigra.sweeper().run_once().await;
    let _ = sigra.stores().audit.page(None, None, 50).await;
}
