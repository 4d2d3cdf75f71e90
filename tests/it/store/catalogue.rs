//! The fifteen shared tables, column by column, as the multi-tenant fork has them. Other programs
//! of that schema expect them so. This description is independent of the migrations.

use super::{Connection, Database};

/// Name, columns after the tenant, primary key after the tenant, and what it references. `!` means
/// NOT NULL, `=` a default.
type Table = (&'static str, &'static str, &'static str, Refers);

enum Refers {
    Nothing,
    /// The device, through this column.
    Device(&'static str),
    Version,
}

use Refers::{Device, Nothing, Version};

const TABLES: [Table; 15] = [
    (
        "device",
        "jid text!, lid text, facebook_uuid uuid, registration_id bigint!, noise_key bytea!, \
         identity_key bytea!, signed_pre_key bytea!, signed_pre_key_id integer!, \
         signed_pre_key_sig bytea!, adv_key bytea!, adv_details bytea!, adv_account_sig bytea!, \
         adv_account_sig_key bytea!, adv_device_sig bytea!, platform text!='', \
         business_name text!='', push_name text!='', lid_migration_ts bigint!=0",
        "jid",
        Nothing,
    ),
    (
        "identity_keys",
        "our_jid text!, their_id text!, identity bytea!",
        "our_jid, their_id",
        Device("our_jid"),
    ),
    (
        "pre_keys",
        "jid text!, key_id integer!, key bytea!, uploaded boolean!",
        "jid, key_id",
        Device("jid"),
    ),
    (
        "sessions",
        "our_jid text!, their_id text!, session bytea",
        "our_jid, their_id",
        Device("our_jid"),
    ),
    (
        "sender_keys",
        "our_jid text!, chat_id text!, sender_id text!, sender_key bytea!",
        "our_jid, chat_id, sender_id",
        Device("our_jid"),
    ),
    (
        "app_state_sync_keys",
        "jid text!, key_id bytea!, key_data bytea!, timestamp bigint!, fingerprint bytea!",
        "jid, key_id",
        Device("jid"),
    ),
    (
        "app_state_version",
        "jid text!, name text!, version bigint!, hash bytea!",
        "jid, name",
        Device("jid"),
    ),
    (
        "app_state_mutation_macs",
        "jid text!, name text!, version bigint!, index_mac bytea!, value_mac bytea!",
        "jid, name, version, index_mac",
        Version,
    ),
    (
        "contacts",
        "our_jid text!, their_jid text!, first_name text, full_name text, push_name text, \
         business_name text, redacted_phone text",
        "our_jid, their_jid",
        Device("our_jid"),
    ),
    (
        "redacted_phones",
        "our_jid text!, their_jid text!, redacted_phone text",
        "our_jid, their_jid",
        Device("our_jid"),
    ),
    (
        "chat_settings",
        "our_jid text!, chat_jid text!, muted_until bigint!=0, pinned boolean!=false, \
         archived boolean!=false",
        "our_jid, chat_jid",
        Device("our_jid"),
    ),
    (
        "message_secrets",
        "our_jid text!, chat_jid text!, sender_jid text!, message_id text!, key bytea!",
        "our_jid, chat_jid, sender_jid, message_id",
        Device("our_jid"),
    ),
    (
        "privacy_tokens",
        "our_jid text!, their_jid text!, token bytea!, timestamp bigint!",
        "our_jid, their_jid",
        Device("our_jid"),
    ),
    ("lid_map", "lid text!, pn text!", "lid", Nothing),
    (
        "event_buffer",
        "our_jid text!, ciphertext_hash bytea!, plaintext bytea, server_timestamp bigint!, \
         insert_timestamp bigint!",
        "our_jid, ciphertext_hash",
        Device("our_jid"),
    ),
];

/// Returns the expected lines in the form of the databases' own catalogues, sorted.
fn expected() -> Vec<String> {
    let mut lines = vec![String::from("lid_map UNIQUE (business_id, pn)")];
    for (table, columns, key, refers) in TABLES {
        let all = ["business_id text!"].into_iter().chain(columns.split(", "));
        for (at, column) in all.enumerate() {
            let (column, default) = column.split_once('=').unwrap_or((column, "-"));
            let column = column.replace('!', " NOT NULL");
            lines.push(format!("{table} {at} {column} {default}"));
        }
        lines.push(format!("{table} PRIMARY KEY (business_id, {key})"));
        let (from, to, there) = match refers {
            Nothing => continue,
            Device(column) => (column, "device", "jid"),
            Version => ("jid, name", "app_state_version", "jid, name"),
        };
        lines.push(format!(
            "{table} FOREIGN KEY (business_id, {from}) REFERENCES whatsmeow_{to}(business_id, \
             {there}) ON UPDATE CASCADE ON DELETE CASCADE"
        ));
    }
    lines.sort();
    lines
}

const SERVER: &str = r"
    WITH own AS (SELECT oid, substr(relname, 11) AS name FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'whatsmeow\_%')
    SELECT concat_ws(' ', name, attnum - 1, attname, format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'NOT NULL' END,
        COALESCE(replace(pg_get_expr(adbin, adrelid), '::text', ''), '-'))
    FROM own JOIN pg_attribute ON attrelid = own.oid AND 0 < attnum
    LEFT JOIN pg_attrdef ON adrelid = own.oid AND adnum = attnum
    UNION ALL
    SELECT concat_ws(' ', name, pg_get_constraintdef(c.oid))
    FROM own JOIN pg_constraint c ON conrelid = own.oid AND contype IN ('p', 'u', 'f')";

const FILE: &str = r#"
    WITH own AS (SELECT name AS full, substr(name, 11) AS name FROM sqlite_master
        WHERE type = 'table' AND name LIKE 'whatsmeow\_%' ESCAPE '\')
    SELECT concat_ws(' ', own.name, cid, p.name, lower(p.type),
        CASE WHEN p."notnull" OR 0 < p.pk THEN 'NOT NULL' END, COALESCE(dflt_value, '-'))
    FROM own, pragma_table_info(own.full) p
    UNION ALL
    SELECT own.name || ' PRIMARY KEY (' || group_concat(p.name, ', ' ORDER BY p.pk) || ')'
    FROM own, pragma_table_info(own.full) p WHERE 0 < p.pk GROUP BY own.name
    UNION ALL
    SELECT own.name || ' UNIQUE (' || group_concat(i.name, ', ' ORDER BY i.seqno) || ')'
    FROM own, pragma_index_list(own.full) l, pragma_index_info(l.name) i
    WHERE l.origin = 'u' GROUP BY own.name, l.name
    UNION ALL
    SELECT own.name || ' FOREIGN KEY (' || group_concat(f."from", ', ' ORDER BY f.seq)
        || ') REFERENCES ' || f."table" || '(' || group_concat(f."to", ', ' ORDER BY f.seq)
        || ') ON UPDATE ' || f.on_update || ' ON DELETE ' || f.on_delete
    FROM own, pragma_foreign_key_list(own.full) f GROUP BY own.name, f.id"#;

fn differences(found: &[String]) -> (Vec<&String>, Vec<String>) {
    let expected = expected();
    let more = found.iter().filter(|line| !expected.contains(line));
    let less = expected.iter().filter(|line| !found.contains(line));
    (more.collect(), less.cloned().collect())
}

fn check(found: &[String]) {
    let (more, less) = differences(found);
    assert!(more.is_empty() && less.is_empty(), "{more:#?} {less:#?}");
    assert_eq!(found.len(), expected().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_the_tables_of_the_fork() {
    let database = Database::sqlite();
    drop(database.store().await);
    let mut connection = database.connect().await;
    check(&connection.texts(FILE).await);
    connection
        .run("ALTER TABLE whatsmeow_lid_map ADD COLUMN more TEXT")
        .await;
    assert_eq!(differences(&connection.texts(FILE).await).0.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_the_tables_of_the_fork() {
    let database = Database::postgres();
    drop(database.store().await);
    let found = || -> Vec<String> {
        let lines = database.server().sql("wm", SERVER);
        lines.lines().map(str::to_owned).collect()
    };
    check(&found());
    let mut connection: Connection = database.connect().await;
    connection
        .run("ALTER TABLE whatsmeow_device ALTER push_name DROP NOT NULL")
        .await;
    assert_eq!(differences(&found()).0.len(), 1);
}
