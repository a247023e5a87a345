//! A call over HTTP beside the same server's bare JSON echo, by wrk on the same cores: requests a second, CPU time a
//! request, and how late good calls get while half of the traffic is hostile. Tokens, admission and metrics are on.
//!
//! `cargo run --release -p ringfence-benches --bin http [SECONDS]`, with wrk on the path.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::routing::post;
use axum::{Json, Router};
use ringfence::Host;
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{Config, Server};
use ringfence_store::{Library, NewToken, Store, Submit};
use rustix::time::{ClockId, clock_gettime};
use tower::ServiceExt as _;

/// With its member, one hundred bytes of JSON.
const BODY: &str =
    r#"{"text":"the quick brown fox jumps over the lazy dog, and then it sleeps for a very long while on."}"#;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Connections of wrk.
const CONNECTIONS: &str = "32";

/// Never ends by itself.
const SPIN: &str = r#"(component
  (core module $m (func (export "spin") (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))"#;

fn main() -> ExitCode {
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    if Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("no wrk on the path: install the package of that name");
        return ExitCode::FAILURE;
    }
    let seconds = std::env::args().nth(1).unwrap_or_else(|| "5".to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(1)
        .global_queue_interval(1)
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (address, token, router) = runtime.block_on(serve(dir.path(), ""));
    in_process(&router, &token);
    println!("{seconds} s each, {CONNECTIONS} connections, wrk on the same cores; CPU time is the server's");
    println!();

    let wrk = |path: &str, body: &str| Wrk::new(dir.path(), address, path, body, &token, &seconds);
    let (echo, call) = (wrk("/echo", BODY), wrk("/v1/skills/echo/tools/echo", BODY));
    let (mut rps, mut cpu) = (Vec::new(), Vec::new());
    // In turns: a shared machine drifts, neighbours do not.
    for _ in 0..3 {
        let (bare, called) = (measure(&echo), measure(&call));
        println!("bare echo   {bare}");
        println!("tool call   {called}");
        rps.push(called.rps / bare.rps);
        cpu.push(called.cpu / bare.cpu);
    }
    println!("requests a second   {:.2} × the bare echo (median; to reach: ≥ 0.5)", median(&mut rps));
    println!("CPU a request       {:.2} × the bare echo (median; to reach: ≤ 2.2)", median(&mut cpu));
    println!();

    let half = |path: &str, body: &str| {
        let mut wrk = wrk(path, body);
        wrk.connections = "16".to_owned();
        wrk
    };
    let (good, hostile) =
        (half("/v1/skills/echo/tools/echo", BODY), half("/v1/skills/spin/tools/spin", "{}"));
    let mut ratios = Vec::new();
    for _ in 0..3 {
        // Alone, good calls have as many good ones beside them.
        let neighbours = half("/v1/skills/echo/tools/echo", BODY).start();
        let alone = good.run();
        neighbours.end();
        let neighbours = hostile.start();
        let beside = good.run();
        neighbours.end();
        println!("good calls, the other half good      p50 {:.2} ms, p99 {:.2} ms", alone.p50, alone.p99);
        println!("good calls, the other half hostile   p50 {:.2} ms, p99 {:.2} ms", beside.p50, beside.p99);
        ratios.push(beside.p99 / alone.p99);
    }
    println!("p99 beside hostile traffic   {:.2} × (median; to reach: ≤ 3)", median(&mut ratios));
    println!();
    agent_loop(address, &token);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (address, token, _) =
        runtime.block_on(serve(dir.path(), "[host]\nruns = 2\n[admission]\nqueue = 0\n"));
    surplus(address, &token);
    ExitCode::SUCCESS
}

/// What is not measured here, out of the way.
const CONFIG: &str = r#"
[listen]
address = "127.0.0.1:0"
[quota]
calls-per-minute = 100_000_000
fuel-per-minute = 1_000_000_000_000_000
"#;

async fn serve(dir: &Path, more: &str) -> (SocketAddr, String, Router) {
    let config = Config::parse(&format!("{CONFIG}{more}"), "bench.toml".as_ref()).expect("a configuration");
    let host = Host::new(config.host_config()).expect("a host");
    let store = Store::open_or_make(dir.join("store")).expect("a store");
    let owner = "bench".parse().expect("an owner");
    let (_, token) = store.make_token(NewToken::new(owner)).expect("a token");
    let compiler = Compiler::this_program(CompileLimits::default()).expect("a compiler");
    let library = Library::new(host, compiler, Ok(store));
    for (name, text) in [("echo", include_str!("echo.wat")), ("spin", SPIN)] {
        let submit = Submit::new(name.parse().expect("a name"), "bench".parse().expect("an owner"));
        let wasm = wat::parse_str(text).expect("the guest's text is valid");
        library.submit(wasm, submit, |_| {}).await.expect("it is taken");
    }
    let server = Server::new(library, config).await.expect("a server");
    let server =
        server.with_routes(Router::new().route("/echo", post(async |body: Json<serde_json::Value>| body)));
    let listener = server.bind().await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    server.settle().await;
    let router = server.router();
    tokio::spawn(server.serve(listener, std::future::pending()));
    (address, token, router)
}

/// The same without sockets: what the way from request to answer costs on one thread.
fn in_process(router: &Router, token: &str) {
    const CALLS: u32 = 20_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let ask = async |path: &str| {
        let request = http::Request::post(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("content-length", BODY.len())
            .body(Body::from(BODY))
            .expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body")
    };
    for path in ["/echo", "/v1/skills/echo/tools/echo"] {
        let mut costs: Vec<f64> = Vec::new();
        for _ in 0..5 {
            let before = clock_gettime(ClockId::ThreadCPUTime);
            runtime.block_on(async {
                for _ in 0..CALLS {
                    ask(path).await;
                }
            });
            let after = clock_gettime(ClockId::ThreadCPUTime);
            let cpu = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
            costs.push(cpu * 1e6 / f64::from(CALLS));
        }
        println!("without sockets, {path:28} {:.1} µs a request (median of 5)", median(&mut costs));
    }
}

/// A load of wrk.
struct Wrk {
    script: tempfile::NamedTempFile,
    url: String,
    seconds: String,
    connections: String,
}

struct Load(std::process::Child);

impl Load {
    fn end(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What wrk says.
struct Figures {
    rps: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    /// The server's CPU time a request, in microseconds.
    cpu: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rps, p50, p99, cpu } = self;
        write!(f, "{rps:8.0} requests/s   p50 {p50:.2} ms   p99 {p99:.2} ms   CPU {cpu:.1} µs a request")
    }
}

impl Wrk {
    fn new(dir: &Path, address: SocketAddr, path: &str, body: &str, token: &str, seconds: &str) -> Self {
        let mut script = tempfile::Builder::new().suffix(".lua").tempfile_in(dir).expect("a script");
        write!(
            script,
            "wrk.method = \"POST\"\nwrk.body = [[{body}]]\nwrk.headers[\"content-type\"] = \"application/json\"\n\
             wrk.headers[\"authorization\"] = \"Bearer {token}\"\n"
        )
        .expect("written");
        let url = format!("http://{address}{path}");
        Self { script, url, seconds: seconds.to_owned(), connections: CONNECTIONS.to_owned() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("wrk");
        command.args(["-t1", "--latency", "-c", &self.connections, "-s"]).arg(self.script.path());
        command
    }

    fn start(&self) -> Load {
        let mut command = self.command();
        let child = command.args(["-d", "600", &self.url]).stdout(Stdio::null()).spawn().expect("wrk starts");
        // Until it is under way.
        std::thread::sleep(Duration::from_millis(500));
        Load(child)
    }

    fn run(&self) -> Figures {
        let before = clock_gettime(ClockId::ProcessCPUTime);
        let output = self.command().args(["-d", &self.seconds, &self.url]).output().expect("wrk runs");
        let after = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("Non-2xx"), "{text}");
        let word = |label: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(label));
            line.and_then(|line| line.split_whitespace().last())
                .unwrap_or_else(|| panic!("no {label} in {text}"))
        };
        let requests: f64 = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "))
            .and_then(|(count, _)| count.parse().ok())
            .unwrap_or_else(|| panic!("{text}"));
        let rps = word("Requests/sec:").parse().expect("a number");
        Figures { rps, p50: millis(word("50%")), p99: millis(word("99%")), cpu: cpu * 1e6 / requests }
    }
}

