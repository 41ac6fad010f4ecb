package command

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// completionTime is how long a shell waits for names.
const completionTime = 3 * time.Second

// completeNames offers the names of Deployments that have runs, and those of runs.
func (s *session) completeNames(ofRuns bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		reach, err := s.open()
		if err != nil || len(args) > 0 && c.Name() != "get" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), completionTime)
		defer cancel()
		var names []string
		found, err := list[v1alpha1.CanaryRun](ctx, reach, runs, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, run := range found {
			if ofRuns {
				names = append(names, run.Name)
			}
			names = append(names, run.Spec.Deployment)
		}
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}
