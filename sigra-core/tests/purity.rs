//! The core knows no framework, no database, no TLS and no async runtime.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

const FORBIDDEN: &[&str] = &[
    "actix-web",
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-native-tls",
    "async-std",
    "axum",
    "axum-core",
    "boring",
    "diesel",
    "futures-executor",
    "h2",
    "http",
    "hyper",
    "lettre",
    "mysql_async",
    "native-tls",
    "openssl",
    "openssl-sys",
    "poem",
    "postgres",
    "redis",
    "reqwest",
    "ring",
    "rocket",
    "rusqlite",
    "rustls",
    "sea-orm",
    "sea-query",
    "smol",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tokio-postgres",
    "tokio-rustls",
    "tonic",
    "tower",
    "tower-http",
    "warp",
];

#[test]
fn the_dependencies_hold_no_framework_orm_tls_or_runtime() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "sigra-core", "--edges", "normal", "--prefix", "none", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"sigra-core") && names.contains(&"serde"), "{tree}");
    let found: Vec<_> = names.iter().filter(|name| FORBIDDEN.contains(name)).collect();
    assert!(found.is_empty(), "{found:?} in\n{tree}");
}
