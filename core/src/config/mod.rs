//! Configuration: one table of keys with type, default, range, scope and text; parsing; the typed result.

mod row;
pub mod table;
mod value;

pub use row::{ConfigKey, Importance, Kind, Scope, Synonym, Treatment, Unit, Valid};
pub use value::{Bound, Refusal, Value};
