//! Credentials that do not exist, for addresses that have none (Web Authentication Level 3 §14.6.2).

use sigra_core::email::EmailAddress;
use sigra_core::ports::Vault;

use crate::passkey::CredentialId;

/// A credential as options name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) id: CredentialId,
    pub(crate) transports: Vec<String>,
}

const PURPOSE: &str = "passkeys.decoy";

/// What follows a decoy's drawn bytes is their keyed hash, so that a decoy is known as one without being stored. A passkey
/// looks like one by chance once in 2^64 times.
const TAG_PURPOSE: &str = "passkeys.decoy.tag";
const TAG: usize = 8;

/// The decoys of an address: the same each time it is asked about, as long as the first root secret stays, and telling
/// nobody without that secret that they are none.
pub(crate) fn of(email: &EmailAddress, vault: &dyn Vault) -> Vec<Descriptor> {
    let draw = |what: &str, number: u8| {
        let message = [what.as_bytes(), &[0, number], email.identity().as_bytes()].concat();
        *vault.mac(PURPOSE, &message).as_bytes()
    };
    // Most accounts have one passkey, some two.
    let count = if draw("count", 0)[0] < 205 { 1 } else { 2 };
    (0..count)
        .map(|number| {
            // What the common providers make: password managers 16 bytes, Apple 20, Windows and security keys more.
            let (length, transports): (usize, &[&str]) = match draw("kind", number)[0] {
                0..=95 => (20, &["hybrid", "internal"]),
                96..=191 => (16, &["hybrid", "internal"]),
                192..=223 => (32, &["internal"]),
                224..=243 => (48, &["nfc", "usb"]),
                _ => (64, &["nfc", "usb"]),
            };
            let drawn = [draw("id", number), draw("rest", number)].concat();
            let drawn = &drawn[..length - TAG];
            Descriptor {
                id: CredentialId::new([drawn, &tag(drawn, vault)].concat()).expect("a decoy has 16 to 64 bytes"),
                transports: transports.iter().map(|&name| name.to_owned()).collect(),
            }
        })
        .collect()
}

/// Whether the id is a decoy's, under the first root secret.
pub(crate) fn is_one(id: &CredentialId, vault: &dyn Vault) -> bool {
    let Some((drawn, claimed)) = id.as_bytes().split_last_chunk::<TAG>() else { return false };
    // Whoever could tell by the time how much of it is right would learn a tag, which opens nothing; all of it is compared
    // nevertheless.
    tag(drawn, vault).iter().zip(claimed).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

fn tag(drawn: &[u8], vault: &dyn Vault) -> [u8; TAG] {
    let mac = vault.mac(TAG_PURPOSE, drawn);
    std::array::from_fn(|place| mac.as_bytes()[place])
}

#[cfg(test)]
mod tests {
    use sigra_testing::TestVault;

    use super::*;

    #[test]
    fn wa_14_decoys_depend_on_the_secret_and_on_the_address_alone() {
        let (one, another) = (TestVault::new(&["one"]), TestVault::new(&["another"]));
        let ann = EmailAddress::parse("ann@example.org").unwrap();
        assert_eq!(
            of(&ann, &one),
            of(&EmailAddress::parse("Ann@EXAMPLE.org").unwrap(), &TestVault::new(&["one", "old"]))
        );
        assert_ne!(of(&ann, &one), of(&ann, &another));
        assert_ne!(of(&ann, &one), of(&EmailAddress::parse("bob@example.org").unwrap(), &one));
    }

    #[test]
    fn wa_14_a_decoy_is_known_by_its_id_and_no_other_is_taken_for_one() {
        let (vault, another) = (TestVault::new(&["one"]), TestVault::new(&["another"]));
        for number in 0..200 {
            let email = EmailAddress::parse(&format!("nobody{number}@example.org")).unwrap();
            for decoy in of(&email, &vault) {
                assert!(is_one(&decoy.id, &vault) && !is_one(&decoy.id, &another));
                let mut bytes = decoy.id.as_bytes().to_vec();
                let place = number % bytes.len();
                bytes[place] ^= 1;
                assert!(!is_one(&CredentialId::new(bytes).unwrap(), &vault), "byte {place}");
            }
        }
        for length in [1, 7, 8, 9, 16, 20, 1_023] {
            assert!(!is_one(&CredentialId::new(vec![7; length]).unwrap(), &vault), "{length}");
        }
    }
}
