package query

import (
	"slices"
	"strings"
	"time"
)

// standsFor begins the names of ReplicaSets that stand for those of a run.
const standsFor = "standsforthe"

// Names are the patterns of the pods of one run, with which a query that was rendered by
// Values.Anonymous is made its own.
type Names struct {
	patterns []string
	replacer *strings.Replacer
}

// Anonymous returns the values with other names in the place of the canary's ReplicaSets, the
// baseline's and the stable ones, the same for all runs, so that what is rendered by them is too.
// No where a run has names that cannot stand for each other: then it is rendered for itself.
func (v Values) Anonymous() (Values, Names, bool) {
	out, names := v, Names{}
	out.PodNames = map[string][]string{}
	var pairs []string
	for _, side := range []struct {
		sets *[]string
		name string
	}{{&out.Canary, standsFor + "canary"}, {&out.Baseline, standsFor + "baseline"}, {&out.Stable, standsFor + "stable"}} {
		if len(*side.sets) == 0 {
			continue
		}
		pattern, err := v.podPattern(*side.sets)
		if err != nil || pattern == "" || slices.Contains(names.patterns, pattern) {
			return Values{}, Names{}, false
		}
		*side.sets, out.PodNames[side.name] = []string{side.name}, []string{side.name + "-pods"}
		names.patterns, pairs = append(names.patterns, pattern), append(pairs, side.name+"-pods", pattern)
	}
	for _, text := range []string{v.Namespace, v.Deployment, v.Service} {
		if strings.Contains(text, standsFor) {
			return Values{}, Names{}, false
		}
	}
	names.replacer = strings.NewReplacer(pairs...)
	return out, names, len(v.Pods) == 0
}

// MayStand says whether the names may stand for those of pods in a query: it has none of them.
func (t Template) MayStand() bool { return !strings.Contains(t.text, standsFor) }

// Put makes a query that was rendered by anonymous values the run's own. No where it has the pattern of
// the run's pods in it: then that may stand where others than the run's names put it.
func (n Names) Put(rendered string) (string, bool) {
	for _, pattern := range n.patterns {
		if strings.Contains(rendered, pattern) {
			return "", false
		}
	}
	return n.replacer.Replace(rendered), true
}

// LongestCut is the longest of the ranges that Render cuts to the canary's age, which is no matter to a
// canary that is older.
func (t Template) LongestCut(v Values) time.Duration {
	var longest time.Duration
	for _, s := range t.Spans(v) {
		if s.Matrix != nil && s.Direct && v.IsCanary(s.Selector) {
			longest = max(longest, s.Matrix.Range)
		}
	}
	return longest
}
