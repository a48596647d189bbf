//! `bench`: one line a figure, `name  value  unit  ratio-to-peer  peer`.

use std::ffi::OsString;

use crate::sh::{self, Failure, say};

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
        ],
    ),
    (
        "codes",
        &["code-dynamic", "code-offline", "code-offline-portrait"],
    ),
    ("portrait", &["photo-assess", "face-compare"]),
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

/// Runs the benches, a workspace of their own since their peers are no part of
/// the product. Where it is not there, every promised name says so.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let group = arguments.first().filter(|it| !is_option(it));
    let chosen = chosen(group)?;
    let manifest = sh::root().join("benches").join("Cargo.toml");
    if manifest.is_file() {
        let mut command = sh::cargo();
        command.args(["run", "--quiet", "--release", "--manifest-path"]);
        return sh::run(command.arg(manifest).arg("--").args(arguments));
    }
    for name in chosen {
        say(&format!("{name} absent no bench measures it yet"))?;
    }
    Ok(())
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
    use super::*;

    #[test]
    fn a_group_chooses_its_names_and_none_chooses_all() {
        let verify = chosen(Some(&"verify".into())).unwrap();
        assert_eq!(verify.len(), 4);
        assert!(verify.contains(&"verify-numeric"));
        assert_eq!(chosen(None).unwrap().len(), 23);
    }

    #[test]
    fn an_unknown_group_is_a_usage_error() {
        let failure = chosen(Some(&"speed".into())).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("crypto"));
    }
}
