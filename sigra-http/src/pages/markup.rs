//! Just enough HTML to look at what templates made: the tags and their attributes.

/// A tag. Names are lower case, with a slash before them when it is an end tag; values are as written.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, &'a str)>,
}

impl Tag<'_> {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }
}

/// Every tag, in order. Comments and stray `<` are passed over.
pub(super) fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end..]);
        } else if rest.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()) {
            tags.push(tag(&mut rest));
        }
    }
    tags
}

fn tag<'a>(rest: &mut &'a str) -> Tag<'a> {
    let slash = take(rest, |c| c == '/');
    let name = take(rest, |c| !c.is_whitespace() && c != '>' && c != '/').to_ascii_lowercase();
    let name = format!("{slash}{name}");
    let mut attributes = Vec::new();
    loop {
        take(rest, |c| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return Tag { name, attributes };
        }
        let attribute = take(rest, |c| !c.is_whitespace() && !matches!(c, '=' | '>' | '/')).to_ascii_lowercase();
        take(rest, char::is_whitespace);
        attributes.push((attribute, value(rest)));
    }
}

fn value<'a>(rest: &mut &'a str) -> &'a str {
    let Some(after) = rest.strip_prefix('=') else { return "" };
    *rest = after.trim_start();
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return take(rest, |c| !c.is_whitespace() && c != '>');
    };
    *rest = &rest[1..];
    let value = take(rest, |c| c != quote);
    *rest = rest.get(1..).unwrap_or("");
    value
}

fn take<'a>(rest: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let (taken, left) = rest.split_at(rest.find(|c| !wanted(c)).unwrap_or(rest.len()));
    *rest = left;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_attributes_are_found_however_they_are_written() {
        let html = "<!DOCTYPE html><!-- <b> --><A HREF=x/y disabled><br/> 1 < 2 <input name = 'a>b' value=\"c\"/></a>";
        let found: Vec<String> = tags(html).iter().map(|tag| format!("{tag:?}")).collect();
        assert_eq!(
            found,
            [
                "Tag { name: \"a\", attributes: [(\"href\", \"x/y\"), (\"disabled\", \"\")] }",
                "Tag { name: \"br\", attributes: [] }",
                "Tag { name: \"input\", attributes: [(\"name\", \"a>b\"), (\"value\", \"c\")] }",
                "Tag { name: \"/a\", attributes: [] }",
            ]
        );
    }

    #[test]
    fn broken_markup_ends() {
        for html in ["<", "<a", "<a b", "<a b=", "<a b='", "<a b=\"c", "<!--", "<a =", "<a ==>", "<é"] {
            assert!(tags(html).len() < 2, "{html}");
        }
    }
}
