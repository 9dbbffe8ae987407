//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

use serde::Serialize;
use serde_saphyr::Location;

/// How much of a long source line is shown, in characters.
const SHOWN_CHARACTERS: usize = 100;

/// Everything that is wrong with a configuration; at least one error, in the order of the text.
///
/// It is shown like a compiler's output. Serialised, it is a list of [`ConfigError`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters of the line are meant; at least 1.
    pub length: u32,
    /// The path of the value, such as `endpoints[1].model_id`; empty for the whole text.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub mend: String,
    /// The line itself.
    pub source_line: String,
}

impl ConfigErrors {
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| (error.line, error.column));
        Self(errors)
    }

    /// The errors, in the order of the text.
    pub fn errors(&self) -> &[ConfigError] {
        &self.0
    }
}

impl ConfigError {
    /// An error at a place of `text`; a place outside of it becomes the nearest one inside.
    pub(super) fn new(
        text: &str,
        location: Location,
        path: String,
        problem: String,
        mend: String,
    ) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len().max(1);
        let line = usize::try_from(location.line()).unwrap_or(last).clamp(1, last);
        let source_line = lines.get(line - 1).copied().unwrap_or_default();
        let width = source_line.chars().count();
        let column = usize::try_from(location.column()).unwrap_or(1).clamp(1, width + 1);
        let is_known = location != Location::UNKNOWN;
        let length = if is_known { location.span().len() } else { 1 };
        let length = usize::try_from(length).unwrap_or(1);
        let length = length.clamp(1, (width + 1 - column).max(1));
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            line: number(line),
            column: number(column),
            length: number(length),
            path,
            problem,
            mend,
            source_line: source_line.to_owned(),
        }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        writeln!(f, "{}", printable(&self.problem))?;
        let margin = " ".repeat(self.line.to_string().len());
        let (shown, indent, carets) = self.excerpt();
        writeln!(f, "{margin} |")?;
        writeln!(f, "{} | {shown}", self.line)?;
        writeln!(f, "{margin} | {}{}", " ".repeat(indent), "^".repeat(carets))?;
        write!(f, "{margin} = help: {}", printable(&self.mend))
    }
}

impl ConfigError {
    /// The part of the line that is shown, with the place and the number of its carets.
    fn excerpt(&self) -> (String, usize, usize) {
        let position = self.column.saturating_sub(1) as usize;
        let width = self.source_line.chars().count();
        let first = if width <= SHOWN_CHARACTERS {
            0
        } else {
            position.saturating_sub(SHOWN_CHARACTERS / 2).min(width - SHOWN_CHARACTERS)
        };
        let part: String = self.source_line.chars().skip(first).take(SHOWN_CHARACTERS).collect();
        let before = if first > 0 { "..." } else { "" };
        let after = if first + SHOWN_CHARACTERS < width { "..." } else { "" };
        let within = position - first;
        let carets = (self.length as usize).min(SHOWN_CHARACTERS.saturating_sub(within)).max(1);
        (format!("{before}{}{after}", printable(&part)), before.len() + within, carets)
    }
}

/// The text with one space for each tab and other control character.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
