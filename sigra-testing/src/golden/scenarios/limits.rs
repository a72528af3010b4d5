use std::net::IpAddr;

use serde_json::json;
use sigra_core::ports::Quota;
use sigra_http::Limits;

use super::{ANN, GoldenHost};
use crate::golden::{Ask, Knobs, Make};

const MANY: Quota = Quota::new(10_000, 60);

fn all(quota: Quota) -> Limits {
    Limits {
        read: quota,
        sign_in: quota,
        ceremony: quota,
        register: quota,
        mail: quota,
        redeem: quota,
        export: quota,
        change: quota,
    }
}

fn host(make: &Make<'_>, limits: Limits, trusted_proxies: &'static str) -> GoldenHost {
    GoldenHost::with(make, Knobs { limits: Some(limits), trusted_proxies, ..Knobs::default() })
}

pub(super) async fn th_14_each_bucket(make: &Make<'_>) {
    const BUCKETS: [(&str, &str, &[&str]); 7] = [
        ("read", "GET", &["/auth/login", "/auth/register", "/auth/confirm/x"]),
        ("sign_in", "POST", &["/auth/login", "/auth/api/v1/login"]),
        ("register", "POST", &["/auth/register", "/auth/api/v1/register"]),
        ("mail", "POST", &["/auth/magic-link", "/auth/api/v1/password-reset", "/auth/confirm/resend"]),
        ("redeem", "POST", &["/auth/confirm", "/auth/api/v1/magic-link/redeem", "/auth/not-me/x"]),
        ("export", "GET", &["/auth/settings/export", "/auth/api/v1/export"]),
        ("change", "POST", &["/auth/logout", "/auth/api/v1/logout"]),
    ];
    for (bucket, method, paths) in BUCKETS {
        for registered in [false, true] {
            let quota = Quota::new(2, 60);
            let mut limits = all(MANY);
            *match bucket {
                "read" => &mut limits.read,
                "sign_in" => &mut limits.sign_in,
                "register" => &mut limits.register,
                "mail" => &mut limits.mail,
                "redeem" => &mut limits.redeem,
                "export" => &mut limits.export,
                _ => &mut limits.change,
            } = quota;
            let host = host(make, limits, "");
            if registered {
                host.test.confirmed(ANN).await;
            }
            let mut browser = host.browser();
            let ask = |path: &str| match (method, path.contains("/api/")) {
                ("GET", _) => Ask::get(path),
                (_, true) => Ask::json(path, &json!({ "email": ANN })),
                (_, false) => Ask::form(path, &[("email", ANN)]),
            };
            // One bucket, whichever of its routes is asked.
            for path in paths.iter().cycle().take(2) {
                assert!(browser.send(ask(path)).await.header("retry-after").is_none());
            }
            let mut wait = 0;
            for path in paths {
                let answer = browser.send(ask(path)).await;
                if path.contains("/api/") {
                    answer.is_problem(429, "rate_limited", &["retry-after"]);
                } else {
                    answer.is_page(429, &["retry-after"]);
                }
                wait = answer.retry_after();
                assert!(wait <= 60, "{wait}");
            }
            let mut elsewhere = host.browser();
            elsewhere.peer = Some([203, 0, 113, 1].into());
            assert!(elsewhere.send(ask(paths[0])).await.header("retry-after").is_none());
            host.test.advance(wait);
            assert!(browser.send(ask(paths[0])).await.header("retry-after").is_none(), "{bucket}");
        }
    }
}

/// How many of these peers, each with this header, are let through a bucket of one.
async fn let_through(make: &Make<'_>, proxies: &'static str, clients: &[(Option<&str>, &str)]) -> usize {
    let host = host(make, all(Quota::new(1, 60)), proxies);
    let mut passed = 0;
    for (peer, forwarded) in clients {
        let mut browser = host.browser();
        browser.peer = peer.map(|peer| peer.parse::<IpAddr>().expect("the peer must be an address"));
        let ask = Ask::get("/auth/login");
        let ask = if forwarded.is_empty() { ask } else { ask.header("x-forwarded-for", forwarded) };
        passed += usize::from(browser.send(ask).await.header("retry-after").is_none());
    }
    passed
}

pub(super) async fn th_10_forwarding_headers(make: &Make<'_>) {
    let stranger = Some("192.0.2.1");
    let spoofs = [(stranger, "1.1.1.1"), (stranger, "2.2.2.2"), (stranger, "127.0.0.1")];
    assert_eq!(let_through(make, "", &spoofs).await, 1);
    assert_eq!(let_through(make, "10.0.0.0/8", &spoofs).await, 1);
    let proxy = Some("10.0.0.1");
    let clients = [(proxy, "1.1.1.1"), (proxy, "2.2.2.2"), (proxy, "6.6.6.6, 1.1.1.1"), (proxy, "1.1.1.1, 10.0.0.9")];
    assert_eq!(let_through(make, "10.0.0.0/8", &clients).await, 2);
    // What is no address leaves the proxy's own.
    let odd = [(proxy, "nonsense"), (proxy, "1.1.1.1, "), (proxy, "")];
    assert_eq!(let_through(make, "10.0.0.0/8", &odd).await, 1);
    // Other headers are believed from nobody.
    let host = host(make, all(Quota::new(1, 60)), "10.0.0.0/8");
    let mut browser = host.browser();
    browser.peer = Some([10, 0, 0, 1].into());
    for (name, value) in [("forwarded", "for=1.1.1.1"), ("x-real-ip", "2.2.2.2"), ("cf-connecting-ip", "3.3.3.3")] {
        browser.send(Ask::get("/auth/login").header(name, value)).await;
    }
    browser.get("/auth/login").await.status(429);
}

pub(super) async fn th_11_blocks(make: &Make<'_>) {
    let neighbours = [(Some("2001:db8:0:1::1"), ""), (Some("2001:db8:0:1:ffff::2"), ""), (Some("2001:db8:0:2::1"), "")];
    assert_eq!(let_through(make, "", &neighbours).await, 2);
    let mapped = [(Some("192.0.2.1"), ""), (Some("::ffff:192.0.2.1"), ""), (Some("192.0.2.2"), "")];
    assert_eq!(let_through(make, "", &mapped).await, 2);
}

pub(super) async fn th_12_unknown_peers(make: &Make<'_>) {
    assert_eq!(
        let_through(make, "0.0.0.0/1, 128.0.0.0/1", &[(None, ""), (None, "1.1.1.1"), (None, "2.2.2.2")]).await,
        1
    );
}
