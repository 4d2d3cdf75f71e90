//! Imports of accounts from other databases, and exports to whatsmeow's.

use std::path::PathBuf;

use wmctl::config::DatabaseUrl;
use wmctl::ids::Jid;
use wmctl::session::account::{Account, Ended};
use wmctl::session::changes::Change;
use wmctl::session::rows::{OutboxState, Row, RowKey};
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::outbox::queue::NewMessage;
use wmctl::store::tenants::api_keys::Audit;
use wmctl::store::transfer::{
    ExportOptions, ImportOptions, Imported, Keep, Moved, Origin, TransferError,
};

use super::samples::{account, owner, paired, rows, tenant};
use super::{Connection, Database};
use crate::support::postgres::Postgres;
use crate::support::whatsmeow::{self, Dialect, Layout, VERSIONS};

pub(super) const NOW_MS: i64 = 1_700_000_000_000;

/// The rows that the shared tables hold. Caches and our own queues are not among them.
fn shared() -> Vec<(RowKey, Row)> {
    let is_shared = |key: &RowKey| {
        !matches!(
            key,
            RowKey::SenderKeyShare(_)
                | RowKey::Devices(_)
                | RowKey::Group(_)
                | RowKey::Retry(_)
                | RowKey::Seen(_)
                | RowKey::Outbox(_)
        )
    };
    rows()
        .into_iter()
        .filter(|(key, _)| is_shared(key))
        .collect()
}

/// Creates an account with a row of every kind and a sent message.
async fn fill(store: &Store) {
    let lease = paired(store).await;
    let puts = rows()
        .into_iter()
        .map(|(key, row)| Change::Put(key, row))
        .collect::<Vec<_>>();
    store.commit(&lease, &owner(), &puts).await.unwrap();
    let message = NewMessage {
        id: "3EB0AAAA".parse().unwrap(),
        to: Jid::user("491600"),
        body: vec![10, 2, 104, 105],
        idempotency_key: None,
        account: owner().jid,
        expires_ms: None,
    };
    store.enqueue(&tenant(), &message, NOW_MS).await.unwrap();
    let id = message.id.clone();
    let mut row = store.outbox_row(&tenant(), &id).await.unwrap().unwrap();
    row.state = OutboxState::Sent;
    row.sent_ms = Some(NOW_MS);
    let sent = Change::Put(RowKey::Outbox(id), Row::Outbox(row));
    store.commit(&lease, &owner(), &[sent]).await.unwrap();
    store.release(lease).await.unwrap();
}

pub(super) async fn filled(database: &Database) -> PathBuf {
    let store = database.store().await;
    fill(&store).await;
    store.close().await;
    let DatabaseUrl::Sqlite(path) = &database.url else {
        unreachable!("sources are files");
    };
    path.clone()
}

/// Copies the rows of `ours` into a new file, in the layout of another program.
pub(super) async fn foreign_file(ours: &std::path::Path, layout: Layout) -> Database {
    let theirs = Database::sqlite();
    let path = theirs.url.to_string().replace("sqlite:", "");
    let path = std::path::Path::new(&path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "").unwrap();
    let script = whatsmeow::script(ours, layout, Dialect::Sqlite).await;
    theirs.connect().await.run(&script).await;
    theirs
}

pub(super) fn audit() -> Audit {
    Audit {
        id: "1".to_owned(),
        at_ms: 1,
        actor: "test".to_owned(),
        action: "import",
        tenant: Some(tenant()),
        detail: String::new(),
        request_id: None,
    }
}

pub(super) fn options(keep: Keep) -> ImportOptions {
    ImportOptions {
        tenant: tenant(),
        from_tenant: tenant(),
        device: None,
        keep,
        replace: false,
        skip_damaged: false,
    }
}

async fn import_with(
    store: &Store,
    from: &DatabaseUrl,
    options: &ImportOptions,
) -> Result<Imported, TransferError> {
    let source = Store::open_source(from).await?;
    let mut audit = audit();
    audit.id = format!("{options:?}{from}");
    let result = store.import(&source, options, &audit, &mut |_| ()).await;
    source.close().await;
    result
}

