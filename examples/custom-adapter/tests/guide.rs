//! The code in the guide is the code of this example.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const GUIDE: &str = include_str!("../../../docs/guides/writing-an-adapter.md");

/// Files the guide shows to the last line.
const WHOLE: [&str; 3] = ["src/lib.rs", "tests/golden.rs", "tests/support/mod.rs"];

#[test]
fn every_block_of_code_in_the_guide_is_part_of_a_file_here() {
    let blocks = blocks();
    let files: BTreeSet<_> = blocks.iter().map(|(file, _)| *file).collect();
    assert!(WHOLE.iter().all(|file| files.contains(file)), "{files:?}");
    for file in files {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let mut rest = source.as_str();
        for (_, block) in blocks.iter().filter(|(of, _)| *of == file) {
            let at = rest.find(block).unwrap_or_else(|| panic!("not in {file}, or not in this order:\n{block}"));
            let skipped = &rest[..at];
            assert!(!WHOLE.contains(&file) || skipped.trim().is_empty(), "the guide leaves out of {file}:\n{skipped}");
            rest = &rest[at + block.len()..];
        }
        assert!(!WHOLE.contains(&file) || rest.trim().is_empty(), "the guide leaves out of {file}:\n{rest}");
    }
}

/// The blocks of Rust, each with the file it is from.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut blocks = Vec::new();
    for opened in GUIDE.split("```rust").skip(1) {
        let (file, after) = opened.split_once('\n').unwrap();
        blocks.push((file.trim(), after.split_once("```\n").expect("the block must end").0));
    }
    blocks
}
