//! Settings of a host: no panic, no secret repeated, and nothing but what was meant is accepted.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use sigra_core::config::Config;
use sigra_crypto::{HashingConfig, PoolConfig};
use sigra_http::TrustedProxies;
use sigra_mail::{MailTarget, SmtpUrl};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    mail(text);
    proxies(text);
    trees(text);
});

fn mail(text: &str) {
    match MailTarget::parse(text) {
        Ok(MailTarget::Console) => assert_eq!(text, "console"),
        Ok(MailTarget::Dir(path)) => assert_eq!(text.strip_prefix("dir:"), path.to_str()),
        Ok(MailTarget::Smtp(url)) => {
            assert!(!url.host().is_empty() && url.host().is_ascii());
            // The URL standard drops tabs and line ends wherever they stand.
            let lower = text.trim().to_ascii_lowercase().replace(['\t', '\r', '\n'], "");
            assert!(
                !url.is_encrypted()
                    || lower.starts_with("smtps:")
                    || lower.contains("tls=required")
                    || text.contains('%')
            );
        }
        Ok(_) | Err(_) => {}
    }
    // A password that is no word of ours is in no message.
    let hidden = format!("smtp://canary:canary@{text}");
    let said = match hidden.parse::<SmtpUrl>() {
        Ok(url) => format!("{url:?}").replace(url.host(), ""),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!said.contains("canary"), "{said}");
}

fn proxies(text: &str) {
    let Ok(proxies) = TrustedProxies::parse(text) else { return };
    if text.trim().is_empty() {
        assert!(!proxies.contains([10, 0, 0, 1].into()));
    }
    for entry in text.split(',').map(str::trim) {
        if let Ok(ip) = entry.parse::<IpAddr>() {
            assert!(proxies.contains(ip));
        }
    }
    // Both halves of each family are never trusted by one entry.
    if !text.contains(',') {
        for (low, high) in [("0.0.0.0", "255.255.255.255"), ("::1:0:0:0", "ffff::1")] {
            let trusts = |ip: &str| proxies.contains(ip.parse().expect("an address"));
            assert!(!(trusts(low) && trusts(high)), "{text}");
        }
    }
}

fn trees(text: &str) {
    if let Ok(config) = serde_json::from_str::<Config>(text) {
        let _ = config.validate().map_err(|faults| faults.to_string());
        let written = serde_json::to_string(&config).expect("a configuration serializes");
        assert_eq!(serde_json::from_str::<Config>(&written).expect("and reads back"), config);
    }
    let _ = serde_json::from_str::<HashingConfig>(text).map(|config| config.faults());
    let _ = serde_json::from_str::<PoolConfig>(text).map(|config| config.faults());
}
