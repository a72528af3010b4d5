//! The code of guides that run what they show.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

mod hooks;
mod testing;
mod user_fields;

/// Asserts that every block of Rust in a guide stands in a source, word for word.
fn shown_word_for_word(guide: &str, source: &str) {
    let shown: Vec<_> = guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(guide.matches("```rust").count(), shown.len(), "code that no test looks at");
    assert!(!shown.is_empty(), "the guide shows its code in blocks of rust");
    for block in shown {
        assert!(source.contains(block), "not in the file:\n{block}");
    }
}
