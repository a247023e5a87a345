//! `ringfence bundle`: skills → code for the processors that were named → one signed file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringfence::{Limits, SkillDescription, Target, text};
use ringfence_bundle::{
    Built, BundleError, Draft, DraftSkill, Revocations, SecretKey, Time, Trust, Wants, open, peek,
};
use ringfence_files::ORDINARY;
use ringfence_store::{Cleared, GrammarError, Library, StoreError};

use super::policy::Policy;
use super::version::{Choice, Signed, Versions};
use super::{CAP, look, usage};
use crate::args::{BundleArgs, BundleCommand, Expiry};
use crate::load::{self, Source, StoreIfAny};
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
    let missing = |what: &str| usage("bad-usage", format!("missing `{what}`"));
    let output = args.output.as_ref().ok_or_else(|| missing("--output FILE"))?;
    let path = args.key.as_ref().ok_or_else(|| missing("--key FILE"))?;
    let before = check_output(output)?;
    let next = "check --key, or create a key with `ringfence keygen FILE`";
    let key: SecretKey = look::read(path, "secret key", next)?
        .parse()
        .map_err(|error| usage("bad-key", format!("{}: {error}", path.display())))?;
    warn_of_readers(path);
    let trust = Trust::new(vec![key.public()]).revoking(revocations(&args.revoked)?);
    let policy = Policy::read(args.policy.as_deref())?;
    let date = match args.not_before {
        Some(given) => Some(given),
        None => source_date()?,
    };
    let not_before = date.unwrap_or_else(|| Time::now().0);
    let version = match (args.bundle_version, date) {
        (Some(given), _) => Choice::Given(given),
        (None, Some(date)) => Choice::Date(date),
        (None, None) => Choice::Clock,
    };
    // What is wrong with it is told before anything is compiled.
    drop(Versions::of(path)?);
    let expires = match args.expires {
        Expiry::At(at) => at,
        Expiry::After(time) => not_before.saturating_add(time.as_secs()),
    };
    let targets: BTreeSet<Target> = args.target.iter().copied().collect();
    let library = library(&args)?;
    let mut skills = Vec::new();
    for skill in &args.skills {
        skills.push(Chosen::read(skill, &library, &policy).await?);
    }
    let known: BTreeSet<&str> = skills.iter().map(|skill| &*skill.name).collect();
    if let Some(other) = policy.names().find(|name| !known.contains(name)) {
        let other = text::clean(other, 80);
        return Err(usage(
            "bad-policy",
            format!(
                "the policy has a section for skill `{other}`, which is not in the bundle; add the skill or delete the section"
            ),
        ));
    }
    let mut drafts = Vec::new();
    for skill in &skills {
        drafts.push(skill.draft(&library, &targets).await?);
    }
    for path in &args.with {
        take_over(path, &trust, &mut drafts)?;
    }
    // Compiling took long: nothing is signed that may not run by now.
    for skill in &skills {
        library.clear_again(&skill.cleared).await.map_err(|error| skill.refused(error))?;
    }
    let draft = Draft { version: 0, not_before, expires, skills: drafts };
    let mut versions = Versions::of(path)?;
    let bytes = versions.sign(draft, version, before, &key)?;
    // As a worker will see it, and without a skill that no worker runs.
    let opened = open(&*bytes, bytes.len() as u64, CAP, &trust, Time::now(), Wants::Nothing);
    match opened.and_then(|opened| trust.expect_all_allowed(opened.manifest())) {
        Ok(()) => {}
        Err(error @ BundleError::Revoked { .. }) => return Err(error.into()),
        Err(error) => note(&format!("warning: workers refuse this bundle now: {error}")),
    }
    keep(output, &bytes, args.force)?;
    let claimed = peek(&*bytes, bytes.len() as u64, CAP)?;
    look::tell(&claimed.manifest, claimed.key, claimed.id, args.json);
    note(&format!("wrote {}: {} bytes", output.display(), bytes.len()));
    Ok(())
}

/// A bundle may be written over, where that is asked for; nothing else, least of all the key. Returns the bundle that is
/// there.
fn check_output(output: &Path) -> Result<Option<Signed>, Refused> {
    // Also for a link that leads nowhere.
    if output.symlink_metadata().is_err() {
        return Ok(None);
    }
    let there = look::file(output).ok().and_then(|(file, size)| peek(file, size, u64::MAX).ok());
    match there {
        Some(claimed) => Ok(Some(Signed { version: claimed.manifest.version, bundle: claimed.id })),
        None => {
            let output = output.display();
            Err(usage(
                "exists",
                format!("{output} exists and is not a bundle; nothing was written; choose another file"),
            ))
        }
    }
}

/// Writes it whole, and in the place of another bundle only if that is asked for. The same bytes are there already.
fn keep(output: &Path, bytes: &[u8], force: bool) -> Result<(), Refused> {
    if force {
        let written = ringfence_files::replace(output, bytes, ORDINARY);
        return written.map_err(|error| Refused::unwritten(output, &error));
    }
    match ringfence_files::create(output, bytes, ORDINARY) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Refused::unwritten(output, &error))
        }
        Err(_) if std::fs::read(output).is_ok_and(|there| there == bytes) => Ok(()),
        Err(_) => {
            let output = output.display();
            Err(usage("exists", format!("{output} already holds another bundle; replace it with --force")))
        }
        Ok(()) => Ok(()),
    }
}

