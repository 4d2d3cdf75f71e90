//! Pairing: how a client becomes a companion of an account.
//!
//! Source: whatsmeow 33cfac51 `pair.go` (stanzas, QR code).

use crate::sim::unpaired::{Linked, Offer, ScanError, Unpaired};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message as _;
use wmctl_proto::handshake::DeviceProps;
use wmctl_proto::handshake::client_payload::DevicePairingRegistrationData;

use crate::crypto::curve::PublicKey;
use crate::crypto::random;
use crate::crypto::xeddsa;
use crate::ids::Jid;
use crate::secret::Secret;
use crate::sim::accounts::Device;
use crate::sim::error::SimError;
use crate::sim::link::LinkId;
use crate::sim::link::Peer;
use crate::sim::published::{DeviceLabel, Published, SignedKey};
use crate::sim::stanza;
use crate::sim::world::World;
use crate::wire::node::Node;

/// References that a client may show one after another.
const REFS: usize = 6;
const REF_BYTES: usize = 24;
/// Prefix of the newer QR code format: a URL with the usual parts as its fragment.
const QR_PREFIX: &str = "https://wa.me/settings/linked_devices#";

/// The parts of a QR code that the phone needs.
struct Code<'a> {
    reference: &'a str,
    noise: PublicKey,
    identity: PublicKey,
    adv_secret: Secret<32>,
}

impl<'a> Code<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
        let mut parts = text.split(',');
        let reference = parts.next()?;
        let mut bytes = || BASE64.decode(parts.next()?).ok();
        Some(Self {
            reference,
            noise: PublicKey::from_slice(&bytes()?)?,
            identity: PublicKey::from_slice(&bytes()?)?,
            adv_secret: Secret::from_slice(&bytes()?)?,
        })
    }
}

impl World {
    /// Offers pairing references to an unpaired client, or refuses it if its keys are invalid.
    pub(super) fn begin_pairing(
        &mut self,
        link: LinkId,
        noise: PublicKey,
        data: &DevicePairingRegistrationData,
    ) {
        let Some(keys) = registration(data) else {
            return self.dismiss(link, Some(stanza::failure(400)));
        };
        let fresh = |_| BASE64.encode(random::bytes::<REF_BYTES>(&mut *self.random));
        let refs: Vec<String> = (0..REFS)
            .map(fresh)
            .map(|text| format!("2@{text}"))
            .collect();
        let nodes = refs
            .iter()
            .map(|text| Node::new("ref").bytes(text.as_bytes()));
        let offer = Node::new("pair-device").with_children(nodes);
        if let Some(open) = self.links.get_mut(&link) {
            open.peer = Peer::Unpaired(Box::new(Unpaired {
                refs,
                noise,
                keys,
                looks: looks(data),
                offer: None,
                hello: None,
            }));
        }
        let query = stanza::set(self.take_id()).attr("xmlns", "md");
        self.send(link, query.with_child(offer));
    }

    /// Scans a QR code with the phone of that number.
    pub(super) fn scan(&mut self, number: &str, text: &str) -> Result<Jid, SimError> {
        let code = Code::parse(text.trim()).ok_or(ScanError::Malformed)?;
        let shows = |unpaired: &Unpaired| unpaired.refs.iter().any(|r| r == code.reference);
        let found = self.links.iter().find_map(|(link, open)| match &open.peer {
            Peer::Unpaired(unpaired) if shows(unpaired) => Some((*link, unpaired)),
            _ => None,
        });
        let (link, unpaired) = found.ok_or(ScanError::UnknownReference)?;
        if unpaired.noise != code.noise || unpaired.keys.identity != code.identity {
            return Err(ScanError::OtherKeys.into());
        }
        self.offer(link, &Jid::user(number), &code.identity, &code.adv_secret)
    }

    /// Sends the phone's signature to a client.
    pub(super) fn offer(
        &mut self,
        link: LinkId,
        account: &Jid,
        companion: &PublicKey,
        adv_secret: &Secret<32>,
    ) -> Result<Jid, SimError> {
        let (id, now_s) = (self.take_id(), self.unix_s());
        let account = self
            .accounts
            .get_mut(account)
            .ok_or(SimError::UnknownAccount)?;
        let number = account.take_device_number().ok_or(ScanError::Full)?;
        let (jid, lid) = (account.pn(number), account.lid(number));
        let key_index = u32::from(number);
        let signed = account.phone.sign_companion(
            companion,
            key_index,
            now_s,
            adv_secret.expose(),
            &mut *self.random,
        );
        let success = Node::new("pair-success")
            .with_child(Node::new("device-identity").bytes(signed.outer))
            .with_child(Node::new("device").attr("jid", &jid).attr("lid", lid))
            .with_child(Node::new("platform").attr("name", "android"))
            .with_child(Node::new("biz").attr("name", &account.name));
        if let Some(Peer::Unpaired(unpaired)) = self.links.get_mut(&link).map(|l| &mut l.peer) {
            unpaired.offer = Some(Offer {
                id: id.to_string(),
                jid: jid.clone(),
                key_index,
                details: signed.details,
            });
        }
        self.send(link, stanza::set(id).with_child(success));
        Ok(jid)
    }

