//! Exports a store as lines of JSON, and imports them.
//!
//! ```text
//! {"format":{"version":1}}
//! {"space":{"owner":"alice","name":"notes","principal":"bob","revision":7}}
//! {"entry":{"key":"greeting","revision":5,"value":"aGVsbG8="}}
//! {"end":{"spaces":1,"entries":1}}
//! ```
//!
//! Values are base64. Entries belong to the space before them. A file without its last line was cut off.

use std::io::{BufRead, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::change::{Action, Change, Expect};
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::quota::{Quotas, Usage};
use crate::row::Row;
use crate::space::{Skill, Space};
use crate::store::Store;
use crate::verified::Moved;

const VERSION: u32 = 1;

/// The longest line of an import: the largest value in base64, and more than a key and the names around it.
const LINE_BYTES: u64 = 100 << 20;

/// The highest revision that an import takes. Above it revisions could reach their end, and would stop telling one
/// value from the next.
const MOST_REVISION: u64 = u64::MAX >> 1;

/// How much an import writes at once.
const GROUP_KEYS: usize = 256;
const GROUP_BYTES: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Format { version: u32 },
    Space(SpaceLine),
    Entry { key: String, revision: u64, value: String },
    End { spaces: u64, entries: u64 },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SpaceLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    revision: u64,
}

impl SpaceLine {
    fn new(space: &Space, usage: Usage) -> Self {
        let principal = space.principal().map(Into::into);
        let line = Self { principal, revision: usage.revision, ..Self::default() };
        match space.skill() {
            Skill::Named { owner, name } => {
                Self { owner: Some(owner.clone()), name: Some(name.clone()), ..line }
            }
            Skill::Digest(digest) => Self { digest: Some(digest.clone()), ..line },
        }
    }

    fn space(self) -> Result<Space, String> {
        let space = match (self.owner, self.name, self.digest) {
            (Some(owner), Some(name), None) => Space::named(owner, name),
            (None, None, Some(digest)) => Space::digest(digest),
            _ => return Err("a space has `owner` and `name`, or `digest`".into()),
        };
        let space = space.and_then(|space| match self.principal {
            Some(principal) => space.with_principal(principal),
            None => Ok(space),
        });
        space.map_err(|error| error.to_string())
    }
}

/// What the lines of an import mean, one after the other.
enum Step {
    Space(Space, u64),
    Entry(String, Bytes),
}

impl Store {
    /// Writes the store, or one space of it, as lines of JSON. The content is that of one moment; writes go on
    /// meanwhile.
    ///
    /// It reads the disk, so call it from a thread that can wait.
    ///
    /// # Errors
    ///
    /// [`Error::Transfer`] if `out` fails, or [`Error::Storage`].
    pub fn export(&self, only: Option<&Space>, out: &mut dyn Write) -> Result<Moved, Error> {
        let mut moved = Moved::default();
        write(out, &Line::Format { version: VERSION })?;
        let only = only.map(Space::encode);
        self.each(only.as_deref(), &mut |row| {
            moved.count(&row);
            match row {
                Row::Space { space, usage } => {
                    let space = Space::decode(space).ok_or_else(|| Error::Damaged { table: "spaces" })?;
                    write(out, &Line::Space(SpaceLine::new(&space, usage)))
                }
                Row::Entry { key, revision, value } => {
                    write(out, &Line::Entry { key: key.into(), revision, value: STANDARD.encode(value) })
                }
            }
        })?;
        write(out, &Line::End { spaces: moved.spaces, entries: moved.entries })?;
        out.flush().map_err(Error::transfer)?;
        Ok(moved)
    }

    /// Checks an export without a store, so that an import of it cannot stop half-way.
    ///
    /// # Errors
    ///
    /// [`Error::Import`] with the line that is wrong, or [`Error::Transfer`] if `input` fails.
    pub fn check_export(input: &mut dyn BufRead) -> Result<Moved, Error> {
        let mut reader = Lines::new(input);
        while reader.next()?.is_some() {}
        Ok(reader.moved)
    }

    /// Imports an export. It replaces the values of the keys in the export, and leaves other keys. Quotas do not apply.
    ///
    /// Entries get new revisions, above all revisions of the space in the export and in this store. So a revision that
    /// a skill has seen never means another value.
    ///
    /// An import that fails keeps what it has imported; [`Store::check_export`] finds a damaged file first. It reads
    /// `input` on the caller's thread.
    ///
    /// # Errors
    ///
    /// As [`Store::check_export`], and the errors of [`Keyspace::set`] about sizes and the storage.
    pub async fn import(&self, input: &mut dyn BufRead) -> Result<Moved, Error> {
        let mut reader = Lines::new(input);
        let mut open: Option<Open> = None;
        while let Some(step) = reader.next()? {
            match step {
                Step::Space(space, revision) => {
                    if let Some(open) = &mut open {
                        open.flush().await?;
                    }
                    open = Some(Open::new(self, &space, revision));
                }
                Step::Entry(key, value) => match &mut open {
                    Some(open) => open.add(key, value).await?,
                    None => return Err(reader.wrong("an entry stands before any space")),
                },
            }
        }
        if let Some(open) = &mut open {
            open.flush().await?;
        }
        Ok(reader.moved)
    }
}

