//! Nodes, the elements of stanzas.

use std::borrow::Cow;

use crate::ids::{Jid, MessageId};

/// One element: a tag, ordered attributes, and content.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Node {
    /// The name of the element.
    pub tag: String,
    /// The attributes in wire order.
    pub attrs: Vec<(String, Value)>,
    /// The content.
    pub content: Content,
}

/// The value of an attribute. Addresses have their own wire form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any value that is not an address.
    Text(String),
    /// An address.
    Jid(Jid),
}

/// The content of an element.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Content {
    /// No content.
    #[default]
    None,
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Text that was sent as a dictionary word or as packed digits.
    Text(String),
    /// Child elements.
    Nodes(Vec<Node>),
}

impl Node {
    /// Creates an element without attributes and content.
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

    /// Adds an attribute if `value` is `Some`.
    #[must_use]
    pub fn attr_opt(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Sets an attribute and replaces an earlier one of that name.
    pub fn set_attr(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.attrs.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.attrs.push((name.to_owned(), value)),
        }
    }

    /// Removes an attribute.
    pub fn remove_attr(&mut self, name: &str) {
        self.attrs.retain(|(key, _)| key != name);
    }

    /// Adds a child. Replaces content that is not a list of elements.
    #[must_use]
    pub fn with_child(mut self, child: Node) -> Self {
        self.push(child);
        self
    }

    /// Adds children. Replaces content that is not a list of elements.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        for child in children {
            self.push(child);
        }
        self
    }

    /// Adds a child. Replaces content that is not a list of elements.
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

    /// Returns the value of an attribute.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.attrs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Returns an attribute as text; an address in its text form.
    pub fn attr_text(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match self.value(name)? {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Jid(jid) => Cow::Owned(jid.to_string()),
        })
    }

    /// Returns whether the attribute exists with exactly this text.
    pub fn attr_is(&self, name: &str, text: &str) -> bool {
        self.attr_text(name).is_some_and(|found| found == text)
    }

    /// Returns an attribute as an address, from either wire form.
    pub fn attr_jid(&self, name: &str) -> Option<Jid> {
        match self.value(name)? {
            Value::Jid(jid) => Some(jid.clone()),
            Value::Text(text) => text.parse().ok(),
        }
    }

    /// Returns an attribute as a decimal number.
    pub fn attr_u64(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Text(text) => text.parse().ok(),
            Value::Jid(_) => None,
        }
    }

    /// Returns the attribute `id` as a message id.
    pub fn message_id(&self) -> Option<MessageId> {
        self.attr_text("id")?.parse().ok()
    }

    /// Returns the first child with this tag.
    pub fn child(&self, tag: &str) -> Option<&Node> {
        self.children().iter().find(|child| child.tag == tag)
    }

    /// Returns the children; empty if the content is something else.
    pub fn children(&self) -> &[Node] {
        match &self.content {
            Content::Nodes(nodes) => nodes,
            _ => &[],
        }
    }

    /// Returns the children with this tag.
    pub fn children_named<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children().iter().filter(move |child| child.tag == tag)
    }

    /// Returns the content as bytes, from either wire form.
    pub fn content_bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Text(text) => Some(text.as_bytes()),
            Content::None | Content::Nodes(_) => None,
        }
    }

    /// Returns the content as text if it is UTF-8.
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
