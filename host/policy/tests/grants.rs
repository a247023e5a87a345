//! Grants in both forms, what they decide, and what an operator reads about it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use ringfence_policy::{
    Decision, Grant, GrantError, Granted, Origin, Policy, Reason, Request, SkillDigest, Subject,
    SubjectGrants, Target,
};

#[derive(Debug, serde::Deserialize)]
struct File {
    grant: Policy,
}

fn subject() -> Subject {
    Subject {
        owner: Some("acme".to_owned()),
        name: Some("fetch".to_owned()),
        principal: Some("alice".to_owned()),
        ..Subject::of(SkillDigest([1; 32]))
    }
}

fn of_lines(lines: &[&str]) -> SubjectGrants {
    Policy::of_lines(lines.iter().copied()).unwrap().for_subject(&subject())
}

fn http(grants: &SubjectGrants, method: &str, url: &str) -> Result<usize, Reason> {
    let target = Target::parse(url).unwrap();
    match grants.decide(&Request::Http { method, target: &target }) {
        Decision::Granted { rule, .. } => Ok(rule.number),
        Decision::Denied(denial) => Err(denial.reason),
    }
}

#[test]
fn a_line_is_written_as_it_is_read() {
    for line in [
        "http GET,POST https://*.example.com/v1/",
        "http GET https://example.com/ secret=api-token header=x-api-key form=raw private=10.0.0.0/8,fd00::/8 \
         ca-file=/etc/ca.pem client-certificate=\"/etc/my client.pem\" client-key=/etc/key.pem requests=10 \
         request-bytes=64KiB response-bytes=2MiB concurrency=4 timeout=1500ms redirects=0",
        "http GET https://example.com/ secret=token header=authorization form=bearer",
        "http GET https://example.com/ secret=token header=authorization form=basic",
        "http GET https://example.com/ secret=token query=key",
        "http PROPFIND http://[::1]:8080/",
        "kv",
        "kv space=principal storage=memory keys=5 value-bytes=1KiB bytes=1MiB writes-per-minute=60",
        "config a=b region=\"eu west\" z=",
        "config quoted=\"say \\\"hi\\\" \\\\ \\n\"",
        "secret api-token",
        "secret api-*",
        "tools text-stats_* sheet_read",
        "scratch",
        "scratch files=10 depth=2 name-bytes=40 bytes=1MiB",
        "scratch files=100000 depth=64 name-bytes=1024",
    ] {
        let grant: Grant = line.parse().unwrap();
        let written = grant.to_string();
        assert_eq!(written.parse::<Grant>().unwrap(), grant, "{line}");
        assert_eq!(written.replace("z=\"\"", "z="), line);
        // As a table, bound to a skill.
        let bound =
            Grant { skill: Some("acme/fetch".parse().unwrap()), principals: vec!["a\"b".into()], ..grant };
        let file: File = toml::from_str(&bound.to_table()).unwrap();
        assert_eq!(file.grant.grants().next().unwrap().1, &bound, "{line}");
    }
}

#[test]
fn defaults_are_left_out_of_a_line() {
    for (line, written) in [
        ("http https://example.com", "http GET,HEAD https://example.com/"),
        ("  kv   keys=10000 ", "kv"),
        (
            "http GET https://example.com/ secret=a",
            "http GET https://example.com/ secret=a header=authorization form=bearer",
        ),
        ("scratch bytes=16MiB", "scratch"),
    ] {
        assert_eq!(line.parse::<Grant>().unwrap().to_string(), written);
    }
}

#[test]
fn a_table_has_the_members_of_the_line() {
    let file: File = toml::from_str(
        r#"
        [[grant]]
        skill = "acme/fetch"
        [grant.http]
        methods = ["GET"]
        url = "https://example.com/v1"
        secret = { name = "token", header = "x-key" }
        private = ["10.0.0.0/8"]
        requests = 3
        request-bytes = 1024
        timeout = "2s"

        [[grant]]
        skill = "acme/fetch"
        kv = { space = "principal", value-bytes = "1KiB" }

        [[grant]]
        skill = "acme/*"
        config = { region = "eu" }

        [[grant]]
        skill = "acme/fetch"
        secrets = ["token"]

        [[grant]]
        skill = "acme/fetch"
        tools = ["a_*"]

        [[grant]]
        skill = "acme/fetch"
        scratch = {}
        "#,
    )
    .unwrap();
    let lines: Vec<_> = file.grant.grants().map(|(id, grant)| format!("{id}: {grant}")).collect();
    assert_eq!(
        lines,
        [
            "[[grant]] 1: http GET https://example.com/v1 secret=token header=x-key form=raw private=10.0.0.0/8 \
             requests=3 request-bytes=1KiB timeout=2s",
            "[[grant]] 2: kv space=principal value-bytes=1KiB",
            "[[grant]] 3: config region=eu",
            "[[grant]] 4: secret token",
            "[[grant]] 5: tools a_*",
            "[[grant]] 6: scratch",
        ]
    );
}

