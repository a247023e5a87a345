//! What a run's handles of one kind stand for.

use crate::limits::HANDLES;

/// The first handle of a table. Those below stand for what every run has, and take no place.
pub(super) const FIRST: u32 = 3;

/// Values by handle, at most [`HANDLES`]. Empty, it takes no memory.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<Option<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// Adds a value and returns its handle. None if the table is full.
    pub(crate) fn add(&mut self, value: T) -> Option<u32> {
        let index = match self.0.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.0.len() < HANDLES => {
                self.0.push(None);
                self.0.len().checked_sub(1)?
            }
            None => return None,
        };
        *self.0.get_mut(index)? = Some(value);
        u32::try_from(index).ok()?.checked_add(FIRST)
    }

    /// Returns the value of a handle; none for those below [`FIRST`].
    pub(crate) fn get(&self, handle: u32) -> Option<&T> {
        self.0.get(index(handle)?)?.as_ref()
    }

    /// Returns the value of a handle; none for those below [`FIRST`].
    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut T> {
        self.0.get_mut(index(handle)?)?.as_mut()
    }

    /// Removes a value and frees its handle.
    pub(crate) fn remove(&mut self, handle: u32) -> Option<T> {
        self.0.get_mut(index(handle)?)?.take()
    }

    /// Returns all values.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

fn index(handle: u32) -> Option<usize> {
    usize::try_from(handle.checked_sub(FIRST)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_reused_and_the_table_has_an_end() {
        let mut table = Table::default();
        let handles: Vec<u32> = (0..HANDLES).map(|n| table.add(n).expect("room")).collect();
        assert_eq!(table.add(0), None);
        assert_eq!(table.remove(handles[7]), Some(7));
        assert_eq!(table.get(handles[7]), None);
        assert_eq!(table.add(70), Some(handles[7]));
        assert_eq!(table.get(handles[7]), Some(&70));
        assert_eq!(table.add(0), None);
    }

    #[test]
    fn what_every_run_has_takes_no_place() {
        let mut table = Table::default();
        assert_eq!(table.add('a'), Some(FIRST));
        assert_eq!((table.get(0), table.get(FIRST - 1)), (None, None));
        assert_eq!(table.remove(1), None);
    }
}
