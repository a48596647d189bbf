//! Dependencies run downward only, and some crates have one place.

use serde_json::Value;

use crate::sh::{self, Failure};

/// Each crate and the crates of this workspace that it may stand on, top down.
/// Whatever is not listed here has no place yet and is refused.
const FLOORS: [(&str, &[&str]); 11] = [
    (
        "testkit",
        &[
            "jiazhao",
            "service",
            "authority",
            "storage",
            "portrait",
            "inference",
            "credential",
            "sm2-verifier",
            "licence",
        ],
    ),
    (
        "jiazhao",
        &[
            "service",
            "authority",
            "storage",
            "portrait",
            "inference",
            "credential",
            "sm2-verifier",
            "licence",
        ],
    ),
    ("service", &["authority"]),
    (
        "authority",
        &["storage", "portrait", "credential", "licence"],
    ),
    ("storage", &["credential", "licence"]),
    ("portrait", &["inference"]),
    ("credential", &["licence", "sm2-verifier"]),
    ("inference", &[]),
    ("sm2-verifier", &[]),
    ("licence", &[]),
    ("xtask", &[]),
];

/// Outside crates and the only crates that may name them. `jiazhao` serves the
/// finished router: `sources` checks that it takes no more of axum.
const PLACES: [(&str, &[&str]); 12] = [
    ("cryptoki", &["jiazhao"]),
    ("matrixmultiply", &["inference"]),
    ("kamadak-exif", &["portrait"]),
    ("libdeflater", &["credential"]),
    ("sqlx", &["storage"]),
    ("object_store", &["storage"]),
    ("axum", &["service", "jiazhao"]),
    ("utoipa", &["authority", "service"]),
    ("utoipa-axum", &["service"]),
    ("tower-http", &["service"]),
    ("rust-embed", &["service"]),
    ("webp", &["portrait"]),
];

/// Nowhere in the product: aws-lc-rs is the one provider of cryptography.
const BANNED: [&str; 3] = ["ring", "openssl", "openssl-sys"];

pub(crate) fn check() -> Result<(), Failure> {
    let metadata = sh::stdout_of(sh::cargo().args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata = serde_json::from_slice(&metadata)
        .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let mut problems = violations(&metadata);
    // The tree, unlike the metadata, leaves out what no feature turns on.
    let tree = sh::stdout_of(
        sh::cargo()
            .args(["tree", "--locked", "--package", "jiazhao", "--target"])
            .args(["all", "--edges", "normal,build", "--prefix", "none"]),
    )?;
    problems.extend(banned(&String::from_utf8_lossy(&tree)));
    Failure::unless_empty(&problems)
}

/// What `cargo metadata --no-deps` shows that the tables above do not allow.
fn violations(metadata: &Value) -> Vec<String> {
    let packages = list(metadata, "packages");
    let ours: Vec<&str> = packages.iter().map(|it| text(it, "name")).collect();
    let mut problems = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some((_, allowed)) = FLOORS.iter().find(|(floor, _)| *floor == name) else {
            problems.push(format!("{name} has no floor in xtask's layering table"));
            continue;
        };
        // Tests may look anywhere; their dependencies have the kind "dev".
        let named = list(package, "dependencies").iter();
        let named = named.filter(|it| it.get("kind").and_then(Value::as_str) != Some("dev"));
        for dependency in named.map(|it| text(it, "name")) {
            if ours.contains(&dependency) && !allowed.contains(&dependency) {
                problems.push(format!("{name} -> {dependency} does not go downward"));
            }
            if name != "testkit" && !may_name(name, dependency) {
                problems.push(format!("{name} -> {dependency}: not its place"));
            }
        }
    }
    problems
}

fn may_name(package: &str, dependency: &str) -> bool {
    let mut places = PLACES.iter();
    places
        .find(|(outside, _)| *outside == dependency)
        .is_none_or(|(_, homes)| homes.contains(&package))
}

/// The banned crates among the lines `name vX.Y.Z ...` of a dependency tree.
fn banned(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<&str> = names.filter(|name| BANNED.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    let found = found.into_iter();
    found
        .map(|name| format!("{name} is in the product's tree"))
        .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let list = value.get(key).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind}))
            .collect();
        json!({"name": name, "dependencies": dependencies})
    }

    #[test]
    fn downward_and_outside_dependencies_are_fine() {
        let metadata = json!({"packages": [
            package("licence", &[("serde", None)]),
            package("credential", &[("licence", None)]),
            package("storage", &[("credential", None), ("sqlx", None)]),
            package("jiazhao", &[("storage", None), ("axum", None)]),
        ]});
        assert_eq!(violations(&metadata), Vec::<String>::new());
    }

    #[test]
    fn upward_dependencies_are_named_unless_they_are_for_tests() {
        let metadata = json!({"packages": [
            package("licence", &[("storage", None), ("testkit", Some("dev"))]),
            package("storage", &[("licence", None), ("service", Some("build"))]),
            package("service", &[("storage", None)]),
            package("testkit", &[]),
        ]});
        let expected = [
            "licence -> storage does not go downward",
            "storage -> service does not go downward",
            "service -> storage does not go downward",
        ];
        assert_eq!(violations(&metadata), expected);
    }

    #[test]
    fn sql_and_http_have_one_place() {
        let metadata = json!({"packages": [
            package("authority", &[("sqlx", None), ("axum", None)]),
            package("jiazhao", &[("tower-http", None)]),
        ]});
        let expected = [
            "authority -> sqlx: not its place",
            "authority -> axum: not its place",
            "jiazhao -> tower-http: not its place",
        ];
        assert_eq!(violations(&metadata), expected);
    }

    #[test]
    fn a_crate_without_a_floor_is_refused() {
        let metadata = json!({"packages": [package("helpers", &[])]});
        assert_eq!(violations(&metadata).len(), 1);
    }

    #[test]
    fn banned_crates_are_found_by_whole_name() {
        let tree = "jiazhao v0.1.0 (/x)\nring v0.17.14\nring v0.17.14 (*)\nstring v1.0.0\n";
        assert_eq!(banned(tree), ["ring is in the product's tree"]);
        assert!(banned("openssl-probe v0.1.6\n").is_empty());
    }
}
