//! Status lists that were fetched before, in a folder.

use std::{fs, io, path::Path};

use credential::{
    ListRefusal, Reason, StatusSource, UnverifiedStatusList, VerifiedStatusList, VerifiedTrustList,
    status_list::token::MAX_TOKEN,
};

use crate::{command::tell, failure::Failure, import::read_within};

const OTHER_NUMBER: Reason = Reason {
    code: "status-list-other-number",
    zh: "文件名与状态列表的编号不符",
    en: "the file is named after another list",
};
const UNREADABLE: Reason = Reason {
    code: "file-unreadable",
    zh: "无法读取文件或文件过大",
    en: "The file cannot be read or is too large",
};

/// Reads every list of the folder. One that is not believed is told on standard error and left out:
/// what it would speak of is unknown then.
pub(super) fn read(folder: &Path, trust: &VerifiedTrustList) -> Result<StatusSource, Failure> {
    let unreadable = |error: io::Error| {
        let Reason { code, zh, en } = UNREADABLE;
        Failure::new(code, zh, en).about(format!("{}: {error}", folder.display()))
    };
    let mut source = StatusSource::default();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let form = path.extension().and_then(|it| it.to_str());
        if !matches!(form, Some("cwt" | "jwt")) {
            continue;
        }
        match verified(&path, trust) {
            Ok(list) => source.hold(list),
            Err(Reason { code, zh, en }) => {
                tell(&format!("jiazhao: {code}: {en}: {} ({zh})", path.display()))?;
            }
        }
    }
    Ok(source)
}

fn verified(path: &Path, trust: &VerifiedTrustList) -> Result<VerifiedStatusList, Reason> {
    let bytes = read_within(path, MAX_TOKEN).ok_or(UNREADABLE)?;
    let list = UnverifiedStatusList::parse(&bytes)
        .map_err(ListRefusal::Malformed)
        .and_then(|list| list.verify(trust))
        .map_err(ListRefusal::reason)?;
    let named = path.file_stem().and_then(|it| it.to_str());
    if named == Some(list.number().to_string().as_str()) {
        Ok(list)
    } else {
        Err(OTHER_NUMBER)
    }
}