fn measure(wrk: &Wrk) -> Figures {
    wrk.run()
}

/// `1.23ms`, `456.00us`, `1.20s`.
fn millis(text: &str) -> f64 {
    let (number, factor) = match (text.strip_suffix("us"), text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _, _) => (number, 1e-3),
        (_, Some(number), _) => (number, 1.0),
        (_, _, Some(number)) => (number, 1e3),
        _ => panic!("no time: {text}"),
    };
    number.parse::<f64>().expect("a number") * factor
}

/// Five steps of an agent over MCP, one after another on one connection: what is there, and four calls.
fn agent_loop(address: SocketAddr, token: &str) {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}"#;
    let list = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{meta}}}}}"#);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"echo_echo","arguments":{BODY},{meta}}}}}"#
    );
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut ask = |method: &str, name: &str, body: &str| {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n\
             {name}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = receive(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("\"result\""), "{answer}");
    };
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        ask("tools/list", "", &list);
        for _ in 0..4 {
            ask("tools/call", "mcp-name: echo_echo\r\n", &call);
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "an agent's five steps over MCP   {:.2} ms in all (median of 100; to reach: ≤ 12)",
        median(&mut times)
    );
}

/// How soon a call is refused while every place is taken by runs that do not end, on both cores.
fn surplus(address: SocketAddr, token: &str) {
    let request = |skill: &str, body: &str| {
        format!(
            "POST /v1/skills/{skill} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let connect = || TcpStream::connect(address).expect("a connection");
    let mut stream = connect();
    stream.set_nodelay(true).expect("a socket");
    let mut times = Vec::new();
    while times.len() < 2_000 {
        // Runs end at their deadline: these take their places again, and are refused when there is none.
        let mut hostile = [connect(), connect()];
        for stream in &mut hostile {
            stream.write_all(request("spin/tools/spin", "{}").as_bytes()).expect("sent");
        }
        for _ in 0..100 {
            let begun = Instant::now();
            stream.write_all(request("echo/tools/echo", BODY).as_bytes()).expect("sent");
            if receive(&mut stream).starts_with("HTTP/1.1 503") {
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let middle = median(&mut times);
    let (late, last) = (times[times.len() * 99 / 100], times[times.len() - 1]);
    println!(
        "refused while all places are taken   p50 {middle:.2} ms, p99 {late:.2} ms, latest {last:.2} ms \
         (to reach: < 10)"
    );
}

fn receive(stream: &mut TcpStream) -> String {
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = stream.read(&mut buffer).expect("an answer");
        assert!(count > 0, "closed early: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| body.len() >= length) {
            return text.into_owned();
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
