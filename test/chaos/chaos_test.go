package main

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

var attach = flag.String("cluster", "", "the folder of a running cluster to use; without it one is started")

// TestNothingIsLostInAShortStorm: each test run sees the faults that cost nothing
// by promise and that Holdfast itself is the subject of; make chaos has them all.
func TestNothingIsLostInAShortStorm(t *testing.T) {
	log.SetLogger(logr.Discard())
	const only = "replicas are replaced|lease is lost|holds pile up|reset"
	if n := len(chosenFaults(choices{rounds: 1, only: only})); n != 4 {
		t.Fatalf("%d faults are chosen, want 4", n)
	}
	violations, err := run(t.Context(), os.Stderr, *attach, choices{
		seed: 1, rounds: 1, deployments: 2, pause: 3 * time.Second, unevaluated: 10 * time.Second,
		only: only,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}
