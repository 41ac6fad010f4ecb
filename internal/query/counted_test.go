package query

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatACounterAsksFor(t *testing.T) {
	for text, want := range map[string]Counter{
		`r_total{ {{pods}} }`:                              {Name: "r_total"},
		`r_total{ {{pods}}, code=~"5..", path!="/health"}`: {Name: "r_total", Labels: []string{"code"}, Excluding: []string{"path"}},
		`{__name__="r_total", {{pods}}, a="1", a!="2" }`:   {Name: "r_total", Labels: []string{"a"}, Excluding: []string{"a"}},
		`{__name__=~"r_.*", {{pods}}, a!=""}`:              {Labels: []string{"a"}},
		`l_bucket{ {{pods}}, le="1" }`:                     {Name: "l_bucket", Labels: []string{"le"}},
		`rate(r_total{ {{pods}} }[1m])`:                    {},
		``:                                                 {},
	} {
		if diff := cmp.Diff(want, CounterOf(text)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}

func TestPartsOfACounter(t *testing.T) {
	series := []map[string]string{{"code": "200", "pod": "a"}, {"path": "/", "pod": "b"}}
	all := Counter{Name: "r_total"}
	for name, tc := range map[string]struct {
		part Counter
		want bool
	}{
		"told by a label that there is":     {Counter{Name: "r_total", Labels: []string{"code"}}, true},
		"by one that there is not":          {Counter{Name: "r_total", Labels: []string{"cod"}}, false},
		"by two that no series has both of": {Counter{Name: "r_total", Labels: []string{"code", "path"}}, false},
		"of another name":                   {Counter{Name: "e_total", Labels: []string{"code"}}, false},
		"of no name":                        {Counter{Name: "", Labels: []string{"code"}}, false},
		"the whole of it":                   {Counter{Name: "r_total"}, true},
	} {
		if got := tc.part.PartOf(all, series); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (Counter{Name: "r_total"}).PartOf(all, nil) {
		t.Error("a part of what has no series")
	}
}

func TestBuckets(t *testing.T) {
	for name, tc := range map[string]struct {
		of, total []string
		want      bool
	}{
		"a bucket":                         {[]string{"le"}, nil, true},
		"none":                             {nil, nil, false},
		"of a path, as the total":          {[]string{"path", "le"}, []string{"path"}, true},
		"narrowed down":                    {[]string{"le", "code"}, []string{"path"}, false},
		"a label that both have, and none": {[]string{"code"}, []string{"code"}, false},
	} {
		if got := (Counter{Name: "l_bucket", Labels: tc.of}).BucketOf(Counter{Name: "l_count", Labels: tc.total}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
