//! Decoders and bytes that are cut, damaged or none of ours: [`tests::decoders`] has the rules.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `payloads` | answers in every format through the whole client |
//! | `stream` | answers of `ConverseStream` through the whole client |
//! | `whole` | answers of `Converse` through the whole client |

mod payloads;
mod stream;
mod whole;

use std::fs;
use std::path::PathBuf;

use shared::plan::Api;
use simulator::scripted::{After, Script};
use tests::decoders::{DECODERS, chunk, config, gaps, prompts};
use tests::wire::{Heard, ask};

use crate::binaries::workspace;

/// The bytes that fuzzing of a decoder begins with.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = workspace().join("fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

#[test]
fn what_fuzzing_begins_with_breaks_no_rule() {
    for (name, decode) in DECODERS {
        for (path, bytes) in corpus(name) {
            println!("{}", path.display());
            decode(&bytes);
        }
    }
}

/// Bytes with each end cut off, and with each byte changed: one bit, and all of them.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..bytes.len()).map(|place| bytes[..place].to_vec());
    cut.chain(changed(bytes))
}

fn changed(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |place| {
        [1_u8 << (place % 8), 0xff].map(|bits| {
            let mut changed = bytes.to_vec();
            changed[place] ^= bits;
            changed
        })
    })
}

#[test]
fn a_damaged_chunk_histogram_or_file_of_prompts_breaks_no_rule() {
    for (name, decode) in
        [("chunk", chunk as fn(&[u8])), ("gaps", gaps), ("prompts", prompts), ("config", config)]
    {
        for (path, bytes) in corpus(name) {
            println!("{}", path.display());
            for bytes in damaged(&bytes[..bytes.len().min(600)]) {
                decode(&bytes);
            }
        }
    }
}

/// Asks for an answer that arrives in these pieces; afterwards the connection waits.
fn arriving(api: Api, pieces: Vec<Vec<u8>>) -> Heard {
    ask(api, Script { pieces, after: After::Open })
}

/// Cuts bytes at places that rise.
fn cut_at(bytes: &[u8], places: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places.into_iter().chain([bytes.len()]) {
        pieces.push(bytes[from..place].to_vec());
        from = place;
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
