// Package routes is the oracle for routes: it proves that a route is what its user asked for, whoever writes
// it while canaries have their share by it. It plays random sequences of commands, with the real kubectl and
// Helm, to a route over which runs of the real evaluator lay shares, and to its twin in a namespace without
// any. docs/oracle.md tells more.
package routes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/oracle/routes/generate"
	"holdfast.dev/holdfast/test/oracle/routes/play"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Choices are how sequences are played.
type Choices struct {
	// Seed is what they were generated from, for the report.
	Seed uint64
	// Lanes is how many are played at a time.
	Lanes int
	// Failures is after how many failures to end, and Shrink how many of them to make smaller.
	Failures, Shrink int
	// Keep is a folder for those, "" for none.
	Keep string
	// For is how long sequences are begun; 0 is no limit.
	For time.Duration
}

// Generated are the sequences of a seed.
func Generated(seed uint64, n int) []sequence.Sequence {
	out := make([]sequence.Sequence, n)
	for i := range out {
		out[i] = generate.Sequence(seed*1_000_000 + uint64(i))
	}
	return out
}

// Conduct plays all sequences on a cluster. Differences that nothing explains are printed, as small as they
// can be made, and are an error.
func Conduct(ctx context.Context, on *cluster.Cluster, c Choices, all []sequence.Sequence) (err error) {
	s, err := play.Open(ctx, on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b, err := newBand(ctx, s, min(c.Lanes, len(all)))
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err != nil {
		return err
	}
	began := time.Now()
	failed, counted, err := b.play(ctx, c, all)
	took := time.Since(began)
	smaller := 0
	if err == nil {
		smaller = min(c.Shrink, len(failed))
		err = b.shrink(ctx, failed[:smaller], c.Keep)
	}
	for _, course := range failed[smaller:] { // also of a run that was ended early
		fmt.Println(describe(course))
	}
	fmt.Print(counted.text(c.Seed, took))
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%d differences that nothing explains", len(failed))
	}
	return err
}
