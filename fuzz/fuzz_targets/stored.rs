//! Whoever can write to the database can neither crash nor exhaust the host by what it reads back.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};

use libfuzzer_sys::fuzz_target;
use sigra_core::email::EmailAddress;
use sigra_core::mail::{Composer as _, Facts, MailKind, OutgoingMail};
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher as _, Sealed, Vault as _, Verified, WorkOrigin};
use sigra_core::time::Timestamp;
use sigra_crypto::{HashPool, HashingConfig, KeyRing, PasswordHasher, PoolConfig, RootSecrets};
use sigra_mail::{Links, Sender, Templates, to_eml};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const MAX_MEMORY_KIB: u32 = 64;

struct House {
    pool: Arc<HashPool>,
    hasher: PasswordHasher,
    vault: KeyRing,
    templates: Templates,
    sender: Sender,
    to: EmailAddress,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let secrets = RootSecrets::parse(SECRET).expect("a root secret");
    let pool = Arc::new(HashPool::new(&PoolConfig { threads: Some(1), ..PoolConfig::default() }).expect("a pool"));
    let config = HashingConfig {
        argon2: "m=8,t=1,p=1".parse().expect("parameters"),
        max_memory_kib: MAX_MEMORY_KIB,
        max_passes: 3,
        max_lanes: 4,
        max_bcrypt_cost: 4,
    };
    House {
        hasher: PasswordHasher::new(Arc::clone(&pool), &config, &secrets).expect("a hasher"),
        pool,
        vault: KeyRing::new(&secrets),
        templates: Templates::builder("Example", Links::mounted_at("https://app.example/auth"))
            .build()
            .expect("the embedded templates"),
        sender: Sender::new("Example", EmailAddress::parse("no-reply@app.example").expect("an address")),
        to: EmailAddress::parse("ann@example.org").expect("an address"),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((sort, rest)) = bytes.split_first() else { return };
    match sort % 3 {
        0 => hash(rest),
        1 => sealed(rest),
        _ => facts(rest),
    }
});

fn hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let stored = PasswordHash::new(text.to_owned());
    let typed = Password::parse("password").expect("a password");
    let none = wait(HOUSE.hasher.verify(None, Some(&stored), WorkOrigin::KnownDevice));
    assert_eq!(none, Ok(Verified::Mismatch), "without a password nothing matches");
    wait(HOUSE.hasher.verify(Some(&typed), Some(&stored), WorkOrigin::KnownDevice)).expect("there is room");
    let stats = HOUSE.pool.stats();
    assert_eq!(stats.panicked, 0);
    assert!(stats.peak_memory_kib <= usize::try_from(MAX_MEMORY_KIB).expect("a size"), "{stats:?}");
}

fn sealed(bytes: &[u8]) {
    let vault = &HOUSE.vault;
    assert!(vault.open("context", &Sealed::from_bytes(bytes.to_vec())).is_err());
    // With a header that is ours and a tag that is not.
    let ours = vault.seal("context", b"secret");
    let headed = [&ours.as_bytes()[..7], bytes].concat();
    assert!(vault.open("context", &Sealed::from_bytes(headed)).is_err());
    // A whole value of another row.
    let context = String::from_utf8_lossy(bytes);
    if context != "context" {
        assert!(vault.open(&context, &ours).is_err());
    }
}

/// Facts as a future or damaged version might have sealed them, under the name of any kind.
fn facts(bytes: &[u8]) {
    let Some((kind, json)) = bytes.split_first() else { return };
    let kind = MailKind::ALL[usize::from(*kind) % MailKind::ALL.len()].clone();
    let now = Timestamp::from_secs(1_800_000_000);
    let Ok(facts) = serde_json::from_slice::<Facts>(json) else { return };
    let mail = OutgoingMail::seal(&HOUSE.vault, kind, &HOUSE.to, &facts, now, now);
    let opened = mail.open(&HOUSE.vault).expect("what was sealed opens");
    let Ok(message) = HOUSE.templates.compose(mail.id, &mail.kind, &mail.to, &opened) else { return };
    assert!(!message.subject.contains(char::is_control));
    let eml = to_eml(&HOUSE.sender, &message).expect("a message with addresses of ours");
    let eml = String::from_utf8(eml).expect("a mail is ASCII");
    let (head, _) = eml.split_once("\r\n\r\n").expect("a head");
    assert_eq!(head.lines().filter(|line| line.starts_with("To:") || line.starts_with("Bcc:")).count(), 1);
    if let Some(device) = &opened.device {
        assert!(!device.contains('<') || !message.html.contains(device.as_str()), "markup stays text");
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for the thread of the pool.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