/// The space that an import writes.
struct Open {
    keyspace: Keyspace,
    floor: u64,
    changes: Vec<Change>,
    bytes: usize,
}

impl Open {
    fn new(store: &Store, space: &Space, floor: u64) -> Self {
        let keyspace = store.keyspace(space, Quotas::operator());
        Self { keyspace, floor, changes: Vec::new(), bytes: 0 }
    }

    async fn add(&mut self, key: String, value: Bytes) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        self.changes.push(Change { key, action: Action::Set(value), expect: Expect::Any });
        if self.changes.len() >= GROUP_KEYS || self.bytes >= GROUP_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Also called for a space without entries, whose revisions must count on.
    async fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        self.keyspace.write_above(changes, self.floor).await.map(drop)
    }
}

fn write(out: &mut dyn Write, line: &Line) -> Result<(), Error> {
    let mut text = serde_json::to_vec(line).map_err(|error| Error::transfer(error.into()))?;
    text.push(b'\n');
    out.write_all(&text).map_err(Error::transfer)
}

/// Reads an export and checks its order.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
    moved: Moved,
    in_space: bool,
    ended: bool,
}

impl<'a> Lines<'a> {
    fn new(input: &'a mut dyn BufRead) -> Self {
        Self { input, number: 0, moved: Moved::default(), in_space: false, ended: false }
    }

    fn wrong(&self, why: impl Into<String>) -> Error {
        Error::Import { line: self.number, why: why.into() }
    }

    fn line(&mut self) -> Result<Option<Line>, Error> {
        let mut text = Vec::new();
        self.number = self.number.saturating_add(1);
        (&mut *self.input).take(LINE_BYTES).read_until(b'\n', &mut text).map_err(Error::transfer)?;
        if text.is_empty() {
            return Ok(None);
        }
        if text.pop() != Some(b'\n') {
            return Err(self.wrong("the line is cut off or too long"));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| self.wrong(error.to_string()))
    }

    fn next(&mut self) -> Result<Option<Step>, Error> {
        if self.number == 0 {
            match self.line()? {
                Some(Line::Format { version: VERSION }) => {}
                Some(Line::Format { version }) => {
                    return Err(
                        self.wrong(format!("version {version}; this program reads version {VERSION}"))
                    );
                }
                Some(Line::Space(_) | Line::Entry { .. } | Line::End { .. }) | None => {
                    return Err(self.wrong("the first line of an export is `format`"));
                }
            }
        }
        let line = self.line()?;
        match line {
            None if self.ended => Ok(None),
            None => Err(self.wrong("the export is cut off: it has no line `end`")),
            Some(_) if self.ended => Err(self.wrong("there is a line after `end`")),
            Some(Line::Format { .. }) => Err(self.wrong("there is a second line `format`")),
            Some(Line::Space(line)) => {
                let revision = line.revision;
                if revision > MOST_REVISION {
                    return Err(self.wrong(format!("revision {revision}; the highest is {MOST_REVISION}")));
                }
                let space = line.space().map_err(|why| self.wrong(why))?;
                self.in_space = true;
                self.moved.count(&Row::Space { space: &[], usage: Usage::default() });
                Ok(Some(Step::Space(space, revision)))
            }
            Some(Line::Entry { .. }) if !self.in_space => Err(self.wrong("an entry stands before any space")),
            Some(Line::Entry { key, revision, value }) => {
                let value = STANDARD.decode(value).map_err(|_| self.wrong("`value` is not base64"))?;
                let quotas = Quotas::operator();
                quotas
                    .check_key(&key)
                    .and_then(|()| quotas.check_value(&value))
                    .map_err(|error| self.wrong(error.to_string()))?;
                self.moved.count(&Row::Entry { key: &key, revision, value: &value });
                Ok(Some(Step::Entry(key, value.into())))
            }
            Some(Line::End { spaces, entries }) => {
                if (spaces, entries) != (self.moved.spaces, self.moved.entries) {
                    return Err(self.wrong("the export has other numbers of spaces or entries than it says"));
                }
                self.ended = true;
                self.next()
            }
        }
    }
}
