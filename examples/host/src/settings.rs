//! Settings from the environment.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sigra_crypto::{Argon2Params, RootSecrets};
use sigra_http::{PublicUrl, TrustedProxies};
use sigra_mail::MailTarget;

const VARIABLES: [&str; 12] = [
    "SIGRA_LISTEN",
    "SIGRA_PUBLIC_URL",
    "SIGRA_DATA_DIR",
    "SIGRA_DATABASE_URL",
    "SIGRA_SECRET",
    "SIGRA_MAIL",
    "SIGRA_TRUSTED_PROXIES",
    "SIGRA_RATE_LIMIT",
    "SIGRA_ARGON2",
    "SIGRA_GEOIP_DB",
    "SIGRA_TEST_CLOCK",
    "RUST_LOG",
];

/// Everything a host is told by its environment, checked.
#[derive(Debug)]
pub struct Settings {
    /// The origin people reach the host at.
    pub public_url: PublicUrl,
    /// Whether both the address listened on and the public URL are loopback.
    pub loopback: bool,
    /// Where the embedded default keeps its files.
    pub data_dir: PathBuf,
    /// The database.
    pub database_url: String,
    /// The root secrets.
    pub secrets: RootSecrets,
    /// Where mail goes.
    pub mail: MailTarget,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Whether requests and mails are limited.
    pub rate_limit: bool,
    /// The cost of new password hashes.
    pub argon2: Argon2Params,
    /// A GeoIP database.
    pub geoip_db: Option<PathBuf>,
    /// A file that moves the clock.
    pub test_clock: Option<PathBuf>,
    /// What the person at the terminal should know.
    pub notices: Vec<String>,
}

/// A setting that is not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}; accepted: {accepted}")]
pub struct SettingsError {
    variable: &'static str,
    problem: String,
    accepted: String,
}

impl SettingsError {
    /// An error of a variable.
    pub fn new(variable: &'static str, problem: impl ToString, accepted: impl ToString) -> Self {
        Self { variable, problem: problem.to_string(), accepted: accepted.to_string() }
    }
}

/// A variable of the process's environment.
///
/// # Errors
///
/// When one of the host's variables is no text. Looking away would take a wrong value for a missing one.
pub fn environment() -> Result<impl Fn(&str) -> Option<String> + Copy, SettingsError> {
    for variable in VARIABLES {
        if let Err(std::env::VarError::NotUnicode(_)) = std::env::var(variable) {
            return Err(SettingsError::new(variable, "it is not UTF-8", "text"));
        }
    }
    Ok(|name: &str| std::env::var(name).ok())
}

/// The address to listen on: `SIGRA_LISTEN`, or the default.
///
/// # Errors
///
/// When it is not an address and port.
pub fn listen_address(env: impl Fn(&str) -> Option<String>, default: &str) -> Result<SocketAddr, SettingsError> {
    let text = env("SIGRA_LISTEN").filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned());
    text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| {
        SettingsError::new("SIGRA_LISTEN", format!("`{text}` is not an address and port"), "for example 127.0.0.1:3000")
    })
}

impl Settings {
    /// Reads everything but the address, which is bound already. Creates the data folder, and in loopback mode a secret.
    ///
    /// # Errors
    ///
    /// The first variable that is not accepted. No message holds a secret.
    pub fn read(env: impl Fn(&str) -> Option<String>, bound: SocketAddr) -> Result<Self, SettingsError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let mut notices = Vec::new();
        let public_url = public_url(env("SIGRA_PUBLIC_URL"), bound)?;
        let loopback = bound.ip().to_canonical().is_loopback() && public_url.is_loopback();

        let data_dir = PathBuf::from(env("SIGRA_DATA_DIR").unwrap_or_else(|| String::from("./sigra-data")));
        // The database in it holds what only this host may read.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&data_dir)
            .map_err(|error| SettingsError::new("SIGRA_DATA_DIR", error, "a folder that exists or can be created"))?;

