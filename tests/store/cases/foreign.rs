//! What is not the store's: reported with its path, never followed, never removed, and in nobody's way.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use ringfence::Digest;
use ringfence_store::{Gc, Miss, Problem, Store};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{clear, mode, pipe, replace, tree};
use ringfence_store_tests::{Shelf, code, hex, name, runtime};

use crate::shelf;

/// Names that are not the store's, and names that could be.
const DIGITS: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

fn prepared() -> Shelf {
    let shelf = shelf();
    shelf.put("good", &answering(1));
    shelf.store().revoke(Digest::of(&answering(99)), None).expect("it is revoked");
    shelf
}

/// The directories that files are kept in, from the root.
fn folders(shelf: &Shelf) -> Vec<(String, String)> {
    let engine = format!("artifacts/{}", hex(shelf.library.host().fingerprint()));
    [("names", "evil.json"), ("components", ""), ("artifacts", ""), ("revoked", ""), ("scratch", "")]
        .map(|(folder, own)| (folder.to_owned(), own.to_owned()))
        .into_iter()
        .chain([(engine, String::new()), (String::new(), String::new())])
        .map(|(folder, own)| {
            let own = match folder.as_str() {
                "components" => format!("{DIGITS}.wasm"),
                "revoked" => format!("{DIGITS}.json"),
                "scratch" => "draft-0123456789abcdef".to_owned(),
                "artifacts" => DIGITS.to_owned(),
                "" => "policy.json".to_owned(),
                folder if folder.starts_with("artifacts/") => format!("{DIGITS}.cwasm"),
                _ => own,
            };
            (folder, own)
        })
        .collect()
}

/// Others go on working, and nothing that was put there is changed by anything the store does.
#[track_caller]
fn expect_reported_and_left(shelf: &Shelf, path: &Path, what: &str) {
    let inside = path.strip_prefix(&shelf.root).expect("in the store").to_string_lossy().into_owned();
    // As it is shown: nothing in it acts on a terminal.
    let inside = ringfence::text::clean(&inside, 512);
    let before = fs::symlink_metadata(path).expect("it is there");
    let found = shelf.verify();
    let named = found.findings.iter().find(|finding| finding.path == inside);
    let named = named.unwrap_or_else(|| panic!("{what}: `{inside}` is not named: {:#?}", found.findings));
    assert!(named.problem.is_failure(), "{what}: {named:?}");
    assert!(found.findings.iter().all(|finding| finding.path == inside), "{what}: {:#?}", found.findings);
    let again = shelf.again();
    again.expect("good", 1);
    // The policy may be unreadable, and a record: what then must not happen does not.
    let _ = again.submit("other", &answering(2));
    let _ = again.store().gc(Gc::new(Some(1)), again.library.host().fingerprint());
    let _ = again.store().remove(&name("other"), None, None);
    let after = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(before.file_type(), after.file_type(), "{what}");
    again.expect("good", 1);
    let still = shelf.verify();
    assert!(still.findings.iter().any(|f| f.path == inside && f.problem.is_failure()), "{what}: {still:#?}");
}

#[test]
fn things_of_every_kind_in_every_directory() {
    type Make = fn(&Path);
    let make: [(&str, Make); 5] = [
        ("link", |path| symlink("../canary", path).expect("a link")),
        ("dangling link", |path| symlink("/nonexistent", path).expect("a link")),
        ("directory", |path| {
            fs::create_dir(path).expect("a directory");
            fs::write(path.join("mine"), "mine").expect("a file");
        }),
        ("pipe", |path| pipe(path)),
        ("socket", |path| {
            // The path of a socket must be short, and its name may be anything.
            let dir = tempfile::tempdir().expect("a directory");
            UnixListener::bind(dir.path().join("s")).expect("a socket");
            fs::rename(dir.path().join("s"), path).expect("the same file system");
        }),
    ];
    for (folder, own) in folders(&prepared()) {
        for odd in [own.as_str(), "odd name"] {
            for (what, make) in make {
                let shelf = prepared();
                fs::write(shelf.dir.path().join("canary"), "sings").expect("a file");
                let dir = shelf.root.join(&folder);
                let path = dir.join(odd);
                // An engine's directory may be one.
                if folder == "artifacts" && what == "directory" && odd == own {
                    continue;
                }
                make(&path);
                expect_reported_and_left(&shelf, &path, &format!("{what} {folder}/{odd}"));
                assert_eq!(fs::read(shelf.dir.path().join("canary")).expect("it is there"), b"sings");
                if what == "directory" {
                    assert!(path.join("mine").exists(), "{folder}/{odd}");
                }
            }
        }
    }
}

