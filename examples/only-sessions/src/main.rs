//! Sessions behind a login of your own, such as a company directory: `sigra-core` for the flows, `sigra-store-seaorm` for
//! the tables, `sigra-crypto` to seal what is stored.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::assurance::{Aal, Method};
use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Entry, Granted, Proof, WayIn};
use sigra_core::email::EmailAddress;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::CurrentSession;
use sigra_core::id::{MailId, UserId};
use sigra_core::mail::{ComposeError, Composer, Facts, MailError, MailKind, Mailer, Message};
use sigra_core::ports::NewAccount;
use sigra_core::user::User;
use sigra_core::{Essentials, MemoryRateLimiter, Sigra};
use sigra_crypto::{HashPool, HashingConfig, KeyRing, PasswordHasher, PolicyConfig, PoolConfig};
use sigra_crypto::{RootSecrets, StandardPolicy};
use sigra_store_seaorm::{SeaOrmStore, migrations, open};

/// How people are verified here. Sigra's own passwords stay unused.
const DIRECTORY: Method = Method::new("directory");

async fn assemble(database: &str, secret: &str) -> Result<Sigra, Box<dyn Error>> {
    let pool = open(database).await?;
    migrations::migrate(&pool).await?;
    let secrets = RootSecrets::parse(secret)?;
    // One thread, without memory until a password is hashed.
    let threads = Arc::new(HashPool::new(&PoolConfig { threads: Some(1), ..PoolConfig::default() })?);
    let essentials = Essentials {
        hasher: Arc::new(PasswordHasher::new(threads.clone(), &HashingConfig::default(), &secrets)?),
        policy: Arc::new(StandardPolicy::new(threads, &PolicyConfig::default())?),
        vault: Arc::new(KeyRing::new(&secrets)),
        composer: Arc::new(Notices),
        mailer: Arc::new(Notices),
        // Counts what is asked for by address, which nobody can here.
        mail_budget: Arc::new(MemoryRateLimiter::default()),
    };
    Ok(Sigra::builder(SeaOrmStore::new(pool).stores(), essentials).build()?)
}

/// Somebody proved to the directory who they are. The door makes a session of that, or says why not.
async fn sign_in(sigra: &Sigra, email: &EmailAddress, entry: &Entry) -> Result<Option<Box<Granted>>, FlowError> {
    let user = account(sigra, email).await?;
    let proof = Proof::new(WayIn::Other("directory"), &user, Aal::One, vec![DIRECTORY], sigra.clock().now());
    Ok(match sigra.door().admit(proof, entry).await? {
        Admission::Granted(granted) => Some(granted),
        Admission::StepRequired(_) | Admission::Refused(_) => None,
    })
}

/// The account that sessions belong to. The directory vouches for the address.
async fn account(sigra: &Sigra, email: &EmailAddress) -> Result<User, FlowError> {
    let accounts = &sigra.stores().accounts;
    if let Some(record) = accounts.find_by_email(email).await? {
        return Ok(record.user);
    }
    let now = sigra.clock().now();
    let new = NewAccount {
        id: UserId::new(now),
        email: email.clone(),
        password: None,
        profile: serde_json::json!({}),
        confirmed_at: Some(now),
        created_at: now,
        quarantine: Vec::new(),
    };
    if accounts.create(&new, Evidence::none()).await? {
        return Ok(new.to_user());
    }
    // Another request made it meanwhile.
    let record = accounts.find_by_email(email).await?;
    Ok(record.map_or_else(|| new.to_user(), |record| record.user))
}

/// Who a request is from, by its session cookie. When there is a rotated token, send it as the new cookie.
async fn who(sigra: &Sigra, cookie: &str, client: &ClientInfo) -> Result<Option<CurrentSession>, FlowError> {
    sigra.sessions().resolve(cookie, client).await
}

/// Words and delivers the notices of sign-ins from new browsers and of stolen session tokens.
struct Notices;

impl Composer for Notices {
    fn compose(&self, id: MailId, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Result<Message, ComposeError> {
        let device = facts.device.as_deref().unwrap_or("an unknown device");
        let text = format!("Your account was used from {device}. If that was not you, call the help desk.\n");
        let html = format!("<p>{text}</p>");
        let subject = String::from("Your account was used from a new device");
        Ok(Message { id, kind: kind.clone(), to: to.clone(), subject, text, html })
    }
}

#[async_trait]
impl Mailer for Notices {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        println!("mail to {}: {}", message.to, message.subject);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sigra = assemble("sqlite::memory:", &RootSecrets::generate()).await?;
    let ann = EmailAddress::parse("ann@example.org")?;
    let client = ClientInfo::new(Some("192.0.2.7".parse()?), Some("Mozilla/5.0 (X11; Linux) Firefox/140.0"), None);
    let entry = Entry { client: client.clone(), ..Entry::default() };

    let granted = sign_in(&sigra, &ann, &entry).await?.ok_or("refused")?;
    // The values of two cookies: `__Host-…; Secure; HttpOnly; SameSite=Lax; Path=/`.
    let (session, device) = (granted.token.expose(), granted.device);
    let current = who(&sigra, &session, &client).await?.ok_or("no session")?;
    println!("signed in: {}, {:?}", current.user().email, current.session().assurance.methods);

    // The browser shows its device token, so this is no new device and no mail; without it, it would be one.
    sign_in(&sigra, &ann, &Entry { device, ..entry.clone() }).await?.ok_or("refused")?;
    sign_in(&sigra, &ann, &entry).await?.ok_or("refused")?;
    while !sigra.workers().run_once().await?.is_idle() {}

    println!("sessions: {}", sigra.sessions().list(current.user()).await?.len());
    println!("ended: {}", sigra.sessions().revoke_others(&current, &client).await?);
    sigra.sessions().sign_out(&current, &client).await?;
    println!("signed out: {}", who(&sigra, &session, &client).await?.is_none());
    Ok(())
}
