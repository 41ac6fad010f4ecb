package labelname

import "testing"

func TestNamesOfOpenTelemetryStandInQuotes(t *testing.T) {
	for name, want := range map[string]string{"pod": "pod", "k8s_pod_name": "k8s_pod_name", "k8s.pod.name": `"k8s.pod.name"`, "app.kubernetes.io/name": `"app.kubernetes.io/name"`} {
		if !Valid(name) || Quoted(name) != want {
			t.Errorf("%s: %t, %s", name, Valid(name), Quoted(name))
		}
	}
	if got := List("k8s.pod.name", "code"); got != `"k8s.pod.name", code` {
		t.Error(got)
	}
}

func TestWhatCouldEndAStringIsNoName(t *testing.T) {
	for _, name := range []string{"", "1pod", ".pod", `pod"`, `pod"=~".*"`, "po d", "pod\n", "pod{", `pod\`} {
		if Valid(name) {
			t.Errorf("%q is a name", name)
		}
	}
}
