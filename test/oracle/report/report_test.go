package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

func course(t *testing.T, d compare.Difference, why compare.Explanation) Course {
	t.Helper()
	s, err := sequence.Decode([]byte("commands: [apply image=v1 replicas=0 annotation.cattle.io/timestamp=t2, set-image image=v2, release]"))
	if err != nil {
		t.Fatal(err)
	}
	c := Course{Sequence: s, Steps: 2, Holds: 2, Releases: 1, Difference: d, Explanation: why}
	c.Last = &compare.Step{Outcome: compare.Pair[compare.Outcome]{Unguarded: compare.Outcome{Stdout: "image updated\n"}, Guarded: compare.Outcome{
		Code: 1, Stderr: "error: no\n", Requests: []compare.Request{{Method: "PATCH", Path: "/web", Manager: "kubectl-set", Status: 403, Message: "no", Body: "{}", Warnings: []string{"held"}}},
	}}}
	return c
}

func TestTallyReportsARun(t *testing.T) {
	tally := Tally{Seed: 7}
	tally.Add(course(t, compare.Difference{}, ""))
	tally.Add(course(t, compare.Difference{}, ""))
	tally.Add(course(t, compare.Difference{Aspect: compare.Template}, compare.ClientSentNothing))
	tally.Add(course(t, compare.Difference{Aspect: compare.Spec}, ""))
	want := `seed         7
sequences    4, 2 to their end (50 %)
commands     8: apply 4, set-image 4
of these say 8: mark of a restart 4, no replicas 4
holds        8
releases     4
explained    1: ClientSentNothing 1
unexplained  1: Spec 1
time         2m0s, 2 sequences a minute
`
	if diff := cmp.Diff(want, tally.Text(2*time.Minute)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if tally.Failed() != 1 {
		t.Errorf("%d failed", tally.Failed())
	}
}

func TestCourseTellsAllThatIsKnown(t *testing.T) {
	got := course(t, compare.Difference{Aspect: compare.ExitCode, Detail: "0 is not 1\n"}, compare.ConflictOfOwners).String()
	for _, part := range []string{
		"ExitCode (ConflictOfOwners) after command 2 of:", "- set-image image=v2\n", "0 is not 1", "image updated", "exit code 1", "error: no", "manager=kubectl-set", "403 no", "warning: held",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
}
