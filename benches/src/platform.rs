//! The platform as `serve` opens it, on a throw-away folder: durable commits and photos, every
//! record sealed. Only the clock stands still, so that codes of a long run do not expire.

use std::{path::Path, sync::Arc};

use authority::{
    Act, Actor, Authority, Client, ClientKind, Delivery, Role, SecondFactor,
    views::{
        CounterApply, Decide, DecisionView, IdentityCheck, IdentityMethod, NewStaff, OfficeView,
        SessionKindView, SignIn,
    },
};
use jiazhao::{
    ambient::SystemEntropy,
    app::{Ambient, App, Options},
    config::Config,
    demo::{people::Person, portraits::Portraits},
    key_files::Missing,
    passwords,
};
use jiff::{Timestamp, civil::Date};
use licence::{CITIES, City, civil_date};
use storage::{AliasKind, CurrentELicence, HolderId};
use tempfile::TempDir;

use crate::{figure::Failed, postgres::Engine};

/// Noon in Shanghai on a Monday on which every city of the first batch takes part.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_725_249_600, 0);
/// Where all officers and drivers are.
const CITY: &str = "1101";
const OFFICE: &str = "1101-01";

/// A platform with an office and its officers.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) app: App,
    pub(crate) counter: Actor,
    pub(crate) reviewer: Actor,
    /// The token of a police officer's session.
    pub(crate) police: String,
    portraits: Portraits,
    _folder: TempDir,
}

/// A driver with an e-licence.
#[derive(Debug)]
pub(crate) struct Licensed {
    pub(crate) holder: HolderId,
    pub(crate) current: CurrentELicence,
}

struct StillClock;

impl service::Clock for StillClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Platform {
    /// Opens one on an empty database.
    pub(crate) async fn open(engine: &Engine) -> Result<Self, Failed> {
        let folder = TempDir::new()?;
        let url = match engine {
            Engine::Sqlite => None,
            Engine::PostgreSql(server) => Some(server.database()),
        };
        let app = open(folder.path(), url.as_deref()).await?;
        app.establish_keys(&folder.path().join("keys").join("root.json"))
            .await?;
        app.close().await;
        let app = open(folder.path(), url.as_deref()).await?;
        let admin = administrator(&app).await?;
        let (counter, _) = member(&app, &admin, Role::Counter).await?;
        let (reviewer, _) = member(&app, &admin, Role::Reviewer).await?;
        let (_, police) = member(&app, &admin, Role::Police).await?;
        Ok(Self {
            app,
            counter,
            reviewer,
            police,
            portraits: Portraits::default(),
            _folder: folder,
        })
    }

    pub(crate) fn authority(&self) -> &Authority {
        self.app.authority()
    }

    pub(crate) fn act(&self, actor: &Actor) -> Act {
        act(&self.app, actor)
    }

    /// Registers drivers, as the registry would.
    pub(crate) async fn register(&self, people: &[Person]) -> Result<(), Failed> {
        let lines = (1..).zip(people).map(|(number, person)| {
            let line = person.line();
            Delivery::from_line(number, line.as_bytes())
        });
        let mut act = self.app.act("bench");
        let view = self.authority().deliver(&mut act, lines.collect()).await?;
        if view.rejected == 0 {
            Ok(())
        } else {
            Err(Failed::new("a made-up driver was rejected"))
        }
    }

    /// Applies for a driver at the counter, and a reviewer takes the case; answers the application.
    pub(crate) async fn apply(&self, person: &Person) -> Result<String, Failed> {
        let request = CounterApply {
            licence_number: person.licence_number().to_owned(),
            identity: IdentityCheck {
                method: IdentityMethod::IdCardReader,
                note: String::new(),
            },
            photo: self.portraits.data_url(person.number())?,
        };
        let mut act = self.act(&self.counter);
        let application = self
            .authority()
            .apply_at_counter(&mut act, request, None)
            .await?;
        let mut act = self.act(&self.reviewer);
        self.authority().claim(&mut act, &application.id).await?;
        Ok(application.id)
    }

    /// Approves an application, which issues the e-licence.
    pub(crate) async fn approve(&self, application: &str) -> Result<(), Failed> {
        let approve = Decide {
            decision: DecisionView::Approve,
            reasons: Vec::new(),
            acknowledged: Vec::new(),
        };
        let mut act = self.act(&self.reviewer);
        self.authority()
            .decide(&mut act, application, approve, None)
            .await?;
        Ok(())
    }

