//! Secrets: where the host reads them, how requests carry them, and how responses are scrubbed of them.
//!
//! A [`Secret`] is read from a [`Source`], placed into a request by a [`Placement`], and removed from everything that
//! comes back by a [`Scrubber`]. No type here shows a value in `Debug`, `Display` or an error.
//!
//! ```
//! use ringfence_egress::secret::{Form, Placement, Placed, Scrubber, Secret};
//!
//! let secret = Secret::new("api-key", b"hunter2hunter2".to_vec())?;
//! assert_eq!(format!("{secret:?}"), "Secret(api-key)");
//!
//! let placement = Placement::header("authorization", Form::Bearer)?;
//! let Placed::Header { value, .. } = placement.place(&secret)? else { unreachable!() };
//! assert!(value.is_sensitive());
//!
//! let scrubber = Scrubber::new([&secret]);
//! assert_eq!(scrubber.text("you sent hunter2hunter2"), "you sent [secret api-key]");
//! assert_eq!(scrubber.text("you sent aHVudGVyMmh1bnRlcjI="), "you sent [secret api-key]I=");
//! # Ok::<(), ringfence_egress::secret::SecretError>(())
//! ```

mod automaton;
mod decode;
mod needles;
mod placement;
mod scrub;
mod source;
mod value;
mod view;

pub use placement::{Form, Placed, Placement, QueryValue};
pub use scrub::{ScrubStream, Scrubber};
pub use source::{CommandLineSource, Loaded, Source, Warning};
pub use value::{SECRET_MAX_BYTES, SECRET_MIN_BYTES, SECRET_NAME_BYTES, Secret, SecretError};

#[cfg(test)]
mod tests;
