//! A load by wrk on the same cores, and the CPU that the server spends on it.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::clock::cpu_of;
use super::server::Site;

/// Connections, each of which is kept alive.
const CONNECTIONS: u32 = 32;

/// A load that can be put on a server.
pub(crate) struct Wrk<'s> {
    site: &'s Site,
    script: NamedTempFile,
    url: String,
    seconds: u64,
    connections: u32,
}

/// A load that goes on until it is dropped.
pub(crate) struct Load(Child);

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What wrk measured.
pub(crate) struct Figures {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The server's CPU time of a request, in microseconds.
    pub(crate) cpu: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, p50, p99, cpu } = self;
        write!(f, "{rate:8.0} requests/s   p50 {p50:.2} ms   p99 {p99:.2} ms   CPU {cpu:.1} µs a request")
    }
}

/// Whether wrk is there.
///
/// # Errors
///
/// A sentence that says how to get it.
pub(crate) fn installed() -> Result<(), String> {
    match Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("cannot start wrk: {error}; install the package `wrk`")),
    }
}

impl<'s> Wrk<'s> {
    /// POSTs of JSON for so many seconds on 32 connections. A header is `name: value`.
    pub(crate) fn new(
        site: &'s Site,
        token: &str,
        path: &str,
        headers: &[&str],
        body: &str,
        seconds: u64,
    ) -> Self {
        let mut script = tempfile::Builder::new().suffix(".lua").tempfile().expect("a script");
        let mut lines = format!(
            "wrk.method = \"POST\"\nwrk.body = [[{body}]]\nwrk.headers[\"content-type\"] = \"application/json\"\n\
             wrk.headers[\"authorization\"] = \"Bearer {token}\"\n"
        );
        for header in headers {
            let (name, value) = header.split_once(": ").expect("`name: value`");
            lines.push_str(&format!("wrk.headers[\"{name}\"] = \"{value}\"\n"));
        }
        script.write_all(lines.as_bytes()).expect("the script is written");
        let url = format!("http://{}{path}", site.address);
        Self { site, script, url, seconds, connections: CONNECTIONS }
    }

    /// The same on half of the connections.
    #[must_use]
    pub(crate) fn half(self) -> Self {
        Self { connections: CONNECTIONS / 2, ..self }
    }

    fn command(&self, seconds: u64) -> Command {
        let mut command = Command::new("wrk");
        command.args([
            "-t1",
            "--latency",
            "-c",
            &self.connections.to_string(),
            "-d",
            &seconds.to_string(),
            "-s",
        ]);
        command.arg(self.script.path()).arg(&self.url);
        command
    }

    /// Begins, and goes on in the background.
    pub(crate) fn start(&self) -> Load {
        let child = self.command(600).stdout(Stdio::null()).spawn().expect("wrk starts");
        // Until all connections are at work.
        std::thread::sleep(Duration::from_millis(500));
        Load(child)
    }

    /// Runs to its end. Any answer but 200 is a panic.
    pub(crate) fn run(&self) -> Figures {
        let before = cpu_of(self.site.pid());
        let output = self.command(self.seconds).output().expect("wrk runs");
        let cpu = cpu_of(self.site.pid()) - before;
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("Non-2xx"), "{text}");
        figures(&text, cpu).unwrap_or_else(|| panic!("unexpected output of wrk: {text}"))
    }
}

fn figures(text: &str, cpu: f64) -> Option<Figures> {
    let word = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label))?;
        line.split_whitespace().last()
    };
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0;
    let requests: f64 = requests.parse().ok()?;
    let rate = word("Requests/sec:")?.parse().ok()?;
    Some(Figures { rate, p50: millis(word("50%")?)?, p99: millis(word("99%")?)?, cpu: cpu * 1e6 / requests })
}

/// `1.23ms`, `456.00us`, `1.20s`, `1.00m`
fn millis(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1e-3)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1e3)
    } else {
        (text.strip_suffix('m')?, 6e4)
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_wrk_is_parsed() {
        let text = "Running 1s test @ http://127.0.0.1:1/echo\n  1 threads and 32 connections\n  \
                    Thread Stats   Avg      Stdev     Max   +/- Stdev\n  Latency Distribution\n     \
                    50%  618.00us\n     75%    1.10ms\n     90%    1.60ms\n     99%    2.50ms\n  \
                    50000 requests in 1.00s, 9.00MB read\nRequests/sec:  49876.54\nTransfer/sec:      8.9MB\n";
        let Figures { rate, p50, p99, cpu } = figures(text, 0.5).expect("figures");
        assert_eq!((rate, p50, p99, cpu), (49876.54, 0.618, 2.5, 10.0));
        assert!(figures("nothing", 1.0).is_none());
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in
            [("456.00us", 0.456), ("1.50ms", 1.5), ("1.20s", 1_200.0), ("2.00m", 120_000.0)]
        {
            assert!((millis(text).expect("a time") - expected).abs() < 1e-9, "{text}");
        }
        assert_eq!(millis("5"), None);
    }
}