/// Checks the data that later versions of whatsmeow added.
async fn check_later(target: &Database, layout: Layout) {
    let Layout::Upstream(version) = layout else {
        return;
    };
    let salt = match target.server.is_some() {
        true => format!("'\\x{}'", whatsmeow::SALT),
        false => format!("X'{}'", whatsmeow::SALT),
    };
    let (nonce, sent) = (whatsmeow::NONCE, whatsmeow::SENDER_TIMESTAMP);
    let since = [
        (
            12,
            format!("SELECT 1 FROM wmctl_privacy_token_sent WHERE sender_timestamp = {sent}"),
        ),
        (
            13,
            "SELECT 1 FROM wmctl_outbox WHERE message_id = '3EB0AAAA' AND state = 'sent'".into(),
        ),
        (
            14,
            format!("SELECT 1 FROM wmctl_nct_salt WHERE salt = {salt}"),
        ),
        (
            15,
            format!("SELECT 1 FROM wmctl_account WHERE companion_meta_nonce = '{nonce}'"),
        ),
    ];
    let mut connection = target.connect().await;
    for (brought, query) in since {
        let there = usize::from(brought <= version);
        assert_eq!(connection.count(&query).await, there, "v{version}: {query}");
    }
}

/// The rows expected from a source of our own. It may be a backup, so the lists of devices that
/// have our sender keys are not imported.
fn of_ours() -> Vec<(RowKey, Option<Row>)> {
    let told = |(key, row): (RowKey, Row)| {
        let forgotten = matches!(
            key,
            RowKey::SenderKeyShare(_) | RowKey::Devices(_) | RowKey::Group(_)
        );
        (key, (!forgotten).then_some(row))
    };
    rows().into_iter().map(told).collect()
}

/// The rows expected from a layout.
fn expected(layout: Option<Layout>) -> Vec<(RowKey, Option<Row>)> {
    let mut rows = match layout {
        None => return of_ours(),
        Some(_) => shared(),
    };
    if matches!(layout, Some(Layout::Upstream(..11))) {
        for (_, row) in &mut rows {
            if let Row::Contact(contact) = row {
                contact.redacted_phone = None;
            }
        }
    }
    rows.into_iter()
        .map(|(key, row)| (key, Some(row)))
        .collect()
}

/// Checks that the account arrived with everything that the source had.
async fn check_arrived(store: &Store, layout: Option<Layout>) {
    // A source of our own may be a backup: pre-keys uploaded since have ids that must be skipped.
    check_arrived_in(store, layout, layout.is_none()).await;
}

/// The same, where the import began another log for an account that has run, or not.
async fn check_arrived_in(store: &Store, layout: Option<Layout>, another_log: bool) {
    let found = store.account(&tenant()).await.unwrap().unwrap();
    let mut wanted = account();
    if layout.is_some() {
        // Only our own rows have these.
        wanted.routing_info = None;
        wanted.next_pre_key_id = 16_777_215;
    }
    if another_log {
        wanted.next_pre_key_id = (wanted.next_pre_key_id - 1 + 1_000) % 16_777_214 + 1;
    }
    assert_eq!(found, wanted);
    let wanted = expected(layout);
    let keys: Vec<RowKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
    let found = store.read(&owner(), &keys).await.unwrap();
    assert_eq!(found, wanted, "{layout:?}");
}

async fn moves(source: &DatabaseUrl, target: &Database, layout: Option<Layout>) {
    let store = target.store().await;
    let rehearsed = import_with(&store, source, &options(Keep::Rehearse)).await;
    let rehearsed = rehearsed.unwrap();
    assert_eq!(store.account(&tenant()).await.unwrap(), None);
    let done = import_with(&store, source, &options(Keep::Commit))
        .await
        .unwrap();
    assert_eq!(done, rehearsed);
    assert_eq!(done.device, owner().jid);
    assert_eq!(done.damaged, []);
    let lost = |moved: &&Moved| moved.read != moved.written;
    assert_eq!(done.tables.iter().find(lost), None);
    check_arrived(&store, layout).await;
    if let Some(layout) = layout {
        check_later(target, layout).await;
    }
    let again = import_with(&store, source, &options(Keep::Commit)).await;
    assert!(
        matches!(again, Err(TransferError::Occupied { .. })),
        "{again:?}"
    );
    store.close().await;
}

