//! Days of the calendar, from and to milliseconds since 1970 (UTC).

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// Days since 1970-01-01 of `2026-11-22`; none where that is no day.
///
/// The arithmetic is Howard Hinnant's: years begin in March, so that a leap day comes last.
pub fn number(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|digit| digit.is_ascii_digit()).then(|| part.parse::<i64>().ok())?
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let number = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    // The thirty-first of April would be the first of May.
    (text_of(number) == text).then_some(number)
}

/// `2026-11-22` of a number of days since 1970-01-01.
pub fn text_of(number: i64) -> String {
    let shifted = number + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of a moment.
pub fn of_ms(at_ms: i64) -> String {
    text_of(at_ms.div_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, days) in
            [("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2026-11-22", 20_779)]
        {
            assert_eq!(number(text), Some(days), "{text}");
            assert_eq!(text_of(days), text);
        }
        for wrong in ["2026-02-29", "2026-04-31", "2026-13-01", "2026-1-1", "+026-01-01", "22.11.2026", ""] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert_eq!(of_ms(20_779 * DAY_MS + DAY_MS - 1), "2026-11-22");
    }
}
