//! What the project depends on: `deny.toml` says which licences and sources are allowed, and which
//! packages are not. `cargo deny` reads the same file where it is installed.

use std::process::Command;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Clone, Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
    /// `None` for the packages of this repository.
    source: Option<String>,
    publish: Option<Vec<String>>,
}

/// What is wrong with each package, one line each.
fn refused(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == *name) {
            found.push(format!("{name}: {}", ban.reason));
        }
        match &package.source {
            None if package.publish.as_ref().is_some_and(Vec::is_empty) => continue,
            Some(source) if !source.starts_with("registry+") => {
                found.push(format!("{name}: comes from {source}, not from a registry"));
            }
            _ => (),
        }
        let Some(license) = &package.license else {
            found.push(format!("{name}: states no licence"));
            continue;
        };
        // Old packages write `MIT/Apache-2.0`.
        match Expression::parse_mode(license, ParseMode::LAX) {
            Ok(expression) if expression.evaluate(|part| allowed(rules, &part.to_string())) => (),
            Ok(_) => found.push(format!("{name}: the licence {license:?} is not allowed")),
            Err(error) => found.push(format!("{name}: licence {license:?}: {}", error.reason)),
        }
    }
    found
}

fn allowed(rules: &Rules, license: &str) -> bool {
    rules.licenses.allow.iter().any(|known| known == license)
}

fn rules() -> Rules {
    toml::from_str(include_str!("../../../deny.toml")).unwrap()
}

#[test]
fn dependencies_have_allowed_licences_and_sources() {
    let answer = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "cargo metadata: {errors}");
    let metadata: Metadata = serde_json::from_slice(&answer.stdout).unwrap();
    assert!(100 < metadata.packages.len(), "all packages are listed");
    let found = refused(&rules(), &metadata.packages);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn refused_packages_are_named_with_the_reason() {
    let good = Package {
        name: "good".into(),
        license: Some("MIT OR GPL-3.0-only".into()),
        source: Some("registry+x".into()),
        publish: None,
    };
    let with = |change: fn(&mut Package)| {
        let mut package = good.clone();
        change(&mut package);
        package
    };
    let check = |package: Package, expected: &[&str]| {
        let found = refused(&rules(), &[package]);
        assert_eq!(found, expected);
    };
    check(good.clone(), &[]);
    check(
        with(|package| package.license = Some("MIT/Apache-2.0".into())),
        &[],
    );
    check(
        with(|package| package.license = Some("MIT AND GPL-3.0-only".into())),
        &["good: the licence \"MIT AND GPL-3.0-only\" is not allowed"],
    );
    check(
        with(|package| package.license = None),
        &["good: states no licence"],
    );
    check(
        with(|package| package.source = Some("git+x".into())),
        &["good: comes from git+x, not from a registry"],
    );
    check(
        with(|package| package.name = "native-tls".into()),
        &["native-tls: one TLS implementation: rustls"],
    );
}
