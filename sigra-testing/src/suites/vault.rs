//! [`Vault`].

use sigra_core::ports::{Sealed, Vault};

/// Runs every check of this suite in turn. `vault` makes one over a list of root secrets, told apart by their number.
pub fn all<V: Vault>(vault: impl Fn(&[u8]) -> V) {
    seals_open_for_their_context_alone(&vault(&[1]));
    changed_bytes_do_not_open(&vault(&[1]));
    hashes_recognize_their_message_and_purpose_alone(&vault(&[1]));
    earlier_secrets_open_and_are_stale(vault);
}

/// What was sealed opens for its context; the text is hidden, and equal texts are sealed differently.
pub fn seals_open_for_their_context_alone(vault: &dyn Vault) {
    let secret = b"a secret that must not be found".as_slice();
    let large = vec![0; 100_000];
    for plain in [secret, b"", &large] {
        let sealed = vault.seal("table.column.1", plain);
        let opened = vault.open("table.column.1", &sealed).expect("it opens for its context");
        assert_eq!(opened.plain.expose(), plain);
        assert!(!opened.stale);
        for other in ["table.column.2", "table.column.", "table.column.11", ""] {
            assert!(vault.open(other, &sealed).is_err(), "it opens for `{other}`");
        }
        assert_ne!(sealed.as_bytes(), vault.seal("table.column.1", plain).as_bytes());
    }
    let sealed = vault.seal("table.column.1", secret);
    assert!(!sealed.as_bytes().windows(8).any(|bytes| secret.windows(8).any(|part| part == bytes)));
}

/// Nothing opens of which a bit was changed, an end cut off or a byte added.
pub fn changed_bytes_do_not_open(vault: &dyn Vault) {
    let sealed = vault.seal("context", b"plain").as_bytes().to_vec();
    let opens = |bytes: Vec<u8>| vault.open("context", &Sealed::from_bytes(bytes)).is_ok();
    for place in 0..sealed.len() {
        for bit in [1, 0x80] {
            let mut changed = sealed.clone();
            changed[place] ^= bit;
            assert!(!opens(changed), "byte {place} was changed");
        }
        assert!(!opens(sealed[..place].to_vec()), "cut off at {place}");
    }
    assert!(!opens([sealed.as_slice(), &[0]].concat()));
    assert!(opens(sealed));
}

/// A keyed hash recognizes its message for its purpose, however the two are divided.
pub fn hashes_recognize_their_message_and_purpose_alone(vault: &dyn Vault) {
    let mac = vault.mac("purpose", b"message");
    assert!(vault.verify_mac("purpose", b"message", &mac));
    assert_eq!(vault.mac("purpose", b"message"), mac, "a keyed hash is looked up by");
    for (purpose, message) in [("purpose", "messagf"), ("Purpose", "message"), ("purposem", "essage"), ("", "")] {
        assert!(!vault.verify_mac(purpose, message.as_bytes(), &mac), "{purpose} {message}");
    }
}

/// The first secret seals; the others still open and recognize; one that was taken off the list does neither.
pub fn earlier_secrets_open_and_are_stale<V: Vault>(vault: impl Fn(&[u8]) -> V) {
    let (before, during, after) = (vault(&[1]), vault(&[2, 1]), vault(&[2]));
    let (sealed, mac) = (before.seal("context", b"plain"), before.mac("purpose", b"message"));
    let opened = during.open("context", &sealed).expect("an earlier secret opens");
    assert!(opened.stale && opened.plain.expose() == b"plain");
    assert!(during.verify_mac("purpose", b"message", &mac));
    assert!(after.open("context", &sealed).is_err());
    assert!(!after.verify_mac("purpose", b"message", &mac));

    assert_eq!(
        during.macs("purpose", b"message"),
        [after.mac("purpose", b"message"), mac],
        "every secret, the first first"
    );

    let again = during.seal("context", b"plain");
    assert!(!after.open("context", &again).expect("the first secret sealed it").stale);
    assert_eq!(during.mac("purpose", b"message"), after.mac("purpose", b"message"));
    assert!(before.open("context", &again).is_err());
}
