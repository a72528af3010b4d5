//! Addresses that can be read as others.

use unicode_security::confusable_detection::skeleton;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

/// Whether an address can be read as another one. The domain is given as A-labels.
pub(super) fn may_be_misread(local: &str, domain: &str) -> bool {
    (!local.is_ascii() && (has_capitals(local) || is_mixed(local) || looks_like_ascii(local)))
        || (domain.contains("xn--") && is_misread_domain(domain))
}

fn is_misread_domain(domain: &str) -> bool {
    let (domain, understood) = idna::domain_to_unicode(domain);
    let mut labels = domain.rsplit('.');
    // Registries see to it that top-level domains are told apart, and some look like ASCII.
    let top = labels.next().unwrap_or_default();
    let mut others = labels.filter(|label| !label.is_ascii());
    understood.is_err()
        || (!top.is_ascii() && is_mixed(top))
        || others.any(|label| is_mixed(label) || looks_like_ascii(label))
}

/// Whether there are letters whose small form is another one, beyond those that identities fold.
fn has_capitals(text: &str) -> bool {
    text.chars().filter(|c| !c.is_ascii()).any(|c| !c.to_lowercase().eq([c]))
}

/// Whether letters are of scripts that are not written together, or such as no identifier should have.
fn is_mixed(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    !letters.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// Whether there is an ASCII text that looks the same.
fn looks_like_ascii(text: &str) -> bool {
    skeleton(text).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::super::{EmailAddress, NewEmailFault};

    #[test]
    fn lc_06_addresses_that_can_be_misread_are_nobodys() {
        for (typed, why) in [
            ("mıke@example.org", "looks like mike"),
            ("ａnn@example.org", "full width"),
            ("pаypal@example.org", "a Cyrillic а among Latin letters"),
            ("аррӏе@example.org", "Cyrillic that looks like apple"),
            ("οnly@example.org", "a Greek omicron"),
            ("иvan@example.org", "Cyrillic and Latin"),
            ("Ünal@example.org", "a capital that identities do not fold"),
            ("ИВАН@example.org", "capitals"),
            ("ann@pаypal.com", "a Cyrillic а in the domain"),
            ("ann@xn--pypal-4ve.com", "the same, typed as A-labels"),
            ("ann@аррӏе.com", "Cyrillic that looks like apple"),
            ("ann@mail.аррӏе.com", "in whichever label"),
        ] {
            assert!(EmailAddress::parse(typed).is_ok(), "{typed}: it can be looked for");
            assert_eq!(EmailAddress::parse_new(typed), Err(NewEmailFault::Lookalike), "{typed}: {why}");
        }
        assert_eq!(EmailAddress::parse_new("ann"), Err(NewEmailFault::Invalid));
    }

    #[test]
    fn lc_06_addresses_of_one_alphabet_can_be_had() {
        for typed in [
            "Ann.Smith+tag@Example.org",
            "ANN_1!#$%&'*/=?^`{|}~-@example.org",
            "ünal@example.org",
            "jürgen.groß+a1@bücher.example",
            "Ann@BÜCHER.example",
            "иван.петров@почта.рф",
            "ann@пример.срб",
            "δημήτρης@παράδειγμα.ελ",
            "用户@例子.公司",
            "たろう.田中@例え.jp",
            "taro太郎@example.jp",
            "홍길동@예.kr",
            "राम@उदाहरण.भारत",
            "משה@example.org",
        ] {
            let email = EmailAddress::parse_new(typed);
            assert_eq!(email, EmailAddress::parse(typed).map_err(|_| NewEmailFault::Invalid), "{typed}");
            assert!(email.is_ok(), "{typed}");
        }
    }
}
