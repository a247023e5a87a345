//! The configuration: every key that there is, and a reason with file and line for what cannot be.

use std::path::Path;

use ringfence::LIMITS;
use ringfence_server::{Config, ConfigError, EXAMPLE, KnownNames};
use ringfence_server_tests::Request;
use ringfence_server_tests::guests::ENDINGS;

use super::plan;

#[test]
fn the_example_has_the_defaults() {
    let example = Config::parse(EXAMPLE, Path::new("example.toml")).unwrap();
    let empty = Config::parse("", Path::new("empty.toml")).unwrap();
    // Where in its file a limit stands is no part of it.
    let shown = |config: &Config| {
        let mut config = config.clone();
        config.limits = Default::default();
        format!("{config:?}")
    };
    assert_eq!(shown(&example), shown(&empty));
    // Every key is in the example, also those that have no default.
    for key in [
        "store = ",
        "[tls]",
        "certificate = ",
        "key = ",
        "[skill.text-stats.limits]",
        "[limits.owner.alice]",
        "[quota.owner.alice]",
    ] {
        assert!(EXAMPLE.contains(key), "{key}");
    }
}

#[test]
fn invalid_values_are_reported_with_file_and_line() {
    let rows = [
        ("[listen]\nadress = \"127.0.0.1:1\"", 2, "unknown field `adress`"),
        ("[lisen]", 1, "unknown field `lisen`"),
        (
            "[listen]\n\naddress = \"localhost\"",
            3,
            "string \"localhost\", expected an IP address and a port, such as \"127.0.0.1:7420\"",
        ),
        ("[listen]\naddress = 7420", 2, "integer `7420`, expected an IP address and a port, such as"),
        ("[listen]\nhosts = [\"a b\"]", 2, "expected a name such as"),
        ("[listen]\norigins = [\"example.com\"]", 2, "expected an origin such as"),
        ("[listen]\nconnections = 0", 2, "0 is out of range; it must be between 1 and 1000000"),
        ("[listen]\nbody-timeout = \"1ms\"", 2, "1ms is out of range; it must be between 10ms and 1h"),
        ("[listen]\nbody-timeout = 5", 2, "integer `5`, expected a time, such as \"200ms\""),
        ("[listen]\nbody-timeout = \"soon\"", 2, "string \"soon\", expected a time, such as \"200ms\""),
        (
            "[egress]\nproxy = \"https://proxy.example:3128\"",
            2,
            "unsupported scheme of a proxy; expected `http`",
        ),
        ("[egress]\nproxy = \"http://u:hunter2@proxy.example\"", 2, "put `USER:PASSWORD` into a secret"),
        ("[egress]\nproxy = \"http://proxy.example/x\"", 2, "ends after its port"),
        ("[host]\nruns = 16001", 2, "between 1 and 16000"),
        ("[host]\nmemory = \"much\"", 2, "expected a size"),
        ("[host]\nmemory = -1", 2, "expected a size"),
        ("[limits]\nfuel = 0", 2, "invalid limit `fuel`: 0; it must be between 1"),
        ("[limits]\n\nmemory = \"65GiB\"", 3, "limit `memory`"),
        ("[limits]\noutput-size = \"65MiB\"", 2, "limit `output-size`"),
        ("[limits]\noutput = \"1MiB\"\noutput-size = \"1MiB\"", 1, "duplicate field `output-size`"),
        ("[limits]\ndeadline = 5", 2, "invalid type"),
        ("[limits]\nspeed = 5", 2, "unknown field `speed`, expected one of `fuel`"),
        ("[limits]\ntable-elements = 100_001", 2, "limit `table-elements`"),
        ("[skill.a.limits]\nfuel = 5\ninput = 0", 3, "limit `input-size`"),
        ("[skill.A.limits]\nfuel = 5", 1, "a skill name"),
        ("[skill.a]\nfuel = 5", 2, "unknown field `fuel`"),
        ("[limits]\nfuel = 2_000_000_000_000", 2, "exceeds `quota.fuel-per-minute`"),
        ("[skill.a.limits]\nfuel = 2_000_000_000_000", 2, "exceeds `quota.fuel-per-minute`"),
        (
            "[admission]\nbody-memory = \"8MiB\"\n[limits]\ninput-size = \"1MiB\"",
            4,
            "`admission.body-memory` leaves",
        ),
        ("[limits]\nmemory = \"5GiB\"", 2, "exceeds `host.memory`"),
        ("[mcp]\naccept-annotations = [\"sha256:12345678\"]", 2, "write all 64 digits"),
        ("[mcp]\naccept-annotations = [\"A b\"]", 2, "a skill"),
        ("[tls]\ncertificate = \"a\"", 1, "missing field `key`"),
        ("[quota]\nconcurrency = \"many\"", 2, "invalid type"),
        ("[quota]\nconcurency = 5", 2, "expected a setting of `[quota]`, or an owner's name"),
        ("[quota.Alice]\nconcurrency = 5", 1, "an owner"),
        ("[quota.alice]\nconcurency = 5", 2, "unknown field `concurency`"),
        ("[quota.owner.alice]\nconcurrency = 0", 2, "0 is out of range"),
        ("[quota.alice]\nconcurrency = 1\n[quota.owner.alice]\nconcurrency = 1", 1, "duplicate quota"),
        ("[quota.token.alice]\nconcurrency = 1", 1, "invalid token id"),
        ("[quota.token.0123456789]\nskill-memory = 1", 1, "belongs to an owner"),
        (
            "[quota.owner.alice]\nfuel-per-minute = 5",
            1,
            "no call could start; set `[limits.owner.alice] fuel`",
        ),
        ("[quota.token.0123456789]\nfuel-per-minute = 5", 1, "no call could start"),
        ("[limits.owner.Alice]\nfuel = 5", 1, "an owner"),
        ("[limits.token.alice]\nfuel = 5", 1, "invalid token id"),
        ("[limits.owner.alice]\nfuel = 0", 2, "invalid limit `fuel`: 0"),
        ("[skill.a.limits.owner.alice]\nfuel = 5", 1, "limits of owners and tokens belong in"),
        ("a = \"\x01\"", 1, ""),
        ("[limits\n", 1, ""),
    ];
    for (source, line, reason) in rows {
        let error = Config::parse(source, Path::new("dir/ringfence.toml")).expect_err(source);
        let text = error.to_string();
        assert!(text.starts_with(&format!("dir/ringfence.toml:{line}: ")), "{source}: {text}");
        assert!(text.contains(reason), "{source}: {text}");
        assert!(matches!(error, ConfigError::Wrong { .. }));
    }
}

