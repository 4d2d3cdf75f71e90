use super::*;

#[test]
fn addresses_are_read_and_shown() {
    let check = |text: &str, expected: Jid, shown: &str| {
        let jid: Jid = text.parse().unwrap();
        assert_eq!(jid, expected, "{text}");
        assert_eq!(jid.to_string(), shown, "{text}");
    };
    check(
        "15550001@s.whatsapp.net",
        Jid::user("15550001"),
        "15550001@s.whatsapp.net",
    );
    check(
        "1555:7@s.whatsapp.net",
        Jid::user("1555").with_device(7),
        "1555:7@s.whatsapp.net",
    );
    check(
        "1555.0:7@s.whatsapp.net",
        Jid::user("1555").with_device(7),
        "1555:7@s.whatsapp.net",
    );
    check("99:0@lid", Jid::lid("99"), "99@lid");
    check(
        "99:99@hosted.lid",
        Jid::new("99", Server::HostedLid).with_device(99),
        "99:99@hosted.lid",
    );
    check("123-456@g.us", Jid::group("123-456"), "123-456@g.us");
    check("status@broadcast", Jid::status(), "status@broadcast");
    check("s.whatsapp.net", Jid::server(), "s.whatsapp.net");
    check("@s.whatsapp.net", Jid::server(), "s.whatsapp.net");
    check(
        "7:300@msgr",
        Jid::new("7", Server::Messenger).with_device(300),
        "7:300@msgr",
    );
    check(
        "3-77@interop",
        Jid::new("3-77", Server::Interop),
        "3-77@interop",
    );
}

#[test]
fn malformed_addresses_are_refused() {
    let check = |text: &str, expected: JidError| {
        assert_eq!(text.parse::<Jid>(), Err(expected), "{text}");
    };
    check("", JidError::Server);
    check("1555", JidError::Server);
    check("1555@example.org", JidError::Server);
    check("15 55@lid", JidError::User);
    check("a@b@lid", JidError::User);
    check("1.2@lid", JidError::User);
    check("1:2:3@lid", JidError::Device);
    check("1:+2@lid", JidError::Device);
    check("1:@lid", JidError::Device);
    check("1:256@lid", JidError::Device);
    check("1:65536@msgr", JidError::Device);
    check(":1@lid", JidError::Device);
    check(
        &format!("{}@lid", "1".repeat(USER_BYTES_MAX + 1)),
        JidError::User,
    );
}

#[test]
fn signal_addresses_follow_the_stored_form() {
    let check = |jid: Jid, expected: &str| {
        assert_eq!(jid.address().as_str(), expected);
        assert_eq!(jid.address().jid(), Some(jid));
    };
    check(Jid::user("1555"), "1555:0");
    check(Jid::user("1555").with_device(12), "1555:12");
    check(Jid::lid("99").with_device(3), "99_1:3");
    check(
        Jid::new("1555", Server::Hosted).with_device(99),
        "1555_128:99",
    );
    check(
        Jid::new("99", Server::HostedLid).with_device(99),
        "99_129:99",
    );
    assert_eq!(Address::from_stored("99_7:3").jid(), None);
    assert_eq!(Address::from_stored("99").jid(), None);
}

#[test]
fn servers_stand_where_their_number_says() {
    for (index, (server, name)) in Server::ALL.into_iter().enumerate() {
        assert_eq!(server as usize, index);
        assert_eq!(Server::from_text(name), Some(server));
        assert_eq!(
            server.domain().and_then(Server::from_domain),
            server.domain().map(|_| server)
        );
    }
}

#[test]
fn tenants_messages_and_hosts_are_checked() {
    assert_eq!(
        "acme_1.x-Y".parse::<TenantId>().unwrap().as_str(),
        "acme_1.x-Y"
    );
    for bad in ["", "a b", "ä", "a/b", &"x".repeat(TENANT_BYTES_MAX + 1)] {
        assert_eq!(bad.parse::<TenantId>(), Err(IdError::Tenant), "{bad}");
    }
    assert_eq!("3EB0AA".parse::<MessageId>().unwrap().to_string(), "3EB0AA");
    for bad in ["", "a\nb", &"x".repeat(MESSAGE_ID_BYTES_MAX + 1)] {
        assert_eq!(bad.parse::<MessageId>(), Err(IdError::Message), "{bad}");
    }
    let host = HostId::from_random([7; 16]);
    assert_eq!(host.to_string().parse(), Ok(host));
    assert_eq!("x".parse::<HostId>(), Err(IdError::Host));
}

#[test]
fn ids_are_their_text_in_json() {
    let jid = Jid::lid("99").with_device(3);
    assert_eq!(serde_json::to_string(&jid).unwrap(), "\"99:3@lid\"");
    assert_eq!(serde_json::from_str::<Jid>("\"99:3@lid\"").unwrap(), jid);
    assert!(serde_json::from_str::<TenantId>("\"a b\"").is_err());
}

#[test]
fn new_tenants_are_called_what_is_no_path_and_no_option() {
    let check = |text: &str, new: bool| {
        // Existing tenants with such a name keep it.
        let name: TenantId = text.parse().unwrap();
        assert_eq!(name.check_new().is_ok(), new, "{text}");
        assert_eq!(name.as_str(), text);
    };
    for text in [
        ".", "..", "...", ".hidden", "..a", "-", "--yes", "-a", "a.", "a..",
    ] {
        check(text, false);
    }
    for text in [
        "a",
        "_",
        "0",
        "a.b",
        "a..b",
        "a-",
        "_.a",
        "A-1.b_2",
        "acme.example",
    ] {
        check(text, true);
    }
}