    /// Handles a stanza from an unpaired client.
    pub(super) fn receive_unpaired(&mut self, link: LinkId, node: &Node) {
        if node.tag != "iq" {
            return;
        }
        if node.attr_is("type", "get") {
            let id = node.attr_text("id").unwrap_or_default();
            return self.send(link, stanza::result(&id));
        }
        if let Some(answer) = node.child("pair-device-sign") {
            self.finish_pairing(link, node, answer);
        } else if let Some(part) = node.child("link_code_companion_reg") {
            self.code_stage(link, node, part);
        }
    }

    /// Adds a companion that was linked to the same account on another simulator or in an earlier
    /// run. It may log in and must upload new one-time pre-keys.
    pub(super) fn adopt(&mut self, linked: Linked) -> Result<(), SimError> {
        let (id, public, signature) = linked.signed;
        if !xeddsa::verify(&linked.identity, &public.to_signal(), &signature) {
            return Err(SimError::Unsigned);
        }
        let account = self.accounts.get_mut(&linked.jid);
        let account = account.ok_or(SimError::UnknownAccount)?;
        let number = linked.jid.device;
        if number == 0 || account.devices.contains_key(&number) {
            return Err(SimError::DeviceTaken);
        }
        let keys = Published {
            registration_id: linked.registration_id,
            identity: linked.identity,
            signed: SignedKey {
                id,
                public,
                signature,
            },
        };
        let key_index = u32::from(number);
        account.adopt(number, Device::new(Some(linked.noise), key_index, keys));
        self.tell_devices(&linked.jid, "add", key_index);
        Ok(())
    }

    fn finish_pairing(&mut self, link: LinkId, node: &Node, answer: &Node) {
        let Some(Peer::Unpaired(unpaired)) = self.links.get(&link).map(|open| &open.peer) else {
            return;
        };
        let Some(offer) = unpaired.offer.clone() else {
            return;
        };
        let identity = answer.child("device-identity");
        let bytes = identity.and_then(Node::content_bytes).unwrap_or_default();
        let index = identity.and_then(|node| node.attr_u64("key-index"));
        let (noise, keys) = (unpaired.noise, unpaired.keys.clone());
        let looks = unpaired.looks.clone();
        let account = self.accounts.get_mut(&offer.jid);
        let signed =
            account.filter(|account| account.phone.accepts(&keys.identity, &offer.details, bytes));
        let Some(account) = signed
            .filter(|_| index == Some(u64::from(offer.key_index)) && node.attr_is("id", &offer.id))
        else {
            return self.dismiss(link, Some(stanza::stream_error(401)));
        };
        let mut device = Device::new(Some(noise), offer.key_index, keys);
        device.looks = looks;
        account.devices.insert(offer.jid.device, device);
        self.dismiss(link, Some(stanza::stream_error(515)));
        self.tell_devices(&offer.jid, "add", offer.key_index);
    }
}

/// Returns the client's name and platform. The name is empty if the client sends none.
fn looks(data: &DevicePairingRegistrationData) -> DeviceLabel {
    let props = data.device_props.as_deref().unwrap_or_default();
    let props = DeviceProps::decode(props).unwrap_or_default();
    DeviceLabel {
        platform: props.platform_type().as_str_name().to_lowercase(),
        name: props.os.unwrap_or_default(),
    }
}

/// Returns the keys that the client registers, or `None` if one is missing or not signed.
fn registration(data: &DevicePairingRegistrationData) -> Option<Published> {
    let number = |bytes: &Option<Vec<u8>>| super::queries::number(bytes.as_deref()?);
    let identity = PublicKey::from_slice(data.e_ident.as_deref()?)?;
    let public = PublicKey::from_slice(data.e_skey_val.as_deref()?)?;
    let signature: [u8; 64] = data.e_skey_sig.as_deref()?.try_into().ok()?;
    if !xeddsa::verify(&identity, &public.to_signal(), &signature) {
        return None;
    }
    Some(Published {
        registration_id: number(&data.e_regid)?,
        identity,
        signed: SignedKey {
            id: number(&data.e_skey_id)?,
            public,
            signature,
        },
    })
}
