//! What a guarded worker says to its guard: a line for each thing, on the pipe that it inherits.

use std::time::Duration;

use queue::Incarnation;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// It holds a lease. `asked_at` is when it asked for the last renewal that was granted, on the
    /// boot clock.
    Renewed { who: Incarnation, asked_at: Duration },
    /// It gave its lease up and holds nothing: it may be silent for as long as it likes.
    Idle,
    /// It signed off: the database knows that it is gone.
    Left,
}

impl Beat {
    /// The line, with its end.
    pub(super) fn line(self) -> String {
        match self {
            Beat::Renewed { who, asked_at } => {
                format!("renewed {} {}\n", who.id, asked_at.as_millis())
            }
            Beat::Idle => "idle\n".to_owned(),
            Beat::Left => "left\n".to_owned(),
        }
    }

    /// Reads a line without its end.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let beat = match words.next()? {
            "renewed" => {
                let id = words.next()?.parse().ok()?;
                let asked_at = Duration::from_millis(words.next()?.parse().ok()?);
                Beat::Renewed { who: Incarnation { id }, asked_at }
            }
            "idle" => Beat::Idle,
            "left" => Beat::Left,
            _ => return None,
        };
        words.next().is_none().then_some(beat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_read_as_it_was_said() {
        let renewed =
            Beat::Renewed { who: Incarnation { id: 4711 }, asked_at: Duration::from_millis(1_234) };
        for beat in [renewed, Beat::Idle, Beat::Left] {
            let line = beat.line();
            assert!(line.len() < 512, "a pipe takes it in one piece");
            assert_eq!(Beat::read(line.trim_end()), Some(beat));
        }
    }

    #[test]
    fn nothing_else_is_a_beat() {
        for line in ["", "idl", "idle now", "renewed", "renewed x 1", "renewed 1", "renewed 1 -1"] {
            assert_eq!(Beat::read(line), None, "{line:?}");
        }
    }
}