/// Empties the target for the next import.
async fn clear(target: &Database) {
    let store = target.store().await;
    let mut audit = audit();
    audit.id = format!("{:?}", std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap());
    assert!(store.purge(&tenant(), &audit).await.unwrap());
    store.close().await;
}

pub(super) async fn an_account_moves_from_a_file_of_ours(target: &Database) {
    let source = Database::sqlite();
    filled(&source).await;
    moves(&source.url, target, None).await;
    // Data that applications and people keep there is imported too.
    let store = target.store().await;
    let id = "3EB0AAAA".parse().unwrap();
    let sent = store.outbox_row(&tenant(), &id).await.unwrap().unwrap();
    assert_eq!(sent.state, OutboxState::Sent);
}

pub(super) async fn an_account_moves_from_every_version_in_files(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    for version in VERSIONS {
        let layout = Layout::Upstream(version);
        let source = foreign_file(&path, layout).await;
        moves(&source.url, target, Some(layout)).await;
        clear(target).await;
    }
}

pub(super) async fn an_account_moves_from_every_version_on_a_server(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let server = Postgres::start();
    for version in VERSIONS {
        let layout = Layout::Upstream(version);
        let name = format!("v{version}");
        server.create(&name);
        let script = whatsmeow::script(&path, layout, Dialect::Postgres).await;
        server.sql(&name, &script);
        moves(&server.url(&name).parse().unwrap(), target, Some(layout)).await;
        clear(target).await;
    }
}

pub(super) async fn an_account_moves_from_the_fork(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let server = Postgres::start();
    server.create("fork");
    let script = whatsmeow::script(&path, Layout::Fork, Dialect::Postgres).await;
    server.sql("fork", &script);
    let source = server.url("fork").parse().unwrap();
    moves(&source, target, Some(Layout::Fork)).await;
    let mut other = options(Keep::Commit);
    other.from_tenant = "nobody".parse().unwrap();
    other.tenant = "other".parse().unwrap();
    let store = target.store().await;
    let refused = import_with(&store, &source, &other).await;
    assert!(
        matches!(&refused, Err(TransferError::Absent { there, .. }) if there == &["acme"]),
        "{refused:?}"
    );
    // An account may be imported for another tenant.
    other.from_tenant = tenant();
    import_with(&store, &source, &other).await.unwrap();
    let renamed = store.account(&other.tenant).await.unwrap();
    assert_eq!(renamed.map(|account| account.jid), Some(account().jid));
}

/// A table, the statement that damages its rows, and how a damaged row is named.
const DAMAGES: [(&str, &str, &str); 8] = [
    (
        "sessions",
        "UPDATE whatsmeow_sessions SET session = X'0102'",
        "their_id=491600:3",
    ),
    (
        "sessions",
        "UPDATE whatsmeow_sessions SET session = X''",
        "their_id=491600:3",
    ),
    (
        "sender_keys",
        "UPDATE whatsmeow_sender_keys SET sender_key = X''",
        "chat_id=120363@g.us",
    ),
    (
        "sender_keys",
        "UPDATE whatsmeow_sender_keys SET sender_key = X'FF'",
        "chat_id=120363@g.us",
    ),
    (
        "identity_keys",
        "UPDATE whatsmeow_identity_keys SET identity = X'00'",
        "their_id=",
    ),
    (
        "pre_keys",
        "UPDATE whatsmeow_pre_keys SET key_id = -1",
        "key_id=-1",
    ),
    (
        "contacts",
        "UPDATE whatsmeow_contacts SET their_jid = NULL",
        "push_name=Ann",
    ),
    (
        "message_secrets",
        "UPDATE whatsmeow_message_secrets SET key = NULL",
        "chat_jid=",
    ),
];

pub(super) async fn a_damaged_row_is_named_or_left_behind(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let store = target.store().await;
    for (table, spoil, row) in DAMAGES {
        let source = foreign_file(&path, Layout::Upstream(15)).await;
        let mut connection = source.connect().await;
        // Files do not always satisfy their schema.
        let unguarded = format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')
                WHERE name = 'whatsmeow_{table}';
             PRAGMA writable_schema = RESET; {spoil}"
        );
        connection.run(&unguarded).await;
        let refused = import_with(&store, &source.url, &options(Keep::Commit)).await;
        let Err(TransferError::Damaged(damage)) = refused else {
            panic!("{spoil}: {refused:?}");
        };
        assert_eq!(damage.table, format!("whatsmeow_{table}"));
        assert!(damage.row.contains(row), "{damage:?}");
        assert_eq!(store.tenants().await.unwrap(), []);

        let mut patient = options(Keep::Commit);
        patient.skip_damaged = true;
        let done = import_with(&store, &source.url, &patient).await.unwrap();
        assert_eq!(done.damaged, [damage]);
        clear(target).await;
    }
}

