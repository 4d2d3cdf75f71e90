//! Why the rows of a database cannot be used, in the terms of whoever has to mend it.

use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::store::error::StoreError;

/// Why the rows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The schema has to be brought up to date first.
    #[error("schema of the database is at {found}, this binary needs {wanted}")]
    Schema { found: i64, wanted: i64 },
    /// The account is run by another process.
    #[error("{tenant} is run by another process")]
    Held {
        tenant: TenantId,
        holder: Option<String>,
    },
    /// The epoch of the tenant's lease cannot rise any more.
    #[error(
        "the epoch of the lease of {tenant} cannot rise any more, so that nobody can run it: \
         somebody has set it by hand"
    )]
    EpochSpent { tenant: TenantId },
    /// The file of an embedded database cannot be opened or made.
    #[error("{0}")]
    File(String),
    /// The database cannot hold every character.
    #[error("{0}")]
    Encoding(String),
    /// The server takes no writes for now.
    #[error("{0}")]
    ReadOnly(String),
    /// The tables are somebody else's; what to do instead.
    #[error("{message}")]
    NotOurs { message: String, hint: &'static str },
    /// A role of the server that may not see the tenant; what to do instead.
    #[error("{message}")]
    OutOfReach { message: String, hint: &'static str },
    /// The server refused the login, or has no such database.
    #[error("{0}")]
    Login(String),
    /// The connection is not encrypted as it has to be, or the server is not who it should be.
    #[error("{0}")]
    Untrusted(String),
    /// A file of certificates or keys cannot be used.
    #[error("{0}")]
    TlsFile(String),
    /// The way to the server does not let through what is needed; what to do instead.
    #[error("{message}")]
    Route {
        message: &'static str,
        hint: &'static str,
    },
    /// The disk that holds the rows has no room left.
    #[error("{0}")]
    Full(String),
    /// Anything else; trying again may help.
    #[error("{0}")]
    Database(String),
}

impl RowsError {
    /// What makes a lease claimable again whose epoch cannot rise.
    pub fn epoch_remedy(tenant: &TenantId) -> String {
        format!(
            "stop every process that runs {tenant}, then type into the database: \
             DELETE FROM wmctl_lease WHERE business_id = '{tenant}'; \
             DELETE FROM wmctl_tenant_state WHERE business_id = '{tenant}'"
        )
    }

    pub(crate) fn of(error: StoreError) -> Self {
        match error {
            StoreError::Schema { found, wanted } => Self::Schema { found, wanted },
            StoreError::OtherLayout => Self::NotOurs {
                message: error.to_string(),
                hint: "use an empty database, and `wmctl migrate import --from` this one",
            },
            StoreError::ForeignRecords { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "stop whatever runs it, then `wmctl migrate up`",
            },
            StoreError::ForeignOwner { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "run this as the owner of the tables",
            },
            StoreError::OutOfReach { .. } => Self::OutOfReach {
                message: error.to_string(),
                hint: "log in as the tenant's role, or let the owner of the tables add a row to \
                       wmctl_role",
            },
            StoreError::Checksum { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "another build of wmctl made this schema: use that one",
            },
            StoreError::TenantName { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "give it another name in whatsmeow_device first: the other tables follow",
            },
            StoreError::Pooler(message) => Self::Route {
                message,
                hint: "give a direct URL, or let the pooler have pool_mode transaction or \
                       session, and the URL no `options`",
            },
            StoreError::File(_) | StoreError::NotDatabase => Self::File(explained(&error)),
            StoreError::Full => Self::Full(error.to_string()),
            StoreError::EpochSpent { tenant } => Self::EpochSpent { tenant },
            StoreError::Login { .. } => Self::Login(explained(&error)),
            StoreError::Untrusted(_) => Self::Untrusted(explained(&error)),
            StoreError::TlsFile { .. } => Self::TlsFile(explained(&error)),
            StoreError::Encoding { .. } => Self::Encoding(error.to_string()),
            StoreError::ReadOnly => Self::ReadOnly(error.to_string()),
            error => Self::Database(explained(&error)),
        }
    }
}
