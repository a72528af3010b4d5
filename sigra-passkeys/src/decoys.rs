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

/// The decoys of an address: the same each time it is asked about, as long as the first root secret stays, and telling
/// nobody without that secret that they are none.
pub(crate) fn of(email: &EmailAddress, vault: &dyn Vault) -> Vec<Descriptor> {
    let draw = |what: &str, number: u8| {
        let message = [what.as_bytes(), &[0, number], email.identity().as_bytes()].concat();
        *vault.mac(PURPOSE, &message).as_bytes()
    };
    // Most accounts have one passkey, some two, few three.
    let count = match draw("count", 0)[0] {
        0..=159 => 1,
        160..=223 => 2,
        _ => 3,
    };
    (0..count)
        .map(|number| {
            // What the common providers make: password managers 16 bytes, Apple 20, Windows and security keys more.
            let (length, transports): (usize, &[&str]) = match draw("kind", number)[0] {
                0..=95 => (20, &["hybrid", "internal"]),
                96..=191 => (16, &["hybrid", "internal"]),
                192..=223 => (32, &["internal"]),
                _ => (48, &["nfc", "usb"]),
            };
            let mut id = [draw("id", number), draw("rest", number)].concat();
            id.truncate(length);
            Descriptor {
                id: CredentialId::new(id).expect("a decoy has 16 to 48 bytes"),
                transports: transports.iter().map(|&name| name.to_owned()).collect(),
            }
        })
        .collect()
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
}
