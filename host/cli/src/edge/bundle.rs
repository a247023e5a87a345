//! `ringfence bundle`: skills → code for the processors that were named → one signed file.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use ringfence::{Host, Limits, Target, ValidatedSkill, text};
use ringfence_bundle::{Built, Draft, DraftSkill, SecretKey, Time, Trust, Wants, open, peek};
use ringfence_compile::Compiler;

use super::policy::Policy;
use super::{CAP, look, usage};
use crate::args::{BundleArgs, BundleCommand, Expiry, StoreArgs};
use crate::load::{self, Source};
use crate::output::{Refused, note};

pub(crate) async fn exec(args: BundleArgs) -> ExitCode {
    match &args.command {
        Some(BundleCommand::Verify(args)) => look::verify(args),
        Some(BundleCommand::Show(args)) => look::show(args),
        None => {
            let json = args.json;
            bundle(args).await.map_or_else(|refused| refused.say(json), |()| ExitCode::SUCCESS)
        }
    }
}

async fn bundle(args: BundleArgs) -> Result<(), Refused> {
    let missing = |what: &str| usage("bad-usage", format!("{what} is missing"));
    let output = args.output.as_ref().ok_or_else(|| missing("--output"))?;
    let path = args.key.as_ref().ok_or_else(|| missing("--key"))?;
    check_output(output)?;
    let key: SecretKey = look::read(path)?
        .parse()
        .map_err(|error| usage("bad-key", format!("{}: {error}", path.display())))?;
    warn_of_readers(path);
    let policy = Policy::read(args.policy.as_deref())?;
    let not_before = match args.not_before {
        Some(given) => given,
        None => source_date()?.unwrap_or_else(|| Time::now().0),
    };
    let expires = match args.expires {
        Expiry::At(at) => at,
        Expiry::After(time) => not_before.saturating_add(time.as_secs()),
    };
    let targets: BTreeSet<Target> = args.target.iter().copied().collect();
    let (host, compiler) = (load::host(&Limits::default())?, load::compiler()?);
    let mut skills = Vec::new();
    for skill in &args.skills {
        skills.push(read_skill(skill, &host, &args.store, &policy)?);
    }
    let known: BTreeSet<&str> = skills.iter().map(|(name, ..)| &**name).collect();
    if let Some(other) = policy.names().find(|name| !known.contains(name)) {
        let other = text::clean(other, 80);
        return Err(usage(
            "bad-policy",
            format!("the policy names the skill {other}, which is not in the bundle"),
        ));
    }
    let mut drafts = Vec::new();
    for (name, skill, limits, grants) in skills {
        let builds = compile(&name, &skill, &compiler, &targets).await?;
        drafts.push(DraftSkill { name, description: skill.described(), limits, grants, builds });
    }
    for path in &args.with {
        take_over(path, &key, &mut drafts)?;
    }
    let draft =
        Draft { version: args.bundle_version.unwrap_or(not_before), not_before, expires, skills: drafts };
    let bytes = draft.sign(&key).map_err(|error| usage("bad-bundle", error.to_string()))?;
    ringfence_author::write_whole(output, &bytes)?;
    let (manifest, signer, id) = peek(&*bytes, bytes.len() as u64, CAP)?;
    look::tell(&manifest, signer, id, args.json);
    // As a worker will see it.
    let trust = Trust::new(vec![key.public()]);
    if let Err(error) = open(&*bytes, bytes.len() as u64, CAP, &trust, Time::now(), Wants::Nothing) {
        note(&format!("warning: no worker would take it now: {error}"));
    }
    note(&format!("{}: {} bytes", output.display(), bytes.len()));
    Ok(())
}

/// A bundle may be written over; nothing else, least of all the key.
fn check_output(output: &Path) -> Result<(), Refused> {
    let Ok(mut file) = std::fs::File::open(output) else { return Ok(()) };
    let mut magic = [0; 16];
    let is_bundle = std::io::Read::read_exact(&mut file, &mut magic).is_ok() && magic == *b"ringfence bundle";
    if is_bundle {
        return Ok(());
    }
    Err(usage("exists", format!("{} is there and is no bundle; nothing was written", output.display())))
}

