//! The end-to-end tests, one binary.

// `cfg(test)` holds for the whole binary; clippy wants it said to see that this is test code.
#[cfg(test)]
mod binaries;
#[cfg(test)]
mod command;
#[cfg(test)]
mod decoders;
#[cfg(test)]
mod deployed;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod instruments;
#[cfg(test)]
mod ministack;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod tidy;
