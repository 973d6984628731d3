// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Hashes that name things in the cache.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A SHA-256 over fields, each with its length, so that no two lists of fields look the same.
pub(crate) struct Digest(Sha256);

impl Digest {
    /// `domain` keeps hashes of different kinds apart.
    pub(crate) fn new(domain: &str) -> Digest {
        let mut digest = Digest(Sha256::new());
        digest.field(domain.as_bytes());
        digest
    }

    pub(crate) fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Digest {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The hash in hexadecimal.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }

    /// The first 12 digits: enough to name a folder.
    pub(crate) fn short(self) -> String {
        let mut text = self.finish();
        text.truncate(12);
        text
    }
}

/// The SHA-256 of a file, as `sha256sum` prints it.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_run_into_each_other() {
        let digest = |fields: &[&str]| {
            let mut digest = Digest::new("test");
            for field in fields {
                digest.field(field);
            }
            digest.finish()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    #[test]
    fn a_files_hash_is_that_of_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "abc").unwrap();
        assert!(of_file(&path).unwrap().starts_with("ba7816bf8f01cfea"));
    }
}
