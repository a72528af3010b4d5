//! `UserAgents` over headers as browsers send them, and as nobody should.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static DESCRIBER: LazyLock<UserAgents> = LazyLock::new(UserAgents::new);

#[rustfmt::skip]
const CORPUS: &[(&str, &str)] = &[
    ("Firefox on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Firefox on Linux", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Firefox on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"),
    ("Firefox on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15"),
    ("Chrome on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Chrome on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Chrome on Linux", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Chrome on ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Chrome on Android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"),
    ("Chrome on Android", "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
    ("Chrome on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"),
    ("Chrome on iPad", "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"),
    ("Safari on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"),
    ("Safari on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"),
    ("Safari on iPad", "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1"),
    ("Edge on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"),
    ("Edge on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763"),
    ("Edge on Android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0"),
    ("Edge on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1"),
    ("Opera on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0"),
    ("Opera on Android", "Mozilla/5.0 (Linux; Android 14; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 OPR/92.0.0.0"),
    ("Opera on Windows", "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18"),
    ("Samsung Internet on Android", "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"),
    ("Vivaldi on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63"),
    ("Yandex Browser on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 YaBrowser/25.10.0.0 Safari/537.36"),
    ("UC Browser on Android", "Mozilla/5.0 (Linux; U; Android 13; en-US; SM-A135F) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.5.0.1313 Mobile Safari/537.36"),
    ("DuckDuckGo on Android", "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile DuckDuckGo/5 Safari/537.36"),
    ("DuckDuckGo on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15 Ddg/18.5"),
    ("An app on Android", "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36"),
    ("An app on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"),
    ("Facebook on iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 [FBAN/FBIOS;FBAV/517.0.0.50.113;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.5]"),
    ("Instagram on Android", "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36 Instagram 400.0.0.49.68 Android"),
    ("Internet Explorer on Windows", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"),
    ("Internet Explorer on Windows", "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)"),
    ("Firefox on FreeBSD", "Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Firefox on OpenBSD", "Mozilla/5.0 (X11; OpenBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Mi Browser on Android", "Mozilla/5.0 (Linux; Android 14; en-us; Xiaomi 13) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.6.0"),
    ("Huawei Browser on Android", "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.196 HuaweiBrowser/15.0.4.312 Mobile Safari/537.36"),
    ("Samsung Internet on Tizen", "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.1 Chrome/76.0 TV Safari/537.36"),
    ("Chrome on webOS", "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager"),
    ("Safari", "Mozilla/5.0 (PlayStation; PlayStation 5/9.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15"),
    ("curl", "curl/8.14.1"),
    ("Wget", "Wget/1.25.0"),
    ("A program written in Python", "python-requests/2.32.4"),
    ("An app", "okhttp/5.1.0"),
    ("A program written in Go", "Go-http-client/2.0"),
    ("Postman", "PostmanRuntime/7.46.0"),
    ("Googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    ("Automated Chrome on Linux", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36"),
];

#[test]
fn the_tables_are_in_order_and_speak_of_what_the_patterns_can_find() {
    for table in [BROWSERS, SYSTEMS] {
        assert!(table.is_sorted_by(|(a, _), (b, _)| a < b), "binary search needs order");
    }
    let patterns: serde_json::Value = serde_json::from_str(include_str!("../../data/user-agents.json")).unwrap();
    for (list, replaced, table) in
        [("user_agent_parsers", "family_replacement", BROWSERS), ("os_parsers", "os_replacement", SYSTEMS)]
    {
        let rules = patterns[list].as_array().unwrap();
        for (name, _) in table {
            // One pattern has the prefixes of the BSDs as alternatives.
            let word = name.trim_start_matches("Open").trim_start_matches("Net");
            let spelled = rules
                .iter()
                .any(|rule| rule[replaced].as_str() == Some(name) || rule["regex"].as_str().unwrap().contains(word));
            assert!(spelled, "no pattern spells {name}");
        }
    }
}

#[test]
fn patterns_that_do_not_compile_are_an_error() {
    for bad in ["", "{}", r#"{"user_agent_parsers":[{"regex":"("}],"os_parsers":[]}"#] {
        assert!(UserAgents::compile(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_long_header_is_cut_at_a_character() {
    assert_eq!(start(&"é".repeat(300)).len(), 512);
    assert_eq!(start(&format!("a{}", "é".repeat(300))).len(), 511);
    assert_eq!(start("short"), "short");
}

#[test]
fn browsers_programs_and_systems_are_named_as_people_know_them() {
    for (words, header) in CORPUS {
        assert_eq!(DESCRIBER.describe(Some(header)), *words, "{header}");
    }
}

#[test]
fn what_nobody_knows_is_unknown() {
    for header in ["", "Mozilla/5.0", "hello", "<script>alert(1)</script>"] {
        assert_eq!(DESCRIBER.describe(Some(header)), "An unknown device", "{header}");
    }
    assert_eq!(DESCRIBER.describe(None), "An unknown device");
    assert_eq!(DESCRIBER.describe(Some("Mozilla/5.0 (Windows NT 10.0) Strange/1.0")), "An unknown browser on Windows");
}

/// Several patterns take a name out of the header.
#[test]
fn cs_13_no_name_is_taken_from_the_header() {
    for header in [
        "Evil Corp<b>/1.2.3 CFNetwork/1 Darwin/20",
        "Call +1 555 0100 now/1.0 CFNetwork/1410.0.3 Darwin/22.6.0",
        "example.com-iPhone/3.0 ",
        "evil for ArcGIS/1.2",
        "HbbTV/1.2.1 (; evil ; 2016 )",
        "Mozilla/5.0 (evilbot/1.0; +https://evil.example)",
        "Evil/1.0 (Windows NT 10.0) ",
    ] {
        let words = DESCRIBER.describe(Some(header));
        assert!(is_ours(&words), "{header} is {words}");
        assert!(!words.to_lowercase().contains("evil") && !words.contains("555"), "{header} is {words}");
    }
}

/// Whether it is made of words of the describers alone.
fn is_ours(words: &str) -> bool {
    let unknown = ["An unknown device", "An unknown browser"];
    let known = |part| {
        unknown.contains(&part)
            || part == "iPad"
            || [BROWSERS, SYSTEMS].iter().any(|table| table.iter().any(|(_, word)| *word == part))
    };
    words.split(" on ").all(known)
}

#[test]
fn a_long_header_is_looked_at_in_part() {
    let beyond = format!("{} Firefox/140.0", "x".repeat(UserAgents::MAX_BYTES));
    assert_eq!(DESCRIBER.describe(Some(&beyond)), "An unknown device");
    let within = format!("{}{}", CORPUS[0].1, "é".repeat(1 << 20));
    assert_eq!(DESCRIBER.describe(Some(&within)), CORPUS[0].0);
}

/// Each takes well below a millisecond. With expressions that backtrack this test would not come to its end.
#[test]
fn hostile_headers_come_to_an_end() {
    let parts = [
        "(",
        ")",
        ";",
        " ",
        "/",
        "1",
        "9.",
        "a",
        "é",
        "Mozilla/5.0 (",
        "iPhone; CPU OS ",
        "Chrome/1.1.1.1 ",
        "CFNetwork/",
        "Version/4.0 Mobile ",
        "Android; ",
        "Windows Phone OS ",
        "; Build/",
        "Safari/",
        "-iPad/",
        "bot ",
        "HbbTV/1.2.1 (; a ;",
    ];
    for first in parts {
        for second in parts {
            let header = first.repeat(256) + &second.repeat(256);
            let alternating = format!("{first}{second}").repeat(256);
            for header in [&header[..], &header[first.len() * 230..], &alternating] {
                assert!(is_ours(&DESCRIBER.describe(Some(header))), "{first:?} {second:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_words_are_ours(header in ".{0,600}") {
        prop_assert!(is_ours(&DESCRIBER.describe(Some(&header))));
    }

    #[test]
    fn parts_of_real_headers_give_words_of_ours(
        one in 0..CORPUS.len(), other in 0..CORPUS.len(), middle in "[ -~]{0,40}", cut in 0..100_usize,
    ) {
        let header: String = CORPUS[one].1.chars().skip(cut).chain(middle.chars()).chain(CORPUS[other].1.chars()).collect();
        prop_assert!(is_ours(&DESCRIBER.describe(Some(&header))), "{header}");
    }
}
