//! Tells the bench what it was built with.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| String::from("rustc"));
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    println!("cargo::rustc-env=BENCH_RUSTC={}", version.as_deref().map_or("unknown", str::trim));
    let variable = |name| std::env::var(name).unwrap_or_else(|_| String::from("unknown"));
    println!("cargo::rustc-env=BENCH_PROFILE={}", variable("PROFILE"));
    println!("cargo::rustc-env=BENCH_OPT_LEVEL={}", variable("OPT_LEVEL"));
    println!("cargo::rustc-env=BENCH_FEATURES={}", variable("CARGO_CFG_TARGET_FEATURE"));
    println!("cargo::rerun-if-changed=build.rs");
}
