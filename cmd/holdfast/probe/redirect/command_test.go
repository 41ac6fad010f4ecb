package redirect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/probe"
)

func TestWhatIsWrongWithTheFlagsIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		ports, detours []string
		told           string // "" where nothing is
	}{
		"nothing":                        {nil, nil, "--port is missing"},
		"no port":                        {[]string{"http"}, nil, "NAME=LISTEN:TARGET/PROTOCOL"},
		"no detour":                      {[]string{"http=15100:8080/Auto"}, []string{"15101"}, "FROM:TARGET"},
		"two ways for a port":            {[]string{"http=15100:8080/Auto", "web=15101:8080/Auto"}, nil, "what comes to 8080 goes where --port http=15100:8080/Auto says already"},
		"a detour that begins at a port": {[]string{"http=15100:8080/Auto"}, []string{"8080:9000"}, "--detour 8080:9000"},
		"all is well":                    {[]string{"http=15100:8080/Auto"}, []string{"15101:8080"}, ""},
	} {
		o := Options{ports: tc.ports, detours: tc.detours}
		err := o.Validate()
		if (err != nil) != (tc.told != "") || err != nil && !strings.Contains(err.Error(), tc.told) {
			t.Errorf("%s: %v, want %q in it", name, err, tc.told)
		}
	}
	o := Options{ports: []string{"http=15100:8080/Auto"}, detours: []string{"15101:8080"}}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	want := Rules{Ports: []probe.Port{{Name: "http", Listen: 15100, Target: 8080, Protocol: probe.Auto}}, Detours: []probe.Detour{{From: 15101, Target: 8080}}}
	if diff := cmp.Diff(want, o.rules); diff != "" {
		t.Error(diff)
	}
}
