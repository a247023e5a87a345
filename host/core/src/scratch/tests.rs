//! Tests of the tree, with a pair at each cap.

use std::time::Duration;

use super::transfer::{Wanted, normal};
use super::tree::{ENTRY, How};
use super::{NodeId, Refusal, Room, ScratchCaps, Tree};

const NOW: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(2);
const BLOCK: u64 = super::contents::BLOCK;

/// A memory limit.
struct Limit {
    used: u64,
    limit: u64,
}

impl Room for Limit {
    fn take(&mut self, bytes: u64) -> Result<(), Refusal> {
        let used = self.used.checked_add(bytes).expect("few bytes");
        if used > self.limit {
            return Err(Refusal::NoSpace);
        }
        self.used = used;
        Ok(())
    }

    fn give(&mut self, bytes: u64) {
        self.used = self.used.checked_sub(bytes).expect("no more is given than was taken");
    }
}

/// A tree and its memory, as a guest uses them.
struct World {
    tree: Tree,
    room: Limit,
}

const CREATE: How = How { create: true, directory: false, exclusive: false, truncate: false, write: true };

impl World {
    fn new(caps: ScratchCaps) -> Self {
        Self { tree: Tree::new(caps, NOW), room: Limit { used: 0, limit: u64::MAX } }
    }

    fn open(&mut self, path: &str, how: How) -> Result<NodeId, Refusal> {
        self.tree.open(self.tree.root(), path, how, NOW, &mut self.room)
    }

    /// Makes a file, and closes it.
    fn file(&mut self, path: &str, contents: &[u8]) -> Result<(), Refusal> {
        let id = self.open(path, CREATE)?;
        let written = self.tree.write(id, 0, contents, NOW, &mut self.room);
        self.tree.release(id, &mut self.room);
        written
    }

    fn directory(&mut self, path: &str) -> Result<(), Refusal> {
        self.tree.create_directory(self.tree.root(), path, NOW, &mut self.room)
    }

    fn remove_directory(&mut self, path: &str) -> Result<(), Refusal> {
        self.tree.remove_directory(self.tree.root(), path, NOW, &mut self.room)
    }

