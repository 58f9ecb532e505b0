//! Makes HTML of METHODOLOGY.md, so that the page does not carry a Markdown parser.

use std::path::PathBuf;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=METHODOLOGY.md");
    let text = std::fs::read_to_string("METHODOLOGY.md")?;
    // The report has its own title, and sections one level down.
    let (_, rules) = text.split_once('\n').unwrap_or_default();
    let events = Parser::new(rules).map(|event| match event {
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => Event::Start(Tag::Heading {
            level: pulldown_cmark::HeadingLevel::H3,
            id,
            classes,
            attrs,
        }),
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(pulldown_cmark::HeadingLevel::H3)),
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    // Cargo always sets it for build scripts.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("methodology.html"), html)
}
