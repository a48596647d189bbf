//! The repository's own text files.

use std::fs;
use std::path::Path;

use crate::sh::Failure;

/// A text file and its path below the root, with `/` between the parts.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file below `folder` (a path below the root, or "") whose name ends in
/// `.extension`, in the order of their paths. What is built, fetched or hidden
/// is not looked at.
pub(crate) fn texts(root: &Path, folder: &str, extension: &str) -> Result<Vec<Text>, Failure> {
    let mut paths = Vec::new();
    collect(&root.join(folder), folder, extension, &mut paths)?;
    paths.sort();
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs::read_to_string(root.join(&path))
            .map_err(|error| Failure::new(format!("{path}: {error}")))?;
        texts.push(Text { path, text });
    }
    Ok(texts)
}

fn collect(
    folder: &Path,
    below: &str,
    extension: &str,
    found: &mut Vec<String>,
) -> Result<(), Failure> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_foreign(&path, &name) {
            collect(&entry.path(), &path, extension, found)?;
        } else if kind.is_file()
            && Path::new(&name)
                .extension()
                .is_some_and(|it| it == extension)
        {
            found.push(path);
        }
    }
    Ok(())
}

fn is_foreign(path: &str, name: &str) -> bool {
    // `data` is the demo's default folder, at the root only.
    name.starts_with('.') || matches!(name, "target" | "node_modules") || path == "data"
}
