//! Calendar fields, against what CPython's `time` gives.

use super::*;

fn sample() -> BrokenDown {
    gm_time(1709622489).unwrap()
}

#[test]
fn calendar() {
    let t = sample();
    assert_eq!((t.year, t.month, t.day, t.hour, t.minute, t.second), (2024, 3, 5, 7, 8, 9));
    assert_eq!((t.weekday, t.year_day), (1, 65));
    let old = gm_time(-1).unwrap();
    assert_eq!((old.year, old.month, old.day, old.hour, old.weekday, old.year_day), (1969, 12, 31, 23, 2, 365));
    assert!(gm_time(i64::MAX).is_none());
    for days in (-800_000..800_000).step_by(997) {
        let t = gm_time(days * 86_400).unwrap();
        assert_eq!(days_from_civil(t.year, t.month, t.day), days);
    }
}

#[test]
fn writing() {
    let t = sample();
    for (format, text) in [
        ("%C|%D|%e|%F|%g|%G|%h|%k|%l", "20|03/05/24| 5|2024-03-05|24|2024|Mar| 7| 7"),
        ("%P|%q|%r|%R|%s|%T|%u|%U|%V|%w|%W", "am|%q|07:08:09 AM|07:08|1709622489|07:08:09|2|09|10|2|10"),
        ("%-d|%5Y|%^a|%_d|%Ey|%Od|%%|%+|%", "5|02024|TUE| 5|24|05|%|%+|%"),
        ("%c|%j|%z|%Z|%é", "Tue Mar  5 07:08:09 2024|065|+0000|UTC|%é"),
    ] {
        assert_eq!(strftime(format, &t), text);
    }
    let iso = |seconds| strftime("%G-%V", &gm_time(seconds).unwrap());
    assert_eq!(iso(1609459200), "2020-53");
    assert_eq!(iso(1230768000 - 86400), "2009-01");
    assert_eq!(iso(1451606400), "2015-53");
    assert_eq!(iso(1419984000), "2015-01");
}

#[test]
fn reading() {
    let read = |text: &str, format: &str| {
        strptime(text, format)
            .map(|t| [t.year, t.month, t.day, t.hour, t.minute, t.second, t.weekday, t.year_day, t.is_dst])
            .map_err(|e| e.message)
    };
    for (text, format, fields) in [
        ("111", "%d%m", [1900, 1, 11, 0, 0, 0, 3, 11, -1]),
        ("29 Feb", "%d %b", [1900, 2, 29, 0, 0, 0, 0, 60, -1]),
        ("68", "%y", [2068, 1, 1, 0, 0, 0, 6, 1, -1]),
        ("2024 10 1", "%Y %U %w", [2024, 3, 11, 0, 0, 0, 0, 71, -1]),
        ("2024-W10-1", "%G-W%V-%u", [2024, 3, 4, 0, 0, 0, 0, 64, -1]),
        ("2024 060", "%Y %j", [2024, 2, 29, 0, 0, 0, 3, 60, -1]),
        ("12 PM", "%I %p", [1900, 1, 1, 12, 0, 0, 0, 1, -1]),
        ("12 am", "%I %p", [1900, 1, 1, 0, 0, 0, 0, 1, -1]),
        ("UTC", "%Z", [1900, 1, 1, 0, 0, 0, 0, 1, 0]),
        ("Tue Mar  5 07:08:09 2024", "%c", [2024, 3, 5, 7, 8, 9, 1, 65, -1]),
        ("5", "%u", [1900, 1, 1, 0, 0, 0, 4, 1, -1]),
        ("366 2023", "%j %Y", [2024, 1, 1, 0, 0, 0, 0, 366, -1]),
    ] {
        assert_eq!(read(text, format), Ok(fields), "{text}");
    }
    let (long, many) = ("1".repeat(60) + "x", "%d".repeat(40));
    assert!(strptime(&long, &many).is_err());
    assert_eq!(strptime("-01:30:15.25", "%z").unwrap().offset, Some((-5415, -250000)));
    assert_eq!(strptime("1.5", "%S.%f").unwrap().microsecond, 500000);
    for (text, format, message) in [
        ("2024-02-30", "%Y-%m-%d", "day 30 must be in range 1..29 for month 2 in year 2024"),
        ("x", "%Y", "time data 'x' does not match format '%Y'"),
        ("2024x", "%Y", "unconverted data remains: x"),
        ("2024", "%", "stray % in format '%'"),
        ("2024", "%Q", "'Q' is a bad directive in format '%Q'"),
    ] {
        assert_eq!(read(text, format), Err(message.to_owned()));
    }
}

#[test]
fn zones() {
    let zone = Zone::named("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let t = local_time(1720000000, &zone).unwrap();
    assert_eq!((t.hour, t.is_dst, t.offset, t.zone.as_deref()), (5, 1, Some(-14400), Some("EDT")));
    assert_eq!(make_time(&t, &zone), Some(1720000000));
    // The hour that comes twice in November, read both ways.
    let twice = BrokenDown { year: 2024, month: 11, day: 3, hour: 1, minute: 30, ..BrokenDown::default() };
    assert_eq!(make_time(&BrokenDown { is_dst: 1, ..twice.clone() }, &zone), Some(1730611800));
    assert_eq!(make_time(&BrokenDown { is_dst: 0, ..twice }, &zone), Some(1730615400));
    let over = BrokenDown { year: 2024, month: 14, day: 32, is_dst: -1, ..BrokenDown::default() };
    assert_eq!(
        local_time(make_time(&over, &zone).unwrap(), &zone).map(|t| (t.year, t.month, t.day)),
        Some((2025, 3, 4))
    );
}
