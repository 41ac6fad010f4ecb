package judges

import (
	"fmt"

	"holdfast.dev/holdfast/test/judge/world"
)

// limits are what a canary must stay within.
type limits struct {
	errors float64
	p99    float64
}

// minute is a query's window in scrapes.
const minute = 60 / world.ScrapeSeconds

// reading is what the two queries of a threshold say at a check: the share of
// errors and the 99th percentile over the last minute.
type reading struct {
	// answered is false where the query finds no series: less than two scrapes.
	answered bool
	// idle says that there were no requests, which makes both NaN.
	idle                bool
	errorsGood, p99Good bool
}

func (l limits) read(s *world.Side, check int) reading {
	c, ok := s.Window(newest(check), minute)
	if !ok {
		return reading{}
	}
	p99, any := c.Latency.Quantile(0.99)
	if !any || c.Total == 0 {
		return reading{answered: true, idle: true}
	}
	return reading{answered: true, errorsGood: c.Bad/c.Total <= l.errors, p99Good: p99 <= l.p99}
}

// goodChecks are wanted before a release. With what may fail besides they fit
// into half an hour.
const goodChecks = 55

// flagger is the rule of Flagger's canaries (pkg/controller/scheduler.go): a
// check is bad if a metric is out of its range or finds no value, NaN being no
// value; bad checks add up and are never forgotten; at the next check after the
// fifth the canary is rolled back. Every good check is a step.
func flagger(name string, l limits) Judge {
	const threshold = 5
	return Judge{
		Name: name,
		Settings: fmt.Sprintf("request-success-rate at least %.0f %%, request-duration (P99) at most %.0f ms, both over 1 m; interval 30 s, threshold %d, %d good checks",
			100*(1-l.errors), 1000*l.p99, threshold, goodChecks),
		Decide: func(run *world.Run) Verdict {
			bad, good := 0, 0
			for check := 1; check <= world.Checks; check++ {
				if bad >= threshold {
					return end(Reverted, check)
				}
				if r := l.read(&run.Canary, check); r.answered && !r.idle && r.errorsGood && r.p99Good {
					good++
				} else {
					bad++
				}
				if good == goodChecks {
					return end(Released, check)
				}
			}
			return end(Undecided, world.Checks)
		},
	}
}

// argo is the rule of Argo Rollouts' AnalysisRuns (analysis/analysis.go): each
// metric on its own fails with more than failureLimit failures in all, errs with
// more than consecutiveErrorLimit errors in a row, and succeeds once count
// measurements are good or bad. A condition on NaN does not hold, which is a
// failure; an empty answer has no element to look at, which is an error. One
// metric that failed or erred aborts the rollout.
func argo(name string, l limits) Judge {
	const failureLimit, consecutiveErrorLimit = 3, 4
	return Judge{
		Name: name,
		Settings: fmt.Sprintf("success rate at least %.0f %%, P99 at most %.0f ms, both over 1 m; interval 30 s, count %d, failureLimit %d, consecutiveErrorLimit %d",
			100*(1-l.errors), 1000*l.p99, goodChecks, failureLimit, consecutiveErrorLimit),
		Decide: func(run *world.Run) Verdict {
			var failed [2]int
			measured, errors := 0, 0
			for check := 1; check <= world.Checks; check++ {
				r := l.read(&run.Canary, check)
				if !r.answered {
					if errors++; errors > consecutiveErrorLimit {
						return end(Reverted, check)
					}
					continue
				}
				errors = 0
				measured++
				for i, good := range []bool{r.errorsGood, r.p99Good} {
					if !good {
						failed[i]++
					}
					if failed[i] > failureLimit {
						return end(Reverted, check)
					}
				}
				if measured == goodChecks {
					return end(Released, check)
				}
			}
			return end(Undecided, world.Checks)
		},
	}
}
