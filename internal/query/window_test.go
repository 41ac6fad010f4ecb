package query

import (
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	const s, m = time.Second, time.Minute
	for name, tc := range map[string]struct {
		query          string
		window, warmUp time.Duration // with scrapes of 15s
	}{
		"instant":                        {`up{ {{canary}} }`, 0, 0},
		"no selector":                    {`1`, 0, 0},
		"a range is cut":                 {`rate(x{ {{canary}} }[5m])`, 5 * m, m},
		"a short range is waited for":    {`rate(x{ {{canary}} }[40s])`, 40 * s, 40 * s},
		"the longest counts":             {`rate(x{ {{canary}} }[20s]) / rate(x{ {{canary}} }[30s])`, 30 * s, 30 * s},
		"the interval":                   {`rate(x{ {{canary}} }[{{interval}}])`, 90 * s, m},
		"stable is not waited for":       {`rate(x{ {{canary}} }[20s]) - rate(x{ {{stable}} }[1h] offset 1d)`, 25 * time.Hour, 20 * s},
		"an offset is waited for":        {`x{ {{canary}} } offset 5m`, 5 * m, 5 * m},
		"a range and its offset":         {`rate(x{ {{canary}} }[5m] offset 1m)`, 6 * m, 6 * m},
		"a negative offset looks ahead":  {`x{ {{canary}} } offset -5m`, 0, 0},
		"a subquery and what is in it":   {`max_over_time(rate(x{ {{canary}} }[5m])[10m:1m])`, 15 * m, 15 * m},
		"two subqueries":                 {`max_over_time(sum_over_time(x{ {{canary}} }[1m:10s])[10m:1m] offset 1m)`, 12 * m, 12 * m},
		"a time of its own has no reach": {`rate(x{ {{canary}} }[5m] @ 1000)`, 0, 0},
		"nor has one around it":          {`max_over_time(x{ {{canary}} }[10m:1m] @ end())`, 0, 0},
		"an expression is waited for":    {`rate(x{ {{canary}} }[4m + 2 * 1m])`, 6 * m, 6 * m},
		"and one of an offset":           {`x{ {{canary}} } offset (2m / 4 - -1m)`, 90 * s, 90 * s},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Parse(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := template.Window(shop); got != tc.window {
				t.Errorf("Window = %s, want %s", got, tc.window)
			}
			if got := template.WarmUp(shop, 15*time.Second); got != tc.warmUp {
				t.Errorf("WarmUp = %s, want %s", got, tc.warmUp)
			}
		})
	}
}

func TestRangesOnTheCanaryAreCutToItsAge(t *testing.T) {
	const canary, stable = `x{ namespace="shop",pod=~"web-abc-[a-z0-9]+" }`, `x{ namespace="shop",pod=~"web-6d4f-[a-z0-9]+" }`
	for name, tc := range map[string]struct{ query, want string }{
		"longer ones":                 {`rate(x{ {{canary}} }[5m]) / rate(x{ {{canary}} } [ 1h ])`, `rate(` + canary + `[1m12s]) / rate(` + canary + `[1m12s])`},
		"shorter ones stay":           {`rate(x{ {{canary}} }[1m])`, `rate(` + canary + `[1m])`},
		"those of stable stay":        {`rate(x{ {{stable}} }[5m])`, `rate(` + stable + `[5m])`},
		"those of the past stay":      {`rate(x{ {{canary}} }[5m] offset 1m)`, `rate(` + canary + `[5m] offset 1m)`},
		"those in a subquery stay":    {`max_over_time(rate(x{ {{canary}} }[5m])[5m:])`, `max_over_time(rate(` + canary + `[5m])[5m:])`},
		"those of other pods stay":    {`rate(x{pod=~"web-.*"}[5m])`, `rate(x{pod=~"web-.*"}[5m])`},
		"expressions stay":            {`rate(x{ {{canary}} }[5m + 1m])`, `rate(` + canary + `[5m + 1m])`},
		"comments are not in the way": {"rate(x{ {{canary}} } # [\n [5m])", "rate(" + canary + " # [\n [5m])"},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Parse(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			values := shop
			values.Age = 72 * time.Second
			got, err := template.Render(values)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
