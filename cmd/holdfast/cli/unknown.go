package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Explain has a command answer a flag or a command that does not exist, or a value that cannot be
// read, with the flags and commands that there are, and end with the exit code given.
func Explain(c *cobra.Command, code int) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &Error{Code: code, Err: fmt.Errorf("%w; its flags are\n%s", err, c.LocalFlags().FlagUsages())}
	})
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if known := names(c.Commands()); len(known) > 0 {
			return &Error{Code: code, Err: fmt.Errorf("unknown command %q; there are %s", args[0], strings.Join(known, ", "))}
		}
		return &Error{Code: code, Err: fmt.Errorf("%q is no flag, and it takes nothing else; see --help", args[0])}
	}
}

func names(commands []*cobra.Command) []string {
	var known []string
	for _, c := range commands {
		if !c.Hidden {
			known = append(known, c.Name())
		}
	}
	return known
}
