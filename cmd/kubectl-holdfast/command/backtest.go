package command

import (
	"strings"

	"github.com/spf13/cobra"

	"holdfast.dev/holdfast/cmd/holdfast/backtest"
)

// backtest is the command of holdfast, under the name that it has here.
func (s *session) backtest() *cobra.Command {
	c := backtest.Command(s.now())
	named := strings.NewReplacer("holdfast backtest", "kubectl holdfast backtest")
	c.Long, c.Example = named.Replace(c.Long), named.Replace(c.Example)
	c.Short = "Say what a plan would have decided about past rollouts"
	return c
}
