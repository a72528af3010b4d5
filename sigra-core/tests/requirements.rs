//! `docs/requirements.md` names tests that exist.

use std::path::Path;
use std::{fs, io};

#[test]
fn every_named_test_exists() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/requirements.md"))?;
    let named: Vec<_> = page.split('`').filter_map(|code| code.split_once(".rs::")).collect();
    assert!(named.len() > 100, "the page names its tests as `path::name`");
    for (path, name) in named {
        let source = fs::read_to_string(root.join(format!("{path}.rs")))?;
        assert!(source.contains(&format!("fn {name}(")), "{path}.rs has no test {name}");
    }
    Ok(())
}
