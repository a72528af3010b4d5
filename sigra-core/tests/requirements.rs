//! `docs/requirements.md`, `docs/SECURITY.md` and guides name tests that exist.

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

#[test]
fn every_test_a_guide_names_exists() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for guide in ["custom-user-fields.md", "email-change.md", "hooks.md"] {
        let page = fs::read_to_string(root.join("docs/guides").join(guide))?;
        let (mut file, mut count) = ("", 0);
        for (path, name) in page.split('`').filter_map(|code| code.split_once("::")) {
            match path {
                "…" => {}
                path if path.ends_with(".rs") => file = path,
                _ => continue,
            }
            let source = fs::read_to_string(root.join(file))?;
            assert!(source.contains(&format!("fn {name}(")), "{guide}: {file} has no test {name}");
            count += 1;
        }
        assert!(count > 4, "{guide} names its tests as `path::name`, and not only {count}");
    }
    Ok(())
}

#[test]
fn every_test_behind_a_threat_exists() -> io::Result<()> {
    // As the page says it.
    const SHORT: [(&str, &str); 7] = [
        ("core/", "sigra-core/tests/"),
        ("suites/", "sigra-testing/src/suites/"),
        ("store/", "sigra-store-seaorm/tests/database/"),
        ("mail/", "sigra-mail/tests/mail/"),
        ("mfa/", "sigra-mfa/tests/flows/"),
        ("passkeys/", "sigra-passkeys/tests/flows/"),
        ("golden/", "sigra-testing/src/golden/scenarios/"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/SECURITY.md"))?;
    let (mut file, mut count) = (String::new(), 0);
    for (path, name) in page.split('`').filter_map(|code| code.split_once("::")) {
        match path {
            "…" => {}
            path if path.ends_with(".rs") => file = path.to_owned(),
            _ => continue,
        }
        let short = SHORT.iter().find_map(|(short, long)| Some(format!("{long}{}", file.strip_prefix(short)?)));
        let source = fs::read_to_string(root.join(short.as_ref().unwrap_or(&file)))?;
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
        count += 1;
    }
    assert!(count > 80, "the page names its tests as `path::name`, and not only {count}");
    Ok(())
}
