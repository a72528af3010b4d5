//! A host's own templates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Replaces the sources that have a file of their name in `dir`, and adds the host's own partials.
pub(super) fn apply(dir: &Path, sources: &mut Vec<(String, String)>, faults: &mut Vec<String>) {
    let files = match list(dir) {
        Ok(files) => files,
        Err(error) => return faults.push(format!("the folder {} cannot be read: {error}", dir.display())),
    };
    for (name, path) in files {
        let known = sources.iter_mut().find(|(known, _)| *known == name);
        if known.is_none() && !name.starts_with('_') {
            faults.push(format!(
                "{} overrides no mail template; start its name with `_` if others include it",
                path.display()
            ));
            continue;
        }
        match (fs::read_to_string(&path), known) {
            (Ok(text), Some((_, source))) => *source = text,
            (Ok(text), None) => sources.push((name, text)),
            (Err(error), _) => faults.push(format!("{} cannot be read: {error}", path.display())),
        }
    }
}

/// The templates in a folder, by name.
fn list(dir: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with('.') && (name.ends_with(".txt") || name.ends_with(".html")) && path.is_file() {
            files.insert(name.to_owned(), path);
        }
    }
    Ok(files)
}
