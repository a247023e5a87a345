//! No second way out: nothing but `host/egress/src/dial.rs` opens a connection or looks a name up.
//!
//! The lints of the crates' `clippy.toml` files find calls by their paths. This test reads the sources, so it also finds
//! system calls, clients of other crates, and crates without such a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// What opens a connection, binds a socket for datagrams, or looks a name up.
const WAYS_OUT: &[&str] = &[
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream::connect",
    "UnixDatagram",
    "lookup_host",
    "ToSocketAddrs",
    "to_socket_addrs",
    "getaddrinfo",
    "libc::socket(",
    "libc::connect(",
    "libc::sendto(",
    "net::connect(",
    "net::sendto(",
    "net::socket(",
    "socket2::",
    "hickory_resolver::",
    "HttpConnector",
    "hyper_util::client",
    "reqwest::",
    "ureq::",
    "async_nats::",
    "default_send_request",
];

/// Files that are a way out on purpose, each with its reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("egress/src/dial.rs", "TcpStream::connect", "the door"),
    ("egress/src/resolve/hickory.rs", "hickory_resolver::", "the resolver of the door"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the lines that are no comment, up to the tests of the file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    (1..).zip(lines).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn ways_out(host: &Path) -> Vec<(String, usize, &'static str)> {
    let mut found = Vec::new();
    for crate_folder in fs::read_dir(host).unwrap() {
        let folder = crate_folder.unwrap().path().join("src");
        let mut files = Vec::new();
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
        for file in files {
            let name = file.strip_prefix(host).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in code(&text) {
                for way in WAYS_OUT.iter().filter(|way| line.contains(*way)) {
                    found.push((name.clone(), number, *way));
                }
            }
        }
    }
    found
}

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn nothing_but_the_door_opens_a_connection() {
    let second: Vec<_> = ways_out(&host())
        .into_iter()
        .filter(|(file, _, way)| !ALLOWED.iter().any(|(allowed, of, _)| allowed == file && of == way))
        .collect();
    assert!(second.is_empty(), "a second way out; use `ringfence_egress::Door` instead: {second:#?}");
}

#[test]
fn every_exception_is_still_needed() {
    let found = ways_out(&host());
    for (file, way, reason) in ALLOWED {
        assert!(
            found.iter().any(|(name, _, of)| name == file && of == way),
            "{file} needs no exception ({reason})"
        );
    }
}

#[test]
fn the_search_finds_a_second_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("other/src/deep");
    fs::create_dir_all(&src).unwrap();
    let text = "//! TcpStream::connect\n    // UdpSocket\n    let s = TcpStream::connect(a);\n#[cfg(test)]\nUdpSocket\n";
    fs::write(src.join("a.rs"), text).unwrap();
    assert_eq!(ways_out(folder.path()), [("other/src/deep/a.rs".to_owned(), 3, "TcpStream::connect")]);
}
