//! `report.html`: the Markdown as one page that needs nothing else, its pictures within it.
//!
//! Nothing in it is loaded or run, and a policy in its head says so to the browser. Markup can come
//! from us alone: what looks like HTML in the Markdown is shown as text.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::page::{MET, NOT_MET, SHOWN};
use super::plot::Picture;

const STYLE: &str = include_str!("style.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Cells of more characters than this may take several lines.
const LONG_CELL: usize = 60;

/// The page; `pictures` are SVGs, each in the place of the image that names its PNG.
pub(super) fn page(title: &str, markdown: &str, pictures: &[(Picture, String)]) -> String {
    let mut body = Body { pictures, ..Body::default() };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        body.add(event);
    }
    let mut text = String::new();
    html::push_html(&mut text, body.events.into_iter());
    let mut contents = String::new();
    for (id, heading) in body.sections {
        let line = format!("<li><a href=\"#{id}\">{}</a></li>\n", escaped(&heading));
        contents += &line;
    }
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <nav aria-label=\"Contents\">\n<ol>\n{contents}</ol>\n</nav>\n<main>\n{text}</main>\n\
         </body>\n</html>\n"
    )
}

/// The events of the page's body, as they are made from the Markdown's.
#[derive(Debug, Default)]
struct Body<'a> {
    pictures: &'a [(Picture, String)],
    events: Vec<Event<'a>>,
    /// The sections' anchors and headings.
    sections: Vec<(String, String)>,
    /// Where the events of the open heading, table cell and image begin.
    heading: Option<usize>,
    cell: Option<usize>,
    image: Option<usize>,
}

impl<'a> Body<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else Markdown has stays as it is")]
    fn add(&mut self, event: Event<'a>) {
        let at = Some(self.events.len());
        match event {
            Event::Html(text) | Event::InlineHtml(text) => self.events.push(Event::Text(text)),
            Event::Start(Tag::Heading { .. }) => {
                self.heading = at;
                self.events.push(event);
            }
            Event::End(TagEnd::Heading(level)) => {
                self.end_heading(level);
                self.events.push(event);
            }
            Event::Start(Tag::Table(_)) => {
                self.markup("<div class=\"table\" tabindex=\"0\">".to_owned());
                self.events.push(event);
            }
            Event::End(TagEnd::Table) => {
                self.events.push(event);
                self.markup("</div>\n".to_owned());
            }
            Event::Start(Tag::TableCell) => {
                self.events.push(event);
                self.cell = Some(self.events.len());
            }
            Event::End(TagEnd::TableCell) => {
                self.end_cell();
                self.events.push(event);
            }
            Event::Start(Tag::Image { .. }) => {
                self.image = at;
                self.events.push(event);
            }
            Event::End(TagEnd::Image) => self.end_image(),
            event => self.events.push(event),
        }
    }

    fn markup(&mut self, html: String) {
        self.events.push(Event::InlineHtml(html.into()));
    }

    /// The text of the events from there on.
    fn text_from(&self, start: usize) -> String {
        let events = self.events.get(start..).unwrap_or_default().iter();
        let mut all = String::new();
        for event in events {
            if let Event::Text(text) | Event::Code(text) = event {
                all += text;
            }
        }
        all
    }

    /// Gives the heading an anchor; one of a section comes into the contents.
    fn end_heading(&mut self, level: HeadingLevel) {
        let Some(start) = self.heading.take() else { return };
        if level != HeadingLevel::H2 {
            return;
        }
        let text = self.text_from(start);
        let anchor = anchor(&text);
        if let Some(Event::Start(Tag::Heading { id, .. })) = self.events.get_mut(start) {
            *id = Some(anchor.clone().into());
        }
        self.sections.push((anchor, text));
    }

    /// Wraps the text of a long cell, or the verdict that a cell begins with.
    fn end_cell(&mut self) {
        let Some(start) = self.cell.take() else { return };
        if self.text_from(start).chars().count() > LONG_CELL {
            let begin = Event::InlineHtml("<span class=\"long\">".into());
            self.events.insert(start, begin);
            return self.markup("</span>".to_owned());
        }
        let Some(Event::Text(text)) = self.events.get(start) else { return };
        let classes = [(SHOWN, "shown"), (MET, "met"), (NOT_MET, "not-met")];
        let Some((class, mark, rest)) = classes
            .into_iter()
            .find_map(|(mark, class)| Some((class, mark, text.strip_prefix(mark)?.to_owned())))
        else {
            return;
        };
        let mark = format!("<span class=\"mark {class}\">{mark}</span>");
        let wrapped = [Event::InlineHtml(mark.into()), Event::Text(rest.into())];
        self.events.splice(start..=start, wrapped);
    }

    /// Puts the picture in the place of its image.
    fn end_image(&mut self) {
        let Some(start) = self.image.take() else { return };
        let alt = self.text_from(start);
        let mut events = self.events.drain(start..);
        let Some(Event::Start(Tag::Image { dest_url, .. })) = events.next() else { return };
        drop(events);
        let picture = self.pictures.iter().find(|(picture, _)| *picture.png == *dest_url);
        let Some((_, svg)) = picture else {
            return self.events.push(Event::Text(alt.into()));
        };
        let alt = escaped(&alt);
        self.markup(format!("<span class=\"plot\" role=\"img\" aria-label=\"{alt}\">{svg}</span>"));
    }
}

/// A heading's letters and digits, with hyphens between them.
fn anchor(heading: &str) -> String {
    let words = heading.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// A text that is no markup, within an element or an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(c),
        }
    }
    escaped
}
