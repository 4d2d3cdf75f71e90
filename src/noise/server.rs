//! The server side: XX for new clients, IK for clients that know the server's key, and XXfallback
//! for clients that know an old key.

use prost::Message;
use wmctl_proto::handshake::HandshakeMessage;
use wmctl_proto::handshake::handshake_message::{ClientHello, ServerHello};

use super::HandshakeError;
use super::state::{IK, Side, SymmetricState, XX, XX_FALLBACK, clear_key};
use super::transport::Transport;
use crate::crypto::curve::{KeyPair, PublicKey};

/// A server that waits for the client's hello.
pub struct Responder<'a> {
    /// The server's static key.
    pub pair: &'a KeyPair,
    /// A key that must be fresh for each handshake.
    pub ephemeral: KeyPair,
    /// The certificate chain of `pair`, from [`super::cert::build`].
    pub chain: &'a [u8],
    /// The bytes that clients send before their first frame.
    pub prologue: &'a [u8],
}

/// The server's answer to the client's hello.
pub struct Answer {
    /// The message to send.
    pub reply: Vec<u8>,
    /// The next step.
    pub next: Next,
}

/// The step after the server's hello.
pub enum Next {
    /// The client resumed; the link is open.
    Open(Box<Accepted>),
    /// The client's last message is still missing.
    Finish(Unfinished),
}

/// An accepted client.
#[derive(Debug)]
pub struct Accepted {
    /// The client's proven static key.
    pub client: PublicKey,
    /// The client's `ClientPayload`.
    pub payload: Vec<u8>,
    /// The open link.
    pub transport: Transport,
}

/// A server that waits for the client's finish.
pub struct Unfinished {
    state: SymmetricState,
    ephemeral: KeyPair,
}

impl Responder<'_> {
    /// Answers the client's hello for any of the three handshakes.
    pub fn read_client_hello(self, message: &[u8]) -> Result<Answer, HandshakeError> {
        let hello = HandshakeMessage::decode(message)
            .map_err(|_| HandshakeError::Malformed)?
            .client_hello
            .ok_or(HandshakeError::Missing {
                part: "client hello",
            })?;
        let client_ephemeral = clear_key(hello.ephemeral.as_ref(), "ephemeral key")?;
        match (&hello.r#static, &hello.payload) {
            (Some(sealed_static), Some(sealed_payload)) => {
                match self.open_resumption(&client_ephemeral, sealed_static, sealed_payload) {
                    Ok(resumption) => self.resume(&client_ephemeral, resumption),
                    Err(HandshakeError::Forged) => self.greet(XX_FALLBACK, &hello),
                    Err(error) => Err(error),
                }
            }
            _ => self.greet(XX, &hello),
        }
    }

    /// Answers with the server's message of XX and XXfallback.
    fn greet(self, name: &[u8], hello: &ClientHello) -> Result<Answer, HandshakeError> {
        let client_ephemeral = clear_key(hello.ephemeral.as_ref(), "ephemeral key")?;
        let mut state = SymmetricState::new(name, self.prologue);
        state.mix_hash(client_ephemeral.as_bytes());
        state.mix_hash(self.ephemeral.public.as_bytes());
        state.agree(&self.ephemeral.private, &client_ephemeral)?;
        let sealed_static = state.seal(self.pair.public.as_bytes());
        state.agree(&self.pair.private, &client_ephemeral)?;
        let sealed_chain = state.seal(self.chain);
        let reply = server_hello(&self.ephemeral.public, Some(sealed_static), sealed_chain);
        let next = Next::Finish(Unfinished {
            state,
            ephemeral: self.ephemeral,
        });
        Ok(Answer { reply, next })
    }

    /// Decrypts the first message of IK. Fails if the client does not know our current key.
    fn open_resumption(
        &self,
        client_ephemeral: &PublicKey,
        sealed_static: &[u8],
        sealed_payload: &[u8],
    ) -> Result<Resumption, HandshakeError> {
        let mut state = SymmetricState::new(IK, self.prologue);
        state.mix_hash(self.pair.public.as_bytes());
        state.mix_hash(client_ephemeral.as_bytes());
        state.agree(&self.pair.private, client_ephemeral)?;
        let client = state.open_key(sealed_static)?;
        state.agree(&self.pair.private, &client)?;
        let payload = state.open(sealed_payload)?;
        Ok(Resumption {
            state,
            client,
            payload,
        })
    }

    /// Answers with the second and last message of IK.
    fn resume(
        self,
        client_ephemeral: &PublicKey,
        resumption: Resumption,
    ) -> Result<Answer, HandshakeError> {
        let Resumption {
            mut state,
            client,
            payload,
        } = resumption;
        state.mix_hash(self.ephemeral.public.as_bytes());
        state.agree(&self.ephemeral.private, client_ephemeral)?;
        state.agree(&self.ephemeral.private, &client)?;
        let sealed_chain = state.seal(self.chain);
        let reply = server_hello(&self.ephemeral.public, None, sealed_chain);
        let transport = state.split(Side::Server);
        Ok(Answer {
            reply,
            next: Next::Open(Box::new(Accepted {
                client,
                payload,
                transport,
            })),
        })
    }
}

impl Unfinished {
    /// Reads the client's last handshake message.
    pub fn read_client_finish(self, message: &[u8]) -> Result<Accepted, HandshakeError> {
        let Self {
            mut state,
            ephemeral,
        } = self;
        let finish = HandshakeMessage::decode(message)
            .map_err(|_| HandshakeError::Malformed)?
            .client_finish
            .ok_or(HandshakeError::Missing {
                part: "client finish",
            })?;
        let sealed_static = finish
            .r#static
            .ok_or(HandshakeError::Missing { part: "static key" })?;
        let sealed_payload = finish
            .payload
            .ok_or(HandshakeError::Missing { part: "payload" })?;
        let client = state.open_key(&sealed_static)?;
        state.agree(&ephemeral.private, &client)?;
        let payload = state.open(&sealed_payload)?;
        Ok(Accepted {
            client,
            payload,
            transport: state.split(Side::Server),
        })
    }
}

/// The content of a first IK message.
struct Resumption {
    state: SymmetricState,
    client: PublicKey,
    payload: Vec<u8>,
}

fn server_hello(
    ephemeral: &PublicKey,
    sealed_static: Option<Vec<u8>>,
    sealed_chain: Vec<u8>,
) -> Vec<u8> {
    let hello = ServerHello {
        ephemeral: Some(ephemeral.as_bytes().to_vec()),
        r#static: sealed_static,
        payload: Some(sealed_chain),
    };
    HandshakeMessage {
        server_hello: Some(hello),
        ..HandshakeMessage::default()
    }
    .encode_to_vec()
}
