//! How much memory requests can take, for the checks of a configuration and for the budgets that keep to it.

/// Maximum bytes of a message for MCP beside the arguments of a call.
pub(crate) const ENVELOPE: u64 = 64 << 10;

/// Bytes of memory for the arguments of a call, for each byte of its message.
pub(crate) const EXPANSION: u64 = 1;

/// One principal may use this fraction of a budget, so that its bodies leave memory for others'.
const SHARE: u64 = 4;

/// Returns the maximum bytes of one principal in a budget.
pub(crate) fn share(budget: u64) -> u64 {
    budget.div_euclid(SHARE)
}