/// The revocations of all lists together.
fn revocations(files: &[PathBuf]) -> Result<Revocations, Refused> {
    let mut all = String::new();
    for path in files {
        let list = look::read(path, "revocations", "check --revoked")?;
        Revocations::read(&list)
            .map_err(|error| usage("bad-revocations", format!("{}: {error}", path.display())))?;
        all.push_str(&list);
        all.push('\n');
    }
    Revocations::read(&all).map_err(|error| usage("bad-revocations", error.to_string()))
}

/// A library on the store, which names need and files are held against.
fn library(args: &BundleArgs) -> Result<Library, Refused> {
    let sources =
        args.skills.iter().map(|typed| Source::of(typed.split_once('=').map_or(typed, |(_, skill)| skill)));
    let needs = sources.into_iter().any(|source| matches!(source, Source::Store(_)));
    let store =
        if needs { StoreIfAny::of(load::store(&args.store)?) } else { load::store_if_any(&args.store)? };
    load::library_of(store)
}

/// A secret that others can read is not one.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
        note(&format!(
            "warning: other users can read the secret key {}; run `chmod 600` on it, and create a new key if it leaked",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

/// The variable that reproducible builds use.
fn source_date() -> Result<Option<u64>, Refused> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let wrong = || {
        usage("bad-usage", "invalid SOURCE_DATE_EPOCH; expected a number of seconds since 1970".to_owned())
    };
    seconds.map(Some).ok_or_else(wrong)
}

/// A skill that may run, and its entry in the bundle.
struct Chosen {
    name: String,
    source: Source,
    cleared: Cleared,
    description: SkillDescription,
    limits: Limits,
    grants: Vec<String>,
}

impl Chosen {
    async fn read(typed: &str, library: &Library, policy: &Policy) -> Result<Self, Refused> {
        let (given, typed) = match typed.split_once('=') {
            Some((name, skill)) => (Some(name.to_owned()), skill),
            None => (None, typed),
        };
        let source = Source::of(typed);
        let called = match &source {
            Source::File(path) => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
            Source::Store(_) => typed.split('@').next().map(str::to_owned),
        };
        let cleared = library.clear(load::wanted(&source)?).await;
        let cleared = cleared.map_err(|error| load::at_hand(error, &source))?;
        let name = given.or(called).unwrap_or_default();
        let name: ringfence_store::Name = name.parse().map_err(|error: GrammarError| {
            let mut refused = Refused::from(error);
            refused.message.push_str("; choose a name with NAME=SKILL");
            refused
        })?;
        let name = name.to_string();
        let description = library.describe(&cleared).await?;
        let (limits, grants) = policy.of(&name)?;
        Ok(Self { name, source, cleared, description, limits, grants })
    }

    async fn draft(&self, library: &Library, targets: &BTreeSet<Target>) -> Result<DraftSkill, Refused> {
        let mut builds = Vec::new();
        for target in targets {
            let mut progress = load::Progress::default();
            progress.say(&format!("compiling {} for {target}", self.name));
            let built = library.build(&self.cleared, *target).await;
            progress.finish();
            let ringfence_store::Built { fingerprint, code, description, .. } = built.map_err(|error| {
                let mut refused = self.refused(error);
                refused.message = format!("skill `{}`, target {target}: {}", self.name, refused.message);
                refused
            })?;
            builds.push(Built { fingerprint, code, description });
        }
        Ok(DraftSkill {
            name: self.name.clone(),
            description: self.description.clone(),
            limits: self.limits.clone(),
            grants: self.grants.clone(),
            builds,
        })
    }

    fn refused(&self, error: StoreError) -> Refused {
        load::at_hand(error, &self.source)
    }
}

/// The code for other engines, out of a bundle of the same skills and the same key: by digest those that were cleared.
fn take_over(path: &Path, trust: &Trust, drafts: &mut [DraftSkill]) -> Result<(), Refused> {
    let (file, size) = look::file(path)?;
    let wrong = |reason: String| usage("bad-bundle", format!("{}: {reason}", path.display()));
    let mut opened = open(file, size, CAP, trust, Time::now(), Wants::All)?;
    trust.expect_all_allowed(opened.manifest())?;
    let others: Vec<String> = opened.manifest().skills.iter().map(|skill| skill.name.clone()).collect();
    let ours: BTreeSet<&str> = drafts.iter().map(|draft| &*draft.name).collect();
    if others.iter().map(String::as_str).collect::<BTreeSet<_>>() != ours {
        return Err(wrong("it holds other skills; --with needs a bundle of the same skills".to_owned()));
    }
    for skill in opened.take_skills() {
        let entry = skill.entry();
        let draft = drafts.iter_mut().find(|draft| draft.name == entry.name);
        let Some(draft) = draft.filter(|draft| draft.description.digest() == entry.digest) else {
            return Err(wrong(format!(
                "its skill {} is another component; --with needs a bundle of the same skills",
                entry.name
            )));
        };
        if draft.builds.iter().all(|build| build.fingerprint != skill.fingerprint()) {
            draft.builds.push(skill.into_built());
        }
    }
    Ok(())
}
