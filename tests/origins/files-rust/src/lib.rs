//! A skill that works with files as if they were on a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use exports::origins::files_rust::files::Guest;

wit_bindgen::generate!({ world: "skill", path: "wit" });

struct Files;
export!(Files);

impl Guest for Files {
    fn work() -> Result<Vec<String>, String> {
        steps().map_err(|error| error.to_string())
    }

    fn fill(path: String, bytes: u64) -> Result<u64, (String, u64)> {
        let piece = vec![b'x'; 64 << 10];
        let mut file = File::create(&path).map_err(|error| (error.to_string(), 0))?;
        let mut written = 0;
        while written < bytes {
            let now = (bytes - written).min(piece.len() as u64);
            file.write_all(&piece[..now as usize]).map_err(|error| (error.to_string(), written))?;
            written += now;
        }
        fs::metadata(&path).map(|data| data.len()).map_err(|error| (error.to_string(), written))
    }

    fn many(count: u32) -> (u32, Option<String>) {
        for n in 0..count {
            if let Err(error) = File::create(format!("/tmp/{n}")) {
                return (n, Some(error.to_string()));
            }
        }
        (fs::read_dir("/tmp").map_or(0, |entries| entries.count() as u32), None)
    }

    fn read(path: String) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

fn names(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = if entry.file_type()?.is_dir() { "/" } else { "" };
        names.push(format!("{}{kind}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names.join(" "))
}

fn steps() -> io::Result<Vec<String>> {
    let mut said = Vec::new();
    said.push(format!("root: {}", names("/")?));
    fs::write("/tmp/a.txt", "one\ntwo\n")?;
    OpenOptions::new().append(true).open("/tmp/a.txt")?.write_all(b"three\n")?;
    said.push(format!("text: {:?}", fs::read_to_string("/tmp/a.txt")?));
    let lines: io::Result<Vec<String>> = BufReader::new(File::open("/tmp/a.txt")?).lines().collect();
    said.push(format!("lines: {}", lines?.join(",")));

    let mut file = OpenOptions::new().read(true).write(true).open("/tmp/a.txt")?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(b"TWO")?;
    file.seek(SeekFrom::End(-6))?;
    let mut rest = String::new();
    file.read_to_string(&mut rest)?;
    said.push(format!("seek: {rest:?}"));
    file.set_len(7)?;
    file.sync_all()?;
    said.push(format!("cut: {:?} of {} bytes", fs::read_to_string("/tmp/a.txt")?, file.metadata()?.len()));

    fs::create_dir_all("/data/in/deep")?;
    fs::rename("/tmp/a.txt", "/data/in/deep/b.txt")?;
    fs::copy("/data/in/deep/b.txt", "/data/in/c.txt")?;
    said.push(format!("data: {} | {}", names("/data/in")?, names("/data/in/deep")?));
    fs::rename("/data/in", "/data/out")?;
    said.push(format!("moved: {}", names("/data/out")?));
    said.push(format!("gone: {}", Path::new("/data/in").exists()));

    // Removed while it is open, as libraries do with temporary files.
    let mut open = OpenOptions::new().read(true).write(true).create_new(true).open("/tmp/t")?;
    fs::remove_file("/tmp/t")?;
    open.write_all(b"kept")?;
    open.rewind()?;
    let mut kept = String::new();
    open.read_to_string(&mut kept)?;
    said.push(format!("unlinked: {kept}, {}", names("/tmp")?));

    for (what, failed) in [
        ("missing", File::open("/tmp/none").map(drop)),
        ("exists", File::create_new("/data/out/c.txt").map(drop)),
        ("directory", File::create("/data/out").map(drop)),
        ("not empty", fs::remove_dir("/data")),
        ("outside", File::open("/../etc/passwd").map(drop)),
        ("link", fs::hard_link("/data/out/c.txt", "/tmp/l")),
    ] {
        said.push(format!("{what}: {}", failed.map_or_else(|error| format!("{:?}", error.kind()), |()| "fine".into())));
    }
    fs::remove_dir_all("/data")?;
    said.push(format!("end: {}", names("/")?));
    Ok(said)
}