    /// So many drivers with e-licences.
    pub(crate) async fn licensed(&self, count: u64) -> Result<Vec<Licensed>, Failed> {
        let people = people(0, count)?;
        self.register(&people).await?;
        let store = self.authority().store();
        let mut licensed = Vec::new();
        for person in &people {
            let application = self.apply(person).await?;
            self.approve(&application).await?;
            let number = store.alias(AliasKind::LicenceNumber, person.licence_number());
            let found = store
                .holders_of(AliasKind::LicenceNumber, &[number])
                .await?;
            let holder = found.into_values().next();
            let holder = holder.ok_or_else(|| Failed::new("a driver has no number"))?;
            let current = store.current_e_licence(&holder).await?;
            let current = current.ok_or_else(|| Failed::new("a driver has no e-licence"))?;
            licensed.push(Licensed { holder, current });
        }
        Ok(licensed)
    }
}

/// Opens the platform on a folder, and on a server where there is a URL.
pub(crate) async fn open(data: &Path, url: Option<&str>) -> Result<App, Failed> {
    let text = url.map_or_else(String::new, |url| {
        format!("[database]\nurl = {}\n", serde_json::json!(url))
    });
    let config = Config::parse(&text, None, data)
        .map_err(|_odd| Failed::new("the configuration is not what it should be"))?;
    let ambient = Ambient {
        clock: Arc::new(StillClock),
        entropy: Arc::new(SystemEntropy::open()?),
    };
    let options = Options {
        missing_keys: Missing::Make,
        second_factor: SecondFactor::Demonstration,
        ..Options::default()
    };
    Ok(App::open(&config, &ambient, options).await?)
}

/// Ordinary drivers of one city, from a number on.
pub(crate) fn people(from: u64, count: u64) -> Result<Vec<Person>, Failed> {
    let city: Option<&'static City> = CITIES.iter().find(|city| city.code == CITY);
    let city = city.ok_or_else(|| Failed::new("there is no such city"))?;
    let people = from..from.saturating_add(count);
    Ok(people
        .map(|number| Person::new(city, number, today()))
        .collect())
}

/// The day on which the clock stands.
pub(crate) fn today() -> Date {
    civil_date(NOW)
}

async fn administrator(app: &App) -> Result<Actor, Failed> {
    let mut act = app.act("bench");
    let password = passwords::generate(&mut act.rng);
    app.authority()
        .bootstrap_admin(&mut act, "admin", password.clone())
        .await?;
    let (admin, _) = sign_in(app, "admin", &password).await?;
    let office = OfficeView {
        code: OFFICE.to_owned(),
        name: "车管所（演示）".to_owned(),
        authority_code: CITY.to_owned(),
    };
    let mut act = self::act(app, &admin);
    app.authority().add_office(&mut act, office).await?;
    Ok(admin)
}

async fn member(app: &App, admin: &Actor, role: Role) -> Result<(Actor, String), Failed> {
    let mut act = act(app, admin);
    let password = passwords::generate(&mut act.rng);
    let member = NewStaff {
        login: role.as_str().to_owned(),
        name: "演示员".to_owned(),
        password: password.as_str().to_owned(),
        roles: vec![role.as_str().to_owned()],
        office: Some(OFFICE.to_owned()),
        own_licence_number: None,
    };
    app.authority().add_staff(&mut act, member).await?;
    sign_in(app, role.as_str(), &password).await
}

async fn sign_in(app: &App, login: &str, password: &str) -> Result<(Actor, String), Failed> {
    let mut act = act(app, &Actor::Anonymous);
    let request = SignIn {
        login: login.to_owned(),
        password: password.to_owned(),
        kind: SessionKindView::Staff,
        second_factor: None,
    };
    let client = Client {
        device: None,
        kind: ClientKind::Other,
    };
    let (token, _) = app.authority().sign_in(&mut act, request, client).await?;
    let (actor, _) = app.authority().authenticate(&token, None, act.now).await?;
    Ok((actor, token.as_str().to_owned()))
}

fn act(app: &App, actor: &Actor) -> Act {
    Act {
        actor: actor.clone(),
        ..app.act("bench")
    }
}
