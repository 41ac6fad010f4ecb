package main

import (
	"fmt"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// facts are what became of everything, when every hold has ended.
type facts struct {
	trials []trial
	// revisions are the templates that a Deployment has ever run, by their images.
	revisions map[target][]revision
	// now is the image of a Deployment's template.
	now map[target]string
	// told says that there is an event about an ungated update.
	told map[target]bool
	// unfinished is what is left of holds, for people.
	unfinished []string
}

// revision is a template that a Deployment has run, and since when.
type revision struct {
	image string
	made  time.Time
}

// violations are what must never be.
func (f facts) violations(l *ledger, targets []target) []string {
	out := slices.Clone(f.unfinished)
	for _, t := range targets {
		entries, trials := l.of(t), f.of(t)
		out = append(out, f.ranWithoutVerdict(t, entries, trials)...)
		out = append(out, endings(t, entries, trials)...)
		out = append(out, f.lost(t, entries, trials)...)
		if slices.ContainsFunc(entries, func(e entry) bool { return e.outcome == Ungated }) && !f.told[t] {
			out = append(out, fmt.Sprintf("%s/%s: an ungated update was not reported", t.namespace, t.name))
		}
	}
	return out
}

func (f facts) of(t target) []trial {
	var out []trial
	for _, one := range f.trials {
		if one.target == t {
			out = append(out, one)
		}
	}
	return out
}

// ranWithoutVerdict are templates in place that no run had released when they
// came, or not after the time that a verdict takes. Of an update without an answer
// nobody knows what it was; each such needs a released run that no other update claims.
func (f facts) ranWithoutVerdict(t target, entries []entry, trials []trial) []string {
	var out []string
	unclaimed := 0
	for _, one := range trials {
		if one.phase == v1alpha1.PhaseReleased && !slices.ContainsFunc(entries, func(e entry) bool { return e.hold == one.hold }) {
			unclaimed++
		}
	}
	for _, r := range f.revisions[t] {
		if r.image == firstImage {
			continue
		}
		i := slices.IndexFunc(entries, func(e entry) bool { return e.image == r.image })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s/%s ran %s, which nobody asked for", t.namespace, t.name, r.image))
			continue
		}
		e := entries[i]
		switch e.outcome {
		case Told, Ungated: // not held; what that costs is counted
		case Held:
			out = append(out, ofHold(e, r, trials)...)
		case Refused:
			out = append(out, fmt.Sprintf("%s/%s ran %s, which was refused", t.namespace, t.name, r.image))
		case Unanswered, Failed:
			if unclaimed--; unclaimed < 0 && !f.told[t] {
				out = append(out, fmt.Sprintf("%s/%s ran %s without a released run, and nobody was told", t.namespace, t.name, r.image))
			}
		}
	}
	return out
}

// ofHold says what is wrong with a held template that came into place.
func ofHold(e entry, r revision, trials []trial) []string {
	i := slices.IndexFunc(trials, func(one trial) bool { return one.hold == e.hold })
	where := fmt.Sprintf("%s/%s ran %s", e.target.namespace, e.target.name, e.image)
	switch {
	case i < 0:
		return []string{where + ", which was held and never tried"}
	case trials[i].phase != v1alpha1.PhaseReleased:
		return []string{fmt.Sprintf("%s, whose run %s is %s", where, trials[i].name, trials[i].phase)}
	case e.bad:
		return []string{where + ", whose pods crash"}
	case r.made.Before(trials[i].made.Add(period)): // both to the second
		return []string{fmt.Sprintf("%s from %s, before its run, made at %s, could have a verdict", where, r.made, trials[i].made)}
	}
	return nil
}

// endings are holds that were tried twice.
func endings(t target, entries []entry, trials []trial) []string {
	var out []string
	for _, e := range entries {
		if e.outcome != Held {
			continue
		}
		n := 0
		for _, one := range trials {
			if one.hold == e.hold {
				n++
			}
		}
		if n > 1 {
			out = append(out, fmt.Sprintf("%s/%s: hold %s of %s has %d runs", t.namespace, t.name, e.hold, e.image, n))
		}
	}
	return out
}

// lost is the last update of a Deployment if it was held and nothing came of it:
// neither a run that ended, nor another update in its place.
func (f facts) lost(t target, entries []entry, trials []trial) []string {
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1]
	if last.outcome != Held {
		return nil
	}
	i := slices.IndexFunc(trials, func(one trial) bool { return one.hold == last.hold })
	switch {
	case i >= 0 && trials[i].phase == v1alpha1.PhaseReleased && f.now[t] != last.image && !last.withdrawn:
		return []string{fmt.Sprintf("%s/%s: %s was released and %s runs", t.namespace, t.name, last.image, f.now[t])}
	case i < 0 && !last.withdrawn:
		return []string{fmt.Sprintf("%s/%s: the update to %s was held as %s and no run has tried it", t.namespace, t.name, last.image, last.hold)}
	}
	return nil
}
