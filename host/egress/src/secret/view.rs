//! Reads a stream as it is and through decoders, and collects where needles stand in it.
//!
//! The readings form a tree: the input; each [`Kind`] of escape undone; and some pairs of kinds. A reading that meets no
//! escape is the same as its parent's, so it *follows* the parent and costs nothing. It parts from the parent at the
//! first escape, and joins it again when both have seen the same.

use std::collections::VecDeque;

use super::automaton::{Automaton, START, State};
use super::decode::{Decoder, Item, Kind, blank};

/// The kinds that are undone, and for each the kinds that are undone in what comes of it.
const TREE: [(Kind, &[Kind]); 4] = [
    (Kind::Percent, &[Kind::Percent, Kind::Backslash, Kind::Html, Kind::Blank]),
    (Kind::Backslash, &[Kind::Backslash, Kind::Percent, Kind::Html, Kind::Blank]),
    (Kind::Html, &[Kind::Html, Kind::Percent, Kind::Backslash, Kind::Blank]),
    (Kind::Blank, &[]),
];

/// The most bytes of a begun needle that are compared to see whether two readings are the same again.
const COMPARED: usize = 8;

/// A part of the input to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) secret: usize,
}

/// The state of the automaton in one reading, and where the bytes stand that it has seen of a needle.
#[derive(Clone, Debug, Default)]
struct Window {
    state: State,
    starts: VecDeque<u64>,
}

impl Window {
    fn step(&mut self, automaton: &Automaton, item: Item, found: &mut Vec<Range>) {
        self.state = automaton.step(self.state, item.byte);
        if self.state == START {
            self.starts.clear();
            return;
        }
        self.starts.push_back(item.start);
        let gone = self.starts.len().saturating_sub(automaton.depth(self.state));
        self.starts.drain(..gone);
        if let Some(needle) = automaton.found(self.state) {
            let first = self.starts.len().checked_sub(needle.length).and_then(|first| self.starts.get(first));
            if let Some(&begin) = first {
                found.push(Range { begin, end: item.end, secret: needle.secret });
            }
        }
    }

    fn copy(&mut self, from: &Self) {
        self.state = from.state;
        self.starts.clone_from(&from.starts);
    }

    /// Whether both have seen the same bytes at the same places. It can say no although they have.
    fn same(&self, other: &Self) -> bool {
        self.state == other.state
            && (self.state == START || (self.starts.len() <= COMPARED && self.starts == other.starts))
    }
}

/// Which kinds a byte concerns, in a reading that has begun a needle or not.
fn concerns(kind: Kind, byte: u8, state: State) -> bool {
    match kind {
        Kind::Percent => byte == b'%',
        Kind::Backslash => byte == b'\\',
        Kind::Html => byte == b'&',
        // Nothing is dropped from between the characters of a needle before there are any.
        Kind::Blank => state != START && blank(byte),
    }
}

/// One reading.
#[derive(Debug)]
struct View {
    kind: Kind,
    decoder: Decoder,
    window: Window,
    /// Whether the reading differs from its parent's. Otherwise the other fields mean nothing.
    apart: bool,
}

impl View {
    fn new(kind: Kind) -> Self {
        Self { kind, decoder: Decoder::new(kind), window: Window::default(), apart: false }
    }

    fn part(&mut self, parent: &Window) {
        self.apart = true;
        self.decoder.reset();
        self.window.copy(parent);
    }

    fn join(&mut self, parent: &Window) {
        self.apart = self.apart && (self.decoder.held().is_some() || !self.window.same(parent));
    }

    /// The first byte of the input that can still belong to a needle.
    fn held(&self) -> Option<u64> {
        self.window.starts.front().copied().or_else(|| self.decoder.held())
    }
}

/// A reading of the input, and the readings of what comes of it.
#[derive(Debug)]
struct Branch {
    view: View,
    children: Vec<View>,
}

impl Branch {
    fn feed(&mut self, automaton: &Automaton, item: Item, found: &mut Vec<Range>) {
        let Self { view: View { decoder, window, .. }, children } = self;
        decoder.feed(item, &mut |item| pass(automaton, item, window, children, found));
    }

    fn finish(&mut self, automaton: &Automaton, found: &mut Vec<Range>) {
        let Self { view: View { decoder, window, .. }, children } = self;
        decoder.finish(&mut |item| pass(automaton, item, window, children, found));
        for View { decoder, window, .. } in children.iter_mut().filter(|child| child.apart) {
            decoder.finish(&mut |item| window.step(automaton, item, found));
        }
    }

