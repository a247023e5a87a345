//! The command `ringfence`: parse, dispatch, exit code.

mod args;
mod author;
mod check;
#[expect(clippy::disallowed_methods, reason = "the doctor's own guests, which are in no store")]
mod doctor;
mod edge;
mod exit;
mod files;
mod grants;
mod inspect;
mod kv;
mod load;
mod output;
mod requests;
mod run;
mod serve;
mod store;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command, ManArgs};
use output::Refused;

#[global_allocator]
static ALLOCATOR: ringfence_compile::ChildAlloc<ringfence_allocator::Jemalloc> =
    ringfence_compile::ChildAlloc(ringfence_allocator::Jemalloc);

fn main() -> ExitCode {
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let cli = Cli::parse();
    // A command does one thing at a time; a server has all cores.
    let threads = match &cli.command {
        Command::Serve(_) | Command::Mcp(_) => {
            ringfence_allocator::return_memory_at_rest();
            std::thread::available_parallelism().map_or(2, usize::from)
        }
        _ => 2,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .event_interval(1)
        .global_queue_interval(1)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return output::fault(false, &format!("cannot start the async runtime: {error}")),
    };
    let _signals = disk_limit_is_an_error(&runtime);
    output::exit(match cli.command {
        Command::Run(args) => runtime.block_on(run::exec(args)),
        Command::Inspect(args) => runtime.block_on(inspect::exec(args)),
        Command::Check(args) => runtime.block_on(check::exec(args)),
        Command::New(args) => author::new(&args),
        Command::Build(args) => author::build(&args),
        Command::Pack(args) => author::pack(&args),
        Command::Test(args) => runtime.block_on(author::test(args)),
        Command::ExportSkill(args) => runtime.block_on(author::export_skill(args)),
        Command::Submit(args) => runtime.block_on(store::submit(args)),
        Command::List(args) => store::list(&args),
        Command::Show(args) => store::show(&args),
        Command::Remove(args) => store::remove(&args),
        Command::Rollback(args) => store::rollback(&args),
        Command::Release(args) => runtime.block_on(store::release(args)),
        Command::Revoke(args) => store::revoke(&args),
        Command::Verify(args) => store::verify(&args),
        Command::Gc(args) => store::gc(&args),
        Command::Policy(args) => store::policy(&args),
        Command::Serve(args) => runtime.block_on(serve::serve(*args)),
        Command::Mcp(args) => runtime.block_on(serve::mcp(*args)),
        Command::Prefix(args) => store::prefix(args.command),
        Command::Kv(args) => runtime.block_on(kv::exec(*args)),
        Command::Token(args) => token::exec(args.command),
        Command::Bundle(args) => runtime.block_on(edge::bundle(*args)),
        Command::Keygen(args) => edge::keygen(&args),
        Command::Doctor(args) => runtime.block_on(doctor::exec(*args)),
        Command::Completions(args) => completions(args.shell),
        Command::Man(args) => man(&args),
    })
}

/// Prints the completion script of a shell.
fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ringfence", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Prints the manual page, or writes the pages of all commands into a directory.
fn man(args: &ManArgs) -> ExitCode {
    let written = match &args.dir {
        Some(dir) => {
            clap_mangen::generate_to(Cli::command(), dir).map_err(|error| Refused::unwritten(dir, &error))
        }
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            output::print(String::from_utf8_lossy(&page).trim_end());
            rendered.map_err(|error| Refused::fault(format!("cannot write the manual page: {error}")))
        }
    };
    written.map_or_else(|refused| refused.say(false), |()| ExitCode::SUCCESS)
}

/// A limit on the size of files is an error of the write that meets it, not the end of the program: so it is for a
/// process that listens to the signal, until it stops.
fn disk_limit_is_an_error(runtime: &tokio::runtime::Runtime) -> Option<tokio::signal::unix::Signal> {
    let _entered = runtime.enter();
    // SIGXFSZ, on every platform that is meant.
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).ok()
}
