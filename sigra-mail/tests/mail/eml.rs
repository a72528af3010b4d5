//! The message as a mail server takes it.

use mail_parser::{MessageParser, MimeHeaders as _};
use sigra_core::id::MailId;
use sigra_core::mail::{MailKind, Message};
use sigra_core::time::Timestamp;
use sigra_mail::{Sender, to_eml};

use crate::support::{address, ann, at, compose, link, sender, templates};

fn message(subject: &str, text: &str) -> Message {
    Message {
        id: MailId::new(at()),
        kind: MailKind::MAGIC_LINK,
        to: ann(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: format!("<p>{text}</p>"),
    }
}

fn eml(message: &Message) -> String {
    String::from_utf8(to_eml(&sender(), message).unwrap()).unwrap()
}

/// The lines of the header block, unfolded.
fn headers(eml: &str) -> Vec<String> {
    let (head, _) = eml.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_message_has_two_alternatives_and_the_headers_of_an_automatic_mail() {
    for kind in MailKind::ALL {
        let message = compose(&templates(), kind);
        let raw = to_eml(&sender(), &message).unwrap();
        let parsed = MessageParser::default().parse(&raw).unwrap();
        assert!(parsed.content_type().is_some_and(|t| t.ctype() == "multipart" && t.subtype() == Some("alternative")));
        assert_eq!((parsed.text_body_count(), parsed.html_body_count(), parsed.attachment_count()), (1, 1, 0));
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), message.text, "{kind}");
        assert_eq!(parsed.body_html(0).unwrap().replace("\r\n", "\n"), message.html, "{kind}");
        assert_eq!(parsed.subject(), Some(message.subject.as_str()));
        assert_eq!(parsed.message_id(), Some(format!("{}@acme.example", message.id).as_str()));
        assert_eq!(parsed.header_raw("X-Sigra-Kind").map(str::trim), Some(kind.as_str()));
        assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        let from = parsed.from().unwrap().first().unwrap();
        assert_eq!((from.name(), from.address()), (Some("Acme"), Some("no-reply@acme.example")));
        assert_eq!(parsed.date().unwrap().to_timestamp() * 1_000_000, at().as_micros());
    }
}

#[test]
fn ascii_mail_is_not_encoded_and_its_links_stay_on_their_lines() {
    let eml = eml(&compose(&templates(), &MailKind::RESET_PASSWORD));
    assert!(eml.lines().any(|line| line == link("reset-password")));
    assert_eq!(eml.matches("Content-Transfer-Encoding: 7bit\r\n").count(), 2);
    assert!(!eml.replace("\r\n", "").contains(['\r', '\n']), "every line ends with CRLF");
}

#[test]
fn other_mail_survives_its_encoding() {
    let long = "x".repeat(2_000);
    let text = format!("Grüße aus Łódź\n{}\n.\n{long}\n", link("confirm"));
    let raw = eml(&message("Grüße 🎉", &text));
    assert!(raw.is_ascii() && raw.lines().all(|line| line.len() <= 998));
    let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("Grüße 🎉"));
    assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), text);
}

#[test]
fn line_ends_of_every_sort_become_crlf() {
    let raw = eml(&message("s", "a\r\nb\rc\nd"));
    assert!(raw.contains("\r\n\r\na\r\nb\r\nc\r\nd\r\n"), "{raw}");
}

#[test]
fn cs_13_no_value_can_add_a_header_or_a_recipient() {
    let evil = "Acme\r\nBcc: eve@example.org\r\n\r\nbody\0\u{1b}";
    let sender = Sender::new(evil, address("no-reply@acme.example"));
    let message = Message { kind: MailKind::from_stored(evil.to_owned()), ..message(evil, "text") };
    let raw = String::from_utf8(to_eml(&sender, &message).unwrap()).unwrap();
    let names: Vec<_> = headers(&raw).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    let expected = [
        "Message-ID",
        "Date",
        "From",
        "To",
        "Subject",
        "X-Sigra-Kind",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected, "{raw}");
    let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("AcmeBcc: eve@example.orgbody"));
    assert_eq!(parsed.from().unwrap().iter().count(), 1);
    assert_eq!(parsed.to().unwrap().iter().count(), 1);
    assert!(parsed.bcc().is_none());
}

#[test]
fn cs_13_a_sender_name_stays_a_name() {
    for name in ["Acme, Inc. <eve@example.org>", "a\"b\\c", "Ünï", "", " "] {
        let raw = to_eml(&Sender::new(name, address("no-reply@acme.example")), &message("s", "t")).unwrap();
        let parsed = MessageParser::default().parse(&raw).unwrap();
        let from: Vec<_> = parsed.from().unwrap().iter().collect();
        assert_eq!(from.len(), 1, "{name:?}");
        assert_eq!(from[0].address(), Some("no-reply@acme.example"), "{name:?}");
        assert_eq!(from[0].name().unwrap_or_default(), name.trim(), "{name:?}");
    }
}

#[test]
fn tk_19_a_mail_has_one_recipient() {
    for to in ["a'b!#$%&*+-/=?^_`{|}~@example.org", "ann+tag@example.org", "Ann.Smith@EXAMPLE.org"] {
        let raw = eml(&Message { to: address(to), ..message("s", "t") });
        let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
        let recipients: Vec<_> = parsed.to().unwrap().iter().filter_map(|to| to.address()).collect();
        let (local, _) = to.rsplit_once('@').unwrap();
        assert_eq!(recipients, [format!("{local}@example.org")]);
    }
}

#[test]
fn international_domains_travel_as_a_labels() {
    let to = address("ann@bücher.example");
    let raw = to_eml(&Sender::new("", address("post@bücher.example")), &Message { to, ..message("s", "t") }).unwrap();
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.contains("\r\nTo: ann@xn--bcher-kva.example\r\n"), "{raw}");
    assert!(raw.contains("\r\nFrom: post@xn--bcher-kva.example\r\n"), "{raw}");
    assert!(headers(&raw)[0].ends_with("@xn--bcher-kva.example>"), "{raw}");
}

#[test]
fn the_same_message_is_the_same_bytes() {
    let message = message("s", "t");
    assert_eq!(eml(&message), eml(&message.clone()));
    let other = Message { id: MailId::new(at()), ..message.clone() };
    assert_ne!(headers(&eml(&message))[0], headers(&eml(&other))[0]);
}

#[test]
fn an_id_from_the_end_of_time_still_has_a_date() {
    let id = "ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap();
    let raw = eml(&Message { id, ..message("s", "t") });
    assert!(raw.contains("\r\nDate: Fri, 31 Dec 9999 23:59:59 +0000\r\n"), "{raw}");
    let early = MailId::new(Timestamp::EPOCH);
    assert!(eml(&Message { id: early, ..message("s", "t") }).contains("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
}
