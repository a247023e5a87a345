//! A skill that uses the standard library as if it ran on a computer, and reports how far it got.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, process};

use exports::origins::wasi_rust::probe::{Clocks, Files, Findings, Guest, Outcome};

wit_bindgen::generate!({ world: "skill", path: "wit" });

struct Probe;
export!(Probe);

impl Guest for Probe {
    fn look() -> Findings {
        Findings {
            files: files(),
            env: count(env::vars_os()),
            args: count(env::args_os()),
            stdin: outcome(read_stdin()),
            tcp: outcome(TcpStream::connect("127.0.0.1:80").map(|_| "connected".into())),
            udp: outcome(UdpSocket::bind("127.0.0.1:0").map(|_| "bound".into())),
            clocks: clocks(),
            random_works: random_works(),
        }
    }

    fn echo(s: String) -> String {
        s
    }

    fn print(line: String) {
        println!("out: {line}");
        eprintln!("err: {line}");
    }

    fn leave(code: u32) {
        process::exit(i32::try_from(code).unwrap_or(i32::MAX));
    }

    fn nap(milliseconds: u32) {
        thread::sleep(Duration::from_millis(milliseconds.into()));
    }

    fn fail(message: String) {
        panic!("{message}");
    }
}

fn files() -> Files {
    Files {
        read: outcome(fs::read_to_string("/etc/passwd")),
        listing: outcome(list("/")),
        create: outcome(File::create("made-by-the-probe.txt").map(|_| "created".into())),
        metadata: outcome(fs::metadata(".").map(|_| "found".into())),
        current_dir: outcome(env::current_dir().and_then(|path| list(&path.to_string_lossy()))),
    }
}

fn list(path: &str) -> io::Result<String> {
    let names: io::Result<Vec<_>> = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect();
    names.map(|names| names.join(" "))
}

fn read_stdin() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn clocks() -> Clocks {
    let first = Instant::now();
    let year_2020 = Duration::from_secs(1_577_836_800);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Clocks {
        wall_is_plausible: since_epoch.is_ok_and(|time| time > year_2020),
        monotonic_goes_forward: Instant::now() >= first,
    }
}

fn random_works() -> bool {
    let seeds = RandomState::new();
    seeds.hash_one("probe") == seeds.hash_one("probe")
}

fn outcome(result: io::Result<String>) -> Outcome {
    result.map_err(|error| error.to_string())
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
