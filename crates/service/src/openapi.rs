//! What the API document says besides its routes.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{guard, problem::ProblemView};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "驾照 Jiazhao",
        description = "机动车电子驾驶证平台接口。The electronic driving licence: issue, show, verify. \
            Refusals are application/problem+json; the last part of `type` is a stable code. \
            An unsafe request with a session carries `Content-Type: application/json`, also without \
            a body; a browser may send it only from this service's own pages."
    ),
    components(schemas(ProblemView)),
    modifiers(&Security),
    security(("session" = [])),
    tags(
        (name = "sessions", description = "登录 Signing in and out"),
        (name = "staff", description = "工作人员账号 The own account of staff"),
        (name = "holder", description = "驾驶人 The driver, and only the own licence (R77)"),
        (name = "counter", description = "窗口 The counter (R91)"),
        (name = "review", description = "审核 Review (R34)"),
        (name = "sanctions", description = "停止申领使用 Sanctions (R75, R76)"),
        (name = "verifications", description = "核验 Verification (R11)"),
        (name = "registry", description = "登记信息 Changes from driver registries"),
        (name = "notifier", description = "短信网关 Reports of the text gateway"),
        (name = "admin", description = "管理 Administration"),
        (name = "trust", description = "可信清单 Trust"),
        (name = "operation", description = "运行 Operation"),
    )
)]
struct Head;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let cookie = ApiKeyValue::with_description(guard::COOKIE, "Set by signing in");
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of a registry source"));
        let gateway = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of the text gateway"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("source", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("gateway", SecurityScheme::Http(gateway.build()));
    }
}

/// The document before its routes are added.
pub(crate) fn head() -> openapi::OpenApi {
    Head::openapi()
}
