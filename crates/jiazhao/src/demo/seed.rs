//! Filling an empty platform, by the ways that are there for it.

use std::{collections::BTreeMap, io::BufReader, net::IpAddr};

use authority::{
    Act, Actor, Client, ClientKind, Delivery, Role,
    views::{
        CounterApply, Decide, DecisionView, IdentityCheck, IdentityMethod, MakeActivationCode,
        NewRegistrySource, NewStaff, OfficeView, SessionKindView, SignIn,
    },
};
use jiff::{Timestamp, civil::Date};
use licence::{CITIES, City};

use super::{
    accounts::{Account, Accounts},
    lines::Lines,
    people::{OUTSIDE, Person, population},
    portraits::Portraits,
};
use crate::{
    app::{Ambient, App, Options},
    config::Config,
    failure::Failure,
    import::{self, PhotoFolder},
    passwords,
};

/// What the registry sends of a driver after the e-licence was issued.
enum Then {
    Nothing,
    Status(&'static [&'static str]),
    Edition(&'static [&'static str]),
}

/// How far a driver is taken. Each has a printed code: a driver signs in only on a device that they
/// activated themselves.
enum Far {
    /// Has an e-licence.
    Licensed(Then),
    /// Is known to the registry.
    Registered,
}

/// A driver whom the demonstration takes further than the registry.
struct Featured {
    city: &'static str,
    number: u64,
    role: &'static str,
    far: Far,
}

const fn licensed(city: &'static str, number: u64, role: &'static str, then: Then) -> Featured {
    Featured {
        city,
        number,
        role,
        far: Far::Licensed(then),
    }
}

/// Cities with staff of their own.
const BEIJING: &str = "1101";
const CHENGDU: &str = "5101";
const SHENZHEN: &str = "4403";

const FEATURED: [Featured; 12] = [
    licensed(BEIJING, 0, "driver-black", Then::Nothing),
    licensed(BEIJING, 1, "driver-red", Then::Status(&["B"])),
    licensed(BEIJING, 2, "driver-hidden", Then::Status(&["J"])),
    Featured {
        city: BEIJING,
        number: 3,
        role: "driver-without",
        far: Far::Registered,
    },
    licensed(CHENGDU, 0, "driver-black", Then::Nothing),
    licensed(CHENGDU, 1, "driver-red", Then::Status(&["S"])),
    licensed(CHENGDU, 2, "driver-hidden", Then::Status(&["G"])),
    licensed(
        CHENGDU,
        3,
        "driver-superseded",
        Then::Edition(&["C1", "A2"]),
    ),
    licensed(SHENZHEN, 0, "driver-black", Then::Status(&["H"])),
    licensed(SHENZHEN, 1, "driver-red", Then::Status(&["D"])),
    licensed(SHENZHEN, 2, "driver-hidden", Then::Status(&["L"])),
    Featured {
        city: SHENZHEN,
        number: 3,
        role: "driver-to-activate",
        far: Far::Registered,
    },
];

struct Seeder<'a> {
    app: &'a App,
    portraits: Portraits,
    today: Date,
    accounts: Vec<Account>,
    actors: BTreeMap<String, Actor>,
}

/// Makes keys, offices, staff, a registry source, the drivers, and takes a dozen of them further.
pub(super) async fn seed(
    config: &Config,
    ambient: &Ambient,
    options: Options,
    drivers: u64,
) -> Result<(App, Accounts), Failure> {
    let taken = || {
        Failure::new(
            "demo-not-empty",
            "数据目录或数据库不为空且不是完整的演示数据：请换用空目录，或删除中断的演示目录后重试",
            "The data folder or database is not empty and no complete demo: take an empty one, or remove the folder of an interrupted demo and try again",
        )
        .about(config.data.display())
    };
    if config.sqlite_file().is_some_and(std::path::Path::exists) {
        return Err(taken());
    }
    let app = App::open(config, ambient, options.clone()).await?;
    if app.authority().store().has_staff().await?
        || app.authority().keys(ambient.clock.now()).is_ok()
    {
        return Err(taken());
    }
    app.establish_keys(&config.root_key_file()).await?;
    app.close().await;
    let app = App::open(config, ambient, options).await?;
    let mut seeder = Seeder {
        app: &app,
        portraits: Portraits::default(),
        today: app.today(),
        accounts: Vec::new(),
        actors: BTreeMap::new(),
    };
    seeder.staff().await?;
    seeder.registry(drivers).await?;
    for featured in &FEATURED {
        seeder.take_further(featured).await?;
    }
    let accounts = Accounts::new(seeder.accounts);
    accounts.keep(config)?;
    Ok((app, accounts))
}

