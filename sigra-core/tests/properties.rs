//! What holds for every text the core reads from outside.

use proptest::prelude::*;
use sigra_core::CommonBrowsers;
use sigra_core::client::ClientInfo;
use sigra_core::email::EmailAddress;
use sigra_core::id::{SessionId, UserId};
use sigra_core::mail::Facts;
use sigra_core::password::Password;
use sigra_core::ports::DeviceDescriber as _;
use sigra_core::secret::{Code, RawToken};
use sigra_core::time::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

/// Addresses nearly all of which parse, in letters of several scripts and cases.
fn address() -> impl Strategy<Value = String> {
    let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~éßıKµΩѓ語-]{1,8}";
    let label = "[a-zA-Z0-9üñλ語]([a-z0-9-]{0,5}[a-z0-9])?";
    (atom, prop::option::of(atom), label, prop::option::of(label), "(org|example|рф)").prop_map(
        |(atom, second, label, sub, top)| {
            let local = second.map_or_else(|| atom.clone(), |second| format!("{atom}.{second}"));
            let sub = sub.map_or_else(String::new, |sub| format!("{sub}."));
            format!("{local}@{sub}{label}.{top}")
        },
    )
}

/// 43 characters of base64url whose last one carries four bits.
fn is_token(text: &str) -> bool {
    text.len() == 43
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
}

proptest! {
    #[test]
    fn an_address_is_the_same_in_each_of_its_forms(text in address()) {
        let Ok(address) = EmailAddress::parse(&text) else { return Ok(()) };
        prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
        let identity = EmailAddress::parse(address.identity()).expect("an identity is an address");
        prop_assert_eq!(identity.identity(), address.identity());
        prop_assert_eq!(identity.limiter_key(), address.limiter_key());
        let nfd: String = text.nfd().collect();
        prop_assert_eq!(EmailAddress::parse(&nfd), Ok(address.clone()), "decomposed");
        prop_assert_eq!(EmailAddress::parse(&format!(" \t{text}\r\n")), Ok(address.clone()), "white space around it");
        let shouted = EmailAddress::parse(&text.to_ascii_uppercase()).expect("case does not matter for parsing");
        prop_assert_eq!(shouted.identity(), address.identity());
    }

    #[test]
    fn tk_19_no_address_holds_what_could_make_it_two(text in prop_oneof![
        ".{0,40}",
        "[a@.,; \"<>()\\[\\]\r\n\t\0\u{ff20}\u{fe6b}\u{2028}\u{ad}-]{0,20}",
        (address(), "[@,;<>\" \r\n\0\u{ff20}]", address()).prop_map(|(one, between, other)| format!("{one}{between}{other}")),
    ]) {
        if let Ok(address) = EmailAddress::parse(&text) {
            prop_assert_eq!(address.as_str().matches('@').count(), 1);
            let forbidden = |c: char| c.is_control() || c.is_whitespace() || ",;:<>()[]\"\\".contains(c);
            prop_assert!(!address.as_str().contains(forbidden), "{}", address);
            prop_assert!(address.as_str().len() <= EmailAddress::MAX_BYTES && address.local_part().len() <= 64);
            prop_assert!(address.domain().is_ascii() && address.domain().contains('.'));
        }
    }

    #[test]
    fn tk_01_tokens_are_exactly_what_a_model_of_them_says(text in prop_oneof![
        ".{0,50}", "[A-Za-z0-9_-]{43}", "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", "[A-Za-z0-9+/=]{43,44}",
    ]) {
        let token = RawToken::parse(&text);
        prop_assert_eq!(token.is_some(), is_token(&text));
        prop_assert!(token.is_none_or(|token| *token.expose() == text));
    }

    #[test]
    fn codes_are_exactly_what_a_model_of_them_says(text in prop_oneof![".{0,12}", "[0-9 ]{0,34}", "[0-9]{6}"]) {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let expected = text.len() <= 32 && digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let code = Code::parse(&text);
        prop_assert_eq!(code.is_some(), expected);
        prop_assert!(code.is_none_or(|code| *code.expose() == digits));
    }

    #[test]
    fn pw_08_a_password_and_its_decomposed_form_are_one(text in ".{0,400}") {
        let nfd: String = text.nfd().collect();
        match (Password::parse(&text), Password::parse(&nfd)) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.expose(), other.expose());
                prop_assert!(one.expose().len() <= Password::MAX_BYTES);
                let expected: String = text.nfc().collect();
                prop_assert_eq!(one.expose(), expected);
            }
            (one, other) => prop_assert!(text.len().max(nfd.len()) > Password::MAX_BYTES, "{:?} {:?}", one, other),
        }
    }

    #[test]
    fn times_print_and_parse(micros in -62_167_219_200_000_000..253_402_300_800_000_000_i64, text in "[0-9TZ:.+ -]{0,30}") {
        let moment = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        if let Some(moment) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn ids_print_and_parse(bits in any::<u128>(), text in "[0-9a-fA-F{}-]{0,40}") {
        let id = UserId::from_uuid(uuid::Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        if let Ok(id) = text.parse::<SessionId>() {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn cs_13_nothing_of_a_user_agent_gets_out_but_words_of_ours(text in prop_oneof![
        ".{0,700}", "(Edg/|OPR/|Chrome/|Firefox/|iPhone|Linux|<script>|\r\n|\u{1b}|.){0,12}",
    ]) {
        let client = ClientInfo::new(None, Some(&text), Some(&text));
        for kept in [&client.user_agent, &client.request_id].into_iter().flatten() {
            prop_assert!(!kept.is_empty() && kept.len() <= 512 && !kept.contains(char::is_control));
            let again = ClientInfo::new(None, Some(kept), None);
            prop_assert_eq!(again.user_agent.as_ref(), Some(kept));
        }
        let described = CommonBrowsers.describe(client.user_agent.as_deref());
        prop_assert!(described.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "{}", described);
    }

    #[test]
    fn facts_of_mails_read_back_or_are_refused(json in prop_oneof![
        ".{0,60}",
        r#"\{"(tokens|code|at|valid_secs|device|ip|new)":(null|-1|0|18446744073709551616|"x"|\{"a":"b"\}|\{"a":1\}|\[\])\}"#,
    ]) {
        if let Ok(facts) = serde_json::from_str::<Facts>(&json) {
            let written = serde_json::to_string(&facts).expect("facts serialize");
            let again: Facts = serde_json::from_str(&written).expect("and read back");
            prop_assert_eq!(serde_json::to_string(&again).expect("facts serialize"), written);
        }
    }
}