#[test]
fn the_example_has_every_limit_and_its_default() {
    let (_, section) = EXAMPLE.split_once("\n[limits]\n").unwrap();
    let rows: Vec<(&str, String)> = section
        .lines()
        .map_while(|line| line.split_once(" = "))
        .map(|(key, value)| (key, value.replace('"', "")))
        .collect();
    let limits: Vec<_> = LIMITS.iter().filter(|limit| limit.settable).collect();
    assert_eq!(rows.len(), limits.len());
    for ((key, value), limit) in rows.iter().zip(limits) {
        assert_eq!((*key, limit.unit.parse(value)), (limit.key, Ok(limit.default)));
    }
}

#[test]
fn older_names_of_limits_mean_the_same() {
    let parse = |source: &str| Config::parse(source, Path::new("a.toml")).expect(source).limits;
    for limit in LIMITS.iter().filter(|limit| limit.settable) {
        if let Some(old) = limit.old_key {
            let (new, old) = (format!("[limits]\n{} = 5", limit.key), format!("[limits]\n{old} = 5"));
            assert_eq!(parse(&new), parse(&old));
            assert_ne!(parse(&new), parse(""));
        }
    }
}

#[test]
fn limits_at_the_end_of_their_range_and_one_over() {
    let parse = |source: &str| Config::parse(source, Path::new("a.toml"));
    assert!(parse("[host]\nruns = 16000").is_ok());
    assert!(parse("[limits]\ntable-elements = 100_000\noutput-size = \"64MiB\"").is_ok());
    assert!(parse("[limits]\nfuel = 1_000\n[quota]\nfuel-per-minute = 1_000").is_ok());
    assert!(parse("[limits]\nfuel = 1_001\n[quota]\nfuel-per-minute = 1_000").is_err());
    let owner = |fuel: u64| {
        parse(&format!("[quota.alice]\nfuel-per-minute = 1_000\n[limits.owner.alice]\nfuel = {fuel}"))
    };
    assert!(owner(1_000).is_ok());
    assert!(owner(1_001).is_err());
}

