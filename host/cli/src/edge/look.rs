//! `ringfence bundle verify` and `ringfence bundle show`: show a bundle, with and without verifying it.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence::text;
use ringfence_bundle::{BundleId, KeyId, Manifest, Time, Trust, TrustError, Wants, open, open_file, peek};
use serde_json::json;

use super::{CAP, usage};
use crate::args::{ShowArgs, VerifyArgs};
use crate::output::{self, Refused, note, print};

pub(super) fn verify(args: &VerifyArgs) -> ExitCode {
    let verified = || -> Result<(), Refused> {
        let trust = trust(args)?;
        let (file, size) = file(&args.bundle)?;
        let opened = open(file, size, CAP, &trust, Time::now(), Wants::Nothing)?;
        trust.expect_all_allowed(opened.manifest())?;
        tell(opened.manifest(), opened.key(), opened.id(), args.json);
        note("verified: the signature is trusted, no byte is altered, and the bundle is valid now");
        Ok(())
    };
    verified().map_or_else(|refused| refused.say(args.json), |()| ExitCode::SUCCESS)
}

pub(super) fn show(args: &ShowArgs) -> ExitCode {
    let shown = || -> Result<(), Refused> {
        let (file, size) = file(&args.bundle)?;
        let claimed = peek(file, size, CAP)?;
        tell(&claimed.manifest, claimed.key, claimed.id, args.json);
        note("not verified; run `ringfence bundle verify --key FILE` to verify it");
        Ok(())
    };
    shown().map_or_else(|refused| refused.say(args.json), |()| ExitCode::SUCCESS)
}

fn trust(args: &VerifyArgs) -> Result<Trust, Refused> {
    Trust::read_files(&args.key, &args.revoked).map_err(|error| match error {
        TrustError::Io { .. } => Refused { code: error.code(), ..Refused::fault(error.to_string()) },
        error => usage(error.code(), error.to_string()),
    })
}

/// Reads a text. `what` names it, for an error with the next step.
pub(super) fn read(path: &Path, what: &str, next: &str) -> Result<String, Refused> {
    std::fs::read_to_string(path).map_err(|error| Refused {
        code: "cannot-read",
        ..Refused::fault(format!("cannot read the {what} {}: {error}; {next}", path.display()))
    })
}

pub(super) fn file(path: &Path) -> Result<(File, u64), Refused> {
    let cannot = |error: std::io::Error| Refused {
        code: "cannot-read",
        ..Refused::fault(format!("cannot read {}: {error}", path.display()))
    };
    let opened = open_file(path).map_err(cannot)?;
    Ok((opened.file, opened.metadata.len()))
}

/// The unverified claims of a bundle.
pub(super) fn tell(manifest: &Manifest, key: KeyId, id: BundleId, as_json: bool) {
    if as_json {
        output::print_json(&json!({"bundle": id, "key": key, "manifest": manifest}));
        return;
    }
    print(&format!("bundle version {}", manifest.version));
    print(&format!("  id         {id}"));
    print(&format!("  key        {key}"));
    print(&format!("  valid      {} to {}", manifest.not_before(), manifest.expires()));
    for (i, fingerprint) in manifest.fingerprints.iter().enumerate() {
        print(&format!("  {:9}  {}", if i == 0 { "code for" } else { "" }, text::clean(fingerprint, 200)));
    }
    for skill in &manifest.skills {
        print(&format!("{}  {}", text::clean(&skill.name, 80), skill.digest));
        let tools: Vec<String> =
            skill.tools.iter().take(20).map(|tool| text::clean(&tool.name, 80)).collect();
        print(&format!("  tools      {}", tools.join(", ")));
        let limits = &skill.limits;
        print(&format!(
            "  limits     fuel {} · deadline {} ms · memory {}",
            output::thousands(limits.fuel),
            output::thousands(u64::try_from(limits.deadline.as_millis()).unwrap_or(u64::MAX)),
            ByteSize::b(limits.memory).display().iec(),
        ));
        let grants = if skill.grants.is_empty() {
            "none".to_owned()
        } else {
            text::clean(&skill.grants.join(", "), 200)
        };
        print(&format!("  grants     {grants}"));
    }
}
