//! The main job from end to end, over HTTP: a driver comes to the registry, gets an electronic
//! licence at a counter, shows it, and the registry changes. Each step asserts what it answers.

mod applying;
mod checks;
mod client;
mod codes;
mod steps;

use std::{path::Path, time::Instant};

use tokio::sync::{Mutex, oneshot};

use super::{
    Demo,
    people::{MOST_IN_A_CITY, Person},
    portraits::Portraits,
};
use crate::{failure::Failure, server};
use client::{Client, broken};
use codes::Presenting;
use steps::Walker;

/// Where the walk's drivers are: far behind those of any population.
const FIRST_WALKER: u64 = MOST_IN_A_CITY - 10_000;
const BEIJING: &str = "1101";
const CHENGDU: &str = "5101";

/// Prints steps with their times.
struct Printer<S> {
    say: S,
    number: u32,
    started: Instant,
}

impl<S: FnMut(&str) -> Result<(), Failure>> Printer<S> {
    /// Prints what a step answered and how long it took.
    async fn step<T>(
        &mut self,
        name: &str,
        step: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Failure> {
        self.number += 1;
        let number = self.number;
        let began = Instant::now();
        let outcome = step.await;
        let took = began.elapsed().as_millis();
        match outcome {
            Ok((value, told)) => {
                (self.say)(&format!("{number:2}  {name}  ->  {told}  {took} ms"))?;
                Ok(value)
            }
            Err(failure) => {
                (self.say)(&format!("{number:2}  {name}  ->  FAILED  {took} ms"))?;
                Err(failure)
            }
        }
    }
}

/// Serves the demonstration, walks through it, prints each step by `say`, and ends.
///
/// # Errors
/// The first thing that was not as expected.
pub async fn walk(
    mut demo: Demo,
    say: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let index = demo.accounts.walks;
    demo.accounts.walks = index.saturating_add(1);
    demo.accounts.keep(&demo.config)?;
    let models = demo.config.models.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let app = demo.app.clone();
    let listener = demo.listener;
    let serving = tokio::spawn(async move {
        server::serve(&app, listener, async {
            // Dropping the other end means the same as sending.
            drop(stopped.await);
        })
        .await
    });
    let city = licence::CITIES
        .iter()
        .find(|city| city.code == BEIJING)
        .ok_or_else(|| broken("no city"))?;
    let number = FIRST_WALKER.saturating_add(index);
    let portraits = Portraits::default();
    let walker = Walker {
        anonymous: Client::new(&demo.base_url),
        accounts: demo.accounts,
        person: Person::new(city, number, demo.app.today()).with_photo(portraits.data_url(number)?),
        counter_photo: portraits.data_url(number.wrapping_add(32))?,
        clock: demo.app.ambient().clock.clone(),
        entropy: demo.app.ambient().entropy.clone(),
        officers: Mutex::default(),
    };
    let mut printer = Printer {
        say,
        number: 0,
        started: Instant::now(),
    };
    let outcome = all(&walker, &mut printer, &models).await;
    drop(stop);
    match serving.await {
        Ok(served) => served?,
        Err(error) => return Err(broken(&error.to_string())),
    }
    demo.app.close().await;
    outcome
}

async fn all<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    models: &Path,
) -> Result<(), Failure> {
    let (officer, application) = at_the_counter(walker, printer).await?;
    let driver = reviewed(walker, printer, (&officer, &application)).await?;
    let credential = shown_and_verified(walker, printer, &driver).await?;
    let phone = bound(walker, printer, &driver).await?;
    changed(walker, printer, &driver).await?;
    offline(walker, printer, (&credential, &phone)).await?;
    applying::applying(walker, printer, models).await?;
    let steps = printer.number;
    let seconds = printer.started.elapsed().as_secs_f32();
    (printer.say)(&format!("all {steps} steps as expected in {seconds:.1} s"))
}

/// From the registry to an application, and what is refused on the way (R6, R91).
async fn at_the_counter<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
) -> Result<(Client, String), Failure> {
    printer
        .step("registry delivers a new driver (登记)", walker.register())
        .await?;
    let officer = printer
        .step(
            "officer signs in (窗口民警登录)",
            walker.staff("counter", BEIJING),
        )
        .await?;
    let elsewhere = walker.staff("counter", super::people::OUTSIDE.code);
    let (elsewhere, _) = elsewhere.await?;
    printer
        .step(
            "driver of a city outside the roll-out (非推广城市)",
            walker.outside_the_roll_out(&elsewhere),
        )
        .await?;
    let (other_city, _) = walker.staff("counter", CHENGDU).await?;
    printer
        .step(
            "officer of another city applies (异地窗口)",
            walker.other_city(&other_city),
        )
        .await?;
    let application = printer
        .step(
            "application at the counter with photo (窗口申领)",
            walker.apply(&officer),
        )
        .await?;
    printer
        .step(
            "the same officer decides (本人审核)",
            walker.decide_own(&officer, &application),
        )
        .await?;
    Ok((officer, application))
}