#[test]
fn no_grant_can_be_written_for_files_processes_or_sockets() {
    for word in [
        "files",
        "file",
        "fs",
        "filesystem",
        "process",
        "exec",
        "env",
        "socket",
        "sockets",
        "tcp",
        "udp",
        "dns",
        "HTTP",
    ] {
        let error = format!("{word} /").parse::<Grant>().unwrap_err().to_string();
        assert!(
            error.contains("grants exist for `http`, `kv`, `config`, `secret`, `scratch` and `tools`"),
            "{error}"
        );
        assert!(error.contains("no files, processes or sockets"), "{error}");
        let table = format!("[[grant]]\nskill = \"acme/fetch\"\n{word} = {{}}\n");
        let error = toml::from_str::<File>(&table).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field `{word}`")), "{error}");
        assert!(error.contains("`http`, `kv`, `config`, `secrets`, `tools`, `scratch`"), "{error}");
    }
}

#[test]
fn errors_of_invalid_lines_name_the_expectation() {
    for (line, part) in [
        ("", "has no capability"),
        ("http", "lacks a URL"),
        ("http GET", "lacks a URL"),
        ("http get https://example.com/", "invalid method `get`"),
        ("http CONNECT https://example.com/", "but not `CONNECT`"),
        ("http GET, https://example.com/", "invalid method ``"),
        ("http * https://example.com/", "invalid method `*`"),
        ("http GET https://*/", "unsupported wildcard"),
        ("http GET https://*.com/", "at least two labels"),
        ("http GET https://example.com/ speed=1", "expected one of `secret`"),
        ("http GET https://example.com/ requests=1 requests=2", "given twice"),
        ("http GET https://example.com/ requests=0", "`requests` is 0"),
        ("http GET https://example.com/ requests=+1", "expected a number"),
        ("http GET https://example.com/ timeout=0s", "`timeout` is 0"),
        ("http GET https://example.com/ timeout=5", "invalid time `5`"),
        ("http GET https://example.com/ private=10.0.0.1/8", "write `10.0.0.0/8`"),
        ("http GET https://example.com/ header=x-key", "lacks the name of the secret"),
        ("http GET https://example.com/ secret=a header=host", "the host sets that header"),
        ("http GET https://example.com/ secret=a header=proxy-authorization", "the host sets that header"),
        ("http GET https://example.com/ secret=a header=X-Key", "lower-case"),
        ("http GET https://example.com/ secret=a header=x query=y", "choose one"),
        ("http GET https://example.com/ secret=a query=y form=raw", "`form` is for a header"),
        ("http GET https://example.com/ secret=a form=digest", "expected `raw`, `bearer` or `basic`"),
        ("http GET https://example.com/ secret=a/b", "a name has"),
        ("http GET https://example.com/ client-key=/k", "belong together"),
        ("http GET http://example.com/ ca-file=/ca", "write an `https` URL"),
        ("http GET https://example.com/ loose", "expected `option=value`"),
        ("kv space=team", "expected `skill` or `principal`"),
        ("kv path=/tmp", "expected one of `space`"),
        ("config", "lacks a key"),
        ("config a b=c", "expected `option=value`"),
        ("config \"a b\"=c", "invalid config key"),
        ("secret", "lacks the name of a secret"),
        ("tools a*b", "`*` only at the end"),
        ("scratch path=/tmp", "expected one of `files`"),
        ("scratch files=0", "`files` is 0"),
        ("scratch files=100001", "`files` is 100001; the maximum is 100000"),
        ("scratch depth=65", "`depth` is 65; the maximum is 64"),
        ("scratch name-bytes=1025", "`name-bytes` is 1025; the maximum is 1024"),
        ("scratch bytes=0", "`bytes` is 0"),
        ("config a=\"b", "quote in the grant is not closed"),
    ] {
        let error = line.parse::<Grant>().unwrap_err().to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn a_grant_of_a_file_names_its_skill_and_one_capability() {
    for (table, part) in [
        ("kv = {}", "names no skill"),
        ("skill = \"acme/fetch\"", "has no capability"),
        ("skill = \"acme/fetch\"\nkv = {}\nscratch = {}", "several capabilities (`kv` and `scratch`)"),
        ("skill = \"acme/fetch\"\nallow = \"kv\"\nkv = {}", "several capabilities (`allow` and `kv`)"),
        ("skill = \"*\"\nkv = {}", "invalid skill `*`"),
        ("skill = \"acme/fetch\"\ntools = []", "has no capability"),
        (
            "skill = \"acme/fetch\"\nhttp = { url = \"https://example.com/\", http2 = true }",
            "unknown field `http2`",
        ),
        (
            "skill = \"acme/fetch\"\nhttp = { url = \"https://example.com/\", requests = 0 }",
            "`requests` is 0",
        ),
        ("skill = \"acme/fetch\"\nkv = { files = 1 }", "unknown field `files`"),
        ("skill = \"acme/fetch\"\nkv = {}\nowner = \"acme\"", "unknown field `owner`"),
    ] {
        let error = toml::from_str::<File>(&format!("[[grant]]\n{table}\n")).unwrap_err().to_string();
        assert!(error.contains(part), "{table}: {error}");
    }
    let bound = Grant { skill: Some("acme/fetch".parse().unwrap()), ..Grant::of_run("kv".parse().unwrap()) };
    assert_eq!(Policy::new(Origin::CommandLine, vec![bound]).unwrap_err(), GrantError::Bound("skill"));
}

#[test]
fn grants_are_bound_to_skill_and_principal() {
    let digest = SkillDigest([1; 32]);
    for (skill, principals, granted) in [
        ("acme/fetch", "[]", true),
        ("acme/f*", "[]", true),
        ("acme/*", "[\"alice\", \"bob\"]", true),
        (&digest.to_string(), "[]", true),
        (&SkillDigest([2; 32]).to_string(), "[]", false),
        ("acme/other", "[]", false),
        ("evil/fetch", "[]", false),
        ("fetch", "[]", false),
        ("acme/fetch", "[\"bob\"]", false),
        ("acme/fetch", "[\"alic\"]", false),
    ] {
        let table = format!("[[grant]]\nskill = \"{skill}\"\nprincipals = {principals}\nkv = {{}}\n");
        let file: File = toml::from_str(&table).unwrap();
        let decision = file.grant.decide(&subject(), &Request::Kv);
        assert_eq!(matches!(decision, Decision::Granted { .. }), granted, "{skill} {principals}");
    }
    // A grant for principals needs a known one.
    let file: File =
        toml::from_str("[[grant]]\nskill = \"acme/fetch\"\nprincipals = [\"alice\"]\nkv = {}\n").unwrap();
    let nobody = Subject { principal: None, ..subject() };
    assert!(matches!(file.grant.decide(&nobody, &Request::Kv), Decision::Denied(_)));
}

#[test]
fn the_first_rule_that_covers_a_request_decides() {
    let grants = of_lines(&[
        "http GET https://api.example.com/v1/ requests=1",
        "http GET,POST https://*.example.com/v1/ requests=2",
        "http POST https://api.example.com/v1/ requests=3",
        "http DELETE https://api.example.com/ requests=4",
    ]);
    assert_eq!(http(&grants, "GET", "https://api.example.com/v1/a"), Ok(1));
    assert_eq!(http(&grants, "POST", "https://api.example.com/v1/a"), Ok(2));
    assert_eq!(http(&grants, "GET", "https://other.example.com/v1/a"), Ok(2));
    assert_eq!(http(&grants, "DELETE", "https://api.example.com/anything"), Ok(4));
    assert_eq!(http(&grants, "PUT", "https://api.example.com/v1/a"), Err(Reason::Method));
}

#[test]
fn a_denial_names_the_nearest_rule() {
    let grants = of_lines(&["http GET https://api.example.com/v1/", "http GET https://other.example/"]);
    for (method, url, reason) in [
        ("GET", "https://evil.example/", Reason::Host),
        ("GET", "http://api.example.com/v1/", Reason::Scheme),
        ("GET", "https://api.example.com:8443/v1/", Reason::Port),
        ("GET", "https://api.example.com/v2/", Reason::Path),
        ("GET", "https://api.example.com/v1/..%2fv2/", Reason::AmbiguousPath),
        ("POST", "https://api.example.com/v1/", Reason::Method),
        ("get", "https://api.example.com/v1/", Reason::Method),
    ] {
        assert_eq!(http(&grants, method, url), Err(reason), "{method} {url}");
    }
    assert_eq!(http(&of_lines(&["kv"]), "GET", "https://evil.example/"), Err(Reason::NoGrant));
}

#[test]
fn each_capability_is_denied_without_its_grant() {
    let target = Target::parse("https://example.com/").unwrap();
    let requests = [
        Request::Http { method: "GET", target: &target },
        Request::Kv,
        Request::Config("region"),
        Request::Secret("token"),
        Request::Tool("text-stats_count"),
        Request::Scratch,
    ];
    let lines = [
        "http https://example.com/",
        "kv",
        "config region=eu",
        "secret token",
        "tools text-stats_*",
        "scratch",
    ];
    for (at, line) in lines.iter().enumerate() {
        let grants = of_lines(&[line]);
        for (other, request) in requests.iter().enumerate() {
            let granted = matches!(grants.decide(request), Decision::Granted { .. });
            assert_eq!(granted, at == other, "{line} {request:?}");
        }
    }
    for request in requests {
        let none = SubjectGrants::none(subject());
        assert!(matches!(none.decide(&request), Decision::Denied(_)), "{request:?}");
    }
}

#[test]
fn configuration_comes_from_the_first_grant_of_a_key() {
    let grants = of_lines(&["config region=eu", "config region=us tier=1"]);
    assert_eq!(grants.config().collect::<Vec<_>>(), [("region", "eu"), ("tier", "1")]);
    let Decision::Granted { rule, grant: Granted::Config(value) } = grants.decide(&Request::Config("tier"))
    else {
        panic!("denied");
    };
    assert_eq!((rule.number, &*value), (2, "1"));
    assert!(matches!(grants.decide(&Request::Config("Region")), Decision::Denied(_)));
}

#[test]
fn an_explanation_names_the_missing_grant_ready_to_paste() {
    let grants = of_lines(&["http GET https://api.example.com/v1/"]);
    let target = Target::parse("https://api.example.com/v2/it's?token=hunter2").unwrap();
    let explanation = grants.explain(&Request::Http { method: "POST", target: &target });
    assert_eq!(
        explanation.to_string(),
        "`http POST https://api.example.com/v2/it's` of skill acme/fetch is denied: the grant for the origin has \
         another path (--grant 1 comes nearest); add --grant 'http POST https://api.example.com/v2/it'\\''s'"
    );
    let missing = explanation.missing.unwrap();
    assert_eq!(
        missing.to_table(),
        "[[grant]]\nskill = \"acme/fetch\"\nallow = \"http POST https://api.example.com/v2/it's\"\n"
    );
    // What is pasted covers the request.
    let policy: File = toml::from_str(&missing.to_table()).unwrap();
    assert!(matches!(
        policy.grant.decide(&subject(), &Request::Http { method: "POST", target: &target }),
        Decision::Granted { .. }
    ));
    let granted = grants.explain(&Request::Http {
        method: "GET",
        target: &Target::parse("https://api.example.com/v1/a").unwrap(),
    });
    assert_eq!(
        granted.to_string(),
        "`http GET https://api.example.com/v1/a` of skill acme/fetch is granted by --grant 1"
    );
}

#[test]
fn an_explanation_cuts_long_guest_text() {
    let name = format!("\u{1b}[2J{}", "x".repeat(1000));
    let explanation = of_lines(&[]).explain(&Request::Tool(&name));
    assert!(explanation.request.chars().count() < 210 && !explanation.request.contains('\u{1b}'));
    assert_eq!(explanation.missing, None);
}

#[test]
fn rules_of_two_places_keep_their_order_and_numbers() {
    let line = Policy::of_lines(["kv keys=1"]).unwrap();
    let file: File = toml::from_str("[[grant]]\nskill = \"acme/fetch\"\nkv = { keys = 2 }\n").unwrap();
    let both = line.then(&file.grant);
    let ids: Vec<_> = both.grants().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, ["--grant 1", "[[grant]] 1"]);
    let Decision::Granted { grant: Granted::Kv(rule), .. } = both.decide(&subject(), &Request::Kv) else {
        panic!("denied");
    };
    assert_eq!(rule.keys, 1);
}

#[test]
fn a_run_keeps_the_grants_of_its_start() {
    let mut policy = Policy::of_lines(["kv"]).unwrap();
    let run = policy.for_subject(&subject());
    policy = Policy::default();
    assert!(policy.is_empty());
    assert!(matches!(run.decide(&Request::Kv), Decision::Granted { .. }));
}

#[test]
fn relative_files_of_grants_lie_in_the_directory_of_the_configuration() {
    let files = "ca-file=ca.pem client-certificate=tls/client.pem client-key=/etc/client.key";
    let policy = Policy::of_lines([format!("http https://a.example/ {files}").as_str(), "kv"]).unwrap();
    let placed = policy.with_files_in(Path::new("/srv/ringfence"));
    let lines: Vec<_> = placed.grants().map(|(id, grant)| format!("{id}: {grant}")).collect();
    assert_eq!(lines.len(), 2);
    for path in
        ["ca-file=/srv/ringfence/ca.pem", "=/srv/ringfence/tls/client.pem", "client-key=/etc/client.key"]
    {
        assert!(lines[0].contains(path), "{}", lines[0]);
    }
    assert_eq!(lines[1], "--grant 2: kv");
    // From the working directory nothing changes.
    assert_eq!(policy.with_files_in(Path::new("")), policy);
}
