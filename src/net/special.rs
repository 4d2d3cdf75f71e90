//! Special-purpose IP addresses: IANA's registries for IPv4 and IPv6 as one table.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::Verdict::{Inner, Public, Refused};

/// Whether an address of a range is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The whole internet can reach it.
    Public,
    /// It leads to this machine, to a private network or a multicast group, or nowhere.
    Refused,
    /// It embeds an IPv4 address, shifted left by this number of bits, which decides.
    Inner(u32),
}

/// A range: network, prefix length, verdict and description.
type Range<A> = (A, u32, Verdict, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

const fn v6(text: [u16; 8]) -> u128 {
    Ipv6Addr::new(
        text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7],
    )
    .to_bits()
}

/// Ranges of IPv4. The most specific range decides; an address outside all of them is public.
const V4: &[Range<u32>] = &[
    (v4(0, 0, 0, 0), 8, Refused, "this network, RFC 791"),
    (v4(10, 0, 0, 0), 8, Refused, "private use, RFC 1918"),
    (
        v4(100, 64, 0, 0),
        10,
        Refused,
        "shared address space, RFC 6598",
    ),
    (v4(127, 0, 0, 0), 8, Refused, "loopback, RFC 1122"),
    (v4(169, 254, 0, 0), 16, Refused, "link local, RFC 3927"),
    (v4(172, 16, 0, 0), 12, Refused, "private use, RFC 1918"),
    (
        v4(192, 0, 0, 0),
        24,
        Refused,
        "protocol assignments, RFC 6890",
    ),
    (
        v4(192, 0, 0, 9),
        32,
        Public,
        "port control anycast, RFC 7723",
    ),
    (v4(192, 0, 0, 10), 32, Public, "TURN anycast, RFC 8155"),
    (v4(192, 0, 2, 0), 24, Refused, "documentation, RFC 5737"),
    (v4(192, 31, 196, 0), 24, Public, "AS112, RFC 7535"),
    (v4(192, 52, 193, 0), 24, Public, "AMT, RFC 7450"),
    (
        v4(192, 88, 99, 0),
        24,
        Refused,
        "6to4 relay anycast, RFC 7526",
    ),
    (v4(192, 168, 0, 0), 16, Refused, "private use, RFC 1918"),
    (v4(192, 175, 48, 0), 24, Public, "AS112, RFC 7534"),
    (v4(198, 18, 0, 0), 15, Refused, "benchmarks, RFC 2544"),
    (v4(198, 51, 100, 0), 24, Refused, "documentation, RFC 5737"),
    (v4(203, 0, 113, 0), 24, Refused, "documentation, RFC 5737"),
    (v4(224, 0, 0, 0), 4, Refused, "multicast, RFC 1112"),
    (
        v4(240, 0, 0, 0),
        4,
        Refused,
        "reserved and broadcast, RFC 1112, RFC 919",
    ),
];

/// Ranges of IPv6, by the same rule. Only 2000::/3 is assigned for global unicast.
const V6: &[Range<u128>] = &[
    (0, 0, Refused, "not given out, RFC 4291"),
    (
        v6([0x2000, 0, 0, 0, 0, 0, 0, 0]),
        3,
        Public,
        "global unicast, RFC 4291",
    ),
    (
        0,
        96,
        Inner(0),
        "IPv4-compatible, RFC 4291; unspecified and loopback are among them",
    ),
    (
        v6([0, 0, 0, 0, 0, 0xffff, 0, 0]),
        96,
        Inner(0),
        "IPv4-mapped, RFC 4291",
    ),
    (
        v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0]),
        96,
        Inner(0),
        "IPv4 translation, RFC 6052",
    ),
    (
        v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0]),
        48,
        Refused,
        "local translation, RFC 8215",
    ),
    (
        v6([0x100, 0, 0, 0, 0, 0, 0, 0]),
        64,
        Refused,
        "discard only, RFC 6666",
    ),
    (
        v6([0x100, 0, 0, 1, 0, 0, 0, 0]),
        64,
        Refused,
        "dummy prefix, RFC 9780",
    ),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0]),
        23,
        Refused,
        "protocol assignments, RFC 2928",
    ),
    (
        v6([0x2001, 1, 0, 0, 0, 0, 0, 1]),
        128,
        Public,
        "port control anycast, RFC 7723",
    ),
    (
        v6([0x2001, 1, 0, 0, 0, 0, 0, 2]),
        128,
        Public,
        "TURN anycast, RFC 8155",
    ),
    (
        v6([0x2001, 1, 0, 0, 0, 0, 0, 3]),
        128,
        Public,
        "service registration, RFC 9665",
    ),
    (
        v6([0x2001, 3, 0, 0, 0, 0, 0, 0]),
        32,
        Public,
        "AMT, RFC 7450",
    ),
    (
        v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0]),
        48,
        Public,
        "AS112, RFC 7535",
    ),
    (
        v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0]),
        28,
        Public,
        "ORCHIDv2, RFC 7343",
    ),
    (
        v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0]),
        28,
        Public,
        "drone identities, RFC 9374",
    ),
    (
        v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]),
        32,
        Refused,
        "documentation, RFC 3849",
    ),
    (
        v6([0x2002, 0, 0, 0, 0, 0, 0, 0]),
        16,
        Inner(80),
        "6to4, RFC 3056",
    ),
    (
        v6([0x3fff, 0, 0, 0, 0, 0, 0, 0]),
        20,
        Refused,
        "documentation, RFC 9637",
    ),
];