/// Another officer reviews, and the licence gets into the driver's hands (R92).
async fn reviewed<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    (officer, application): (&Client, &str),
) -> Result<Client, Failure> {
    let reviewer = printer
        .step(
            "reviewer signs in, sees the queue (审核队列)",
            walker.queue(application),
        )
        .await?;
    printer
        .step(
            "reviewer claims the case (领取)",
            walker.claim(&reviewer, application),
        )
        .await?;
    printer
        .step(
            "reviewer approves, e-licence issued (通过并生成)",
            walker.approve(&reviewer, application),
        )
        .await?;
    let code = printer
        .step(
            "activation code printed (激活码)",
            walker.activation_code(officer, &walker.person),
        )
        .await?;
    printer
        .step(
            "driver activates (激活)",
            walker.activate(&code, &walker.person),
        )
        .await
}

/// The licence pages, the code, and the police who check it (R15-R18, R78, R79).
async fn shown_and_verified<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    driver: &Client,
) -> Result<Vec<u8>, Failure> {
    printer
        .step(
            "licence pages (正页、副页)",
            walker.pages(driver, "active", "black"),
        )
        .await?;
    let credential = printer
        .step(
            "credential file downloaded (凭证文件)",
            walker.credential(driver),
        )
        .await?;
    let code = printer
        .step("numeric code (数字码)", walker.code(driver, "black"))
        .await?;
    let police = printer
        .step("police sign in (民警登录)", walker.staff("police", BEIJING))
        .await?;
    let id = printer
        .step(
            "police verify, class C1 (核验)",
            walker.verify_black(&police, &code),
        )
        .await?;
    printer
        .step(
            "the same request again (重复请求)",
            walker.verify_repeated(&police, &code, &id),
        )
        .await?;
    printer
        .step(
            "the same code in another request (重复使用)",
            walker.verify_used(&police, &code),
        )
        .await?;
    Ok(credential)
}

/// The driver's device presents by itself (R11, R14).
async fn bound<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    driver: &Client,
) -> Result<Presenting, Failure> {
    let phone = printer
        .step(
            "driver binds the device (绑定设备)",
            walker.bind(driver, walker.entropy.rng()),
        )
        .await?;
    let (police, _) = walker.staff("police", BEIJING).await?;
    printer
        .step(
            "dynamic code, police scan it (动态码)",
            walker.dynamic(&police, &phone),
        )
        .await?;
    Ok(phone)
}

/// The registry changes, and the next look says so (R10, R88).
async fn changed<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    driver: &Client,
) -> Result<(), Failure> {
    let (police, _) = walker.staff("police", BEIJING).await?;
    printer
        .step(
            "registry sets status B, the open page hears it (超分)",
            walker.twelve_points(driver),
        )
        .await?;
    printer
        .step(
            "licence pages (正页、副页)",
            walker.pages(driver, "active", "red"),
        )
        .await?;
    let code = printer
        .step("new numeric code (数字码)", walker.code(driver, "red"))
        .await?;
    printer
        .step("police verify (核验)", walker.verify_red(&police, &code))
        .await?;
    let code = printer
        .step(
            "a code before the new edition (数字码)",
            walker.code(driver, "red"),
        )
        .await?;
    printer
        .step(
            "registry sends a new edition with A2 (换证增驾)",
            walker.new_edition(driver),
        )
        .await?;
    printer
        .step(
            "police verify the earlier code (核验)",
            walker.verify_superseded(&police, &code),
        )
        .await?;
    printer
        .step(
            "driver asks for another code (数字码)",
            walker.no_more_codes(driver),
        )
        .await?;
    Ok(())
}

/// Without the system: a file, a trust list, and nothing else (R13).
async fn offline<S: FnMut(&str) -> Result<(), Failure>>(
    walker: &Walker,
    printer: &mut Printer<S>,
    (credential, phone): (&[u8], &Presenting),
) -> Result<(), Failure> {
    let trust = printer
        .step("trust list exported (信任列表)", walker.trust_list())
        .await?;
    printer
        .step("credential file verified offline (离线核验)", async {
            walker.offline(credential, &trust)
        })
        .await?;
    printer
        .step("an altered copy (篡改)", async {
            walker.altered(credential, &trust)
        })
        .await?;
    printer
        .step("offline code with portrait, no signal (离线码)", async {
            walker.without_signal(phone, &trust)
        })
        .await
}