/// Prints new activation codes where the old ones are over.
pub(super) async fn renew_codes(
    app: &App,
    config: &Config,
    accounts: &mut Accounts,
) -> Result<(), Failure> {
    let now = app.ambient().clock.now();
    let mut officers = BTreeMap::new();
    for city in [BEIJING, CHENGDU, SHENZHEN] {
        officers.insert(city.to_owned(), accounts.of("counter", city)?.clone());
    }
    for account in accounts.all_mut() {
        let over = account.expires_at.is_some_and(|until| until <= now);
        let Some(officer) = officers.get(&account.city).filter(|_| over) else {
            continue;
        };
        let actor = sign_in(app, &officer.login, &officer.secret).await?;
        let mut act = act_of(app, &actor);
        let request = code_request(&account.login);
        let code = app
            .authority()
            .make_activation_code(&mut act, request)
            .await?;
        account.secret = code.code;
        account.expires_at = Some(code.expires_at);
    }
    accounts.keep(config)
}

impl Seeder<'_> {
    async fn staff(&mut self) -> Result<(), Failure> {
        let mut act = self.app.act("demo");
        let password = passwords::generate(&mut act.rng);
        self.app
            .authority()
            .bootstrap_admin(&mut act, "admin", password.clone())
            .await?;
        self.account("admin", "", "admin", &password, None);
        let admin = sign_in(self.app, "admin", &password).await?;
        for city in CITIES.iter().chain([&OUTSIDE]) {
            let office = OfficeView {
                code: office_of(city),
                name: format!("{}市车辆管理所（演示）", city.zh),
                authority_code: city.code.to_owned(),
            };
            let mut act = act_of(self.app, &admin);
            self.app.authority().add_office(&mut act, office).await?;
        }
        for city in staffed() {
            self.member(&admin, Role::Counter, city).await?;
            if city.code != OUTSIDE.code {
                self.member(&admin, Role::Reviewer, city).await?;
            }
            if city.code == BEIJING {
                self.member(&admin, Role::Police, city).await?;
                self.member(&admin, Role::Window, city).await?;
            }
        }
        Ok(())
    }

    async fn member(&mut self, admin: &Actor, role: Role, city: &City) -> Result<(), Failure> {
        let mut act = act_of(self.app, admin);
        let login = format!("{}-{}", role.as_str(), city.en.to_lowercase());
        let password = passwords::generate(&mut act.rng);
        let roles = match role {
            // Whoever has both roles still never decides what they submitted.
            Role::Counter => vec![role, Role::Reviewer],
            Role::Admin | Role::Reviewer | Role::Police | Role::Window => vec![role],
        };
        let member = NewStaff {
            login: login.clone(),
            name: "演示员".to_owned(),
            password: password.as_str().to_owned(),
            roles: roles.iter().map(|role| role.as_str().to_owned()).collect(),
            office: Some(office_of(city)),
            own_licence_number: None,
        };
        self.app.authority().add_staff(&mut act, member).await?;
        let actor = sign_in(self.app, &login, &password).await?;
        self.actors.insert(key(role, city.code), actor);
        self.account(role.as_str(), city.code, &login, &password, None);
        if role == Role::Counter && city.code == BEIJING {
            self.source(admin).await?;
        }
        Ok(())
    }

    async fn source(&mut self, admin: &Actor) -> Result<(), Failure> {
        let request = NewRegistrySource {
            name: "demo-registry".to_owned(),
            authorities: vec!["*".to_owned()],
        };
        let mut act = act_of(self.app, admin);
        let source = self
            .app
            .authority()
            .add_registry_source(&mut act, request)
            .await?;
        self.account("registry", "", &source.name, &source.token, None);
        Ok(())
    }

    /// The drivers, through the very import that a registry's file takes.
    async fn registry(&self, drivers: u64) -> Result<(), Failure> {
        let lines = BufReader::with_capacity(1 << 16, Lines::new(population(drivers, self.today)));
        let nowhere = PhotoFolder::beside(std::path::Path::new("."))?;
        let summary = import::import(self.app, lines, nowhere, |_| Ok(())).await?;
        if summary.imported == drivers && summary.rejected == 0 {
            Ok(())
        } else {
            Err(Failure::new(
                "demo-people",
                "演示驾驶人未能全部导入",
                "Not all demo drivers were imported",
            ))
        }
    }

    async fn take_further(&mut self, featured: &Featured) -> Result<(), Failure> {
        let city = city_of(featured.city)?;
        let person = Person::new(city, featured.number, self.today);
        let number = person.licence_number().to_owned();
        if let Far::Licensed(_) = featured.far {
            self.issue(city, &person).await?;
        }
        let mut act = self.act(Role::Counter, city.code)?;
        let code = self
            .app
            .authority()
            .make_activation_code(&mut act, code_request(&number))
            .await?;
        let until = Some(code.expires_at);
        self.account(featured.role, city.code, &number, &code.code, until);
        match featured.far {
            Far::Licensed(Then::Status(letters)) => {
                self.registry_says(person.next().with_status(letters)).await
            }
            Far::Licensed(Then::Edition(classes)) => {
                self.registry_says(person.next().with_new_edition(classes))
                    .await
            }
            Far::Licensed(Then::Nothing) | Far::Registered => Ok(()),
        }
    }

    /// One officer applies at the counter, another approves (R91, R92).
    async fn issue(&self, city: &City, person: &Person) -> Result<(), Failure> {
        let authority = self.app.authority();
        let request = CounterApply {
            licence_number: person.licence_number().to_owned(),
            identity: identity(),
            photo: self.portraits.data_url(person.number().wrapping_add(32))?,
        };
        let mut act = self.act(Role::Counter, city.code)?;
        let application = authority.apply_at_counter(&mut act, request, None).await?;
        let mut act = self.act(Role::Reviewer, city.code)?;
        authority.claim(&mut act, &application.id).await?;
        let approve = Decide {
            decision: DecisionView::Approve,
            reasons: Vec::new(),
            acknowledged: Vec::new(),
        };
        authority
            .decide(&mut act, &application.id, approve, None)
            .await?;
        Ok(())
    }

    async fn registry_says(&self, person: Person) -> Result<(), Failure> {
        let delivery = Delivery::from_line(1, person.line().as_bytes());
        let mut act = self.app.act("demo");
        let view = self
            .app
            .authority()
            .deliver(&mut act, vec![delivery])
            .await?;
        if view.imported == 1 {
            return Ok(());
        }
        Err(Failure::new(
            "demo-people",
            "演示驾驶人的变更未能导入",
            "A demo driver's change was not imported",
        ))
    }

    fn act(&self, role: Role, city: &str) -> Result<Act, Failure> {
        let actor = self.actors.get(&key(role, city));
        let missing = || Failure::new("demo-staff", "缺少演示人员", "A demo officer is missing");
        Ok(act_of(self.app, actor.ok_or_else(missing)?))
    }

    fn account(
        &mut self,
        role: &str,
        city: &str,
        login: &str,
        secret: &str,
        expires_at: Option<Timestamp>,
    ) {
        self.accounts.push(Account {
            role: role.to_owned(),
            city: city.to_owned(),
            login: login.to_owned(),
            secret: secret.to_owned(),
            expires_at,
        });
    }
}

