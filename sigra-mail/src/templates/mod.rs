//! Wording: from facts to a message, through templates a host can override.
//!
//! The templates are [minijinja](https://docs.rs/minijinja), close to Jinja2. Their variables are the fields of
//! [`View`].

mod check;
mod fault;
mod kinds;
mod overrides;
mod view;

use std::collections::BTreeSet;
use std::path::PathBuf;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{ComposeError, Composer, Facts, MailKind, Message};

use self::fault::Fault;
pub use self::fault::TemplateFaults;
pub use self::kinds::KindTemplates;
use self::kinds::{PARTIALS, embedded_kinds, names};
pub use self::view::View;
use crate::links::Links;
use crate::words::one_line;

/// Words mails from templates: the embedded ones, or a host's own in their place.
///
/// For every kind there are `<kind>.subject.txt`, `<kind>.txt` and `<kind>.html`. Values are escaped in templates whose
/// name ends in `.html`, and stand as they are in the others. A template that prints what the facts lack is an error,
/// not an empty line.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    kinds: BTreeSet<MailKind>,
    product: String,
    links: Links,
}

impl Templates {
    /// Starts with the embedded templates. `product_name` is what the mails call the host; `links` is where they lead.
    #[must_use]
    pub fn builder(product_name: impl Into<String>, links: Links) -> TemplatesBuilder {
        TemplatesBuilder { product: product_name.into(), links, kinds: embedded_kinds(), override_dir: None }
    }

    fn word(&self, id: MailId, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Result<Message, Fault> {
        if !self.kinds.contains(kind) {
            return Err(Fault::other("there are no templates of this kind".to_owned()));
        }
        let view = View::new(&self.product, &self.links, id, to, facts)?;
        let [subject, text, html] = names(kind);
        let render = |name: &str| self.render(name, &view).map_err(|error| Fault::of_template(&error));
        Ok(Message {
            id,
            kind: kind.clone(),
            to: to.clone(),
            subject: one_line(&render(&subject)?).trim().to_owned(),
            text: render(&text)?,
            html: render(&html)?,
        })
    }

    fn render(&self, name: &str, view: &View<'_>) -> Result<String, minijinja::Error> {
        self.environment.get_template(name)?.render(Serde(view))
    }
}

impl Composer for Templates {
    fn compose(&self, id: MailId, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Result<Message, ComposeError> {
        self.word(id, kind, to, facts)
            .map_err(|fault| ComposeError { kind: kind.to_string(), source: Some(Box::new(fault)) })
    }
}

/// Collects what [`Templates`] are made of.
#[derive(Clone, Debug)]
pub struct TemplatesBuilder {
    product: String,
    links: Links,
    kinds: Vec<KindTemplates>,
    override_dir: Option<PathBuf>,
}

impl TemplatesBuilder {
    /// Adds a kind that has no embedded templates.
    #[must_use]
    pub fn add_kind(mut self, templates: KindTemplates) -> Self {
        self.kinds.push(templates);
        self
    }

    /// Keeps the kinds named and drops the others, for hosts that send some mails alone. What was dropped needs no links,
    /// and composing it is an error.
    #[must_use]
    pub fn only(mut self, kinds: &[MailKind]) -> Self {
        self.kinds.retain(|templates| kinds.contains(&templates.kind));
        self
    }

    /// Lets the files of a folder take the place of embedded templates of the same name.
    ///
    /// Every `.txt` and `.html` file in it must have the name of a template. A file whose name starts with `_` is the
    /// host's own, for its templates to include. Files are read once, by [`TemplatesBuilder::build`].
    #[must_use]
    pub fn override_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.override_dir = Some(path.into());
        self
    }

    /// Loads every template and renders it with sample facts: once with everything a mail can have, once with the least.
    ///
    /// # Errors
    ///
    /// All faults together: links that are no URLs, files that cannot be read or belong to no template, templates that
    /// do not parse or render, that show a value unescaped in HTML, that leave out the link and the code they are sent
    /// for, or put one of them on a line with other text.
    pub fn build(self) -> Result<Templates, TemplateFaults> {
        let mut faults: Vec<String> = self.links.faults().collect();
        let mut sources: Vec<(String, String)> =
            PARTIALS.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
        let mut templates = Templates {
            environment: environment(),
            kinds: BTreeSet::new(),
            product: one_line(&self.product).trim().to_owned(),
            links: self.links,
        };
        if templates.product.is_empty() {
            faults.push("the product has no name".to_owned());
        }
        for kind in &self.kinds {
            if !kind.kind.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                faults.push(format!("the kind {:?} is not lower-case ASCII with underscores", kind.kind.as_str()));
            }
            if !templates.kinds.insert(kind.kind.clone()) {
                faults.push(format!("the kind `{}` was added twice", kind.kind));
            }
            sources.extend(kind.sources().map(|(name, source)| (name, source.to_owned())));
        }
        if let Some(dir) = &self.override_dir {
            overrides::apply(dir, &mut sources, &mut faults);
        }
        for (name, source) in sources {
            if let Err(error) = templates.environment.add_template_owned(name, source) {
                faults.push(Fault::of_sample(&error).to_string());
            }
        }
        if faults.is_empty() {
            faults = self.kinds.iter().flat_map(|kind| check::faults_of(&templates, kind)).collect();
        }
        if faults.is_empty() { Ok(templates) } else { Err(TemplateFaults(faults)) }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // Printing what is missing is an error; asking whether it is there is not.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(
        |name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        },
    );
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => escape(out, text).map_err(Into::into),
        _ => minijinja::escape_formatter(out, state, value),
    });
    let whole_lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(whole_lines.expect("the delimiters are the default ones"));
    environment
}

/// Escapes text for HTML. Unlike the engine's own, leaves the slashes of links readable.
fn escape(out: &mut dyn std::fmt::Write, text: &str) -> std::fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}