#[test]
fn files_of_odd_names() {
    let odd: [&[u8]; 8] =
        [b"x", b".x", b"UPPER.json", b"x.json.bak", b"\xff\xfe", b"x\ny", b"-rf", "\u{202e}".as_bytes()];
    for (folder, _) in folders(&prepared()) {
        for odd in odd {
            let shelf = prepared();
            let path = shelf.root.join(&folder).join(OsStr::from_bytes(odd));
            fs::write(&path, "mine").expect("a file");
            expect_reported_and_left(&shelf, &path, &path.display().to_string());
            assert_eq!(fs::read(&path).expect("it is there"), b"mine");
        }
    }
}

#[test]
fn a_record_behind_a_link_is_not_read() {
    let shelf = prepared();
    let record = shelf.record("good");
    let elsewhere = shelf.dir.path().join("good.json");
    fs::rename(&record, &elsewhere).expect("it moves");
    symlink(&elsewhere, &record).expect("a link");
    let before = tree(&shelf.root);
    let again = shelf.again();
    again.refused("good", "foreign-file");
    again.refused("good@1", "foreign-file");
    assert_eq!(code(&again.submit("good", &answering(2))), "foreign-file");
    assert_eq!(code(&again.store().remove(&name("good"), None, None)), "foreign-file");
    assert_eq!(code(&again.store().gc(Gc::default(), again.library.host().fingerprint())), "foreign-file");
    assert_eq!(tree(&shelf.root.join("names")), tree_of(&before, "names/"));
    let found = shelf.verify().findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].path.as_str(), found[0].problem), ("names/good.json", Problem::Foreign));
    assert_eq!(found[0].skills, ["good"]);
    again.put("other", &answering(2));
    again.expect("other", 2);
    // Nothing was removed that the link points at.
    clear(&record);
    fs::rename(&elsewhere, &record).expect("it moves back");
    shelf.again().expect("good", 1);
}

fn tree_of(
    all: &std::collections::BTreeMap<String, String>,
    under: &str,
) -> std::collections::BTreeMap<String, String> {
    all.iter().filter_map(|(path, what)| Some((path.strip_prefix(under)?.to_owned(), what.clone()))).collect()
}

#[test]
fn a_component_behind_a_link_is_not_read() {
    let shelf = prepared();
    let digest = Digest::of(&answering(1));
    let (component, elsewhere) = (shelf.component(digest), shelf.dir.path().join("elsewhere"));
    fs::rename(&component, &elsewhere).expect("it moves");
    symlink(&elsewhere, &component).expect("a link");
    clear(&shelf.artifact(digest));
    shelf.again().refused("good", "foreign-file");
    let found = shelf.verify().findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].problem, &found[0].skills[..]), (Problem::Foreign, &["good@1".to_owned()][..]));
    // Sent again, it takes the place of the link; what the link pointed at stays.
    shelf.again().put("good", &answering(1));
    shelf.again().expect("good", 1);
    assert_eq!(fs::read(elsewhere).expect("it is there"), answering(1));
    assert!(component.symlink_metadata().expect("it is there").is_file());
    shelf.expect_sound();
}

