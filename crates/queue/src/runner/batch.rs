//! How many jobs are claimed at once.

/// One when idle, so that a burst spreads over the fleet; twice as many after every full answer,
/// so that a backlog is drained in few exchanges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    size: usize,
    max: usize,
}

impl Batch {
    pub(super) fn new(max: usize) -> Self {
        Batch { size: 1, max }
    }

    /// How many to ask for.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Learns from an answer: `claimed` jobs came of the `asked`.
    pub(super) fn answered(&mut self, asked: usize, claimed: usize) {
        // Asked for little because little was free, it learns nothing of the backlog.
        if asked == 0 {
            return;
        }
        self.size = match claimed >= asked {
            true => (self.size * 2).min(self.max),
            false => claimed.clamp(1, self.max),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_doubles_it_up_to_its_bound_and_idleness_ends_that() {
        let mut batch = Batch::new(50);
        let mut sizes = Vec::new();
        for claimed in [1, 2, 4, 8, 16, 32, 50, 7, 0] {
            sizes.push(batch.size());
            batch.answered(batch.size(), claimed);
        }
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 50, 50, 7]);
        assert_eq!(batch.size(), 1);
    }

    #[test]
    fn no_free_slot_teaches_nothing() {
        let mut batch = Batch::new(50);
        batch.answered(0, 0);
        assert_eq!(batch.size(), 1);
    }
}
