//! Bundles: the same bytes for the same input, and nothing but those bytes is taken.

use ringfence::{Digest, Limits, SchemaStyle, Target, ToolDetail};
use ringfence_bundle::{
    Built, BundleError, Draft, DraftSkill, HEADER, Manifest, Opened, Revocations, SecretKey, Time, Trust,
    Wants, open, peek,
};
use ringfence_edge_tests::{draft, host, key, native, skill, trust};
use serde_json::Value;

use crate::{ECHO, number};

const CAP: u64 = 64 << 20;

fn signed() -> Vec<u8> {
    draft(1, vec![skill("echo", ECHO, &Limits::default(), &[native()])]).sign(&key()).expect("signed")
}

fn opened(bytes: &[u8], trust: &Trust, now: Time) -> Result<Opened, BundleError> {
    open(bytes, bytes.len() as u64, CAP, trust, now, Wants::First(&[native().fingerprint()]))
}

fn code(opened: Result<Opened, BundleError>) -> &'static str {
    match opened {
        Ok(_) => "taken",
        Err(error) => error.code(),
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let make = || {
        let skills =
            ["b", "a"].map(|name| skill(name, ECHO, &Limits::default(), &[Target::X86_64, Target::Pulley64]));
        Draft { version: 3, not_before: 1_800_000_000, expires: 1_900_000_000, skills: skills.into() }
    };
    let first = make().sign(&key()).unwrap();
    assert_eq!(first, make().sign(&key()).unwrap());
    let mut other = make();
    other.version = 4;
    assert_ne!(first, other.sign(&key()).unwrap());
}