    fn unlink(&mut self, path: &str) -> Result<(), Refusal> {
        self.tree.unlink(self.tree.root(), path, NOW, &mut self.room)
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<(), Refusal> {
        let root = self.tree.root();
        self.tree.rename((root, old), (root, new), NOW, &mut self.room)
    }

    fn contents(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        let id = self.tree.find(self.tree.root(), path)?;
        Ok(self.tree.read(id, 0, u64::MAX)?.0)
    }

    fn list(&self, path: &str) -> Vec<String> {
        let id = self.tree.find(self.tree.root(), path).expect("a directory");
        let mut names: Vec<String> = Vec::new();
        while let Some((name, _)) =
            self.tree.next_entry(id, names.last().map(String::as_str)).expect("listed")
        {
            names.push(name.into());
        }
        names
    }
}

fn world() -> World {
    World::new(ScratchCaps::default())
}

#[test]
fn a_new_tree_has_an_empty_tmp_and_nothing_else() {
    let world = world();
    assert_eq!(world.list("."), ["tmp"]);
    assert_eq!(world.list("tmp"), [""; 0]);
    assert_eq!(world.room.used, 0);
}

#[test]
fn paths_resolve_inside_the_tree_only() {
    let mut world = world();
    world.directory("a").expect("made");
    world.file("a/f", b"1").expect("made");
    assert_eq!(world.contents("a/../a/./f"), Ok(b"1".to_vec()));
    assert_eq!(world.contents("a//f"), Ok(b"1".to_vec()));
    for path in ["..", "../x", "a/../..", "a/../../tmp", "/", "/tmp", "/etc/passwd", "./../x"] {
        assert_eq!(world.contents(path), Err(Refusal::NotPermitted), "{path}");
        assert_eq!(world.open(path, CREATE), Err(Refusal::NotPermitted), "{path}");
        assert_eq!(world.rename("a", path), Err(Refusal::NotPermitted), "{path}");
    }
    assert_eq!(world.contents(""), Err(Refusal::NoEntry));
    assert_eq!(world.contents("a\0"), Err(Refusal::Invalid));
    assert_eq!(world.contents("b/../a/f"), Err(Refusal::NoEntry), "what is not there leads nowhere");
    assert_eq!(world.contents("a/f/../f"), Err(Refusal::NotDirectory));
}

#[test]
fn a_path_never_leaves_the_directory_from_which_it_starts() {
    let mut world = world();
    world.file("secret", b"1").expect("made");
    let tmp = world.tree.find(world.tree.root(), "tmp").expect("there");
    assert_eq!(world.tree.find(tmp, "../secret"), Err(Refusal::NotPermitted));
    assert_eq!(world.tree.find(tmp, "."), Ok(tmp));
}

#[test]
fn open_flags_mean_what_posix_says() {
    let mut world = world();
    let open = How::default();
    assert_eq!(world.open("f", open), Err(Refusal::NoEntry));
    world.file("f", b"1234").expect("made");
    assert_eq!(world.open("f", How { exclusive: true, ..CREATE }), Err(Refusal::Exists));
    assert_eq!(world.open("f", How { directory: true, ..open }), Err(Refusal::NotDirectory));
    assert_eq!(world.open("f/", open), Err(Refusal::NotDirectory));
    assert_eq!(world.open("new/", CREATE), Err(Refusal::IsDirectory));
    assert_eq!(world.open("tmp", CREATE), Err(Refusal::IsDirectory));
    assert_eq!(world.open("tmp", How { truncate: true, ..open }), Err(Refusal::Invalid));
    world.open("tmp/", How { directory: true, ..open }).expect("a directory");
    world.open("f", CREATE).expect("it may exist");
    assert_eq!(world.contents("f"), Ok(b"1234".to_vec()));
    world.open("f", How { truncate: true, write: true, ..open }).expect("open");
    assert_eq!(world.contents("f"), Ok(Vec::new()));
}

#[test]
fn files_are_read_and_written_across_blocks() {
    let mut world = world();
    let id = world.open("f", CREATE).expect("open");
    let bytes: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    world.tree.write(id, BLOCK - 3, &bytes, NOW, &mut world.room).expect("written");
    let (read, end) = world.tree.read(id, BLOCK - 3, 10_000).expect("read");
    assert_eq!((read, end), (bytes.clone(), true));
    let (read, end) = world.tree.read(id, BLOCK, 5).expect("read");
    assert_eq!((&read[..], end), (&bytes[3..8], false));
    assert_eq!(world.tree.read(id, 0, 3).expect("read").0, [0; 3], "a hole reads as zeros");
    assert_eq!(world.tree.read(id, 1 << 40, 5), Ok((Vec::new(), true)));
    assert_eq!(world.tree.read(id, u64::MAX, u64::MAX), Ok((Vec::new(), true)));
}

#[test]
fn a_file_that_shrinks_and_grows_shows_no_old_bytes() {
    let mut world = world();
    let id = world.open("f", CREATE).expect("open");
    world.tree.write(id, 0, &[7; 9_000], NOW, &mut world.room).expect("written");
    world.tree.resize(id, 10, NOW, &mut world.room).expect("shrunk");
    assert_eq!(world.room.used, ENTRY + 1 + BLOCK);
    world.tree.resize(id, 9_000, NOW, &mut world.room).expect("grown");
    let (read, _) = world.tree.read(id, 0, 9_000).expect("read");
    assert_eq!((&read[..10], &read[10..]), (&[7; 10][..], &[0; 8_990][..]));
    assert_eq!(world.room.used, ENTRY + 1 + BLOCK, "holes take no memory");
    world.tree.resize(id, 0, NOW, &mut world.room).expect("emptied");
    assert_eq!(world.room.used, ENTRY + 1);
}

#[test]
fn directories_are_made_listed_and_removed() {
    let mut world = world();
    world.directory("a").expect("made");
    assert_eq!(world.directory("a"), Err(Refusal::Exists));
    assert_eq!(world.directory("."), Err(Refusal::Exists));
    assert_eq!(world.directory("x/y"), Err(Refusal::NoEntry));
    world.directory("a/b/").expect("made");
    world.file("a/c", b"").expect("made");
    assert_eq!(world.list("a"), ["b", "c"]);
    assert_eq!(world.remove_directory("a"), Err(Refusal::NotEmpty));
    assert_eq!(world.remove_directory("a/c"), Err(Refusal::NotDirectory));
    assert_eq!(world.unlink("a/b"), Err(Refusal::IsDirectory));
    assert_eq!(world.remove_directory("."), Err(Refusal::Invalid));
    world.remove_directory("a/b").expect("removed");
    world.unlink("a/c").expect("removed");
    world.remove_directory("a").expect("removed");
    assert_eq!(world.room.used, 0, "all memory is returned");
    assert_eq!(world.remove_directory("tmp"), Err(Refusal::Busy));
    assert_eq!(world.rename("tmp", "t"), Err(Refusal::Busy));
}

#[test]
fn nothing_is_made_in_a_directory_that_is_removed() {
    let mut world = world();
    world.directory("a").expect("made");
    let id = world.open("a", How { directory: true, ..How::default() }).expect("open");
    world.remove_directory("a").expect("removed");
    let made = world.tree.open(id, "f", CREATE, NOW, &mut world.room);
    assert_eq!(made, Err(Refusal::NoEntry));
    assert_eq!(world.tree.stat(id).expect("open").links, 0);
    world.tree.release(id, &mut world.room);
    assert_eq!(world.room.used, 0);
}

#[test]
fn a_removed_file_stays_while_it_is_open() {
    let mut world = World::new(ScratchCaps::default().with_files(1));
    let id = world.open("f", CREATE).expect("open");
    world.tree.write(id, 0, b"kept", NOW, &mut world.room).expect("written");
    world.unlink("f").expect("removed");
    assert_eq!(world.contents("f"), Err(Refusal::NoEntry));
    assert_eq!(world.tree.read(id, 0, 9).expect("open").0, b"kept");
    assert_eq!(world.file("g", b""), Err(Refusal::NoSpace), "it still counts");
    world.tree.release(id, &mut world.room);
    assert_eq!(world.room.used, 0);
    world.file("g", b"").expect("it no longer counts");
}

#[test]
fn rename_moves_and_replaces_what_is_of_the_same_kind() {
    let mut world = world();
    world.directory("a").expect("made");
    world.directory("a/b").expect("made");
    world.directory("empty").expect("made");
    world.file("f", b"1").expect("made");
    world.file("g", b"2").expect("made");
    world.rename("f", "g").expect("renamed");
    assert_eq!((world.contents("g"), world.contents("f")), (Ok(b"1".to_vec()), Err(Refusal::NoEntry)));
    world.rename("g", "g").expect("the same");
    world.rename("g", "a/b/a-longer-name").expect("moved");
    assert_eq!(world.contents("a/b/a-longer-name"), Ok(b"1".to_vec()));
    assert_eq!(world.rename("a", "a/b/c"), Err(Refusal::Invalid));
    assert_eq!(world.rename("empty", "a"), Err(Refusal::NotEmpty));
    assert_eq!(world.rename("empty", "a/b/a-longer-name"), Err(Refusal::NotDirectory));
    assert_eq!(world.rename("a/b/a-longer-name", "empty"), Err(Refusal::IsDirectory));
    assert_eq!(world.rename("none", "x"), Err(Refusal::NoEntry));
    world.rename("a", "empty").expect("an empty directory is replaced");
    assert_eq!(world.contents("empty/b/a-longer-name"), Ok(b"1".to_vec()));
    assert_eq!(world.list("."), ["empty", "tmp"]);
    world.unlink("empty/b/a-longer-name").expect("removed");
    world.remove_directory("empty/b").expect("removed");
    world.remove_directory("empty").expect("removed");
    assert_eq!(world.room.used, 0, "all memory is returned");
}

#[test]
fn the_number_of_files_has_a_cap() {
    let mut world = World::new(ScratchCaps::default().with_files(3));
    world.directory("a").expect("the first");
    world.file("a/f", b"").expect("the second");
    world.file("g", b"").expect("the third");
    assert_eq!(world.file("h", b""), Err(Refusal::NoSpace));
    assert_eq!(world.directory("h"), Err(Refusal::NoSpace));
    world.unlink("g").expect("removed");
    world.file("h", b"").expect("the third again");
}

#[test]
fn the_depth_has_a_cap() {
    let mut world = World::new(ScratchCaps::default().with_depth(2));
    world.directory("a").expect("one");
    world.directory("a/b").expect("two");
    world.file("a/b/f", b"").expect("two directories are above it");
    assert_eq!(world.directory("a/b/c"), Err(Refusal::NoSpace));
    world.directory("c").expect("one");
    world.directory("c/d").expect("two");
    assert_eq!(world.rename("c", "a/c"), Err(Refusal::NoSpace), "what it contains counts");
    world.remove_directory("c/d").expect("removed");
    world.rename("c", "a/c").expect("two");
    assert_eq!(world.rename("a/b", "a/c/b"), Err(Refusal::NoSpace));
}

#[test]
fn names_and_paths_have_a_cap() {
    let mut world = World::new(ScratchCaps::default().with_name_bytes(3));
    world.file("abc", b"").expect("three bytes");
    assert_eq!(world.file("abcd", b""), Err(Refusal::NameTooLong));
    assert_eq!(world.file("aé€", b""), Err(Refusal::NameTooLong));
    assert_eq!(world.rename("abc", "abcd"), Err(Refusal::NameTooLong));
    assert_eq!(world.contents(&format!("{}abc", "./".repeat(2_046))), Ok(Vec::new()));
    assert_eq!(world.contents(&format!("{}abc", "./".repeat(2_047))), Err(Refusal::NameTooLong));
}

#[test]
fn the_bytes_of_all_files_have_a_cap() {
    let mut world = World::new(ScratchCaps::default().with_bytes(10));
    world.file("f", &[1; 6]).expect("six");
    assert_eq!(world.file("g", &[1; 5]), Err(Refusal::NoSpace));
    assert_eq!(world.contents("g"), Ok(Vec::new()), "nothing of it is written");
    world.file("g", &[1; 4]).expect("ten");
    let id = world.open("f", CREATE).expect("open");
    assert_eq!(world.tree.write(id, 6, b"1", NOW, &mut world.room), Err(Refusal::NoSpace));
    world.tree.write(id, 5, b"1", NOW, &mut world.room).expect("no more than before");
    assert_eq!(world.tree.resize(id, 7, NOW, &mut world.room), Err(Refusal::NoSpace));
    world.tree.resize(id, 5, NOW, &mut world.room).expect("smaller");
    world.tree.resize(id, 6, NOW, &mut world.room).expect("ten again");
    for (offset, bytes) in [(u64::MAX, &b"1"[..]), (u64::MAX - 1, b"12")] {
        assert_eq!(world.tree.write(id, offset, bytes, NOW, &mut world.room), Err(Refusal::NoSpace));
    }
    assert_eq!(world.tree.resize(id, u64::MAX, NOW, &mut world.room), Err(Refusal::NoSpace));
}

#[test]
fn the_memory_limit_counts_entries_names_and_blocks() {
    let mut world = world();
    world.room.limit = ENTRY + 1 + BLOCK;
    world.file("f", &[1; 4096]).expect("exactly the limit");
    assert_eq!(world.room.used, ENTRY + 1 + BLOCK);
    let id = world.open("f", CREATE).expect("open");
    assert_eq!(world.tree.write(id, 4096, b"1", NOW, &mut world.room), Err(Refusal::NoSpace));
    assert_eq!(world.rename("f", "ff"), Err(Refusal::NoSpace), "a longer name takes memory");
    assert_eq!(world.contents("f").expect("there").len(), 4096);
    world.room.limit = ENTRY + 2 + BLOCK;
    world.rename("f", "ff").expect("just enough");
    assert_eq!(world.directory("d"), Err(Refusal::NoSpace));
}

#[test]
fn times_change_with_what_they_stand_for() {
    let mut world = world();
    world.file("f", b"1").expect("made");
    let id = world.tree.find(world.tree.root(), "f").expect("there");
    world.tree.write(id, 0, b"2", LATER, &mut world.room).expect("written");
    let times = world.tree.stat(id).expect("there").times;
    assert_eq!((times.accessed, times.modified, times.changed), (NOW, LATER, LATER));
    world.tree.set_times(id, Some(LATER), Some(NOW), LATER).expect("set");
    let times = world.tree.stat(id).expect("there").times;
    assert_eq!((times.accessed, times.modified), (LATER, NOW));
}

#[test]
fn a_listing_survives_changes_of_the_directory() {
    let mut world = world();
    for name in ["a", "b", "c"] {
        world.file(name, b"").expect("made");
    }
    let root = world.tree.root();
    let (first, _) = world.tree.next_entry(root, None).expect("listed").expect("an entry");
    world.unlink("a").expect("removed");
    world.unlink("b").expect("removed");
    let (next, _) = world.tree.next_entry(root, Some(&first)).expect("listed").expect("an entry");
    assert_eq!((&*first, &*next), ("a", "c"));
}

#[test]
fn callers_files_are_brought_and_returned() {
    let mut world = world();
    let bring = |world: &mut World, path: &str, contents: &[u8]| {
        world.tree.bring(path, contents, NOW, &mut world.room)
    };
    bring(&mut world, "in/a/data.csv", b"1,2").expect("brought");
    bring(&mut world, "in/b", b"3").expect("brought");
    bring(&mut world, "tmp/c", b"4").expect("brought");
    assert_eq!(bring(&mut world, "in/b", b"5"), Err(Refusal::Exists));
    assert_eq!(bring(&mut world, "in/b/c", b"5"), Err(Refusal::NotDirectory));
    let collect = |paths: &[&str], bytes| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let files = world.tree.collect(&Wanted { paths, bytes });
        files.into_iter().map(|file| (file.path, file.size, file.contents)).collect::<Vec<_>>()
    };
    let csv = ("in/a/data.csv".to_owned(), 3, Some(b"1,2".to_vec()));
    assert_eq!(collect(&["in/a/data.csv", "none"], 3), std::slice::from_ref(&csv));
    assert_eq!(collect(&["in/a"], 2), [("in/a/data.csv".to_owned(), 3, None)], "too large");
    let all =
        [csv, ("in/b".to_owned(), 1, Some(b"3".to_vec())), ("tmp/c".to_owned(), 1, Some(b"4".to_vec()))];
    assert_eq!(collect(&["", "in"], 5), all);
}

#[test]
fn callers_paths_have_one_form() {
    for (path, is) in [("/tmp/x", "tmp/x"), ("a", "a"), ("a/b/", "a/b"), ("/", ""), ("", "")] {
        assert_eq!(normal(path), Ok(is));
    }
    for path in ["../x", "a/../b", "a//b", "./a", "//a", "a\0"] {
        normal(path).expect_err(path);
    }
}

/// Each path counts with 64 bytes beside it.
#[test]
fn returned_paths_take_a_mebibyte_at_most() {
    let listed = |files: u64| {
        let mut world = World::new(ScratchCaps { files: 20_000, ..ScratchCaps::default() });
        world.directory("d").expect("made");
        for number in 0..files {
            world.file(&format!("d/{number:05}"), b"").expect("made");
        }
        world.tree.collect(&Wanted { paths: vec!["d".to_owned()], bytes: 0 }).len() as u64
    };
    // The path `d/00000`.
    let most = super::LISTING.div_euclid(7 + 64);
    assert_eq!(listed(most), most);
    assert_eq!(listed(most.saturating_add(1)), most);
}