/// Whether an import was refused for the right reason.
type IsRight = fn(&TransferError) -> bool;

pub(super) async fn what_does_not_fit_changes_nothing(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let store = target.store().await;
    let before = store.leases().await.unwrap();
    let refusals: [(&str, IsRight); 9] = [
        (
            "UPDATE whatsmeow_device SET signed_pre_key_sig = zeroblob(64)",
            |error| matches!(error, TransferError::Keys(_)),
        ),
        (
            "UPDATE whatsmeow_device SET adv_account_sig = zeroblob(64)",
            |error| matches!(error, TransferError::Keys(_)),
        ),
        (
            "UPDATE whatsmeow_device SET adv_device_sig = zeroblob(64)",
            |error| matches!(error, TransferError::Keys(_)),
        ),
        (
            "UPDATE whatsmeow_device SET signed_pre_key = X'00'",
            |error| matches!(error, TransferError::Damaged(_)),
        ),
        ("UPDATE whatsmeow_device SET jid = 'nobody'", |error| {
            matches!(error, TransferError::Name(_))
        }),
        ("DELETE FROM whatsmeow_device", |error| {
            matches!(error, TransferError::Absent { .. })
        }),
        ("UPDATE whatsmeow_version SET version = 7", |error| {
            matches!(error, TransferError::Version { found: 7, .. })
        }),
        ("UPDATE whatsmeow_version SET version = 16", |error| {
            matches!(error, TransferError::Version { found: 16, .. })
        }),
        ("DROP TABLE whatsmeow_version", |error| {
            matches!(error, TransferError::NoVersion)
        }),
    ];
    for (spoil, is_right) in refusals {
        let source = foreign_file(&path, Layout::Upstream(15)).await;
        source.connect().await.run(spoil).await;
        let refused = import_with(&store, &source.url, &options(Keep::Commit)).await;
        let error = refused.expect_err(spoil);
        assert!(is_right(&error), "{spoil}: {error:?}");
        assert_eq!(store.tenants().await.unwrap(), []);
        assert_eq!(store.leases().await.unwrap(), before);
    }
    let nothing = "sqlite:/nowhere/at-all.db".parse().unwrap();
    let refused = import_with(&store, &nothing, &options(Keep::Commit)).await;
    assert!(
        matches!(refused, Err(TransferError::NoFile(_))),
        "{refused:?}"
    );
    several_devices(&store, &path).await;
}

