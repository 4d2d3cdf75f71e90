//! Database errors, described for the person who has to fix them.

use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::store::error::StoreError;

/// The reason why the rows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The schema must be migrated first.
    #[error("the database schema is at version {found}, this wmctl needs {wanted}")]
    Schema { found: i64, wanted: i64 },
    /// Another process runs the account.
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
    /// The file of a SQLite database cannot be opened or created.
    #[error("{0}")]
    File(String),
    /// The database's encoding cannot store every character.
    #[error("{0}")]
    Encoding(String),
    /// The server accepts no writes at present.
    #[error("{0}")]
    ReadOnly(String),
    /// The tables belong to another program or owner. The hint says what to do.
    #[error("{message}")]
    NotOurs { message: String, hint: &'static str },
    /// The database role may not see the tenant. The hint says what to do.
    #[error("{message}")]
    OutOfReach { message: String, hint: &'static str },
    /// The server refused the login, or the database does not exist.
    #[error("{0}")]
    Login(String),
    /// The connection is not encrypted as required, or the server's certificate is not trusted.
    #[error("{0}")]
    Untrusted(String),
    /// A certificate or key file cannot be used.
    #[error("{0}")]
    TlsFile(String),
    /// A pooler between this process and the server lacks a required feature. The hint says what to
    /// do.
    #[error("{message}")]
    Route {
        message: &'static str,
        hint: &'static str,
    },
    /// The disk of the database is full.
    #[error("{0}")]
    Full(String),
    /// Commits wait for a synchronous standby that is not there.
    #[error("{0}")]
    NoCopy(String),
    /// Any other error; a retry may succeed.
    #[error("{0}")]
    Database(String),
}

impl RowsError {
    /// Returns true if a retry may succeed without a change on this machine.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Database(_)
                | Self::Full(_)
                | Self::Login(_)
                | Self::NoCopy(_)
                | Self::ReadOnly(_)
                | Self::Untrusted(_)
        )
    }

    /// Returns the SQL that makes a lease claimable again after its epoch reached the maximum.
    pub fn epoch_remedy(tenant: &TenantId) -> String {
        format!(
            "stop every process that runs {tenant}, then type into the database: \
             DELETE FROM wmctl_lease WHERE business_id = '{tenant}'; \
             DELETE FROM wmctl_tenant_state WHERE business_id = '{tenant}'"
        )
    }

    /// Converts an error of the store, and adds the hint for the person who has to fix it.
    pub(crate) fn of(error: StoreError) -> Self {
        match error {
            StoreError::Schema { found, wanted } => Self::Schema { found, wanted },
            StoreError::OtherLayout => Self::NotOurs {
                message: error.to_string(),
                hint: "use an empty database, and `wmctl migrate import --from` this one",
            },
            StoreError::ForeignRecords { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "stop the program that uses it, then run `wmctl migrate up`",
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
                hint: "another build of wmctl made this schema: use that build",
            },
            StoreError::TenantName { .. } => Self::NotOurs {
                message: error.to_string(),
                hint: "rename it in whatsmeow_device first: the other tables follow",
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
            StoreError::NoCopy => Self::NoCopy(error.to_string()),
            StoreError::CommitUnknown(ref source) if source.is::<StoreError>() => {
                Self::NoCopy(explained(&error))
            }
            error => Self::Database(explained(&error)),
        }
    }
}
