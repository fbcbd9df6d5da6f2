//! XML from strangers, as a small tree: elements by local name, attributes, text.
//!
//!     bytes ─► UTF-8? size? ─► quick-xml ─► no DOCTYPE, five named entities, limits ─► Element
//!
//! There is no way to declare an entity, so none can be expanded and none can be fetched. Every measure of a document has a
//! limit with a name. Namespaces are not looked at: the documents that are read here have one, and senders spell its prefix as they
//! like. A refusal names line and column and repeats nothing of the document.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use crate::refusals::Fault;

/// Most bytes of one document.
pub const DOCUMENT_BYTES_MAX: usize = 5 << 20;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;
/// Most elements.
const ELEMENTS_MAX: usize = 200_000;
/// Most attributes of one element.
const ATTRIBUTES_MAX: usize = 64;

/// Why bytes are no document that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct Malformed {
    /// Line, from 1.
    pub line: usize,
    /// Byte of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

impl Malformed {
    /// Where a document is refused for it, and how.
    pub(crate) fn fault(&self) -> (u64, Fault) {
        (u64::try_from(self.line).unwrap_or(u64::MAX), Fault::new("document", self))
    }
}

/// An element with everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name without prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// Its own text, trimmed.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Every child of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the element at a path below this one; none where it is empty or not there.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        let found = path.iter().try_fold(self, |element, name| element.child(name))?;
        Some(found.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Every element of that name, however deep, in order of the document.
    pub(crate) fn descendants<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found: Vec<&Self> = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.descendants(name));
        }
        found
    }
}

/// Reads one document.
///
/// # Errors
/// It is no well-formed UTF-8 XML, declares a document type, or exceeds a limit.
pub(crate) fn read(bytes: &[u8]) -> Result<Element, Malformed> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(malformed("", 0, format_args!("{} bytes; a document has at most {DOCUMENT_BYTES_MAX}", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|problem| {
        let valid = std::str::from_utf8(&bytes[..problem.valid_up_to()]).unwrap_or_default();
        malformed(valid, valid.len(), "not UTF-8")
    })?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut reading = Reading { open: Vec::new(), root: None, elements: 0 };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        let event = reader.read_event().map_err(|_| malformed(text, at, "not well-formed"))?;
        if matches!(event, Event::Eof) {
            return reading.finish().map_err(|problem| malformed(text, text.len(), problem));
        }
        reading.take(event).map_err(|problem| malformed(text, at, problem))?;
    }
}

/// The place of a byte in a text.
fn malformed(text: &str, at: usize, problem: impl std::fmt::Display) -> Malformed {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    Malformed { line, column, problem: problem.to_string() }
}

/// A document while it is read.
struct Reading {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => {
                let element = self.element(&start)?;
                if self.open.len() >= DEPTH_MAX {
                    return Err(format!("elements nested deeper than {DEPTH_MAX}"));
                }
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.element(&start)?;
                self.close(element);
            }
            Event::End(_) => {
                let element = self.open.pop().ok_or("an end without a beginning")?;
                self.close(element);
            }
            Event::Text(text) => self.write(&text.into_inner())?,
            Event::CData(text) => self.write(&text.into_inner())?,
            Event::GeneralRef(name) => {
                let name = format!("&{};", name.into_inner());
                let character = unescape(&name).map_err(|_| "an entity that is none of the five of XML")?;
                self.write(&character)?;
            }
            Event::DocType(_) => return Err("a document type declaration".to_owned()),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|_| "a declaration of no form")?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err("an encoding other than UTF-8".to_owned());
                }
            }
            Event::Comment(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, String> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(format!("more than {ELEMENTS_MAX} elements"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second root element".to_owned());
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| "an attribute of no form, or twice")?;
            if attributes.len() >= ATTRIBUTES_MAX {
                return Err(format!("more than {ATTRIBUTES_MAX} attributes"));
            }
            let value = unescape(&attribute.value).map_err(|_| "an entity that is none of the five of XML")?;
            attributes.push((local(attribute.key.as_ref()), value.into_owned()));
        }
        Ok(Element { name: local(start.name().as_ref()), attributes, text: String::new(), children: Vec::new() })
    }

    fn close(&mut self, mut element: Element) {
        element.text = element.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().trim_start_matches('\u{feff}').is_empty() => {}
            None => return Err("text outside the root element".to_owned()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, &'static str> {
        if self.open.is_empty() { self.root.ok_or("no element") } else { Err("the document ends inside an element") }
    }
}

/// A name without its prefix.
fn local(name: &str) -> String {
    name.rsplit_once(':').map_or(name, |(_, local)| local).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &[u8]) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_document_is_a_tree() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<n:a x=\"1 &amp; 2\"><!-- no --><b> <![CDATA[<c>]]>&lt;&#65; </b><b/></n:a>";
        let root = read(text.as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("x"), root.all("b").count()), ("a", Some("1 & 2"), 2));
        assert_eq!((root.text_at(&["b"]), root.text_at(&["c"])), (Some("<c><A"), None));
    }

    #[test]
    fn bombs_and_outsiders_are_refused_with_their_place() {
        let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY l2 \"&lol;&lol;\">]>\n<a>&l2;</a>";
        assert_eq!(refused(laughs.as_bytes()), "line 2, column 1: a document type declaration");
        let outside = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
        assert_eq!(refused(outside.as_bytes()), "line 1, column 1: a document type declaration");
        assert_eq!(refused(b"<a>\n &secret;</a>"), "line 2, column 2: an entity that is none of the five of XML");
        assert_eq!(refused(b"<a x='&secret;'/>"), "line 1, column 1: an entity that is none of the five of XML");
        assert_eq!(refused(b"<a>\n<b>\xff</b></a>"), "line 2, column 4: not UTF-8");
        assert_eq!(refused(b"<?xml version='1.0' encoding='UTF-16'?><a/>"), "line 1, column 1: an encoding other than UTF-8");
    }

    #[test]
    fn every_measure_has_its_limit() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        assert!(refused(deep.as_bytes()).ends_with("elements nested deeper than 64"));
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        assert!(refused(wide.as_bytes()).ends_with("more than 200000 elements"));
        let many: String = (0..=ATTRIBUTES_MAX).map(|n| format!(" x{n}=''")).collect();
        assert!(refused(format!("<a{many}/>").as_bytes()).ends_with("more than 64 attributes"));
        assert!(refused(&vec![b' '; DOCUMENT_BYTES_MAX + 1]).contains("a document has at most"));
        for (text, problem) in [
            ("", "no element"),
            ("<a>", "the document ends inside an element"),
            ("<a></b>", "not well-formed"),
            ("<a/><b/>", "a second root element"),
            ("<a/>x", "text outside the root element"),
            ("<a x='1' x='2'/>", "an attribute of no form, or twice"),
        ] {
            assert!(refused(text.as_bytes()).ends_with(problem), "{text}: {}", refused(text.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_markup_is_read_or_refused(text in "(<[a-c:]{1,3}( x='[&;a-z]{0,4}')?/?>|</[a-c]>|&[a-z#0-9]{1,4};|<!DOCTYPE|<!\\[CDATA\\[|\\]\\]>|<!--|-->|[a-z é]){0,30}") {
            if let Err(problem) = read(text.as_bytes()) {
                prop_assert!(problem.line >= 1 && problem.column <= text.len() + 1);
            }
        }
    }
}
