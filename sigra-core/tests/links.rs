//! Every link in the Markdown of the repository that stays inside it leads somewhere, to its heading if it names one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn no_link_between_pages_is_dead() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut pages = Vec::new();
    collect(&root, &mut pages)?;
    assert!(pages.len() > 20, "the repository has more pages than {}", pages.len());
    let mut dead = Vec::new();
    let mut checked = 0;
    for page in &pages {
        for target in links(&fs::read_to_string(page)?) {
            checked += 1;
            if let Some(fault) = fault(&root, page, &target)? {
                dead.push(format!("{}: {target}: {fault}", page.strip_prefix(&root).unwrap_or(page).display()));
            }
        }
    }
    assert!(checked > 100, "the pages have more links than {checked}");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
    Ok(())
}

/// Why a link leads nowhere; `None` for one that is good, or leads out of the repository.
fn fault(root: &Path, page: &Path, target: &str) -> io::Result<Option<&'static str>> {
    // Rustdoc resolves paths of items, and fails the build on dead ones.
    if target.contains("://") || target.starts_with("mailto:") || target.contains("::") {
        return Ok(None);
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let found = match path {
        "" => page.to_owned(),
        path => page.parent().expect("a file is in a folder").join(path),
    };
    let Ok(found) = found.canonicalize() else { return Ok(Some("no such file")) };
    if !found.starts_with(root) {
        return Ok(Some("outside the repository"));
    }
    match anchor {
        Some(_) if found.extension().is_none_or(|extension| extension != "md") => Ok(Some("an anchor in no page")),
        Some(anchor) if !anchors(&fs::read_to_string(&found)?).iter().any(|known| known == anchor) => {
            Ok(Some("no such heading"))
        }
        _ => Ok(None),
    }
}

/// The Markdown files below a folder. Hidden folders and what is built or run there are left out.
fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            let is_built = path.join("CACHEDIR.TAG").exists();
            if !name.starts_with('.') && !is_built && !["target", "sigra-data"].contains(&&*name) {
                collect(&path, pages)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// The targets of `[text](target)` and `[name]: target`, outside code.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(page) {
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            links.extend(target.split_whitespace().next().map(str::to_owned));
        }
        let line = without_code(line);
        links.extend(line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    links
}

/// The anchors GitHub gives to the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = prose(page).filter_map(|line| {
        let text = line.trim_start_matches('#');
        (1..=6).contains(&(line.len() - text.len())).then(|| text.strip_prefix(' ')).flatten()
    });
    headings
        .map(|heading| {
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            let slug = heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
            let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_default();
            if *count == 0 { slug } else { format!("{slug}-{count}") }
        })
        .collect()
}

/// The lines that are not in a fenced block.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

#[test]
fn links_and_anchors_are_read_as_github_does() {
    let page = "# One\n## What's `new`?\n## One\n[a](b.md#c) `[x](y)` ![d](e.png)\n```text\n[no](no)\n# no\n```\n[f]: g.md h\n";
    assert_eq!(links(page), ["b.md#c", "e.png", "g.md"]);
    assert_eq!(anchors(page), ["one", "whats-new", "one-1"]);
}

#[test]
fn dead_links_are_found() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let page = root.join("README.md");
    assert_eq!(fault(&root, &page, "docs/nothing.md")?, Some("no such file"));
    assert_eq!(fault(&root, &page, "docs/SECURITY.md#nothing")?, Some("no such heading"));
    assert_eq!(fault(&root, &page, "#nothing")?, Some("no such heading"));
    assert_eq!(fault(&root, &page, "LICENSE-MIT#nothing")?, Some("an anchor in no page"));
    assert_eq!(fault(&root, &page, "../")?, Some("outside the repository"));
    assert_eq!(fault(&root, &page, "docs/SECURITY.md#reporting")?, None);
    Ok(())
}
