//! Nodes: what a stanza is made of.

use std::borrow::Cow;

use crate::ids::{Jid, MessageId};

/// One element: a tag, attributes in order, and content.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Node {
    /// The name of the element.
    pub tag: String,
    /// Attributes in the order of the wire.
    pub attrs: Vec<(String, Value)>,
    /// What stands inside.
    pub content: Content,
}

/// The value of an attribute. Addresses have a form of their own on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Anything that is not an address.
    Text(String),
    /// An address.
    Jid(Jid),
}

/// What stands inside an element.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    None,
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Bytes that travelled as a dictionary word or packed digits.
    Text(String),
    /// Further elements.
    Nodes(Vec<Node>),
}

impl Node {
    /// An element without attributes and content.
    pub fn new(tag: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            ..Self::default()
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }

    /// Adds an attribute if there is a value for it.
    #[must_use]
    pub fn attr_opt(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Sets an attribute, in place of an earlier one of that name.
    pub fn set_attr(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.attrs.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.attrs.push((name.to_owned(), value)),
        }
    }

    /// Takes an attribute out.
    pub fn remove_attr(&mut self, name: &str) {
        self.attrs.retain(|(key, _)| key != name);
    }

    /// Adds an element inside, in place of content that is no elements.
    #[must_use]
    pub fn with_child(mut self, child: Node) -> Self {
        self.push(child);
        self
    }

    /// Adds elements inside, in place of content that is no elements.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        for child in children {
            self.push(child);
        }
        self
    }

    /// Adds an element inside, in place of content that is no elements.
    pub fn push(&mut self, child: Node) {
        match &mut self.content {
            Content::Nodes(nodes) => nodes.push(child),
            other => *other = Content::Nodes(vec![child]),
        }
    }

    /// Sets raw bytes as content.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// The value of an attribute.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.attrs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// An attribute as text; addresses in their text form.
    pub fn attr_text(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match self.value(name)? {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Jid(jid) => Cow::Owned(jid.to_string()),
        })
    }

    /// Whether the attribute is there with exactly this text.
    pub fn attr_is(&self, name: &str, text: &str) -> bool {
        self.attr_text(name).is_some_and(|found| found == text)
    }

    /// An attribute as an address, whichever way it travelled.
    pub fn attr_jid(&self, name: &str) -> Option<Jid> {
        match self.value(name)? {
            Value::Jid(jid) => Some(jid.clone()),
            Value::Text(text) => text.parse().ok(),
        }
    }

    /// An attribute as a decimal number.
    pub fn attr_u64(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Text(text) => text.parse().ok(),
            Value::Jid(_) => None,
        }
    }

    /// The attribute `id` as the id of a message.
    pub fn message_id(&self) -> Option<MessageId> {
        self.attr_text("id")?.parse().ok()
    }

    /// The first element inside with that tag.
    pub fn child(&self, tag: &str) -> Option<&Node> {
        self.children().iter().find(|child| child.tag == tag)
    }

    /// The elements inside; none where the content is something else.
    pub fn children(&self) -> &[Node] {
        match &self.content {
            Content::Nodes(nodes) => nodes,
            _ => &[],
        }
    }

    /// The elements inside with that tag.
    pub fn children_named<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children().iter().filter(move |child| child.tag == tag)
    }

    /// The content as bytes, whichever way they travelled.
    pub fn content_bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Text(text) => Some(text.as_bytes()),
            Content::None | Content::Nodes(_) => None,
        }
    }

    /// The content as text, if it is UTF-8.
    pub fn content_text(&self) -> Option<&str> {
        std::str::from_utf8(self.content_bytes()?).ok()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<Jid> for Value {
    fn from(jid: Jid) -> Self {
        Self::Jid(jid)
    }
}

impl From<&Jid> for Value {
    fn from(jid: &Jid) -> Self {
        Self::Jid(jid.clone())
    }
}

impl From<&MessageId> for Value {
    fn from(id: &MessageId) -> Self {
        Self::Text(id.as_str().to_owned())
    }
}

impl From<MessageId> for Value {
    fn from(id: MessageId) -> Self {
        Self::from(&id)
    }
}

macro_rules! value_from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::Text(number.to_string())
            }
        }
    )*};
}

value_from_number!(u8, u16, u32, u64, usize, i32, i64);
