//! `mcp`: a call over MCP, to a call of the same tool over `/v1` of the same server by wrk on the same cores; calls over
//! stdio by a client that only counts lines; an agent's five steps.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use crate::args::Plan;
use crate::http::{BODY, CALL};
use crate::kit::book::Book;
use crate::kit::client::{Client, post};
use crate::kit::guests;
use crate::kit::server::{Ground, UNCOUNTED};
use crate::kit::stats::median;
use crate::kit::wrk::{self, Wrk};

/// Headers of a call by the revision that today's clients speak, and by the newest one.
const TODAYS: [&str; 2] = ["accept: application/json, text/event-stream", "mcp-protocol-version: 2025-11-25"];
const NEWEST: [&str; 4] = [
    "accept: application/json, text/event-stream",
    "mcp-protocol-version: 2026-07-28",
    "mcp-method: tools/call",
    "mcp-name: echo_echo",
];

/// What each request of the newest revision says about its client.
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}"#;

/// Calls in flight over stdio.
const IN_FLIGHT: usize = 64;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    wrk::installed()?;
    let ground = Ground::new(UNCOUNTED, &["bench"], &[("echo".to_owned(), guests::echo())]);
    stdio(&ground, plan, book);
    http(ground, plan, book);
    Ok(())
}

/// A call as a message, with `meta` where it is not empty.
fn message(id: &str, meta: &str) -> String {
    let meta = if meta.is_empty() { String::new() } else { format!(",{meta}") };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo_echo","arguments":{BODY}{meta}}}}}"#
    )
}

/// Both ways over HTTP, in turns.
fn http(ground: Ground, plan: &Plan, book: &mut Book) {
    let site = ground.serve();
    let token = &site.tokens["bench"];
    let load =
        |path, headers: &[&str], body: &str| Wrk::new(&site, token, path, headers, body, plan.seconds());
    let loads = [
        load(CALL, &[], BODY),
        load("/mcp", &TODAYS, &message("1", "")),
        load("/mcp", &NEWEST, &message("1", META)),
    ];
    // wrk does not look into answers.
    let mut client = Client::new(site.address);
    for (headers, meta) in [(&TODAYS[..], ""), (&NEWEST[..], META)] {
        let answer = client.ask(&post(token, "/mcp", headers, &message("1", meta))).expect("an answer");
        assert!(answer.status == 200 && answer.body.contains("\"result\""), "{}", answer.body);
    }
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..plan.rounds(3) {
        for ((load, rates), name) in loads.iter().zip(&mut rates).zip(["/v1", "MCP", "MCP, newest"]) {
            let figures = load.run();
            println!("{name:11} {figures}");
            rates.push(figures.rate);
        }
    }
    let [direct, todays, newest] = &rates;
    let ratio =
        |mcp: &[f64]| median(&mcp.iter().zip(direct).map(|(mcp, direct)| mcp / direct).collect::<Vec<_>>());
    book.figure("mcp-http", median(todays));
    book.figure("mcp-http-v1", median(direct));
    book.figure("mcp-http-ratio", ratio(todays));
    book.figure("mcp-newest-ratio", ratio(newest));
    // A new connection: the server closed the idle one.
    agent(&mut Client::new(site.address), token, plan, book);
}

/// Five steps of an agent, one after another on one connection: one list, four calls.
fn agent(client: &mut Client, token: &str, plan: &Plan, book: &mut Book) {
    let list = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{META}}}}}"#);
    let list = post(token, "/mcp", &[NEWEST[0], NEWEST[1], "mcp-method: tools/list"], &list);
    let call = post(token, "/mcp", &NEWEST, &message("2", META));
    let mut times = Vec::new();
    for _ in 0..plan.scaled(100, 10) {
        let begun = Instant::now();
        for request in [&list, &call, &call, &call, &call] {
            let answer = client.ask(request).expect("an answer");
            assert!(answer.status == 200 && answer.body.contains("\"result\""), "{}", answer.body);
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    book.figure("mcp-agent", median(&times));
}

/// This program again as `ringfence mcp`, and a client that sends calls and counts lines.
fn stdio(ground: &Ground, plan: &Plan, book: &mut Book) {
    let mut agent = Agent::start(ground.stdio());
    let time = Duration::from_secs(plan.seconds());
    let (mut one, mut many) = (Vec::new(), Vec::new());
    // Warm before it counts.
    agent.rate(1, time / 5);
    for _ in 0..plan.rounds(3) {
        one.push(agent.rate(1, time));
        many.push(agent.rate(IN_FLIGHT, time));
        println!(
            "stdio: {:.0} calls/s one at a time, {:.0} with {IN_FLIGHT} in flight",
            one[one.len() - 1],
            many[many.len() - 1]
        );
    }
    agent.end();
    book.figure("mcp-stdio", median(&one));
    book.figure("mcp-stdio-64", median(&many));
}

struct Agent {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    buffer: Vec<u8>,
    next: u64,
}

impl Agent {
    /// Shakes hands, and makes sure that a call returns its text.
    fn start(mut child: Child) -> Self {
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let mut agent = Self { child, stdin, stdout, buffer: vec![0; 64 << 10], next: 0 };
        let hello = r#"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
        agent.ask(hello);
        agent.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n".as_bytes());
        let answer = agent.ask(&message("\"first\"", ""));
        assert!(answer.contains("quick brown fox"), "{answer}");
        agent
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).expect("the child reads");
    }

    /// Sends a line and returns the one that comes back, while nothing else is in flight.
    fn ask(&mut self, line: &str) -> String {
        self.write(format!("{line}\n").as_bytes());
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n") {
            let count = self.read();
            answer.extend_from_slice(&self.buffer[..count]);
        }
        String::from_utf8(answer).expect("UTF-8")
    }

    fn read(&mut self) -> usize {
        let count = self.stdout.read(&mut self.buffer).expect("the child writes");
        assert!(count > 0, "the child ended");
        count
    }

    /// Reads what there is, and returns how many lines ended.
    fn lines(&mut self) -> usize {
        let count = self.read();
        self.buffer[..count].iter().filter(|byte| **byte == b'\n').count()
    }

    /// Writes so many calls at once, each with an id of its own.
    fn call(&mut self, calls: usize) {
        let mut lines = String::new();
        for _ in 0..calls {
            self.next += 1;
            lines.push_str(&message(&self.next.to_string(), ""));
            lines.push('\n');
        }
        self.write(lines.as_bytes());
    }

    /// Calls a second with so many in flight.
    fn rate(&mut self, in_flight: usize, time: Duration) -> f64 {
        let begun = Instant::now();
        self.call(in_flight);
        let mut answered = 0;
        while begun.elapsed() < time {
            let lines = self.lines();
            answered += lines;
            self.call(lines);
        }
        let seconds = begun.elapsed().as_secs_f64();
        let mut open = in_flight;
        while open > 0 {
            open = open.saturating_sub(self.lines());
        }
        answered as f64 / seconds
    }

    /// Ends the child by the end of its input.
    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().expect("it ends").success());
    }
}