#[test]
fn a_manifest_shows_tools_as_every_list_does() {
    let skills = ["json-query", "text-stats"].map(|name| {
        let file = format!("{}/../../skills/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
        let description = host().validate(std::fs::read(file).unwrap()).expect("valid").described();
        let built =
            Built { fingerprint: native().fingerprint(), code: vec![0], description: description.to_bytes() };
        DraftSkill {
            name: name.to_owned(),
            description,
            limits: Limits::default(),
            grants: Vec::new(),
            builds: vec![built],
        }
    });
    let expected: Vec<String> = skills
        .iter()
        .flat_map(|skill| skill.description.tools())
        .map(|tool| {
            let shown = tool.shown(ToolDetail::Contract, SchemaStyle::Exact);
            let Ok(Value::Object(mut members)) = serde_json::to_value(shown) else { panic!("{tool:?}") };
            // A manifest leaves out what a tool does not have.
            members.retain(|_, member| !member.is_null());
            Value::Object(members).to_string()
        })
        .collect();
    let bytes = draft(1, skills.into()).sign(&key()).expect("signed");
    let bundle = opened(&bytes, &trust(), Time::now()).expect("it is taken");
    let tools = bundle.manifest().skills.iter().flat_map(|skill| &skill.tools);
    let written: Vec<String> = tools.map(|tool| serde_json::to_string(tool).unwrap()).collect();
    assert_eq!(written, expected);
    assert!(written.iter().any(|tool| tool.contains("\"failure\"")), "{written:?}");
    assert!(written.iter().any(|tool| !tool.contains("\"failure\"")), "{written:?}");
}

#[test]
fn a_signed_bundle_opens_with_its_original_content() {
    let bytes = signed();
    let mut bundle = opened(&bytes, &trust(), Time::now()).expect("it is taken");
    assert_eq!(bundle.key(), key().public().id());
    let Manifest { version: 1, fingerprints, skills, .. } = bundle.manifest() else { panic!("{bundle:?}") };
    assert_eq!(*fingerprints, [native().fingerprint()]);
    assert_eq!(skills[0].tools[0].name, "echo");
    assert_eq!(skills[0].tools[0].parameters["properties"]["text"]["type"], "string");
    let skill = bundle.take_skills().pop().expect("one skill");
    assert_eq!((&*skill.entry().name, skill.fingerprint()), ("echo", &*native().fingerprint()));
    let ringfence_bundle::Built { code, description, .. } = skill.into_built();
    assert_eq!(
        Digest::of(&code),
        Digest::of(&super::bundle::skill("echo", ECHO, &Limits::default(), &[native()]).builds[0].code)
    );
    assert!(ringfence::SkillDescription::from_bytes(&description).is_ok());
}

/// Every bit of the header, and random places elsewhere: 10,000 mutants, and none is taken.
#[test]
fn no_mutated_bundle_is_accepted() {
    let bytes = signed();
    let now = Time::now();
    let refused = |mutant: &[u8], what: &dyn Fn() -> String| {
        let taken = opened(mutant, &trust(), now);
        assert!(taken.is_err(), "{}", what());
    };
    let mut made = 0;
    for at in 0..HEADER {
        for bit in 0..8 {
            let mut mutant = bytes.clone();
            mutant[at] ^= 1 << bit;
            refused(&mutant, &|| format!("bit {bit} of byte {at}"));
            made += 1;
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        // xorshift64, of Marsaglia: the same mutants in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    while made < 10_000 {
        let at = HEADER + random() as usize % (bytes.len() - HEADER);
        let mut mutant = bytes.clone();
        let what = match random() % 4 {
            0 => {
                mutant.truncate(at);
                "cut"
            }
            1 => {
                mutant.insert(at, random() as u8);
                "inserted"
            }
            2 => {
                mutant.remove(at);
                "removed"
            }
            _ => {
                mutant[at] ^= 1 + (random() % 255) as u8;
                "changed"
            }
        };
        refused(&mutant, &|| format!("{what} at {at}"));
        made += 1;
    }
    assert!(opened(&bytes, &trust(), now).is_ok(), "and the original is");
}

#[test]
fn each_refusal_has_its_reason() {
    let bytes = signed();
    let now = Time::now();
    let refusal = |bytes: &[u8]| code(opened(bytes, &trust(), now));
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    assert_eq!(refusal(b""), "not-a-bundle");
    assert_eq!(refusal(&[b'x'; 200]), "not-a-bundle");
    assert_eq!(refusal(&bytes[..HEADER - 1]), "not-a-bundle");
    assert_eq!(refusal(&with(16, &[2])), "bundle-format");
    assert_eq!(refusal(&bytes[..bytes.len() - 1]), "bundle-size");
    assert_eq!(refusal(&[&*bytes, b"x"].concat()), "bundle-size");
    assert_eq!(refusal(&with(64, &[9; 32])), "bundle-unknown-key");
    assert_eq!(refusal(&with(96, &[0; 64])), "bundle-unsigned");
    assert_eq!(refusal(&with(96, &[1; 64])), "bundle-signature");
    assert_eq!(refusal(&with(HEADER, b"[")), "bundle-signature");
    let last = bytes[bytes.len() - 1];
    assert_eq!(refusal(&with(bytes.len() - 1, &[last ^ 1])), "bundle-altered");
    let large = open(&*bytes, bytes.len() as u64, bytes.len() as u64 - 1, &trust(), now, Wants::Nothing);
    assert_eq!(code(large), "bundle-too-large");
    let fits = open(&*bytes, bytes.len() as u64, bytes.len() as u64, &trust(), now, Wants::Nothing);
    assert_eq!(code(fits), "taken");
    // A reader that gives less than the size that was said, or goes on after it.
    assert!(open(&bytes[..500], bytes.len() as u64, CAP, &trust(), now, Wants::Nothing).is_err());
    let longer = [&*bytes, b"x"].concat();
    assert_eq!(
        code(open(&*longer, bytes.len() as u64, CAP, &trust(), now, Wants::Nothing)),
        "bundle-altered"
    );
}

#[test]
fn keys_and_revocations() {
    let bytes = signed();
    let now = Time::now();
    let other = SecretKey::from_seed(&[8; 32]).public();
    assert_eq!(code(opened(&bytes, &Trust::new(vec![other.clone()]), now)), "bundle-unknown-key");
    assert_eq!(code(opened(&bytes, &Trust::default(), now)), "bundle-unknown-key");
    let both = Trust::new(vec![other, key().public()]);
    assert_eq!(code(opened(&bytes, &both, now)), "taken");
    let claimed = peek(&*bytes, bytes.len() as u64, CAP).unwrap();
    let (manifest, bundle) = (&claimed.manifest, claimed.id.to_string());
    for revoked in [claimed.key.to_string(), bundle] {
        let list = Revocations::read(&format!("# gone\n{revoked}\n")).unwrap();
        assert_eq!(code(opened(&bytes, &both.clone().revoking(list), now)), "bundle-revoked", "{revoked}");
    }
    let list = Revocations::read(&format!("sha256:{}", "0".repeat(64))).unwrap();
    let other = both.clone().revoking(list);
    assert_eq!(code(opened(&bytes, &other, now)), "taken");
    assert!(other.expect_all_allowed(manifest).is_ok());
    // A worker stops that skill alone; whoever signs or verifies the bundle hears of it.
    let revoked = both.revoking(Revocations::read(&manifest.skills[0].digest.to_string()).unwrap());
    assert_eq!(code(opened(&bytes, &revoked, now)), "taken");
    assert_eq!(revoked.expect_all_allowed(manifest).unwrap_err().code(), "bundle-revoked");
}

#[test]
fn dates_are_checked_to_the_second() {
    let make = || {
        let mut draft = draft(1, vec![skill("echo", ECHO, &Limits::default(), &[native()])]);
        (draft.not_before, draft.expires) = (1_800_000_000, 1_900_000_000);
        draft.sign(&key()).unwrap()
    };
    let bytes = make();
    for (now, expected) in [
        (1_799_999_999, "bundle-not-yet-valid"),
        (1_800_000_000, "taken"),
        (1_899_999_999, "taken"),
        (1_900_000_000, "bundle-expired"),
        (0, "clock-wrong"),
        (1_790_812_799, "clock-wrong"),
        (1_790_812_800, "bundle-not-yet-valid"),
        (4_102_444_800, "bundle-expired"),
        (4_102_444_801, "clock-wrong"),
    ] {
        assert_eq!(code(opened(&bytes, &trust(), Time(now))), expected, "{now}");
    }
}

#[test]
fn code_for_another_engine_is_not_loaded() {
    let limits = Limits::default();
    let targets = [native(), Target::Pulley64];
    let bytes =
        draft(1, vec![skill("a", &number(1), &limits, &targets), skill("b", &number(2), &limits, &targets)])
            .sign(&key())
            .unwrap();
    let pick = |wanted: &[String]| {
        let mut opened = open(&*bytes, bytes.len() as u64, CAP, &trust(), Time::now(), Wants::First(wanted))?;
        Ok::<_, BundleError>(
            opened
                .take_skills()
                .into_iter()
                .map(|skill| (skill.entry().name.clone(), skill.fingerprint().to_owned()))
                .collect::<Vec<_>>(),
        )
    };
    let (native, pulley) = (native().fingerprint(), Target::Pulley64.fingerprint());
    let both = |print: &String| vec![("a".to_owned(), print.clone()), ("b".to_owned(), print.clone())];
    assert_eq!(pick(&[native.clone(), pulley.clone()]).unwrap(), both(&native));
    assert_eq!(pick(&["another".to_owned(), pulley.clone()]).unwrap(), both(&pulley));
    let error = pick(&["another".to_owned()]).unwrap_err();
    assert_eq!(error.code(), "bundle-no-build");
    assert!(error.to_string().contains(&native), "{error}");
}

/// A signer can err: what no worker would take is not signed.
#[test]
fn a_bundle_that_no_worker_accepts_is_not_signed() {
    let limits = Limits::default();
    let refused = |draft: Draft| draft.sign(&key()).expect_err("refused").to_string();
    assert!(refused(draft(1, vec![])).contains("0 skills"));
    let twice = ["a", "a"].map(|name| skill(name, ECHO, &limits, &[native()]));
    assert!(refused(draft(1, twice.into())).contains("listed twice"));
    for name in ["", "A", "a/b", "-a", &"a".repeat(64)] {
        assert!(
            refused(draft(1, vec![skill(name, ECHO, &limits, &[native()])])).contains("not a skill name"),
            "{name}"
        );
    }
    assert!(draft(1, vec![skill(&"a".repeat(63), ECHO, &limits, &[native()])]).sign(&key()).is_ok());
    let apart = vec![skill("a", ECHO, &limits, &[native()]), skill("b", ECHO, &limits, &[Target::Pulley64])];
    assert!(refused(draft(1, apart)).contains("needs exactly one build per engine"));
    let none = limits.clone().with_fuel(0);
    assert!(refused(draft(1, vec![skill("a", ECHO, &none, &[native()])])).contains("fuel"));
    let mut dates = draft(1, vec![skill("a", ECHO, &limits, &[native()])]);
    dates.expires = dates.not_before;
    assert!(refused(dates).contains("validity"));
}
