package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/cmd/kubectl-holdfast/check"
	"holdfast.dev/holdfast/internal/endpoint"
)

// The exit codes of lint.
const (
	lintFound  = 1
	lintFailed = 2
)

func (s *session) lint() *cobra.Command {
	var files []string
	var strict bool
	var scrape time.Duration
	c := &cobra.Command{
		Use:   "lint -f FILE",
		Short: "Check plans, and annotations of Deployments, without a cluster",
		Long: `Check CanaryPlans, and the annotations of Deployments and namespaces, without a cluster: fields that there are not,
values that cannot be, queries with mistakes, and what is right and likely not meant. What is found is printed as
compilers do, FILE:LINE:COLUMN, by the code that Holdfast's webhook uses.

What only a cluster knows cannot be told: whether a plan's Prometheus endpoint is there, and what policies demand.

Exit codes:
  0  no mistakes; with --strict no warnings either
  1  something was found
  2  a file cannot be read, or has nothing in it that can be checked`,
		Example: `  kubectl holdfast lint -f plan.yaml

  # all manifests of a folder, in a pipeline
  kubectl holdfast lint -f deploy/ --strict

  # what a chart makes
  helm template web ./chart | kubectl holdfast lint -f -`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if len(files) == 0 {
				return errors.New("-f is missing: a file or folder with manifests, or - for standard input")
			}
			return s.check(files, strict, scrape)
		},
	}
	c.Flags().StringSliceVarP(&files, "filename", "f", nil, "a file with manifests, a folder of such (*.yaml, *.yml, *.json), or - for standard input; may be given several times")
	c.Flags().BoolVar(&strict, "strict", false, "end with 1 for warnings too")
	c.Flags().DurationVar(&scrape, "scrape-interval", endpoint.DefaultScrapeInterval, "how often Prometheus scrapes pods, by which windows of queries are judged")
	return failing(c, lintFailed)
}

func (s *session) check(names []string, strict bool, scrape time.Duration) error {
	files, err := manifests(names)
	if err != nil {
		return err
	}
	looked, mistakes, doubts := 0, 0, 0
	for _, file := range files {
		text, err := s.read(file)
		if err != nil {
			return err
		}
		found, objects := check.Manifests(text, scrape)
		looked += objects
		for _, f := range found {
			fmt.Fprintln(s.Out, f.In(file))
			if f.Severity == check.Mistake {
				mistakes++
			} else {
				doubts++
			}
		}
	}
	switch {
	case mistakes > 0, strict && doubts > 0:
		return &cli.Error{Code: lintFound}
	case looked == 0:
		return fmt.Errorf("there is no CanaryPlan, Deployment or Namespace in %s", strings.Join(names, ", "))
	}
	return nil
}

// manifests are the files that are named, and those in the folders that are.
func manifests(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		info, err := os.Stat(name)
		if name != "-" && err != nil {
			return nil, err
		}
		if name == "-" || !info.IsDir() {
			out = append(out, name)
			continue
		}
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) && !entry.IsDir() {
				out = append(out, filepath.Join(name, entry.Name()))
			}
		}
	}
	return out, nil
}

func (s *session) read(file string) (string, error) {
	if file == "-" {
		text, err := io.ReadAll(s.In)
		return string(text), err
	}
	text, err := os.ReadFile(file)
	return string(text), err
}
