//! `jiazhao config check`

use std::path::Path;

use authority::{ActivationChecks, AutomaticIssue};
use clap::Subcommand;

use super::{Context, say, tell};
use crate::{
    app,
    config::{Config, Witness},
    enforcement_keys, face_models,
    failure::Failure,
    key_files,
    outgoing::{self, Caller},
    token,
};

/// What follows from having no gateway.
const NO_TEXTS: &str = "# no texts leave: nothing is proved by phone, and warnings reach the inbox only \
     (未配置短信网关：不能用手机号激活，警示信息只进入站内信)";

/// What follows from having no face models.
const NO_FACES: &str = "# no face models: photos are not judged, and drivers apply at the counter only \
     (没有人脸模型：不检测照片，只能在窗口申领)";

/// What automatic issue rests on.
const fn told(issue: &AutomaticIssue) -> &'static str {
    match issue {
        AutomaticIssue::Off => {
            "# automatic issue: off, an officer reviews every application; it needs an identity service \
             ([identity]) or a signed calibration record (自动核发：关闭，全部由民警审核)"
        }
        AutomaticIssue::Demonstration => {
            "# automatic issue: on, as in a demonstration (自动核发：演示)"
        }
        AutomaticIssue::Calibrated(_) => {
            "# automatic issue: on, by the matchers as the calibration record measures them \
             (自动核发：开启，依据已签名的标定记录)"
        }
        AutomaticIssue::External => {
            "# automatic issue: on, on the word of the identity service; what frames show goes to an officer \
             (自动核发：开启，依据外部身份认证服务)"
        }
    }
}

/// By which person checks a device is activated.
const fn activates_by(checks: ActivationChecks) -> &'static str {
    match (checks.identity_service, checks.frames) {
        (false, false) => {
            "# activation by a person check: off, a code by phone or from a counter is needed \
             (实人认证激活：关闭，须凭短信验证码或窗口激活码)"
        }
        (true, false) => {
            "# activation by a person check: on, on the word of the identity service \
             (实人认证激活：开启，依据外部身份认证服务)"
        }
        (false, true) => {
            "# activation by a person check: on, by frames, which a program can make from a photo \
             (实人认证激活：开启，依据人脸画面；画面可由程序伪造)"
        }
        (true, true) => {
            "# activation by a person check: on, on the word of the identity service, or by frames, which \
             a program can make from a photo (实人认证激活：开启，依据外部身份认证服务或人脸画面；画面可由程序伪造)"
        }
    }
}

/// What follows from naming nobody whom push services may ask.
const NO_PUSH: &str = "# nothing is pushed to browsers: push.contact is not set (未设置 push.contact，不推送网页通知)";

/// What follows from having no key of enforcement terminals.
const NO_ENFORCEMENT: &str = "# no enforcement codes: offline codes carry the public form only \
     (未配置执法终端公钥：离线码只含公开内容)";

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print what applies and every problem: 0 none, 1 some
    Check,
}

impl ConfigCommand {
    pub(super) fn run(&self, context: &Context) -> Result<u8, Failure> {
        let Self::Check = self;
        let config = context.loaded()?;
        let file = config.file.as_deref().map(Path::display);
        say(&file.map_or_else(
            || "# no configuration file: defaults apply (无配置文件，使用默认值)".to_owned(),
            |file| format!("# {file}"),
        ))?;
        say(config.to_string().trim_end())?;
        if config.texts.gateway.is_none() {
            say(NO_TEXTS)?;
        }
        if config.push.is_none() {
            say(NO_PUSH)?;
        }
        if config.codes.enforcement_key.is_none() {
            say(NO_ENFORCEMENT)?;
        }
        let (judge, faces) = match face_models::judge(&config) {
            Ok((judge, calibration)) => (judge.is_some(), Ok(calibration)),
            Err(failure) => (true, Err(failure)),
        };
        if !judge {
            say(NO_FACES)?;
        }
        let mut problems = problems(&config);
        match faces {
            Ok(calibration) => {
                say(activates_by(config.activation_checks(calibration.as_ref())))?;
                say(told(&app::automatic_issue(&config, calibration)))?;
            }
            Err(failure) => problems.push(failure),
        }
        for problem in &problems {
            tell(&format!("problem: {problem}"))?;
        }
        for file in key_files::plain(&config) {
            tell(&format!(
                "note: {} is plain text; `jiazhao keys protect` puts it under a passphrase (密钥文件未加密)",
                file.display()
            ))?;
        }
        Ok(u8::from(!problems.is_empty()))
    }
}

/// What is wrong with the machine rather than with the file.
fn problems(config: &Config) -> Vec<Failure> {
    let mut problems = key_files::problems(config);
    problems.extend(super::serve::root_key_beside(config));
    problems.extend(token::problem(config));
    problems.extend(outside(config));
    let public = !config.server.listen.ip().is_loopback();
    if public && config.base_url().starts_with("http://") {
        problems.push(Failure::new(
            "not-https",
            "服务对外开放但 server.base_url 不是 https：会话可能被窃取",
            "The service is open to others but server.base_url is not https: sessions can be stolen",
        ));
    }
    problems
}

/// Tokens, certificates and keys of others that cannot be used.
fn outside(config: &Config) -> Vec<Failure> {
    let witness = match &config.audit.witness {
        Some(Witness::Http(peer)) => Some(peer),
        Some(Witness::File(_)) | None => None,
    };
    let peers = config
        .texts
        .gateway
        .iter()
        .chain(&config.identity)
        .chain(witness);
    let mut problems: Vec<Failure> = peers.filter_map(|peer| Caller::new(peer).err()).collect();
    let roots = config
        .push
        .as_ref()
        .and_then(|push| push.ca_file.as_deref());
    problems.extend(roots.and_then(|file| outgoing::trust(Some(file)).err()));
    let report = config.texts.report_token_file.as_deref();
    problems.extend(report.and_then(|file| outgoing::token(file).err()));
    let terminals = config.codes.enforcement_key.as_deref();
    problems.extend(terminals.and_then(|file| enforcement_keys::read_public(file).err()));
    problems
}
