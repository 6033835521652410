//! The table.

use std::error::Error;

use crate::arguments::Arguments;

pub(crate) fn print(arguments: &mut Arguments) -> Result<(), Box<dyn Error>> {
    let _: String = arguments.text("--raw", "");
    Err("not yet".into())
}
