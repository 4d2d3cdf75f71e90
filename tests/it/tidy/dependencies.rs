//! Checks dependencies against `deny.toml`, which lists allowed licences and sources, and banned
//! packages. `cargo deny` reads the same file where it is installed.

use std::collections::{BTreeMap, BTreeSet};
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
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for linked dependencies, otherwise `dev` or `build`.
    kind: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    /// `None` for packages of this repository.
    source: Option<String>,
    publish: Option<Vec<String>>,
    targets: Vec<Target>,
}

#[derive(Clone, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Package {
    /// Returns whether it runs in the compiler and is not linked.
    fn is_macro(&self) -> bool {
        let kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.into_iter().any(|kind| kind == "proc-macro")
    }
}

impl Metadata {
    /// Returns the ids of the packages that are linked into the product.
    fn linked(&self) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let macros = self.packages.iter().filter(|package| package.is_macro());
        let macros: BTreeSet<&str> = macros.map(|package| package.id.as_str()).collect();
        let product = self.packages.iter().find(|package| package.name == "wmctl");
        let mut next = vec![product.expect("the product is a package").id.as_str()];
        let mut linked = BTreeSet::new();
        while let Some(id) = next.pop() {
            if !macros.contains(id) && linked.insert(id) {
                let deps = nodes[id].deps.iter();
                let normal = deps.filter(|dep| dep.dep_kinds.iter().any(|of| of.kind.is_none()));
                next.extend(normal.map(|dep| dep.pkg.as_str()));
            }
        }
        linked
    }
}

/// Returns the problems of each package, one per line. Bans apply to linked packages.
fn refused(rules: &Rules, packages: &[Package], linked: &BTreeSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        let ban = rules.bans.deny.iter().find(|ban| ban.name == *name);
        if let Some(ban) = ban.filter(|_| linked.contains(package.id.as_str())) {
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
    let linked = metadata.linked();
    assert!(100 < linked.len(), "the product links what it lists");
    let found = refused(&rules(), &metadata.packages, &linked);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn refused_packages_are_named_with_the_reason() {
    let good = Package {
        id: "one".into(),
        name: "good".into(),
        license: Some("MIT OR GPL-3.0-only".into()),
        source: Some("registry+x".into()),
        publish: None,
        targets: Vec::new(),
    };
    let with = |change: fn(&mut Package)| {
        let mut package = good.clone();
        change(&mut package);
        package
    };
    let check = |package: Package, expected: &[&str]| {
        let found = refused(&rules(), &[package], &["one"].into());
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
