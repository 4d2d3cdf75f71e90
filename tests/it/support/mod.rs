//! Support for several tests: other programs as child processes that exchange lines of JSON.

pub(crate) mod baileys;
pub(crate) mod disk;
pub(crate) mod front;
pub(crate) mod frozen;
pub(crate) mod http;
pub(crate) mod meow;
pub(crate) mod network;
pub(crate) mod oracle;
pub(crate) mod ours;
pub(crate) mod patroni;
pub(crate) mod pooler;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod receiver;
pub(crate) mod records;
pub(crate) mod rows;
pub(crate) mod stage;
pub(crate) mod tap;
pub(crate) mod terminal;
pub(crate) mod wait;
pub(crate) mod whatsmeow;
pub(crate) mod wmctl;
pub(crate) mod world;

/// Reads a number from the environment, for soak tests.
pub(crate) fn number(name: &str, otherwise: u32) -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever runs the test"
    )]
    let text = std::env::var(name);
    text.map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}