async fn sign_in(app: &App, login: &str, password: &str) -> Result<Actor, Failure> {
    let mut act = visitor(app, login);
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
    Ok(actor)
}

/// Nobody signed in yet, at an address of their own: the limits on guessing count by address, and
/// these are a dozen different people.
fn visitor(app: &App, login: &str) -> Act {
    let [low, high, ..] = login
        .bytes()
        .fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        })
        .to_le_bytes();
    Act {
        actor: Actor::Anonymous,
        source: Some(IpAddr::from([127, 1, high, low])),
        ..app.act("demo")
    }
}

fn act_of(app: &App, actor: &Actor) -> Act {
    Act {
        actor: actor.clone(),
        ..app.act("demo")
    }
}

fn staffed() -> impl Iterator<Item = &'static City> {
    let cities = CITIES
        .iter()
        .filter(|city| [BEIJING, CHENGDU, SHENZHEN].contains(&city.code));
    cities.chain([&OUTSIDE])
}

fn city_of(code: &str) -> Result<&'static City, Failure> {
    let city = CITIES.iter().find(|city| city.code == code);
    city.ok_or_else(|| Failure::new("demo-city", "没有该城市", "There is no such city").about(code))
}

fn office_of(city: &City) -> String {
    format!("{}-01", city.code)
}

fn key(role: Role, city: &str) -> String {
    format!("{} {city}", role.as_str())
}

fn identity() -> IdentityCheck {
    IdentityCheck {
        method: IdentityMethod::IdCardReader,
        note: String::new(),
    }
}

fn code_request(licence_number: &str) -> MakeActivationCode {
    MakeActivationCode {
        licence_number: licence_number.to_owned(),
        identity: identity(),
    }
}
