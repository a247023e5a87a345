//! Secrets: where the host reads them, and how responses are scrubbed of them.