async fn several_devices(store: &Store, ours: &std::path::Path) {
    let source = foreign_file(ours, Layout::Upstream(15)).await;
    let second = "INSERT INTO whatsmeow_device SELECT '4915112345621:8@s.whatsapp.net', lid,
            facebook_uuid, registration_id, noise_key, identity_key, signed_pre_key,
            signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details, adv_account_sig,
            adv_account_sig_key, adv_device_sig, platform, business_name, push_name, 0, ''
        FROM whatsmeow_device";
    source.connect().await.run(second).await;
    let refused = import_with(store, &source.url, &options(Keep::Commit)).await;
    let Err(TransferError::Several { there }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(there.len(), 2);
    let mut second = options(Keep::Rehearse);
    second.device = Some(there[1].parse().unwrap());
    let done = import_with(store, &source.url, &second).await.unwrap();
    assert_eq!(done.device.to_string(), there[1]);
    second.device = Some(Jid::user("1").with_device(1));
    let refused = import_with(store, &source.url, &second).await;
    assert!(
        matches!(&refused, Err(TransferError::Absent { there: listed, .. }) if *listed == there),
        "{refused:?}"
    );
}

pub(super) async fn another_account_is_replaced_only_if_asked(target: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let source = foreign_file(&path, Layout::Upstream(15)).await;
    let store = target.store().await;
    let lease = paired(&store).await;
    let held = import_with(&store, &source.url, &options(Keep::Commit)).await;
    assert!(
        matches!(
            &held,
            Err(TransferError::Store(StoreError::LeaseHeld { .. }))
        ),
        "{held:?}"
    );
    store.release(lease).await.unwrap();
    let epoch = store.leases().await.unwrap()[0].epoch;
    let refused = import_with(&store, &source.url, &options(Keep::Commit)).await;
    assert!(
        matches!(refused, Err(TransferError::Occupied { .. })),
        "{refused:?}"
    );
    let mut replace = options(Keep::Commit);
    replace.replace = true;
    import_with(&store, &source.url, &replace).await.unwrap();
    // The account was here before: the source may be older than what it sent from here.
    check_arrived_in(&store, Some(Layout::Upstream(15)), true).await;
    // The earlier holder of the lease can write nothing more.
    assert!(epoch < store.leases().await.unwrap()[0].epoch);
}

pub(super) fn export_options() -> ExportOptions {
    ExportOptions {
        tenant: tenant(),
        leave_unsent: false,
        rehearse: false,
        now_ms: NOW_MS + 1_000,
    }
}

pub(super) async fn export(
    store: &Store,
    to: &DatabaseUrl,
    options: &ExportOptions,
) -> Result<(), TransferError> {
    let mut audit = audit();
    audit.id = format!("{options:?}{to}");
    store
        .export(to, options, &audit, &mut |_| ())
        .await
        .map(|_| ())
}

/// Exports the account from `database` to both kinds of target, imports it back, and checks that
/// nothing is missing.
pub(super) async fn an_account_comes_back_from_an_export(database: &Database) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let first = foreign_file(&path, Layout::Upstream(15)).await;
    let store = database.store().await;
    import_with(&store, &first.url, &options(Keep::Commit))
        .await
        .unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file: DatabaseUrl = format!("sqlite:{}", folder.path().join("w.db").display())
        .parse()
        .unwrap();
    let server = Postgres::start();
    server.create("w");
    let on_server: DatabaseUrl = server.url("w").parse().unwrap();
    for to in [&file, &on_server] {
        let mut rehearsal = export_options();
        rehearsal.rehearse = true;
        export(&store, to, &rehearsal).await.unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            usize::from(to != &file)
        );
        export(&store, to, &export_options()).await.unwrap();
        let again = export(&store, to, &export_options()).await;
        assert!(
            matches!(again, Err(TransferError::NotEmpty(_))),
            "{again:?}"
        );
        for target in [Database::sqlite(), Database::postgres()] {
            moves(to, &target, Some(Layout::Upstream(15))).await;
        }
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(folder.path().join("w.db"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    same_columns(&folder.path().join("w.db"), &path).await;
}

/// Checks that an exported file has the tables and columns of whatsmeow's schema.
async fn same_columns(exported: &std::path::Path, ours: &std::path::Path) {
    let wanted = foreign_file(ours, Layout::Upstream(15)).await;
    let wanted = wanted.url.to_string();
    let found = format!("sqlite:{}", exported.display());
    let mut described = Vec::new();
    for url in [found, wanted] {
        let mut connection = Connection::open(&url).await;
        described.push(
            connection
                .texts(
                    "SELECT m.name || '.' || p.name || ' ' || lower(p.type) || ' ' || p.pk
                     FROM sqlite_master m, pragma_table_info(m.name) p
                     WHERE m.type = 'table' ORDER BY 1",
                )
                .await,
        );
    }
    assert_eq!(described[0], described[1]);
}

pub(super) async fn an_exported_account_is_not_run(database: &Database) {
    let store = database.store().await;
    fill(&store).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| -> DatabaseUrl {
        let path = folder.path().join(name);
        format!("sqlite:{}", path.display()).parse().unwrap()
    };
    let waiting = NewMessage {
        id: "3EB0BBBB".parse().unwrap(),
        to: Jid::user("491600"),
        body: vec![1],
        idempotency_key: None,
        account: owner().jid,
        expires_ms: None,
    };
    store.enqueue(&tenant(), &waiting, NOW_MS).await.unwrap();
    let refused = export(&store, &file("w.db"), &export_options()).await;
    assert!(
        matches!(refused, Err(TransferError::Unsent(1))),
        "{refused:?}"
    );
    let mut leaving = export_options();
    leaving.leave_unsent = true;
    let host = super::samples::host(1);
    let lease = store.claim(&tenant(), host.id, 1).await.unwrap();
    let held = export(&store, &file("w.db"), &leaving).await;
    assert!(
        matches!(
            &held,
            Err(TransferError::Store(StoreError::LeaseHeld { .. }))
        ),
        "{held:?}"
    );
    store.release(lease).await.unwrap();
    let ended = async || -> Option<Ended> {
        let account: Account = store.account(&tenant()).await.unwrap().unwrap();
        account.ended
    };
    assert_eq!(ended().await, None);
    assert_eq!(store.plan(0).await.unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    export(&store, &file("w.db"), &leaving).await.unwrap();
    assert!(matches!(ended().await, Some(Ended::Exported { .. })));
    assert_eq!(store.plan(0).await.unwrap(), []);
    store.take_back(&tenant(), &audit()).await.unwrap();
    assert_eq!(ended().await, None);
    let mut again = audit();
    again.id = "2".to_owned();
    let again = store.take_back(&tenant(), &again).await;
    assert!(
        matches!(again, Err(TransferError::NotExported)),
        "{again:?}"
    );
}

/// Our own database is no valid source after an export: its keys are outdated.
#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_of_ours_is_no_source() {
    let (ours, target) = (Database::sqlite(), Database::sqlite());
    filled(&ours).await;
    let store = ours.store().await;
    let folder = tempfile::tempdir().unwrap();
    let to: DatabaseUrl = format!("sqlite:{}", folder.path().join("w.db").display())
        .parse()
        .unwrap();
    export(&store, &to, &export_options()).await.unwrap();
    store.close().await;
    let refused = import_with(&target.store().await, &ours.url, &options(Keep::Commit)).await;
    assert!(
        matches!(refused, Err(TransferError::SourceExported(_))),
        "{refused:?}"
    );
    let done = import_with(&target.store().await, &to, &options(Keep::Commit)).await;
    assert_eq!(done.unwrap().origin, Origin::Whatsmeow(15));
}

/// A database of the fork becomes ours in place, through the migrations alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_fork_is_adopted() {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let fork = Database::postgres();
    let script = whatsmeow::script(&path, Layout::Fork, Dialect::Postgres).await;
    fork.server().sql("wm", &script);
    fork.server().create("scripted");
    fork.server().sql("scripted", &script);
    let store = fork.store().await;
    store.check_schema().await.unwrap();
    check_arrived(&store, Some(Layout::Fork)).await;
    let host = super::samples::host(1);
    store.register(&host, 1).await.unwrap();
    let lease = store.claim(&tenant(), host.id, 2).await.unwrap();
    store.commit(&lease, &owner(), &[]).await.unwrap();
    // The printed script has the same effect.
    let url = fork.server().url("scripted").parse().unwrap();
    let other = Store::open(&url).await.unwrap();
    let script = other.migration_script(1_000).await.unwrap();
    fork.server().sql("scripted", &script);
    // Except for the records, which SQL alone cannot convert.
    let refused = other.check_schema().await;
    assert!(
        matches!(&refused, Err(StoreError::ForeignRecords { tenant }) if tenant == "acme"),
        "{refused:?}"
    );
    assert_eq!(other.migrate(1_000).await.unwrap(), Vec::<i64>::new());
    other.check_schema().await.unwrap();
    assert_eq!(fork.server().dump("scripted"), fork.server().dump("wm"));
    check_arrived(&other, Some(Layout::Fork)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_with_a_name_that_we_do_not_take_is_refused() {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let fork = Database::postgres();
    let script = whatsmeow::script(&path, Layout::Fork, Dialect::Postgres).await;
    fork.server().sql("wm", &script);
    fork.server().sql(
        "wm",
        "UPDATE whatsmeow_device SET business_id = 'two words'",
    );
    let before = fork.server().dump("wm");
    let store = Store::open(&fork.url).await.unwrap();
    let refused = store.migrate(1).await;
    assert!(
        matches!(&refused, Err(StoreError::TenantName { name }) if name == "two words"),
        "{refused:?}"
    );
    assert_eq!(fork.server().dump("wm"), before);
}
