// Package notify tells people outside of the cluster what happens: transitions of runs, and what has none.
//
// An administrator names receivers in a file (see Notifier). Each has a mailbox of its own and is told in the
// order in which things happened; one that is slow, or away, keeps no other waiting, and no run. What a
// receiver has not taken yet stays in the log of its run's status
// (docs/adr/0035-transitions-are-written-before-they-are-told.md), so the next evaluator tells it: at least
// once, and known by its ID as the same. See docs/adr/0041-notifications-are-told-from-the-log.md.
package notify
