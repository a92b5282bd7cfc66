//! The machine's time zone, by `jiff`, which reads the system's zone files.

use super::civil::{BrokenDown, gm_time, seconds_from_civil};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time zone, looked up once and kept by the interpreter.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// The system's zone as it is set now; UTC if none is.
    pub fn system() -> Zone {
        Zone(TimeZone::system())
    }

    /// A zone as the `TZ` variable names it: a zone's name or a POSIX rule.
    pub fn named(name: &str) -> Option<Zone> {
        TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok().map(Zone)
    }

    /// Seconds east of UTC, whether summer time is in force, and the abbreviation at a time.
    pub fn at(&self, seconds: i64) -> (i64, bool, String) {
        // Beyond the years that the tables know, the nearest known time decides.
        let time = Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX });
        let info = self.0.to_offset_info(time);
        (i64::from(info.offset().seconds()), info.dst().is_dst(), info.abbreviation().to_owned())
    }
}

/// The fields in the zone of seconds since 1970; `None` if the year is beyond 32 bits.
pub fn local_time(seconds: i64, zone: &Zone) -> Option<BrokenDown> {
    let (offset, dst, name) = zone.at(seconds);
    let fields = gm_time(seconds.checked_add(offset)?)?;
    Some(BrokenDown { is_dst: i64::from(dst), offset: Some(offset), zone: Some(name), ..fields })
}

/// Seconds since 1970 of fields in the zone, as `mktime` finds them: fields may lie outside
/// their ranges, and `is_dst` decides between two readings. `None` if the year is beyond 32 bits.
pub fn make_time(t: &BrokenDown, zone: &Zone) -> Option<i64> {
    let in_range = [t.year, t.month, t.day, t.hour, t.minute, t.second].iter().all(|&n| i32::try_from(n).is_ok());
    if !in_range {
        return None;
    }
    let months = t.month - 1;
    let normal =
        BrokenDown { year: t.year + months.div_euclid(12), month: months.rem_euclid(12) + 1, day: 1, ..t.clone() };
    let as_utc = seconds_from_civil(&normal) + (t.day - 1) * 86_400;
    let mut fitting: Vec<(i64, bool)> = Vec::new();
    for probe in [as_utc - 86_400, as_utc + 86_400] {
        let seconds = as_utc - zone.at(probe).0;
        let (offset, dst, _) = zone.at(seconds);
        if seconds + offset == as_utc && !fitting.iter().any(|f| f.0 == seconds) {
            fitting.push((seconds, dst));
        }
    }
    let wanted = fitting.iter().find(|f| t.is_dst < 0 || f.1 == (t.is_dst > 0));
    let found = match (wanted, fitting.first()) {
        (Some(&(seconds, _)), _) => seconds,
        // The other reading was asked for: summer time runs an hour ahead.
        (None, Some(&(seconds, dst))) if t.is_dst >= 0 => seconds + if dst { 3600 } else { -3600 },
        (None, Some(&(seconds, _))) => seconds,
        // The clock skipped this time: it is read with the offset from before.
        (None, None) => as_utc - zone.at(as_utc - 86_400).0,
    };
    i32::try_from(gm_time(found)?.year).ok().map(|_| found)
}
