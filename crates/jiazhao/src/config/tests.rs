use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Some(Path::new("a.toml")), Path::new("data"))
}

#[test]
fn nothing_is_needed() {
    let config = parse("").unwrap();
    assert_eq!(config.database.url, "sqlite:data/jiazhao.sqlite");
    assert_eq!(config.base_url(), "http://127.0.0.1:8080");
    assert_eq!(config.keys.master_file, Path::new("data/keys/master.key"));
    assert_eq!(config.issuer.suites, [Suite::sm2(), Suite::Es256]);
    assert!(config.issuer.certificate.is_none());
    assert_eq!(config.codes.suite, Suite::sm2());
    assert!(config.codes.enforcement_key.is_none());
}

#[test]
fn the_face_models_lie_where_setup_puts_them_or_where_the_file_says() {
    assert_eq!(parse("").unwrap().models, Path::new("target/models"));
    let config = parse("[models]\ndir = \"/m\"").unwrap();
    assert!(config.to_string().contains("\nmodels.dir = /m\n"));
    assert!(parse("[models]\ndir = \"\"").is_err());
}

#[test]
fn every_setting_is_read() {
    let config = parse(
        r#"
        [server]
        listen = "0.0.0.0:80"
        base_url = "https://example.test"
        proxies = ["192.0.2.9", "::1"]
        [database]
        url = "postgres://jz:secret@db/jz?password=secret"
        connections = 32
        layout = "partitioned"
        [keys]
        master_file = "/k/m"
        index_file = "/k/i"
        passphrase_file = "/dev/fd/3"
        wrapping_file = "/k/w"
        beside_data = true
        [storage]
        at_rest = "sm4-gcm"
        [issuer]
        name = "测试机关"
        type_code = "11100000000013127D999"
        issuer_code = "11110000999999999D"
        suites = ["ES256"]
        [status]
        period_seconds = 60
        [codes]
        suite = "ES256"
        enforcement_key = "/k/e.pub"
        [log]
        format = "json"
        filter = "warn"
        "#,
    )
    .unwrap();
    let text = config.to_string();
    for line in [
        "server.listen = 0.0.0.0:80",
        "server.base_url = https://example.test",
        "server.proxies = 192.0.2.9 ::1",
        "database.url = postgres://***@db/jz",
        "database.connections = 32",
        "database.layout = partitioned",
        "keys.master_file = /k/m",
        "keys.index_file = /k/i",
        "keys.passphrase_file = /dev/fd/3",
        "keys.wrapping_file = /k/w",
        "keys.beside_data = true",
        "codes.suite = ES256",
        "codes.enforcement_key = /k/e.pub",
        "storage.at_rest = sm4-gcm",
        "issuer.name = 测试机关",
        "issuer.type_code = 11100000000013127D999",
        "issuer.suites = ES256",
        "status.period_seconds = 60",
        "log.format = json",
        "log.filter = warn",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("secret") && !format!("{config:?}").contains("secret"));
}

#[test]
fn every_problem_is_named_with_its_line() {
    let error = parse(
        "[server]\nlisten = \"nowhere\"\nlissten = 1\n[sever]\na = 1\n[database]\nconnections = 0\nurl = \"mysql://secret\"\n",
    )
    .unwrap_err();
    let found: Vec<(usize, &str)> = error
        .problems
        .iter()
        .map(|problem| (problem.line, problem.key.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (2, "server.listen"),
            (3, "server.lissten"),
            (4, "sever"),
            (7, "database.connections"),
            (8, "database.url"),
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("a.toml:2: server.listen: "), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    for (text, key) in [
        ("[database]\nlayout = \"partitioned\"", "database.layout"),
        (
            "[keys]\nmaster_file = \"a\"\nindex_file = \"a\"",
            "keys.index_file",
        ),
        (
            "[issuer]\ntype_code = \"11100000000013127D999\"",
            "issuer.type_code",
        ),
        ("[issuer]\nsuites = []", "issuer.suites"),
        ("[status]\nperiod_seconds = 9", "status.period_seconds"),
        ("[issuer]\nsuites = [\"ES256\", \"ES256\"]", "issuer.suites"),
        ("[server]\nbase_url = \"https://a/\"", "server.base_url"),
        ("[log]\nfilter = \"a=b=c\"", "log.filter"),
        ("[server]\nproxies = [\"proxy\"]", "server.proxies"),
        ("server = 1", "server"),
        ("[keys]\nbeside_data = \"yes\"", "keys.beside_data"),
        ("[storage]\nat_rest = \"rot13\"", "storage.at_rest"),
    ] {
        let error = parse(text).unwrap_err();
        let keys: Vec<&str> = error.problems.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, [key], "{text}");
    }
}

#[test]
fn broken_toml_is_a_problem_with_its_line() {
    let error = parse("[server]\nlisten = \n").unwrap_err();
    assert_eq!(error.problems.first().map(|problem| problem.line), Some(2));
}
