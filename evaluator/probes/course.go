package probes

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/query"
)

// ProbedPod is one whose probe is read.
type ProbedPod struct {
	Name       string
	UID        types.UID
	IP, HostIP string
	// IsReady says whether it is Ready: before that nobody minds that it cannot be read.
	IsReady bool
	// IsStable is set for those of the Deployment, of which it does not matter much if
	// some cannot be read.
	IsStable bool
	// Lacks says why there is no probe to be read in it; "" where there may be one.
	Lacks string
}

// ProbedRun is one of which metrics read probes.
type ProbedRun struct {
	Name types.NamespacedName
	UID  types.UID
	query.ProbeTimes
	Pods []ProbedPod
}

// course is what is known of the pods of a run.
type course struct {
	run   ProbedRun
	began time.Time
	next  time.Time
	// ctx is that of the term in which this replica leads.
	ctx     context.Context
	samples *samples
	pods    map[string]*state
	// counted is what the samples have been counted with, in all that there is.
	counted int64
}

// state is how the reading of a pod goes.
type state struct {
	pod ProbedPod
	// first is when it was read first, or tried to be, and good when that last succeeded.
	first, good time.Time
	// lost is how often in a row it did not, and err why.
	lost     int
	err      error
	underWay bool
}

// borne is how many scrapes in a row may be lost without an error.
const borne = 2

// failed is the error of a pod that could not be read for too long.
func (s *state) failed() error {
	if s.pod.Lacks != "" {
		return fmt.Errorf("the probe of pod %s: %s", s.pod.Name, s.pod.Lacks)
	}
	since := s.good
	if since.IsZero() {
		since = s.first
	}
	if !s.pod.IsReady || s.lost <= borne {
		return nil
	}
	return fmt.Errorf("the probe of pod %s cannot be read since %s: %w", s.pod.Name, since.UTC().Format(time.RFC3339), s.err)
}
