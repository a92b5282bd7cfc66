//! Points in time broken into calendar fields, and back; `strftime` and `strptime` in the C locale.
//!
//! `civil` is calendar arithmetic, `zone` asks for the machine's time zone, `write` and `read`
//! are the two formatters. Clocks are no business of this folder.

mod civil;
mod read;
mod write;
mod zone;

pub use civil::{BrokenDown, days_from_civil, days_in_month, gm_time, is_leap, seconds_from_civil, weekday, year_day};
pub use read::{Parsed, strptime};
pub use write::strftime;
pub use zone::{Zone, local_time, make_time};

pub(super) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests;
