//! Pairing by an eight-character code that the client shows and a person types on the phone.
//!
//! Source: whatsmeow 33cfac51 `pair-code.go` (stages, layouts and key derivations).

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::{ctr, gcm, hkdf, pbkdf2, random};
use crate::ids::Jid;
use crate::secret::Secret;
use crate::sim::error::SimError;
use crate::sim::link::LinkId;
use crate::sim::link::Peer;
use crate::sim::stanza;
use crate::sim::unpaired::ScanError;
use crate::sim::unpaired::{Hello, Typed, WRAPPED_BYTES};
use crate::sim::world::World;
use crate::wire::node::Node;

/// PBKDF2 iterations that derive a key from the code.
const ROUNDS: u32 = 131_072;
/// Salt, nonce, three keys and the tag.
const BUNDLE_BYTES: usize = 32 + 12 + 3 * 32 + 16;

impl World {
    /// Handles the two stages of the client's pairing: hello and finish.
    pub(super) fn code_stage(&mut self, link: LinkId, query: &Node, part: &Node) {
        let stage = part.attr_text("stage").unwrap_or_default();
        let done = match stage.as_ref() {
            "companion_hello" => self.code_hello(link, query, part),
            "companion_finish" => self.code_finish(link, query, part),
            _ => None,
        };
        if done.is_none() {
            let id = query.attr_text("id").unwrap_or_default();
            self.send(link, stanza::error(&id, 400, "bad-request"));
        }
    }

    fn hello(&mut self, link: LinkId) -> Option<&mut Option<Hello>> {
        match &mut self.links.get_mut(&link)?.peer {
            Peer::Unpaired(unpaired) => Some(&mut unpaired.hello),
            Peer::Device(_) | Peer::Leaving => None,
        }
    }

    fn code_hello(&mut self, link: LinkId, query: &Node, part: &Node) -> Option<()> {
        let wrapped = part.child("link_code_pairing_wrapped_companion_ephemeral_pub")?;
        let wrapped = wrapped.content_bytes()?.try_into().ok()?;
        let number = part.attr_jid("jid")?.user;
        let reference = format!("3@{}", hex::encode(random::bytes::<16>(&mut *self.random)));
        let reference = reference.into_bytes();
        *self.hello(link)? = Some(Hello {
            number,
            reference: reference.clone(),
            wrapped,
            typed: None,
        });
        let answer = Node::new("link_code_companion_reg")
            .attr("stage", "companion_hello")
            .with_child(Node::new("link_code_pairing_ref").bytes(reference));
        let id = query.attr_text("id")?;
        self.send(link, stanza::result(&id).with_child(answer));
        Some(())
    }

    /// Types the code that a client shows. A wrong code is detected only when the client answers.
    pub(super) fn type_code(&mut self, number: &str, code: &str) -> Result<(), SimError> {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let account = self.accounts.get(&Jid::user(number));
        let primary = account
            .ok_or(SimError::UnknownAccount)?
            .phone
            .identity
            .public;
        let waits = |peer: &Peer| match peer {
            Peer::Unpaired(unpaired) => unpaired
                .hello
                .as_ref()
                .is_some_and(|hello| hello.number == number && hello.typed.is_none()),
            Peer::Device(_) | Peer::Leaving => false,
        };
        let waiting = self.links.iter().filter(|(_, open)| waits(&open.peer));
        let link = waiting.map(|(link, _)| *link).max();
        let link = link.ok_or(ScanError::UnknownReference)?;
        let ephemeral = KeyPair::generate(&mut *self.random);
        let salt: [u8; 32] = random::bytes(&mut *self.random);
        let counter: [u8; 16] = random::bytes(&mut *self.random);
        let mut public = *ephemeral.public.as_bytes();
        ctr::apply(code_key(&code, &salt).expose(), &counter, &mut public);
        let wrapped = [&salt[..], &counter, &public].concat();
        let Some(Some(hello)) = self.hello(link) else {
            return Err(ScanError::UnknownReference.into());
        };
        let companion = unwrap(&hello.wrapped, &code);
        hello.typed = Some(Typed {
            ephemeral,
            companion,
        });
        let part = Node::new("link_code_companion_reg")
            .attr("stage", "primary_hello")
            .with_children([
                Node::new("link_code_pairing_ref").bytes(hello.reference.clone()),
                Node::new("primary_identity_pub").bytes(*primary.as_bytes()),
                Node::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(wrapped),
            ]);
        let (id, t) = (self.take_id(), self.unix_s());
        let news = stanza::notification(id, &Jid::server(), "link_code_companion_reg", t);
        self.send(link, news.with_child(part));
        Ok(())
    }

    fn code_finish(&mut self, link: LinkId, query: &Node, part: &Node) -> Option<()> {
        let bundle = part.child("link_code_pairing_wrapped_key_bundle")?;
        let bundle: &[u8; BUNDLE_BYTES] = bundle.content_bytes()?.try_into().ok()?;
        let hello = self.hello(link)?.as_mut()?;
        let typed = hello.typed.take()?;
        let number = hello.number.clone();
        let Some(Peer::Unpaired(unpaired)) = self.links.get(&link).map(|open| &open.peer) else {
            return None;
        };
        let identity = unpaired.keys.identity;
        let shared = typed.ephemeral.private.agree(&typed.companion).ok()?;
        let (salt, rest) = bundle.split_first_chunk::<32>()?;
        let (nonce, sealed) = rest.split_first_chunk::<12>()?;
        let info = b"link_code_pairing_key_bundle_encryption_key";
        let key: Secret<32> = hkdf::derive(salt, shared.expose(), info);
        let opened = gcm::open(key.expose(), nonce, b"", sealed).ok()?;
        let account = Jid::user(&number);
        let own = self.accounts.get(&account)?.phone.identity.clone();
        let [theirs, ours, chance] = [0, 32, 64].map(|at| opened.get(at..at + 32));
        if theirs? != identity.as_bytes() || ours? != own.public.as_bytes() {
            return None;
        }
        let agreed = own.private.agree(&identity).ok()?;
        let material = [&shared.expose()[..], agreed.expose(), chance?].concat();
        let secret: Secret<32> = hkdf::derive(b"", &material, b"adv_secret");
        let id = query.attr_text("id")?;
        self.send(link, stanza::result(&id));
        self.offer(link, &account, &identity, &secret).ok()?;
        Some(())
    }
}

fn code_key(code: &str, salt: &[u8]) -> Secret<32> {
    pbkdf2::derive(code.as_bytes(), salt, ROUNDS)
}

/// Unwraps the client's ephemeral key. A wrong code gives a wrong key, not an error.
fn unwrap(wrapped: &[u8; WRAPPED_BYTES], code: &str) -> PublicKey {
    let (salt, rest) = wrapped.split_at(32);
    let (counter, sealed) = rest.split_at(16);
    let (mut block, mut key) = ([0; 16], [0; 32]);
    block.copy_from_slice(counter);
    key.copy_from_slice(sealed);
    ctr::apply(code_key(code, salt).expose(), &block, &mut key);
    PublicKey(key)
}
