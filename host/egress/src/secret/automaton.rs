//! Finds needles in a stream of bytes: an Aho-Corasick automaton that overwrites itself when it is dropped.
//!
//! The crate `aho-corasick` keeps its needles in memory that nothing overwrites, and hides how much of a needle a
//! state has seen. A stream needs that number: it is what must be held back.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

/// A state. Its number of bytes is the longest beginning of a needle that the input ends with.
pub(super) type State = u32;

/// The state that has seen nothing.
pub(super) const START: State = 0;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    byte: u8,
    child: u32,
    sibling: u32,
    fail: State,
    depth: u32,
    /// The length of the longest needle that ends here, 0 for none.
    found: u32,
    /// Which secret that needle shows.
    secret: u32,
}

impl Zeroize for Node {
    fn zeroize(&mut self) {
        self.byte.zeroize();
        self.child.zeroize();
        self.sibling.zeroize();
    }
}

impl Node {
    fn new(byte: u8, depth: u32) -> Self {
        Self { byte, child: NONE, sibling: NONE, fail: START, depth, found: 0, secret: 0 }
    }
}

/// A needle that ends at a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The length of the needle in bytes.
    pub(super) length: usize,
    /// The index of the secret.
    pub(super) secret: usize,
}

/// The automaton. It compares without regard to ASCII case.
pub(super) struct Automaton {
    nodes: Zeroizing<Vec<Node>>,
    first: Zeroizing<[u32; 256]>,
}

impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Automaton").finish_non_exhaustive()
    }
}

fn index(state: State) -> usize {
    usize::try_from(state).unwrap_or(usize::MAX)
}

impl Automaton {
    /// Builds the automaton from needles, each with the index of its secret.
    pub(super) fn new(needles: &[(Zeroizing<Vec<u8>>, u32)]) -> Self {
        // One node for each byte of a needle at most: a vector that grows leaves copies behind.
        let most = needles.iter().map(|(needle, _)| needle.len()).fold(1usize, usize::saturating_add);
        let mut nodes = Zeroizing::new(Vec::with_capacity(most));
        nodes.push(Node::new(0, 0));
        let mut automaton = Self { nodes, first: Zeroizing::new([START; 256]) };
        for (needle, secret) in needles {
            automaton.insert(needle, *secret);
        }
        automaton.link();
        automaton
    }

    fn node(&self, state: State) -> Option<&Node> {
        self.nodes.get(index(state))
    }

    fn child(&self, state: State, byte: u8) -> Option<State> {
        let mut next = self.node(state)?.child;
        while let Some(node) = self.node(next) {
            if node.byte == byte {
                return Some(next);
            }
            next = node.sibling;
        }
        None
    }

    fn insert(&mut self, needle: &[u8], secret: u32) {
        let mut state = START;
        for byte in needle.iter().map(u8::to_ascii_lowercase) {
            if let Some(next) = self.child(state, byte) {
                state = next;
                continue;
            }
            let Ok(next) = u32::try_from(self.nodes.len()) else { return };
            let mut node = Node::new(byte, self.node(state).map_or(0, |node| node.depth).saturating_add(1));
            if let Some(parent) = self.nodes.get_mut(index(state)) {
                node.sibling = parent.child;
                parent.child = next;
            }
            self.nodes.push(node);
            state = next;
        }
        if let Some(node) = self.nodes.get_mut(index(state)).filter(|node| node.depth > 0) {
            (node.found, node.secret) = (node.depth, secret);
        }
    }

    /// Sets where each state goes when its needle does not go on, in the order of depth.
    fn link(&mut self) {
        let mut queue = VecDeque::from([START]);
        while let Some(state) = queue.pop_front() {
            let Some(parent) = self.node(state).copied() else { continue };
            let mut next = parent.child;
            while let Some(mut node) = self.node(next).copied() {
                if state == START {
                    if let Some(first) = self.first.get_mut(usize::from(node.byte)) {
                        *first = next;
                    }
                } else {
                    node.fail = self.step(parent.fail, node.byte);
                    if node.found == 0 {
                        let shorter = self.node(node.fail).map_or((0, 0), |node| (node.found, node.secret));
                        (node.found, node.secret) = shorter;
                    }
                }
                if let Some(slot) = self.nodes.get_mut(index(next)) {
                    *slot = node;
                }
                queue.push_back(next);
                next = node.sibling;
            }
        }
    }

    /// Returns the state after one more byte.
    pub(super) fn step(&self, state: State, byte: u8) -> State {
        let byte = byte.to_ascii_lowercase();
        let mut state = state;
        while state != START {
            if let Some(next) = self.child(state, byte) {
                return next;
            }
            state = self.node(state).map_or(START, |node| node.fail);
        }
        self.first.get(usize::from(byte)).copied().unwrap_or(START)
    }

    /// Returns how many of the last bytes can belong to a needle that has not ended.
    pub(super) fn depth(&self, state: State) -> usize {
        self.node(state).map_or(0, |node| usize::try_from(node.depth).unwrap_or(usize::MAX))
    }

    /// Returns the longest needle that ends at a state.
    pub(super) fn found(&self, state: State) -> Option<Found> {
        let node = self.node(state).filter(|node| node.found > 0)?;
        let length = usize::try_from(node.found).unwrap_or(usize::MAX);
        Some(Found { length, secret: index(node.secret) })
    }

    /// Returns a needle that begins as the state does.
    pub(super) fn begun(&self, state: State) -> Found {
        let mut state = state;
        while let Some(node) = self.node(state).filter(|node| node.child != NONE) {
            state = node.child;
        }
        Found { length: self.depth(state), secret: self.node(state).map_or(0, |node| index(node.secret)) }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may fail at any line")]
mod tests {
    use super::*;

    fn ends(needles: &[&str], text: &str) -> Vec<(usize, usize)> {
        let needles: Vec<_> =
            needles.iter().map(|needle| (Zeroizing::new(needle.as_bytes().to_vec()), 0)).collect();
        let automaton = Automaton::new(&needles);
        let mut state = START;
        let mut ends = Vec::new();
        for (position, byte) in text.bytes().enumerate() {
            state = automaton.step(state, byte);
            if let Some(found) = automaton.found(state) {
                ends.push((position + 1 - found.length, position + 1));
            }
        }
        ends
    }

    #[test]
    fn needles_that_overlap_or_contain_each_other_are_found() {
        assert_eq!(ends(&["abab"], "xABabab"), [(1, 5), (3, 7)]);
        assert_eq!(ends(&["she", "he", "hers"], "ushers"), [(1, 4), (2, 6)]);
        assert_eq!(ends(&["aab", "b"], "aaab b"), [(1, 4), (5, 6)]);
        assert_eq!(ends(&[""], "abc"), []);
        assert_eq!(ends(&[], "abc"), []);
    }

    #[test]
    fn the_depth_is_what_a_needle_has_seen() {
        let automaton = Automaton::new(&[(Zeroizing::new(b"abcabd".to_vec()), 3)]);
        let state = b"xxabcab".iter().fold(START, |state, byte| automaton.step(state, *byte));
        assert_eq!(automaton.depth(state), 5);
        assert_eq!(automaton.begun(state), Found { length: 6, secret: 3 });
        assert_eq!(automaton.depth(automaton.step(state, b'c')), 3);
        assert_eq!(automaton.depth(automaton.step(state, b'x')), 0);
    }
}
