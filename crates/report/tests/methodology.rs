//! The report prints METHODOLOGY.md. Its HTML is made here, so that nothing that ships carries a
//! Markdown parser.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

#[test]
fn the_reports_methodology_is_that_of_the_document() {
    let text = std::fs::read_to_string("../../METHODOLOGY.md").unwrap();
    // The report has its own title, and sections one level down.
    let (_, rules) = text.split_once('\n').unwrap();
    let events = Parser::new_ext(rules, Options::ENABLE_TABLES).map(|event| match event {
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => Event::Start(Tag::Heading {
            level: HeadingLevel::H3,
            id,
            classes,
            attrs,
        }),
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    // People without a mouse scroll wide tables, too.
    let html = html.replace("<table>", "<table tabindex=\"0\">");
    let file = "src/render/methodology.html";
    if std::env::var_os("UPDATE_METHODOLOGY").is_some() {
        std::fs::write(file, &html).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        html,
        "run the test again with UPDATE_METHODOLOGY=1"
    );
}
