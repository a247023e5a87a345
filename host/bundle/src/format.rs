//! The fixed part of a bundle: the layout of its header, and the signed bytes.

use crate::error::BundleError;

/// Bytes before the manifest.
pub const HEADER: usize = 160;

pub(crate) const MAGIC: &[u8; 16] = b"ringfence bundle";
pub(crate) const FORMAT: u32 = 1;

/// Context of the signature, so that no signature of the key for another purpose fits.
pub(crate) const CONTEXT: &[u8] = b"ringfence bundle signature 1\0";

/// Signed bytes of the header: all except the signature.
const SIGNED: usize = 96;

/// Maximum bytes of a manifest.
pub(crate) const MANIFEST: u32 = 16 << 20;

/// Returns whether a file that starts with these bytes is a bundle, of any format. Nothing is verified.
pub fn is_bundle(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The header of a file, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) manifest: u32,
    pub(crate) blobs: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) key: [u8; 32],
    pub(crate) signature: [u8; 64],
}

impl Header {
    pub(crate) fn read(bytes: &[u8; HEADER]) -> Result<Self, BundleError> {
        let mut rest = bytes.as_slice();
        if take::<16>(&mut rest) != *MAGIC {
            return Err(BundleError::NotABundle);
        }
        let format = u32::from_le_bytes(take(&mut rest));
        if format != FORMAT {
            return Err(BundleError::Format(format));
        }
        Ok(Self {
            manifest: u32::from_le_bytes(take(&mut rest)),
            blobs: u64::from_le_bytes(take(&mut rest)),
            digest: take(&mut rest),
            key: take(&mut rest),
            signature: take(&mut rest),
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Returns the signed bytes: the context, the header without its signature, the manifest.
    pub(crate) fn message(&self, manifest: &[u8]) -> Vec<u8> {
        [CONTEXT, &self.unsigned(), manifest].concat()
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIGNED);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.manifest.to_le_bytes());
        bytes.extend_from_slice(&self.blobs.to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.key);
        bytes
    }
}

/// Reads the next bytes; zeros beyond the end, which a header's fixed size excludes.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk::<N>() {
        Some((taken, left)) => {
            *rest = left;
            *taken
        }
        None => [0; N],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_is_read_back() {
        let header =
            Header { manifest: 7, blobs: 1 << 40, digest: [1; 32], key: [2; 32], signature: [3; 64] };
        let bytes: [u8; HEADER] = header.write().try_into().expect("its size");
        assert_eq!(Header::read(&bytes).ok(), Some(header.clone()));
        assert_eq!(header.unsigned().len(), SIGNED);
    }
}
