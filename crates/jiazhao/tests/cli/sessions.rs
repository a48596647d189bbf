//! Who uses a served installation. Their sessions are made in process, as a demonstration does:
//! there nobody types the codes of a second factor. They are good for the server too, and across
//! its restarts.

use authority::{
    Client, ClientKind, SecondFactor,
    views::{NewRegistrySource, NewStaff, OfficeView, SessionKindView, SignIn},
};
use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
};

use super::*;

const PASSWORD: &str = "correct horse battery staple";

/// What the server knows its callers by: as headers.
pub(crate) struct Sessions {
    pub(crate) registry: String,
    pub(crate) counter: String,
    pub(crate) reviewer: String,
    pub(crate) police: String,
}

/// Makes an office, its staff and a registry.
pub(crate) async fn seed(folder: &Folder, config: &str, password: &str) -> Sessions {
    let app = open(folder, config).await;
    let authority = app.authority();
    let admin = token(&app, "admin", password).await;
    let mut act = app.act("test");
    act.actor = authority
        .authenticate(&admin, None, act.now)
        .await
        .unwrap()
        .0;
    let office = OfficeView {
        code: "1101-01".to_owned(),
        name: "车管所".to_owned(),
        authority_code: "1101".to_owned(),
    };
    authority.add_office(&mut act, office).await.unwrap();
    for role in ["counter", "reviewer", "police"] {
        let staff = NewStaff {
            login: role.to_owned(),
            name: "演示员".to_owned(),
            password: PASSWORD.to_owned(),
            roles: vec![role.to_owned()],
            office: Some("1101-01".to_owned()),
            own_licence_number: None,
        };
        authority.add_staff(&mut act, staff).await.unwrap();
    }
    let source = NewRegistrySource {
        name: "registry".to_owned(),
        authorities: vec!["1101".to_owned()],
    };
    let source = authority.add_registry_source(&mut act, source).await;
    let registry = format!("Bearer {}", source.unwrap().token);
    let sessions = signed_in(&app, registry).await;
    app.close().await;
    sessions
}

/// Another administrator, signed in.
#[cfg(feature = "pkcs11")]
pub(crate) async fn administrator(
    folder: &Folder,
    config: &str,
    login: &str,
    password: &str,
) -> String {
    let app = open(folder, config).await;
    let authority = app.authority();
    let admin = token(&app, "admin", password).await;
    let mut act = app.act("test");
    let known = authority.authenticate(&admin, None, act.now).await;
    act.actor = known.unwrap().0;
    let staff = NewStaff {
        login: login.to_owned(),
        name: "演示员".to_owned(),
        password: PASSWORD.to_owned(),
        roles: vec!["admin".to_owned()],
        office: None,
        own_licence_number: None,
    };
    authority.add_staff(&mut act, staff).await.unwrap();
    let cookie = format!("jz_session={}", token(&app, login, PASSWORD).await);
    app.close().await;
    cookie
}

/// Signs everybody in anew, where earlier sessions were ended.
pub(crate) async fn again(folder: &Folder, config: &str, sessions: &Sessions) -> Sessions {
    let app = open(folder, config).await;
    let sessions = signed_in(&app, sessions.registry.clone()).await;
    app.close().await;
    sessions
}

async fn signed_in(app: &App, registry: String) -> Sessions {
    let cookie = async |login| format!("jz_session={}", token(app, login, PASSWORD).await);
    Sessions {
        registry,
        counter: cookie("counter").await,
        reviewer: cookie("reviewer").await,
        police: cookie("police").await,
    }
}

async fn open(folder: &Folder, config: &str) -> App {
    let data = folder.path("data");
    let config = Config::load(Some(Path::new(config)), Path::new(&data)).unwrap();
    let options = Options {
        second_factor: SecondFactor::Demonstration,
        ..Options::default()
    };
    let ambient = Ambient::system().unwrap();
    App::open(&config, &ambient, options).await.unwrap()
}

async fn token(app: &App, login: &str, password: &str) -> String {
    let request = SignIn {
        login: login.to_owned(),
        password: password.to_owned(),
        kind: SessionKindView::Staff,
        second_factor: None,
    };
    let mut act = app.act("test");
    let client = Client {
        device: None,
        kind: ClientKind::Other,
    };
    let signed_in = app.authority().sign_in(&mut act, request, client).await;
    signed_in.unwrap().0
}
