package window

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func date(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func between(t *testing.T, from, to string) v1alpha1.FreezeWindow {
	f, e := metav1.NewTime(date(t, from)), metav1.NewTime(date(t, to))
	return v1alpha1.FreezeWindow{From: &f, To: &e}
}

// 2026-03-06 is a Friday. Clocks in Berlin are set forward on 2026-03-29.
func TestOpen(t *testing.T) {
	weekend := v1alpha1.FreezeWindow{Start: "Fri 16:00", End: "Mon 08:00", TimeZone: "Europe/Berlin"}
	night := v1alpha1.FreezeWindow{Start: "Wed 22:00", End: "Wed 23:00"}
	always := v1alpha1.FreezeWindow{Start: "Mon 08:00", End: "Fri 16:00", TimeZone: "Europe/Berlin"}
	fair := between(t, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z")
	for name, tc := range map[string]struct {
		windows []v1alpha1.FreezeWindow
		at      string
		until   string // "" if none is open
	}{
		"before it":                               {[]v1alpha1.FreezeWindow{weekend}, "2026-03-06T14:59:59Z", ""},
		"its start belongs to it":                 {[]v1alpha1.FreezeWindow{weekend}, "2026-03-06T15:00:00Z", "2026-03-09T07:00:00Z"},
		"in the week after its start":             {[]v1alpha1.FreezeWindow{weekend}, "2026-03-08T12:00:00Z", "2026-03-09T07:00:00Z"},
		"just before its end":                     {[]v1alpha1.FreezeWindow{weekend}, "2026-03-09T06:59:59Z", "2026-03-09T07:00:00Z"},
		"its end does not":                        {[]v1alpha1.FreezeWindow{weekend}, "2026-03-09T07:00:00Z", ""},
		"clocks are set forward inside":           {[]v1alpha1.FreezeWindow{weekend}, "2026-03-28T12:00:00Z", "2026-03-30T06:00:00Z"},
		"summer time":                             {[]v1alpha1.FreezeWindow{weekend}, "2026-07-03T14:00:00Z", "2026-07-06T06:00:00Z"},
		"an hour of a day, in UTC without a zone": {[]v1alpha1.FreezeWindow{night}, "2026-03-04T22:30:00Z", "2026-03-04T23:00:00Z"},
		"between two dates":                       {[]v1alpha1.FreezeWindow{fair}, "2026-03-09T12:00:00Z", "2026-03-10T00:00:00Z"},
		"two that overlap are one":                {[]v1alpha1.FreezeWindow{fair, weekend}, "2026-03-07T12:00:00Z", "2026-03-10T00:00:00Z"},
		"no window":                               {nil, "2026-03-07T12:00:00Z", ""},
		"windows without a gap have an end too":   {[]v1alpha1.FreezeWindow{weekend, always}, "2026-03-07T12:00:00Z", "2027-03-08T07:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			var windows []Window
			for _, f := range tc.windows {
				w, errs := Parse(f, nil)
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				windows = append(windows, w)
			}
			until, which, open := Open(windows, date(t, tc.at))
			got := ""
			if open {
				got = until.UTC().Format(time.RFC3339)
			}
			if got != tc.until || open && which.String() == "" {
				t.Errorf("until %q (%s), want %q", got, which, tc.until)
			}
		})
	}
}

func TestParse(t *testing.T) {
	backwards := between(t, "2026-03-10T00:00:00Z", "2026-03-09T00:00:00Z")
	half := between(t, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z")
	half.To = nil
	both := between(t, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z")
	both.Start = "Fri 16:00"
	for name, tc := range map[string]struct {
		window v1alpha1.FreezeWindow
		want   string
	}{
		"nothing":         {v1alpha1.FreezeWindow{}, "w: Required value: needs start and end"},
		"no day":          {v1alpha1.FreezeWindow{Start: "16:00", End: "Mon 08:00"}, `w.start: Invalid value: "16:00": must be a day and a time`},
		"no such hour":    {v1alpha1.FreezeWindow{Start: "Fri 24:00", End: "Mon 08:00"}, "w.start"},
		"no end":          {v1alpha1.FreezeWindow{Start: "Fri 16:00"}, `w.end: Invalid value: ""`},
		"empty":           {v1alpha1.FreezeWindow{Start: "Fri 16:00", End: "Fri 16:00"}, "must differ from start"},
		"no such zone":    {v1alpha1.FreezeWindow{Start: "Fri 16:00", End: "Mon 08:00", TimeZone: "Berlin"}, `w.timeZone: Invalid value: "Berlin": is no time zone`},
		"the local zone":  {v1alpha1.FreezeWindow{Start: "Fri 16:00", End: "Mon 08:00", TimeZone: "Local"}, "is no time zone"},
		"dates backwards": {backwards, "w.to"},
		"half a date":     {half, "w.to: Required value"},
		"both kinds":      {both, "w: Required value: needs start and end"},
	} {
		_, errs := Parse(tc.window, field.NewPath("w"))
		if err := errs.ToAggregate(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// FuzzParse: no window makes it panic, and one that is taken and open has an end to come.
func FuzzParse(f *testing.F) {
	f.Add("Fri 16:00", "Mon 08:00", "Europe/Berlin", int64(1772971200))
	f.Add("Sun 00:00", "Sun 00:01", "", int64(-1))
	f.Add("Fri 2:0", "", "../etc/passwd", int64(0))
	f.Fuzz(func(t *testing.T, start, end, zone string, unix int64) {
		now := time.Unix(unix%(1<<35), 0)
		w, errs := Parse(v1alpha1.FreezeWindow{Start: start, End: end, TimeZone: zone}, nil)
		if len(errs) > 0 {
			return
		}
		if until, _, open := Open([]Window{w}, now); open && !until.After(now) {
			t.Errorf("%s is open at %s until %s", w, now, until)
		}
	})
}
