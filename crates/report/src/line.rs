// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a console or a log daemon puts around a kernel message.

use std::borrow::Cow;

/// Who printed a line, where the kernel says so (`CONFIG_PRINTK_CALLER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A task, by its id: `[T17]`.
    Task(u32),
    /// Interrupt context on a CPU: `[C0]`.
    Cpu(u32),
}

/// A line with everything around the message taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) caller: Option<Caller>,
    pub(crate) text: &'a str,
}

impl<'a> Line<'a> {
    /// Takes off a log daemon's prefix, a priority, timestamps, a caller id and the line's end.
    pub(crate) fn new(raw: &'a str) -> Self {
        let text = raw.trim_end_matches(['\r', '\n', ' ', '\t', '\0']);
        let text = text.trim_start_matches(['\r', '\0', '\u{feff}']);
        let text = after_daemon(text);
        let text = after_date(text);
        let text = after_level(text);
        let text = after_priority(text);
        if let Some(line) = Self::from_kmsg(text) {
            return line;
        }
        match Self::from_brackets(text) {
            Some(line) => line,
            // A serial line may begin with what somebody else has not ended.
            None => stamp_within(text)
                .and_then(Self::from_brackets)
                .unwrap_or(Self { caller: None, text }),
        }
    }

    /// `[    1.234567][   T17] message`
    fn from_brackets(mut text: &'a str) -> Option<Self> {
        let mut caller = None;
        let mut found = false;
        while let Some((inside, rest)) = bracketed(text) {
            if is_timestamp(inside) {
                text = rest;
            } else if let Some(who) = parse_caller(inside) {
                caller = Some(who);
                text = rest;
            } else {
                break;
            }
            found = true;
            text = text.strip_prefix(' ').unwrap_or(text);
        }
        found.then_some(Self { caller, text })
    }

    /// `4,1234,567890,-,caller=T17;message`, as `/dev/kmsg` has it.
    fn from_kmsg(text: &'a str) -> Option<Self> {
        let (head, message) = text.split_once(';').filter(|(head, _)| head.len() < 80)?;
        let mut fields = head.split(',');
        let numbers = fields.by_ref().take(3).filter(|n| is_number(n)).count() == 3;
        let flags = fields.next()?;
        let caller = fields.find_map(|field| parse_caller(field.strip_prefix("caller=")?));
        (numbers && flags.len() == 1).then_some(Self {
            caller,
            text: message,
        })
    }
}

/// The message of a console line, without what consoles and log daemons put around it.
#[must_use]
pub fn message(raw: &str) -> &str {
    Line::new(raw).text
}

/// Whether there was nothing around the message of a line: no stamp, no name, no priority.
pub(crate) fn is_bare(raw: &str, message: &str) -> bool {
    let around = ['\r', '\n', ' ', '\t', '\0', '\u{feff}'];
    raw.trim_matches(around).len() <= message.len()
}

/// `Nov 23 01:34:00 host kernel: message`, as written by syslog and `journalctl -k`, or
/// `[   12.345678] host kernel: message` (`-o short-monotonic`).
fn after_daemon(text: &str) -> &str {
    const TAG: &str = " kernel: ";
    // Beyond this far it is a part of the message. Prefixes are of ASCII characters.
    let Some(start) = text.as_bytes().get(..text.len().min(100)) else {
        return text;
    };
    let Some(at) = start.windows(TAG.len()).position(|w| w == TAG.as_bytes()) else {
        return text;
    };
    let stamp = &text[..at];
    let stamped = stamp.split(' ').any(is_clock)
        || bracketed(stamp).is_some_and(|(inside, _)| is_timestamp(inside));
    if stamped {
        &text[at + TAG.len()..]
    } else {
        text
    }
}

/// `2026-11-23T01:34:00.123456Z message`, as CI systems and `dmesg --time-format iso` write.
fn after_date(text: &str) -> &str {
    let date = text.split_once(' ').filter(|(word, _)| {
        let (day, time) = word.split_once('T').unwrap_or((word, ""));
        let mut parts = day.split('-');
        parts
            .by_ref()
            .take(3)
            .filter(|part| is_number(part))
            .count()
            == 3
            && is_clock(time)
    });
    date.map_or(text, |(_, rest)| rest)
}

/// `kern  :warn  : message`, as `dmesg --decode` writes.
fn after_level(text: &str) -> &str {
    let decoded = text.strip_prefix("kern").and_then(|rest| {
        let (level, rest) = rest.trim_start().strip_prefix(':')?.split_once(':')?;
        let word = level.trim_end();
        let plain = word.bytes().all(|b| b.is_ascii_lowercase());
        (plain && !word.is_empty()).then(|| rest.strip_prefix(' ').unwrap_or(rest))
    });
    decoded.unwrap_or(text)
}

/// The rest of a line from `[    1.234567]` on, which is not at its beginning.
fn stamp_within(text: &str) -> Option<&str> {
    let is_stamp = |at: &usize| {
        bracketed(&text[*at..]).is_some_and(|(inside, _)| {
            let parts = inside.trim_start().split_once('.');
            parts.is_some_and(|(s, us)| is_number(s) && is_number(us) && us.len() == 6)
        })
    };
    let mut places = text.match_indices('[').map(|(at, _)| at);
    let at = places.find(is_stamp)?;
    Some(&text[at..])
}

