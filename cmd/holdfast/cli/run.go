// Package cli is what the commands of holdfast have in common: how they end, and how they answer flags and
// commands that do not exist.
package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes that mean the same for every command.
const (
	Failed = 1
	Wrong  = 2 // a flag, or an argument, is wrong
)

// An Error ends the program with an exit code of its own. Without Err nothing is printed.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Run runs the command that the arguments name, prints its error and returns the exit code: 0
// without an error, and Failed for one that is no Error.
func Run(ctx context.Context, root *cobra.Command) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	code := Failed
	if own := (*Error)(nil); errors.As(err, &own) {
		if code = own.Code; own.Err == nil {
			return code
		}
	}
	fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", command.CommandPath(), err)
	return code
}
