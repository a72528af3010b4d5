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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::pages::Pages;
    use crate::views::{CheckMailView, LoginView};

    fn pages() -> Pages {
        Pages::new("Example", "/auth")
    }

    /// A folder of templates, gone when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn of(files: &[(&str, &str)]) -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = Self(std::env::temp_dir().join(format!("sigra-pages-{}-{n}", std::process::id())));
            fs::create_dir_all(&folder.0).unwrap();
            for (name, source) in files {
                fs::write(folder.0.join(name), source).unwrap();
            }
            folder
        }

        fn faults(&self) -> Vec<String> {
            pages().override_dir(&self.0).unwrap_err().into_faults()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_of_the_same_name_replaces_a_template() {
        let folder = Folder::of(&[
            ("check_mail.html", "{% extends 'layout.html' %}{% block main %}{% include '_own.html' %}{% endblock %}"),
            ("_own.html", "<h1>Post for {{ product }}</h1>"),
            (".hidden", "{{"),
        ]);
        let pages = pages().override_dir(&folder.0).unwrap();
        let html = pages.render(&CheckMailView {}.into(), None).unwrap();
        assert!(html.contains("<h1>Post for Example</h1>") && html.contains("<header"));
        assert!(pages.render(&LoginView::default().into(), None).unwrap().contains("<h1>Sign in</h1>"));
    }

    #[test]
    fn every_fault_of_a_folder_is_reported_at_once() {
        let folder = Folder::of(&[
            ("signin.html", ""),
            ("notes.txt", ""),
            ("sudo.html", "{% if %}"),
            ("not_me.html", "{% extends 'layout.html' %}{% block main %}{{ view.emial }}{% endblock %}"),
            ("message.html", "<h1>{{ view.title | safe }}</h1><p onclick='x()'>"),
            ("error.html", "<style>p{}</style><script>1</script><img src=https://example.com/x.png>"),
            (
                "login.html",
                "{{ notice }}<form action='{{ urls.login }}'><input name=email><input name=return_to></form>\
                 <input name=password>",
            ),
        ]);
        let expected = [
            "notes.txt is not the name of a template",
            "signin.html is not the name of a template",
            "syntax error: unexpected end of block in sudo.html, line 1",
            "undefined value in not_me.html, line 1",
            "message.html shows a value unescaped",
            "message.html does not show view.link.href",
            "message.html does not show view.paragraphs",
            "message.html has inline code, which browsers will not run: the attribute onclick",
            "message.html has inline code, which browsers will not run: the element script",
            "error.html has inline code, which browsers will not run: the element style",
            "error.html has inline code, which browsers will not run: the element script",
            "error.html loads a file of another origin, which browsers will not do: https://example.com/x.png",
            "error.html does not show view.next.href",
            "error.html does not show view.request_id",
            "error.html does not show view.sentence",
            "login.html does not show view.error",
            "login.html has a form for /auth/login whose method is not post",
            "login.html has no field password in the form for /auth/login",
        ];
        let faults: BTreeSet<String> = folder.faults().into_iter().collect();
        assert_eq!(faults, expected.map(str::to_owned).into());
    }

    #[test]
    fn a_page_without_its_form_or_its_notice_is_a_fault() {
        let folder = Folder::of(&[("register.html", "<h1>Closed</h1>")]);
        assert_eq!(
            folder.faults(),
            [
                "register.html has no form that posts to /auth/register",
                "register.html does not show view.errors",
                "register.html does not show the notice",
            ]
        );
    }

    #[test]
    fn each_form_of_a_page_stands_for_one_way() {
        let mfa = |forms: &str| {
            let logout = "<form method=post action='{{ urls.logout }}'></form>";
            let passkey = "{% import 'parts.html' as parts %}{{ parts.passkey_button('Go', 'second-factor', \
                           urls.passkey_mfa_start, urls.passkey_mfa_finish, '') }}";
            let errors = "{% for error in view.errors %}{{ error.message }}{% endfor %}";
            Folder::of(&[("mfa.html", &format!("{logout}{passkey}{errors}{forms}"))])
        };
        let fields = "<input name=code><input name=trust_browser><input name=return_to>";
        let of = |method: &str| {
            format!(
                "<form method=post action='{{{{ urls.mfa }}}}'><input type=hidden name=method value={method}>{fields}</form>"
            )
        };
        assert_eq!(
            mfa(&of("totp")).faults(),
            ["mfa.html has no form that posts to /auth/mfa with the method backup_code"]
        );
        let both = mfa(&format!("{}{}", of("totp"), of("backup_code")));
        assert!(pages().override_dir(&both.0).is_ok());
        let choosing =
            format!("<form method=post action='{{{{ urls.mfa }}}}'><select name=method></select>{fields}</form>");
        assert!(pages().override_dir(&mfa(&choosing).0).is_ok());
        let silent = Folder::of(&[("backup_codes.html", "<a href='{{ view.next.href }}'>on</a>")]);
        assert_eq!(silent.faults(), ["backup_codes.html does not show view.codes"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_fault() {
        let folder = Folder::of(&[]);
        let faults = pages().override_dir(folder.0.join("nowhere")).unwrap_err().into_faults();
        assert!(faults.len() == 1 && faults[0].contains("nowhere cannot be read"), "{faults:?}");
    }

    #[test]
    fn templates_reach_no_other_file() {
        let folder = Folder::of(&[("message.html", "{% include '../Cargo.toml' %}")]);
        assert!(folder.faults()[0].contains("message.html"));
    }
}