/// A secret that others can read is not one.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
        note(&format!(
            "warning: others can read {}: `chmod 600` it, and make a new key if they did",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

/// What reproducible builds go by.
fn source_date() -> Result<Option<u64>, Refused> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let wrong = || usage("bad-usage", "SOURCE_DATE_EPOCH is no number of seconds since 1970".to_owned());
    seconds.map(Some).ok_or_else(wrong)
}

type Named = (String, ValidatedSkill, Limits, Vec<String>);

fn read_skill(typed: &str, host: &Host, store: &StoreArgs, policy: &Policy) -> Result<Named, Refused> {
    let (given, typed) = match typed.split_once('=') {
        Some((name, skill)) => (Some(name.to_owned()), skill),
        None => (None, typed),
    };
    let source = Source::of(typed);
    let (bytes, called) = match &source {
        Source::File(path) => {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            (load::read(path)?, stem)
        }
        Source::Store(reference) => {
            let store = load::store(store)?;
            let found = store.find(reference).map_err(|error| load::at_hand(error, &source))?;
            (store.component(found.digest, found.size)?, typed.split('@').next().map(str::to_owned))
        }
    };
    let name = given.or(called).unwrap_or_default();
    let name: ringfence_store::Name = name.parse().map_err(|error: ringfence_store::StoreError| {
        let mut refused = Refused::from(error);
        refused.message.push_str("; give one as NAME=SKILL");
        refused
    })?;
    let name = name.to_string();
    let skill = host.validate(bytes).map_err(|error| load::refused(&error))?;
    let (limits, grants) = policy.of(&name)?;
    Ok((name, skill, limits, grants))
}

async fn compile(
    name: &str,
    skill: &ValidatedSkill,
    compiler: &Compiler,
    targets: &BTreeSet<Target>,
) -> Result<Vec<Built>, Refused> {
    let description = skill.described().to_bytes();
    let mut builds = Vec::new();
    for target in targets {
        let mut progress = load::Progress::default();
        progress.say(&format!("compiling {name} for {target}"));
        let artifact = compiler.compile_for(skill, *target).await;
        progress.finish();
        let artifact = artifact.map_err(|error| Refused {
            exit: crate::exit::of_fault(error.fault()),
            code: error.code(),
            ..Refused::fault(format!("skill {name} for {target}: {error}"))
        })?;
        let code = artifact.as_bytes().unwrap_or_default().to_vec();
        builds.push(Built { fingerprint: target.fingerprint(), code, description: description.clone() });
    }
    Ok(builds)
}

/// The code for other engines, out of a bundle of the same skills and the same key.
fn take_over(path: &Path, key: &SecretKey, drafts: &mut [DraftSkill]) -> Result<(), Refused> {
    let (file, size) = look::file(path)?;
    let wrong = |reason: String| usage("bad-bundle", format!("{}: {reason}", path.display()));
    let mut opened = open(file, size, CAP, &Trust::new(vec![key.public()]), Time::now(), Wants::All)?;
    let others: Vec<String> = opened.manifest().skills.iter().map(|skill| skill.name.clone()).collect();
    let ours: BTreeSet<&str> = drafts.iter().map(|draft| &*draft.name).collect();
    if others.iter().map(String::as_str).collect::<BTreeSet<_>>() != ours {
        return Err(wrong("it does not hold the same skills".to_owned()));
    }
    for (entry, fingerprint, skill) in opened.take_skills() {
        let draft = drafts.iter_mut().find(|draft| draft.name == entry.name);
        let Some(draft) = draft.filter(|draft| draft.description.digest() == entry.digest) else {
            return Err(wrong(format!("its skill {} is of another component", entry.name)));
        };
        let (code, description) = skill.into_parts();
        if draft.builds.iter().all(|build| build.fingerprint != fingerprint) {
            draft.builds.push(Built { fingerprint, code, description });
        }
    }
    Ok(())
}
