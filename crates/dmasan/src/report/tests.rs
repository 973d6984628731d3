// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A log that comes in pieces.

use std::io::{self, Read};
use std::path::PathBuf;

use dmasan_report::Log;
use proptest::prelude::*;

use super::*;

/// Gives a log out in pieces of these sizes, over and over; interrupted now and then.
struct Pieces {
    log: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        let size = self.sizes[self.turn % self.sizes.len()];
        if size == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.log[self.at..];
        let size = size.min(rest.len()).min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        self.at += size;
        Ok(size)
    }
}

fn logs() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../report/tests/logs");
    let entries = fs::read_dir(folder).unwrap();
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(paths.len() >= 12);
    paths
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_log_in_pieces_says_what_the_whole_log_says(
        sizes in prop::collection::vec(prop_oneof![1 => 0..3usize, 3 => 1..200usize], 1..40),
        end in any::<prop::sample::Index>(),
    ) {
        prop_assume!(sizes.iter().any(|size| *size > 0));
        for path in logs() {
            let mut log = fs::read(&path).unwrap();
            log.truncate(end.index(log.len() + 1));
            let mut bugs = Bugs::default();
            for report in Log::parse(String::from_utf8_lossy(&log).lines()).reports {
                bugs.push(report);
            }
            let pieces = Pieces { log: log.clone(), at: 0, sizes: sizes.clone(), turn: 0 };
            let found = read(Input::new("log".to_owned(), pieces).unwrap()).unwrap();
            prop_assert_eq!(found.bytes, log.len() as u64);
            prop_assert_eq!(found.reports, bugs.reports());
            prop_assert_eq!(&found.bugs, &bugs.into_vec(), "{}", path.display());
        }
    }
}