/// Owners, tokens and skills that the store does not have, and limits above those that apply.
#[tokio::test(flavor = "multi_thread")]
async fn settings_without_effect_are_reported() {
    let site = plan().tokens().skill("endings", ENDINGS).start().await;
    let token = site.token("bob", &[ringfence_store::Scope::Call], &[]);
    let id = token.split('_').nth(1).unwrap();
    let known = KnownNames::of(site.store()).unwrap();
    let told = |source: &str| Config::parse(source, Path::new("a.toml")).unwrap().without_effect(&known);
    for source in [
        "",
        "[limits.owner.alice]\nfuel = 5",
        "[limits.owner.local]\ndeadline = \"1s\"",
        "[quota.bob]\nconcurrency = 5",
        &format!("[limits.token.{id}]\nfuel = 5\n[quota.token.{id}]\nconcurrency = 5"),
        "[skill.endings.limits]\nfuel = 5",
        // At the limit, and above that of all skills but one.
        "[limits]\nfuel = 1_000\n[limits.owner.bob]\nfuel = 1_000",
        "[limits]\nfuel = 1_000\n[skill.endings.limits]\nfuel = 2_000\n[limits.owner.bob]\nfuel = 2_000",
    ] {
        assert_eq!(told(source), Vec::<String>::new(), "{source}");
    }
    let rows = [
        (
            "[limits.owner.alcie]\nfuel = 5",
            "`[limits.owner.alcie]` has no effect",
            "the closest match is `alice`",
        ),
        (
            "[quota.owner.alcie]\nconcurrency = 5",
            "`[quota.owner.alcie]` has no effect",
            "the closest match is `alice`",
        ),
        ("[quota.alcie]\nconcurrency = 5", "`[quota.owner.alcie]` has no effect", "`alice`"),
        (
            "[quota.payments]\nconcurrency = 5",
            "belongs to owner `payments`",
            "token create --owner payments`",
        ),
        ("[limits.token.0123456789]\nfuel = 5", "no token `0123456789`", "`ringfence token list`"),
        ("[quota.token.0123456789]\nconcurrency = 5", "`[quota.token.0123456789]`", "`ringfence token list`"),
        ("[skill.endigns.limits]\nfuel = 5", "no skill `endigns`", "the closest match is `endings`"),
        (
            "[limits]\nfuel = 1_000\n[limits.owner.bob]\nfuel = 1_001",
            "`limits.owner.bob.fuel` = 1001 has no effect: every run has at most 1000",
            "raise `limits.fuel`",
        ),
        (
            "[limits]\ndeadline = \"1s\"\n[limits.owner.bob]\ndeadline = \"2s\"",
            "`limits.owner.bob.deadline` = 2s has no effect: every run has at most 1s",
            "raise `limits.deadline`",
        ),
    ];
    for (source, what, next) in rows {
        let told = told(source);
        assert_eq!(told.len(), 1, "{source}: {told:?}");
        assert!(told[0].contains(what) && told[0].contains(next), "{source}: {told:?}");
    }
}

#[test]
fn paths_are_from_the_files_directory() {
    let source = "store = \"skills\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/abs/k.pem\"";
    let config = Config::parse(source, Path::new("etc/ringfence.toml")).unwrap();
    assert_eq!(config.store.as_deref(), Some(Path::new("etc/skills")));
    let tls = config.tls.unwrap();
    assert_eq!(
        (tls.certificate.as_path(), tls.key.as_path()),
        (Path::new("etc/c.pem"), Path::new("/abs/k.pem"))
    );
    let source = "[kv]\nfile = \"keys.redb\"\n[secret]\na = { file = \"a.txt\" }\n[[grant]]\nskill = \"acme/fetch\"\n\
                  allow = \"http https://a.example/ ca-file=ca.pem client-certificate=c.pem client-key=/abs/k.pem\"";
    let config = Config::parse(source, Path::new("etc/ringfence.toml")).unwrap();
    assert_eq!(config.kv.file.as_deref(), Some(Path::new("etc/keys.redb")));
    let shown = format!("{:?} {:?}", config.secret, config.grant);
    for path in ["etc/a.txt", "etc/ca.pem", "etc/c.pem", "\"/abs/k.pem"] {
        assert!(shown.contains(path), "{path}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_live_keys_and_an_invalid_one_changes_nothing() {
    let mut site = plan().skill("endings", ENDINGS).start().await;
    let file = site.dir.path().join("ringfence.toml");
    let source = ringfence_server::Source { file: file.clone(), address: None, store: None };
    let server = site.server.clone().with_source(source);
    let fuel = async |site: &ringfence_server_tests::Site| {
        site.call("endings", "spin", "{}").await["limits"]["fuel"].clone()
    };
    std::fs::write(&file, "[limits]\nfuel = 1_234").unwrap();
    server.reload().await.unwrap();
    assert_eq!(fuel(&site).await, 1_234);
    std::fs::write(&file, "[limits]\nfuel = 0").unwrap();
    assert!(server.reload().await.is_err());
    assert_eq!(fuel(&site).await, 1_234);
    std::fs::write(&file, "[limits]\nfuel = 99\n[listen]\nhosts = [\"other.example\"]").unwrap();
    server.reload().await.unwrap();
    let answer = site.client().send(Request::get("/v1/skills")).await;
    assert_eq!(answer.problem(), "host-not-allowed");
    assert!(site.stop().await);
}