#[test]
fn a_record_of_another_name_is_refused() {
    let shelf = prepared();
    shelf.put("other", &answering(2));
    fs::copy(shelf.record("good"), shelf.record("other")).expect("it is ours");
    let again = shelf.again();
    again.refused("other", "damaged");
    again.expect("good", 1);
}

#[test]
fn a_store_whose_folders_are_links_is_not_opened() {
    for part in ["format", "names", "components", "artifacts", "revoked", "scratch"] {
        let shelf = prepared();
        let (path, elsewhere) = (shelf.root.join(part), shelf.dir.path().join("elsewhere"));
        fs::rename(&path, &elsewhere).expect("it moves");
        symlink(&elsewhere, &path).expect("a link");
        let before = tree(shelf.dir.path());
        assert_eq!(code(&Store::open(&shelf.root)), "foreign-file", "{part}");
        assert_eq!(code(&Store::open_or_make(&shelf.root)), "foreign-file", "{part}");
        assert_eq!(tree(shelf.dir.path()), before, "{part}");
    }
}

#[test]
fn a_lock_that_is_not_a_file_stops_changes() {
    type Make = fn(&Path, PathBuf);
    let make: [Make; 3] = [
        |lock, canary| symlink(canary, lock).expect("a link"),
        |lock, _| pipe(lock),
        |lock, _| fs::create_dir(lock).expect("a directory"),
    ];
    for make in make {
        let shelf = prepared();
        let canary = shelf.dir.path().join("canary");
        replace(&canary, b"sings", 0o644);
        let lock = shelf.root.join("lock");
        clear(&lock);
        make(&lock, canary.clone());
        assert_eq!(code(&shelf.submit("b", &answering(2))), "foreign-file");
        assert_eq!(code(&shelf.store().revoke(Digest::of(&answering(1)), None)), "foreign-file");
        shelf.expect("good", 1);
        assert!(shelf.verify().findings.iter().any(|finding| finding.path == "lock"));
        assert_eq!((fs::read(&canary).expect("it is there"), mode(&canary)), (b"sings".to_vec(), 0o644));
    }
}

#[test]
fn a_component_from_a_file_runs_beside_foreign_files() {
    let shelf = prepared();
    symlink("/nonexistent", shelf.component(Digest::of(&answering(5)))).expect("a link");
    runtime().block_on(shelf.library.load_bytes(answering(5), |_| {})).expect("it is not read from there");
    // Submitted, it takes the place of the link.
    shelf.put("five", &answering(5));
    shelf.again().expect("five", 5);
    shelf.expect_sound();
}

#[test]
fn a_link_that_stays_inside_its_directory_is_not_followed_either() {
    let linked = |path: &Path| {
        fs::rename(path, path.with_file_name("moved")).expect("it moves");
        symlink("moved", path).expect("a link");
    };
    let digest = Digest::of(&answering(1));
    let shelf = prepared();
    linked(&shelf.record("good"));
    shelf.again().refused("good", "foreign-file");
    let shelf = prepared();
    linked(&shelf.component(digest));
    clear(&shelf.artifact(digest));
    shelf.again().refused("good", "foreign-file");
    let shelf = prepared();
    linked(&shelf.artifact(digest));
    let (loaded, miss) = shelf.without_compiler().load_seen("good");
    assert!(loaded.is_err() && matches!(miss, Some(Miss::Rejected(_))), "{miss:?}");
    let shelf = prepared();
    linked(&shelf.root.join("key"));
    let (loaded, miss) = shelf.without_compiler().load_seen("good");
    assert!(loaded.is_err() && matches!(miss, Some(Miss::Unreadable(_))), "{miss:?}");
    let shelf = prepared();
    shelf.set_policy(|_| {});
    linked(&shelf.root.join("policy.json"));
    assert_eq!(code(&shelf.submit("new", &answering(2))), "foreign-file");
    let shelf = prepared();
    linked(&shelf.root.join("format"));
    assert_eq!(code(&Store::open(&shelf.root)), "foreign-file");
}