        let secrets = match env("SIGRA_SECRET") {
            Some(text) => parse_secrets(&text)?,
            None if loopback => secret_file(&data_dir.join("secret.key"), &mut notices)?,
            None => return Err(required("SIGRA_SECRET", "root secrets of at least 32 bytes in hex or base64")),
        };
        let mail = match env("SIGRA_MAIL") {
            Some(text) => MailTarget::parse(&text)
                .map_err(|error| SettingsError::new("SIGRA_MAIL", error, MailTarget::ACCEPTED))?,
            None if loopback => MailTarget::Dir(data_dir.join("mail")),
            None => return Err(required("SIGRA_MAIL", MailTarget::ACCEPTED)),
        };
        if mail.is_for_development() && !loopback {
            return Err(loopback_only("SIGRA_MAIL", "this kind of mail", "smtp://… or smtps://…"));
        }
        let trusted_proxies =
            TrustedProxies::parse(&env("SIGRA_TRUSTED_PROXIES").unwrap_or_default()).map_err(|error| {
                SettingsError::new("SIGRA_TRUSTED_PROXIES", error, "networks such as 10.0.0.0/8,::1/128")
            })?;
        let rate_limit = match env("SIGRA_RATE_LIMIT").as_deref() {
            None | Some("on") => true,
            Some("off") if loopback => false,
            Some("off") => return Err(loopback_only("SIGRA_RATE_LIMIT", "`off`", "on")),
            Some(_) => return Err(SettingsError::new("SIGRA_RATE_LIMIT", "not a known value", "on or off")),
        };
        let argon2 = argon2(env("SIGRA_ARGON2"), loopback)?;
        let test_clock = env("SIGRA_TEST_CLOCK").map(PathBuf::from);
        if test_clock.is_some() {
            if !loopback {
                return Err(loopback_only("SIGRA_TEST_CLOCK", "a test clock", "nothing"));
            }
            notices.push(String::from("warning: SIGRA_TEST_CLOCK is set, so time is not real"));
        }
        let database_url = env("SIGRA_DATABASE_URL")
            .unwrap_or_else(|| format!("sqlite://{}?mode=rwc", data_dir.join("sigra.db").display()));
        let geoip_db = env("SIGRA_GEOIP_DB").map(PathBuf::from);
        Ok(Self {
            public_url,
            loopback,
            data_dir,
            database_url,
            secrets,
            mail,
            trusted_proxies,
            rate_limit,
            argon2,
            geoip_db,
            test_clock,
            notices,
        })
    }
}

fn required(variable: &'static str, accepted: impl ToString) -> SettingsError {
    SettingsError::new(variable, "must be set, because the host is not in loopback mode", accepted)
}

fn loopback_only(variable: &'static str, what: &str, accepted: &str) -> SettingsError {
    let problem =
        format!("{what} is for loopback mode only (a loopback address to listen on, and a loopback public URL)");
    SettingsError::new(variable, problem, accepted)
}

fn public_url(text: Option<String>, bound: SocketAddr) -> Result<PublicUrl, SettingsError> {
    let accepted =
        "an origin such as https://app.example; http only when both it and the address listened on are loopback";
    let text = text.unwrap_or_else(|| format!("http://localhost:{}", bound.port()));
    let url: PublicUrl = text.parse().map_err(|error| SettingsError::new("SIGRA_PUBLIC_URL", error, accepted))?;
    let stays_here = url.is_loopback() && bound.ip().to_canonical().is_loopback();
    if !url.is_https() && !stays_here {
        let problem = format!("`{url}` is not https, and the host is reachable from outside (it listens on {bound})");
        return Err(SettingsError::new("SIGRA_PUBLIC_URL", problem, accepted));
    }
    Ok(url)
}

fn parse_secrets(text: &str) -> Result<RootSecrets, SettingsError> {
    RootSecrets::parse(text).map_err(|error| {
        let accepted = "root secrets separated by commas, each at least 32 bytes in hex or base64";
        SettingsError::new("SIGRA_SECRET", error, accepted)
    })
}

