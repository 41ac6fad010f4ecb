// Package pick finds the run that a name on the command line is about: a run, or a Deployment.
//
// It is pure.
package pick

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Name is what was written on the command line.
type Name struct {
	// Run and Deployment say which of the two it may be; one of them at least.
	Run, Deployment bool
	Name            string
}

// Parse reads NAME, run/NAME (canaryrun, canaryruns, crun) or deployment/NAME (deployments, deploy). A name
// alone is that of a run, or else of a Deployment.
func Parse(text string) (Name, error) {
	kind, name, has := strings.Cut(text, "/")
	if !has {
		kind, name = "", text
	}
	if name == "" || strings.Contains(name, "/") {
		return Name{}, fmt.Errorf("%q is no name; write NAME, run/NAME or deployment/NAME", text)
	}
	kind, _, _ = strings.Cut(strings.ToLower(kind), ".") // the group, as kubectl prints it
	switch kind {
	case "":
		return Name{true, true, name}, nil
	case "run", "runs", "crun", "canaryrun", "canaryruns":
		return Name{true, false, name}, nil
	case "deploy", "deployment", "deployments":
		return Name{false, true, name}, nil
	}
	return Name{}, fmt.Errorf("%q is of a kind that has no canary; write NAME, run/NAME or deployment/NAME", text)
}

// String is how it is told to people.
func (n Name) String() string {
	switch {
	case n.Run && n.Deployment:
		return "run or Deployment " + n.Name
	case n.Run:
		return "run " + n.Name
	}
	return "Deployment " + n.Name
}

// All are the runs that a name is about, of those of its namespace, the newest last.
func (n Name) All(runs []v1alpha1.CanaryRun) []v1alpha1.CanaryRun {
	if n.Run {
		for _, run := range runs {
			if run.Name == n.Name {
				return []v1alpha1.CanaryRun{run}
			}
		}
	}
	var out []v1alpha1.CanaryRun
	for _, run := range runs {
		if n.Deployment && run.Spec.Deployment == n.Name {
			out = append(out, run)
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.CanaryRun) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// One is the run that a name is about: of a Deployment the one that has not ended, or else the newest. Two
// that have not ended are told apart by their names alone.
func (n Name) One(runs []v1alpha1.CanaryRun) (*v1alpha1.CanaryRun, error) {
	all := n.All(runs)
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no %s", n.withRuns())
	}
	var open []v1alpha1.CanaryRun
	for _, run := range all {
		if !run.Status.Phase.Ended() {
			open = append(open, run)
		}
	}
	switch len(open) {
	case 0:
		return &all[len(all)-1], nil
	case 1:
		return &open[0], nil
	}
	names := make([]string, 0, len(open))
	for _, run := range open {
		names = append(names, "run/"+run.Name)
	}
	return nil, fmt.Errorf("there are several runs of Deployment %s that have not ended; name one: %s", n.Name, strings.Join(names, ", "))
}

func (n Name) withRuns() string {
	switch {
	case n.Run && n.Deployment:
		return fmt.Sprintf("run %q, and no run of a Deployment %q", n.Name, n.Name)
	case n.Run:
		return fmt.Sprintf("run %q", n.Name)
	}
	return fmt.Sprintf("run of a Deployment %q", n.Name)
}
