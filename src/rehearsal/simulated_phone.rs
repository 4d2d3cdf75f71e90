//! A simulated phone that responds to the codes that `pair` shows.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;

use crate::app::{App, Stop};
use crate::config::WhatsAppServer;
pub use crate::net::simulator::{ControlError, ControlUrl};
use crate::ops::pair::{self, PairError, PairOptions, PairStep, Paired, PhoneNumber};

/// Delay before the phone reads a code, so that people can see it too.
const CAMERA: Duration = Duration::from_millis(800);

/// A code to scan or to type.
#[derive(Debug)]
pub(crate) enum Shown {
    Qr(String),
    Code(String),
}

impl Shown {
    pub(crate) fn of(step: &PairStep) -> Option<Self> {
        match step {
            PairStep::Qr { code, .. } => Some(Self::Qr(code.clone())),
            PairStep::Code { code } => Some(Self::Code(code.clone())),
            _ => None,
        }
    }
}

/// Pairs like [`pair::pair`], with a simulated phone that responds to the codes.
pub async fn pair(
    app: &App,
    options: &PairOptions,
    simulator: &ControlUrl,
    stop: &Stop,
    tell: &mut (dyn FnMut(PairStep) + Send),
) -> Result<Paired, PairError> {
    let (shown, codes) = mpsc::unbounded_channel();
    let mut tell = |step: PairStep| {
        if let Some(code) = Shown::of(&step) {
            // Sending fails if the phone has given up; pairing ends by itself in that case.
            let _ = shown.send(code);
        }
        tell(step);
    };
    let number = options.phone.as_ref().map(PhoneNumber::digits);
    let phone = answer(codes, async |code| act(simulator, number, code).await);
    tokio::select! {
        paired = pair::pair(app, options, stop, &mut tell) => paired,
        failed = phone => Err(failed.err().map_or(PairError::Expired, PairError::from)),
    }
}

/// Responds to every code with `act`, after a short delay. Returns only on an error.
pub(crate) async fn answer<E>(
    mut shown: mpsc::UnboundedReceiver<Shown>,
    mut act: impl AsyncFnMut(Shown) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(code) = shown.recv().await {
        tokio::time::sleep(CAMERA).await;
        act(code).await?;
    }
    std::future::pending().await
}

/// Makes the simulator's phone with this `number` scan or type the code.
pub(crate) async fn act(
    url: &ControlUrl,
    number: Option<&str>,
    shown: Shown,
) -> Result<(), ControlError> {
    let (path, code) = match shown {
        Shown::Qr(code) => ("/v1/scan", code),
        Shown::Code(code) => ("/v1/type-code", code),
    };
    let body = json!({"code": code, "number": number});
    url.post(path, &body).await.map(|_| ())
}

/// Asks the simulator for the address of its WhatsApp server and for the root to trust.
pub async fn server(url: &ControlUrl) -> Result<WhatsAppServer, ControlError> {
    let about = url.get("/v1").await?;
    let incomplete = || ControlError::Refused(String::from("it does not say where it listens"));
    let text = |name: &str| about[name].as_str().ok_or_else(incomplete);
    let mut root_key = [0; 32];
    hex::decode_to_slice(text("root_key")?, &mut root_key).map_err(|_| incomplete())?;
    Ok(WhatsAppServer {
        client_version: None,
        proxy: None,
        url: text("ws_url")?.to_owned(),
        root_key: Some(root_key),
        ca_file: about["ca_file"].as_str().map(Into::into),
    })
}
