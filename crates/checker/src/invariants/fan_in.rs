//! 10: a fan-in continues once, after its children.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::{Change, FanInRow, Op};
use crate::input::tables::ChildLine;
use crate::refusal::Refusal;
use crate::timeline::{JobChange, Live};

/// A fan-out by its place: parent, generation, group.
type GroupPlace = (i64, i32, String);

/// One fan-out.
#[derive(Debug, Default)]
struct Group {
    /// Children by the table, and how many of their first jobs ended, by the history.
    children: u64,
    ended: u64,
    row: Option<FanInRow>,
    /// Counts that are held against the history when their transaction is surely over.
    uncompared: Option<(i64, u64)>,
}

/// A group counts each child once, is complete when its policy says so, and goes on once.
#[derive(Debug)]
pub(crate) struct FanIn {
    pub(crate) finding: Finding,
    groups: HashMap<GroupPlace, Group>,
    /// The group of each child whose first job has not ended.
    children: HashMap<i64, GroupPlace>,
}

impl FanIn {
    pub(crate) fn new() -> Self {
        let finding = Finding::new(10, "a fan-in continues once, after its children");
        Self { finding, groups: HashMap::new(), children: HashMap::new() }
    }

    pub(crate) fn read_table(&mut self, run: &Run) -> Result<(), Refusal> {
        run.each_of("children", |line| {
            let row: ChildLine<'_> = line.parse()?;
            let place = (row.parent, row.generation, row.group.into_owned());
            self.groups.entry(place.clone()).or_default().children += 1;
            self.children.insert(row.event, place);
            Ok(())
        })
    }

    pub(crate) fn job(&mut self, told: &JobChange<'_>) {
        if told.change.op != Op::Delete || self.children.is_empty() {
            return;
        }
        let place = self.children.remove(&told.row.event);
        if let Some(group) = place.and_then(|place| self.groups.get_mut(&place)) {
            group.ended += 1;
        }
    }

    pub(crate) fn group(&mut self, row: &FanInRow, change: &Change) {
        if change.op == Op::Delete {
            return;
        }
        let place = (row.parent, row.generation, row.group.clone());
        let group = self.groups.entry(place).or_default();
        // Whoever counts holds the group's row until its commit, so another's count comes after that,
        // and after the end that it counts.
        if group.uncompared.is_some_and(|(xid, _)| xid != change.xid) {
            compare(&mut self.finding, row, group);
        }
        group.uncompared = Some((change.xid, row.done + row.failed));
        once(&mut self.finding, row, group.row.as_ref());
        let before = group.row.replace(row.clone());
        let completes =
            row.completed_at.is_some() && before.is_none_or(|before| before.completed_at.is_none());
        if completes && row.completed_by.as_deref() == Some("children") {
            let enough = match row.needed {
                None => row.done + row.failed >= row.total,
                Some(needed) => row.done >= needed || row.total.saturating_sub(row.failed) < needed,
            };
            self.finding.check(enough, || {
                format!(
                    "event {}: group {} was complete at {} done and {} failed of {}",
                    row.parent, row.group, row.done, row.failed, row.total
                )
            });
        }
    }

    /// A parent goes on, and says what it was told.
    pub(crate) fn went_on(&mut self, place: GroupPlace, total: u64, ended: u64) {
        let group = self.groups.get(&place);
        let most = group.map_or(0, |group| group.ended);
        let row = group.and_then(|group| group.row.as_ref());
        let whole = row.is_none_or(|row| {
            row.total == total
                && (row.needed.is_some()
                    || row.completed_by.as_deref() != Some("children")
                    || ended == total)
        });
        self.finding.check(whole && ended <= most, || {
            format!(
                "event {}: group {} went on with {ended} of {total} children, {most} had ended",
                place.0, place.2
            )
        });
    }

    pub(crate) fn close(&mut self, rest: &HashMap<i64, Live>) {
        for (place, group) in &mut self.groups {
            let Some(row) = group.row.take() else { continue };
            compare(&mut self.finding, &row, group);
            let parent_lives =
                rest.get(&place.0).is_some_and(|live| live.row.generation == place.1);
            let over = group.ended == group.children;
            let told = || {
                format!(
                    "event {}: all {} children of group {} ended, {} are counted, and it went on: {}",
                    place.0,
                    group.children,
                    place.2,
                    row.done + row.failed,
                    row.continued_at.is_some()
                )
            };
            let went_on = !parent_lives || row.continued_at.is_some();
            self.finding.check(!over || went_on, told);
        }
        self.finding.count("groups", self.groups.len() as u64);
    }
}

/// No more children are counted than have ended.
fn compare(finding: &mut Finding, row: &FanInRow, group: &mut Group) {
    let Some((_, counted)) = group.uncompared.take() else { return };
    let ended = group.ended;
    finding.check(counted <= ended, || {
        format!(
            "event {}: group {} counts {counted} children and {ended} had ended",
            row.parent, row.group
        )
    });
}

/// Completion and continuation happen once.
fn once(finding: &mut Finding, row: &FanInRow, before: Option<&FanInRow>) {
    let Some(before) = before else { return };
    let completed = before.completed_at.is_none() || before.completed_at == row.completed_at;
    let continued = before.continued_at.is_none() || before.continued_at == row.continued_at;
    finding.check(completed && continued, || {
        let what = if completed { "continued" } else { "completed" };
        format!("event {}: group {} was {what} twice", row.parent, row.group)
    });
}
