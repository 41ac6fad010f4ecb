package probe_test

import (
	"testing"

	"holdfast.dev/holdfast/internal/probe"
)

func TestAPortIsReadAsItIsWritten(t *testing.T) {
	for _, p := range []probe.Port{
		{Name: "http", Listen: probe.FirstPort, Target: 8080, Protocol: probe.Auto},
		{Name: "5432", Listen: 65535, Target: 1, Protocol: probe.TCP},
	} {
		if got, err := probe.ParsePort(p.String()); err != nil || got != p {
			t.Errorf("%s is read as %+v, %v", p, got, err)
		}
	}
}

func TestWhatIsNoPortIsSaid(t *testing.T) {
	for _, text := range []string{
		"", "http", "15100:8080/Auto", "=15100:8080/Auto", "http=15100/Auto", "http=15100:8080", "http=0:8080/Auto",
		"http=15100:65536/Auto", "http=15100:-1/Auto", "http=15100:8080/HTTP3", "http=15100:8080:9/TCP",
	} {
		if p, err := probe.ParsePort(text); err == nil {
			t.Errorf("%q is taken for %+v", text, p)
		}
	}
}