    fn views(&self) -> impl Iterator<Item = &View> {
        std::iter::once(&self.view).chain(self.children.iter().filter(|child| child.apart))
    }
}

/// Hands what a branch decoded to its window and its children.
fn pass(
    automaton: &Automaton,
    item: Item,
    window: &mut Window,
    children: &mut [View],
    found: &mut Vec<Range>,
) {
    for child in children.iter_mut() {
        if !child.apart {
            if !concerns(child.kind, item.byte, window.state) {
                continue;
            }
            child.part(window);
        }
        let View { decoder, window, .. } = child;
        decoder.feed(item, &mut |item| window.step(automaton, item, found));
    }
    window.step(automaton, item, found);
    for child in children.iter_mut() {
        child.join(window);
    }
}

/// All readings of one stream.
#[derive(Debug)]
pub(super) struct Views {
    input: Window,
    branches: [Branch; TREE.len()],
    /// Whether a branch is apart from the input.
    apart: bool,
    position: u64,
}

impl Views {
    pub(super) fn new() -> Self {
        let branches = TREE.map(|(kind, children)| Branch {
            view: View::new(kind),
            children: children.iter().map(|kind| View::new(*kind)).collect(),
        });
        Self { input: Window::default(), branches, apart: false, position: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn read(&mut self, automaton: &Automaton, chunk: &[u8], found: &mut Vec<Range>) {
        for &byte in chunk {
            let end = self.position.saturating_add(1);
            let item = Item { byte, start: self.position, end };
            let state = self.input.state;
            if matches!(byte, b'%' | b'\\' | b'&') || (state != START && blank(byte)) {
                self.part(byte);
            }
            if self.apart {
                for branch in self.branches.iter_mut().filter(|branch| branch.view.apart) {
                    branch.feed(automaton, item, found);
                }
            }
            self.input.step(automaton, item, found);
            self.position = end;
            if self.apart {
                self.apart = false;
                for branch in &mut self.branches {
                    if branch.children.iter().all(|child| !child.apart) {
                        branch.view.join(&self.input);
                    }
                    self.apart |= branch.view.apart;
                }
            }
        }
    }

    /// Parts branches from the input before a byte that concerns them.
    fn part(&mut self, byte: u8) {
        for index in 0..self.branches.len() {
            let Some(branch) = self.branches.get_mut(index) else { continue };
            if branch.view.apart || !concerns(branch.view.kind, byte, self.input.state) {
                continue;
            }
            branch.view.part(&self.input);
            self.apart = true;
            // Until here the branch read the input, so its children read what the branches of their kinds did.
            let mut children = std::mem::take(&mut branch.children);
            for child in &mut children {
                let mut all = self.branches.iter().enumerate();
                let like = all.find(|(other, branch)| *other != index && branch.view.kind == child.kind);
                child.apart = like.is_some_and(|(_, branch)| branch.view.apart);
                if let Some((_, branch)) = like.filter(|_| child.apart) {
                    child.decoder = branch.view.decoder;
                    child.window.copy(&branch.view.window);
                }
            }
            if let Some(branch) = self.branches.get_mut(index) {
                branch.children = children;
            }
        }
    }

    fn apart(&self) -> impl Iterator<Item = &View> {
        self.branches.iter().filter(|branch| branch.view.apart).flat_map(Branch::views)
    }

    /// Where needles begin of which a part was read, and the states that have read it.
    pub(super) fn begun(&self) -> Vec<(u64, State)> {
        let windows = std::iter::once(&self.input).chain(self.apart().map(|view| &view.window));
        windows.filter_map(|window| Some((*window.starts.front()?, window.state))).collect()
    }

    /// The end of the input: an escape that it cuts off is plain text.
    pub(super) fn finish(&mut self, automaton: &Automaton, found: &mut Vec<Range>) {
        for branch in self.branches.iter_mut().filter(|branch| branch.view.apart) {
            branch.finish(automaton, found);
        }
    }

    /// The offset before which nothing can belong to a needle any more.
    pub(super) fn safe(&self) -> u64 {
        let begun = self.input.starts.front().copied();
        self.apart().filter_map(View::held).chain(begun).fold(self.position, u64::min)
    }

    #[cfg(test)]
    pub(super) fn longest(&self) -> usize {
        self.apart().map(|view| view.window.starts.len()).max().unwrap_or(0)
    }
}
