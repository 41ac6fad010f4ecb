package analysis

import (
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What has not come yet is not missing. Where the newest sample that an endpoint can be asked for is older
// than its settings say, a query finds nothing of a canary that is scraped, or what was before its trouble,
// and neither its plan nor its pods are to blame. So it is said in place of what a query that finds nothing
// is blamed for otherwise, and beside values. It changes no outcome: no data stays no data.

// ageSlack is how much older than it should be the newest sample may be: scrapes take a moment.
const ageSlack = 2 * time.Second

// SampleAge is how old the newest sample was when an endpoint was asked for it. The zero value says that
// nobody knows.
type SampleAge struct {
	// Known says that the endpoint was asked and had any sample.
	Known bool
	// Age is how old the newest one was.
	Age time.Duration
	// Endpoint is the name of the endpoint; Delay and Scrape are how late its samples are said to come at the
	// latest, and how often they are taken.
	Endpoint      string
	Delay, Scrape time.Duration
}

// Limit is how old the newest sample is at most where the settings of the endpoint are right.
func (a SampleAge) Limit() time.Duration { return a.Delay + a.Scrape + ageSlack }

// IsLate says whether samples come later than the settings of the endpoint say.
func (a SampleAge) IsLate() bool { return a.Known && a.Age > a.Limit() }

// Remedy says what is late, and which setting helps.
func (a SampleAge) Remedy() string {
	if enough := a.enough(); enough <= maxDelay {
		return fmt.Sprintf("the newest is %s old and delay is %s: set delay: %s for endpoint %s", short(a.Age), short(a.Delay), short(enough), a.Endpoint)
	}
	return fmt.Sprintf("the newest is %s old: nothing new comes to endpoint %s, see what scrapes for it or writes to it", short(a.Age), a.Endpoint)
}

// maxDelay is the longest delay of an endpoint that helps with samples which come late; longer ones are of a
// source that has come to a halt.
const maxDelay = 5 * time.Minute

// enough is a delay within which what is as old can be asked for, in steps of five seconds.
func (a SampleAge) enough() time.Duration {
	const step = 5 * time.Second
	return (a.Age + step - 1).Truncate(step)
}

func short(d time.Duration) string { return d.Round(time.Second).String() }

// blameLateness says in a measurement that samples are late, where they are.
func blameLateness(m *v1alpha1.Measurement, a SampleAge) {
	switch {
	case !a.IsLate():
	case m.Reason == v1alpha1.MeasuredNoData || m.Reason == v1alpha1.MeasuredPodMissing:
		m.Reason = v1alpha1.MeasuredDataLate
		m.Message = fmt.Sprintf("samples come late, which is not to say that there are none: %s (%s)", a.Remedy(), m.Message)
	case m.Outcome == v1alpha1.OutcomePassed || m.Outcome == v1alpha1.OutcomeFailed:
		m.Message += fmt.Sprintf(" (the newest sample of endpoint %s is %s old: what came since was not seen)", a.Endpoint, short(a.Age))
	}
}
