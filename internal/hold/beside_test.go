package hold

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBesideKeys(t *testing.T) {
	named := []string{
		"ci/build", "app", "ci/build", "", "holdfast.dev/held", "metric.holdfast.dev/errors", "meta.helm.sh/release-name",
		"kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision", "myholdfast.dev/x",
	}
	if diff := cmp.Diff([]string{"app", "ci/build", ChangeCause, "myholdfast.dev/x"}, BesideKeys(named)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARecordKeepsWhatIsBesideItsTemplate(t *testing.T) {
	want := &Beside{Keys: BesideKeys(nil), Annotations: map[string]string{ChangeCause: "web 2"}, LastApplied: map[string]string{ChangeCause: "web 2"}}
	k := NewKey()
	sealed, err := k.Seal(Record{ID: "a", UID: "u", Template: template(t, plain), Beside: want})
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Open(sealed, "u")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Beside); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
