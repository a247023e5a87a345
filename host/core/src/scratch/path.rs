//! Paths of guests, which the tree alone resolves.

use super::Refusal;

/// Maximum bytes of a path.
pub(super) const PATH: usize = 4096;

/// A step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'p> {
    /// `.`
    Here,
    /// `..`
    Up,
    /// A name.
    Name(&'p str),
}

/// The steps of a relative path, and whether it ends with a slash, so that it must name a directory.
pub(super) fn steps<'p>(
    path: &'p str,
    name_bytes: u32,
) -> Result<(impl Iterator<Item = Step<'p>>, bool), Refusal> {
    if path.len() > PATH {
        return Err(Refusal::NameTooLong);
    }
    if path.is_empty() {
        return Err(Refusal::NoEntry);
    }
    if path.starts_with('/') {
        return Err(Refusal::NotPermitted);
    }
    if path.contains('\0') {
        return Err(Refusal::Invalid);
    }
    if path.split('/').any(|name| name.len() > name_bytes as usize) {
        return Err(Refusal::NameTooLong);
    }
    let steps = path.split('/').filter(|part| !part.is_empty()).map(|part| match part {
        "." => Step::Here,
        ".." => Step::Up,
        name => Step::Name(name),
    });
    Ok((steps, path.ends_with('/')))
}
