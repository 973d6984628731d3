// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Progress on standard error: bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use dmasan_lab::{Progress, Step};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a plain log hears that long work goes on.
const HEARTBEAT: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(120);

/// Shows the lab's work to the user.
#[derive(Debug)]
pub(crate) struct Ui {
    /// Where the bars are; none if nobody would see them move.
    bars: Option<MultiProgress>,
}

impl Ui {
    /// Looks at standard error to choose a form.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let target = ProgressDrawTarget::stderr();
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(target)),
        }
    }

    /// Writes a line to standard error without getting into the bars.
    pub(crate) fn line(&self, text: &str) {
        write_line(self.bars.as_ref(), text);
    }
}

impl Progress for Ui {
    fn begin(&self, title: &str) -> Box<dyn Step> {
        let began = Instant::now();
        let title = title.to_owned();
        match &self.bars {
            Some(bars) => {
                let bar = bars.add(ProgressBar::new_spinner());
                bar.set_style(style("{spinner} {prefix}  {elapsed}  {wide_msg:.dim}"));
                bar.set_prefix(title.clone());
                bar.enable_steady_tick(TICK);
                Box::new(BarStep {
                    bars: bars.clone(),
                    bar,
                    title,
                    began,
                    finished: false,
                })
            }
            None => {
                write_line(None, &format!("{title} ..."));
                Box::new(PlainStep {
                    title,
                    began,
                    told: began,
                    total: 0,
                    finished: false,
                })
            }
        }
    }

    fn note(&self, text: &str) {
        self.line(&format!("note: {text}"));
    }
}

/// A step as a bar.
struct BarStep {
    bars: MultiProgress,
    bar: ProgressBar,
    title: String,
    began: Instant,
    finished: bool,
}

impl Step for BarStep {
    fn set_total(&mut self, n: u64) {
        if n > 0 {
            self.bar.set_style(style(
                "{spinner} {prefix}  [{bar:30}] {percent:>3}%  {elapsed}  {wide_msg:.dim}",
            ));
            self.bar.set_length(n);
        }
    }

    fn advance_to(&mut self, n: u64) {
        // A total may be an estimate.
        let total = self.bar.length().unwrap_or(u64::MAX);
        self.bar.set_position(n.min(total));
    }

    fn message(&mut self, m: &str) {
        self.bar.set_message(m.to_owned());
    }

    fn finish(mut self: Box<Self>, outcome: &str) {
        self.finished = true;
        let text = ended("✓", &self.title, outcome, self.began);
        self.close(&text);
    }
}

impl BarStep {
    fn close(&self, text: &str) {
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
        write_line(Some(&self.bars), text);
    }
}

impl Drop for BarStep {
    fn drop(&mut self) {
        if !self.finished {
            self.close(&ended("✗", &self.title, "not finished", self.began));
        }
    }
}

/// A step as lines of a log.
struct PlainStep {
    title: String,
    began: Instant,
    told: Instant,
    total: u64,
    finished: bool,
}

impl Step for PlainStep {
    fn set_total(&mut self, n: u64) {
        self.total = n;
    }

    fn advance_to(&mut self, n: u64) {
        let share = n.saturating_mul(100).checked_div(self.total);
        let share = share.map(|percent| format!("{}%", percent.min(100)));
        self.beat(share.as_deref().unwrap_or_default());
    }

    fn message(&mut self, m: &str) {
        self.beat(m);
    }

    fn finish(mut self: Box<Self>, outcome: &str) {
        self.finished = true;
        write_line(None, &ended("done:", &self.title, outcome, self.began));
    }
}

impl PlainStep {
    /// Says that the work goes on, if nothing was said for a while.
    fn beat(&mut self, how: &str) {
        if self.told.elapsed() >= HEARTBEAT {
            self.told = Instant::now();
            let line = format!("{} ... {how} ({})", self.title, time(self.began));
            write_line(None, &line);
        }
    }
}

impl Drop for PlainStep {
    fn drop(&mut self) {
        if !self.finished {
            write_line(None, &ended("not finished:", &self.title, "", self.began));
        }
    }
}

fn ended(mark: &str, title: &str, outcome: &str, began: Instant) -> String {
    let colon = if outcome.is_empty() { "" } else { ": " };
    format!("{mark} {title}{colon}{outcome} ({})", time(began))
}

/// `0.4 s`, `12 s`, `3 min 07 s`
fn time(began: Instant) -> String {
    let elapsed = began.elapsed();
    match elapsed.as_secs() {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn write_line(bars: Option<&MultiProgress>, text: &str) {
    // There is nobody to tell that nobody can be told.
    let _ = match bars {
        Some(bars) => bars.println(text),
        None => writeln!(std::io::stderr(), "{text}"),
    };
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let ago = |seconds| time(Instant::now() - Duration::from_secs(seconds));
        assert_eq!(ago(12), "12 s");
        assert_eq!(ago(187), "3 min 07 s");
    }
}
