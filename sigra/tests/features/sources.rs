//! Where features are asked for in the sources. On an item of its own a `cfg` adds something; anywhere else it can change
//! what is there already, and every such place is listed here with what it does.

use std::path::Path;

use crate::manifest::{crates, root};

/// File, the line that asks, the line it decides about.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    // Imported hashes match nothing without the feature, as any text that is no hash.
    (
        "sigra-crypto/src/hasher/mod.rs",
        r#"#[cfg(feature = "bcrypt")]"#,
        "Stored::Bcrypt(text) => bcrypt::verify(typed, text).unwrap_or(false).then_some(true),",
    ),
    ("sigra-crypto/src/hasher/stored.rs", r#"#[cfg(feature = "bcrypt")]"#, "Bcrypt(&'a str),"),
    (
        "sigra-crypto/src/hasher/stored.rs",
        r#"#[cfg(feature = "bcrypt")]"#,
        "if is_bcrypt(text, recipe.config.max_bcrypt_cost) {",
    ),
    // A further form of a setting, and what the message of a refused one says is accepted.
    ("sigra-mail/src/target.rs", r#"#[cfg(feature = "smtp")]"#, "Smtp(SmtpUrl),"),
    (
        "sigra-mail/src/target.rs",
        r#"pub const ACCEPTED: &str = if cfg!(feature = "smtp") {"#,
        r#""dir:PATH, console, smtp://user:password@host:port?tls=required or smtps://user:password@host:port""#,
    ),
    ("sigra-mail/src/target.rs", r#"#[cfg(feature = "smtp")]"#, "return Ok(Self::Smtp(text.parse()?));"),
    ("sigra-mail/src/target.rs", r#"#[cfg(not(feature = "smtp"))]"#, "Err(InvalidTarget::WithoutSmtp)"),
    (
        "sigra-mail/src/target.rs",
        r#"#[cfg(feature = "smtp")]"#,
        "Self::Smtp(url) => Arc::new(SmtpMailer::new(url, sender)?),",
    ),
    ("sigra-mail/src/target.rs", r#"#[cfg(feature = "smtp")]"#, "Smtp(#[from] InvalidSmtpUrl),"),
    // Parts of a page for what a builder call brought. Without the call there is nothing to show, feature or not.
    ("sigra-http/src/security/settings.rs", r#"#[cfg(feature = "mfa")]"#, "mfa: crate::mfa::section(call).await?,"),
    (
        "sigra-http/src/security/settings.rs",
        r#"#[cfg(feature = "passkeys")]"#,
        "passkeys: crate::passkeys::section(call).await?,",
    ),
    // What nobody reads without them.
    (
        "sigra-http/src/surface/mod.rs",
        r#"#[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(dead_code, reason = "there are none"))]"#,
        "pub(crate) services: Services,",
    ),
    // Golden hosts with what their knobs ask for. The knobs are off.
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "mfa")]"#, "if let Some(required) = knobs.mfa {"),
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "mfa")]"#, "let surface = match self.mfa {"),
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "passkeys")]"#, "if knobs.passkeys {"),
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "passkeys")]"#, "let surface = match self.passkeys {"),
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "passkeys")]"#, "passkeys: false,"),
    ("sigra-testing/src/golden/host.rs", r#"#[cfg(feature = "passkeys")]"#, "pub passkeys: bool,"),
    (
        "sigra-testing/src/golden/host.rs",
        r#"#[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(unused_mut, reason = "there are none"))]"#,
        "let (mut builder, mut own) = (builder, Self::default());",
    ),
    (
        "sigra-testing/src/golden/host.rs",
        r#"#[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(unused_variables, reason = "there are none"))]"#,
        "fn of(builder: TestHostBuilder, knobs: &Knobs) -> (TestHostBuilder, Self) {",
    ),
    // What is counted beside what a span says.
    (
        "sigra-core/src/telemetry/running.rs",
        r#"#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the span knows it"))]"#,
        "pub fn begin(operation: &'static str, span: Span) -> Self {",
    ),
    ("sigra-core/src/telemetry/running.rs", r#"#[cfg(feature = "metrics")]"#, "figure: Figure::begin(operation),"),
    (
        "sigra-core/src/telemetry/running.rs",
        r#"#[cfg(feature = "metrics")]"#,
        "self.figure.end(self.outcome, self.error);",
    ),
    // Further scenarios for further routes.
    (
        "sigra-testing/src/golden/scenarios/mod.rs",
        r#"#[cfg(all(feature = "authenticator", feature = "mfa", feature = "passkeys"))]"#,
        "PASSKEYS,",
    ),
    (
        "sigra-testing/src/golden/scenarios/mod.rs",
        r#"#[cfg(all(feature = "authenticator", feature = "mfa", feature = "passkeys"))]"#,
        "scenarios! { PASSKEYS:",
    ),
    ("sigra-testing/src/golden/scenarios/mod.rs", r#"#[cfg(feature = "mfa")]"#, "SECOND_FACTORS,"),
    ("sigra-testing/src/golden/scenarios/mod.rs", r#"#[cfg(feature = "mfa")]"#, "scenarios! { SECOND_FACTORS:"),
    // Rows that only these ports write.
    ("sigra-testing/src/memory/housekeeping.rs", r#"#[cfg(feature = "mfa")]"#, "TOTP,"),
    (
        "sigra-testing/src/memory/housekeeping.rs",
        r#"#[cfg(feature = "mfa")]"#,
        "TOTP => purge(&mut self.totp, limit, |totp| totp.expires_at.is_some_and(|at| at < before)),",
    ),
    ("sigra-testing/src/memory/housekeeping.rs", r#"#[cfg(feature = "mfa")]"#, "TRUSTED_BROWSERS,"),
    (
        "sigra-testing/src/memory/housekeeping.rs",
        r#"#[cfg(feature = "mfa")]"#,
        "TRUSTED_BROWSERS => purge(&mut self.trusted, limit, |(browser, _)| browser.expires_at < before),",
    ),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "mfa")]"#, "backup_codes,"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "mfa")]"#, "totp,"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "mfa")]"#, "trusted,"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "passkeys")]"#, "handles,"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "passkeys")]"#, "passkeys,"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "mfa")]"#, "{"),
    ("sigra-testing/src/memory/state.rs", r#"#[cfg(feature = "passkeys")]"#, "{"),
    (
        "sigra-testing/src/memory/state.rs",
        r#"#[cfg(feature = "mfa")]"#,
        "pub(super) trusted: BTreeMap<TrustedBrowserId, (TrustedBrowser, Digest)>,",
    ),
    // Connections that the store keeps beside a pool of SQLite's, and no other has.
    ("sigra-store-seaorm/src/attempts.rs", r#"#[cfg(feature = "sqlite")]"#, "if let Some(own) = self.own() {"),
    ("sigra-store-seaorm/src/sessions/mod.rs", r#"#[cfg(feature = "sqlite")]"#, "if let Some(own) = self.own() {"),
    (
        "sigra-store-seaorm/src/sessions/mod.rs",
        r#"#[cfg(feature = "sqlite")]"#,
        "if let (Some(own), None, false) = (self.own(), new.replaces().pending, new.is_limited()) {",
    ),
    ("sigra-store-seaorm/src/store.rs", r#"#[cfg(feature = "sqlite")]"#, "own: Own::beside(&pool).map(Arc::new),"),
    // Settings that reach one kind of database alone.
    ("sigra-store-seaorm/src/connect.rs", r#"#[cfg(feature = "sqlite")]"#, "for_sqlite(&mut options);"),
    (
        "sigra-store-seaorm/src/connect.rs",
        r#"#[cfg(feature = "postgres")]"#,
        "options.map_sqlx_postgres_pool_opts(|pool| {",
    ),
    ("sigra-store-seaorm/src/connect.rs", r#"#[cfg(feature = "mysql")]"#, "options.map_sqlx_mysql_pool_opts(|pool| {"),
    // Errors are looked into through the driver; without one there are none.
    (
        "sigra-store-seaorm/src/dialect.rs",
        r#"#[cfg(not(feature = "mysql"))]"#,
        "pub(super) fn mysql_number(_: &DbErr) -> Option<u16> {",
    ),
    (
        "sigra-store-seaorm/src/dialect.rs",
        r#"#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]"#,
        "mod driver {",
    ),
];

const ITEMS: &[&str] =
    &["mod ", "use ", "fn ", "async fn ", "const fn ", "const ", "struct ", "enum ", "trait ", "type ", "impl "];

#[test]
fn features_are_asked_for_where_they_add_something() {
    let mut found = Vec::new();
    for one in crates() {
        visit(&one.folder.join("src"), &mut |path, source| {
            let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.extend(asked_elsewhere(source).map(|(asks, about)| (file.clone(), asks, about)));
        });
    }
    found.sort();
    let mut listed: Vec<_> = ELSEWHERE
        .iter()
        .map(|(file, asks, about)| ((*file).to_owned(), (*asks).to_owned(), (*about).to_owned()))
        .collect();
    listed.sort();
    let new: Vec<_> = found.iter().filter(|one| !listed.contains(one)).collect();
    let gone: Vec<_> = listed.iter().filter(|one| !found.contains(one)).collect();
    assert!(new.is_empty(), "does this change what is there without the feature? {new:#?}");
    assert!(gone.is_empty() && found.len() == listed.len(), "not in the sources any more: {gone:#?}");
}

#[test]
fn no_feature_excludes_another() {
    for one in crates() {
        visit(&one.folder.join("src"), &mut |path, source| {
            assert!(!source.contains("compile_error!"), "{}", path.display());
        });
    }
}

/// Every place of a source but its tests that asks for a feature, and is no `cfg` that adds an item.
fn asked_elsewhere(source: &str) -> impl Iterator<Item = (String, String)> {
    let lines: Vec<_> = source
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test"))
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !line.contains("feature = \"") {
            continue;
        }
        // What begins with `#!` is about the file it stands in.
        let next = lines[at + 1..].iter().find(|next| !next.starts_with("#[")).filter(|_| !line.starts_with("#!"));
        let about = next.copied().unwrap_or_default();
        let public =
            about.strip_prefix("pub").map_or(about, |rest| rest.split_once(' ').map_or(rest, |(_, item)| item));
        let item = ITEMS.iter().any(|item| public.starts_with(item)) && !public.contains("Default for ");
        let adds = line.starts_with("#[cfg(") && !line.contains("not(") && (item || keeps(public) || names(about));
        if !adds {
            found.push(((*line).to_owned(), about.to_owned()));
        }
    }
    found.into_iter()
}

/// A field for what a feature brings, of a type of its own.
fn keeps(line: &str) -> bool {
    let Some((name, of)) = line.strip_suffix(',').and_then(|field| field.split_once(": ")) else { return false };
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_name && of.starts_with(|c: char| c.is_ascii_uppercase()) && !of.contains(['(', '{'])
}

/// An entry of a list of names.
fn names(line: &str) -> bool {
    let entry = line.strip_suffix(',').unwrap_or_default();
    let quoted = entry.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)))
}

fn visit(folder: &Path, look: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            visit(&path, look);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn what_only_adds_is_told_from_what_may_change() {
    let places = |source: &str| asked_elsewhere(source).count();
    for adds in [
        "pub mod a;",
        "mod a {",
        "pub use a::B;",
        "impl A for B {",
        "pub(crate) fn a() {",
        "#[doc(inline)]\npub use a as b;",
        "pub(crate) mfa: Option<Mfa>,",
        "\"totp.begin\",",
    ] {
        assert_eq!(places(&format!("#[cfg(feature = \"x\")]\n{adds}\n")), 0, "{adds}");
    }
    for changes in [
        "impl Default for A {",
        "limit = 5;",
        "A => 5,",
        "builder.accounts();",
        "field: u32,",
        "field: Some(5),",
        "\"a text\",",
    ] {
        assert_eq!(places(&format!("#[cfg(feature = \"x\")]\n{changes}\n")), 1, "{changes}");
    }
    assert_eq!(places("#[cfg(not(feature = \"x\"))]\nfn limit() -> u32 {\n"), 1);
    assert_eq!(places("let limit = if cfg!(feature = \"x\") { 1 } else { 2 };\n"), 1);
    assert_eq!(
        places("//! `#[cfg(feature = \"x\")]`\n#[cfg(test)]\nmod tests { #[cfg(feature = \"x\")] let a = 1; }\n"),
        0
    );
}
