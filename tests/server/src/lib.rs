//! Support for tests of the server.
