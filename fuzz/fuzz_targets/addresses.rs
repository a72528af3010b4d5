//! An address is one address in every form it has, and a mail to it has one recipient.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigra_core::email::{EmailAddress, NewEmailFault};
use sigra_core::id::MailId;
use sigra_core::mail::{MailKind, Message};
use sigra_core::time::Timestamp;
use sigra_mail::{Sender, to_eml};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(address) = EmailAddress::parse(text) else { return };

    match EmailAddress::parse_new(text) {
        Ok(new) => assert_eq!(new, address, "what can be had is what is found"),
        Err(fault) => {
            let ascii = address.as_str().is_ascii() && !address.domain().contains("xn--");
            assert!(fault == NewEmailFault::Lookalike && !ascii, "only what is beyond ASCII can be misread");
        }
    }

    let again = EmailAddress::parse(address.as_str()).expect("an address is one in the form it was kept");
    assert_eq!(again, address);
    let identity = EmailAddress::parse(address.identity()).expect("an identity is an address");
    assert_eq!(identity.identity(), address.identity());
    assert_eq!(identity.limiter_key(), address.limiter_key(), "one identity has one budget");
    let key = EmailAddress::parse(&address.limiter_key());
    assert!(key.is_ok_and(|key| key.limiter_key() == address.limiter_key()) || folds_to_nothing(&address));

    assert!(address.as_str().len() <= EmailAddress::MAX_BYTES && address.identity().len() <= EmailAddress::MAX_BYTES);
    assert_eq!(address.as_str().matches('@').count(), 1);
    assert!(!address.as_str().contains(|c: char| c.is_control() || c.is_whitespace() || ",;:<>()[]\"\\".contains(c)));
    assert!(address.domain().is_ascii() && !address.domain().bytes().any(|byte| byte.is_ascii_uppercase()));

    let Ok(eml) = to_eml(&sender(), &message(address.clone())) else { return };
    let eml = String::from_utf8(eml).expect("a mail is text");
    let (head, _) = eml.split_once("\r\n\r\n").expect("a mail has a head");
    let unfolded = head.replace("\r\n ", " ");
    let to: Vec<_> = unfolded.split("\r\n").filter(|line| !KNOWN.iter().any(|known| line.starts_with(known))).collect();
    assert!(matches!(to[..], [line] if line.starts_with("To: ")), "{to:?}");
});

/// The local part is made of dots and a tag alone, or its compatibility form is more than a local part may hold.
fn folds_to_nothing(address: &EmailAddress) -> bool {
    let key = address.limiter_key();
    let local = key.rsplit_once('@').map_or("", |(local, _)| local);
    local.is_empty()
        || local.len() > 64
        || !local.chars().all(char::is_alphanumeric)
        || key.len() > EmailAddress::MAX_BYTES
}

const KNOWN: [&str; 8] = [
    "From: ",
    "Date: ",
    "Message-ID: ",
    "Subject: ",
    "X-Sigra-Kind: ",
    "Auto-Submitted: ",
    "MIME-Version: ",
    "Content-Type: ",
];

fn sender() -> Sender {
    Sender::new("Example", EmailAddress::parse("no-reply@app.example").expect("an address"))
}

fn message(to: EmailAddress) -> Message {
    Message {
        id: MailId::new(Timestamp::EPOCH),
        kind: MailKind::MAGIC_LINK,
        to,
        subject: String::from("Hello"),
        text: String::from("Hello\n"),
        html: String::from("<p>Hello</p>\n"),
    }
}
