//! Nodes as XML for trace logs. Content and long values are hidden, so logs contain no keys and no
//! text.

use std::fmt;

use crate::wire::node::{Content, Node, Value};

/// Maximum length of a shown attribute value, in bytes.
const VALUE_CHARS_MAX: usize = 80;

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.tag.escape_default())?;
        for (name, value) in &self.attrs {
            let text = match value {
                Value::Text(text) if text.len() <= VALUE_CHARS_MAX => text.clone(),
                Value::Text(text) => format!("({} bytes)", text.len()),
                Value::Jid(jid) => jid.to_string(),
            };
            write!(
                f,
                " {}=\"{}\"",
                name.escape_default(),
                text.escape_default()
            )?;
        }
        match &self.content {
            Content::None => return f.write_str("/>"),
            Content::Bytes(bytes) => write!(f, "><!-- {} bytes -->", bytes.len())?,
            Content::Text(text) => write!(f, "><!-- {} bytes -->", text.len())?,
            Content::Nodes(nodes) => {
                f.write_str(">")?;
                for node in nodes {
                    node.fmt(f)?;
                }
            }
        }
        write!(f, "</{}>", self.tag.escape_default())
    }
}
