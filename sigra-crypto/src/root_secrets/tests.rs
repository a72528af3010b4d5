use super::*;

const BYTES: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut index = 0;
    while index < 32 {
        bytes[index as usize] = 255 - index * 7;
        index += 1;
    }
    bytes
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn id_of(text: &str) -> KeyId {
    RootSecrets::parse(text).unwrap().keys("test").first().id()
}

fn faults(text: &str) -> Vec<RootSecretFault> {
    RootSecrets::parse(text).unwrap_err().faults().to_vec()
}

#[test]
fn hkdf_sha_256_meets_rfc_5869_appendix_a_1() {
    let mut okm = [0; 42];
    let salt: Vec<u8> = (0..=0x0c).collect();
    let info: Vec<u8> = (0xf0..=0xf9).collect();
    Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]).expand(&info, &mut okm).unwrap();
    assert_eq!(hex(&okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

#[test]
fn every_accepted_encoding_gives_the_same_keys() {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    let id = id_of(&hex(&BYTES));
    assert_eq!(id_of(&hex(&BYTES).to_uppercase()), id);
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        assert_eq!(id_of(&format!(" {}\n", engine.encode(BYTES))), id);
    }
}

#[test]
fn cr_05_missing_short_unreadable_and_repeated_secrets_are_refused_all_at_once() {
    assert_eq!(faults(""), [RootSecretFault::Missing]);
    assert_eq!(faults(" \n"), [RootSecretFault::Missing]);
    let good = hex(&BYTES);
    let short = hex(&BYTES[..31]);
    assert_eq!(
        faults(&format!("{good},{short},not a secret!,,{}", good.to_uppercase())),
        [
            RootSecretFault::TooShort { position: 2, bytes: 31 },
            RootSecretFault::Unreadable { position: 3 },
            RootSecretFault::Unreadable { position: 4 },
            RootSecretFault::Repeated { position: 5, earlier: 1 },
        ]
    );
}

#[test]
fn cr_06_errors_and_debug_never_show_a_value() {
    let good = hex(&BYTES);
    let secrets = RootSecrets::parse(&good).unwrap();
    let keys = secrets.keys("test");
    let shown = format!("{secrets:?} {keys:?} {:?}", keys.first());
    assert!(!shown.contains(&good) && !shown.contains(&hex(keys.first().expose())), "{shown}");

    let error = RootSecrets::parse("canary canary,deadbeef").unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary") && !shown.contains("deadbeef"), "{shown}");
    assert!(shown.contains("root secret 1 is neither hex nor base64"), "{shown}");
    assert!(shown.contains("root secret 2 has 4 bytes"), "{shown}");
    assert!(shown.contains("at least 32 random bytes as hex or base64"), "{shown}");
}

#[test]
fn generated_secrets_parse_and_differ() {
    let (one, other) = (RootSecrets::generate(), RootSecrets::generate());
    assert_ne!(id_of(&one), id_of(&other));
    assert_eq!(RootSecrets::parse(&format!("{},{}", *one, *other)).unwrap().keys("test").iter().count(), 2);
}

#[test]
fn cr_04_ids_follow_the_secret_and_not_its_position() {
    let (old, new) = (RootSecrets::generate(), RootSecrets::generate());
    let before = RootSecrets::parse(&old).unwrap().keys("test");
    let after = RootSecrets::parse(&format!("{},{}", *new, *old)).unwrap().keys("test");
    assert_ne!(after.first().id(), before.first().id());
    let found = after.find(before.first().id().as_bytes()).unwrap();
    assert_eq!(found.expose(), before.first().expose());
}

#[test]
fn purposes_have_unrelated_keys() {
    let secrets = RootSecrets::parse(&RootSecrets::generate()).unwrap();
    let (one, other) = (secrets.keys("one"), secrets.keys("other"));
    assert_ne!(one.first().expose(), other.first().expose());
    assert_ne!(one.first().id(), other.first().id());
    assert_eq!(one.first().expose(), secrets.keys("one").first().expose());
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(text in ".{0,200}") {
        let _ = RootSecrets::parse(&text);
    }
}
