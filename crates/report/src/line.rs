// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a console or a log daemon puts around a kernel message.

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
        let mut text = raw.trim_end_matches(['\r', '\n', ' ', '\t', '\0']);
        text = after_daemon(text);
        text = after_priority(text);
        let mut caller = None;
        while let Some((inside, rest)) = bracketed(text) {
            if is_timestamp(inside) {
                text = rest;
            } else if let Some(who) = parse_caller(inside) {
                caller = Some(who);
                text = rest;
            } else {
                break;
            }
            text = text.strip_prefix(' ').unwrap_or(text);
        }
        Self { caller, text }
    }
}

/// The message of a console line, without what consoles and log daemons put around it.
#[must_use]
pub fn message(raw: &str) -> &str {
    Line::new(raw).text
}

/// `Nov 23 01:34:00 host kernel: message`, as written by syslog and `journalctl -k`.
fn after_daemon(text: &str) -> &str {
    const TAG: &str = " kernel: ";
    match text.find(TAG) {
        Some(at) if at < 96 && text[..at].split(' ').any(is_clock) => &text[at + TAG.len()..],
        _ => text,
    }
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

/// Seconds since boot (`    1.234567`) or a date (`Mon Nov 23 01:34:00 2026`, `dmesg -T`).
fn is_timestamp(inside: &str) -> bool {
    let inside = inside.trim();
    let uptime = inside
        .split_once('.')
        .is_some_and(|(s, us)| is_number(s) && is_number(us));
    uptime || (inside.contains(' ') && inside.split(' ').any(is_clock))
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
        check("Nov 23 01:34:00 host kernel: [ 1.2] hello", None, "hello");
        check(
            "2026-11-23T01:34:00.1+0000 host kernel: hello",
            None,
            "hello",
        );
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
        check("[", None, "[");
    }
}
