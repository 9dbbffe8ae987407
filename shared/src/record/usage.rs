//! How many tokens a request had, and who says so.

use serde::{Deserialize, Serialize};