/// A line without what colours a terminal, or does worse to it.
pub(crate) fn without_escapes(raw: &str) -> Cow<'_, str> {
    // A control character, or what may be the first byte of one.
    let suspicious = |b: u8| matches!(b, 0..=8 | 11 | 12 | 14..32 | 127 | 0xc2);
    if !raw.bytes().any(suspicious) {
        return Cow::Borrowed(raw);
    }
    let mut plain = String::with_capacity(raw.len());
    let mut parts = raw.split('\u{1b}');
    plain.extend(parts.next());
    for part in parts {
        // `[`, numbers, one letter; other sequences are of one character.
        let rest = match part.strip_prefix('[') {
            Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit() || ";?".contains(c)),
            None => part,
        };
        let mut rest = rest.chars();
        rest.next();
        plain.push_str(rest.as_str());
    }
    plain.retain(|c| matches!(c, '\t' | '\r' | '\n') || !c.is_control());
    Cow::Owned(plain)
}

/// `01:34:00`, perhaps as part of an ISO 8601 stamp.
fn is_clock(word: &str) -> bool {
    let digit = |part: &str| part.chars().any(|c| c.is_ascii_digit());
    let mut parts = word.split(':');
    parts.by_ref().take(3).filter(|part| digit(part)).count() == 3
}

/// `<4>message`, as in `/dev/kmsg` and `dmesg --raw`.
fn after_priority(text: &str) -> &str {
    let level = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match level {
        Some((digits, rest)) if is_number(digits) => rest,
        _ => text,
    }
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Seconds since boot (`    1.234567`), a date (`Mon Nov 23 01:34:00 2026`, `dmesg -T`), or
/// either in short (`Nov23 01:34`, `  +0.000012`, `dmesg -e`).
fn is_timestamp(inside: &str) -> bool {
    let inside = inside.trim();
    let inside = inside.strip_prefix('+').unwrap_or(inside);
    let uptime = inside
        .split_once('.')
        .is_some_and(|(s, us)| is_number(s) && is_number(us));
    let short = inside.split_once(' ').is_some_and(|(day, time)| {
        let minutes = time.split_once(':');
        day.len() == 5 && minutes.is_some_and(|(h, m)| is_number(h) && is_number(m))
    });
    uptime || short || (inside.contains(' ') && inside.split(' ').any(is_clock))
}

fn parse_caller(inside: &str) -> Option<Caller> {
    let inside = inside.trim();
    let number = |text: &str| {
        if is_number(text) {
            text.parse().ok()
        } else {
            None
        }
    };
    if let Some(task) = inside.strip_prefix('T') {
        return number(task).map(Caller::Task);
    }
    number(inside.strip_prefix('C')?).map(Caller::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, caller: Option<Caller>, text: &str) {
        assert_eq!(Line::new(raw), Line { caller, text });
    }

    #[test]
    fn takes_off_what_consoles_add() {
        check("hello\r\n", None, "hello");
        check("[    1.234567] hello", None, "hello");
        check(
            "[    1.234567][   T17] hello",
            Some(Caller::Task(17)),
            "hello",
        );
        check(
            "[    1.234567] [    C1] hello",
            Some(Caller::Cpu(1)),
            "hello",
        );
        check("<4>[    1.234567] hello", None, "hello");
        check("[Mon Nov 23 01:34:00 2026] hello", None, "hello");
        check("[Nov23 01:34] hello", None, "hello");
        check("[  +0.000012] hello", None, "hello");
        check("kern  :warn  : [    1.234567] hello", None, "hello");
        check("4,1234,567890,-;hello", None, "hello");
        check("\rhello", None, "hello");
        check(
            "4,1234,567890,-,caller=T17;hello",
            Some(Caller::Task(17)),
            "hello",
        );
        check("[   12.345678] host kernel: hello", None, "hello");
        check(
            "2026-11-23T01:34:00.1234567Z [    1.234567][   C1]  f+0x1/0x2",
            Some(Caller::Cpu(1)),
            " f+0x1/0x2",
        );
        check("Nov 23 01:34:00 host kernel: [ 1.2] hello", None, "hello");
        check(
            "2026-11-23T01:34:00.1+0000 host kernel: hello",
            None,
            "hello",
        );
    }

    #[test]
    fn finds_the_message_behind_what_others_have_not_ended() {
        check("login: [    1.234567] hello", None, "hello");
        check(
            "/ # \r[    1.234567][  T9] hello",
            Some(Caller::Task(9)),
            "hello",
        );
        check("it took [1.5] seconds", None, "it took [1.5] seconds");
    }

    #[test]
    fn colours_are_taken_off() {
        for (raw, plain) in [
            (
                "\u{1b}[32m[    1.5] \u{1b}[0;1mhello\u{1b}[0m",
                "[    1.5] hello",
            ),
            ("\u{1b}chello", "hello"),
            ("\u{1b}]0;a\u{7}\u{9b}b\u{7f}é\t", "0;abé\t"),
            ("hello\u{1b}", "hello"),
            ("hello", "hello"),
        ] {
            assert_eq!(without_escapes(raw), plain);
        }
    }

    #[test]
    fn a_stamp_is_seen() {
        for (raw, bare) in [
            ("hello\r\n", true),
            ("  f+0x1/0x2", true),
            ("\rhello", true),
            ("", true),
            ("[    1.5] ", false),
            ("[    1.5]  f+0x1/0x2", false),
            ("<4>hello", false),
        ] {
            assert_eq!(is_bare(raw, message(raw)), bare, "{raw:?}");
        }
    }

    #[test]
    fn keeps_what_belongs_to_the_message() {
        check(
            "[    1.2]  [<60012345>] f+0x1/0x2 [zoo]",
            None,
            " [<60012345>] f+0x1/0x2 [zoo]",
        );
        check("[zoo] hello", None, "[zoo] hello");
        check("a kernel: hello", None, "a kernel: hello");
        check("<TASK>", None, "<TASK>");
        check("a;b", None, "a;b");
        check("1,2,3;b", None, "1,2,3;b");
        check("kernel: a:b", None, "kernel: a:b");
        check("[", None, "[");
    }
}
