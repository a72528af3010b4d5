use sigra_core::email::EmailAddress;

use super::*;
use crate::pool::PoolConfig;

const ORIGIN: WorkOrigin = WorkOrigin::KnownDevice;

fn policy(config: &PolicyConfig) -> StandardPolicy {
    let pool = PoolConfig { threads: Some(1), ..PoolConfig::default() };
    StandardPolicy::new(Arc::new(HashPool::new(&pool).unwrap()), config).unwrap()
}

async fn check(policy: &StandardPolicy, password: &str, words: &[&str]) -> Vec<PasswordFault> {
    let email = EmailAddress::parse("Ann.Smith+shop@mail.example.org").unwrap();
    let password = Password::parse(password).unwrap();
    policy.check(&password, &PolicyContext { email: &email, words }, ORIGIN).await.unwrap()
}

/// Only length, the list and the words.
fn without_estimate(min_length: usize) -> PolicyConfig {
    PolicyConfig { min_length, min_length_with_mfa: 1, zxcvbn_min_score: 0, ..PolicyConfig::default() }
}

#[tokio::test]
async fn pw_01_fifteen_code_points_without_mfa() {
    let policy = policy(&without_estimate(15));
    assert_eq!(check(&policy, "vbqhwzkdmtpxrj", &[]).await, [PasswordFault::TooShort { minimum: 15 }]);
    assert_eq!(check(&policy, "vbqhwzkdmtpxrjc", &[]).await, []);
}

#[tokio::test]
async fn pw_02_eight_code_points_where_mfa_is_enforced() {
    let policy = policy(&PolicyConfig { mfa_enforced: true, ..PolicyConfig::default() });
    let faults = check(&policy, "vbqhwzk", &[]).await;
    assert!(faults.contains(&PasswordFault::TooShort { minimum: 8 }), "{faults:?}");
    for accepted in ["vb9hWz!k", "vbqhwzkd", "7k#qz!p2"] {
        assert_eq!(check(&policy, accepted, &[]).await, [], "{accepted}");
    }
    assert_eq!(check(&policy, "Purple7!", &[]).await, [PasswordFault::Weak]);
}

#[tokio::test]
async fn pw_03_length_is_counted_in_code_points() {
    let policy = policy(&without_estimate(15));
    let emoji = "🦀🐙🦑🦐🦞🐡🐠🐟🐬🐳🐋🦈🐊🐅🐆";
    assert_eq!((emoji.chars().count(), emoji.len()), (15, 60));
    assert_eq!(check(&policy, emoji, &[]).await, []);
    let shorter: String = emoji.chars().take(14).collect();
    assert_eq!(check(&policy, &shorter, &[]).await, [PasswordFault::TooShort { minimum: 15 }]);
}

#[tokio::test]
async fn pw_06_no_kind_of_character_is_asked_for() {
    let policy = policy(&PolicyConfig::default());
    for accepted in ["vbqhwzkdmtpxrjc", "839205716402953", "otter velvet cactus moon", "     v b q h w z k     "] {
        assert_eq!(check(&policy, accepted, &[]).await, [], "{accepted}");
    }
}

#[tokio::test]
async fn pw_09_every_common_password_that_is_long_enough_is_refused() {
    for min_length in [1, 8] {
        let policy = policy(&without_estimate(min_length));
        let mut refused = 0;
        for common in common::list().filter(|word| word.len() >= min_length) {
            assert_eq!(check(&policy, common, &[]).await, [PasswordFault::Common], "{common}");
            refused += 1;
        }
        assert!(refused >= 3_000, "{refused}");
    }
}

#[tokio::test]
async fn pw_09_repetitions_of_common_passwords_are_common_at_the_default_length() {
    let policy = policy(&PolicyConfig::default());
    for common in ["passwordpassword", "aaaaaaaaaaaaaaa", "123456789012345", "QWERTYqwertyQWERTY", "1qaz2wsx3edc4rfv"] {
        let faults = check(&policy, common, &[]).await;
        assert!(faults.contains(&PasswordFault::Common), "{common}: {faults:?}");
    }
}

#[tokio::test]
async fn pw_12_a_common_password_or_a_name_inside_a_phrase_is_fine() {
    let policy = policy(&PolicyConfig::default());
    for accepted in ["my password lives in the freezer", "ann smith met a zebra on tuesday"] {
        assert_eq!(check(&policy, accepted, &["Ann Smith"]).await, [], "{accepted}");
    }
}

#[tokio::test]
async fn pw_13_words_of_the_account_and_the_product_are_refused_as_a_whole() {
    let config = PolicyConfig { product_words: vec!["Sigra Cloud".to_owned()], ..without_estimate(1) };
    let policy = policy(&config);
    for similar in [
        "ann.smith+shop@mail.example.org",
        "ann.smith",
        "annsmithshop",
        "mail.example.org",
        "Mail2026",
        "sigra-cloud",
        "duolcargis",
        "acme gmbh acme gmbh 1",
    ] {
        assert_eq!(check(&policy, similar, &["ACME GmbH"]).await, [PasswordFault::Similar], "{similar}");
    }
}

#[tokio::test]
async fn every_fault_is_found() {
    let policy = policy(&PolicyConfig { product_words: vec!["dragon".to_owned()], ..PolicyConfig::default() });
    let all =
        [PasswordFault::TooShort { minimum: 15 }, PasswordFault::Common, PasswordFault::Similar, PasswordFault::Weak];
    assert_eq!(check(&policy, "Dragon", &[]).await, all);
}

#[tokio::test]
async fn the_estimate_knows_the_words_of_the_account() {
    let policy = policy(&PolicyConfig { mfa_enforced: true, ..PolicyConfig::default() });
    let phrase = "ZwickelbauerOberhofstetten";
    assert_eq!(check(&policy, phrase, &[]).await, []);
    assert_eq!(check(&policy, phrase, &["Zwickelbauer", "Oberhofstetten"]).await, [PasswordFault::Weak]);
}

#[tokio::test]
async fn the_estimate_looks_at_a_hundred_code_points_of_hostile_input() {
    let policy = policy(&PolicyConfig::default());
    let hostile = "1a@é".repeat(200);
    let word = "é".repeat(5_000);
    let words = vec![word.as_str(); 20];
    check(&policy, &hostile, &words).await;
    let long_tail = format!("{}{}", "ab".repeat(50), "vbqhwzkdmtpxrjc839205716402953");
    let faults = check(&policy, &long_tail, &[]).await;
    assert_eq!(faults, [PasswordFault::Weak], "what follows the first hundred is not looked at");
}

#[tokio::test]
async fn all_checks_run_on_the_pool() {
    let policy = policy(&PolicyConfig::default());
    check(&policy, "otter velvet cactus moon", &[]).await;
    assert_eq!(policy.pool.stats().finished, 1);
}

#[test]
fn a_faulty_configuration_makes_no_policy() {
    let pool = Arc::new(HashPool::new(&PoolConfig { threads: Some(1), ..PoolConfig::default() }).unwrap());
    let config = PolicyConfig { zxcvbn_min_score: 9, ..PolicyConfig::default() };
    let faults = StandardPolicy::new(pool, &config).err().unwrap();
    assert_eq!(faults.to_string(), "zxcvbn_min_score must be from 0 to 4");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_password_panics(password in ".{0,150}", word in ".{0,20}") {
        let policy = policy(&PolicyConfig::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(&policy, &password, &[&word]));
    }
}
