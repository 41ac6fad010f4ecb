package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/oracle/routes"
	shared "holdfast.dev/holdfast/test/stage"
)

var attach = flag.String("cluster", "", "the folder of a running cluster to use; without it one is started")

// world is the cluster of all tests.
var world *cluster.Cluster

func TestMain(m *testing.M) {
	if isEditor, err := edit(); isEditor {
		exit(err)
	}
	flag.Parse()
	code, err := shared.Run(m, *attach, func(c *cluster.Cluster) error { world = c; return nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		code = 1
	}
	os.Exit(code)
}

// lanes suit two cores: most of the time of a sequence is waiting.
const lanes = 8

// some is how many of n random sequences are played: a third with -short.
func some(n int) int {
	if testing.Short() {
		return n / 3
	}
	return n
}

// TestWhatOnceWentWrong plays the sequences that have found mistakes, each as small as it could be made.
func TestWhatOnceWentWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/regressions/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := conduct(t.Context(), world, choices{lanes: min(lanes, len(all)), failures: len(all), shrink: 0}, all); err != nil {
		t.Error(err)
	}
}

// TestRandomSequences plays the first of what `make oracle` plays.
func TestRandomSequences(t *testing.T) {
	if err := conduct(t.Context(), world, choices{seed: 1, lanes: lanes, failures: 1, shrink: 1}, generated(1, some(30))); err != nil {
		t.Error(err)
	}
}

// TestWhatOnceWentWrongWithRoutes plays the sequences that have found mistakes in how routes are kept.
func TestWhatOnceWentWrongWithRoutes(t *testing.T) {
	files, err := filepath.Glob("testdata/routes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := routes.Conduct(t.Context(), world, routes.Choices{Lanes: lanes, Failures: len(all)}, all); err != nil {
		t.Error(err)
	}
}

// TestRandomSequencesOfARoute plays the first of what `make oracle-routes` plays.
func TestRandomSequencesOfARoute(t *testing.T) {
	if err := routes.Conduct(t.Context(), world, routes.Choices{Seed: 1, Lanes: lanes, Failures: 1, Shrink: 1}, routes.Generated(1, some(20))); err != nil {
		t.Error(err)
	}
}