/// The generated secret of loopback mode: made once, readable by its owner only.
fn secret_file(path: &Path, notices: &mut Vec<String>) -> Result<RootSecrets, SettingsError> {
    let failed = |error: std::io::Error| {
        SettingsError::new(
            "SIGRA_DATA_DIR",
            format!("the secret could not be kept there: {error}"),
            "a writable folder",
        )
    };
    match fs::read_to_string(path) {
        Ok(text) => return parse_secrets(text.trim()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let secret = RootSecrets::generate();
    // Appears by rename, so that a start that is cut off leaves no half of a secret.
    let fresh = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(failed)?;
    file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)?;
    notices.push(format!("notice: generated a root secret in {}", path.display()));
    parse_secrets(&secret)
}

fn argon2(text: Option<String>, loopback: bool) -> Result<Argon2Params, SettingsError> {
    let accepted = "parameters such as m=19456,t=2,p=1; cheaper than that in loopback mode only";
    let Some(text) = text else {
        return Ok(Argon2Params::default());
    };
    let params: Argon2Params = text.parse().map_err(|error| SettingsError::new("SIGRA_ARGON2", error, accepted))?;
    if params.is_weaker_than_default() && !loopback {
        return Err(loopback_only("SIGRA_ARGON2", "a cost below the default", accepted));
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn read(bound: &str, pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let mut env: HashMap<_, _> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        env.entry(String::from("SIGRA_DATA_DIR")).or_insert(folder.path().join("data").display().to_string());
        Settings::read(|name| env.get(name).cloned(), bound.parse().unwrap())
    }

    #[test]
    fn loopback_mode_needs_nothing_and_keeps_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().display().to_string();
        let env = |name: &str| (name == "SIGRA_DATA_DIR").then(|| dir.clone());
        let first = Settings::read(env, "127.0.0.1:3000".parse().unwrap()).unwrap();
        assert!(first.loopback && first.rate_limit && first.notices.len() == 1);
        assert_eq!(first.public_url.origin(), "http://localhost:3000");
        let again = Settings::read(env, "127.0.0.1:3000".parse().unwrap()).unwrap();
        assert!(again.notices.is_empty(), "the secret is generated once");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(folder.path().join("secret.key")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn se_25_cr_05_a_reachable_host_must_be_told_everything() {
        let https = ("SIGRA_PUBLIC_URL", "https://app.example");
        let secret = ("SIGRA_SECRET", SECRET);
        let mail = ("SIGRA_MAIL", "smtps://user:pass@mail.example");
        for (bound, pairs, variable) in [
            ("0.0.0.0:3000", vec![], "SIGRA_PUBLIC_URL"),
            ("0.0.0.0:3000", vec![("SIGRA_PUBLIC_URL", "http://app.example")], "SIGRA_PUBLIC_URL"),
            ("127.0.0.1:3000", vec![("SIGRA_PUBLIC_URL", "http://app.example")], "SIGRA_PUBLIC_URL"),
            ("127.0.0.1:3000", vec![("SIGRA_PUBLIC_URL", "nonsense")], "SIGRA_PUBLIC_URL"),
            ("0.0.0.0:3000", vec![https], "SIGRA_SECRET"),
            ("0.0.0.0:3000", vec![https, ("SIGRA_SECRET", "short")], "SIGRA_SECRET"),
            ("0.0.0.0:3000", vec![https, secret], "SIGRA_MAIL"),
            ("0.0.0.0:3000", vec![https, secret, ("SIGRA_MAIL", "dir:/tmp/x")], "SIGRA_MAIL"),
            ("0.0.0.0:3000", vec![https, secret, mail, ("SIGRA_RATE_LIMIT", "off")], "SIGRA_RATE_LIMIT"),
            ("0.0.0.0:3000", vec![https, secret, mail, ("SIGRA_ARGON2", "m=64,t=1,p=1")], "SIGRA_ARGON2"),
            ("0.0.0.0:3000", vec![https, secret, mail, ("SIGRA_TEST_CLOCK", "/tmp/x")], "SIGRA_TEST_CLOCK"),
            ("127.0.0.1:3000", vec![("SIGRA_RATE_LIMIT", "maybe")], "SIGRA_RATE_LIMIT"),
            ("127.0.0.1:3000", vec![("SIGRA_ARGON2", "lots")], "SIGRA_ARGON2"),
            ("127.0.0.1:3000", vec![("SIGRA_MAIL", "pigeon")], "SIGRA_MAIL"),
            ("127.0.0.1:3000", vec![("SIGRA_TRUSTED_PROXIES", "ten")], "SIGRA_TRUSTED_PROXIES"),
        ] {
            let error = read(bound, &pairs).unwrap_err().to_string();
            assert!(error.starts_with(variable), "{pairs:?}: {error}");
            assert!(error.contains("accepted:"), "{error}");
            assert!(!error.contains("short"), "a secret is not repeated: {error}");
        }
        assert!(!read("0.0.0.0:3000", &[https, secret, mail]).unwrap().loopback);
    }

    fn maybe(values: &'static str) -> impl Strategy<Value = Option<String>> {
        prop::option::of(values)
    }

    proptest! {
        /// Whatever the variables say, a host that others can reach comes up over https, with secrets, mail, limits and a
        /// hash that are meant for others.
        #[test]
        fn se_25_cr_05_no_settings_make_a_reachable_host_unsafe(
            bound in "(127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1\\]|192\\.0\\.2\\.1):3000",
            url in maybe("https?://(localhost|127\\.0\\.0\\.1|app\\.example|localhost\\.evil)(:3000)?/?"),
            secret in maybe("[0-9a-f]{62,66}|short"),
            mail in maybe("console|dir:/tmp/x|smtps://mail\\.example|pigeon"),
            rate_limit in maybe("on|off|maybe"),
            argon2 in maybe("m=19456,t=2,p=1|m=64,t=1,p=1|m=47104,t=1,p=1|lots"),
            clock in maybe("/tmp/clock"),
        ) {
            let pairs = [
                ("SIGRA_PUBLIC_URL", &url),
                ("SIGRA_SECRET", &secret),
                ("SIGRA_MAIL", &mail),
                ("SIGRA_RATE_LIMIT", &rate_limit),
                ("SIGRA_ARGON2", &argon2),
                ("SIGRA_TEST_CLOCK", &clock),
            ];
            let pairs: Vec<_> = pairs.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
            match read(&bound, &pairs) {
                Err(error) => {
                    let error = error.to_string();
                    let typed = secret.as_deref().filter(|secret| secret.len() > 5);
                    prop_assert!(typed.is_none_or(|secret| !error.contains(secret)), "{}", error);
                }
                Ok(settings) => {
                    let stays_here = (bound.starts_with("127.") || bound.starts_with("[::1]"))
                        && url.as_deref().is_none_or(|url| {
                            ["localhost", "127.0.0.1"].contains(&&*settings.public_url.host()) && !url.contains("evil")
                        });
                    prop_assert_eq!(settings.loopback, stays_here);
                    if !stays_here {
                        prop_assert!(settings.public_url.is_https() && secret.is_some());
                        prop_assert!(!settings.mail.is_for_development() && settings.rate_limit);
                        prop_assert!(!settings.argon2.is_weaker_than_default() && settings.test_clock.is_none());
                    }
                }
            }
        }
    }
}
