//! What `docs/guides/writing-a-store.md` shows is what stands here.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_code_in_the_guide_is_the_code_of_the_example() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(here.join("../../docs/guides/writing-a-store.md")).unwrap();
    let mut files = Vec::new();
    collect(&here.join("src"), &mut files);
    collect(&here.join("tests"), &mut files);
    let sources: Vec<_> = files.iter().map(|file| lines(&fs::read_to_string(file).unwrap())).collect();

    let blocks: Vec<_> =
        guide.split("```rust,ignore\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(guide.matches("```rust").count(), blocks.len(), "code that no test looks at");
    assert!(blocks.len() > 10);
    for block in blocks {
        let wanted = lines(block);
        let stands = sources.iter().any(|source| source.windows(wanted.len()).any(|part| part == wanted));
        assert!(stands, "the example has no such lines (any more):\n{block}");
    }
}

/// The lines without their indentation: the guide shows methods without the `impl` around them.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, into),
            false => into.push(path),
        }
    }
}
