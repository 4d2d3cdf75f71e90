//! Identifies the actor of a change, for the audit log.

use crate::app::App;
use crate::crypto::random;
use crate::ids::TenantId;
use crate::store::tenants::api_keys::Audit;

/// The person or API key that makes a change, and the request that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditActor {
    /// Name of the API key or of the local user.
    pub name: String,
    /// Id of the HTTP request, if it is one.
    pub request_id: Option<String>,
}

impl AuditActor {
    /// Returns the local user, who has direct database access and needs no API key.
    pub fn of_user() -> Self {
        Self {
            name: format!("user {}", whoami::username().unwrap_or_default()),
            request_id: None,
        }
    }
}

impl App {
    /// Builds an audit row for a change that is made now.
    pub(crate) fn audit(
        &self,
        actor: &AuditActor,
        action: &'static str,
        tenant: Option<&TenantId>,
        detail: String,
    ) -> Audit {
        let at_ms = self.surroundings.clock.unix_ms();
        let noise: [u8; 8] = random::bytes(&mut *self.surroundings.entropy.random());
        Audit {
            id: format!("{at_ms:013x}{}", hex::encode(noise)),
            at_ms,
            actor: actor.name.clone(),
            action,
            tenant: tenant.cloned(),
            detail,
            request_id: actor.request_id.clone(),
        }
    }
}
