package httproute

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"holdfast.dev/holdfast/test/oracle/sequence/sequencetest"
)

func rendered(t *testing.T, line string) Object {
	t.Helper()
	out, err := Render(sequencetest.Words(t, line), false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAPatchDoesWhatTheSameChangeOfATextDoes: both are written by people who mean the same.
func TestAPatchDoesWhatTheSameChangeOfATextDoes(t *testing.T) {
	for _, line := range []string{
		"weight.0.1=7", "append.1=old:5", "insert.0=web@81:5", "cut.0.0=yes", "drop.1=yes", "swap.0=yes", "copy.0=yes", "add.c=web:3,old:1",
		"timeout-of.0=5s", "weight.0.0=0 timeout-of.1=7s cut.0.1=yes",
	} {
		before := rendered(t, "rule.a=web:3,old:1 timeout.a=1s rule.b=web")
		changes, err := Resolve(sequencetest.Words(t, line), before)
		if err != nil {
			t.Fatal(err)
		}
		text, err := JSON(changes)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(text)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		patched, err := patch.Apply(encoded)
		if err != nil {
			t.Fatalf("%s: %s: %v", line, text, err)
		}
		got, err := Decode(patched)
		if err != nil {
			t.Fatal(err)
		}
		if err := Change(before, changes...); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("%s (-text +patch):\n%s", line, diff)
		}
	}
}

func TestPlacesAreThoseThatThereAre(t *testing.T) {
	route := rendered(t, "rule.a=web:3,old:1 rule.b=web")
	for line, want := range map[string]string{
		"weight.5.3=7":             "weight.1.0=7",
		"swap.4=yes":               "swap.0=yes",
		"drop.3=yes drop.0=yes":    "drop.1=yes", // one rule is left
		"cut.1.0=yes append.1=old": "cut.1.0=yes",
		"host=a.example":           "host=a.example",
	} {
		got, err := Resolve(sequencetest.Words(t, line), route)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sequencetest.Words(t, want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	if diff := cmp.Diff(rendered(t, "rule.a=web:3,old:1 rule.b=web"), route); diff != "" {
		t.Errorf("the route was changed:\n%s", diff)
	}
}

func TestAReaderSeesTheWeightsThatStandThere(t *testing.T) {
	read := rendered(t, "rule.a=web:12,old:5,web-canary-1:3 rule.b=web:4,web@81:8,web-canary-1:1,web-canary-1@81:2")
	for line, want := range map[string]struct{ before, kept string }{
		"weight.0.1=7":              {"weight.0.0=15 weight.0.1=5", "weight.0.1=7"},
		"append.1=new:7":            {"weight.1.0=5 weight.1.1=10", "append.1=new:7"},
		"weight.0.0=12":             {"", ""}, // it stands there
		"weight.0.1=7 weight.0.1=5": {"", ""}, // as it stood
		"weight.0.1=7 cut.0.1=yes":  {"", "cut.0.1=yes"},
		"weight.0.1=7 cut.0.0=yes":  {"weight.0.0=15 weight.0.1=5", "weight.0.1=7 cut.0.0=yes"},
		"timeout-of.0=5s":           {"", "timeout-of.0=5s"},
		"weight.0.1=7 weight.0.0=1": {"weight.0.0=15 weight.0.1=5", "weight.0.1=7 weight.0.0=4"}, // and 3 are the canary's
	} {
		before, kept := AsSeen(sequencetest.Words(t, line), read)
		if diff := cmp.Diff(sequencetest.Words(t, want.before), before); diff != "" {
			t.Errorf("%s: before (-want +got):\n%s", line, diff)
		}
		if diff := cmp.Diff(sequencetest.Words(t, want.kept), kept); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", line, diff)
		}
	}
}

func TestAMergePatchSaysAllRules(t *testing.T) {
	got, err := Merge(sequencetest.Words(t, "rule.a=web:3 timeout.a=5s meta-label.x- host=a.example"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"metadata":{"labels":{"x":null}},"spec":{"hostnames":["a.example"],"rules":[{"backendRefs":[{"name":"web","port":80,"weight":3}],"matches":[{"path":{"type":"PathPrefix","value":"/a"}}],"timeouts":{"request":"5s"}}]}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
