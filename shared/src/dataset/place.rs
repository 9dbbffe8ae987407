//! Where a file is that a configuration names.

use std::fmt;
use std::path::PathBuf;

/// A file on this machine, or an object in S3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A path; a relative one is taken from the configuration's folder.
    Path(PathBuf),
    /// `s3://<bucket>/<key>`.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
    },
}

impl Place {
    /// Reads a path or an S3 URI; `None` for what is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, key) = rest.split_once('/')?;
            let is_good = !bucket.is_empty() && !key.is_empty() && !key.ends_with('/');
            return is_good.then(|| Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() });
        }
        let is_path = !text.trim().is_empty() && !text.contains('\0');
        is_path.then(|| Self::Path(text.into()))
    }

    /// Whether it is plain text with one prompt: its name ends in `.txt`.
    pub(super) fn is_text(&self) -> bool {
        let name = self.to_string();
        name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("txt"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_or_an_object() {
        let s3 = |bucket: &str, key: &str| Place::S3 { bucket: bucket.into(), key: key.into() };
        assert_eq!(Place::parse("s3://b/a/b.jsonl"), Some(s3("b", "a/b.jsonl")));
        assert_eq!(Place::parse("a/b.jsonl"), Some(Place::Path("a/b.jsonl".into())));
        for bad in ["", " ", "a\0", "s3://", "s3://b", "s3://b/", "s3:///k", "s3://b/folder/"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
        for (text, is_text) in [("a.txt", true), ("s3://b/a.TXT", true), ("txt", false)] {
            assert_eq!(Place::parse(text).unwrap().is_text(), is_text, "{text}");
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
    }
}
