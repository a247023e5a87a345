//! `ringfence keygen`: writes a key pair into two files. Only the user can read the secret one.

use std::path::Path;
use std::process::ExitCode;

use ringfence_bundle::SecretKey;
use ringfence_files::{ORDINARY, PRIVATE};

use super::usage;
use crate::args::KeygenArgs;
use crate::output::{Refused, note, print};

pub(crate) fn exec(args: &KeygenArgs) -> ExitCode {
    match keygen(&args.file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

fn keygen(file: &Path) -> Result<(), Refused> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Refused::fault(format!("cannot get random bytes from the system: {error}")))?;
    let key = SecretKey::from_seed(&seed);
    let mut public = file.as_os_str().to_owned();
    public.push(".pub");
    let public = Path::new(&public);
    if public.exists() {
        return Err(usage(
            "exists",
            format!(
                "{} already exists; nothing was written; delete it or choose another file",
                public.display()
            ),
        ));
    }
    write_new(file, &key.to_line(), PRIVATE)?;
    write_new(public, &key.public().to_line(), ORDINARY)?;
    print(&key.public().id().to_string());
    note(&format!("secret key  {}: keep it private, and off the workers", file.display()));
    note(&format!("public key  {}: copy it to the workers", public.display()));
    Ok(())
}

/// Creates a new file.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Refused> {
    ringfence_files::create(path, text.as_bytes(), mode).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => usage(
            "exists",
            format!(
                "{} already exists; nothing was written; delete it or choose another file",
                path.display()
            ),
        ),
        _ => Refused::fault(format!("cannot write {}: {error}", path.display())),
    })
}
