package command

import (
	"errors"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/internal/remedy"
)

// coded is an error with an exit code, and with the remedy of what an API server refused. One that has a code
// keeps it.
func coded(code int, err error) error {
	if own := (*cli.Error)(nil); err == nil || errors.As(err, &own) {
		return err
	}
	return &cli.Error{Code: code, Err: remedy.Explain(err)}
}
