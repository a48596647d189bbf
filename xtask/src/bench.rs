//! `bench`: one line a figure, `name  value  unit  ratio-to-peer  peer`.

use std::ffi::OsString;
use std::path::Path;

use crate::sh::{self, Failure};

/// The groups and the names that each promises to print.
const GROUPS: [(&str, &[&str]); 6] = [
    ("registry", &["import", "import-photos", "issue"]),
    (
        "verify",
        &[
            "verify-status",
            "verify-offline",
            "verify-full",
            "verify-numeric",
        ],
    ),
    (
        "crypto",
        &[
            "sm2-sign",
            "sm2-verify",
            "sm2-verify-batch",
            "sm2-verify-batch-scalar",
            "sm2-verify-batch-avx512",
            "es256-sign",
            "es256-verify",
            "es256-verify-batch",
            "es256-verify-batch-scalar",
            "es256-verify-batch-avx512",
        ],
    ),
    (
        "codes",
        &["code-dynamic", "code-offline", "code-offline-portrait"],
    ),
    (
        "portrait",
        &["photo-assess", "face-compare", "person-check"],
    ),
    (
        "web",
        &[
            "web-holder-first-load",
            "web-licence-warm",
            "web-licence-cold",
            "web-guidance",
        ],
    ),
];

/// Photos and faces are a workspace of their own: they need nothing of the platform, which
/// takes long to build.
const PORTRAIT: &str = "portrait";

/// Runs the benches, workspaces of their own since their peers are no part of
/// the product.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let group = arguments.first().filter(|it| !is_option(it));
    // No figure, but the refusal of a name that is no group's.
    chosen(group)?;
    let benches = sh::root().join("benches");
    if group.is_none_or(|it| it != PORTRAIT) {
        measure(&benches, arguments)?;
    }
    if group.is_none_or(|it| it == PORTRAIT) {
        measure(&benches.join(PORTRAIT), arguments)?;
    }
    Ok(())
}

fn measure(folder: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    let mut command = sh::cargo();
    command.args(["run", "--quiet", "--release", "--manifest-path"]);
    command.arg(folder.join("Cargo.toml")).arg("--");
    sh::run(command.args(arguments))
}

fn is_option(argument: &OsString) -> bool {
    argument.to_str().is_some_and(|it| it.starts_with("--"))
}

fn chosen(group: Option<&OsString>) -> Result<Vec<&'static str>, Failure> {
    let names = GROUPS
        .iter()
        .filter(|(name, _)| group.is_none_or(|it| it == name))
        .flat_map(|(_, names)| names.iter().copied())
        .collect::<Vec<_>>();
    if names.is_empty() {
        let known: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("the groups are: {known}")));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_group_chooses_its_names_and_none_chooses_all() {
        let verify = chosen(Some(&"verify".into())).unwrap();
        assert_eq!(verify.len(), 4);
        assert!(verify.contains(&"verify-numeric"));
        let all = chosen(None).unwrap();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        let of_groups = GROUPS.map(|(name, _)| chosen(Some(&name.into())).unwrap().len());
        assert_eq!(all.len(), of_groups.iter().sum::<usize>());
    }

    #[test]
    fn an_unknown_group_is_a_usage_error() {
        let failure = chosen(Some(&"speed".into())).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("crypto"));
    }
}