/// Returns true if the whole internet can reach the address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            let within = |(network, length, ..): &&Range<u128>| {
                (bits ^ network).checked_shr(128 - length).unwrap_or(0) == 0
            };
            let narrowest = V6.iter().filter(within).max_by_key(|range| range.1);
            match narrowest.map_or(Refused, |range| range.2) {
                Public => true,
                Refused => false,
                Inner(shift) => {
                    let inner = u32::try_from(bits >> shift & u128::from(u32::MAX));
                    inner.is_ok_and(|inner| is_public_v4(Ipv4Addr::from_bits(inner)))
                }
            }
        }
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let bits = ip.to_bits();
    let within = |(network, length, ..): &&Range<u32>| {
        (bits ^ network).checked_shr(32 - length).unwrap_or(0) == 0
    };
    let narrowest = V4.iter().filter(within).max_by_key(|range| range.1);
    narrowest.is_none_or(|range| range.2 == Public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, public: bool, what: &str) {
        let ip = address.parse().unwrap();
        assert_eq!(is_public(ip), public, "{address}: {what}");
    }

    /// The IPv4 registry, row by row: first address, last address, and whether it is globally
    /// reachable.
    #[test]
    fn the_registry_of_ipv4() {
        for (first, last, public, what) in [
            ("0.0.0.0", "0.255.255.255", false, "this network"),
            ("0.0.0.0", "0.0.0.0", false, "this host on this network"),
            ("10.0.0.0", "10.255.255.255", false, "private use"),
            (
                "100.64.0.0",
                "100.127.255.255",
                false,
                "shared address space",
            ),
            ("127.0.0.0", "127.255.255.255", false, "loopback"),
            ("169.254.0.0", "169.254.255.255", false, "link local"),
            ("172.16.0.0", "172.31.255.255", false, "private use"),
            ("192.0.0.0", "192.0.0.7", false, "service continuity"),
            ("192.0.0.8", "192.0.0.8", false, "dummy address"),
            ("192.0.0.9", "192.0.0.9", true, "port control anycast"),
            ("192.0.0.10", "192.0.0.10", true, "TURN anycast"),
            ("192.0.0.11", "192.0.0.169", false, "protocol assignments"),
            ("192.0.0.170", "192.0.0.171", false, "NAT64/DNS64 discovery"),
            ("192.0.0.172", "192.0.0.255", false, "protocol assignments"),
            ("192.0.2.0", "192.0.2.255", false, "documentation"),
            ("192.31.196.0", "192.31.196.255", true, "AS112"),
            ("192.52.193.0", "192.52.193.255", true, "AMT"),
            ("192.88.99.0", "192.88.99.255", false, "6to4 relay anycast"),
            ("192.168.0.0", "192.168.255.255", false, "private use"),
            ("192.175.48.0", "192.175.48.255", true, "AS112"),
            ("198.18.0.0", "198.19.255.255", false, "benchmarks"),
            ("198.51.100.0", "198.51.100.255", false, "documentation"),
            ("203.0.113.0", "203.0.113.255", false, "documentation"),
            ("224.0.0.0", "239.255.255.255", false, "multicast"),
            ("240.0.0.0", "255.255.255.254", false, "reserved"),
            ("255.255.255.255", "255.255.255.255", false, "broadcast"),
            // Public neighbours of the ranges.
            ("1.0.0.0", "9.255.255.255", true, "public"),
            ("11.0.0.0", "100.63.255.255", true, "public"),
            ("100.128.0.0", "126.255.255.255", true, "public"),
            ("172.32.0.0", "191.255.255.255", true, "public"),
            ("192.88.98.255", "192.88.100.0", true, "public"),
            ("198.20.0.0", "198.51.99.255", true, "public"),
            ("203.0.114.0", "223.255.255.255", true, "public"),
        ] {
            check(first, public, what);
            check(last, public, what);
            for form in ["::", "::ffff:", "64:ff9b::"] {
                check(&format!("{form}{last}"), public, "inside of IPv6");
            }
        }
    }

    /// The IPv6 registry in the same form; `*` stands for the highest lower half.
    const REGISTRY_V6: &[(&str, &str, bool, &str)] = &[
        ("::1", "::1", false, "loopback"),
        ("::", "::", false, "unspecified"),
        (
            "64:ff9b:1::",
            "64:ff9b:1:ffff:*",
            false,
            "local translation",
        ),
        (
            "64:ff9b:1::5db8:d822",
            "64:ff9b:1::808:808",
            false,
            "the same",
        ),
        (
            "64:ff9b::1:0:0:0",
            "64:ff9b:0:ffff:*",
            false,
            "not given out",
        ),
        ("100::", "100::*", false, "discard only"),
        ("100:0:0:1::", "100:0:0:1:*", false, "dummy prefix"),
        ("2001::", "2001:0:ffff:ffff:*", false, "Teredo"),
        ("2001:1::1", "2001:1::1", true, "port control anycast"),
        ("2001:1::2", "2001:1::2", true, "TURN anycast"),
        ("2001:1::3", "2001:1::3", true, "service registration"),
        (
            "2001:1::4",
            "2001:1:ffff:ffff:*",
            false,
            "protocol assignments",
        ),
        ("2001:2::", "2001:2:0:ffff:*", false, "benchmarks"),
        ("2001:3::", "2001:3:ffff:ffff:*", true, "AMT"),
        ("2001:4:112::", "2001:4:112:ffff:*", true, "AS112"),
        ("2001:10::", "2001:1f:ffff:ffff:*", false, "ORCHID"),
        ("2001:20::", "2001:2f:ffff:ffff:*", true, "ORCHIDv2"),
        ("2001:30::", "2001:3f:ffff:ffff:*", true, "drone identities"),
        (
            "2001:40::",
            "2001:1ff:ffff:ffff:*",
            false,
            "protocol assignments",
        ),
        ("2001:200::", "2001:db7:ffff:ffff:*", true, "public"),
        ("2001:db8::", "2001:db8:ffff:ffff:*", false, "documentation"),
        (
            "2002:808:808::",
            "2002:808:808:ffff:*",
            true,
            "6to4 of 8.8.8.8",
        ),
        (
            "2002:a00::",
            "2002:aff:ffff:ffff:*",
            false,
            "6to4 of 10.0.0.0/8",
        ),
        ("2620:4f:8000::", "2620:4f:8000:ffff:*", true, "AS112"),
        ("3fff::", "3fff:fff:ffff:ffff:*", false, "documentation"),
        ("3fff:1000::", "3fff:ffff:ffff:ffff:*", true, "public"),
        ("4000::", "5eff:ffff:ffff:ffff:*", false, "not given out"),
        ("5f00::", "5f00:ffff:ffff:ffff:*", false, "segment routing"),
        ("fc00::", "fdff:ffff:ffff:ffff:*", false, "unique local"),
        ("fe80::", "febf:ffff:ffff:ffff:*", false, "link local"),
        ("fec0::", "feff:ffff:ffff:ffff:*", false, "site local"),
        ("ff00::", "ffff:ffff:ffff:ffff:*", false, "multicast"),
    ];

    #[test]
    fn the_registry_of_ipv6() {
        for (first, last, public, what) in REGISTRY_V6 {
            let last = last.replace('*', "ffff:ffff:ffff:ffff");
            check(first, *public, what);
            check(&last, *public, what);
        }
    }
}
