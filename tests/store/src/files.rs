//! Files as an intruder or a bad disk makes them, and what a directory holds.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

/// Everything under a directory: its kind, its permissions, and its bytes or where it links to.
pub fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let what = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).expect("a link").display())
        } else if metadata.is_file() {
            format!("{:?}", ringfence::Digest::of(&fs::read(&path).expect("a file")))
        } else if metadata.is_dir() {
            walk(root, &path, found);
            "directory".to_owned()
        } else {
            "special".to_owned()
        };
        let shown = path.strip_prefix(root).expect("under it").to_string_lossy().into_owned();
        found.insert(shown, format!("{:o} {what}", metadata.permissions().mode() & 0o7777));
    }
}

/// Puts a file in the place of another: a new one, with these permissions.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) {
    clear(path);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).expect("it is made");
    file.write_all(bytes).expect("it is written");
    // Whatever the umask is.
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Removes whatever is there.
pub fn clear(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("it is ours"),
        Ok(_) => fs::remove_file(path).expect("it is ours"),
        Err(_) => {}
    }
}

/// Makes a pipe that nobody writes to: who opens it without care waits for ever.
pub fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
    assert!(made.success(), "mkfifo {}", path.display());
}

/// Flips one bit of a file, which keeps its permissions.
pub fn flip(path: &Path, at: usize, bit: u8) {
    let mode = fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    let mut bytes = fs::read(path).expect("it can be read");
    bytes[at] ^= 1 << bit;
    replace(path, &bytes, mode);
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}
