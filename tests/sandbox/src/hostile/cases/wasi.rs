//! WASI: what is there and empty.

use serde_json::json;

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Failed, Refused, Trap, Value as Gives};

/// Measures how fine the clock is: the least step that it sees in 2,000 looks is a millisecond, or there is none.
pub(in super::super) fn wasi_clock() -> Case {
    limited(Gives(json!(true)), |limits| limits.fuel = 100_000_000)
}

/// Reads the environment, the arguments and the current directory, and counts what it finds.
pub(in super::super) fn wasi_environment() -> Case {
    run(Gives(json!(0)))
}

/// Ends itself with exit code 0.
pub(in super::super) fn wasi_exit() -> Case {
    run(Trap("exit"))
}

/// Ends itself with an exit code of its own choosing.
pub(in super::super) fn wasi_exit_code() -> Case {
    run(Trap("exit"))
}

/// Ends itself in the start function.
pub(in super::super) fn wasi_exit_in_start() -> Case {
    run(Trap("exit"))
}

/// Makes headers and a request, and sends it.
pub(in super::super) fn wasi_http() -> Case {
    run(Gives(json!(256 + 15)))
}

/// Declares that the headers of a response are a timer, and blocks on what it gets.
pub(in super::super) fn wasi_http_forged_method() -> Case {
    run(Trap("not-granted"))
}

/// Sends a request whose handle it has made up.
pub(in super::super) fn wasi_http_handle() -> Case {
    run(Trap("abi-violation"))
}

/// Declares that the network and the directory are of one type, so that a handle to the one would be taken for the other.
pub(in super::super) fn wasi_network_as_descriptor() -> Case {
    run(Refused("import-mismatch"))
}

/// Opens `/etc/passwd` in a directory whose handle it has made up.
pub(in super::super) fn wasi_open() -> Case {
    run(Trap("abi-violation"))
}

/// Opens a file in the handle of the network, which is one that there is.
pub(in super::super) fn wasi_open_in_the_network() -> Case {
    run(Trap("abi-violation"))
}

/// Polls an empty list, which would wait for ever.
pub(in super::super) fn wasi_poll_nothing() -> Case {
    run(Trap("empty-poll"))
}

/// Asks for the directories that were opened for it, and counts them.
pub(in super::super) fn wasi_preopens() -> Case {
    run(Gives(json!(0)))
}

/// Looks up a name through the network, whose handle it may have.
pub(in super::super) fn wasi_resolve() -> Case {
    run(Gives(json!(1)))
}

/// Makes a TCP socket.
pub(in super::super) fn wasi_socket() -> Case {
    run(Failed(json!("access-denied")))
}

/// Reads 4 GiB from stdin.
pub(in super::super) fn wasi_stdin() -> Case {
    run(Gives(json!(257)))
}
