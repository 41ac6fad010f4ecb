package evaluatortest

// Count is a counter or a gauge of the evaluator; label is that which has the value, "" where it has none.
func (c *Cluster) Count(name, label string) float64 {
	c.T.Helper()
	families, err := c.registry.Gather()
	c.Must(err)
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == name && (label == "" || m.Label[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	c.T.Errorf("there is no metric %s of %q", name, label)
	return 0
}

// Histogram is how many values a histogram of the evaluator has, and their sum.
func (c *Cluster) Histogram(name string) (count uint64, sum float64) {
	c.T.Helper()
	families, err := c.registry.Gather()
	c.Must(err)
	for _, family := range families {
		if family.GetName() == name {
			h := family.Metric[0].GetHistogram()
			return h.GetSampleCount(), h.GetSampleSum()
		}
	}
	c.T.Errorf("there is no histogram %s", name)
	return 0, 0
}

// WantOvertaken says of how many Deployments updates come too fast.
func (c *Cluster) WantOvertaken(want float64) {
	c.T.Helper()
	if got := c.Count("holdfast_overtaken_deployments", ""); got != want {
		c.T.Errorf("%v Deployments are counted, want %v", got, want)
	}
}
