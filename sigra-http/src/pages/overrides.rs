//! A host's own templates.

use std::fs::{self, DirEntry};
use std::path::Path;

use minijinja::Environment;

use super::{TEMPLATES, describe};

/// Puts the files of `dir` into `environment`, and says what was wrong with those it could not.
pub(super) fn apply(dir: &Path, environment: &mut Environment<'static>) -> Vec<String> {
    let mut entries: Vec<DirEntry> = match fs::read_dir(dir).and_then(Iterator::collect) {
        Ok(entries) => entries,
        Err(error) => return vec![format!("{} cannot be read: {error}", dir.display())],
    };
    entries.sort_by_key(DirEntry::file_name);
    entries.iter().filter_map(|entry| load(entry, environment).err()).collect()
}

fn load(entry: &DirEntry, environment: &mut Environment<'static>) -> Result<(), String> {
    let name = entry.file_name().to_string_lossy().into_owned();
    if name.starts_with('.') {
        return Ok(());
    }
    let own = name.starts_with('_') && name.ends_with(".html");
    if !own && !TEMPLATES.iter().any(|(known, _)| *known == name) {
        return Err(format!("{name} is not the name of a template"));
    }
    let source = fs::read_to_string(entry.path()).map_err(|error| format!("{name} cannot be read: {error}"))?;
    environment.add_template_owned(name, source).map_err(|error| describe(&error))
}
