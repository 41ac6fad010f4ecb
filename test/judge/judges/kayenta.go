package judges

import (
	"math"
	"slices"

	"holdfast.dev/holdfast/test/judge/world"
)

// What NetflixACAJudge-v1.0 has built in, and the scores that Spinnaker's guide
// begins with.
const (
	kayentaTolerance  = 0.25
	kayentaConfidence = 0.98
	kayentaMarginal   = 75
	kayentaPass       = 95
	// kayentaEvery is how many checks lie between two judgements.
	kayentaEvery = 20
)

// kayenta is Kayenta's default judge as published (kayenta-judge and
// kayenta-mannwhitney): values that are NaN are removed, then outliers beyond
// three interquartile ranges, but never more than the outermost percent. A metric
// is High if the lower end of the confidence interval of the shift (Mann-Whitney,
// asymptotic, 98 %) exceeds a quarter of the estimated shift. Each metric is a
// group of its own with half the weight, both with direction "increase" and
// nanStrategy "remove", without effect sizes; a group without data adds no score.
// The analysis fails at the first judgement below marginal, and passes if the
// last reaches pass.
func kayenta() Judge {
	return Judge{
		Name: "Kayenta",
		Settings: "NetflixACAJudge-v1.0, share of errors and P90 against the baseline, one value in 30 s, judged after 10, 20 and 30 min on all values so far; " +
			"marginal 75, pass 95",
		Decide: func(run *world.Run) Verdict {
			for check := kayentaEvery; ; check += kayentaEvery {
				score := kayentaScore(run, check)
				switch {
				case score < kayentaMarginal:
					return end(Reverted, check)
				case check < world.Checks:
				case score >= kayentaPass:
					return end(Released, check)
				default:
					return end(Reverted, check)
				}
			}
		},
	}
}

func kayentaScore(run *world.Run, check int) float64 {
	canaryErrors, canaryLatency := kayentaValues(&run.Canary, check)
	baselineErrors, baselineLatency := kayentaValues(&run.Baseline, check)
	score := 0.0
	for _, m := range [][2][]float64{{canaryErrors, baselineErrors}, {canaryLatency, baselineLatency}} {
		experiment, control := withoutOutliers(m[0]), withoutOutliers(m[1])
		if len(experiment) > 0 && len(control) > 0 && !isHigh(experiment, control) {
			score += 50
		}
	}
	return score
}

// kayentaValues are one value for each 30 s, those that are NaN left out.
func kayentaValues(s *world.Side, checks int) (errors, latency []float64) {
	for check := 1; check <= checks; check++ {
		c, ok := s.Window(newest(check), world.PerCheck+1)
		if !ok || c.Total == 0 {
			continue
		}
		if p90, any := c.Latency.Quantile(0.9); any {
			errors, latency = append(errors, c.Bad/c.Total), append(latency, p90)
		}
	}
	return errors, latency
}

func withoutOutliers(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	q1, q3 := percentile(sorted, 25), percentile(sorted, 75)
	low := min(percentile(sorted, 1), q1-3*(q3-q1))
	high := max(percentile(sorted, 99), q3+3*(q3-q1))
	return slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v < low || v > high })
}

// percentile is that of Apache Commons Math, which Kayenta uses: at p(n+1)/100.
func percentile(sorted []float64, p float64) float64 {
	n := float64(len(sorted))
	at := p / 100 * (n + 1)
	switch {
	case at < 1:
		return sorted[0]
	case at >= n:
		return sorted[len(sorted)-1]
	}
	low := sorted[int(at)-1]
	return low + (at-math.Floor(at))*(sorted[int(at)]-low)
}

// isHigh says whether the experiment is higher than the control, as the judge's
// classifier decides it.
func isHigh(experiment, control []float64) bool {
	x, y := slices.Sorted(slices.Values(experiment)), slices.Sorted(slices.Values(control))
	if slices.Equal(x, y) {
		return false
	}
	if x[0] == x[len(x)-1] && y[0] == y[len(y)-1] {
		// Where both never change the judge adds a little noise to be able to go on;
		// the shift is what they differ by.
		return x[0] > y[0]
	}
	z := math.Sqrt2 * math.Erfinv(kayentaConfidence)
	mean := func(v []float64) float64 {
		sum := 0.0
		for _, w := range v {
			sum += w
		}
		return sum / float64(len(v))
	}
	lower, estimate := shift(x, y, z), shift(x, y, 0)
	deviation := 1.0
	if b := mean(y); b != 0 {
		deviation = mean(x) / b
	}
	return lower > kayentaTolerance*math.Abs(estimate) && deviation >= 1
}

// shift finds by how much x must be moved down for its standardised rank sum
// beside y to be z: the end of a confidence interval, or, with 0, the estimate.
func shift(x, y []float64, z float64) float64 {
	low, high := x[0]-y[len(y)-1], x[len(x)-1]-y[0]
	if standardised(x, y, low)-z <= 0 {
		return low
	}
	if standardised(x, y, high)-z >= 0 {
		return high
	}
	for high-low > 1e-4*max(1e-3, math.Abs(low)+math.Abs(high)) {
		if middle := low + (high-low)/2; standardised(x, y, middle)-z > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return low + (high-low)/2
}

// standardised is the rank sum of x, moved down by mu, beside y, less its mean,
// corrected for continuity, over its deviation, corrected for ties. Both are in
// order.
func standardised(x, y []float64, mu float64) float64 {
	m, n := float64(len(x)), float64(len(y))
	sum, ties, rank := 0.0, 0.0, 0.0
	for i, j := 0, 0; i < len(x) || j < len(y); {
		var v float64
		switch {
		case i == len(x):
			v = y[j]
		case j == len(y):
			v = x[i] - mu
		default:
			v = min(x[i]-mu, y[j])
		}
		a, b := 0.0, 0.0
		for ; i < len(x) && x[i]-mu == v; i++ {
			a++
		}
		for ; j < len(y) && y[j] == v; j++ {
			b++
		}
		t := a + b
		sum += a * (rank + (t+1)/2)
		ties += t*t*t - t
		rank += t
	}
	d := sum - m*(m+1)/2 - m*n/2
	if d != 0 {
		d -= math.Copysign(0.5, d)
	}
	variance := m * n / 12 * (m + n + 1 - ties/((m+n)*(m+n-1)))
	if variance <= 0 {
		return 0
	}
	return d / math.Sqrt(variance)
}
